//! Log templates in memory.

use async_trait::async_trait;
use domain::identity::Audit;
use domain::page::{Page, PageRequest};
use domain::ports::{TemplateFilter, TemplateStore};
use domain::template::{LogTemplate, RuleOf, TemplateRule};
use domain::{Error, Id, Result, Time};
use std::sync::Mutex;

/// Templates that are known.
#[derive(Debug, Default)]
pub(crate) struct Templates(pub(crate) Mutex<Vec<LogTemplate>>);

#[async_trait]
impl TemplateStore for Templates {
    async fn put_templates(&self, templates: Vec<LogTemplate>) -> Result<()> {
        self.0.lock().unwrap().extend(templates);
        Ok(())
    }

    async fn list_templates(&self, filter: &TemplateFilter, _page: &PageRequest) -> Result<Page<LogTemplate>> {
        let fits = |t: &&LogTemplate| {
            filter.search.as_ref().is_none_or(|s| t.text.contains(s.as_str()))
                && filter.muted.is_none_or(|muted| t.rule.muted == muted)
                && filter.new_since.is_none_or(|since| t.first_seen_at >= since)
        };
        let items = self.0.lock().unwrap().iter().filter(fits).cloned().collect();
        Ok(Page { items, next_cursor: None })
    }

    async fn template(&self, id: Id) -> Result<LogTemplate> {
        let all = self.0.lock().unwrap();
        all.iter().find(|t| t.id == id).cloned().ok_or_else(|| Error::not_found("template"))
    }

    async fn set_template_rule(&self, id: Id, rule: TemplateRule, _at: Time, _audit: Audit) -> Result<()> {
        let mut all = self.0.lock().unwrap();
        let found = all.iter_mut().find(|t| t.id == id).ok_or_else(|| Error::not_found("template"))?;
        found.rule = rule;
        Ok(())
    }

    async fn template_rules(&self) -> Result<Vec<RuleOf>> {
        Ok(Vec::new())
    }
}
