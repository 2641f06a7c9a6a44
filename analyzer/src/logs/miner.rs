//! Learns the templates of one source's log messages in one pass, in bounded memory.
//!
//! A message costs one scan and one look-up when its shape is known. An unknown shape goes through the sibling index
//! (`grow`), which finds templates that differ in one position and joins them once enough values were seen there.
//! The idea of masking first and joining by evidence follows Drain (He et al., ICWS 2017) and the finding that masking
//! rather than the tree decides accuracy (arXiv 2412.05254); the one-position sibling index is our own.

use std::collections::{BTreeMap, VecDeque};

use super::extract;
use super::hash::{KeyMap, TwoGenerations};
use super::level::Level;
use super::limits::Limits;
use super::pattern::{self, Position};
use super::scan::Scan;
use super::siblings::Sibling;
use super::slots::{Ref, Slots};
use super::template::{Template, TemplateId};

/// What one message was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mined {
    /// Template of the message at this moment; [`TemplateMiner::resolve`] follows later merges.
    pub template_id: TemplateId,
    /// True when the message made a new template.
    pub is_new: bool,
    /// True when the message made an existing template more general: its text changed, and other ids may now be aliases.
    pub changed: bool,
    /// Severity, given or found in the message.
    pub level: Level,
}

/// One message with what is known about it.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Text of the record: plain, a JSON object, logfmt, or several lines of one record.
    pub message: &'a str,
    /// Severity, [`Level::Unknown`] to read it from a JSON or logfmt message.
    pub level: Level,
    /// Event time, ms since the epoch.
    pub at_ms: i64,
}

/// How full a miner is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MinerStats {
    /// Lines learnt.
    pub lines: u64,
    /// Live templates.
    pub templates: usize,
    /// Templates forgotten for want of room.
    pub evicted: u64,
    /// Lines that ended in no template.
    pub unclassified: u64,
    /// Lines whose head alone was read.
    pub truncated: u64,
    /// Entries of all indexes together.
    pub index_entries: usize,
}

/// Template miner of one source. Deterministic: the same messages in the same order give the same templates and ids.
#[derive(Debug, Clone)]
pub struct TemplateMiner {
    pub(super) limits: Limits,
    pub(super) source: String,
    pub(super) slots: Slots,
    /// Key of a live template's own pattern.
    pub(super) exact: KeyMap<Ref>,
    /// Keys of shapes that belong to a more general template.
    pub(super) shapes: TwoGenerations<Ref>,
    pub(super) siblings: TwoGenerations<Sibling>,
    /// Templates seen once, oldest first.
    pub(super) probation: VecDeque<Ref>,
    /// Shapes that left probation unseen; one seen again is kept at once.
    pub(super) ghosts: TwoGenerations<()>,
    pub(super) aliases: TwoGenerations<TemplateId>,
    /// Patterns that people took apart, with the template each one was.
    pub(super) barred: BTreeMap<u64, TemplateId>,
    pub(super) unclassified: Template,
    pub(super) born: u64,
    pub(super) lines: u64,
    pub(super) evicted: u64,
    pub(super) truncated: u64,
    pub(super) scan: Scan,
    pub(super) pattern: Vec<Position>,
    pub(super) scratch: Vec<Position>,
}

impl TemplateMiner {
    /// Miner of an unnamed source.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self::for_source(limits, "")
    }

    /// Miner of a named source; the name is part of every template id.
    #[must_use]
    pub fn for_source(limits: Limits, source: &str) -> Self {
        let limits = limits.usable();
        Self {
            limits,
            source: source.to_owned(),
            slots: Slots::default(),
            exact: KeyMap::default(),
            shapes: TwoGenerations::new(limits.shapes),
            siblings: TwoGenerations::new(limits.siblings),
            probation: VecDeque::new(),
            ghosts: TwoGenerations::new(limits.shapes),
            aliases: TwoGenerations::new(limits.aliases),
            barred: BTreeMap::new(),
            unclassified: unclassified(source),
            born: 0,
            lines: 0,
            evicted: 0,
            truncated: 0,
            scan: Scan::default(),
            pattern: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Learns a message without time or severity.
    pub fn learn(&mut self, message: &str) -> Mined {
        self.learn_line(Line { message, level: Level::Unknown, at_ms: 0 })
    }

    /// Learns one message.
    pub fn learn_line(&mut self, line: Line<'_>) -> Mined {
        self.lines += 1;
        let parts = extract::parts(line.message);
        let level = if line.level == Level::Unknown { parts.level } else { line.level };
        let body: &str = &parts.body;
        self.truncated += u64::from(body.len() > self.limits.line_bytes);
        self.scan.grouped(body, self.limits.line_bytes, self.limits.line_tokens);
        let key = super::hash::chain(self.scan.key(), level as u64);
        if let Some(reference) = self.lookup(key)
            && let Some(id) = self.hit(reference, line.at_ms, 1)
        {
            return Mined { template_id: id, is_new: false, changed: false, level };
        }
        let mut scanned = std::mem::take(&mut self.pattern);
        pattern::from_scan(&self.scan, body, &mut scanned);
        let mined = self.miss(key, &scanned, body, level, line.at_ms);
        self.pattern = scanned;
        mined
    }

    fn lookup(&mut self, key: u64) -> Option<Ref> {
        match self.exact.get(&key) {
            Some(reference) => Some(*reference),
            None => self.shapes.get_mut(key).copied(),
        }
    }

    /// Counts lines for a live template.
    pub(super) fn hit(&mut self, reference: Ref, at_ms: i64, lines: u64) -> Option<TemplateId> {
        let entry = self.slots.get_mut(reference)?;
        entry.used = entry.used.saturating_add(1);
        let template = &mut entry.template;
        template.count += lines;
        template.last_seen_ms = template.last_seen_ms.max(at_ms);
        Some(template.id)
    }

    /// Id a template goes by now: itself, what it was merged into, or the source's `unclassified`.
    #[must_use]
    pub fn resolve(&self, id: TemplateId) -> TemplateId {
        let mut id = id;
        for _ in 0..64 {
            if self.slots.find(id).is_some() {
                return id;
            }
            match self.aliases.peek(id.0) {
                Some(next) if *next != id => id = *next,
                _ => break,
            }
        }
        self.unclassified.id
    }

    /// Template of an id, merges followed; `unclassified` for one that is not known any more.
    #[must_use]
    pub fn template(&self, id: TemplateId) -> &Template {
        let id = self.resolve(id);
        let found = self.slots.find(id).and_then(|reference| self.slots.get(reference));
        found.map_or(&self.unclassified, |entry| &entry.template)
    }

    /// Live templates, in no order that means anything but the same on each run.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.slots.iter().map(|(_, entry)| &entry.template)
    }

    /// The template that stands for lines that fit no other.
    #[must_use]
    pub fn unclassified(&self) -> &Template {
        &self.unclassified
    }

    /// Keeps a template whatever the room (true), or not (false). False when it is not known.
    pub fn pin(&mut self, id: TemplateId, pinned: bool) -> bool {
        self.change(id, |template| template.pinned = pinned)
    }

    /// Mutes a template's anomalies (true), or not (false). False when it is not known.
    pub fn mute(&mut self, id: TemplateId, muted: bool) -> bool {
        self.change(id, |template| template.muted = muted)
    }

    /// Gives a template a user's name, or takes it away. False when it is not known.
    pub fn rename(&mut self, id: TemplateId, name: Option<String>) -> bool {
        self.change(id, |template| template.name = name)
    }

    fn change(&mut self, id: TemplateId, apply: impl FnOnce(&mut Template)) -> bool {
        let id = self.resolve(id);
        let Some(entry) = self.slots.find(id).and_then(|reference| self.slots.get_mut(reference)) else { return false };
        apply(&mut entry.template);
        true
    }

    /// Sizes and counters.
    #[must_use]
    pub fn stats(&self) -> MinerStats {
        MinerStats {
            lines: self.lines,
            templates: self.slots.len(),
            evicted: self.evicted,
            unclassified: self.unclassified.count,
            truncated: self.truncated,
            index_entries: self.exact.len()
                + self.shapes.len()
                + self.siblings.len()
                + self.ghosts.len()
                + self.aliases.len()
                + self.probation.len(),
        }
    }

    /// Rough bytes held, all indexes included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let templates: usize = self.slots.iter().map(|(_, entry)| entry.bytes()).sum();
        let siblings: usize = self.siblings.iter().map(|(_, sibling)| 48 + sibling.bytes()).sum();
        let rest = self.exact.len() + self.shapes.len() + self.ghosts.len() + self.aliases.len() + self.probation.len();
        templates + siblings + rest * 24 + self.scan.items.capacity() * size_of::<super::scan::Item>()
    }
}

fn unclassified(source: &str) -> Template {
    Template {
        id: TemplateId::unclassified(source),
        text: "unclassified".to_owned(),
        level: Level::Unknown,
        count: 0,
        first_seen_ms: 0,
        last_seen_ms: 0,
        sample: String::new(),
        pinned: false,
        muted: false,
        name: None,
    }
}
