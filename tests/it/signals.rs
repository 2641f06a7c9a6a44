//! Poller, analyzer and database together over a scripted Prometheus: what goes wrong there is a named state here, and no
//! event. The cases P01 to P05 of what other tools got wrong, end to end.

use crate::signals_rig::{Asked, NOW, Rig, matrix, number};
use domain::incident::IncidentState;
use domain::ports::AnalyzerStore as _;
use domain::status::Health;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;
use wiremock::ResponseTemplate;

fn above(value: f64) -> Value {
    json!({"detector": {"kind": "threshold", "op": "gt", "value": value}})
}

#[tokio::test]
async fn p01_not_a_number_is_neither_an_alarm_nor_an_all_clear() {
    let odd = |asked: &Asked| {
        let of = |name: &str, text: &str| asked.series(&json!({"host": name}), |_| text.to_owned());
        let histogram: Vec<Value> =
            asked.rows().map(|at| json!([at, {"count": "4", "sum": "9", "buckets": [[0, "0", "1", "4"]]}])).collect();
        matrix(&json!([
            of("nan", "NaN"), of("plus", "+Inf"), of("minus", "-Inf"), of("healthy", "0.02"),
            {"metric": {"host": "histogram"}, "histograms": histogram},
        ]))
    };
    let rig = Rig::start(900, &[("ratio", above(0.01)), ("learned", json!({}))], odd).await;
    rig.batches(2).await;
    rig.tick(1, 2).await;
    let state = rig.status("ratio", |s| s.details["series_without_value"] == 4).await;
    assert_eq!((state.health, &state.details["series"]), (Health::Ok, &json!(5)));
    let live = rig.database.live_anomalies().await.expect("anomalies");
    let hosts: Vec<&str> = live.iter().map(|a| a.entity.as_str()).collect();
    assert_eq!(hosts, ["host=healthy"], "only a number can be above a limit");
    assert_eq!((rig.incidents().await.len(), live[0].observed), (1, 0.02));
    // The others end: the healthy one goes on being judged, and no state became anything but a finite number.
    rig.say(|asked| matrix(&json!([asked.series(&json!({"host": "healthy"}), |_| "0.001".to_owned())])));
    for _ in 0..4 {
        rig.tick(1, 2).await;
    }
    assert!(rig.database.live_anomalies().await.expect("anomalies").iter().all(|a| a.ended_at.is_some()));
}

#[tokio::test]
async fn p02_a_long_range_is_split_and_a_refusal_is_no_outage() {
    let strict = |asked: &Asked| {
        if asked.query.starts_with("count(") {
            return number(1);
        }
        if (asked.to - asked.from) / asked.step > 11_000 {
            let text = "exceeded maximum resolution of 11,000 points per timeseries";
            return ResponseTemplate::new(400)
                .set_body_json(json!({"status": "error", "errorType": "bad_data", "error": text}));
        }
        matrix(&json!([asked.series(&json!({"host": "a"}), |at| (at % 17).to_string())]))
    };
    let rig = Rig::start(43_200, &[("x", json!({}))], strict).await;
    let rows = || rig.analyzer.rows.load(Ordering::Relaxed);
    rig.until("all of the history", async || (rows() >= 43_200).then_some(())).await;
    let asked = rig.server.received_requests().await.expect("requests");
    let ranges = asked.iter().filter(|r| r.url.path().ends_with("query_range")).count();
    assert!((4..=5).contains(&ranges), "{ranges} requests for 43,200 rows");
    assert!((43_200..43_210).contains(&rows()), "no row twice: {}", rows());
    assert_eq!(rig.ingest.snapshot().failures, 0);
    rig.status("x", |s| s.health == Health::Ok || s.message.contains("100 %")).await;
}

#[tokio::test]
async fn p03_a_partial_answer_opens_and_closes_nothing_and_is_counted() {
    let up = |count: u32, warned: bool| {
        move |asked: &Asked| {
            let series = asked.series(&json!({"host": "pay"}), |_| count.to_string());
            let mut body = json!({"status": "success", "data": {"resultType": "matrix", "result": [series]}});
            if warned {
                body["warnings"] = json!(["store eu-2 unreachable"]);
            }
            ResponseTemplate::new(200).set_body_json(body)
        }
    };
    let few = json!({"detector": {"kind": "threshold", "op": "lt", "value": 3.0}});
    let rig = Rig::start(30, &[("up", few)], up(4, false)).await;
    rig.batches(1).await;
    rig.say(up(2, true));
    rig.tick(1, 1).await;
    let state = rig.status("up", |s| s.health == Health::Partial).await;
    assert!(state.message.contains("store eu-2 unreachable"), "{}", state.message);
    assert_eq!(rig.incidents().await.len(), 0, "half of the fleet is not the fleet");
    assert_eq!(rig.ingest.snapshot().partial, 1);
    // A real shortage opens; then a partial answer that looks well closes nothing.
    rig.say(up(2, false));
    rig.tick(1, 1).await;
    assert_eq!(rig.incidents().await.len(), 1);
    rig.say(up(4, true));
    for _ in 0..4 {
        rig.tick(1, 1).await;
    }
    let open = rig.database.live_anomalies().await.expect("anomalies");
    assert!(open.len() == 1 && open[0].ended_at.is_none(), "{open:?}");
}

#[tokio::test]
async fn p04_a_series_that_vanishes_is_not_well() {
    let free =
        |value: f64| move |asked: &Asked| matrix(&json!([asked.series(&json!({"host": "a"}), |_| value.to_string())]));
    let low = json!({"detector": {"kind": "threshold", "op": "lt", "value": 5.0}});
    let rig = Rig::start(30, &[("disk_free", low)], free(50.0)).await;
    rig.batches(1).await;
    rig.say(free(1.0));
    rig.tick(1, 1).await;
    let opened = rig.incidents().await;
    assert_eq!(opened.len(), 1);
    rig.say(|_| matrix(&json!([])));
    for _ in 0..5 {
        rig.tick(1, 1).await;
    }
    rig.status("disk_free", |s| s.health == Health::NoData).await;
    rig.say(free(1.0));
    rig.tick(1, 1).await;
    let now = rig.incidents().await;
    assert_eq!(
        (now.len(), now[0].id, now[0].state),
        (1, opened[0].id, IncidentState::Open),
        "the same one, still open"
    );
}

#[tokio::test]
async fn p05_counters_that_start_again_are_no_event() {
    // 2/s; a restart every 200 rows, the last of them between two polls.
    let raw = |at: i64| ((at - NOW).rem_euclid(200)) * 2 + 4;
    let script = move |asked: &Asked| match asked.query.as_str() {
        "count(\norders_total\n)" => number(1),
        _ => matrix(&json!([asked.series(&json!({"host": "a"}), |at| raw(at).to_string())])),
    };
    let rig = Rig::start(1_200, &[("orders_total", json!({}))], script).await;
    let rows = || rig.analyzer.rows.load(Ordering::Relaxed);
    rig.until("history", async || (rows() >= 1_200).then_some(())).await;
    for _ in 0..3 {
        rig.tick(1, 1).await;
    }
    assert!(rig.incidents().await.is_empty() && rig.database.live_anomalies().await.expect("read").is_empty());
}

#[tokio::test]
async fn trouble_of_one_monitor_is_told_and_stays_its_own() {
    let script = |asked: &Asked| {
        let healthy = || asked.series(&json!({"host": "a"}), |at| (at % 7).to_string());
        match asked.query.as_str() {
            "html" => ResponseTemplate::new(200).set_body_raw("<html><body>log in</body></html>", "text/html"),
            "text" => ResponseTemplate::new(200)
                .set_body_json(json!({"status": "success", "data": {"resultType": "string", "result": [1, "x"]}})),
            "slow" => matrix(&json!([healthy()])).set_delay(Duration::from_secs(20)),
            "wrong" => ResponseTemplate::new(400)
                .set_body_json(json!({"status": "error", "errorType": "bad_data", "error": "parse error"})),
            "native" => matrix(&json!([{"metric": {}, "histograms": [[asked.to, {"count": "4", "sum": "9"}]]}])),
            "gone" => ResponseTemplate::new(503).set_body_string("upstream connect error"),
            "many" => {
                let last = |n: u32| json!({"metric": {"host": format!("h{n:06}")}, "values": [[asked.to, "1"]]});
                matrix(&json!((0..100_000).map(last).collect::<Vec<_>>()))
            }
            query if query.starts_with("count(") => number(1),
            // Twice the same time, and one that is older than the one before.
            _ => {
                let at = asked.to;
                matrix(
                    &json!([{"metric": {"host": "a"}, "values": [[at, "1"], [at, "2"], [at - 1, "1"], [at - 2, "NaN"]]}]),
                )
            }
        }
    };
    let names = ["html", "text", "slow", "wrong", "native", "gone", "many", "fine"];
    let monitors: Vec<(&str, Value)> = names.iter().map(|n| (*n, json!({}))).collect();
    let rig = Rig::start(4, &monitors, script).await;
    for (name, health, words) in [
        ("html", Health::SourceError, "not as Prometheus does"),
        ("text", Health::SourceError, "string"),
        ("wrong", Health::SourceError, "parse error"),
        ("native", Health::SourceError, "histogram_quantile"),
        ("gone", Health::SourceError, "503"),
        ("slow", Health::SourceError, "within 2 s"),
    ] {
        let state = rig.status(name, |s| s.health == health && s.message.contains(words)).await;
        assert!(state.ok_at.is_none(), "{name}: {state:?}");
    }
    let many = rig.status("many", |s| s.details["series"] == 500 || s.health == Health::Ok).await;
    assert!(many.details["left_out"].is_null() || many.details["left_out"] == 99_500, "{many:?}");
    let before = rig.analyzer.rows.load(Ordering::Relaxed);
    rig.clock.advance(chrono::TimeDelta::seconds(1));
    let rows = || rig.analyzer.rows.load(Ordering::Relaxed);
    rig.until("the healthy one goes on", async || (rows() > before).then_some(())).await;
    rig.status("fine", |s| matches!(s.health, Health::Ok | Health::Learning)).await;
    assert!(rig.incidents().await.is_empty());
}

#[tokio::test]
async fn a_kill_and_a_restart_make_no_event_and_close_none() {
    let wave = |at: i64| 100.0 + 5.0 * ((at as f64) / 30.0).sin() + ((at * 7_919) % 13) as f64 * 0.1;
    let script = move |asked: &Asked| match asked.query.as_str() {
        query if query.starts_with("count(") => number(1),
        _ => matrix(&json!([asked.series(&json!({"host": "a"}), |at| wave(at).to_string())])),
    };
    let mut rig = Rig::start(1_500, &[("x", json!({}))], script).await;
    let rows = |rig: &Rig| rig.analyzer.rows.load(Ordering::Relaxed);
    rig.until("history", async || (rows(&rig) >= 1_500).then_some(())).await;
    rig.clock.advance(chrono::TimeDelta::seconds(40));
    let id = rig.only_monitor().await;
    let stored = async || rig.database.checkpoint(id).await.ok().flatten().filter(|t| t.timestamp() >= NOW + 39);
    rig.until("a stored memory", stored).await;
    rig.kill().await;
    // Twenty minutes away: the gap alone is read, with what was learned before it.
    rig.clock.advance(chrono::TimeDelta::seconds(1_200));
    rig.run(1_500);
    rig.until("the gap", async || (rows(&rig) >= 1_200).then_some(())).await;
    assert!(rows(&rig) < 1_500, "not all of the history again: {}", rows(&rig));
    assert!(rig.incidents().await.is_empty() && rig.database.live_anomalies().await.expect("read").is_empty());
    // And it judges at once.
    rig.say(|asked| match asked.query.as_str() {
        query if query.starts_with("count(") => number(1),
        _ => matrix(&json!([asked.series(&json!({"host": "a"}), |_| "900".to_owned())])),
    });
    rig.clock.advance(chrono::TimeDelta::seconds(2));
    rig.until("an incident", async || (!rig.incidents().await.is_empty()).then_some(())).await;
    assert!(rig.dir.path().exists());
}
