//! Log templates on their way to people, and their rules on the way back.

use super::Analyzer;
use domain::template::LogTemplate;
use tracing::warn;

impl Analyzer {
    /// Writes templates that changed. Nothing depends on it: what cannot be written now is written as it changes again.
    pub(super) async fn show(&self, templates: Vec<LogTemplate>) {
        if let Err(error) = self.deps.templates.put_templates(templates).await {
            warn!(%error, "changed log templates are not written");
        }
    }

    /// Reads the rules that people set on templates.
    pub(super) async fn take_template_rules(&mut self) {
        match self.deps.templates.template_rules().await {
            Ok(rules) => self.engine.set_template_rules(rules),
            Err(error) => warn!(%error, "rules on log templates are those of before"),
        }
    }
}
