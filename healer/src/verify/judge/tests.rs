//! Truth tables of the verdict, and the law that missing data never cures.

use super::*;
use crate::sample_values::t;
use proptest::prelude::*;

fn sample(holds: Option<bool>, distance: Option<f64>) -> CheckSample {
    CheckSample {
        check: "c".into(),
        at: t(0),
        value: distance,
        healthy: Some((Some(0.0), Some(1.0))),
        holds,
        distance,
        note: String::new(),
    }
}

fn good() -> CheckSample {
    sample(Some(true), Some(0.0))
}

fn bad(distance: f64) -> CheckSample {
    sample(Some(false), Some(distance))
}

fn gone() -> CheckSample {
    sample(None, None)
}

fn spec() -> VerificationSpec {
    VerificationSpec {
        settle_secs: 10,
        samples: 3,
        interval_secs: 10,
        deadline_secs: 100,
        ..VerificationSpec::default()
    }
}

/// Judges rounds of one check each, the last of them at `at` seconds after the first was due.
fn verdict(baseline: f64, rounds: &[CheckSample], at: i64) -> Option<Verdict> {
    let rounds: Vec<Vec<CheckSample>> = rounds.iter().map(|s| vec![s.clone()]).collect();
    let slices: Vec<&[CheckSample]> = rounds.iter().map(Vec::as_slice).collect();
    match decide(&spec(), &[bad(baseline)], &slices, t(0), t(at)) {
        Judgement::Verdict { verdict, reason } => {
            assert!(domain::testing::sentences::known(&reason), "{reason}");
            Some(verdict)
        }
        Judgement::Continue { next_at } => {
            assert_eq!(next_at, t(at + 10));
            None
        }
    }
}

#[test]
fn what_was_healthy_before_the_run_is_said_so() {
    let rounds = [[good()], [good()], [good()]];
    let rounds: Vec<&[CheckSample]> = rounds.iter().map(<[_; 1]>::as_slice).collect();
    let reason = |baseline: &[CheckSample]| match decide(&spec(), baseline, &rounds, t(0), t(20)) {
        Judgement::Verdict { verdict: Verdict::Fixed, reason } => reason,
        other => panic!("{other:?}"),
    };
    let (well, sick) = (reason(&[good()]), reason(&[bad(1.0)]));
    assert!(well.contains("nothing for it to cure") && domain::testing::sentences::known(&well), "{well}");
    assert_eq!((sick.as_str(), reason(&[])), ("healthy in 3 samples in a row", sick.clone()));
}

#[test]
fn three_samples_of_each_kind_are_fixed_only_when_all_are_good() {
    let empty = CheckSample { note: "no data".into(), ..gone() };
    let nan = CheckSample { value: Some(f64::NAN), ..gone() };
    let kinds: [(&str, CheckSample, RoundState); 6] = [
        ("good", good(), RoundState::Healthy),
        ("bad", bad(1.0), RoundState::Bad),
        ("empty", empty, RoundState::Unknown),
        ("nan", nan, RoundState::Unknown),
        ("failed", gone(), RoundState::Unknown),
        ("partial", CheckSample { value: Some(0.5), ..gone() }, RoundState::Unknown),
    ];
    for a in &kinds {
        for b in &kinds {
            for c in &kinds {
                let got = verdict(1.0, &[a.1.clone(), b.1.clone(), c.1.clone()], 20);
                let all_good = [a, b, c].iter().all(|k| k.2 == RoundState::Healthy);
                assert_eq!(got == Some(Verdict::Fixed), all_good, "{} {} {}: {got:?}", a.0, b.0, c.0);
            }
        }
    }
}

#[test]
fn a_round_is_as_known_as_its_least_known_check() {
    assert_eq!(round_state(&[good(), good()]), RoundState::Healthy);
    assert_eq!(round_state(&[good(), bad(1.0)]), RoundState::Bad);
    assert_eq!(round_state(&[bad(1.0), gone()]), RoundState::Unknown);
    assert_eq!(round_state(&[]), RoundState::Unknown);
    assert_eq!(distance(&[good(), bad(2.0)]), Some(1.0));
    assert_eq!(distance(&[good(), gone()]), None);
}

#[test]
fn at_the_deadline_the_distance_decides() {
    for (before, after, expected) in [
        (1.0, 0.5, Verdict::Improved),
        (1.0, 0.7, Verdict::Improved),
        (1.0, 0.8, Verdict::NotFixed),
        (1.0, 1.4, Verdict::NotFixed),
        (1.0, 1.6, Verdict::Worse),
        (0.0, 0.14, Verdict::NotFixed),
        (0.0, 0.2, Verdict::Worse),
    ] {
        let rounds = [bad(after), bad(after), bad(after)];
        assert_eq!(verdict(before, &rounds, 100), Some(expected), "{before} -> {after}");
        let early = (expected == Verdict::Worse).then_some(Verdict::Worse);
        assert_eq!(verdict(before, &rounds, 60), early, "{before} -> {after}, half way");
        assert_eq!(verdict(before, &rounds, 40), None, "{before} -> {after}, early");
    }
}

#[test]
fn what_is_measured_since_the_run_only_does_not_make_it_worse() {
    let new = |d: f64| CheckSample { check: "new".into(), ..bad(d) };
    let rounds: Vec<Vec<CheckSample>> = (0..4).map(|_| vec![bad(1.0), new(9.0)]).collect();
    let slices: Vec<&[CheckSample]> = rounds.iter().map(Vec::as_slice).collect();
    let at_the_end = decide(&spec(), &[bad(1.0)], &slices, t(0), t(100));
    let Judgement::Verdict { verdict, .. } = at_the_end else { panic!("the deadline has passed: {at_the_end:?}") };
    assert_eq!(verdict, Verdict::NotFixed);
}

#[test]
fn one_spike_is_not_worse() {
    assert_eq!(verdict(1.0, &[bad(1.0), bad(9.0), bad(1.0)], 100), Some(Verdict::NotFixed));
    assert_eq!(verdict(1.0, &[bad(9.0), bad(9.0)], 100), Some(Verdict::NotFixed), "too few to call it sustained");
}

#[test]
fn missing_data_extends_and_then_is_inconclusive() {
    let rounds = [good(), good(), gone()];
    assert_eq!(verdict(1.0, &rounds, 100), None, "the deadline waits for data");
    assert_eq!(verdict(1.0, &rounds, 199), None);
    assert_eq!(verdict(1.0, &rounds, 200), Some(Verdict::Inconclusive));
    assert_eq!(verdict(1.0, &[gone(), good(), good(), good()], 150), Some(Verdict::Fixed), "data came back");
    assert_eq!(verdict(1.0, &[bad(1.0), gone(), bad(1.0)], 110), Some(Verdict::NotFixed), "known at the end");
    assert_eq!(verdict(1.0, &[], 250), Some(Verdict::Inconclusive));
}

#[test]
fn the_time_of_an_outage_does_not_count() {
    let at = |s: CheckSample, secs: i64| CheckSample { at: t(secs), ..s };
    let mut rounds: Vec<CheckSample> = (0..9).map(|i| at(gone(), i * 10)).collect();
    rounds.extend([at(bad(1.0), 90), at(bad(1.0), 100)]);
    assert_eq!(verdict(1.0, &rounds, 100), None, "data is back for two rounds only");
    assert_eq!(verdict(1.0, &rounds, 189), None);
    assert_eq!(verdict(1.0, &rounds, 190), Some(Verdict::NotFixed), "it had the whole time with data");
    assert_eq!(verdict(1.0, &[at(gone(), 0), at(gone(), 150), at(bad(1.0), 199)], 200), Some(Verdict::NotFixed));
}

#[test]
fn an_empty_round_in_an_outage_does_not_stretch_it() {
    let round = |s: CheckSample, secs: i64| vec![CheckSample { at: t(secs), ..s }];
    let rounds = [round(gone(), 0), vec![], round(bad(1.0), 20), round(bad(1.0), 110), round(bad(1.0), 120)];
    let slices: Vec<&[CheckSample]> = rounds.iter().map(Vec::as_slice).collect();
    let at = |secs: i64| decide(&spec(), &[bad(1.0)], &slices, t(0), t(secs));
    assert!(matches!(at(119), Judgement::Continue { .. }));
    assert!(matches!(at(120), Judgement::Verdict { verdict: Verdict::NotFixed, .. }));
}

#[test]
fn a_healthy_row_may_be_finished_after_the_deadline() {
    assert_eq!(verdict(1.0, &[bad(1.0), good(), good()], 100), None);
    assert_eq!(verdict(1.0, &[good(), good(), good()], 110), Some(Verdict::Fixed));
    assert_eq!(verdict(1.0, &[bad(1.0), bad(1.0), good()], 200), Some(Verdict::NotFixed), "but not for ever");
}

#[test]
fn without_a_baseline_nothing_is_better_or_worse() {
    let rounds: Vec<Vec<CheckSample>> = vec![vec![bad(9.0)]; 3];
    let slices: Vec<&[CheckSample]> = rounds.iter().map(Vec::as_slice).collect();
    for baseline in [vec![], vec![gone()]] {
        let got = decide(&spec(), &baseline, &slices, t(0), t(100));
        assert!(matches!(got, Judgement::Verdict { verdict: Verdict::NotFixed, .. }), "{got:?}");
    }
}

#[test]
fn the_first_sample_is_due_at_the_runs_end_and_settle() {
    let mut v = Verification {
        id: domain::new_id(),
        version: 1,
        incident_id: domain::new_id(),
        run_id: domain::new_id(),
        policy_id: domain::new_id(),
        step: 0,
        spec: spec(),
        baseline: vec![],
        rounds: vec![],
        next_at: Some(t(8)),
        started_at: t(1),
        verdict: None,
        reason: String::new(),
        ended_at: None,
        soak_until: None,
    };
    assert_eq!(first_due(&v), t(8), "the run ended before the verification began");
    v.next_at = Some(t(20));
    assert_eq!(first_due(&v), t(11), "rounds without a sample do not move it");
    v.rounds.push(vec![CheckSample { at: t(9), ..good() }]);
    assert_eq!(first_due(&v), t(9));
}

fn any_sample() -> impl Strategy<Value = CheckSample> {
    prop_oneof![Just(good()), (0.01_f64..5.0).prop_map(bad), Just(gone())]
}

proptest! {
    #[test]
    fn never_fixed_with_a_missing_or_bad_sample_in_the_row(
        rounds in prop::collection::vec(prop::collection::vec(any_sample(), 0..4), 0..12),
        baseline in prop::collection::vec(any_sample(), 0..4),
        samples in 1_u32..5, at in 0_i64..400,
    ) {
        let spec = VerificationSpec { samples, ..spec() };
        let slices: Vec<&[CheckSample]> = rounds.iter().map(Vec::as_slice).collect();
        let got = decide(&spec, &baseline, &slices, t(0), t(at));
        let row = slices.iter().rev().take(samples as usize);
        let all_good = slices.len() >= samples as usize
            && row.clone().all(|r| !r.is_empty() && r.iter().all(|s| s.holds == Some(true)));
        let fixed = matches!(got, Judgement::Verdict { verdict: Verdict::Fixed, .. });
        prop_assert_eq!(fixed, all_good);
        if let Some(last) = slices.last() {
            let unknown = last.is_empty() || last.iter().any(|s| s.holds.is_none());
            if unknown {
                let only = matches!(got, Judgement::Continue { .. } | Judgement::Verdict { verdict: Verdict::Inconclusive, .. });
                prop_assert!(only, "an unknown last round gave {:?}", got);
            }
        }
        if at >= 200 {
            prop_assert!(matches!(got, Judgement::Verdict { .. }), "it ends");
        }
    }
}
