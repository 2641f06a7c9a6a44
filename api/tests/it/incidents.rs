//! Incidents and runs: what people do to them, and the overview.

use crate::harness::App;
use domain::new_id;
use serde_json::json;

#[tokio::test]
async fn an_incident_is_taken_commented_and_resolved() {
    let app = App::new().await;
    let operator = app.token("operator").await;
    let id = app.incident("slow checkout").id;
    let path = |what: &str| format!("/api/v1/incidents/{id}{what}");
    assert_eq!(app.send("POST", &path("/acknowledge"), Some(&operator), Some(json!({}))).await.status, 428);
    let with = |what: &str, tag: &'static str, body| {
        let (app, path, operator) = (&app, path(what), &operator);
        async move { app.send_with("POST", &path, operator, &[("if-match", tag)], body).await }
    };
    assert_eq!(with("/acknowledge", "\"9\"", Some(json!({}))).await.status, 412);
    let taken = with("/acknowledge", "\"1\"", Some(json!({"comment": "mine"}))).await;
    assert_eq!((taken.json()["state"].clone(), taken.header("etag")), (json!("acknowledged"), "\"2\""));
    let again = with("/acknowledge", "\"2\"", None).await;
    assert_eq!((again.status.as_u16(), again.json()["code"].clone()), (409, json!("conflict")), "no such edge");
    let said = app.send("POST", &path("/comments"), Some(&operator), Some(json!({"text": "<b>disk</b>"}))).await;
    assert_eq!((said.status.as_u16(), said.json()["kind"].clone()), (201, json!("comment")));
    assert_eq!(app.send("POST", &path("/comments"), Some(&operator), Some(json!({"text": " "}))).await.field(), "text");
    assert_eq!(with("/resolve", "\"2\"", None).await.json()["state"], "resolved");
    let events = app.send("GET", &path("/events"), Some(&operator), None).await.json();
    let messages: Vec<_> = events.as_array().unwrap().iter().map(|e| e["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["operator acknowledged the incident: mine", "<b>disk</b>", "operator resolved the incident"]);
    let after = events[0]["id"].as_str().unwrap();
    let rest = app.send("GET", &path(&format!("/events?after={after}&limit=1")), Some(&operator), None).await.json();
    assert_eq!(rest[0]["id"], events[1]["id"]);
}

#[tokio::test]
async fn a_false_alarm_is_said_of_every_anomaly() {
    let app = App::new().await;
    let operator = app.token("operator").await;
    let id = app.incident("slow checkout").id;
    let both = [(); 2].map(|()| domain::testing::samples::anomaly(new_id(), Some(id)));
    app.work.members.lock().unwrap().extend(both.clone());
    app.feedback.anomalies.lock().unwrap().extend(both.clone());
    let resolve = |body| {
        let (app, operator, path) = (&app, &operator, format!("/api/v1/incidents/{id}/resolve"));
        async move { app.send_with("POST", &path, operator, &[("if-match", "\"1\"")], Some(body)).await }
    };
    assert!(resolve(json!({"opinion": "meh"})).await.status.is_client_error());
    let over = resolve(json!({"opinion": "noise", "comment": "a rehearsal"})).await;
    assert_eq!(over.json()["state"], "resolved", "{}", over.text);
    for anomaly in both {
        let path = format!("/api/v1/anomalies/{}/feedback", anomaly.id);
        let said = app.send("GET", &path, Some(&operator), None).await.json();
        assert_eq!(
            (&said[0]["opinion"], &said[0]["voice"], &said[0]["by"]),
            (&json!("noise"), &json!("person"), &json!("operator"))
        );
        assert_eq!(said[0]["fingerprint"], domain::feedback::fingerprint(&anomaly));
    }
    let events = app.send("GET", &format!("/api/v1/incidents/{id}/events"), Some(&operator), None).await.json();
    assert_eq!(events[0]["message"], "operator resolved the incident: a rehearsal");
}

#[tokio::test]
async fn anomalies_are_filtered_strictly() {
    use domain::anomaly::{AnomalyFilter, AnomalyState, Said};
    let app = App::new().await;
    let viewer = app.token("viewer").await;
    let list = |query: &str| {
        let (app, viewer, path) = (&app, &viewer, format!("/api/v1/anomalies?{query}"));
        async move { app.send("GET", &path, Some(viewer), None).await }
    };
    let monitor = new_id();
    let query = format!(
        "monitor_id={monitor}&entity=service%3Dcart&state=open&feedback=nothing&search=p95&from=2026-01-01T00:00:00Z&limit=5"
    );
    assert_eq!(list(&query).await.status, 200);
    let asked = app.work.asked.lock().unwrap().clone();
    let expected = AnomalyFilter {
        monitor_id: Some(monitor),
        entity: Some("service=cart".to_owned()),
        search: Some("p95".to_owned()),
        state: Some(AnomalyState::Open),
        said: Some(Said::Nothing),
        from: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        to: None,
    };
    assert_eq!(asked, expected);
    for (query, field) in
        [("state=ajar", "state"), ("feedback=loud", "feedback"), ("to=today", "to"), ("monitor_id=1", "monitor_id")]
    {
        assert_eq!(list(query).await.field(), field);
    }
    assert_eq!(list("").await.status, 200);
    assert_eq!(*app.work.asked.lock().unwrap(), AnomalyFilter::default());
}

#[tokio::test]
async fn incidents_are_filtered_by_repeated_states() {
    let app = App::new().await;
    let viewer = app.token("viewer").await;
    let (a, b) = (app.incident("a"), app.incident("b"));
    app.work.incidents.lock().unwrap()[1].state = domain::incident::IncidentState::Resolved;
    let list = |query: &str| {
        let (app, viewer, path) = (&app, &viewer, format!("/api/v1/incidents?{query}"));
        async move { app.send("GET", &path, Some(viewer), None).await }
    };
    let ids = |answer: &crate::harness::Answer| -> Vec<String> {
        answer.json()["items"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&list("state=open").await), [a.id.to_string()]);
    assert_eq!(ids(&list("state=open&state=resolved").await), [b.id.to_string(), a.id.to_string()]);
    assert!(ids(&list("min_severity=critical").await).is_empty());
    assert_eq!(list("state=broken").await.field(), "state");
    assert_eq!(list("min_severity=5").await.field(), "min_severity");
}

#[tokio::test]
async fn what_hangs_on_an_incident_that_does_not_exist_is_not_found() {
    let app = App::new().await;
    let operator = app.token("operator").await;
    let (there, gone) = (app.incident("x").id, new_id());
    for part in ["", "/events", "/anomalies", "/decisions", "/runs", "/verifications", "/notifications"] {
        let get = |id| {
            let (app, operator, path) = (&app, &operator, format!("/api/v1/incidents/{id}{part}"));
            async move { app.send("GET", &path, Some(operator), None).await.status.as_u16() }
        };
        assert_eq!((get(there).await, get(gone).await), (200, 404), "{part}");
    }
    let odd = app.send("GET", "/api/v1/incidents/1%27%20OR%201=1", Some(&operator), None).await;
    assert_eq!((odd.status.as_u16(), odd.field().as_str()), (400, "id"));
}

#[tokio::test]
async fn the_overview_has_every_number() {
    let app = App::new().await;
    let viewer = app.token("viewer").await;
    let summary = app.send("GET", "/api/v1/summary", Some(&viewer), None).await.json();
    assert_eq!(summary["incidents"], json!({"open": 2}));
    assert_eq!((summary["detect_ms_p50"].clone(), summary["resolve_ms_p50"].clone()), (json!(1500.0), json!(null)));
    assert_eq!(summary["monitors"], json!({"ok": 0, "learning": 0, "no_data": 0, "source_error": 0}));
}

#[tokio::test]
async fn a_case_is_started_listed_and_cancelled_by_hand() {
    let app = App::new().await;
    let operator = app.token("operator").await;
    let case = app.cases.put("c", serde_json::from_value(json!({"language": "sh", "body": "true"})).unwrap());
    let start = format!("/api/v1/cases/{}/runs", case.id);
    let body = json!({"values": {"N": 3}, "target": "service=shop"});
    let made = app.send("POST", &start, Some(&operator), Some(body)).await;
    assert_eq!((made.status.as_u16(), made.json()["requested_by"].clone()), (201, json!("operator")), "{}", made.text);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), format!("/api/v1/runs/{id}"));
    let listed =
        app.send("GET", &format!("/api/v1/runs?state=queued&case_id={}", case.id), Some(&operator), None).await;
    assert_eq!(listed.json()["items"][0]["id"], json!(id));
    for (query, field) in [
        ("since=yesterday", "since"),
        ("until=2026-13-01T00:00:00Z", "until"),
        ("since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z", "until"),
        ("owner=ann", "owner"),
    ] {
        let wrong = app.send("GET", &format!("/api/v1/runs?{query}"), Some(&operator), None).await;
        assert_eq!((wrong.status.as_u16(), wrong.field().as_str()), (400, field), "{query}: {}", wrong.text);
    }
    let query = "since=2026-01-01T00:00:00Z&until=2026-02-01T01:00:00%2B01:00&requested_by=operator&tag=night";
    assert_eq!(app.send("GET", &format!("/api/v1/runs?{query}"), Some(&operator), None).await.status.as_u16(), 200);
    let cancelled = app.send("POST", &format!("/api/v1/runs/{id}/cancel"), Some(&operator), Some(json!({}))).await;
    assert_eq!(cancelled.json()["state"], "cancelled");
    let odd = app.send("POST", &start, Some(&operator), Some(json!({"target": "a\nb"}))).await;
    assert_eq!(odd.field(), "target");
}
