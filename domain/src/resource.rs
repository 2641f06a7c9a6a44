//! What all editable objects share: identity, version, name, tags and a validated specification.

use crate::error::{Error, FieldError, Result};
use chrono::{DateTime, Utc};
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

/// The kind-specific part of an editable object.
pub trait Spec: Serialize + DeserializeOwned + Clone + Send + Sync + std::fmt::Debug + 'static {
    /// Word for one object in messages and audit rows, for example `script`.
    const KIND: &'static str;
    /// Table that keeps it, for example `test_scripts`.
    const TABLE: &'static str;

    /// Every wrong field; empty when the specification can be stored.
    fn validate(&self) -> Vec<FieldError>;

    /// A copy that may be shown: secrets replaced by a mark.
    #[must_use]
    fn redacted(&self) -> Self {
        self.clone()
    }

    /// Fills secrets that came back as the mark from the stored copy.
    fn keep_secrets(&mut self, _stored: &Self) {}

    /// Brings input into the form that is stored, for example CRLF to LF; says what was changed, for people.
    fn tidy(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// Mark shown instead of a stored secret; sent back unchanged it keeps the stored one.
pub const SECRET_MARK: &str = "********";

/// An editable object as stored and shown.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Resource<T> {
    /// UUIDv7.
    pub id: Uuid,
    /// Raised by every change; sent back as `If-Match`.
    pub version: i64,
    /// Unique among the living objects of its kind.
    pub name: String,
    /// Free words for filters and runtime choice.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Creation time.
    pub created_at: DateTime<Utc>,
    /// Time of the last change.
    pub updated_at: DateTime<Utc>,
    /// When it was archived; archived objects stay readable and start nothing.
    pub archived_at: Option<DateTime<Utc>>,
    /// The kind-specific part.
    #[serde(flatten)]
    pub spec: T,
}

/// What a caller sends to create or replace an object.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Draft<T> {
    /// Unique name, 1..=120 characters.
    pub name: String,
    /// Free words.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The kind-specific part.
    #[serde(flatten)]
    pub spec: T,
}

// By hand: with `serde(flatten)` the specification would never see an unknown key, so it could not refuse it.
fn take<V: DeserializeOwned, E: serde::de::Error>(map: &mut Map<String, Value>, field: &'static str) -> Result<V, E> {
    let value = map.remove(field).ok_or_else(|| E::missing_field(field))?;
    serde_json::from_value(value).map_err(|e| E::custom(format_args!("{field}: {e}")))
}

fn take_tags<E: serde::de::Error>(map: &mut Map<String, Value>) -> Result<Vec<String>, E> {
    if map.contains_key("tags") { take(map, "tags") } else { Ok(Vec::new()) }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Resource<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = Map::deserialize(deserializer)?;
        Ok(Self {
            id: take(&mut map, "id")?,
            version: take(&mut map, "version")?,
            name: take(&mut map, "name")?,
            tags: take_tags(&mut map)?,
            created_at: take(&mut map, "created_at")?,
            updated_at: take(&mut map, "updated_at")?,
            archived_at: if map.contains_key("archived_at") { take(&mut map, "archived_at")? } else { None },
            spec: serde_json::from_value(Value::Object(map)).map_err(D::Error::custom)?,
        })
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Draft<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = Map::deserialize(deserializer)?;
        Ok(Self {
            name: take(&mut map, "name")?,
            tags: take_tags(&mut map)?,
            spec: serde_json::from_value(Value::Object(map)).map_err(D::Error::custom)?,
        })
    }
}

impl<T: Spec> Draft<T> {
    /// Checks name, tags and specification.
    ///
    /// # Errors
    /// [`crate::Kind::Invalid`] with one entry per wrong field.
    pub fn check(&self) -> Result<()> {
        let mut wrong = self.spec.validate();
        let chars = self.name.chars().count();
        if self.name.trim().is_empty() || chars > 120 {
            wrong.insert(0, FieldError::new("name", "give a name of 1 to 120 characters"));
        }
        if self.name.chars().any(char::is_control) {
            wrong.push(FieldError::new("name", "remove control characters"));
        }
        if self.tags.len() > 32 || self.tags.iter().any(|t| t.trim().is_empty() || t.chars().count() > 64) {
            wrong.push(FieldError::new("tags", "give at most 32 tags of 1 to 64 characters"));
        }
        if wrong.is_empty() { Ok(()) } else { Err(Error::invalid(wrong)) }
    }

    /// The new object at version 1.
    #[must_use]
    pub fn into_resource(self, id: Uuid, now: DateTime<Utc>) -> Resource<T> {
        Resource {
            id,
            version: 1,
            name: self.name,
            tags: self.tags,
            created_at: now,
            updated_at: now,
            archived_at: None,
            spec: self.spec,
        }
    }
}

/// Which objects of a kind are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct ResourceFilter {
    /// Part of the name, any case.
    #[serde(default)]
    pub search: Option<String>,
    /// Only those that carry this tag.
    #[serde(default)]
    pub tag: Option<String>,
    /// Archived ones too.
    #[serde(default)]
    pub archived: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{ChannelSpec, MonitorSpec};
    use serde_json::json;

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let good = json!({"name": "pager", "tags": ["a"], "kind": "webhook", "url": "https://a.example"});
        assert!(serde_json::from_value::<Draft<ChannelSpec>>(good.clone()).is_ok());
        let mut bad = good;
        bad["is_admin"] = json!(true);
        let error = serde_json::from_value::<Draft<ChannelSpec>>(bad).unwrap_err().to_string();
        assert!(error.contains("unknown field `is_admin`"), "{error}");
        let error = serde_json::from_value::<Draft<ChannelSpec>>(json!({"kind": "webhook", "url": ""})).unwrap_err();
        assert!(error.to_string().contains("missing field `name`"), "{error}");
    }

    #[test]
    fn a_resource_comes_back_as_it_went() {
        let spec = json!({"source_id": Uuid::nil(), "query": "up", "signal": "other", "detector": {"kind": "learned"}});
        let spec: MonitorSpec = serde_json::from_value(spec).unwrap();
        let draft = Draft { name: "up".to_owned(), tags: vec!["x".to_owned()], spec };
        let there = draft.into_resource(Uuid::now_v7(), crate::clock::from_millis(1_700_000_000_123));
        let back: Resource<MonitorSpec> = serde_json::from_str(&serde_json::to_string(&there).unwrap()).unwrap();
        assert_eq!(back, there);
        let mut wrong = serde_json::to_value(&there).unwrap();
        wrong["sensitivty"] = json!(3);
        assert!(serde_json::from_value::<Resource<MonitorSpec>>(wrong).is_err());
    }
}
