//! Port of log templates and the rules on them.

use crate::error::Result;
use crate::identity::Audit;
use crate::page::{Page, PageRequest};
use crate::signal::LogLevel;
use crate::template::{LogTemplate, RuleOf, TemplateRule};
use crate::{Id, Time};
use async_trait::async_trait;

/// Which templates are wanted. Those that became part of another one are left out unless asked for by id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TemplateFilter {
    /// Of this monitor.
    pub monitor_id: Option<Id>,
    /// Part of the text or the name, letters of either case.
    pub search: Option<String>,
    /// Of this level.
    pub level: Option<LogLevel>,
    /// First seen at or after this time.
    pub new_since: Option<Time>,
    /// Pinned or not.
    pub pinned: Option<bool>,
    /// Muted or not.
    pub muted: Option<bool>,
}

/// Templates as they were learned, and what people set on them.
#[async_trait]
pub trait TemplateStore: Send + Sync {
    /// Writes templates as they are now. Their rules are left as they are.
    async fn put_templates(&self, templates: Vec<LogTemplate>) -> Result<()>;
    /// Templates by first sight, newest first.
    async fn list_templates(&self, filter: &TemplateFilter, page: &PageRequest) -> Result<Page<LogTemplate>>;
    /// One template. `NotFound` when there is none.
    async fn template(&self, id: Id) -> Result<LogTemplate>;
    /// Sets the whole rule of a template. Audited. `NotFound` when there is no such template.
    async fn set_template_rule(&self, id: Id, rule: TemplateRule, at: Time, audit: Audit) -> Result<()>;
    /// Every rule that says anything.
    async fn template_rules(&self) -> Result<Vec<RuleOf>>;
}
