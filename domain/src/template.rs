//! Log templates as people see them, and the rules that people set on them.

use crate::signal::LogLevel;
use crate::{Id, Time};
use serde::{Deserialize, Serialize};

/// Hours of counts that are kept with a template.
pub const HOURS: usize = 24;

/// A template of a log monitor's lines.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogTemplate {
    /// Made of monitor and template: the same on every replica and after a restart.
    #[cfg_attr(feature = "openapi", schema(value_type = uuid::Uuid))]
    pub id: Id,
    /// Monitor whose lines they are.
    #[cfg_attr(feature = "openapi", schema(value_type = uuid::Uuid))]
    pub monitor_id: Id,
    /// Constant text with masks such as `<*>`, `<NUM>`, `<IP>` in place of values.
    pub text: String,
    /// Level of its lines.
    pub level: LogLevel,
    /// Lines seen, those of templates that were merged into it included.
    pub count: u64,
    /// Time of the first line.
    #[cfg_attr(feature = "openapi", schema(value_type = chrono::DateTime<chrono::Utc>))]
    pub first_seen_at: Time,
    /// Time of the newest line.
    #[cfg_attr(feature = "openapi", schema(value_type = chrono::DateTime<chrono::Utc>))]
    pub last_seen_at: Time,
    /// Lines of each of the last 24 hours with lines, oldest first; the last is the hour of `last_seen_at`.
    pub hours: Vec<u32>,
    /// Some of its lines, secrets and personal data masked.
    pub samples: Vec<String>,
    /// The template that it became part of.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<uuid::Uuid>))]
    pub merged_into: Option<Id>,
    /// What people set.
    #[serde(default)]
    pub rule: TemplateRule,
}

/// What people set on a template.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TemplateRule {
    /// A name of one's own; empty for none.
    pub name: String,
    /// Kept whatever the room.
    pub pinned: bool,
    /// No anomaly is told of it.
    pub muted: bool,
    /// Taken apart again into the shapes it was joined from, which never join again.
    pub split: bool,
}

/// A rule with the template it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleOf {
    /// The template.
    pub template_id: Id,
    /// Its monitor.
    pub monitor_id: Id,
    /// The rule.
    pub rule: TemplateRule,
}

/// Id of a template of a monitor: half of the monitor's id, and the template's own 64 bits.
#[must_use]
pub const fn template_id(monitor_id: Id, template: u64) -> Id {
    let (_, low) = monitor_id.as_u64_pair();
    Id::from_u64_pair(low, template)
}

/// The template's own 64 bits.
#[must_use]
pub const fn template_of(id: Id) -> u64 {
    id.as_u64_pair().1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_hold_monitor_and_template() {
        let (one, two) = (crate::new_id(), crate::new_id());
        assert_ne!(template_id(one, 7), template_id(two, 7));
        assert_eq!(template_of(template_id(one, u64::MAX - 3)), u64::MAX - 3);
    }
}
