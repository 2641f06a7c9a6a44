//! Labels of a run's container: whose it is, and what whoever attaches later has to know. Pure.

use crate::runtime::Handle;
use domain::Id;
use std::collections::HashMap;

/// The runtime manager that made it.
pub(super) const MANAGER: &str = "aiops.manager";
/// The run.
pub(super) const RUN: &str = "aiops.run";
/// The epoch under which it was started.
pub(super) const EPOCH: &str = "aiops.epoch";
const SEQ: &str = "aiops.first-seq";
const TIMEOUT: &str = "aiops.timeout-secs";
const OUTPUT: &str = "aiops.output-bytes";
const MEMORY: &str = "aiops.memory-bytes";
const INTERPRETER: &str = "aiops.interpreter";
const NOTES: &str = "aiops.notes";

/// What the labels say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) manager: Id,
    pub(super) handle: Handle,
    pub(super) first_seq: i64,
    pub(super) timeout_secs: u32,
    pub(super) output_bytes: u64,
    pub(super) memory_bytes: u64,
    pub(super) interpreter: String,
}

/// The labels; with `notes`, remarks that stand at the beginning of the run's log.
pub(super) fn write(marks: &Marks, notes: &[String]) -> HashMap<String, String> {
    let mut all: HashMap<String, String> = [
        (MANAGER, marks.manager.to_string()),
        (RUN, marks.handle.run_id.to_string()),
        (EPOCH, marks.handle.epoch.to_string()),
        (SEQ, marks.first_seq.to_string()),
        (TIMEOUT, marks.timeout_secs.to_string()),
        (OUTPUT, marks.output_bytes.to_string()),
        (MEMORY, marks.memory_bytes.to_string()),
        (INTERPRETER, marks.interpreter.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if !notes.is_empty() {
        all.insert(NOTES.to_owned(), serde_json::Value::from(notes).to_string());
    }
    all
}

/// Run and epoch, when they are labelled so.
pub(super) fn handle(labels: &HashMap<String, String>) -> Option<Handle> {
    Some(Handle { run_id: labels.get(RUN)?.parse().ok()?, epoch: labels.get(EPOCH)?.parse().ok()? })
}

/// Everything that the labels say; absent when they are not ours.
pub(super) fn read(labels: &HashMap<String, String>) -> Option<(Marks, Vec<String>)> {
    let marks = Marks {
        manager: labels.get(MANAGER)?.parse().ok()?,
        handle: handle(labels)?,
        first_seq: labels.get(SEQ)?.parse().ok()?,
        timeout_secs: labels.get(TIMEOUT)?.parse().ok()?,
        output_bytes: labels.get(OUTPUT)?.parse().ok()?,
        memory_bytes: labels.get(MEMORY)?.parse().ok()?,
        interpreter: labels.get(INTERPRETER)?.clone(),
    };
    let notes = labels.get(NOTES).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    Some((marks, notes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let marks = Marks {
            manager: Id::from_u128(1),
            handle: Handle { run_id: Id::from_u128(2), epoch: 3 },
            first_seq: 4,
            timeout_secs: 5,
            output_bytes: 6,
            memory_bytes: 7,
            interpreter: "sh".into(),
        };
        let notes = vec!["a \"b\"\n".to_owned()];
        assert_eq!(read(&write(&marks, &notes)), Some((marks.clone(), notes)));
        let mut other = write(&marks, &[]);
        assert_eq!(read(&other).expect("ours").1, Vec::<String>::new());
        other.remove(RUN);
        assert_eq!((read(&other), handle(&other)), (None, None));
    }
}
