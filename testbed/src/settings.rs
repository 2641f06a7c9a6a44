//! A release's settings, the feature flags laid over them, and how both are read from disk.
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// The good release every service starts with.
pub(crate) const GOOD_VERSION: &str = "1.4.0";
/// The faulty release that `bad_release` rolls out.
pub(crate) const BAD_VERSION: &str = "1.5.0";

/// What a service does, as its release was shipped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Milliseconds a request waits on a downstream call while it holds a database connection.
    pub(crate) slow_dependency_ms: u64,
    /// Share of requests that fail, 0..=1.
    pub(crate) fail_share: f64,
    /// Extra queries each request runs, one by one.
    pub(crate) extra_queries: u32,
    /// Seconds a cache entry lives; 0 switches the cache off.
    pub(crate) cache_ttl_secs: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { slow_dependency_ms: 0, fail_share: 0.0, extra_queries: 0, cache_ttl_secs: 60 }
    }
}

/// A release: its version and its settings. Stored as `releases/SERVICE/VERSION.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    /// Semantic version, shown in `build_info`.
    pub(crate) version: String,
    /// Behaviour of this release.
    pub(crate) settings: Settings,
}

impl Release {
    /// The release that works.
    pub(crate) fn good() -> Self {
        Self { version: GOOD_VERSION.to_owned(), settings: Settings::default() }
    }

    /// A release with a query in a loop, a slow call under a held connection, and a share of failures.
    pub(crate) fn bad(intensity: f64) -> Self {
        let share = intensity.clamp(0.05, 1.0);
        let settings = Settings {
            slow_dependency_ms: (share * 500.0) as u64,
            fail_share: share * 0.3,
            extra_queries: 25,
            ..Settings::default()
        };
        Self { version: BAD_VERSION.to_owned(), settings }
    }

    /// Reads a release file; the error names the file.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("read release {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("parse release {}", path.display()))
    }
}

/// Runtime configuration laid over a release; an absent field leaves the release's value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flags {
    /// See [`Settings::slow_dependency_ms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) slow_dependency_ms: Option<u64>,
    /// See [`Settings::fail_share`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fail_share: Option<f64>,
    /// See [`Settings::extra_queries`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) extra_queries: Option<u32>,
    /// See [`Settings::cache_ttl_secs`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cache_ttl_secs: Option<u64>,
}

impl Flags {
    /// Reads a flag file; an absent file means no flags.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text).with_context(|| format!("parse flags {}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("read flags {}", path.display())),
        }
    }

    /// The settings in force: the release's, with these flags laid over.
    pub(crate) fn over(&self, settings: &Settings) -> Settings {
        Settings {
            slow_dependency_ms: self.slow_dependency_ms.unwrap_or(settings.slow_dependency_ms),
            fail_share: self.fail_share.unwrap_or(settings.fail_share),
            extra_queries: self.extra_queries.unwrap_or(settings.extra_queries),
            cache_ttl_secs: self.cache_ttl_secs.unwrap_or(settings.cache_ttl_secs),
        }
    }

    /// These flags with every field that `other` sets taken from `other`.
    pub(crate) fn merged(&self, other: &Self) -> Self {
        Self {
            slow_dependency_ms: other.slow_dependency_ms.or(self.slow_dependency_ms),
            fail_share: other.fail_share.or(self.fail_share),
            extra_queries: other.extra_queries.or(self.extra_queries),
            cache_ttl_secs: other.cache_ttl_secs.or(self.cache_ttl_secs),
        }
    }

    /// These flags without the fields that `other` sets.
    pub(crate) fn without(&self, other: &Self) -> Self {
        Self {
            slow_dependency_ms: if other.slow_dependency_ms.is_some() { None } else { self.slow_dependency_ms },
            fail_share: if other.fail_share.is_some() { None } else { self.fail_share },
            extra_queries: if other.extra_queries.is_some() { None } else { self.extra_queries },
            cache_ttl_secs: if other.cache_ttl_secs.is_some() { None } else { self.cache_ttl_secs },
        }
    }
}

/// Writes a value as JSON so that a reader sees the old file or the new one, never a half.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("create folder {}", folder.display()))?;
    }
    let part = path.with_extension(format!("{}.part", std::process::id()));
    std::fs::write(&part, text).with_context(|| format!("write {}", part.display()))?;
    std::fs::rename(&part, path).with_context(|| format!("rename to {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_lie_over_a_release_and_come_off_again() {
        let fault = Flags { fail_share: Some(0.4), ..Flags::default() };
        let other = Flags { cache_ttl_secs: Some(5), ..Flags::default() };
        let both = other.merged(&fault);
        assert_eq!(both.over(&Settings::default()).fail_share, 0.4);
        assert_eq!(both.over(&Settings::default()).cache_ttl_secs, 5);
        assert_eq!(both.without(&fault), other);
    }

    #[test]
    fn an_absent_flag_file_is_no_flags_and_a_wrong_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flags.json");
        assert_eq!(Flags::read(&path).unwrap(), Flags::default());
        std::fs::write(&path, r#"{"fail_sahre": 1}"#).unwrap();
        assert!(format!("{:#}", Flags::read(&path).unwrap_err()).contains("fail_sahre"));
    }

    #[test]
    fn the_bad_release_differs_in_what_users_feel() {
        let bad = Release::bad(1.0).settings;
        assert!(bad.slow_dependency_ms > 0 && bad.fail_share > 0.0 && bad.extra_queries > 0);
    }
}
