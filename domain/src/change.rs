//! What was changed from outside or by ourselves: releases, scaling, configuration, runs. Evidence for the search of a cause.

use crate::Time;
use crate::error::FieldError;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A change counts as evidence for what begins so much later, at most.
pub const BEFORE: TimeDelta = TimeDelta::minutes(30);
/// A change may be told so much later than what it did is seen, seconds: detectors and clocks are not exact.
pub const AFTER: TimeDelta = TimeDelta::seconds(60);
/// Changes are kept for so long.
pub const KEEP: TimeDelta = TimeDelta::days(30);
/// Changes of one window at most; the newest count.
pub const MAX_CHANGES: usize = 1_000;
/// Longest text of a change, characters.
const TEXT: usize = 500;

/// What kind of change it is.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A release or another change of what runs.
    Deployment,
    /// More or fewer of the same.
    Scale,
    /// Settings, flags, certificates, schemas.
    Config,
    /// A run of this product on its target.
    Run,
    /// Anything else.
    #[default]
    Other,
}

/// A change, as stored.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeEvent {
    /// UUIDv7; of a run its own.
    pub id: Uuid,
    /// Tells it apart at its sender: a change that is told again is the same one.
    pub key: String,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = chrono::DateTime<chrono::Utc>))]
    pub at: Time,
    /// What kind.
    pub kind: ChangeKind,
    /// What was changed, for example `service=checkout`.
    pub entity: String,
    /// One line for people, for example `release 4.18`.
    pub title: String,
    /// Who changed it; empty when nobody says.
    pub author: String,
    /// Address of the change, http or https, or empty.
    pub link: String,
    /// Who told it: `api NAME`, `kubernetes NAME`, `runs`.
    pub told_by: String,
}

impl ChangeEvent {
    /// Every wrong field.
    #[must_use]
    pub fn wrong(&self) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        let well =
            self.entity.split_once('=').is_some_and(|(kind, name)| !kind.trim().is_empty() && !name.trim().is_empty());
        if !well || self.entity.len() > crate::topology::MAX_ENTITY {
            wrong.push(FieldError::new("entity", "give kind=name, for example service=checkout"));
        }
        for (field, text, needed) in
            [("title", &self.title, true), ("author", &self.author, false), ("key", &self.key, true)]
        {
            let odd = text.chars().any(char::is_control) || text.chars().count() > TEXT;
            if odd || needed && text.trim().is_empty() {
                wrong.push(FieldError::new(field, format!("give one line of at most {TEXT} characters")));
            }
        }
        let http = self.link.starts_with("https://") || self.link.starts_with("http://");
        if !self.link.is_empty() && (!http || self.link.len() > 2_000) {
            wrong.push(FieldError::new("link", "give an http or https address, or leave it out"));
        }
        wrong
    }

    /// How much it counts for what began at `onset`: 1 just before, less the longer ago, nothing after and long before.
    #[must_use]
    pub fn weight(&self, onset: Time) -> f64 {
        let before = onset - self.at;
        // A run after the beginning answers to it.
        let after = if self.kind == ChangeKind::Run { TimeDelta::zero() } else { AFTER };
        if before > BEFORE || before < -after {
            return 0.0;
        }
        let minutes = before.num_seconds().max(0) as f64 / 60.0;
        (-minutes / 15.0).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    fn change() -> ChangeEvent {
        ChangeEvent {
            id: crate::new_id(),
            key: "k".to_owned(),
            at: from_millis(10_000_000),
            kind: ChangeKind::Deployment,
            entity: "service=a".to_owned(),
            title: "release 2".to_owned(),
            author: String::new(),
            link: String::new(),
            told_by: "api ci".to_owned(),
        }
    }

    #[test]
    fn what_was_changed_just_before_counts_most_and_later_changes_not_at_all() {
        let change = change();
        let at = |secs: i64| change.weight(change.at + TimeDelta::seconds(secs));
        assert!((at(0) - 1.0).abs() < 1e-9 && at(60) > at(600) && at(600) > at(1_799) && at(1_799) > 0.1);
        assert_eq!((at(1_801), at(-61)), (0.0, 0.0));
        assert!((at(-60) - 1.0).abs() < 1e-9, "told a little late");
        let run = ChangeEvent { kind: ChangeKind::Run, ..change.clone() };
        assert_eq!(run.weight(run.at - TimeDelta::seconds(1)), 0.0, "a run after the beginning is its answer");
    }

    #[test]
    fn wrong_fields_are_named() {
        assert!(change().wrong().is_empty());
        let bad = ChangeEvent {
            entity: "checkout".to_owned(),
            title: "a\nb".to_owned(),
            author: "x".repeat(501),
            link: "javascript:alert(1)".to_owned(),
            ..change()
        };
        let fields: Vec<_> = bad.wrong().into_iter().map(|f| f.field).collect();
        assert_eq!(fields, ["entity", "title", "author", "link"]);
    }
}
