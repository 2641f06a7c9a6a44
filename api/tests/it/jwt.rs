//! Forged access tokens, each refused with the same words.

use crate::harness::App;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::clock::Clock;
use domain::ports::UserStore;
use ring::hmac;
use serde_json::{Value, json};

const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

fn signed(key: &[u8], header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn claims_of(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// Claims with one changed (or, for null, left out), signed with the real key.
fn with(key: &[u8], claims: &Value, name: &str, value: Value) -> String {
    let mut claims = claims.clone();
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    signed(key, HEADER, &claims.to_string())
}

fn bad_claims(key: &[u8], good: &Value, now: i64) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for name in ["iss", "aud", "sub", "jti", "sid", "iat", "nbf", "exp", "iat_ms"] {
        all.push((format!("without {name}"), with(key, good, name, Value::Null)));
    }
    let odd = [
        ("exp", json!((now + 600).to_string())),
        ("exp", json!(now as f64 + 600.5)),
        ("exp", json!(-1)),
        ("exp", json!([now + 600])),
        ("exp", json!(now)),
        ("exp", json!(now - 1)),
        ("exp", json!(now + 86_400)),
        ("exp", json!(true)),
        ("nbf", json!(now + 60)),
        ("nbf", json!("0")),
        ("iat", json!(now + 60)),
        ("iat", json!(now - 4_000)),
        ("iat_ms", json!((now + 60) * 1_000)),
        ("iat_ms", json!("1")),
        ("iss", json!("someone")),
        ("iss", json!(["aiops"])),
        ("aud", json!("other-api")),
        ("aud", json!(["aiops-api", "other"])),
        ("sub", json!("admin")),
        ("sub", json!(domain::new_id())),
        ("sub", json!(1)),
        ("sid", json!(domain::new_id())),
        ("jti", json!("x")),
        ("role", json!("admin")),
        ("is_admin", json!(true)),
    ];
    all.extend(odd.into_iter().map(|(name, value)| (format!("{name} = {value}"), with(key, good, name, value))));
    let text = good.to_string();
    let twice = text.replacen("\"exp\":", &format!("\"exp\":{},\"exp\":", now + 600), 1);
    all.push(("exp twice".to_owned(), signed(key, HEADER, &twice)));
    let huge = text.replacen(&format!("\"exp\":{}", good["exp"]), "\"exp\":1e400", 1);
    all.push(("exp = 1e400".to_owned(), signed(key, HEADER, &huge)));
    all.push(("claims are a list".to_owned(), signed(key, HEADER, "[]")));
    all
}

fn bad_headers(key: &[u8], claims: &str) -> Vec<(String, String)> {
    let headers = [
        r#"{"typ":"JWT","alg":"none"}"#,
        r#"{"typ":"JWT","alg":"None"}"#,
        r#"{"typ":"JWT","alg":"NONE"}"#,
        r#"{"alg":"HS256"}"#,
        r#"{"typ":"JWT","alg":"HS384"}"#,
        r#"{"typ":"JWT","alg":"HS512"}"#,
        r#"{"typ":"JWT","alg":"RS256"}"#,
        r#"{"typ":"JWT","alg":"ES256"}"#,
        r#"{"typ":"JWT","alg":"HS256","kid":"../../dev/null"}"#,
        r#"{"typ":"JWT","alg":"HS256","kid":"' OR 1=1 --"}"#,
        r#"{"typ":"JWT","alg":"HS256","crit":["exp"]}"#,
        r#"{"typ":"JWT","alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}"#,
        r#"{"typ":"JWT","alg":"HS256","jku":"http://127.0.0.1/keys"}"#,
        r#"{"typ":"JWT","alg":"HS256","zip":"DEF"}"#,
        r#"{"typ":"JWT","alg":"HS256","alg":"none"}"#,
        r#"{"typ":"at+jwt","alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"JWT"}"#,
        "{}",
    ];
    headers.iter().map(|header| ((*header).to_owned(), signed(key, header, claims))).collect()
}

fn bad_shapes(key: &[u8], good: &str, claims: &str) -> Vec<(String, String)> {
    let parts: Vec<&str> = good.split('.').collect();
    let (head, body, tag) = (parts[0], parts[1], parts[2]);
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let raw = URL_SAFE_NO_PAD.decode(tag).unwrap();
    let mut flipped = raw.clone();
    flipped[0] ^= 1;
    let forms = [
        ("no signature", format!("{head}.{body}.")),
        ("no third part", format!("{head}.{body}")),
        ("none, unsigned", format!("{none}.{body}.")),
        ("short signature", format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode(&raw[..16]))),
        ("flipped bit", format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode(flipped))),
        ("padded", format!("{head}.{body}.{}", STANDARD.encode(&raw))),
        ("four parts", format!("{good}.x")),
        ("empty", String::new()),
        ("dots", "..".to_owned()),
        ("space inside", format!("{head}. {body}.{tag}")),
        ("signature in front", format!("{tag}.{head}.{body}")),
        ("other key", signed(b"another key of thirty-two bytes!", HEADER, claims)),
        ("empty key", signed(b"", HEADER, claims)),
        ("known word", signed(b"secret", HEADER, claims)),
        ("key in hex", signed(hex::encode(key).as_bytes(), HEADER, claims)),
        ("long", format!("{head}.{}.{tag}", "A".repeat(5_000))),
    ];
    forms.into_iter().map(|(name, token)| (name.to_owned(), token)).collect()
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let app = App::new().await;
    let good = app.token("admin").await;
    let key = app.people.secret("jwt", &[]).await.unwrap();
    let claims = claims_of(&good);
    // The forger's own copy of a good token passes, so the refusals below are about what was changed.
    let copy = signed(&key, HEADER, &claims.to_string());
    assert_eq!(app.send("GET", "/api/v1/me", Some(&copy), None).await.status, StatusCode::OK);
    let now = app.clock.now().timestamp();
    let mut forms = bad_claims(&key, &claims, now);
    forms.extend(bad_headers(&key, &claims.to_string()));
    forms.extend(bad_shapes(&key, &good, &claims.to_string()));
    assert!(forms.len() >= 60, "{}", forms.len());
    let mut words = std::collections::BTreeSet::new();
    for (name, token) in forms {
        let answer = app.send("GET", "/api/v1/me", Some(&token), None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}");
        words.insert(answer.json()["detail"].to_string());
    }
    assert_eq!(words.len(), 1, "the answer does not say what was wrong: {words:?}");
}

#[tokio::test]
async fn a_token_ends_after_fifteen_minutes_to_the_second() {
    let app = App::new().await;
    let token = app.token("viewer").await;
    app.later(899);
    assert_eq!(app.send("GET", "/api/v1/me", Some(&token), None).await.status, StatusCode::OK);
    app.later(1);
    assert_eq!(app.send("GET", "/api/v1/me", Some(&token), None).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn only_one_bearer_header_counts() {
    let app = App::new().await;
    let good = app.token("admin").await;
    for values in [
        vec![format!("Basic {good}")],
        vec![good.clone()],
        vec![format!("Bearer {good}"), format!("Bearer {good}")],
        vec![format!("Bearer  {good}")],
        vec![format!("Bearer {good} x")],
    ] {
        let mut request = crate::harness::request("GET", "/api/v1/me", None, &[], None);
        for value in &values {
            request.headers_mut().append("authorization", value.parse().unwrap());
        }
        assert_eq!(app.call(request).await.status, StatusCode::UNAUTHORIZED, "{values:?}");
    }
    for path in ["/api/v1/me?access_token=", "/api/v1/me?ticket=", "/api/v1/me?token="] {
        assert_eq!(app.send("GET", &format!("{path}{good}"), None, None).await.status, StatusCode::UNAUTHORIZED);
    }
}
