//! What is masked in all logs, kept up with the stored secrets and credentials while runs go on.

use crate::config::HealerDeps;
use crate::mask::{MIN_SECRET, Masker};
use domain::ports::Topic;
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Time between two looks at what is stored; a change that this process is told of is looked at at once.
const EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
struct Known {
    secrets: BTreeSet<String>,
    masker: Masker,
    /// Grows with each change.
    generation: u64,
}

/// The secrets that are masked in every run, shared by all that mask. What was masked once stays masked while the process
/// lives: a password that was replaced is still one.
#[derive(Debug, Clone, Default)]
pub struct Masks(Arc<RwLock<Known>>);

impl Masks {
    /// Masks these.
    #[must_use]
    pub fn new(secrets: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let masks = Self::default();
        masks.learn(secrets);
        masks
    }

    /// Masks these too, from now on; whether one of them was new.
    pub fn learn(&self, secrets: impl IntoIterator<Item = impl Into<String>>) -> bool {
        let pieces: BTreeSet<String> = secrets.into_iter().flat_map(|secret| pieces(&secret.into())).collect();
        if pieces.is_subset(&self.0.read().unwrap_or_else(PoisonError::into_inner).secrets) {
            return false;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.secrets.extend(pieces);
        known.masker = Masker::new(&known.secrets);
        known.generation += 1;
        true
    }

    /// The masker as it is now, and a number that grows with each change.
    #[must_use]
    pub fn now(&self) -> (u64, Masker) {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (known.generation, known.masker.clone())
    }

    /// The number alone.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).generation
    }
}

/// What is looked for of one secret in the logs of all runs: a line as it is; of several lines (keys, configurations) the
/// long words, as the rest of such a text is no secret and stands in many a log. A run that is given the secret masks every
/// line of it.
fn pieces(secret: &str) -> Vec<String> {
    let secret = secret.trim_end_matches(['\r', '\n']);
    if !secret.contains('\n') {
        return if secret.len() >= MIN_SECRET { vec![secret.to_owned()] } else { Vec::new() };
    }
    let word = |line: &str| {
        let line = line.trim();
        let value = line.split_once(": ").map_or(line, |(_, value)| value);
        let value = value.trim_end_matches(',').trim_matches(['"', '\'']).to_owned();
        let long = value.len() >= 16 && !value.contains(char::is_whitespace) && !value.starts_with("-----");
        (long && !value.contains("://")).then_some(value)
    };
    secret.lines().filter_map(word).collect()
}

/// Learns until `cancel`: when settings change, and every few seconds. What was stored before is known from the start.
pub(crate) async fn run(deps: Arc<HealerDeps>, cancel: CancellationToken) {
    let mut changes = deps.wake.listen(Topic::Catalog);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            () = changes.wait(EVERY) => {}
        }
        match deps.known_secrets.known_secrets().await {
            Ok(secrets) => {
                deps.config.masks.learn(secrets);
            }
            Err(e) => deps.failed("read what is to be masked", &e),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::MARK;

    #[test]
    fn what_is_learned_is_masked_by_all_and_stays() {
        let masks = Masks::new(["hunter2-Zq9"]);
        let other = masks.clone();
        assert_eq!(masks.now().1.mask("new-passw0rd"), "new-passw0rd");
        assert!(other.learn(["new-passw0rd", "tiny"]));
        assert!(!other.learn(["new-passw0rd"]), "nothing new");
        assert_eq!(masks.now().1.mask("new-passw0rd hunter2-Zq9 tiny"), format!("{MARK} {MARK} tiny"));
        assert_eq!((masks.generation(), masks.now().0), (2, 2));
    }

    #[test]
    fn of_a_text_only_its_keys_are_masked() {
        let text = "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    server: https://10.0.0.1:6443/a-long-path\nusers:\n\
                    - user:\n    token: eyJhbGciOiJSUzI1NiJ9.e30\n-----BEGIN PRIVATE KEY-----\nMIGEAgEAMBAGByqGSM49AgEG\n";
        assert_eq!(pieces(text), ["eyJhbGciOiJSUzI1NiJ9.e30", "MIGEAgEAMBAGByqGSM49AgEG"]);
        assert_eq!(pieces("one line\n"), ["one line"]);
    }
}
