//! Limits of a run: what a script may use at most, in every runtime.

use crate::error::FieldError;
use serde::{Deserialize, Serialize};

/// What a run may use. Every runtime enforces them as far as its host can, and says in its platform information how far that is.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Share of a CPU, in thousandths: 1000 is one whole CPU.
    pub cpu_millis: u32,
    /// Memory, bytes.
    pub memory_bytes: u64,
    /// Processes and threads at once.
    pub pids: u32,
    /// Output kept, bytes; of what is over it, only the end.
    pub output_bytes: u64,
    /// Largest file that a script may write, bytes.
    pub file_bytes: u64,
    /// Whether the script may use the network. Containers and pods have none without it; a local run is not cut off.
    pub network: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu_millis: 1_000,
            memory_bytes: 512 << 20,
            pids: 256,
            output_bytes: 8 << 20,
            file_bytes: 1 << 30,
            network: false,
        }
    }
}

impl Limits {
    /// What is wrong with them, below `field`.
    pub fn check(&self, field: &str, wrong: &mut Vec<FieldError>) {
        let mut within = |name: &str, value: u64, low: u64, high: u64| {
            if !(low..=high).contains(&value) {
                let text = format!("give a number from {low} to {high}, got {value}");
                wrong.push(FieldError::new(format!("{field}.{name}"), text));
            }
        };
        within("cpu_millis", self.cpu_millis.into(), 10, 256_000);
        within("memory_bytes", self.memory_bytes, 8 << 20, 1 << 42);
        within("pids", self.pids.into(), 4, 65_536);
        within("output_bytes", self.output_bytes, 1 << 10, 1 << 40);
        within("file_bytes", self.file_bytes, 0, 1 << 42);
    }
}
