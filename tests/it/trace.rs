//! One trace an incident: from the poll that saw it to the verdict, in spans, log lines and the script's environment.

use crate::harness::{Product, needs, wait_for};
use crate::lab::{Lab, incident, targets};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A span as it was exported; ids in hex, an empty parent marks a root.
#[derive(Debug, Clone)]
struct Span {
    trace: String,
    id: String,
    parent: String,
    name: String,
}

/// Receives spans by OTLP over HTTP; the thread ends with the test process.
struct Collector {
    endpoint: String,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let spans = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&spans);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let got = receive(stream).expect("a request of the exporter");
                kept.lock().expect("spans").extend(got);
            }
        });
        Self { endpoint, spans }
    }

    fn of(&self, trace: &str) -> Vec<Span> {
        self.spans.lock().expect("spans").iter().filter(|s| s.trace == trace).cloned().collect()
    }
}

/// One request: the spans in it.
fn receive(mut stream: TcpStream) -> std::io::Result<Vec<Span>> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut length, mut chunked) = (String::new(), 0, false);
    while reader.read_line(&mut line)? > 2 {
        let header = line.trim().to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(std::io::Error::other)?;
        }
        chunked |= header.starts_with("transfer-encoding:") && header.ends_with("chunked");
        line.clear();
    }
    let body = if chunked { chunks(&mut reader)? } else { exactly(&mut reader, length)? };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )?;
    let request = ExportTraceServiceRequest::decode(body.as_slice()).map_err(std::io::Error::other)?;
    let scopes = request.resource_spans.into_iter().flat_map(|r| r.scope_spans);
    let spans = scopes.flat_map(|s| s.spans).map(|s| Span {
        trace: hex(&s.trace_id),
        id: hex(&s.span_id),
        parent: hex(&s.parent_span_id),
        name: s.name,
    });
    Ok(spans.collect())
}

fn exactly(reader: &mut impl std::io::Read, length: usize) -> std::io::Result<Vec<u8>> {
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

/// A body in chunks, without trailers.
fn chunks(reader: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).map_err(std::io::Error::other)?;
        body.extend(exactly(reader, size)?);
        reader.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The steps of the loop, each a span.
const STEPS: [&str; 5] = ["ingest.poll", "analyzer.batch", "healer.decide", "healer.run", "healer.verify"];

#[test]
fn one_trace_an_incident_from_poll_to_verdict() {
    let test = "one_trace_an_incident";
    let Some(prometheus) = needs(test, "AIOPS_TEST_PROMETHEUS_URL") else { return };
    let Some(targets) = targets(test) else { return };
    let collector = Collector::start();
    let lab = Lab::new("trace", &prometheus, &targets);
    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "200")];
    let product = Product::start(lab.dir.path(), &env);
    lab.install(
        &product,
        &json!({ "settle_secs": 1, "samples": 2, "interval_secs": 1, "deadline_secs": 30, "soak_secs": 5 }),
    );
    lab.break_it();
    let done = wait_for("resolved", Duration::from_secs(90), || {
        incident(&product).filter(|i| i["state"] == "resolved" || i["state"] == "escalated")
    });
    assert_eq!(done["state"], "resolved", "{done}");
    let trace = done["trace"]["trace_id"].as_str().expect("a trace id");
    let spans = wait_for("a span of every step", Duration::from_secs(20), || {
        let spans = collector.of(trace);
        let names: BTreeSet<&str> = spans.iter().map(|s| s.name.as_str()).collect();
        STEPS.iter().all(|step| names.contains(step)).then_some(spans)
    });
    assert_eq!(loose_ends(&spans), [""; 0], "{spans:?}");
    script_and_log_lines_carry(&product, &done, trace, lab.dir.path());
}

/// What is wrong with a trace that must have one root, the poll, and every other span below one of its own.
fn loose_ends(spans: &[Span]) -> Vec<String> {
    let ids: BTreeSet<&str> = spans.iter().map(|s| s.id.as_str()).collect();
    let (roots, others): (Vec<&Span>, Vec<&Span>) = spans.iter().partition(|s| s.parent.is_empty());
    let lost = others.iter().filter(|s| !ids.contains(s.parent.as_str()));
    let mut wrong: Vec<String> = lost.map(|s| format!("{} has lost its parent", s.name)).collect();
    if ids.len() != spans.len() {
        wrong.push("a span was exported twice".to_owned());
    }
    if roots.len() != 1 || roots[0].name != STEPS[0] {
        wrong.push(format!("roots: {roots:?}"));
    }
    wrong
}

#[test]
fn seeded_loose_ends_are_found() {
    let span = |id: &str, parent: &str, name: &str| Span {
        trace: "t".to_owned(),
        id: id.to_owned(),
        parent: parent.to_owned(),
        name: name.to_owned(),
    };
    let poll = span("1", "", "ingest.poll");
    assert_eq!(loose_ends(&[poll.clone(), span("2", "1", "healer.run")]), [""; 0]);
    assert_eq!(loose_ends(&[poll.clone(), span("2", "9", "healer.run")]), ["healer.run has lost its parent"]);
    assert_eq!(loose_ends(&[poll.clone(), poll.clone()]).len(), 2);
    assert_eq!(loose_ends(&[span("2", "", "healer.run")]).len(), 1);
}

fn script_and_log_lines_carry(product: &Product, incident: &Value, trace: &str, dir: &Path) {
    let id = incident["id"].as_str().expect("an id");
    let runs = product.get(&format!("/incidents/{id}/runs"));
    let run = runs["items"][0]["id"].as_str().expect("a run");
    let lines = product.get(&format!("/runs/{run}/logs"));
    let seen = lines.as_array().expect("lines").iter().filter_map(|l| l["text"].as_str()?.strip_prefix("trace "));
    let seen: Vec<&str> = seen.collect();
    assert_eq!(seen.len(), 1, "{lines}");
    assert!(seen[0].starts_with(&format!("00-{trace}-")), "the script saw {}, the incident has {trace}", seen[0]);
    let log = std::fs::read_to_string(dir.join("aiops.log")).expect("the product's log");
    let parsed = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let messages: Vec<Value> = parsed.filter(|l| l["trace.id"] == trace).map(|l| l["message"].clone()).collect();
    assert!(messages.contains(&json!("decided")), "log lines of the trace: {messages:?}");
}
