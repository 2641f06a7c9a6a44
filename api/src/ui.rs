//! The web UI: embedded files, and the one page for every address that is a view of it.

use crate::auth::tokens::new_secret;
use crate::error::ApiError;
use crate::router::nothing_here;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../frontend/dist"]
struct Files;

/// Stands in `index.html` where the nonce of the answer goes: `<meta name="csp-nonce" content="__CSP_NONCE__">`.
const NONCE: &str = "__CSP_NONCE__";
/// First words of addresses that are never a view.
const NOT_VIEWS: [&str; 5] = ["api", "metrics", "healthz", "readyz", "assets"];

/// Serves a file, or the page.
pub(crate) async fn serve(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let file = (path != "index.html").then(|| Files::get(&path)).flatten();
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return if is_view(request.uri()) {
            ApiError::status(StatusCode::METHOD_NOT_ALLOWED, "this address has no such method").into_response()
        } else {
            nothing_here()
        };
    }
    match file {
        Some(file) => asset(&path, &file, request.headers()),
        None if is_view(request.uri()) || path == "index.html" => page(),
        None => nothing_here(),
    }
}

/// Whether an address may be a view of the UI. Anything that a proxy could read as an address of the API is not.
fn is_view(uri: &Uri) -> bool {
    let mut path = uri.path().to_owned();
    for _ in 0..3 {
        path = decoded(&path);
    }
    let path = path.replace('\\', "/");
    let mut words = path.split('/').map(|word| word.split(';').next().unwrap_or_default().trim_matches(['.', ' ']));
    let words: Vec<String> = words.by_ref().filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    let plain = path.chars().all(|c| !c.is_control()) && path.split('/').all(|word| word != "..");
    let file = path.rsplit('/').next().is_some_and(|last| last.contains('.'));
    plain && !file && !words.iter().any(|word| NOT_VIEWS.contains(&word.as_str()))
}

fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = (byte == b'%').then(|| after.get(..2).and_then(|h| std::str::from_utf8(h).ok())).flatten();
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(value) => {
                out.push(value);
                rest = &after[2..];
            }
            None => {
                out.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A built file; those with a hash in their name never change.
fn asset(path: &str, file: &rust_embed::EmbeddedFile, asked: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let kind = mime_guess::from_path(path).first_or_octet_stream().to_string();
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    for (name, value) in [(header::ETAG, &tag), (header::CONTENT_TYPE, &kind)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    if asked.get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, file.data.to_vec()).into_response()
}

/// The page, with a nonce of its own for styles that scripts add.
fn page() -> Response {
    let (Some(file), Ok(nonce)) = (Files::get("index.html"), new_secret()) else { return nothing_here() };
    let html = String::from_utf8_lossy(&file.data).replace(NONCE, &nonce);
    let csp = format!(
        "default-src 'self'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; \
         font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    );
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(csp) = HeaderValue::from_str(&csp) {
        headers.insert(header::CONTENT_SECURITY_POLICY, csp);
    }
    (headers, html).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_look_like_the_api_are_no_views() {
        let view = |path: &str| is_view(&path.parse().unwrap());
        for path in ["/", "/incidents", "/incidents/0198", "/settings/users"] {
            assert!(view(path), "{path}");
        }
        for path in [
            "/api/v1/me",
            "/API/v1/me",
            "//api/v1/me",
            "/%61pi/v1/me",
            "/%2561pi/v1/me",
            "/./api/v1/me",
            "/api;x/v1",
            "/x/../api/v1/me",
            "/api./v1/me",
            "/%5capi/v1/me",
            "/x%2fapi%2fv1",
            "/metrics/",
            "/assets/x",
            "/robots.txt",
            "/a%00",
        ] {
            assert!(!view(path), "{path}");
        }
    }
}
