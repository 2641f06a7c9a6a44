//! Values of a run's secrets: read when this process begins to follow it, given to the script, masked in all it leaves.

use super::job::{Job, Stop};
use crate::mask::Masker;
use domain::error::Kind;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What was read.
pub(super) struct Revealed {
    /// Values by environment name.
    pub(super) values: BTreeMap<String, String>,
    /// Why the run cannot be started; one that was started before goes on without.
    pub(super) missing: Option<String>,
    /// Masks these values and all that is always masked, as that was at the number beside it.
    masker: Mutex<(u64, Masker)>,
}

impl Job {
    /// Reads the values, tried again while the database does not answer.
    pub(super) async fn reveal(&self) -> Result<Revealed, Stop> {
        let (mut values, mut missing) = (BTreeMap::new(), None);
        for (name, secret) in &self.run.spec.secrets {
            let wanted = std::slice::from_ref(secret);
            let read = || async {
                match self.deps.secrets.reveal(wanted).await {
                    Err(e) if matches!(e.kind, Kind::NotFound | Kind::Internal) => Ok(Err(e.message)),
                    answer => answer.map(Ok),
                }
            };
            match self.write("read a secret", read).await? {
                Ok(mut found) => values.extend(found.remove(secret).map(|value| (name.clone(), value))),
                Err(why) => {
                    missing
                        .get_or_insert(format!("{name}: {why}; store it, or change the case or script that names it"));
                }
            }
        }
        let (generation, always) = self.deps.config.masks.now();
        let masker = Mutex::new((generation, with(always, &values)));
        Ok(Revealed { values, missing, masker })
    }

    /// Masks what this run may show; what was learned since is masked too.
    pub(super) fn masker(&self) -> Masker {
        let masks = &self.deps.config.masks;
        let Some(revealed) = self.revealed.get() else { return masks.now().1 };
        let mut kept = revealed.masker.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0 != masks.generation() {
            let (generation, always) = masks.now();
            *kept = (generation, with(always, &revealed.values));
        }
        kept.1.clone()
    }
}

/// The masker with a run's own secrets.
fn with(always: Masker, values: &BTreeMap<String, String>) -> Masker {
    if values.is_empty() { always } else { always.with(values.values()) }
}
