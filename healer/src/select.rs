//! Selects the policy for an incident: first by fit, then by priority, then by name.

use domain::anomaly::{Anomaly, AnomalyKind};
use domain::incident::Incident;
use domain::policy::{Match, Policy};

/// Entity that a policy's `match.entities` is compared with: the best cause, or the incident's own while undetermined.
#[must_use]
pub fn suspect(incident: &Incident) -> &str {
    incident.causes.first().map_or(incident.entity.as_str(), |c| c.entity.as_str())
}

/// Whether `text` fits `pattern`, in which `*` stands for any run of characters (also none). Case matters.
#[must_use]
pub fn wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Whether every given condition of `matches` holds.
#[must_use]
pub fn fits(matches: &Match, incident: &Incident, anomalies: &[Anomaly]) -> bool {
    let entity = suspect(incident);
    incident.severity >= matches.min_severity
        && (matches.entities.is_empty() || matches.entities.iter().any(|p| wildcard(p, entity)))
        && (matches.signals.is_empty() || anomalies.iter().any(|a| matches.signals.contains(&a.signal)))
        && (matches.monitors.is_empty()
            || anomalies.iter().any(|a| matches.monitors.iter().any(|p| wildcard(p, &a.monitor_name))))
        && ((matches.alerts.is_empty() && matches.labels.is_empty())
            || anomalies.iter().any(|a| named(matches, a) && labelled(matches, a)))
}

/// Whether the member is an alert of one of the wanted names; any member when none is named.
fn named(matches: &Match, anomaly: &Anomaly) -> bool {
    let wanted = |p: &String| wildcard(p, &anomaly.monitor_name);
    matches.alerts.is_empty() || (anomaly.kind == AnomalyKind::Alert && matches.alerts.iter().any(wanted))
}

/// Whether the member has every wanted label.
fn labelled(matches: &Match, anomaly: &Anomaly) -> bool {
    matches.labels.iter().all(|(name, pattern)| anomaly.labels.get(name).is_some_and(|v| wildcard(pattern, v)))
}

/// The policy to ask: living and enabled, fitting, lowest `priority` first, then by name.
#[must_use]
pub fn select<'a>(policies: &'a [Policy], incident: &Incident, anomalies: &[Anomaly]) -> Option<&'a Policy> {
    policies
        .iter()
        .filter(|p| p.spec.enabled && p.archived_at.is_none() && fits(&p.spec.matches, incident, anomalies))
        .min_by(|a, b| a.spec.priority.cmp(&b.spec.priority).then_with(|| a.name.cmp(&b.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_values::{anomaly, incident, policy};
    use domain::incident::Severity;
    use domain::signal::SignalKind;

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("service=checkout", "service=checkout", true),
            ("service=*", "service=checkout", true),
            ("*", "", true),
            ("*out", "service=checkout", true),
            ("s*=*k*t", "service=checkout", true),
            ("service=check", "service=checkout", false),
            ("a*a", "a", false),
            ("", "x", false),
            ("**", "x", true),
            ("*ab*ab*", "ab", false),
        ] {
            assert_eq!(wildcard(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn every_condition_counts() {
        let (incident, anomalies) = (incident(), [anomaly()]);
        let base = policy();
        let fit = |change: &dyn Fn(&mut Match)| {
            let mut matches = base.spec.matches.clone();
            change(&mut matches);
            fits(&matches, &incident, &anomalies)
        };
        assert!(fit(&|_| {}));
        assert!(fit(&|m| m.entities = vec!["service=*".into()]));
        assert!(!fit(&|m| m.entities = vec!["host=*".into()]));
        assert!(fit(&|m| m.signals = vec![SignalKind::Latency]));
        assert!(!fit(&|m| m.signals = vec![SignalKind::Logs]));
        assert!(fit(&|m| m.monitors = vec!["checkout*".into()]));
        assert!(!fit(&|m| m.monitors = vec!["other".into()]));
        assert!(!fit(&|m| m.min_severity = Severity::Critical));
        assert!(!fit(&|m| m.alerts = vec!["*".into()]), "no alert is among them");
        let mut alert = anomaly();
        (alert.kind, alert.monitor_name) = (AnomalyKind::Alert, "HighErrorRate".to_owned());
        alert.labels.insert("team".to_owned(), "shop; $(x)".to_owned());
        let told = |change: &dyn Fn(&mut Match)| {
            let mut matches = base.spec.matches.clone();
            change(&mut matches);
            fits(&matches, &incident, &[anomaly(), alert.clone()])
        };
        assert!(told(&|m| m.alerts = vec!["High*".into()]));
        assert!(told(&|m| m.labels = [("team".to_owned(), "shop*".to_owned())].into()));
        assert!(!told(&|m| m.labels = [("team".to_owned(), "shop".to_owned())].into()));
    }

    #[test]
    fn priority_then_name_and_never_disabled() {
        let with = |name: &str, priority: i32, enabled: bool| {
            let mut p = policy();
            p.name = name.to_owned();
            p.spec.priority = priority;
            p.spec.enabled = enabled;
            p
        };
        let all = [with("b", 5, true), with("a", 5, true), with("c", 1, false), with("d", 9, true)];
        assert_eq!(select(&all, &incident(), &[anomaly()]).map(|p| p.name.as_str()), Some("a"));
    }
}
