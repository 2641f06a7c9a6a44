//! Expectations of a case, and the pure judge that names each one a run did not meet.

use crate::error::FieldError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest pattern, bytes; compiled patterns are bounded too, and matching takes linear time.
const MAX_PATTERN: usize = 1_000;
/// Bound of a compiled pattern, bytes.
const MAX_COMPILED: usize = 1 << 20;
/// Checks of a result at most.
const MAX_CHECKS: usize = 32;

/// What a run must show to count as passed; everything that is given must hold.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expectations {
    /// Exit code.
    pub exit_code: i32,
    /// Text that the output must contain.
    pub output_contains: Option<String>,
    /// Regular expression that a line of the output must match.
    pub output_matches: Option<String>,
    /// Conditions on the result that the script wrote to `$AIOPS_RESULT`.
    pub result: Vec<ResultCheck>,
    /// Longest duration, seconds.
    pub max_duration_secs: Option<u32>,
}

/// A condition on a part of the result.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultCheck {
    /// Which part: `$`, then `.name`, `['name']`, `[0]`, `[-1]` or `[*]` (any element).
    pub path: String,
    /// How it compares.
    #[serde(default)]
    pub op: ResultOp,
    /// With what; not read by `exists` and `absent`.
    #[serde(default)]
    pub value: Value,
}

/// How a part of the result compares with the wanted value.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultOp {
    /// Equal; numbers by value.
    #[default]
    Eq,
    /// There, and not equal.
    Ne,
    /// Number greater than.
    Gt,
    /// Number greater or equal.
    Ge,
    /// Number less than.
    Lt,
    /// Number less or equal.
    Le,
    /// Text that contains the value, or list with it as an element.
    Contains,
    /// There.
    Exists,
    /// Not there.
    Absent,
}

impl ResultOp {
    const fn words(self) -> &'static str {
        match self {
            Self::Eq => "equal",
            Self::Ne => "differ from",
            Self::Gt => "be greater than",
            Self::Ge => "be at least",
            Self::Lt => "be less than",
            Self::Le => "be at most",
            Self::Contains => "contain",
            Self::Exists => "exist",
            Self::Absent => "be absent",
        }
    }

    fn holds(self, got: &Value, wanted: &Value) -> bool {
        let numbers = || Some((got.as_f64()?, wanted.as_f64()?));
        let number = |f: fn(f64, f64) -> bool| numbers().is_some_and(|(a, b)| f(a, b));
        match self {
            Self::Eq => same(got, wanted),
            Self::Ne => !same(got, wanted),
            Self::Gt => number(|a, b| a > b),
            Self::Ge => number(|a, b| a >= b),
            Self::Lt => number(|a, b| a < b),
            Self::Le => number(|a, b| a <= b),
            Self::Contains => match got {
                Value::String(text) => wanted.as_str().is_some_and(|w| text.contains(w)),
                Value::Array(items) => items.iter().any(|item| same(item, wanted)),
                _ => false,
            },
            Self::Exists => true,
            Self::Absent => false,
        }
    }
}

fn same(a: &Value, b: &Value) -> bool {
    a == b || a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| a.total_cmp(&b).is_eq())
}

/// What was seen of a run that ended by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Seen<'a> {
    /// Exit code.
    pub exit_code: i32,
    /// Whether the output contains the wanted text; absent when it could not be searched.
    pub contains: Option<bool>,
    /// Whether a line matches the wanted expression; absent when it could not be searched.
    pub matches: Option<bool>,
    /// The result, when the script wrote one that is JSON.
    pub result: Option<&'a Value>,
    /// How long it took, milliseconds.
    pub took_ms: Option<i64>,
}

impl Expectations {
    /// What is wrong with them, below `field`.
    pub fn check(&self, field: &str, wrong: &mut Vec<FieldError>) {
        if self.output_contains.as_deref().is_some_and(|t| t.is_empty() || t.len() > 4_096) {
            wrong.push(FieldError::new(format!("{field}.output_contains"), "give 1 to 4096 bytes, or leave it out"));
        }
        if let Some(Err(why)) = self.pattern() {
            wrong.push(FieldError::new(format!("{field}.output_matches"), why));
        }
        if self.max_duration_secs == Some(0) {
            wrong.push(FieldError::new(format!("{field}.max_duration_secs"), "give at least 1 second"));
        }
        if self.result.len() > MAX_CHECKS {
            wrong.push(FieldError::new(format!("{field}.result"), format!("give at most {MAX_CHECKS} checks")));
        }
        for (i, check) in self.result.iter().enumerate() {
            if let Err(why) = parse_path(&check.path) {
                wrong.push(FieldError::new(format!("{field}.result[{i}].path"), why));
            }
            let number = matches!(check.op, ResultOp::Gt | ResultOp::Ge | ResultOp::Lt | ResultOp::Le);
            if number && !check.value.is_number() {
                wrong.push(FieldError::new(format!("{field}.result[{i}].value"), "give a number to compare with"));
            }
        }
    }

    /// The compiled `output_matches`.
    #[must_use]
    pub fn pattern(&self) -> Option<Result<regex::Regex, String>> {
        let text = self.output_matches.as_deref()?;
        if text.is_empty() || text.len() > MAX_PATTERN {
            return Some(Err(format!("give 1 to {MAX_PATTERN} bytes, or leave it out")));
        }
        let built = regex::RegexBuilder::new(text).size_limit(MAX_COMPILED).build();
        Some(
            built
                .map_err(|_| "this is not a regular expression that can be used: check brackets and counts".to_owned()),
        )
    }

    /// One line for each expectation that was not met, in the order of the fields; empty: passed.
    #[must_use]
    pub fn unmet(&self, seen: &Seen<'_>) -> Vec<String> {
        let mut unmet = Vec::new();
        if seen.exit_code != self.exit_code {
            unmet.push(format!("exit code {}, expected {}", seen.exit_code, self.exit_code));
        }
        if let Some(text) = &self.output_contains {
            unmet.extend(searched(seen.contains, &format!("contain {text:?}")));
        }
        if let Some(pattern) = &self.output_matches {
            unmet.extend(searched(seen.matches, &format!("match {pattern:?}")));
        }
        unmet.extend(self.result.iter().filter_map(|check| check.unmet(seen.result)));
        if let (Some(took), Some(limit)) = (seen.took_ms, self.max_duration_secs)
            && took > i64::from(limit) * 1_000
        {
            unmet.push(format!("took {took} ms, expected at most {limit} s"));
        }
        unmet
    }
}

fn searched(found: Option<bool>, what: &str) -> Option<String> {
    match found {
        Some(true) => None,
        Some(false) => Some(format!("the output does not {what}")),
        None => Some(format!("whether the output does {what} could not be found out")),
    }
}

impl ResultCheck {
    fn unmet(&self, result: Option<&Value>) -> Option<String> {
        let wanted = || match self.op {
            ResultOp::Exists | ResultOp::Absent => format!("{} must {}", self.path, self.op.words()),
            _ => format!("{} must {} {}", self.path, self.op.words(), short(&self.value)),
        };
        let Some(result) = result else {
            return Some(format!("result: {}, but the run left no result in $AIOPS_RESULT", wanted()));
        };
        let steps = match parse_path(&self.path) {
            Ok(steps) => steps,
            Err(why) => return Some(format!("result: {}: {why}", self.path)),
        };
        let found = select(result, &steps);
        let holds = match (self.op, found.as_slice()) {
            (ResultOp::Absent, found) => found.is_empty(),
            (op, found) => found.iter().any(|got| op.holds(got, &self.value)),
        };
        if holds {
            return None;
        }
        let got = match found.as_slice() {
            [] => "it is not there".to_owned(),
            [one] => format!("got {}", short(one)),
            many => format!("none of {} elements does", many.len()),
        };
        Some(format!("result: {}, {got}", wanted()))
    }
}

/// A value in a sentence, cut.
fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 80 { text } else { format!("{}...", text.chars().take(80).collect::<String>()) }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PathStep {
    Name(String),
    Index(i64),
    Any,
}

/// The steps of a path.
fn parse_path(path: &str) -> Result<Vec<PathStep>, String> {
    let wrong = || format!("{path:?} is no path: begin with $, go on with .name, ['name'], [0] or [*]");
    let mut rest = path.strip_prefix('$').filter(|_| path.len() <= 512).ok_or_else(wrong)?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let name = after.get(..end).filter(|name| !name.is_empty()).ok_or_else(wrong)?;
            steps.push(if name == "*" { PathStep::Any } else { PathStep::Name(name.to_owned()) });
            rest = &after[end..];
        } else {
            let inner = rest.strip_prefix('[').ok_or_else(wrong)?;
            let (step, after) = bracket(inner).ok_or_else(wrong)?;
            steps.push(step);
            rest = after;
        }
    }
    Ok(steps)
}

/// What stands in brackets, and what follows them.
fn bracket(inner: &str) -> Option<(PathStep, &str)> {
    if let Some(quote) = inner.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let (name, after) = inner[1..].split_once(quote)?;
        return Some((PathStep::Name(name.to_owned()), after.strip_prefix(']')?));
    }
    let (word, after) = inner.split_once(']')?;
    let step = if word == "*" { PathStep::Any } else { PathStep::Index(word.parse().ok()?) };
    Some((step, after))
}

fn select<'a>(value: &'a Value, steps: &[PathStep]) -> Vec<&'a Value> {
    let mut found = vec![value];
    for step in steps {
        found = found.into_iter().flat_map(|v| children(v, step)).collect();
    }
    found
}

fn children<'a>(value: &'a Value, step: &PathStep) -> Vec<&'a Value> {
    match (step, value) {
        (PathStep::Name(name), Value::Object(map)) => map.get(name).into_iter().collect(),
        (PathStep::Index(i), Value::Array(items)) => {
            let at = if *i < 0 { i64::try_from(items.len()).unwrap_or(i64::MAX) + i } else { *i };
            usize::try_from(at).ok().and_then(|at| items.get(at)).into_iter().collect()
        }
        (PathStep::Any, Value::Array(items)) => items.iter().collect(),
        (PathStep::Any, Value::Object(map)) => map.values().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn result(path: &str, op: ResultOp, value: Value) -> Vec<String> {
        let expectations =
            Expectations { result: vec![ResultCheck { path: path.to_owned(), op, value }], ..Expectations::default() };
        let there = json!({"checks": [{"name": "a", "ms": 12}, {"name": "b", "ms": 40.0}], "ok": true, "a b": "text"});
        expectations.unmet(&Seen { result: Some(&there), ..Seen::default() })
    }

    #[test]
    fn parts_of_the_result_are_compared() {
        use ResultOp::{Absent, Contains, Eq, Exists, Ge, Gt, Le, Lt, Ne};
        for (path, op, value) in [
            ("$.ok", Eq, json!(true)),
            ("$.checks[0].ms", Eq, json!(12.0)),
            ("$.checks[-1].ms", Gt, json!(39)),
            ("$.checks[*].ms", Ge, json!(40)),
            ("$['checks'][1]['name']", Ne, json!("a")),
            ("$[\"a b\"]", Contains, json!("ex")),
            ("$.checks", Exists, json!(null)),
            ("$.missing.deep", Absent, json!(null)),
            ("$.checks[0].ms", Lt, json!(12.5)),
            ("$.checks[0].ms", Le, json!(12)),
            ("$", Exists, json!(null)),
        ] {
            assert_eq!(result(path, op, value), Vec::<String>::new(), "{path}");
        }
        for (path, op, value, text) in [
            ("$.ok", Eq, json!(false), "result: $.ok must equal false, got true"),
            ("$.checks[2].ms", Gt, json!(1), "result: $.checks[2].ms must be greater than 1, it is not there"),
            (
                "$.checks[*].ms",
                Gt,
                json!(50),
                "result: $.checks[*].ms must be greater than 50, none of 2 elements does",
            ),
            ("$.ok", Absent, json!(null), "result: $.ok must be absent, got true"),
            ("$.ok", Gt, json!(0), "result: $.ok must be greater than 0, got true"),
        ] {
            assert_eq!(result(path, op, value), [text]);
        }
    }

    #[test]
    fn every_unmet_expectation_is_named() {
        let expectations = Expectations {
            exit_code: 3,
            output_contains: Some("ok".to_owned()),
            output_matches: Some("^done [0-9]+$".to_owned()),
            result: vec![ResultCheck { path: "$.ok".to_owned(), op: ResultOp::Eq, value: json!(true) }],
            max_duration_secs: Some(4),
        };
        let seen = Seen { exit_code: 0, contains: Some(false), matches: None, result: None, took_ms: Some(4_001) };
        assert_eq!(
            expectations.unmet(&seen).join("; "),
            "exit code 0, expected 3; the output does not contain \"ok\"; whether the output does match \
             \"^done [0-9]+$\" could not be found out; result: $.ok must equal true, but the run left no result in \
             $AIOPS_RESULT; took 4001 ms, expected at most 4 s"
        );
        let there = json!({"ok": true});
        let seen = Seen {
            exit_code: 3,
            contains: Some(true),
            matches: Some(true),
            result: Some(&there),
            took_ms: Some(4_000),
        };
        assert!(expectations.unmet(&seen).is_empty());
    }

    #[test]
    fn what_cannot_be_judged_is_refused_by_field() {
        let expectations = Expectations {
            output_contains: Some(String::new()),
            output_matches: Some("(a{1000}){1000}".to_owned()),
            result: vec![
                ResultCheck { path: "ok".to_owned(), op: ResultOp::Eq, value: json!(1) },
                ResultCheck { path: "$.a".to_owned(), op: ResultOp::Gt, value: json!("1") },
                ResultCheck { path: "$[x]".to_owned(), op: ResultOp::Exists, value: json!(null) },
            ],
            max_duration_secs: Some(0),
            ..Expectations::default()
        };
        let mut wrong = Vec::new();
        expectations.check("expectations", &mut wrong);
        let fields: Vec<&str> = wrong.iter().map(|w| w.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "expectations.output_contains",
                "expectations.output_matches",
                "expectations.max_duration_secs",
                "expectations.result[0].path",
                "expectations.result[1].value",
                "expectations.result[2].path",
            ]
        );
    }
}
