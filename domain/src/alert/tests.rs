//! Tests of alerts: what each body becomes, and that no body, however broken, does more than be refused.

use super::*;
use crate::catalog::{AlertMapping, EntityRule, SourceKind, SourceSpec, WebhookSpec};
use crate::clock::from_millis;
use crate::testing::samples;
use proptest::prelude::*;
use serde_json::{Value, json};

fn spec(kind: SourceKind) -> SourceSpec {
    let webhook = (kind == SourceKind::Generic).then(|| WebhookSpec {
        mapping: Some(AlertMapping {
            alerts: "/events".to_owned(),
            name: "/title".to_owned(),
            status: Some("/state".to_owned()),
            labels: Some("/tags".to_owned()),
            fields: [("host".to_owned(), "/where/host".to_owned())].into(),
            starts_at: Some("/since".to_owned()),
            summary: Some("/text".to_owned()),
            link: Some("/href".to_owned()),
            ..AlertMapping::default()
        }),
        ..WebhookSpec::default()
    });
    SourceSpec { kind, url: String::new(), credentials: Default::default(), webhook, ..samples::source() }
}

fn alertmanager(alerts: Value) -> Value {
    json!({"version": "4", "groupKey": "{}:{alertname=\"Down\"}", "truncatedAlerts": 0, "status": "firing",
        "receiver": "aiops", "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://am",
        "alerts": alerts})
}

fn one(change: Value) -> Value {
    let mut alert = json!({"status": "firing", "labels": {"alertname": "Down", "instance": "web-1"},
        "annotations": {"summary": "web-1 is gone"}, "startsAt": "2026-01-31T08:00:00.123Z",
        "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://prom/graph", "fingerprint": "b3a1"});
    for (key, value) in change.as_object().cloned().unwrap_or_default() {
        alert[key] = value;
    }
    alert
}

fn read(kind: SourceKind, body: &Value) -> crate::Result<Delivery> {
    decode(&spec(kind), body.to_string().as_bytes())
}

#[test]
fn an_alertmanager_group_is_read() {
    let delivery = read(SourceKind::Alertmanager, &alertmanager(json!([one(json!({}))]))).unwrap();
    assert_eq!(delivery.group, "{}:{alertname=\"Down\"}");
    let told = &delivery.alerts[0];
    assert_eq!((told.name.as_str(), told.fingerprint.as_str(), told.state), ("Down", "b3a1", AlertState::Firing));
    assert_eq!(told.starts_at.map(|t| t.timestamp_millis()), Some(1_769_846_400_123));
    assert_eq!((told.ends_at, told.unknown), (None, false), "the zero time is no end");
}

#[test]
fn p25e_impossible_times_do_nothing_and_the_zero_time_is_no_end() {
    let odd = one(json!({"status": "resolved", "endsAt": "2026-01-31T07:00:00Z"}));
    let told = read(SourceKind::Alertmanager, &alertmanager(json!([odd]))).unwrap().alerts.remove(0);
    assert!(told.unknown && told.note.contains("before its start"), "{}", told.note);
    let zero = one(json!({"startsAt": "0001-01-01T00:00:00Z"}));
    let told = read(SourceKind::Alertmanager, &alertmanager(json!([zero]))).unwrap().alerts.remove(0);
    assert_eq!(told.starts_at, None);
}

#[test]
fn p28_a_cut_group_says_how_much_is_missing() {
    let mut body = alertmanager(json!([one(json!({}))]));
    body["truncatedAlerts"] = json!(480);
    assert_eq!(read(SourceKind::Alertmanager, &body).unwrap().omitted, 480);
}

#[test]
fn wrong_bodies_are_refused_by_field() {
    let am = |body: &Value| read(SourceKind::Alertmanager, body).unwrap_err().fields.remove(0).field;
    assert_eq!(am(&json!({"version": "3", "alerts": []})), "version");
    assert_eq!(am(&json!({"version": "4"})), "body");
    assert_eq!(am(&json!([1, 2])), "body");
    assert_eq!(am(&alertmanager(json!([one(json!({})), one(json!({"status": "maybe"}))]))), "alerts[1].status");
    assert_eq!(am(&alertmanager(json!([one(json!({"startsAt": "yesterday"}))]))), "alerts[0].startsAt");
    assert_eq!(am(&alertmanager(json!([one(json!({"labels": {"a": 1}}))]))), "body");
    let many: Labels = (0..65).map(|i| (format!("l{i}"), String::new())).collect();
    assert_eq!(am(&alertmanager(json!([one(json!({"labels": many}))]))), "alerts[0].labels");
    let whole = alertmanager(json!([one(json!({}))])).to_string();
    for end in 0..whole.len() {
        assert!(decode(&spec(SourceKind::Alertmanager), &whole.as_bytes()[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn grafana_without_data_is_unknown() {
    let body =
        |alert: Value| json!({"version": "1", "orgId": 1, "groupKey": "g", "truncatedAlerts": 0, "alerts": [alert]});
    let plain = read(SourceKind::Grafana, &body(one(json!({"values": {"A": 1.5}, "panelURL": ""})))).unwrap();
    assert!(!plain.alerts[0].unknown);
    let no_data = one(json!({"labels": {"alertname": "DatasourceNoData"}}));
    assert!(read(SourceKind::Grafana, &body(no_data)).unwrap().alerts[0].unknown);
    let stale = one(json!({"status": "resolved", "annotations": {"grafana_state_reason": "MissingSeries"}}));
    assert!(read(SourceKind::Grafana, &body(stale)).unwrap().alerts[0].unknown, "no data is no recovery");
}

#[test]
fn a_generic_body_is_read_by_its_mapping() {
    let body = json!({"events": [
        {"title": "Disk full", "state": "ALERT", "tags": {"service": "db", "n": 3, "deep": {}}, "where": {"host": "h1"},
         "since": 1_769_846_400, "text": "95 %", "href": "javascript:alert(1)"},
        {"title": "Disk full", "state": "OK", "since": "2026-01-31T08:00:00Z"}]});
    let delivery = read(SourceKind::Generic, &body).unwrap();
    let first = &delivery.alerts[0];
    assert_eq!(first.labels["host"], "h1");
    assert_eq!((first.labels["n"].as_str(), first.labels.contains_key("deep")), ("3", false));
    assert_eq!((first.link.as_str(), first.annotations["summary"].as_str()), ("", "95 %"));
    assert_eq!(first.starts_at, delivery.alerts[1].starts_at);
    assert_eq!(delivery.alerts[1].state, AlertState::Resolved);
    let nameless = read(SourceKind::Generic, &json!({"events": [{"title": ""}]})).unwrap_err();
    assert_eq!(nameless.fields[0].field, "alerts[0]/title");
    assert!(read(SourceKind::Generic, &json!({"other": 1})).is_err());
    let wide = format!("{{\"events\": [{}0]}}", "0,".repeat(400_001));
    assert!(decode(&spec(SourceKind::Generic), wide.as_bytes()).is_err());
}

#[test]
fn labels_name_entity_severity_and_signal() {
    let mut source =
        samples::draft("am", spec(SourceKind::Alertmanager)).into_resource(crate::new_id(), samples::at(0));
    let told = |labels: &[(&str, &str)]| Told {
        fingerprint: "f".to_owned(),
        name: "HighErrorRate".to_owned(),
        labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        annotations: Labels::new(),
        state: AlertState::Firing,
        starts_at: None,
        ends_at: None,
        link: String::new(),
        unknown: false,
        note: String::new(),
    };
    let of = |source: &Source, labels: &[(&str, &str)]| {
        let alert = prepare(told(labels), "", source, samples::at(0)).alert;
        (alert.entity, alert.severity, alert.signal)
    };
    let labels = [("service_name", "checkout"), ("instance", "10.0.0.1:80"), ("severity", "page")];
    let expected = ("service_name=checkout".to_owned(), Severity::Critical, SignalKind::Errors);
    assert_eq!(of(&source, &labels), expected);
    source.spec.webhook = Some(WebhookSpec {
        entities: vec![EntityRule { label: "service_name".to_owned(), kind: Some("service".to_owned()) }],
        ..WebhookSpec::default()
    });
    assert_eq!(of(&source, &labels).0, "service=checkout");
    assert_eq!(of(&source, &[("service_name", ""), ("signal", "latency")]).2, SignalKind::Latency);
    assert_eq!(of(&source, &[]).0, "alert=HighErrorRate");
    assert!(source.spec.validate_all().is_empty());
}

impl SourceSpec {
    fn validate_all(&self) -> Vec<crate::error::FieldError> {
        crate::resource::Spec::validate(self)
    }
}

#[test]
fn fingerprints_are_those_of_prometheus() {
    // From model.LabelSet{}.Fingerprint(): the basis of FNV-1a.
    assert_eq!(fingerprint(&Labels::new()), "cbf29ce484222325");
    let labels = Labels::from([("alertname".to_owned(), "x".to_owned())]);
    assert_ne!(fingerprint(&labels), fingerprint(&Labels::from([("alertnam".to_owned(), "ex".to_owned())])));
}

#[test]
fn the_series_key_carries_the_group() {
    let source = samples::draft("am", spec(SourceKind::Alertmanager)).into_resource(crate::new_id(), samples::at(0));
    let delivery = read(SourceKind::Alertmanager, &alertmanager(json!([one(json!({}))]))).unwrap();
    let group = delivery.group.clone();
    let alert = prepare(delivery.alerts[0].clone(), &group, &source, from_millis(5)).alert;
    let anomaly = alert.anomaly();
    assert!(group_of(&anomaly.series_key).is_some_and(|g| g.starts_with(&source.id.to_string())));
    assert_eq!(group_of(&Alert { group: String::new(), ..alert }.anomaly().series_key), None);
    assert_eq!(group_of("0123abcd"), None, "series of monitors have none");
}

/// Any JSON, not too deep.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("firing")),
        Just(json!("2026-01-31T08:00:00Z")),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        let keys = prop_oneof![
            Just("alerts"),
            Just("labels"),
            Just("status"),
            Just("version"),
            Just("startsAt"),
            Just("events"),
            Just("title"),
            Just("tags"),
            Just("x")
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(keys.prop_map(str::to_owned), inner, 0..6)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

const KINDS: [SourceKind; 3] = [SourceKind::Alertmanager, SourceKind::Grafana, SourceKind::Generic];

proptest! {
    #[test]
    fn no_bytes_do_more_than_be_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        for kind in KINDS {
            let _answer = decode(&spec(kind), &bytes);
        }
    }

    #[test]
    fn no_json_does_more_than_be_refused(value in json_value()) {
        for kind in KINDS {
            if let Ok(delivery) = read(kind, &value) {
                prop_assert!(delivery.alerts.iter().all(|a| !a.fingerprint.is_empty() && !a.name.is_empty()));
            }
        }
    }

    #[test]
    fn a_flipped_byte_is_read_or_refused(at in 0_usize..500, byte in any::<u8>()) {
        let mut body = alertmanager(json!([one(json!({}))])).to_string().into_bytes();
        let at = at % body.len();
        body[at] = byte;
        let _answer = decode(&spec(SourceKind::Alertmanager), &body);
    }

    #[test]
    fn p23_label_values_stay_byte_for_byte(value in "[^\u{0}]{0,80}", name in "[a-zA-Z_]{1,20}") {
        let alert = one(json!({"labels": {"alertname": "x", name.clone(): value.clone()}}));
        let told = read(SourceKind::Alertmanager, &alertmanager(json!([alert]))).unwrap().alerts.remove(0);
        prop_assert_eq!(&told.labels[&name], &value);
    }

    #[test]
    fn what_was_read_is_read_again_alike(value in ".{0,40}", summary in ".{0,40}") {
        let alert = one(json!({"labels": {"alertname": "x", "v": value}, "annotations": {"summary": summary}}));
        let first = read(SourceKind::Alertmanager, &alertmanager(json!([alert]))).unwrap().alerts.remove(0);
        let printed = json!({"status": "firing", "labels": first.labels, "annotations": first.annotations,
            "startsAt": first.starts_at, "fingerprint": first.fingerprint, "generatorURL": first.link});
        let second = read(SourceKind::Alertmanager, &alertmanager(json!([printed]))).unwrap().alerts.remove(0);
        prop_assert_eq!(first, second);
    }
}
