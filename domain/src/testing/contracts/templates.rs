//! Log templates and the rules on them.

use super::{Stores, by_alice, failed};
use crate::error::{Kind, Result};
use crate::page::PageRequest;
use crate::ports::TemplateFilter;
use crate::signal::LogLevel;
use crate::template::{LogTemplate, TemplateRule, template_id};
use crate::testing::samples::{self, at};
use crate::{Id, new_id};

fn template(monitor_id: Id, n: u64, text: &str, secs: i64) -> LogTemplate {
    LogTemplate {
        id: template_id(monitor_id, n),
        monitor_id,
        text: text.to_owned(),
        level: if n.is_multiple_of(2) { LogLevel::Error } else { LogLevel::Info },
        count: n,
        first_seen_at: at(secs),
        last_seen_at: at(secs + 100),
        hours: vec![1, 2, 3],
        samples: vec![format!("{text} 42")],
        merged_into: None,
        rule: TemplateRule::default(),
    }
}

async fn monitor(s: &Stores) -> Result<Id> {
    let source = s.sources.create(samples::draft("src", samples::source()), by_alice("source.create")).await?;
    let spec = samples::monitor(source.id);
    Ok(s.monitors.create(samples::draft("mon", spec), by_alice("monitor.create")).await?.id)
}

/// Templates are written again as they change, found by what is asked, and paged without a gap.
///
/// # Errors
/// As the store's.
pub async fn templates_are_kept_and_found(s: &Stores) -> Result<()> {
    let id = monitor(s).await?;
    let all: Vec<_> = (0..7).map(|n| template(id, n, &format!("Order {n} 100% failed_<NUM>"), n as i64)).collect();
    s.templates.put_templates(all.clone()).await?;
    let mut changed =
        LogTemplate { count: 99, last_seen_at: at(999), text: "order <*> failed".to_owned(), ..all[3].clone() };
    changed.rule.muted = true;
    s.templates.put_templates(vec![changed.clone()]).await?;
    changed.rule.muted = false;
    assert_eq!(s.templates.template(changed.id).await?, changed, "a rule is not written by the analyzer");
    let merged = LogTemplate { merged_into: Some(all[3].id), ..all[4].clone() };
    s.templates.put_templates(vec![merged.clone()]).await?;
    assert_eq!(s.templates.template(merged.id).await?.merged_into, Some(all[3].id));
    assert_eq!(failed(s.templates.template(new_id()).await).kind, Kind::NotFound);
    let (mut found, mut page) = (Vec::new(), PageRequest { limit: 2, cursor: None });
    loop {
        let got = s.templates.list_templates(&TemplateFilter::default(), &page).await?;
        found.extend(got.items.iter().map(|t| t.first_seen_at.timestamp()));
        page.cursor = got.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    let newest_first: Vec<i64> = [6, 5, 3, 2, 1, 0].map(|n| at(n).timestamp()).to_vec();
    assert_eq!(found, newest_first);
    let count = async |filter: TemplateFilter| -> Result<usize> {
        Ok(s.templates.list_templates(&filter, &PageRequest::default()).await?.items.len())
    };
    let text = |text: &str| TemplateFilter { search: Some(text.to_owned()), ..TemplateFilter::default() };
    assert_eq!(
        (count(text("ORDER 5")).await?, count(text("0% failed_")).await?, count(text("0% failed%")).await?),
        (1, 5, 0)
    );
    assert_eq!(count(TemplateFilter { level: Some(LogLevel::Error), ..Default::default() }).await?, 3);
    assert_eq!(count(TemplateFilter { new_since: Some(at(5)), ..Default::default() }).await?, 2);
    assert_eq!(count(TemplateFilter { monitor_id: Some(new_id()), ..Default::default() }).await?, 0);
    Ok(())
}

/// Rules are set whole, read back with their templates, found by filters and in the audit.
///
/// # Errors
/// As the store's.
pub async fn template_rules_are_durable(s: &Stores) -> Result<()> {
    let id = monitor(s).await?;
    let (one, two) = (template(id, 1, "one", 1), template(id, 2, "two", 2));
    s.templates.put_templates(vec![one.clone(), two.clone()]).await?;
    let rule = TemplateRule { name: "Pool is full".to_owned(), pinned: true, muted: true, split: false };
    let set = |id, rule| s.templates.set_template_rule(id, rule, at(5), by_alice("template.rule"));
    set(one.id, rule.clone()).await?;
    set(two.id, TemplateRule { split: true, ..TemplateRule::default() }).await?;
    assert_eq!(failed(set(new_id(), rule.clone()).await).kind, Kind::NotFound);
    assert_eq!(s.templates.template(one.id).await?.rule, rule);
    s.templates.put_templates(vec![LogTemplate { count: 5, ..one.clone() }]).await?;
    assert_eq!(s.templates.template(one.id).await?.rule, rule, "kept when the template changes");
    let mut rules = s.templates.template_rules().await?;
    rules.sort_by_key(|r| r.template_id);
    assert_eq!(rules.iter().map(|r| r.rule.split).filter(|split| *split).count(), 1);
    assert!(rules.len() == 2 && rules.iter().all(|r| r.monitor_id == id));
    let muted = TemplateFilter { muted: Some(true), ..TemplateFilter::default() };
    assert_eq!(s.templates.list_templates(&muted, &PageRequest::default()).await?.items[0].id, one.id);
    let named = TemplateFilter { search: Some("pool IS".to_owned()), pinned: Some(true), ..TemplateFilter::default() };
    assert_eq!(s.templates.list_templates(&named, &PageRequest::default()).await?.items.len(), 1);
    set(one.id, TemplateRule::default()).await?;
    assert_eq!(s.templates.template_rules().await?.len(), 1, "a rule that says nothing is none");
    s.audit.verify_audit().await.map(drop)
}
