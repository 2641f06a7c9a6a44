//! Bodies, path ids and `If-Match`: read strictly, and what is wrong is said by field.

use crate::error::{ApiError, ApiResult};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use domain::Id;
use domain::error::FieldError;
use domain::resource::{Draft, Spec};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Nesting of a JSON body at most.
const DEPTH: usize = 64;
/// Values of a JSON body at most.
const VALUES: usize = 50_000;

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

/// A JSON body that may be left out.
#[derive(Debug)]
pub(crate) struct OptionalBody<T>(pub(crate) T);

/// The draft of an editable object, every key known.
#[derive(Debug)]
pub(crate) struct DraftBody<T>(pub(crate) Draft<T>);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Ok(Self(parse(json(request, state).await?)?))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for OptionalBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let none = request.headers().get(header::CONTENT_TYPE).is_none()
            && axum::body::HttpBody::is_end_stream(request.body());
        let value = if none { Value::Object(Map::new()) } else { json(request, state).await? };
        Ok(Self(parse(value)?))
    }
}

impl<T: Spec, S: Send + Sync> FromRequest<S> for DraftBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let mut map = object(json(request, state).await?)?;
        let name = match map.remove("name") {
            Some(Value::String(name)) => name.trim().to_owned(),
            _ => return Err(ApiError::field("name", "give a name of 1 to 120 characters")),
        };
        let tags = tags(&mut map)?;
        Ok(Self(Draft { name, tags, spec: spec(map)? }))
    }
}

/// Takes `tags` out of an object.
pub(crate) fn tags(map: &mut Map<String, Value>) -> ApiResult<Vec<String>> {
    let tags = map.remove("tags").unwrap_or_else(|| Value::Array(Vec::new()));
    serde_json::from_value(tags).map_err(|_| ApiError::field("tags", "give a list of words"))
}

/// A specification from what is left of an object, every key known, those inside tagged choices too.
pub(crate) fn spec<T: Spec>(map: Map<String, Value>) -> ApiResult<T> {
    let input = Value::Object(map);
    let spec: T = parse(input.clone())?;
    let output = serde_json::to_value(&spec).map_err(domain::Error::internal)?;
    match unknown(&input, &output, "") {
        Some(field) => Err(ApiError::field(field.clone(), format!("unknown field `{field}`: leave it out"))),
        None => Ok(spec),
    }
}

/// The first key of `input` that `output` does not have: it was ignored.
fn unknown(input: &Value, output: &Value, path: &str) -> Option<String> {
    match (input, output) {
        (Value::Object(input), Value::Object(output)) => input.iter().find_map(|(key, value)| {
            let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            output.get(key).map_or(Some(here.clone()), |there| unknown(value, there, &here))
        }),
        (Value::Array(input), Value::Array(output)) => {
            input.iter().zip(output).enumerate().find_map(|(i, (a, b))| unknown(a, b, &format!("{path}[{i}]")))
        }
        _ => None,
    }
}

/// A JSON object, or 400.
pub(crate) fn object(value: Value) -> ApiResult<Map<String, Value>> {
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(ApiError::field("body", "send a JSON object")),
    }
}

/// A value of type `T`; the error names the field.
pub(crate) fn parse<T: DeserializeOwned>(value: Value) -> ApiResult<T> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let message = plain(&error.inner().to_string());
        let path = error.path().to_string();
        let named = ["unknown field `", "missing field `"].iter().find_map(|lead| {
            let rest = message.strip_prefix(lead)?;
            Some(rest.split_once('`')?.0.to_owned())
        });
        let field = match (path.as_str(), named) {
            (".", Some(name)) => name,
            (".", None) => "body".to_owned(),
            (path, Some(name)) if path != name && !path.ends_with(&format!(".{name}")) => format!("{path}.{name}"),
            (path, _) => path.to_owned(),
        };
        ApiError::from(domain::Error::invalid(vec![FieldError::new(field, message)]))
    })
}

/// Names of types as people say them.
fn plain(message: &str) -> String {
    const NAMES: [(&str, &str); 6] = [
        ("expected u8", "expected a whole number from 0 to 255"),
        ("expected u16", "expected a whole number from 0 to 65535"),
        ("expected u32", "expected a whole number from 0 to 4294967295"),
        ("expected u64", "expected a whole number of 0 or more"),
        ("expected f64", "expected a number"),
        ("UUID parsing failed", "give the id of an object, a UUID"),
    ];
    NAMES.iter().fold(message.to_owned(), |text, (from, to)| text.replace(from, to))
}

async fn json<S: Send + Sync>(request: Request, state: &S) -> ApiResult<Value> {
    let headers = request.headers();
    let media = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let mut parts = media.split(';').map(str::trim);
    let json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let plain =
        parts.all(|p| p.eq_ignore_ascii_case("charset=utf-8")) && !headers.contains_key(header::CONTENT_ENCODING);
    if !json || !plain || headers.get_all(header::CONTENT_TYPE).iter().count() != 1 {
        return Err(ApiError::status(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json, not compressed"));
    }
    let bytes = Bytes::from_request(request, state).await.map_err(too_large)?;
    small(&bytes)?;
    serde_json::from_slice(&bytes).map_err(|e| ApiError::field("body", format!("not valid JSON: {e}")))
}

fn too_large(rejection: BytesRejection) -> ApiError {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::status(StatusCode::PAYLOAD_TOO_LARGE, "send at most 2 MiB"),
        _ => ApiError::field("body", "the body could not be read: send it again"),
    }
}

/// Refuses what is nested too deep or has too many values, before anything is built from it.
fn small(bytes: &[u8]) -> ApiResult<()> {
    let (mut depth, mut values, mut text, mut escaped) = (0_usize, 0_usize, false, false);
    for &byte in bytes {
        match (text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => text = !text,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            (false, b',') => values += 1,
            _ => {}
        }
        if depth > DEPTH || values > VALUES {
            return Err(ApiError::field(
                "body",
                format!("nest at most {DEPTH} levels and send at most {VALUES} values"),
            ));
        }
    }
    Ok(())
}

/// The id in the path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathId(pub(crate) Id);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let id = Path::<Id>::from_request_parts(parts, state).await;
        id.map(|Path(id)| Self(id)).map_err(|_| ApiError::field("id", "give a UUID"))
    }
}

/// The version that the caller has, from `If-Match`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IfMatch(pub(crate) i64);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        if_match(&parts.headers).map(Self)
    }
}

fn if_match(headers: &HeaderMap) -> ApiResult<i64> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        let detail = "send If-Match with the version you read, for example If-Match: \"3\"";
        return Err(ApiError::status(StatusCode::PRECONDITION_REQUIRED, detail));
    };
    let text = value.to_str().unwrap_or_default().trim();
    let version = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).and_then(|t| t.parse().ok());
    version.ok_or_else(|| ApiError::field("If-Match", "give the version in quotes, for example \"3\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::catalog::MonitorSpec;
    use domain::policy::PolicySpec;
    use serde_json::json;

    fn field<T: Spec>(value: Value) -> String {
        spec::<T>(object(value).unwrap()).unwrap_err().errors[0].field.clone()
    }

    #[test]
    fn wrong_fields_are_named_by_their_path() {
        let monitor = |key: &str, value: Value| {
            let mut m =
                json!({"source_id": Id::nil(), "query": "up", "signal": "other", "detector": {"kind": "learned"}});
            m[key] = value;
            field::<MonitorSpec>(m)
        };
        assert_eq!(monitor("sensitivty", json!(3)), "sensitivty");
        assert_eq!(monitor("sensitivity", json!("high")), "sensitivity");
        assert_eq!(monitor("detector", json!({"kind": "learned", "level": 3})), "detector.level");
        assert_eq!(field::<MonitorSpec>(json!({"query": "up"})), "source_id");
        let policy = |gates: Value| field::<PolicySpec>(json!({"steps": [{"case_id": Id::nil()}], "gates": gates}));
        assert_eq!(policy(json!({"cooldown": 3})), "gates.cooldown");
        assert_eq!(policy(json!({"limits": [{"window_secs": 1, "max_runs": -1}]})), "gates.limits[0].max_runs");
        assert_eq!(field::<PolicySpec>(json!({"steps": [{}]})), "steps[0].case_id");
    }

    #[test]
    fn wrong_numbers_are_said_without_names_of_types() {
        for value in [json!(-1), json!(1.5), json!("60"), json!(null)] {
            let policy = json!({"steps": [{"case_id": Id::nil()}], "gates": {"cooldown_secs": value}});
            let error = spec::<PolicySpec>(object(policy).unwrap()).unwrap_err();
            assert_eq!(error.errors[0].field, "gates.cooldown_secs");
            assert!(error.errors[0].message.contains("expected a whole number from 0"), "{}", error.errors[0].message);
        }
    }

    #[test]
    fn deep_and_wide_bodies_are_refused_before_they_are_built() {
        assert!(small("[".repeat(65).as_bytes()).is_err());
        assert!(small(",".repeat(50_001).as_bytes()).is_err());
        assert!(small(format!("\"{}\\\"{}\"", "[".repeat(99), ",".repeat(60_000)).as_bytes()).is_ok(), "text is text");
    }

    #[test]
    fn if_match_is_a_quoted_number() {
        let read = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, value.parse().unwrap());
            if_match(&headers)
        };
        assert_eq!(read("\"7\"").unwrap(), 7);
        for bad in ["7", "*", "W/\"7\"", "\"x\"", "\"7\", \"8\""] {
            assert_eq!(read(bad).unwrap_err().status, StatusCode::BAD_REQUEST, "{bad}");
        }
        assert_eq!(if_match(&HeaderMap::new()).unwrap_err().status, StatusCode::PRECONDITION_REQUIRED);
    }
}
