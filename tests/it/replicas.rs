//! Two processes with all roles on one PostgreSQL, each a node of its own: one dies in the middle of runs.

use crate::fleet::{Fleet, Member, Plan};
use crate::harness::{needs, wait_for};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Lines that each run prints.
const LINES: i64 = 60;

/// Two nodes, or nothing after saying that the test is skipped.
fn two(test: &str, env: &[(&str, &str)]) -> Option<Fleet> {
    let url = needs(test, "AIOPS_TEST_POSTGRES_URL")?;
    let members: &[(&str, &[&str], bool)] = &[("one", &[], true), ("two", &[], true)];
    let env: Vec<(&str, &str)> = [("AIOPS_LEASE_SECS", "3")].into_iter().chain(env.iter().copied()).collect();
    Some(Fleet::start(&Plan { postgres: Some(&url), members, env: &env }))
}

/// A case that prints numbered lines for about six seconds and enters itself into a ledger.
fn case(fleet: &Fleet) -> String {
    let ledger = fleet.dir.path().join("ledger");
    let print = format!("for n in $(seq {LINES}); do echo line $n; sleep 0.1; done");
    let body = format!("echo $RUN_KEY >> {}\n{print}\n", ledger.display());
    fleet.create("cases", &json!({ "name": "prints", "language": "bash", "body": body, "timeout_secs": 60 }))
}

/// Follows a run's log, first at `doors[0]`, at the next one when that is gone; the texts and the end that were seen.
fn view(fleet: &Fleet, doors: &[&Member], id: &str, kill: &AtomicBool) -> (Vec<(i64, String)>, Value) {
    let mut lines = Vec::new();
    let mut end = Value::Null;
    let until = Instant::now() + Duration::from_secs(120);
    for door in doors.iter().cycle() {
        assert!(Instant::now() < until, "the log of {id} has no end: {} lines", lines.len());
        let after = lines.last().map_or(0, |(seq, _)| *seq);
        let mut event = String::new();
        let path = format!("/runs/{id}/logs/stream?after={after}");
        fleet.stream(door, &path, Duration::from_secs(60), |line| {
            if let Some(name) = line.strip_prefix("event:") {
                name.trim().clone_into(&mut event);
            }
            let Some(data) = line.strip_prefix("data:") else { return false };
            let data: Value = serde_json::from_str(data.trim()).unwrap_or(Value::Null);
            if event == "end" {
                end = data;
                return true;
            }
            lines.push((data["seq"].as_i64().unwrap_or(-1), data["text"].as_str().unwrap_or_default().to_owned()));
            if lines.len() > 15 {
                kill.store(true, Ordering::SeqCst);
            }
            false
        });
        if !end.is_null() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    (lines, end)
}

#[test]
fn a_replica_that_dies_loses_no_run_and_no_line() {
    let Some(fleet) = two("a_replica_that_dies_loses_no_run_and_no_line", &[]) else { return };
    fleet.capacity(12);
    let path = format!("/cases/{}/runs", case(&fleet));
    let [one, two] = [&fleet.members[0], &fleet.members[1]];
    let start = |n: usize| {
        let door = if n.is_multiple_of(2) { one } else { two };
        fleet.post(door, &path, &json!({})).expect("accepted")["id"].as_str().expect("an id").to_owned()
    };
    let ids: Vec<String> = (0..8).map(start).collect();
    let kill = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let viewers: Vec<_> = ids
            .iter()
            .enumerate()
            .map(|(n, id)| {
                // Half of them begin at the process that will die; some see a run of the other process in any case.
                let doors = if n.is_multiple_of(2) { [one, two] } else { [two, one] };
                let (fleet, kill) = (&fleet, &kill);
                scope.spawn(move || view(fleet, &doors, id, kill))
            })
            .collect();
        wait_for("lines are seen", Duration::from_secs(90), || kill.load(Ordering::SeqCst).then_some(()));
        let running = fleet.get(two, "/runs?state=running").expect("runs");
        let of_one = running["items"].as_array().expect("a list").iter();
        let of_one = of_one.filter(|r| r["lease_owner"].as_str().is_some_and(|o| o.starts_with(&one.owner()))).count();
        assert!(one.kill(), "it lived");
        eprintln!("killed a process with {of_one} runs under way");
        // Its runs live on that host, with its supervisors; whoever comes back there goes on with them.
        std::thread::sleep(Duration::from_secs(1));
        fleet.begin(one);
        for viewer in viewers {
            let (lines, end) = viewer.join().expect("a viewer");
            assert_eq!(end["state"], "succeeded", "{end}");
            let wanted: Vec<(i64, String)> = (1..=LINES).map(|n| (n, format!("line {n}"))).collect();
            assert_eq!(lines, wanted, "each line once and in order");
        }
    });
    let ledger = std::fs::read_to_string(fleet.dir.path().join("ledger")).expect("a ledger");
    let mut keys: Vec<&str> = ledger.lines().collect();
    keys.sort_unstable();
    let mut wanted: Vec<&str> = ids.iter().map(String::as_str).collect();
    wanted.sort_unstable();
    assert_eq!(keys, wanted, "each run took effect once");
}

/// What one process is told the other does at once: over PostgreSQL, over Redis, and when neither is there at its tick.
#[test]
fn detection_moves_to_the_process_that_is_left() {
    let Some(fleet) = two("detection_moves_to_the_process_that_is_left", &[]) else { return };
    let detects = |member: &Member| fleet.log(member).matches("this process detects").count();
    let [one, two] = [&fleet.members[0], &fleet.members[1]];
    let long = Duration::from_secs(90);
    wait_for("one of them detects", long, || (detects(one) + detects(two) > 0).then_some(()));
    let (first, second) = if detects(one) > 0 { (one, two) } else { (two, one) };
    assert_eq!(detects(second), 0, "one at a time");
    assert!(first.kill(), "it lived");
    wait_for("the other one takes over", long, || (detects(second) == 1).then_some(()));
    fleet.begin(first);
    fleet.ready(first);
    second.stop();
    wait_for("given back in order", long, || (detects(first) == 2).then_some(()));
}
