//! How a source that sends alerts is read: which label names the entity, and where a generic body keeps what.

use crate::error::FieldError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A label whose value names what an alert is about.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntityRule {
    /// Label of the alert, for example `service_name`.
    pub label: String,
    /// Kind of entity that it names, for example `service`; the label's own name when absent.
    #[serde(default)]
    pub kind: Option<String>,
}

/// Where a generic JSON body keeps what; every place is a JSON pointer (RFC 6901).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertMapping {
    /// The list of alerts; empty: the body is one alert, or a list of them. All other places are inside one alert.
    pub alerts: String,
    /// Name of the alert; must be there.
    pub name: String,
    /// Text that says whether it fires; absent: every alert fires.
    pub status: Option<String>,
    /// Values of `status` that mean resolved, any case; empty: `resolved`, `ok`, `closed`, `inactive`, `normal`.
    pub resolved: Vec<String>,
    /// An object of labels.
    pub labels: Option<String>,
    /// Further labels by name.
    pub fields: BTreeMap<String, String>,
    /// What tells two alerts of one name apart; absent: the labels.
    pub fingerprint: Option<String>,
    /// Start: RFC 3339, or epoch seconds or milliseconds.
    pub starts_at: Option<String>,
    /// End, in the same forms.
    pub ends_at: Option<String>,
    /// One line for people.
    pub summary: Option<String>,
    /// Address of the alert at its sender.
    pub link: Option<String>,
}

/// How the alerts of a source are read.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookSpec {
    /// Labels that name the entity, best first; none of them there: the well-known ones (`service`, `pod`, ...).
    pub entities: Vec<EntityRule>,
    /// Label that holds the severity.
    pub severity_label: String,
    /// Label that holds the kind of signal (`latency`, `errors`, ...); without a known word the name is read.
    pub signal_label: String,
    /// Places in the body; only for the kind `generic`.
    pub mapping: Option<AlertMapping>,
}

impl Default for WebhookSpec {
    fn default() -> Self {
        Self {
            entities: Vec::new(),
            severity_label: "severity".to_owned(),
            signal_label: "signal".to_owned(),
            mapping: None,
        }
    }
}

impl WebhookSpec {
    /// Every wrong field, below `webhook`.
    pub(super) fn validate(&self, generic: bool, wrong: &mut Vec<FieldError>) {
        if self.entities.len() > 16 || self.entities.iter().any(|r| r.label.trim().is_empty()) {
            wrong.push(FieldError::new("webhook.entities", "give at most 16 rules, each with a label"));
        }
        if self.entities.iter().any(|r| r.kind.as_ref().is_some_and(|k| k.is_empty() || k.contains('='))) {
            wrong.push(FieldError::new("webhook.entities", "give a kind without =, for example service"));
        }
        match &self.mapping {
            None if generic => {
                wrong.push(FieldError::new("webhook.mapping", "say where the body keeps the alert's name"));
            }
            Some(_) if !generic => {
                wrong.push(FieldError::new("webhook.mapping", "leave it out: only the kind generic has one"));
            }
            Some(mapping) => mapping.validate(wrong),
            None => {}
        }
    }
}

impl AlertMapping {
    fn validate(&self, wrong: &mut Vec<FieldError>) {
        if !self.name.starts_with('/') {
            wrong.push(FieldError::new("webhook.mapping.name", "give a JSON pointer, for example /title"));
        }
        let places = [
            ("alerts", Some(&self.alerts)),
            ("status", self.status.as_ref()),
            ("labels", self.labels.as_ref()),
            ("fingerprint", self.fingerprint.as_ref()),
            ("starts_at", self.starts_at.as_ref()),
            ("ends_at", self.ends_at.as_ref()),
            ("summary", self.summary.as_ref()),
            ("link", self.link.as_ref()),
        ];
        for (field, place) in places {
            if place.is_some_and(|p| !p.is_empty() && !p.starts_with('/')) {
                let field = format!("webhook.mapping.{field}");
                wrong.push(FieldError::new(field, "give a JSON pointer, for example /labels/host"));
            }
        }
        if self.fields.len() > 64 || self.fields.values().any(|p| !p.starts_with('/')) {
            let message = "give at most 64 labels, each with a JSON pointer, for example /host/name";
            wrong.push(FieldError::new("webhook.mapping.fields", message));
        }
    }
}
