//! What the miner does with a shape it has not seen: join a known template, make a new one, merge siblings.

use super::level::Level;
use super::miner::{Mined, TemplateMiner};
use super::pattern::{self, Position};
use super::siblings::{ALL_LIKELY, Member};
use super::slots::Ref;
use super::template::{Entry, Template, TemplateId, render};

/// Distinct values after which a position is a variable: where a value is likely anyway.
const LIKELY_VALUES: usize = 3;
/// ... at a plain word.
const PLAIN_VALUES: usize = 8;
/// ... at the first word of a line, which mostly names the event.
const FIRST_VALUES: usize = 40;
/// ... where a value names a state or an outcome, lest opposite events become one.
const STATE_VALUES: usize = 20;
/// Most positions of a pattern that enter the sibling index.
const POSITIONS: usize = 24;
/// Most merges one line may set off.
const CASCADE: usize = 8;

impl TemplateMiner {
    /// Places a message whose shape is not known.
    pub(super) fn miss(&mut self, key: u64, scanned: &[Position], body: &str, level: Level, at_ms: i64) -> Mined {
        if let Some(reference) = self.join(scanned, level)
            && let Some(id) = self.hit(reference, at_ms, 1)
        {
            self.shapes.insert(key, reference);
            return Mined { template_id: id, is_new: false, changed: false, level };
        }
        let reference = self.create(key, scanned, body, level, at_ms);
        let made = self.slots.get(reference).map_or(self.unclassified.id, |entry| entry.template.id);
        let merged = self.register(reference);
        self.make_room();
        let id = merged.and_then(|root| self.slots.get(root)).map_or(made, |entry| entry.template.id);
        Mined { template_id: id, is_new: merged.is_none(), changed: merged.is_some(), level }
    }

    /// A template that has a variable where this pattern has a word.
    fn join(&mut self, scanned: &[Position], level: Level) -> Option<Ref> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut found = None;
        for (index, position) in candidates(scanned) {
            if position.is_state() && !position.is_likely() {
                continue;
            }
            pattern::blanked(scanned, |at| at == index, &mut scratch);
            let known = self.exact.get(&pattern::key(&scratch, level)).copied();
            found = known.filter(|reference| {
                position.is_likely() || self.slots.get(*reference).is_some_and(|entry| !entry.wild.is_empty())
            });
            if found.is_some() {
                break;
            }
        }
        if found.is_none() && several_likely(scanned) {
            pattern::blanked(scanned, |at| scanned[at].is_word() && scanned[at].is_likely(), &mut scratch);
            found = self.exact.get(&pattern::key(&scratch, level)).copied();
        }
        self.scratch = scratch;
        found
    }

    fn create(&mut self, key: u64, scanned: &[Position], body: &str, level: Level, at_ms: i64) -> Ref {
        let sample = head(body, self.limits.sample_bytes).to_owned();
        self.scan.detailed(&sample, self.limits.line_bytes, self.limits.line_tokens);
        let text = render(&self.scan, &sample, &[]);
        self.born += 1;
        let template = Template {
            id: self.fresh_id(level, &text, key),
            text,
            level,
            count: 1,
            first_seen_ms: at_ms,
            last_seen_ms: at_ms,
            sample,
            pinned: false,
            muted: false,
            name: None,
        };
        let entry =
            Entry { template, pattern: scanned.to_vec(), wild: Vec::new(), born: self.born, used: 1, edition: 0 };
        let reference = self.slots.insert(entry);
        self.exact.insert(key, reference);
        if self.ghosts.get_mut(key).is_some() {
            self.ghosts.remove(key);
        } else {
            self.probation.push_back(reference);
        }
        reference
    }

    /// Id of a text; two live templates of one text (they differ behind the sample's end) get different ids.
    fn fresh_id(&self, level: Level, text: &str, key: u64) -> TemplateId {
        let id = TemplateId::of(&self.source, level, text);
        if self.slots.find(id).is_none() {
            return id;
        }
        TemplateId::of(&self.source, level, &format!("{text}\u{0}{key:016x}"))
    }

    /// Enters a pattern in the sibling index and merges where the evidence suffices; returns the template merged into.
    pub(super) fn register(&mut self, reference: Ref) -> Option<Ref> {
        let (mut current, mut merged) = (reference, None);
        for _ in 0..CASCADE {
            let Some(root) = self.register_once(current) else { break };
            merged = Some(root);
            current = root;
        }
        merged
    }

    fn register_once(&mut self, reference: Ref) -> Option<Ref> {
        let key = self.index(reference)?;
        let level = self.slots.get(reference)?.template.level;
        self.merge(key, level)
    }

    /// Enters a pattern in the sibling index; returns the first key that has evidence enough to merge.
    pub(super) fn index(&mut self, reference: Ref) -> Option<u64> {
        let entry = self.slots.get(reference)?;
        let (pattern, level, edition) = (entry.pattern.clone(), entry.template.level, entry.edition);
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut full = None;
        let apart = self.is_apart(&pattern, level, &mut scratch);
        for (index, position) in candidates(&pattern).filter(|(_, p)| !(apart && p.is_likely())) {
            pattern::blanked(&pattern, |at| at == index, &mut scratch);
            let key = pattern::key(&scratch, level);
            if self.barred.contains_key(&key) {
                continue;
            }
            let member = Member { value: position.hash as u32, reference, edition, position: index as u16 };
            let states = position.is_state();
            let (count, states) = self.note(key, member, states && !position.is_likely());
            if count >= needed(index, *position, states) && pattern::says_enough(&scratch) {
                full = Some(key);
                break;
            }
        }
        if full.is_none() && !apart && several_likely(&pattern) {
            pattern::blanked(&pattern, |at| pattern[at].is_word() && pattern[at].is_likely(), &mut scratch);
            let value = pattern.iter().fold(0u64, |state, position| super::hash::chain(state, position.hash));
            let key = pattern::key(&scratch, level);
            let member = Member { value: value as u32, reference, edition, position: ALL_LIKELY };
            let (count, states) = self.note(key, member, false);
            if count >= LIKELY_VALUES && !states && pattern::says_enough(&scratch) {
                full = Some(key);
            }
        }
        self.scratch = scratch;
        full
    }

    /// Whether the shape belongs to a template that was joined at all its likely places and taken apart since.
    fn is_apart(&self, pattern: &[Position], level: Level, scratch: &mut Vec<Position>) -> bool {
        if self.barred.is_empty() || !several_likely(pattern) {
            return false;
        }
        pattern::blanked(pattern, |at| pattern[at].is_word() && pattern[at].is_likely(), scratch);
        self.barred.contains_key(&pattern::key(scratch, level))
    }

    fn note(&mut self, key: u64, member: Member, is_state: bool) -> (usize, bool) {
        if self.siblings.get_mut(key).is_none() {
            self.siblings.insert(key, super::siblings::Sibling::default());
        }
        let Some(sibling) = self.siblings.get_mut(key) else { return (0, false) };
        let count = sibling.add(member, is_state);
        (count, sibling.states)
    }

    /// Merges the members of a sibling set into the oldest of them.
    fn merge(&mut self, key: u64, level: Level) -> Option<Ref> {
        let members = std::mem::take(&mut self.siblings.get_mut(key)?.members);
        self.siblings.remove(key);
        let current =
            |member: &&Member| self.slots.get(member.reference).is_some_and(|entry| entry.edition == member.edition);
        let mut live: Vec<Member> = members.iter().filter(current).copied().collect();
        live.sort_by_key(|member| self.slots.get(member.reference).map(|entry| entry.born));
        let first = *live.first()?;
        let mut root = first.reference;
        let known = self.exact.get(&key).copied().filter(|known| *known != root);
        let joined = self.generalise(first, key, level);
        if let Some(known) = known.filter(|known| self.slots.get(*known).is_some()) {
            root = self.absorb_older(root, known);
        } else if !joined {
            return None;
        }
        for member in &live[1..] {
            self.absorb(root, member.reference);
        }
        self.exact.insert(key, root);
        Some(root)
    }

    /// Makes the member's blanked positions variable in its own pattern and text.
    fn generalise(&mut self, member: Member, key: u64, level: Level) -> bool {
        let Some(entry) = self.slots.get(member.reference) else { return false };
        let old = pattern::key(&entry.pattern, level);
        let pattern = entry.pattern.clone();
        let mut wild = entry.wild.clone();
        let blank = |at: usize| match member.position {
            ALL_LIKELY => pattern[at].is_word() && pattern[at].is_likely(),
            only => at == usize::from(only),
        };
        wild.extend((0..pattern.len()).filter(|at| blank(*at)).map(|at| pattern[at].word));
        wild.sort_unstable();
        wild.dedup();
        let mut general = Vec::with_capacity(pattern.len());
        pattern::blanked(&pattern, blank, &mut general);
        if pattern::key(&general, level) != key {
            return false;
        }
        self.exact.remove(&old);
        self.shapes.insert(old, member.reference);
        let sample = entry.template.sample.clone();
        self.scan.detailed(&sample, self.limits.line_bytes, self.limits.line_tokens);
        let text = render(&self.scan, &sample, &wild);
        if let Some(entry) = self.slots.get_mut(member.reference) {
            entry.pattern = general;
            entry.wild = wild;
            entry.edition = entry.edition.wrapping_add(1);
            entry.template.text = text;
        }
        true
    }

    /// Of two templates of one pattern the older keeps its id.
    fn absorb_older(&mut self, one: Ref, other: Ref) -> Ref {
        let born = |reference: Ref| self.slots.get(reference).map_or(u64::MAX, |entry| entry.born);
        let (root, gone) = if born(one) <= born(other) { (one, other) } else { (other, one) };
        self.absorb(root, gone);
        root
    }

    /// Moves the count of `gone` to `root` and leaves an alias.
    fn absorb(&mut self, root: Ref, gone: Ref) {
        if root == gone {
            return;
        }
        let Some(entry) = self.slots.remove(gone) else { return };
        let old = pattern::key(&entry.pattern, entry.template.level);
        self.exact.remove(&old);
        self.shapes.insert(old, root);
        let Some(target) = self.slots.get_mut(root) else { return };
        target.used = target.used.saturating_add(entry.used);
        let (template, merged) = (&mut target.template, entry.template);
        template.count += merged.count;
        template.first_seen_ms = template.first_seen_ms.min(merged.first_seen_ms);
        template.last_seen_ms = template.last_seen_ms.max(merged.last_seen_ms);
        template.pinned |= merged.pinned;
        template.name = template.name.take().or(merged.name);
        let id = template.id;
        self.aliases.insert(merged.id.0, id);
    }
}

/// Word positions that may turn out variable.
fn candidates(pattern: &[Position]) -> impl Iterator<Item = (usize, &Position)> {
    pattern.iter().enumerate().filter(|(_, position)| position.is_word()).take(POSITIONS)
}

fn several_likely(pattern: &[Position]) -> bool {
    pattern.iter().filter(|position| position.is_word() && position.is_likely()).count() >= 2
}

fn needed(index: usize, position: Position, states: bool) -> usize {
    let base = if index == 0 {
        FIRST_VALUES
    } else if position.is_likely() {
        LIKELY_VALUES
    } else {
        PLAIN_VALUES
    };
    if states { base.max(STATE_VALUES) } else { base }
}

/// The first bytes of a text, cut at a character boundary.
pub(super) fn head(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
