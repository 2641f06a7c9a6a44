//! PromQL conditions of a policy: safe substitution of the target, and the comparison of every series.

use super::{Sampler, unknown};
use domain::catalog::Comparison;
use domain::policy::PromCheck;
use domain::verification::CheckSample;

const PLACEHOLDER: &str = "$entity_value";

/// The first value of an entity such as `service=checkout` or `service=checkout,zone=b`; all of it when there is no `=`.
#[must_use]
pub fn entity_value(target: &str) -> &str {
    let Some((_, value)) = target.split_once('=') else { return target };
    let begins_label = |at: usize| {
        let name = value[at + 1..].split_once('=').map_or("", |(name, _)| name);
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
    };
    let end = value.match_indices(',').map(|(at, _)| at).find(|at| begins_label(*at));
    &value[..end.unwrap_or(value.len())]
}

/// Replaces `$entity_value`: within quotes by the escaped text, outside of quotes by a quoted and escaped string. The
/// value can therefore never end the string it stands in.
///
/// # Errors
/// One line, when it stands in a raw string (backticks), where nothing can be escaped, and holds a backtick.
pub fn substitute(query: &str, value: &str) -> Result<String, String> {
    let mut out = String::with_capacity(query.len() + value.len());
    let mut quote: Option<char> = None;
    let mut rest = query;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix(PLACEHOLDER) {
            match quote {
                Some('`') if value.contains('`') => {
                    return Err("the target's name has a backtick; use quotes around $entity_value".to_owned());
                }
                Some('`') => out.push_str(value),
                Some(q) => escape_into(&mut out, value, q),
                None => {
                    out.push('"');
                    escape_into(&mut out, value, '"');
                    out.push('"');
                }
            }
            rest = after;
            continue;
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
        match quote {
            Some(q) if c == '\\' && q != '`' => {
                if let Some(next) = rest.chars().next() {
                    out.push(next);
                    rest = &rest[next.len_utf8()..];
                }
            }
            Some(q) if c == q => quote = None,
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            _ => {}
        }
    }
    Ok(out)
}

fn escape_into(out: &mut String, value: &str, quote: char) {
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

const fn bounds(check: &PromCheck) -> (Option<f64>, Option<f64>) {
    match check.op {
        Comparison::Gt | Comparison::Ge => (Some(check.value), None),
        Comparison::Lt | Comparison::Le => (None, Some(check.value)),
    }
}

impl Sampler<'_> {
    /// The series that is furthest from the limit stands for all; an empty answer is unknown.
    pub(super) async fn prom(&self, check: &PromCheck, target: &str) -> CheckSample {
        let name = check.query.as_str();
        let values = match self.prom_values(check, target).await {
            Ok(values) => values,
            Err(note) => return CheckSample { healthy: Some(bounds(check)), ..unknown(name, self.now, note) },
        };
        let scale = check.value.abs().max(1.0);
        let off =
            |v: f64| if check.op.holds(v, check.value) { 0.0 } else { ((v - check.value).abs() / scale).max(1e-6) };
        let worst = values.iter().copied().max_by(|a, b| off(*a).total_cmp(&off(*b)));
        CheckSample {
            check: name.to_owned(),
            at: self.now,
            value: worst,
            healthy: Some(bounds(check)),
            holds: worst.map(|v| check.op.holds(v, check.value)),
            distance: worst.map(off),
            note: if worst.is_none() { "the query found no series".to_owned() } else { String::new() },
        }
    }

    async fn prom_values(&self, check: &PromCheck, target: &str) -> Result<Vec<f64>, String> {
        let query = substitute(&check.query, entity_value(target))?;
        let source = self.sources.metrics(check.source_id).await.map_err(|e| e.to_string())?;
        let answer = source.instant(&query, self.now).await.map_err(|e| e.to_string())?;
        if answer.series.iter().any(|s| s.points.last().is_none_or(|p| !p.value.is_finite())) {
            return Err("a series has no number".to_owned());
        }
        Ok(self.points(&answer)?.into_iter().map(|(_, v)| v).collect())
    }
}
