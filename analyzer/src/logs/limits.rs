//! Bounds that keep one source's template miner small and fast whatever the input is.

use serde::{Deserialize, Serialize};

/// Hard limits of one [`TemplateMiner`](super::TemplateMiner). All of them are counts unless the name says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Most templates kept at once; above it the least used tenth is forgotten.
    pub templates: usize,
    /// Most templates seen only once that wait for a second line; older ones move to `unclassified`.
    pub probation: usize,
    /// Most remembered shapes that are not a template of their own (a value at a wildcard).
    pub shapes: usize,
    /// Most entries of the sibling index (one per template and blanked position).
    pub siblings: usize,
    /// Most aliases (old id to the id it was merged into).
    pub aliases: usize,
    /// Bytes of a line that decide its template; the rest is ignored.
    pub line_bytes: usize,
    /// Constant tokens of a line that decide its template; the rest is ignored.
    pub line_tokens: usize,
    /// Bytes of the sample kept with a template.
    pub sample_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            templates: 10_000,
            probation: 400,
            shapes: 20_000,
            siblings: 50_000,
            aliases: 50_000,
            line_bytes: 8 * 1024,
            line_tokens: 128,
            sample_bytes: 1024,
        }
    }
}

impl Limits {
    /// The same limits with every zero raised to the least value that works.
    #[must_use]
    pub fn usable(self) -> Self {
        Self {
            templates: self.templates.max(16),
            probation: self.probation.max(4),
            shapes: self.shapes.max(16),
            siblings: self.siblings.max(16),
            aliases: self.aliases.max(16),
            line_bytes: self.line_bytes.clamp(64, 1 << 20),
            line_tokens: self.line_tokens.clamp(8, 1024),
            sample_bytes: self.sample_bytes.clamp(64, 1 << 16),
        }
    }
}
