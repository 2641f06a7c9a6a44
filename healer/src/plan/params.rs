//! Validates parameter values against the part of JSON Schema (2020-12) that scripts may use, and fills defaults.
//!
//! Keywords: `type`, `enum`, `const`, `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `multipleOf`-free numbers,
//! `minLength`, `maxLength`, `pattern`, `items`, `minItems`, `maxItems`, `properties`, `required`, `additionalProperties`
//! (as a boolean), and the annotations. Any other keyword refuses the value: a rule that is not understood is not kept.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

const ANNOTATIONS: [&str; 9] =
    ["title", "description", "default", "examples", "$schema", "$id", "$comment", "deprecated", "format"];

/// The values with defaults filled in.
///
/// # Errors
/// One line that names the parameter and the rule.
pub fn validate(schema: &Value, mut values: BTreeMap<String, Value>) -> Result<BTreeMap<String, Value>, String> {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, rule) in properties {
            if let Some(default) = rule.get("default")
                && !values.contains_key(name)
            {
                values.insert(name.clone(), default.clone());
            }
        }
    }
    let object = Value::Object(values.clone().into_iter().collect());
    check("parameters", schema, &object, 0)?;
    Ok(values)
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
        validate(schema, values.as_object().expect("object").clone().into_iter().collect())
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
            (json!({}), Some("parameters.SERVICE: is required")),
            (json!({"SERVICE": 1}), Some("parameters.SERVICE: must be of type \"string\"")),
            (json!({"SERVICE": ""}), Some("parameters.SERVICE: minLength")),
            (json!({"SERVICE": "toolongname"}), Some("parameters.SERVICE: maxLength")),
            (json!({"SERVICE": "a; b"}), Some("parameters.SERVICE: must match")),
            (json!({"SERVICE": "cart", "COUNT": 6}), Some("parameters.COUNT: maximum is 5, got 6")),
            (json!({"SERVICE": "cart", "COUNT": 1.5}), Some("parameters.COUNT: must be of type")),
            (json!({"SERVICE": "cart", "MODE": "x"}), Some("parameters.MODE: must be one of")),
            (json!({"SERVICE": "cart", "LIST": [0]}), Some("parameters.LIST[0]: exclusiveMinimum")),
            (json!({"SERVICE": "cart", "LIST": [1, 1, 1]}), Some("parameters.LIST: maxItems")),
            (json!({"SERVICE": "cart", "X": 1}), Some("parameters.X: is not a parameter")),
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
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let refused = run(&json!({"oneOf": []}), &json!({})).expect_err("refused");
        assert!(refused.contains("oneOf"), "{refused}");
        assert!(run(&Value::Null, &json!({"ANY": 1})).is_ok());
    }
}
