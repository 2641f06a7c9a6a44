//! Validates parameter values against the part of JSON Schema (2020-12) that scripts may use, and fills defaults.
//!
//! Keywords: `type`, `enum`, `const`, `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `multipleOf`-free numbers,
//! `minLength`, `maxLength`, `pattern`, `items`, `minItems`, `maxItems`, `properties`, `required`, `additionalProperties`
//! (as a boolean), and the annotations. Any other keyword refuses the value: a rule that is not understood is not kept.
//! Other than in JSON Schema, what is not declared is refused: only `additionalProperties: true` lets it through.

use crate::error::FieldError;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const ANNOTATIONS: [&str; 9] =
    ["title", "description", "default", "examples", "$schema", "$id", "$comment", "deprecated", "format"];

/// The values with defaults filled in. Without a schema only names in `declared` are let through.
///
/// # Errors
/// One entry for each parameter, below `values`, with the rule that it breaks.
pub fn validate(
    schema: &Value,
    declared: impl Fn(&str) -> bool,
    mut values: BTreeMap<String, Value>,
) -> Result<BTreeMap<String, Value>, Vec<FieldError>> {
    let known = schema.get("properties").and_then(Value::as_object);
    let open = schema.get("additionalProperties") == Some(&Value::Bool(true));
    let may = |name: &str| match (schema, known) {
        (Value::Null, _) => declared(name),
        (_, known) => open || known.is_some_and(|k| k.contains_key(name)),
    };
    let strange = values.keys().filter(|name| !may(name));
    let mut wrong: Vec<FieldError> = strange.map(|name| undeclared(name, known)).collect();
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, rule) in properties {
            if let Some(default) = rule.get("default")
                && !values.contains_key(name)
            {
                values.insert(name.clone(), default.clone());
            }
        }
    }
    let rules = schema.as_object();
    for (name, rule) in known.into_iter().flatten() {
        if let Some(Err(why)) = values.get(name).map(|value| check(&format!("values.{name}"), rule, value, 0)) {
            wrong.push(split(&why));
        }
    }
    let object = Value::Object(values.clone().into_iter().filter(|(name, _)| may(name)).collect());
    for (keyword, rule) in rules.into_iter().flatten().filter(|(k, _)| !matches!(k.as_str(), "properties")) {
        if let Err(why) = one("values", keyword, rule, rules.unwrap_or(&Map::new()), &object, 0) {
            wrong.push(split(&why));
        }
    }
    if wrong.is_empty() { Ok(values) } else { Err(wrong) }
}

fn undeclared(name: &str, known: Option<&Map<String, Value>>) -> FieldError {
    let names: Vec<&str> = known.into_iter().flat_map(Map::keys).map(String::as_str).collect();
    let has = if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
    FieldError::new(format!("values.{name}"), format!("is not a parameter of this script: {has}"))
}

/// `field: message` as a field error.
fn split(why: &str) -> FieldError {
    let (field, message) = why.split_once(": ").unwrap_or(("values", why));
    FieldError::new(field, message)
}

fn check(at: &str, schema: &Value, value: &Value, depth: u32) -> Result<(), String> {
    let rules = match schema {
        Value::Null | Value::Bool(true) => return Ok(()),
        Value::Object(rules) => rules,
        _ => return Err(format!("{at}: the schema must be an object")),
    };
    if depth > 16 {
        return Err(format!("{at}: the schema is nested too deeply"));
    }
    for (keyword, rule) in rules {
        one(at, keyword, rule, rules, value, depth)?;
    }
    Ok(())
}

fn one(
    at: &str,
    keyword: &str,
    rule: &Value,
    all: &Map<String, Value>,
    value: &Value,
    depth: u32,
) -> Result<(), String> {
    let need = |ok: bool, what: String| if ok { Ok(()) } else { Err(format!("{at}: {what}")) };
    match keyword {
        "type" => need(types(rule).any(|t| is(t, value)), format!("must be of type {rule}")),
        "enum" => need(rule.as_array().is_some_and(|a| a.contains(value)), format!("must be one of {rule}")),
        "const" => need(rule == value, format!("must be {rule}")),
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => number(at, keyword, rule, value),
        "minLength" | "maxLength" | "pattern" => string(at, keyword, rule, value),
        "items" => match value.as_array() {
            Some(items) => {
                items.iter().enumerate().try_for_each(|(i, v)| check(&format!("{at}[{i}]"), rule, v, depth + 1))
            }
            None => Ok(()),
        },
        "minItems" | "maxItems" => {
            let Some(count) = value.as_array().map(Vec::len) else { return Ok(()) };
            let fine = limit(rule).is_some_and(|n| if keyword == "minItems" { count >= n } else { count <= n });
            need(fine, format!("{keyword} is {rule}, got {count}"))
        }
        "properties" => properties(at, rule, value, depth),
        "required" => required(at, rule, value),
        "additionalProperties" => additional(at, rule, all, value),
        _ if ANNOTATIONS.contains(&keyword) => Ok(()),
        _ => Err(format!("{at}: the schema keyword {keyword} is not supported; leave it out")),
    }
}

fn types(rule: &Value) -> impl Iterator<Item = &str> {
    let many = rule.as_array().map(Vec::as_slice).unwrap_or_default();
    rule.as_str().into_iter().chain(many.iter().filter_map(Value::as_str))
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => {
            value.as_i64().is_some() || value.as_u64().is_some() || value.as_f64().is_some_and(|f| f.fract() == 0.0)
        }
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => false,
    }
}

fn limit(rule: &Value) -> Option<usize> {
    rule.as_u64().and_then(|n| usize::try_from(n).ok())
}

fn number(at: &str, keyword: &str, rule: &Value, value: &Value) -> Result<(), String> {
    let Some(got) = value.as_f64() else { return Ok(()) };
    let Some(bound) = rule.as_f64() else { return Err(format!("{at}: {keyword} in the schema must be a number")) };
    let fine = match keyword {
        "minimum" => got >= bound,
        "maximum" => got <= bound,
        "exclusiveMinimum" => got > bound,
        _ => got < bound,
    };
    if fine { Ok(()) } else { Err(format!("{at}: {keyword} is {bound}, got {got}")) }
}

fn string(at: &str, keyword: &str, rule: &Value, value: &Value) -> Result<(), String> {
    let Some(text) = value.as_str() else { return Ok(()) };
    if keyword == "pattern" {
        let pattern = rule.as_str().ok_or_else(|| format!("{at}: pattern in the schema must be a string"))?;
        let regex = regex::Regex::new(pattern)
            .map_err(|_| format!("{at}: the pattern {pattern:?} is not a regular expression"))?;
        return if regex.is_match(text) { Ok(()) } else { Err(format!("{at}: must match {pattern:?}")) };
    }
    let chars = text.chars().count();
    let fine = limit(rule).is_some_and(|n| if keyword == "minLength" { chars >= n } else { chars <= n });
    if fine { Ok(()) } else { Err(format!("{at}: {keyword} is {rule}, got {chars} characters")) }
}

fn properties(at: &str, rule: &Value, value: &Value, depth: u32) -> Result<(), String> {
    let (Some(rules), Some(object)) = (rule.as_object(), value.as_object()) else { return Ok(()) };
    rules.iter().try_for_each(|(name, rule)| match object.get(name) {
        Some(value) => check(&format!("{at}.{name}"), rule, value, depth + 1),
        None => Ok(()),
    })
}

fn required(at: &str, rule: &Value, value: &Value) -> Result<(), String> {
    let Some(object) = value.as_object() else { return Ok(()) };
    let names = rule.as_array().map(Vec::as_slice).unwrap_or_default();
    match names.iter().filter_map(Value::as_str).find(|n| !object.contains_key(*n)) {
        Some(missing) => Err(format!("{at}.{missing}: is required")),
        None => Ok(()),
    }
}

fn additional(at: &str, rule: &Value, all: &Map<String, Value>, value: &Value) -> Result<(), String> {
    match rule {
        Value::Bool(true) => Ok(()),
        Value::Bool(false) => {
            let known = all.get("properties").and_then(Value::as_object);
            let extra =
                value.as_object().into_iter().flat_map(Map::keys).find(|k| !known.is_some_and(|p| p.contains_key(*k)));
            extra.map_or(Ok(()), |name| Err(format!("{at}.{name}: is not a parameter of this script")))
        }
        _ => Err(format!("{at}: additionalProperties in the schema must be true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(schema: &Value, values: &Value) -> Result<BTreeMap<String, Value>, String> {
        let values = values.as_object().expect("object").clone().into_iter().collect();
        validate(schema, |name| name == "KNOWN", values)
            .map_err(|wrong| wrong.iter().map(|w| format!("{}: {}", w.field, w.message)).collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn table() {
        let schema = json!({
            "type": "object", "required": ["SERVICE"], "additionalProperties": false,
            "properties": {
                "SERVICE": {"type": "string", "minLength": 1, "maxLength": 8, "pattern": "^[a-z]+$"},
                "COUNT": {"type": "integer", "minimum": 1, "maximum": 5, "default": 2},
                "MODE": {"enum": ["soft", "hard"]},
                "LIST": {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0}, "maxItems": 2},
            },
        });
        for (values, expected) in [
            (json!({"SERVICE": "cart"}), None),
            (json!({"SERVICE": "cart", "COUNT": 5, "MODE": "hard", "LIST": [1, 2.5]}), None),
            (json!({}), Some("values.SERVICE: is required")),
            (json!({"SERVICE": 1}), Some("values.SERVICE: must be of type \"string\"")),
            (json!({"SERVICE": ""}), Some("values.SERVICE: minLength")),
            (json!({"SERVICE": "toolongname"}), Some("values.SERVICE: maxLength")),
            (json!({"SERVICE": "a; b"}), Some("values.SERVICE: must match")),
            (json!({"SERVICE": "cart", "COUNT": 6}), Some("values.COUNT: maximum is 5, got 6")),
            (json!({"SERVICE": "cart", "COUNT": 1.5}), Some("values.COUNT: must be of type")),
            (json!({"SERVICE": "cart", "MODE": "x"}), Some("values.MODE: must be one of")),
            (json!({"SERVICE": "cart", "LIST": [0]}), Some("values.LIST[0]: exclusiveMinimum")),
            (json!({"SERVICE": "cart", "LIST": [1, 1, 1]}), Some("values.LIST: maxItems")),
            (json!({"SERVICE": "cart", "X": 1}), Some("values.X: is not a parameter of this script: it has ")),
        ] {
            let got = run(&schema, &values);
            match expected {
                None => assert!(got.expect("fine").contains_key("COUNT"), "{values}"),
                Some(text) => {
                    let refused = got.expect_err("refused");
                    assert!(refused.starts_with(text), "{values}: {refused}");
                }
            }
        }
        let refused = run(&schema, &json!({"COUNT": 9, "X": 1})).expect_err("refused");
        assert_eq!(refused.matches("; ").count(), 2, "each wrong parameter is named: {refused}");
    }

    #[test]
    fn only_what_is_declared_is_let_through() {
        let some = json!({"properties": {"A": {"type": "string"}}});
        assert!(run(&some, &json!({"A": "x"})).is_ok());
        assert!(run(&some, &json!({"B": "x"})).expect_err("refused").starts_with("values.B: is not a parameter"));
        let open = json!({"properties": {"A": {"type": "string"}}, "additionalProperties": true});
        assert!(run(&open, &json!({"B": "x"})).is_ok());
        assert!(run(&json!({}), &json!({"B": "x"})).is_err());
        assert!(run(&Value::Null, &json!({"KNOWN": "x"})).is_ok());
        assert!(run(&Value::Null, &json!({"B": "x"})).expect_err("refused").ends_with("it has none"));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let refused = run(&json!({"oneOf": []}), &json!({})).expect_err("refused");
        assert!(refused.contains("oneOf"), "{refused}");
    }
}
