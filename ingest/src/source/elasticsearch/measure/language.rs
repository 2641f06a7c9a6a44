//! The query of a measure as text: `ratio(level:error) by (service.name as service) over 5m where env:prod`.

use domain::{Error, Kind, Result};

/// Window of a row unless `over` names one.
const OVER_MS: i64 = 60_000;
/// How long documents may take to become searchable unless `offset` names it.
const OFFSET_MS: i64 = 15_000;
/// Groups of one field unless `top` names a number, and at most.
const TOP: u32 = 50;
const MOST: u32 = 1_000;
const DAY_MS: i64 = 86_400_000;
const HINT: &str = "write for example: count() by (service.name as service) over 1m where log.level:error";

/// What is measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Function {
    /// Documents.
    Count,
    /// Share of the documents that this query string finds too.
    Ratio(String),
    /// A value of a numeric field: `avg`, `sum`, `min`, `max`, `cardinality`.
    Field(&'static str, String),
    /// A percentile (0 to 100) of a numeric field.
    Percentile(String, f64),
}

/// A field to group by, and the label that carries its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) field: String,
    pub(super) label: String,
}

/// A measure, read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measure {
    pub(super) function: Function,
    pub(super) by: Vec<Group>,
    pub(super) over_ms: i64,
    pub(super) offset_ms: i64,
    pub(super) top: u32,
    /// Query string; empty for all documents.
    pub(super) filter: String,
}

/// Reads the text of a measure.
///
/// # Errors
/// `Invalid` with what is wrong and an example.
pub(super) fn parse(text: &str) -> Result<Measure> {
    let text = text.trim();
    let (name, rest) = text.split_once('(').ok_or_else(|| wrong("a function is missing"))?;
    let (arguments, mut rest) = bracketed(rest)?;
    let mut measure = Measure {
        function: function(name.trim(), arguments.trim())?,
        by: Vec::new(),
        over_ms: OVER_MS,
        offset_ms: OFFSET_MS,
        top: TOP,
        filter: String::new(),
    };
    while let Some((word, after)) = next_word(rest) {
        rest = match word {
            "by" => {
                let inner = after.trim_start().strip_prefix('(').ok_or_else(|| wrong("by wants fields in brackets"))?;
                let (fields, after) = bracketed(inner)?;
                measure.by = groups(fields)?;
                after
            }
            "over" => take(after, |value| duration(value, 1_000, DAY_MS), &mut measure.over_ms)?,
            "offset" => take(after, |value| duration(value, 0, DAY_MS), &mut measure.offset_ms)?,
            "top" => take(after, top, &mut measure.top)?,
            "where" => {
                after.trim().clone_into(&mut measure.filter);
                ""
            }
            other => return Err(wrong(&format!("'{other}' is none of by, over, offset, top, where"))),
        };
    }
    Ok(measure)
}

fn wrong(what: &str) -> Error {
    Error::new(Kind::Invalid, format!("query: {what}; {HINT}"))
}

/// What stands before the closing bracket (brackets and quotes inside are whole), and what comes after it.
fn bracketed(text: &str) -> Result<(&str, &str)> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth == 0 => return Ok((&text[..at], &text[at + 1..])),
            ')' if !quoted => depth -= 1,
            _ => {}
        }
    }
    Err(wrong("a closing bracket is missing"))
}

fn function(name: &str, arguments: &str) -> Result<Function> {
    let field = |kind| match arguments {
        "" => Err(wrong(&format!("{name} wants a numeric field"))),
        given if is_field(given) => Ok(Function::Field(kind, given.to_owned())),
        other => Err(wrong(&format!("'{other}' is no field"))),
    };
    match name {
        "count" if arguments.is_empty() => Ok(Function::Count),
        "count" => Err(wrong("count takes nothing; the condition goes behind where")),
        "ratio" if arguments.is_empty() => {
            Err(wrong("ratio wants the condition of its part, as ratio(log.level:error)"))
        }
        "ratio" => Ok(Function::Ratio(arguments.to_owned())),
        "avg" => field("avg"),
        "sum" => field("sum"),
        "min" => field("min"),
        "max" => field("max"),
        "cardinality" => field("cardinality"),
        "percentile" => {
            let (field, number) = arguments.split_once(',').unwrap_or((arguments, ""));
            let number = number.trim().parse::<f64>().ok().filter(|p| (0.0..=100.0).contains(p));
            match (is_field(field.trim()), number) {
                (true, Some(p)) => Ok(Function::Percentile(field.trim().to_owned(), p)),
                _ => Err(wrong("percentile wants a field and a number up to 100, as percentile(took_ms, 99)")),
            }
        }
        other => Err(wrong(&format!("'{other}' is none of count, ratio, avg, sum, min, max, cardinality, percentile"))),
    }
}

fn is_field(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 200
        && !name.chars().any(|c| c.is_whitespace() || c.is_control() || "\"'{}=,()*".contains(c))
}

fn groups(text: &str) -> Result<Vec<Group>> {
    let mut all = Vec::new();
    for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let (field, label) = part.split_once(" as ").map_or((part, part), |(f, l)| (f.trim(), l.trim()));
        if !is_field(field) || !is_field(label) {
            return Err(wrong(&format!("'{part}' is no field to group by")));
        }
        all.push(Group { field: field.to_owned(), label: label.to_owned() });
    }
    if all.is_empty() || all.len() > 3 {
        return Err(wrong("by wants one to three fields"));
    }
    Ok(all)
}

fn next_word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    if text.is_empty() {
        return None;
    }
    let end = text.find(|c: char| c.is_whitespace() || c == '(').unwrap_or(text.len());
    Some((&text[..end], &text[end..]))
}

/// Reads one word into `into`; what follows is returned.
fn take<'a, T>(text: &'a str, read: impl Fn(&str) -> Result<T>, into: &mut T) -> Result<&'a str> {
    let (word, rest) = next_word(text).ok_or_else(|| wrong("a value is missing at the end"))?;
    *into = read(word)?;
    Ok(rest)
}

fn duration(text: &str, least: i64, most: i64) -> Result<i64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit = match &text[digits..] {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(DAY_MS),
        _ => None,
    };
    let number = text[..digits].parse::<i64>().ok();
    let ms = unit.zip(number).and_then(|(unit, number)| number.checked_mul(unit));
    ms.filter(|ms| (least..=most).contains(ms))
        .ok_or_else(|| wrong(&format!("'{text}' is no time such as 30s, 5m or 1h, up to 1d")))
}

fn top(text: &str) -> Result<u32> {
    let number = text.parse().ok().filter(|n| (1..=MOST).contains(n));
    number.ok_or_else(|| wrong(&format!("'{text}' is no number of groups from 1 to {MOST}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_read() {
        let text = "ratio(level:(error OR fatal) AND msg:\"a ) b\") by (service.name as service, host.name) over 5m offset 0s top 7 where env:prod AND NOT by:hand";
        let read = parse(text).unwrap();
        assert_eq!(read.function, Function::Ratio("level:(error OR fatal) AND msg:\"a ) b\"".to_owned()));
        let named: Vec<_> = read.by.iter().map(|g| (g.field.as_str(), g.label.as_str())).collect();
        assert_eq!(named, [("service.name", "service"), ("host.name", "host.name")]);
        assert_eq!((read.over_ms, read.offset_ms, read.top), (300_000, 0, 7));
        assert_eq!(read.filter, "env:prod AND NOT by:hand");
        let plain = parse(" count() ").unwrap();
        assert_eq!((plain.function, plain.over_ms, plain.offset_ms), (Function::Count, 60_000, 15_000));
        assert_eq!(parse("percentile(took_ms, 99.9)").unwrap().function, Function::Percentile("took_ms".into(), 99.9));
        assert_eq!(parse("avg(took_ms) over 1h").unwrap().function, Function::Field("avg", "took_ms".into()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, about) in [
            ("", "a function"),
            ("rate(http_requests_total[5m])", "'rate' is none of"),
            ("count", "a function"),
            ("count(", "closing bracket"),
            ("count(x)", "behind where"),
            ("ratio()", "ratio wants"),
            ("avg()", "avg wants"),
            ("percentile(took)", "percentile wants"),
            ("percentile(took, 101)", "percentile wants"),
            ("count() by service", "by wants fields in brackets"),
            ("count() by ()", "one to three"),
            ("count() over 5", "'5' is no time"),
            ("count() over 999999999999d", "is no time"),
            ("count() top 0", "number of groups"),
            ("count() for 5m", "'for' is none of by"),
            ("count() over", "value is missing"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.kind == Kind::Invalid && error.message.contains(about), "{text}: {error}");
            assert!(error.message.contains("count() by"), "{error}");
        }
    }
}
