//! What people see of a monitor's templates, and what they set on them.

use super::LogState;
use crate::engine::mask::mask;
use crate::logs::{Level, Template, TemplateId};
use domain::clock::from_millis;
use domain::signal::LogLevel;
use domain::template::{HOURS, LogTemplate, RuleOf, TemplateRule, template_id, template_of};
use domain::{Id, Time};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Templates written with one batch at most; the rest follows with the next.
const AT_ONCE: usize = 500;
/// Samples shown of a template.
const SAMPLES: usize = 3;
const HOUR_MS: i64 = 3_600_000;

/// What is written of templates.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Lines by hour.
    hours: HashMap<TemplateId, Hours>,
    /// Templates that changed since they were written.
    changed: BTreeSet<TemplateId>,
    /// Templates that were written, so that what became of them is written too.
    written: BTreeSet<TemplateId>,
    merged: Vec<(TemplateId, TemplateId)>,
    /// Templates that a rule is set on.
    ruled: BTreeSet<TemplateId>,
}

/// Lines of the last hours, newest last.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Hours {
    newest: i64,
    counts: Vec<u32>,
}

impl Hours {
    fn add(&mut self, at_ms: i64) {
        let hour = at_ms.div_euclid(HOUR_MS);
        if self.counts.is_empty() {
            (self.newest, self.counts) = (hour, vec![0]);
        }
        while self.newest < hour {
            let gap = usize::try_from(hour - self.newest).unwrap_or(HOURS);
            if gap >= HOURS {
                (self.newest, self.counts) = (hour, vec![0]);
                break;
            }
            self.newest += 1;
            self.counts.push(0);
        }
        let surplus = self.counts.len().saturating_sub(HOURS);
        self.counts.drain(..surplus);
        let back = usize::try_from(self.newest - hour).unwrap_or(usize::MAX);
        if let Some(at) = self.counts.len().checked_sub(back.saturating_add(1)) {
            self.counts[at] = self.counts[at].saturating_add(1);
        }
    }
}

impl Shown {
    /// As it is after a start: everything in the memory was written before.
    pub(super) fn restored(hours: HashMap<TemplateId, Hours>, templates: &[Template]) -> Self {
        let ruled = |t: &&Template| t.pinned || t.muted || t.name.is_some();
        Self {
            hours,
            written: templates.iter().map(|t| t.id).collect(),
            ruled: templates.iter().filter(ruled).map(|t| t.id).collect(),
            ..Self::default()
        }
    }

    pub(super) fn line(&mut self, id: TemplateId, at_ms: i64) {
        self.hours.entry(id).or_default().add(at_ms);
        self.changed.insert(id);
    }

    pub(super) fn merged(&mut self, old: TemplateId, new: TemplateId) {
        self.changed.remove(&old);
        self.hours.remove(&old);
        self.changed.insert(new);
        if self.written.remove(&old) {
            self.merged.push((old, new));
        }
    }

    pub(super) fn hours(&self) -> HashMap<TemplateId, Hours> {
        self.hours.clone()
    }
}

impl LogState {
    /// Templates that changed since they were written last. One that was seen once may still be chance: it waits.
    pub(crate) fn changed_templates(&mut self) -> Vec<LogTemplate> {
        let take: Vec<TemplateId> = self.shown.changed.iter().copied().take(AT_ONCE).collect();
        let mut samples: BTreeMap<TemplateId, Vec<String>> = take.iter().map(|id| (*id, Vec::new())).collect();
        for ((_, id), lines) in &self.samples {
            let Some(kept) = samples.get_mut(id) else { continue };
            let room = SAMPLES.saturating_sub(kept.len());
            kept.extend(lines.iter().take(room).map(|line| mask(line)));
        }
        let live = |id: &TemplateId| self.miner.resolve(*id) == *id && *id != self.miner.unclassified().id;
        let mut all = Vec::new();
        for id in take {
            self.shown.changed.remove(&id);
            if !live(&id) {
                self.shown.hours.remove(&id);
                continue;
            }
            let template = self.miner.template(id);
            if template.count < 2 && !template.pinned {
                continue;
            }
            let hours = self.shown.hours.get(&id).map(|h| h.counts.clone()).unwrap_or_default();
            all.push(row(self.monitor_id, template, hours, samples.remove(&id).unwrap_or_default(), None));
            self.shown.written.insert(id);
        }
        for (old, new) in std::mem::take(&mut self.shown.merged) {
            let now = self.miner.template(new);
            let gone = Template { id: old, count: 0, ..now.clone() };
            all.push(row(self.monitor_id, &gone, Vec::new(), Vec::new(), Some(now.id)));
        }
        all
    }

    /// Sets what people set; what they set before and not any more is taken back.
    pub(crate) fn apply_rules(&mut self, rules: &[RuleOf]) {
        let mut ruled = BTreeSet::new();
        let mut split = BTreeSet::new();
        for RuleOf { template_id, rule, .. } in rules {
            let id = TemplateId(template_of(*template_id));
            if rule.split {
                split.insert(id);
                self.take_apart(id);
            }
            let id = self.miner.resolve(id);
            if id != self.miner.unclassified().id {
                self.set(id, rule);
                ruled.insert(id);
            }
        }
        for id in self.shown.ruled.difference(&ruled).copied().collect::<Vec<_>>() {
            self.set(id, &TemplateRule::default());
        }
        for id in self.miner.splits().filter(|id| !split.contains(id)).collect::<Vec<_>>() {
            self.miner.unsplit(id);
        }
        self.shown.ruled = ruled;
    }

    fn set(&mut self, id: TemplateId, rule: &TemplateRule) {
        self.miner.pin(id, rule.pinned);
        self.miner.mute(id, rule.muted);
        self.miner.rename(id, Some(rule.name.clone()).filter(|name| !name.is_empty()));
    }

    fn take_apart(&mut self, id: TemplateId) {
        if self.miner.splits().any(|split| split == id) || !self.miner.split(id) {
            return;
        }
        // That it stops from now on is no anomaly, and nor is what takes its place.
        self.stats.values_mut().for_each(|stats| stats.drop_template(id));
        self.known.remove(&id);
    }
}

fn row(monitor: Id, t: &Template, hours: Vec<u32>, samples: Vec<String>, into: Option<TemplateId>) -> LogTemplate {
    let time = |ms: i64| -> Time { from_millis(ms) };
    LogTemplate {
        id: template_id(monitor, t.id.0),
        monitor_id: monitor,
        text: t.text.clone(),
        level: match t.level {
            Level::Trace | Level::Debug => LogLevel::Debug,
            Level::Unknown | Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
            Level::Fatal => LogLevel::Fatal,
        },
        count: t.count,
        first_seen_at: time(t.first_seen_ms),
        last_seen_at: time(t.last_seen_ms),
        hours,
        samples,
        merged_into: into.map(|id| template_id(monitor, id.0)),
        rule: TemplateRule::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_slide_and_take_late_lines() {
        let mut hours = Hours::default();
        for hour in [100, 100, 101, 103, 102, 50] {
            hours.add(hour * HOUR_MS + 5);
        }
        assert_eq!((hours.newest, hours.counts.as_slice()), (103, [2, 1, 1, 1].as_slice()));
        hours.add(126 * HOUR_MS);
        assert_eq!((hours.counts.len(), hours.counts[0], hours.counts[HOURS - 1]), (HOURS, 1, 1));
        hours.add(1_000 * HOUR_MS);
        assert_eq!(hours.counts, [1]);
    }
}
