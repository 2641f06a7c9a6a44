//! Truth tables of the gates, and the law that caps hold over random histories.

use super::*;
use crate::sample_values::{TARGET, facts, past, policy, t};
use domain::policy::{Autonomy, RunLimit};
use domain::run::RunState;
use domain::verification::Verdict;
use proptest::prelude::*;

fn named(policy: &Policy, facts: &GateFacts, name: &str) -> Gate {
    let all = evaluate(policy, facts, facts.now);
    all.into_iter().find(|g| g.result.gate == name).unwrap_or_else(|| panic!("no gate {name}"))
}

#[test]
fn a_fresh_incident_passes_every_gate() {
    let all = evaluate(&policy(), &facts(), t(0));
    assert!(all.iter().all(|g| g.result.passed && g.block.is_none()), "{all:?}");
    assert!(all.iter().all(|g| domain::testing::sentences::known(&g.result.reason)), "{all:?}");
    assert_eq!(strongest(&all), None);
}

/// Changes the policy and the facts.
type Change = fn(&mut Policy, &mut GateFacts);

#[test]
fn each_gate_stops_for_its_own_reason() {
    let table: [(&str, Option<Block>, Change); 21] = [
        ("enabled", Some(Block::Refuse), |p, _| p.spec.enabled = false),
        ("archived", Some(Block::Refuse), |p, _| p.archived_at = Some(t(-1))),
        ("burning", Some(Block::Wait(t(30))), |_, f| f.anomalies[0].state = domain::anomaly::AnomalyState::Closed),
        ("burning", Some(Block::Wait(t(30))), |_, f| f.anomalies.clear()),
        ("attempts", Some(Block::Escalate), |_, f| f.incident.attempts = 3),
        ("attempts", Some(Block::Escalate), |p, f| {
            p.spec.gates.max_attempts = 1;
            f.policy_runs.push(past(-900, Some(-800), Some(Verdict::NotFixed)));
        }),
        ("freshness", Some(Block::Wait(t(15))), |_, f| f.data_as_of = None),
        ("freshness", Some(Block::Wait(t(15))), |_, f| f.data_as_of = Some(t(-121))),
        ("freshness", None, |_, f| f.data_as_of = Some(t(-120))),
        ("cooldown", Some(Block::Wait(t(290))), |_, f| f.target_runs.push(past(-50, Some(-10), None))),
        ("cooldown", None, |_, f| f.target_runs.push(past(-400, Some(-300), None))),
        ("cooldown", Some(Block::Refuse), |p, _| p.spec.gates.cooldown_secs = HORIZON_SECS + 1),
        ("limits", Some(Block::Wait(t(50))), |p, f| {
            p.spec.gates.limits = vec![RunLimit { window_secs: 60, max_runs: 1 }];
            f.policy_runs.push(past(-10, Some(-5), None));
        }),
        ("limits", None, |p, f| {
            p.spec.gates.limits = vec![RunLimit { window_secs: 60, max_runs: 1 }];
            f.policy_runs.push(past(-60, Some(-50), None));
        }),
        ("limits", Some(Block::Refuse), |p, _| {
            p.spec.gates.limits = vec![RunLimit { window_secs: HORIZON_SECS + 1, max_runs: 1 }];
        }),
        ("breaker", Some(Block::Escalate), |_, f| {
            f.policy_runs.extend((1..=3).map(|i| past(-100 * i - 50, Some(-100 * i), Some(Verdict::Inconclusive))));
        }),
        ("breaker", None, |_, f| {
            f.policy_runs.extend((1..=3).map(|i| past(-100 * i - 50, Some(-100 * i), Some(Verdict::Worse))));
            f.policy_runs.push(past(-60, Some(-50), Some(Verdict::Fixed)));
        }),
        ("breaker", None, |_, f| {
            f.policy_runs.extend((1..=3).map(|i| past(-9_000 * i, Some(-9_000 * i + 9), Some(Verdict::NotFixed))));
        }),
        ("target_busy", Some(Block::Wait(t(5))), |_, f| f.target_runs.push(past(-9, None, None))),
        ("target_busy", Some(Block::Wait(t(5))), |_, f| {
            let mut other = past(-90, Some(-60), None);
            other.incident_id = domain::new_id();
            f.target_runs.push(other);
        }),
        ("targets_at_once", Some(Block::Wait(t(10))), |_, f| {
            let mut other = past(-90, None, None);
            other.target = "service=cart".into();
            f.policy_runs.push(other);
        }),
    ];
    for (index, (name, expected, change)) in table.into_iter().enumerate() {
        let (mut p, mut f) = (policy(), facts());
        change(&mut p, &mut f);
        let gate = named(&p, &f, name);
        assert_eq!(gate.block, expected, "row {index}: {gate:?}");
        assert_eq!(gate.result.passed, expected.is_none(), "row {index}");
        assert!(domain::testing::sentences::known(&gate.result.reason), "row {index}: {}", gate.result.reason);
        assert!(!gate.result.reason.is_empty() && gate.result.inputs.is_object(), "row {index}");
    }
}

#[test]
fn autonomy_asks_or_records() {
    for (level, expected) in [
        (Autonomy::Auto, None),
        (Autonomy::Approve, Some(Block::Ask)),
        (Autonomy::Suggest, Some(Block::Ask)),
        (Autonomy::Shadow, Some(Block::Refuse)),
    ] {
        let mut p = policy();
        p.spec.autonomy = level;
        assert_eq!(named(&p, &facts(), "autonomy").block, expected, "{level:?}");
    }
}

#[test]
fn an_echo_waits_until_the_shadow_has_passed() {
    let with = |begin: i64, ended: Option<i64>, same_incident: bool| {
        let mut f = facts();
        f.anomalies[0].started_at = t(begin);
        let mut run = past(-100, ended, None);
        if !same_incident {
            run.incident_id = domain::new_id();
        }
        f.target_runs.push(run);
        named(&policy(), &f, "echo").block
    };
    assert_eq!(with(-50, Some(-20), false), Some(Block::Wait(t(10))), "inside the shadow");
    assert_eq!(with(-50, None, false), Some(Block::Wait(t(30))), "the run still acts");
    assert_eq!(with(-101, Some(-20), false), None, "it is older than the run");
    assert_eq!(with(-50, Some(-20), true), None, "a run for this very incident");
    assert_eq!(with(-50, Some(-31), false), None, "it outlived the shadow");
}

#[test]
fn the_strongest_block_wins() {
    let gate = |block| Gate::stop("g", block, "r", serde_json::Value::Null);
    let pick = |blocks: &[Block]| {
        let gates: Vec<Gate> = blocks.iter().map(|&b| gate(b)).collect();
        strongest(&gates).map(|(b, _)| b)
    };
    let (early, late) = (Block::Wait(t(1)), Block::Wait(t(2)));
    assert_eq!(pick(&[Block::Ask, early, late]), Some(late));
    assert_eq!(pick(&[late, Block::Escalate, Block::Ask]), Some(Block::Escalate));
    assert_eq!(pick(&[Block::Escalate, Block::Refuse]), Some(Block::Refuse));
}

proptest! {
    /// Obeying the gates through a random life, runs never come closer than the cooldown nor exceed a window's limit.
    #[test]
    fn caps_hold_over_random_histories(
        steps in prop::collection::vec((1_i64..120, 1_i64..40, 0_u8..5), 1..120),
        cooldown in 0_u32..200, window in 10_u32..600, max in 1_u32..4,
    ) {
        let mut p = policy();
        p.spec.gates.cooldown_secs = cooldown;
        p.spec.gates.limits = vec![RunLimit { window_secs: window, max_runs: max }];
        p.spec.gates.max_attempts = 20;
        let mut runs: Vec<domain::decision::PastRun> = Vec::new();
        let mut now = 0_i64;
        for (pause, length, verdict) in steps {
            now += pause;
            let mut f = facts();
            f.now = t(now);
            f.data_as_of = Some(t(now));
            f.policy_runs.clone_from(&runs);
            f.target_runs.clone_from(&runs);
            let free = evaluate(&p, &f, t(now)).iter()
                .filter(|g| ["cooldown", "limits", "target_busy"].contains(&g.result.gate.as_str())).all(|g| g.result.passed);
            if free {
                let verdict = [Verdict::Fixed, Verdict::NotFixed, Verdict::Worse, Verdict::Improved, Verdict::Inconclusive][usize::from(verdict)];
                runs.insert(0, past(now, Some(now + length), Some(verdict)));
                runs[0].state = RunState::Succeeded;
            }
        }
        for pair in runs.windows(2) {
            let rest = pair[0].queued_at - pair[1].ended_at.expect("ended");
            prop_assert!(rest >= secs(cooldown) , "rest {rest}");
        }
        for run in &runs {
            let inside = runs.iter().filter(|r| r.queued_at <= run.queued_at && r.queued_at + secs(window) > run.queued_at).count();
            prop_assert!(inside <= max as usize);
        }
        prop_assert!(runs.iter().all(|r| r.target == TARGET));
    }
}
