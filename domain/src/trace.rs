//! W3C trace context as a value, so that one trace spans poll, detection, healing and script.

use serde::{Deserialize, Serialize};

/// Identifies a span in a trace (W3C Trace Context, `traceparent` version 00).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceContext {
    /// 32 lower-case hex digits.
    pub trace_id: String,
    /// 16 lower-case hex digits.
    pub span_id: String,
}

impl TraceContext {
    /// The `traceparent` header value, sampled.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-01", self.trace_id, self.span_id)
    }

    /// A context with random ids, for when no tracer is running.
    #[must_use]
    pub fn random() -> Self {
        let span = uuid::Uuid::new_v4().simple().to_string();
        Self { trace_id: uuid::Uuid::new_v4().simple().to_string(), span_id: span[..16].to_owned() }
    }

    /// Parses a `traceparent` header; `None` when it is not a valid one.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
        let hex = |s: &str, n: usize| {
            s.len() == n && s.bytes().all(|b| b.is_ascii_hexdigit()) && s.bytes().any(|b| b != b'0')
        };
        (version.len() == 2 && version != "ff" && hex(trace, 32) && hex(span, 16))
            .then(|| Self { trace_id: trace.to_ascii_lowercase(), span_id: span.to_ascii_lowercase() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_rejects() {
        let random = TraceContext::random();
        assert_eq!(TraceContext::parse(&random.traceparent()), Some(random));
        for bad in [
            "",
            "00-0-0-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
    }
}
