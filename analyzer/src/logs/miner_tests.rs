//! Properties and examples of the template miner as a whole.

use proptest::prelude::*;

use super::{Level, Limits, Line, TemplateMiner};

fn miner() -> TemplateMiner {
    TemplateMiner::new(Limits::default())
}

fn texts(messages: &[&str]) -> Vec<String> {
    let mut miner = miner();
    let ids: Vec<_> = messages.iter().map(|message| miner.learn(message).template_id).collect();
    ids.into_iter().map(|id| miner.template(id).text.clone()).collect()
}

#[test]
fn values_share_a_template_and_are_masked() {
    let found = texts(&["open 10.0.0.1:80 took 12 ms", "open 10.0.0.2:8080 took 9 ms"]);
    assert_eq!(found, ["open <IP>:<NUM> took <NUM> ms"; 2]);
}

#[test]
fn names_after_a_cue_become_a_wildcard_with_aliases_for_the_old_ids() {
    let mut miner = miner();
    let ids: Vec<_> = ["ann", "bob", "eve", "zoe"].map(|name| miner.learn(&format!("user {name} logged in"))).to_vec();
    assert!(ids[0].is_new && ids[1].is_new && ids[2].changed && !ids[3].is_new);
    assert!(ids.iter().all(|mined| miner.resolve(mined.template_id) == ids[0].template_id));
    assert_eq!(miner.template(ids[2].template_id).text, "user <*> logged in");
    assert_eq!(miner.template(ids[0].template_id).count, 4);
}

#[test]
fn opposite_states_stay_apart() {
    let states = ["started", "stopped", "paused", "resumed", "failed", "running", "closed", "opened", "lost", "ready"];
    let found = texts(&states.map(|state| format!("instance 7 was {state} by hand")).each_ref().map(String::as_str));
    assert_eq!(found.iter().collect::<std::collections::BTreeSet<_>>().len(), states.len());
}

#[test]
fn levels_never_merge() {
    let mut miner = miner();
    let mut id = |level| miner.learn_line(Line { message: "disk 5 is full", level, at_ms: 1 }).template_id;
    assert_ne!(id(Level::Info), id(Level::Error));
}

#[test]
fn chinese_is_split_at_scripts_and_marks() {
    let found = texts(&[
        "支付失败 订单=17 用户=甲 重试第3次",
        "支付失败 订单=9 用户=乙 重试第十二次",
        "等待１２毫秒，节点北京-3",
    ]);
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0], "支付失败 订单=<NUM> 用户=<*> 重试第<NUM>次");
    assert_eq!(found[2], "等待<*>毫秒，节点北京<NUM>");
}

#[test]
fn json_with_shuffled_keys_is_one_template_and_so_are_lists_of_any_length() {
    let found = texts(&[r#"{"msg":"request failed","n":1}"#, r#"{"n":2,"msg":"request failed"}"#]);
    assert_eq!(found, ["request failed"; 2]);
    let found = texts(&["batch 1 2 3", "batch 4", "batch 5, 6, (7), 8"]);
    assert_eq!(found[0], found[2]);
}

#[test]
fn a_hostile_stream_stays_within_its_limits() {
    let mut miner = miner();
    let mut state = 1u64;
    let mut word = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (0..3 + (state >> 60) % 5).map(|k| char::from(b'a' + ((state >> (20 + 5 * k)) % 26) as u8)).collect::<String>()
    };
    for _ in 0..20_000 {
        let line = (0..6).map(|_| word()).collect::<Vec<_>>().join(" ");
        miner.learn(&line);
    }
    let stats = miner.stats();
    assert!(stats.templates <= 500, "{stats:?}");
    assert!(miner.bytes() < 64 << 20);
    assert_eq!(miner.templates().map(|template| template.count).sum::<u64>() + stats.unclassified, 20_000);
}

#[test]
fn a_shape_that_left_unseen_is_kept_when_it_returns() {
    let mut miner = TemplateMiner::new(Limits { probation: 4, ..Limits::default() });
    miner.learn("rare but real");
    for name in ["alpha beta", "gamma delta", "epsilon zeta", "eta theta", "iota kappa", "lambda mu"] {
        miner.learn(name);
    }
    assert_eq!(miner.stats().evicted, 3);
    let back = miner.learn("rare but real").template_id;
    for name in ["nu xi", "omicron pi", "rho sigma", "tau upsilon", "phi chi", "psi omega"] {
        miner.learn(name);
    }
    assert_eq!(miner.template(back).text, "rare but real");
}

#[test]
fn a_pinned_template_is_never_forgotten() {
    let mut miner = TemplateMiner::new(Limits { probation: 4, templates: 16, ..Limits::default() });
    let id = miner.learn("keep me here").template_id;
    assert!(miner.pin(id, true) && miner.mute(id, true) && miner.rename(id, Some("mine".into())));
    for k in 0..200u32 {
        let word: String = format!("{k:05}").bytes().map(|byte| char::from(byte - b'0' + b'a')).collect();
        miner.learn(&format!("{word} x{word} yes"));
    }
    assert_eq!(miner.template(id).name.as_deref(), Some("mine"));
    assert!(miner.stats().templates <= 16);
}

#[test]
fn a_damaged_snapshot_is_refused() {
    let mut miner = miner();
    miner.learn("hello world");
    let bytes = miner.encode().unwrap();
    for end in [0, 5, bytes.len() / 2, bytes.len() - 1] {
        assert!(TemplateMiner::decode(&bytes[..end]).is_err());
    }
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert!(TemplateMiner::decode(&changed).is_err());
    assert_eq!(TemplateMiner::decode(&bytes).unwrap().snapshot(), miner.snapshot());
}

/// Lines that look like logs more often than random text does.
fn line() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z]{1,6}",
        "[0-9]{1,5}",
        "user|from|to|started|stopped|=|\\(|\\)|\\[|\\]|<|:|,|/|\\.\\.\\.|\\{|\"|\\\\",
        "[支付失败第十三次，。０１]{1,4}",
        "/[a-z/]{1,8}",
        "[a-z]+=[a-z0-9\"]{0,5}",
    ];
    prop_oneof![
        4 => proptest::collection::vec(word, 0..12).prop_map(|words| words.join(" ")),
        1 => any::<String>(),
        1 => "\\{\"[a-z]{1,4}\":\"?[a-z\"\\\\]{0,6}.{0,6}",
        1 => "[a-z]{1,5}\n(\tat )?[a-zA-Z.]{0,12}(Exception|Error)?(: .{0,5})?",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_learnt_without_panic_and_counted_once(lines in proptest::collection::vec(line(), 0..80)) {
        let mut miner = TemplateMiner::new(Limits { probation: 8, templates: 20, shapes: 16, siblings: 32, aliases: 16, line_bytes: 64, line_tokens: 8, sample_bytes: 64 });
        for line in &lines {
            let mined = miner.learn(line);
            prop_assert!(!(mined.is_new && mined.changed));
        }
        let stats = miner.stats();
        prop_assert!(stats.templates <= 20);
        prop_assert_eq!(stats.lines, lines.len() as u64);
        let counted: u64 = miner.templates().map(|template| template.count).sum();
        prop_assert_eq!(counted + stats.unclassified, stats.lines);
    }

    #[test]
    fn the_same_lines_give_the_same_ids_and_survive_a_restart(lines in proptest::collection::vec(line(), 1..60)) {
        let (mut one, mut other) = (miner(), miner());
        for line in &lines {
            prop_assert_eq!(one.learn(line), other.learn(line));
        }
        let back = TemplateMiner::decode(&one.encode().unwrap()).unwrap();
        prop_assert_eq!(back.snapshot(), one.snapshot());
        let mut back = back;
        for line in &lines {
            let (before, after) = (one.learn(line), back.learn(line));
            prop_assert_eq!(one.resolve(before.template_id), back.resolve(after.template_id));
        }
    }

    #[test]
    fn numbers_never_change_the_template(a in 0u32..1_000_000, b in 0u32..1_000_000) {
        let mut miner = miner();
        let one = miner.learn(&format!("took {a} ms for job-{a} at /x/{a}?q={a}")).template_id;
        prop_assert_eq!(one, miner.learn(&format!("took {b} ms for job-{b} at /x/{b}?q={b}")).template_id);
    }
}
