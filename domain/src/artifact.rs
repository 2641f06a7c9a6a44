//! Files that a run left below `$AIOPS_ARTIFACTS`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One kept file.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Path below `$AIOPS_ARTIFACTS`, parts separated by `/`.
    pub name: String,
    /// Size, bytes.
    pub bytes: u64,
    /// Media type, from the name.
    pub media_type: String,
    /// SHA-256 of the content, hex.
    pub sha256: String,
    /// When it was stored.
    pub stored_at: DateTime<Utc>,
    /// Where it is in file storage.
    #[serde(skip)]
    pub key: String,
}

/// What is kept of one run at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactLimits {
    /// Files.
    pub count: usize,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files.
    pub total_bytes: u64,
}

impl Default for ArtifactLimits {
    fn default() -> Self {
        Self { count: 200, file_bytes: 64 << 20, total_bytes: 256 << 20 }
    }
}

/// Media type by the ending of a name; what could run in a browser is text.
#[must_use]
pub fn media_type(name: &str) -> &'static str {
    let ending = name.rsplit('/').next().and_then(|n| n.rsplit_once('.')).map_or("", |(_, e)| e);
    match ending.to_ascii_lowercase().as_str() {
        "txt" | "log" | "md" | "csv" | "yaml" | "yml" | "toml" | "sh" | "py" | "js" | "html" | "htm" => {
            "text/plain; charset=utf-8"
        }
        "json" => "application/json",
        "xml" => "application/xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "pdf" => "application/pdf",
        "gz" | "tgz" => "application/gzip",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_browser_would_run() {
        for (name, kind) in [
            ("a/report.JSON", "application/json"),
            ("x.html", "text/plain; charset=utf-8"),
            ("x.svg", "application/octet-stream"),
            ("noending", "application/octet-stream"),
            ("dir.png/file", "application/octet-stream"),
        ] {
            assert_eq!(media_type(name), kind, "{name}");
        }
    }
}
