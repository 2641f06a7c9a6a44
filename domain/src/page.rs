//! Keyset paging: a cursor names the last row seen, so page 10,000 costs what page 1 costs.

use serde::{Deserialize, Serialize};

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PageRequest {
    /// Rows at most, 1..=200.
    #[serde(default = "default_limit")]
    pub limit: u32,
    /// Opaque cursor of the page before, absent for the first page.
    #[serde(default)]
    pub cursor: Option<String>,
}

const fn default_limit() -> u32 {
    50
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { limit: default_limit(), cursor: None }
    }
}

impl PageRequest {
    /// The limit, held to 1..=200.
    #[must_use]
    pub fn clamped(&self) -> u32 {
        self.limit.clamp(1, 200)
    }
}

/// One page of a list, newest first unless said otherwise.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Cursor of the next page; absent on the last.
    pub next_cursor: Option<String>,
}
