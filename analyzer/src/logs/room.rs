//! Keeps the miner within its limits: what was seen once leaves first, then what is used least.

use super::miner::TemplateMiner;
use super::pattern;
use super::slots::Ref;

impl TemplateMiner {
    /// Forgets templates until the limits hold.
    pub(super) fn make_room(&mut self) {
        while self.probation.len() > self.limits.probation {
            let Some(oldest) = self.probation.pop_front() else { break };
            let once = self
                .slots
                .get(oldest)
                .is_some_and(|entry| entry.template.count <= 1 && !entry.template.pinned && entry.wild.is_empty());
            if once {
                self.forget(oldest);
            }
        }
        if self.slots.len() > self.limits.templates {
            self.sweep();
        }
    }

    fn sweep(&mut self) {
        let mut order: Vec<(u32, u64, Ref)> = self
            .slots
            .iter()
            .filter(|(_, entry)| !entry.template.pinned)
            .map(|(reference, entry)| (entry.used, entry.born, reference))
            .collect();
        order.sort_unstable_by_key(|(used, born, _)| (*used, *born));
        let surplus = self.slots.len() - self.limits.templates + self.limits.templates / 10;
        for (_, _, reference) in order.into_iter().take(surplus) {
            self.forget(reference);
        }
        for entry in self.slots.iter_mut() {
            entry.used /= 2;
        }
    }

    fn forget(&mut self, reference: Ref) {
        let Some(entry) = self.slots.remove(reference) else { return };
        let key = pattern::key(&entry.pattern, entry.template.level);
        self.exact.remove(&key);
        self.ghosts.insert(key, ());
        self.evicted += 1;
        let (target, gone) = (&mut self.unclassified, entry.template);
        if target.count == 0 {
            target.first_seen_ms = gone.first_seen_ms;
        }
        target.count += gone.count;
        target.first_seen_ms = target.first_seen_ms.min(gone.first_seen_ms);
        target.last_seen_ms = target.last_seen_ms.max(gone.last_seen_ms);
    }
}
