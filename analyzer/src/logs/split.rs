//! Taking a template apart again: what was joined by evidence goes back to its shapes, and stays there.

use super::miner::TemplateMiner;
use super::pattern::{self, Position};
use super::template::TemplateId;

/// Patterns that may be barred from joining.
const MOST: usize = 1_000;

impl TemplateMiner {
    /// Takes a joined template apart: its lines make templates of their own from now on, which never join at that place
    /// again. False for a template that is not known or was joined from nothing.
    pub fn split(&mut self, id: TemplateId) -> bool {
        let id = self.resolve(id);
        let Some(reference) = self.slots.find(id) else { return false };
        let Some(entry) = self.slots.get(reference).filter(|entry| !entry.wild.is_empty()) else { return false };
        if self.barred.len() >= MOST {
            return false;
        }
        let key = pattern::key(&entry.pattern, entry.template.level);
        self.barred.insert(key, id);
        self.siblings.remove(key);
        self.exact.remove(&key);
        self.slots.remove(reference);
        true
    }

    /// Lets what was taken apart join again.
    pub fn unsplit(&mut self, id: TemplateId) {
        self.barred.retain(|_, split| *split != id);
    }

    /// Templates that were taken apart.
    pub fn splits(&self) -> impl Iterator<Item = TemplateId> {
        self.barred.values().copied()
    }

    /// Whether a template's shape was part of one that was taken apart: it is not new, whenever it is seen first.
    #[must_use]
    pub fn came_of_split(&self, id: TemplateId) -> bool {
        if self.barred.is_empty() {
            return false;
        }
        let Some(entry) = self.slots.find(id).and_then(|reference| self.slots.get(reference)) else { return false };
        let (words, level) = (&entry.pattern, entry.template.level);
        let mut scratch = Vec::new();
        let mut barred = |blank: &dyn Fn(usize) -> bool| {
            pattern::blanked(words, blank, &mut scratch);
            self.barred.contains_key(&pattern::key(&scratch, level))
        };
        let likely = |at: usize| words[at].is_word() && words[at].is_likely();
        let places = || words.iter().enumerate().filter(|(_, p): &(usize, &Position)| p.is_word()).map(|(at, _)| at);
        barred(&likely) || places().any(|place| barred(&|at| at == place))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, TemplateMiner};

    fn learn(miner: &mut TemplateMiner, names: &[&str]) -> Vec<super::TemplateId> {
        names.iter().map(|name| miner.learn(&format!("replica {name} cannot reach its peer")).template_id).collect()
    }

    const NAMES: [&str; 9] =
        ["billing", "search", "mailer", "ledger", "basket", "profile", "catalog", "pricing", "stock"];

    #[test]
    fn what_was_taken_apart_stays_apart_also_after_a_restart() {
        let mut miner = TemplateMiner::new(Limits::default());
        let ids = learn(&mut miner, &NAMES);
        let joined = miner.resolve(ids[8]);
        assert_eq!(miner.template(joined).text, "replica <*> cannot reach its peer");
        assert!(miner.split(joined));
        assert!(!miner.split(joined), "nothing left to take apart");
        for round in 0..2 {
            let apart = learn(&mut miner, &NAMES);
            let distinct: std::collections::BTreeSet<_> = apart.iter().map(|id| miner.resolve(*id)).collect();
            assert_eq!(distinct.len(), NAMES.len(), "round {round}");
            assert!(apart.iter().all(|id| miner.came_of_split(*id)));
            miner = TemplateMiner::decode(&miner.encode().unwrap()).unwrap();
        }
        let other = miner.learn("disk full").template_id;
        assert!(!miner.came_of_split(other));
        assert_eq!(miner.splits().collect::<Vec<_>>(), [joined]);
        miner.unsplit(joined);
        learn(
            &mut miner,
            &["a", "b", "c", "d", "e", "f", "g", "h", "i"]
                .map(|n| ["al", n, "pha"].concat())
                .each_ref()
                .map(String::as_str),
        );
        assert!(miner.templates().any(|t| t.text == "replica <*> cannot reach its peer"), "it may join again");
    }

    #[test]
    fn a_template_of_several_likely_places_stays_apart_too() {
        let mut miner = TemplateMiner::new(Limits::default());
        let lines = |miner: &mut TemplateMiner| -> Vec<_> {
            NAMES.map(|name| miner.learn(&format!("job started for {name} at once")).template_id).to_vec()
        };
        let ids = lines(&mut miner);
        assert!(miner.template(ids[8]).text.contains("<*>"));
        assert!(miner.split(ids[8]));
        let apart = lines(&mut miner);
        let distinct: std::collections::BTreeSet<_> = apart.iter().map(|id| miner.resolve(*id)).collect();
        assert_eq!(distinct.len(), NAMES.len());
        assert!(apart.iter().all(|id| miner.came_of_split(*id)));
    }

    #[test]
    fn a_template_that_was_never_joined_cannot_be_split() {
        let mut miner = TemplateMiner::new(Limits::default());
        let id = miner.learn("disk full").template_id;
        assert!(!miner.split(id));
        assert_eq!(miner.template(id).text, "disk full");
    }
}
