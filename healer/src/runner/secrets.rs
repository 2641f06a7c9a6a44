//! Values of a run's secrets: read when this process begins to follow it, given to the script, masked in all it leaves.

use super::job::{Job, Stop};
use crate::mask::Masker;
use domain::error::Kind;
use std::collections::BTreeMap;

/// What was read.
pub(super) struct Revealed {
    /// Values by environment name.
    pub(super) values: BTreeMap<String, String>,
    /// Why the run cannot be started; one that was started before goes on without.
    pub(super) missing: Option<String>,
    /// Masks these values, and all that is always masked.
    pub(super) masker: Masker,
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
        let masker = &self.deps.config.masker;
        let masker = if values.is_empty() { masker.clone() } else { masker.with(values.values()) };
        Ok(Revealed { values, missing, masker })
    }

    /// Masks what this run may show.
    pub(super) fn masker(&self) -> &Masker {
        self.revealed.get().map_or(&self.deps.config.masker, |revealed| &revealed.masker)
    }
}
