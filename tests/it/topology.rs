//! The graph of a real Prometheus and of a file joins two troubles into one incident, with the way to its cause and what
//! was changed before.

use crate::harness::{Product, needs, wait_for};
use crate::lab;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Two services, of which the first calls the second, as their metrics tell it.
struct Shop {
    dir: tempfile::TempDir,
    target: PathBuf,
    port: u16,
}

impl Shop {
    fn new(targets: &Path) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let shop = Self { target: targets.join(format!("graph-{port}.json")), port, dir };
        shop.level(1);
        let list = json!([{ "targets": [format!("127.0.0.1:{port}")], "labels": { "job": format!("graph-{port}") } }]);
        let part = targets.join(format!("graph-{port}.part"));
        std::fs::write(&part, list.to_string()).expect("written");
        std::fs::rename(&part, &shop.target).expect("renamed");
        let file = shop.dir.path().join("metrics");
        std::thread::spawn(move || serve(&listener, &file));
        shop
    }

    fn name(&self, what: &str) -> String {
        format!("{what}-{}", self.port)
    }

    fn entity(&self, what: &str) -> String {
        format!("service={}", self.name(what))
    }

    /// What both services tell from now on.
    fn level(&self, level: u32) {
        let (front, cart) = (self.name("front"), self.name("cart"));
        let text = format!(
            "graph_level{{service=\"{front}\"}} {level}\ngraph_level{{service=\"{cart}\"}} {level}\n\
             traces_service_graph_request_total{{client=\"{front}\",server=\"{cart}\"}} 7\n"
        );
        std::fs::write(self.dir.path().join("part"), text).expect("written");
        std::fs::rename(self.dir.path().join("part"), self.dir.path().join("metrics")).expect("renamed");
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        std::fs::remove_file(&self.target).ok();
    }
}

/// Serves the file; the thread ends with the test process.
fn serve(listener: &TcpListener, file: &Path) {
    for mut stream in listener.incoming().flatten() {
        let mut request = [0_u8; 2048];
        let read = stream.read(&mut request).unwrap_or(0);
        let body = std::fs::read_to_string(file).unwrap_or_default();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\n";
        if read > 0 {
            write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).ok();
        }
    }
}

fn edge<'a>(graph: &'a Value, from: &str, to: &str) -> Option<&'a Value> {
    graph["edges"].as_array()?.iter().find(|e| e["from"] == *from && e["to"] == *to)
}

fn time(value: &Value) -> chrono::DateTime<chrono::Utc> {
    value.as_str().and_then(|t| t.parse().ok()).expect("a time")
}

#[test]
fn a_graph_joins_explains_and_is_told_with_what_was_changed() {
    let Some(url) = needs("topology", "AIOPS_TEST_PROMETHEUS_URL") else { return };
    let Some(targets) = lab::targets("topology") else { return };
    let shop = Shop::new(&targets);
    let (front, cart) = (shop.entity("front"), shop.entity("cart"));
    let file = shop.dir.path().join("graph.yaml");
    std::fs::write(&file, format!("edges:\n  - {{from: {cart}, to: db=orders}}\n")).expect("written");
    let env = [("AIOPS_TOPOLOGY_FILE", file.to_str().expect("a path")), ("AIOPS_TOPOLOGY_SECS", "1")];
    let product = Product::start(shop.dir.path(), &env);
    let source = product.create("sources", &json!({ "name": "prom", "kind": "prometheus", "url": url }));
    product.create(
        "monitors",
        &json!({
            "name": "level", "source_id": source, "query": format!("graph_level{{job=\"graph-{}\"}}", shop.port),
            "interval_secs": 1, "signal": "saturation", "entity_labels": ["service"], "severity": "critical",
            "detector": { "kind": "threshold", "op": "gt", "value": 5.0 },
        }),
    );
    let graph = wait_for("both places of the graph", Duration::from_secs(120), || {
        let graph = product.try_get("/topology")?;
        (edge(&graph, &front, &cart).is_some() && edge(&graph, &cart, "db=orders").is_some()).then_some(graph)
    });
    let told = edge(&graph, &front, &cart).expect("an edge");
    assert_eq!(
        (told["seen"][0]["source"].clone(), told["seen"][0]["origin"].clone()),
        (json!("service_graph"), json!("prom"))
    );
    assert_eq!(edge(&graph, &cart, "db=orders").expect("an edge")["seen"][0]["source"], "file");
    // Detection takes the graph over at its ticks of five seconds.
    let seen = time(&told["seen"][0]["first_seen_at"]);
    wait_for("detection knows the graph", Duration::from_secs(60), || {
        let graph = product.try_get("/topology")?;
        let feed = graph["feeds"].as_array()?.iter().find(|f| f["source"] == "file")?.clone();
        (time(&feed["read_at"]) - seen > chrono::TimeDelta::seconds(8)).then_some(())
    });
    let feeds = graph["feeds"].as_array().expect("feeds");
    assert!(feeds.iter().any(|f| f["source"] == "file" && f["message"] == ""), "{feeds:?}");
    let change = json!({ "entity": cart, "title": "release 4.18", "kind": "deployment", "author": "ann" });
    product.post("/changes", &change);
    shop.level(9);
    let incident = wait_for("one incident of both", Duration::from_secs(90), || {
        let incident = lab::incident(&product)?;
        (incident["entities"].as_array()?.len() == 2 && incident["causes"][0].is_object()).then_some(incident)
    });
    let causes = incident["causes"].as_array().expect("causes");
    assert_eq!(causes[0]["entity"], json!(cart), "what was changed, and is called by what suffers: {causes:?}");
    assert_eq!(causes[0]["path"], json!([front, cart]));
    let lines = causes[0]["evidence"].to_string();
    assert!(lines.contains("release 4.18 (api "), "{lines}");
    let id = incident["id"].as_str().expect("an id");
    let part = product.get(&format!("/incidents/{id}/topology"));
    assert!(edge(&part, &front, &cart).is_some() && edge(&part, &cart, "db=orders").is_some(), "{part}");
    let node = part["nodes"].as_array().expect("nodes").iter().find(|n| n["entity"] == *cart).expect("a node");
    assert_eq!((node["severity"].clone(), node["incidents"][0]["id"].clone()), (json!("critical"), json!(id)));
    let changes = product.get(&format!("/incidents/{id}/changes"));
    assert_eq!(changes[0]["title"], "release 4.18", "{changes}");
    a_wrong_file_is_told_and_its_edges_count(&product, &file, &cart);
}

/// A wrong file is told, and what it said goes on to count.
fn a_wrong_file_is_told_and_its_edges_count(product: &Product, file: &std::path::Path, cart: &str) {
    std::fs::write(file, "edges:\n  - {from: cart, to: db=orders}\n").expect("written");
    let told = wait_for("the wrong file is told", Duration::from_secs(90), || {
        let graph = product.try_get("/topology")?;
        let feed = graph["feeds"].as_array()?.iter().find(|f| f["source"] == "file" && f["message"] != "")?.clone();
        edge(&graph, cart, "db=orders").map(|_| feed)
    });
    assert!(told["message"].as_str().expect("a text").contains("line 2: from: give kind=name"), "{told}");
}
