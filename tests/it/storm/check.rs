//! The checker of a storm: what was promised against what was seen from outside. It knows nothing of the product's code.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a script wrote into the ledger outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// `begin`, `tick` or `end`.
    pub(crate) what: String,
    /// Its `RUN_KEY`.
    pub(crate) key: String,
    /// The start that wrote it: id of the run and epoch.
    pub(crate) start: String,
    /// Microseconds since 1970.
    pub(crate) at_us: i64,
}

impl Entry {
    /// A line of the ledger.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let [what, key, start, at] = [words.next()?, words.next()?, words.next()?, words.next()?];
        let at_us = at.replace(['.', ','], "").parse().ok()?;
        Some(Self { what: what.to_owned(), key: key.to_owned(), start: start.to_owned(), at_us })
    }

    fn epoch(&self) -> i64 {
        self.start.rsplit_once('.').and_then(|(_, epoch)| epoch.parse().ok()).unwrap_or(0)
    }
}

/// A run as the product shows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    pub(crate) id: String,
    pub(crate) key: String,
    /// Name of its case.
    pub(crate) case: String,
    pub(crate) state: String,
    /// Whether it may run twice.
    pub(crate) repeatable: bool,
    pub(crate) reason: String,
    /// When a stop was asked for.
    pub(crate) stop_us: Option<i64>,
    /// Microseconds since 1970.
    pub(crate) ended_us: Option<i64>,
}

/// What the storm did to a run itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Struck {
    /// Killed its script's process.
    Script,
    /// Killed its supervisor.
    Supervisor,
}

/// Everything that was seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// Runs whose request was answered with success.
    pub(crate) accepted: BTreeSet<String>,
    /// All runs at the end.
    pub(crate) runs: Vec<Shown>,
    /// Terminal states as they were shown on the way, in order: run and state.
    pub(crate) told: Vec<(String, String)>,
    /// The ledger.
    pub(crate) ledger: Vec<Entry>,
    /// Runs that were struck themselves.
    pub(crate) struck: HashMap<String, Struck>,
    /// Ends that each case may have.
    pub(crate) ends: HashMap<String, Vec<&'static str>>,
    /// Processes of runs that live although everything has ended.
    pub(crate) orphans: Vec<String>,
    /// Processes of the product that ended by themselves.
    pub(crate) died: Vec<String>,
    /// Folders of runs that are left.
    pub(crate) folders: Vec<String>,
    /// Numbers and texts of stored lines of runs that print `line 1`, `line 2`, ...: as many as wanted.
    pub(crate) logs: HashMap<String, (usize, Vec<(i64, String)>)>,
}

/// States in which a run ends.
pub(crate) fn terminal(state: &str) -> bool {
    ["succeeded", "failed", "timed_out", "cancelled", "lost"].contains(&state)
}

/// Every promise that was broken, each with the word of its invariant first.
pub(crate) fn broken(h: &History) -> Vec<String> {
    let mut found = Vec::new();
    let known: BTreeMap<&str, &Shown> = h.runs.iter().map(|r| (r.id.as_str(), r)).collect();
    found.extend(h.accepted.iter().filter(|id| !known.contains_key(id.as_str())).map(|id| format!("lost: {id}")));
    let keys: BTreeSet<&str> = h.runs.iter().map(|r| r.key.as_str()).collect();
    let nobody = h.ledger.iter().filter(|e| !keys.contains(e.key.as_str()));
    found.extend(nobody.map(|e| format!("nobody: an effect of no run: {e:?}")));
    let mut by_key: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in &h.ledger {
        by_key.entry(&entry.key).or_default().push(entry);
    }
    for run in &h.runs {
        let entries = by_key.get(run.key.as_str()).map(Vec::as_slice).unwrap_or_default();
        one_run(h, run, entries, &mut found);
    }
    for (id, state) in &h.told {
        match known.get(id.as_str()) {
            Some(run) if run.state != *state => found.push(format!("changed: {id} was {state}, is {}", run.state)),
            _ => {}
        }
    }
    found.extend(h.died.iter().map(|name| format!("died: {name}")));
    found.extend(h.orphans.iter().map(|p| format!("orphan: {p}")));
    found.extend(h.folders.iter().map(|f| format!("folder: {f}")));
    for (id, (wanted, lines)) in &h.logs {
        found.extend(log(id, *wanted, lines));
    }
    found
}

fn one_run(h: &History, run: &Shown, entries: &[&Entry], found: &mut Vec<String>) {
    let id = format!("{} ({}, {}: {})", run.id, run.case, run.state, run.reason);
    if !terminal(&run.state) {
        found.push(format!("stuck: {id}"));
        return;
    }
    let begins = entries.iter().filter(|e| e.what == "begin").count();
    if !run.repeatable && begins > 1 {
        found.push(format!("twice: {id} took effect {begins} times"));
    }
    if let Some(ended) = run.ended_us {
        // The product writes whole milliseconds.
        let late = entries.iter().filter(|e| e.at_us > ended + 1_000).map(|e| e.at_us - ended).max();
        found.extend(late.map(|us| format!("late: {id} acted {us} us after its end")));
    }
    found.extend(overlap(entries).map(|what| format!("overlap: {id}: {what}")));
    let newest = entries.iter().map(|e| e.epoch()).max();
    let complete = entries.iter().any(|e| e.what == "end" && Some(e.epoch()) == newest);
    if run.state == "succeeded" && !complete {
        found.push(format!("untrue: {id} did not reach its end"));
    }
    let usual = h.ends.get(&run.case).is_none_or(|ends| ends.contains(&run.state.as_str()));
    let allowed = match h.struck.get(&run.id) {
        None => usual,
        Some(Struck::Script) => usual || run.state == "failed",
        Some(Struck::Supervisor) => usual || ["failed", "lost"].contains(&run.state.as_str()),
    };
    if !allowed {
        found.push(format!("end: {id}, struck: {:?}", h.struck.get(&run.id)));
    }
}

/// Two starts of one run that acted at the same time.
fn overlap(entries: &[&Entry]) -> Option<String> {
    let mut spans: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for e in entries {
        let span = spans.entry(&e.start).or_insert((e.at_us, e.at_us));
        *span = (span.0.min(e.at_us), span.1.max(e.at_us));
    }
    let mut sorted: Vec<(i64, i64, &str)> = spans.iter().map(|(s, (a, b))| (*a, *b, *s)).collect();
    sorted.sort_unstable();
    let pair = sorted.windows(2).find(|w| w[1].0 < w[0].1)?;
    Some(format!("{} and {}", pair[0].2, pair[1].2))
}

/// Lines that are missing, doubled or out of order; remarks of the product are between them.
fn log(id: &str, wanted: usize, lines: &[(i64, String)]) -> Option<String> {
    let dense = lines.iter().enumerate().find(|(at, (seq, _))| *seq != i64::try_from(*at).unwrap_or(0) + 1);
    if let Some((at, (seq, _))) = dense {
        return Some(format!("log: {id}: line {} has number {seq}", at + 1));
    }
    let printed: Vec<&str> = lines.iter().map(|(_, t)| t.as_str()).filter(|t| t.starts_with("line ")).collect();
    let right = printed.iter().enumerate().all(|(n, text)| *text == format!("line {}", n + 1));
    (!right || printed.len() != wanted).then(|| format!("log: {id}: {} of {wanted} lines: {printed:?}", printed.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(what: &str, key: &str, epoch: i64, at_us: i64) -> Entry {
        Entry { what: what.to_owned(), key: key.to_owned(), start: format!("{key}.{epoch}"), at_us }
    }

    /// One run that may run once, one that ran twice as it may, and nothing wrong.
    fn good() -> History {
        let run = |id: &str, repeatable| Shown {
            id: id.to_owned(),
            key: id.to_owned(),
            case: if repeatable { "again" } else { "once" }.to_owned(),
            state: "succeeded".to_owned(),
            repeatable,
            ended_us: Some(1_000_000),
            ..Shown::default()
        };
        History {
            accepted: ["a".to_owned(), "b".to_owned()].into(),
            runs: vec![run("a", false), run("b", true)],
            told: vec![("a".to_owned(), "succeeded".to_owned())],
            ledger: vec![
                entry("begin", "a", 1, 10),
                entry("end", "a", 1, 20),
                entry("begin", "b", 1, 10),
                entry("begin", "b", 3, 30),
                entry("end", "b", 3, 40),
            ],
            ends: [("once".to_owned(), vec!["succeeded"]), ("again".to_owned(), vec!["succeeded"])].into(),
            logs: [("a".to_owned(), (1, vec![(1, "asked to stop".to_owned()), (2, "line 1".to_owned())]))].into(),
            ..History::default()
        }
    }

    #[test]
    fn a_good_history_passes() {
        assert_eq!(broken(&good()), Vec::<String>::new());
    }

    /// Each invariant, broken by hand, is found, and under its own word.
    #[test]
    fn every_doctored_history_is_found() {
        type Doctor = fn(&mut History);
        let table: [(&str, Doctor); 15] = [
            ("lost", |h| {
                h.accepted.insert("c".to_owned());
            }),
            ("nobody", |h| h.ledger.push(entry("begin", "c", 1, 10))),
            ("stuck", |h| h.runs[0].state = "running".to_owned()),
            ("twice", |h| h.ledger.push(entry("begin", "a", 2, 30))),
            ("late", |h| h.ledger.push(entry("tick", "a", 1, 1_002_000))),
            ("overlap", |h| h.ledger.push(entry("tick", "b", 1, 35))),
            ("untrue", |h| drop(h.ledger.remove(1))),
            ("untrue", |h| drop(h.ledger.pop())),
            ("end", |h| h.runs[0].state = "lost".to_owned()),
            ("changed", |h| h.told.push(("b".to_owned(), "failed".to_owned()))),
            ("died", |h| h.died.push("one".to_owned())),
            ("orphan", |h| h.orphans.push("sleep 300".to_owned())),
            ("folder", |h| h.folders.push("a.1".to_owned())),
            ("log", |h| h.logs.get_mut("a").expect("a log").1[1].0 = 3),
            ("log", |h| h.logs.get_mut("a").expect("a log").1[1].1 = "line 2".to_owned()),
        ];
        for (word, doctor) in table {
            let mut history = good();
            doctor(&mut history);
            let found = broken(&history);
            assert!(found.iter().any(|f| f.starts_with(&format!("{word}: "))), "{word}: {found:?}");
        }
    }

    #[test]
    fn what_was_struck_may_end_otherwise() {
        let mut history = good();
        history.struck.insert("a".to_owned(), Struck::Supervisor);
        history.runs[0].state = "lost".to_owned();
        history.told.clear();
        assert_eq!(broken(&history), Vec::<String>::new());
        history.struck.insert("a".to_owned(), Struck::Script);
        assert_eq!(broken(&history).len(), 1, "a script that is killed has an end that can be known");
    }

    #[test]
    fn lines_of_the_ledger() {
        let line = "begin 0190-a 0190-a.3 1700000000.000123";
        assert_eq!(Entry::parse(line).map(|e| (e.epoch(), e.at_us)), Some((3, 1_700_000_000_000_123)));
        assert_eq!(Entry::parse("begin"), None);
    }
}
