//! Stable keys: which series it is, what it is about, and ids that a replay makes again.

use chrono::{DateTime, Utc};
use domain::catalog::Monitor;
use domain::{Id, Labels};
use sha2::{Digest, Sha256};

/// Labels that name an entity when the monitor does not say which, best first.
const WELL_KNOWN: [&str; 9] =
    ["service", "service_name", "app", "deployment", "pod", "container", "job", "host", "instance"];

/// Identity of a series: its monitor and its sorted labels.
pub(crate) fn hash(monitor: Id, labels: &Labels) -> u128 {
    let mut hash = Sha256::new();
    hash.update(monitor.as_bytes());
    for (name, value) in labels {
        hash.update(name.len().to_le_bytes());
        hash.update(name);
        hash.update(value.len().to_le_bytes());
        hash.update(value);
    }
    head(&hash.finalize())
}

/// The same as text, as it stands in anomalies and memories.
pub(crate) fn series(monitor: Id, labels: &Labels) -> String {
    text(hash(monitor, labels))
}

/// A series' identity as text: 32 hexadecimal digits.
pub(crate) fn text(hash: u128) -> String {
    format!("{hash:032x}")
}

/// The identity that a key begins with; `None` for keys of entities and logs.
pub(crate) fn number(key: &str) -> Option<u128> {
    u128::from_str_radix(key.get(..32)?, 16).ok()
}

/// Which question a monitor asks of whom, short: memories of another one are not for it.
pub(crate) fn asked(monitor: &Monitor) -> String {
    let mut hash = Sha256::new();
    hash.update(monitor.spec.source_id.as_bytes());
    hash.update(&monitor.spec.query);
    let short = head(&hash.finalize()) >> 64;
    format!("{short:016x}")
}

/// First 16 bytes of a digest.
fn head(digest: &[u8]) -> u128 {
    digest.iter().take(16).fold(0, |number, byte| (number << 8) | u128::from(*byte))
}

/// The entity that `labels` are about, for example `service=checkout`.
///
/// The monitor's labels win; without them the first well-known label; without that the monitor's own name.
pub(crate) fn entity(labels: &Labels, wanted: &[String], monitor_name: &str) -> String {
    let named: Vec<String> =
        wanted.iter().filter_map(|name| labels.get(name).map(|value| format!("{name}={value}"))).collect();
    if !named.is_empty() {
        return named.join(",");
    }
    WELL_KNOWN
        .iter()
        .find_map(|name| labels.get(*name).map(|value| format!("{name}={value}")))
        .unwrap_or_else(|| format!("monitor={monitor_name}"))
}

/// A UUIDv7 made from a time and a name, so that working through the same rows again yields the same id.
pub(crate) fn id(at: DateTime<Utc>, name: &str) -> Id {
    let digest = Sha256::digest(name.as_bytes());
    let mut random = [0_u8; 10];
    random.copy_from_slice(&digest[..10]);
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_series_is_its_monitor_and_its_labels() {
        let monitor = domain::new_id();
        let one = series(monitor, &labels(&[("a", "bc")]));
        assert_eq!(one, series(monitor, &labels(&[("a", "bc")])));
        assert_ne!(one, series(monitor, &labels(&[("ab", "c")])), "boundaries count");
        assert_ne!(one, series(domain::new_id(), &labels(&[("a", "bc")])));
        assert_eq!(number(&one).map(text), Some(one.clone()));
        assert_eq!(number(&format!("{one}#gt 1 for 0")).map(text), Some(one));
        assert_eq!(number("entity:service=a-long-name-of-a-service"), None);
    }

    #[test]
    fn entities_fall_back() {
        let labels = labels(&[("service", "checkout"), ("instance", "1:80")]);
        assert_eq!(entity(&labels, &["instance".to_owned()], "m"), "instance=1:80");
        assert_eq!(entity(&labels, &["zone".to_owned()], "m"), "service=checkout");
        assert_eq!(entity(&Labels::new(), &[], "m"), "monitor=m");
    }

    #[test]
    fn ids_repeat_and_sort_by_time() {
        let early = domain::clock::from_millis(1_700_000_000_000);
        let late = domain::clock::from_millis(1_700_000_000_001);
        assert_eq!(id(early, "x"), id(early, "x"));
        assert!(id(early, "x") < id(late, "x"));
        assert_eq!(id(early, "x").get_version_num(), 7);
    }
}
