//! What both clients share: a bounded HTTP client, capped bodies, and one-line errors that name what to do.

use domain::catalog::{Credentials, SourceSpec};
use domain::error::FieldError;
use domain::{Error, Kind, Result};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use std::time::Duration;
use url::Url;

const CONNECT: Duration = Duration::from_secs(5);
const AGENT: &str = concat!("aiops/", env!("CARGO_PKG_VERSION"));

/// Why an answer could not be had.
#[derive(Debug)]
pub(crate) enum Fault {
    /// More than the cap: ask for less.
    TooLarge,
    /// Anything else, ready for people.
    Other(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// The status and the whole body of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) location: Option<String>,
    /// Seconds that the server asks to wait.
    pub(crate) retry_after: Option<u64>,
}

/// Tries of one request while the server says that it is too busy (429).
const TRIES: u32 = 4;
/// Longest pause before the next of them.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Answer {
    /// How long to wait before the same request is sent again, after `tries` of them; `None` when it is final.
    pub(crate) fn pause(&self, tries: u32) -> Option<Duration> {
        let busy = self.status == 429 && tries < TRIES;
        let grown = Duration::from_millis(250) * 2u32.saturating_pow(tries.saturating_sub(1));
        let wanted = self.retry_after.map_or(grown, Duration::from_secs);
        busy.then(|| wanted.min(LONGEST_PAUSE))
    }
}

/// The seconds of a `Retry-After` header; its date form is not read.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(|v| v.trim().parse().ok())
}

/// Where a source is, for messages: scheme, host and port only.
pub(crate) fn place(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Parses the base address of a source.
pub(crate) fn base_url(spec: &SourceSpec) -> Result<Url> {
    let parsed = Url::parse(&spec.url).ok().filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
    parsed.ok_or_else(|| {
        Error::invalid(vec![FieldError::new(
            "url",
            "give an address such as http://host:9090, without user name or password",
        )])
    })
}

/// The client of one source: time limits, credentials as a header of every request, no redirects followed.
pub(crate) fn client(spec: &SourceSpec) -> Result<reqwest::Client> {
    let mut headers = HeaderMap::new();
    if let Some(value) = authorization(&spec.credentials)? {
        headers.insert(AUTHORIZATION, value);
    }
    let authorities = authorities(spec)?;
    reqwest::Client::builder()
        .tls_certs_merge(authorities)
        .user_agent(AGENT)
        .default_headers(headers)
        .connect_timeout(CONNECT)
        .timeout(Duration::from_secs(u64::from(spec.timeout_secs.max(1))))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(Error::internal)
}

/// The certificates that are trusted for a source beside the system's.
fn authorities(spec: &SourceSpec) -> Result<Vec<reqwest::Certificate>> {
    let Some(pem) = &spec.ca else { return Ok(Vec::new()) };
    reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(|cause| {
        Error::invalid(vec![FieldError::new("ca", "give certificates as PEM; these cannot be read")]).because(cause)
    })
}

fn authorization(credentials: &Credentials) -> Result<Option<HeaderValue>> {
    let text = match credentials {
        Credentials::None => return Ok(None),
        Credentials::Basic { username, password } => {
            format!("Basic {}", base64(format!("{username}:{password}").as_bytes()))
        }
        Credentials::Bearer { token } => format!("Bearer {}", token.trim()),
        Credentials::ApiKey { key } => format!("ApiKey {}", key.trim()),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        Error::invalid(vec![FieldError::new("credentials", "remove line breaks and control characters")])
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// RFC 4648 base64 with padding; for the basic header alone.
fn base64(input: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(input.len().div_ceil(3) * 4);
    for chunk in input.chunks(3) {
        let word = chunk.iter().fold(0u32, |w, b| (w << 8) | u32::from(*b)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let six = (word >> (18 - 6 * place)) & 63;
            out.push(if place <= chunk.len() { char::from(ALPHABET[six as usize]) } else { '=' });
        }
    }
    out
}

/// Reads a body up to `cap` bytes (after decompression).
pub(crate) async fn read(mut response: reqwest::Response, cap: usize, base: &Url, limit: u32) -> Result<Answer, Fault> {
    let status = response.status().as_u16();
    let location = response.headers().get(LOCATION).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let retry_after = retry_after(response.headers());
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > cap => return Err(Fault::TooLarge),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(Answer { status, body, location, retry_after }),
            Err(error) => return Err(Fault::Other(transport(&error, base, limit))),
        }
    }
}

/// A request that brought no answer.
pub(crate) fn transport(error: &reqwest::Error, base: &Url, limit: u32) -> Error {
    let at = place(base);
    if error.is_timeout() {
        return timed_out(&at, limit);
    }
    let cause = root_cause(error);
    if error.is_connect() {
        Error::unavailable(format!("cannot connect to {at}: {cause}; check the address and that it is running"))
    } else {
        Error::unavailable(format!("the answer of {at} broke off: {cause}; it is asked again at the next poll"))
    }
}

/// The time limit passed.
pub(crate) fn timed_out(at: &str, limit: u32) -> Error {
    Error::new(Kind::Timeout, format!("{at} did not answer within {limit} s; check its load or raise timeout_secs"))
}

/// The innermost cause of an error, one line.
pub(crate) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    one_line(&cause.to_string())
}

/// An answer whose status says that it is none, when the body has nothing better to say.
pub(crate) fn refused(answer: &Answer, at: &str) -> Error {
    let status = answer.status;
    match status {
        300..=399 => {
            let to = one_line(answer.location.as_deref().unwrap_or("another address"));
            Error::unavailable(format!("{at} redirects to {to}; put the final address into url"))
        }
        401 => {
            Error::new(Kind::Unauthenticated, format!("{at} refuses the credentials (401); correct them in the source"))
        }
        403 => Error::new(Kind::Forbidden, format!("{at} denies access (403); give the account the right to read")),
        404 => Error::unavailable(format!("{at} has no such API (404); check the path in url")),
        413 | 414 => Error::new(Kind::Invalid, format!("{at} refuses the query as too long ({status}); shorten it")),
        429 => Error::new(Kind::TooMany, format!("{at} asks to slow down (429); raise interval_secs or its limits")),
        408 | 504 => Error::new(
            Kind::Timeout,
            format!("a gateway before {at} gave up waiting ({status}); check the server's load"),
        ),
        _ => Error::unavailable(format!(
            "{at} answers with status {status}: {}; check the server or the proxy before it",
            excerpt(&answer.body)
        )),
    }
}

/// The beginning of a body as one line, tags removed.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(2_048)]);
    let mut plain = String::new();
    let mut inside = false;
    for c in text.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                plain.push(' ');
            }
            c if !inside => plain.push(c),
            _ => {}
        }
    }
    let line = one_line(&plain);
    if line.is_empty() { "no text".to_owned() } else { line }
}

/// Text on one line, at most 300 characters.
pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    let line = words.join(" ");
    if line.chars().count() <= 300 { line } else { line.chars().take(299).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_matches_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn html_becomes_one_line() {
        assert_eq!(excerpt(b"<html><h1>502 Bad\r\nGateway</h1></html>"), "502 Bad Gateway");
        assert_eq!(excerpt(b""), "no text");
        assert_eq!(one_line(&"x".repeat(400)).chars().count(), 300);
    }

    fn answer(status: u16) -> Answer {
        Answer { status, body: Vec::new(), location: None, retry_after: None }
    }

    #[test]
    fn a_busy_server_is_asked_again_with_growing_pauses() {
        let pauses: Vec<_> = (1..=5).map(|tries| answer(429).pause(tries).map(|p| p.as_millis())).collect();
        assert_eq!(pauses, [Some(250), Some(500), Some(1_000), None, None]);
        let told = |secs| Answer { retry_after: Some(secs), ..answer(429) }.pause(1);
        assert_eq!((told(2), told(600)), (Some(Duration::from_secs(2)), Some(LONGEST_PAUSE)));
        assert_eq!(answer(503).pause(1), None);
    }

    #[test]
    fn status_decides_the_kind() {
        let kind = |status| refused(&answer(status), "http://h").kind;
        assert_eq!(kind(302), Kind::Unavailable);
        assert_eq!(kind(401), Kind::Unauthenticated);
        assert_eq!(kind(403), Kind::Forbidden);
        assert_eq!(kind(429), Kind::TooMany);
        assert_eq!(kind(502), Kind::Unavailable);
        assert_eq!(kind(504), Kind::Timeout);
    }
}
