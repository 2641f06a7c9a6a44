//! A small S3 service in memory: objects, ranges, listing, parts. Enough to be wrong in the ways that matter.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use store::{Blobs, Bucket};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    uploads: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    authorizations: Vec<String>,
}

/// The service.
pub(crate) struct FakeS3 {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

struct Answer(Arc<Mutex<State>>);

pub(crate) async fn start() -> FakeS3 {
    // Another test of this process may have installed it already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let server = MockServer::start().await;
    let state: Arc<Mutex<State>> = Arc::default();
    Mock::given(any()).respond_with(Answer(Arc::clone(&state))).mount(&server).await;
    FakeS3 { server, state }
}

impl FakeS3 {
    pub(crate) fn blobs(&self) -> Blobs {
        Blobs::bucket(&Bucket {
            name: "bucket".to_owned(),
            prefix: "pre/fix".to_owned(),
            endpoint: self.server.uri(),
            region: String::new(),
            access_key: "key-id".to_owned(),
            secret_key: "not very secret".to_owned(),
        })
        .unwrap()
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.state.lock().unwrap().objects.keys().cloned().collect()
    }

    pub(crate) fn authorizations(&self) -> Vec<String> {
        self.state.lock().unwrap().authorizations.clone()
    }
}

fn xml(body: String) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(format!("<?xml version=\"1.0\"?>{body}"), "application/xml")
}

fn missing() -> ResponseTemplate {
    ResponseTemplate::new(404).set_body_raw("<Error><Code>NoSuchKey</Code></Error>", "application/xml")
}

const MODIFIED: &str = "Wed, 21 Oct 2026 07:28:00 GMT";

fn object(bytes: &[u8], request: &Request) -> ResponseTemplate {
    let all = bytes.len();
    let answer =
        |status| ResponseTemplate::new(status).insert_header("etag", "\"e\"").insert_header("last-modified", MODIFIED);
    let range = request.headers.get("range").and_then(|v| v.to_str().ok()?.strip_prefix("bytes=")?.split_once('-'));
    let Some((from, to)) = range else {
        let head = request.method.as_str() == "HEAD";
        let body = if head { Vec::new() } else { bytes.to_vec() };
        let made = answer(200).set_body_bytes(body);
        return if head { made.insert_header("content-length", all.to_string()) } else { made };
    };
    let from: usize = from.parse().unwrap();
    let to = to.parse::<usize>().unwrap().min(all - 1);
    answer(206)
        .insert_header("content-range", format!("bytes {from}-{to}/{all}"))
        .set_body_bytes(bytes[from..=to].to_vec())
}

fn list(state: &State, prefix: &str) -> ResponseTemplate {
    let found = state.objects.iter().filter(|(key, _)| key.starts_with(prefix));
    let entries: String = found
        .map(|(key, bytes)| {
            let size = bytes.len();
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-10-21T07:28:00.000Z</LastModified>\
                 <ETag>\"e\"</ETag><Size>{size}</Size></Contents>"
            )
        })
        .collect();
    xml(format!("<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"))
}

fn delete_many(state: &mut State, body: &[u8]) -> ResponseTemplate {
    let text = String::from_utf8_lossy(body).into_owned();
    let keys = text.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
    let mut gone = String::new();
    for (key, _) in keys {
        state.objects.remove(key);
        gone.push_str(&format!("<Deleted><Key>{key}</Key></Deleted>"));
    }
    xml(format!("<DeleteResult>{gone}</DeleteResult>"))
}

impl Respond for Answer {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        let authorization = request.headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default();
        state.authorizations.push(authorization.to_owned());
        let key = request.url.path().trim_start_matches("/bucket").trim_start_matches('/').to_owned();
        let query: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
        let upload = query.get("uploadId").cloned();
        match (request.method.as_str(), upload) {
            ("POST", None) if query.contains_key("delete") => delete_many(&mut state, &request.body),
            ("POST", None) => {
                let id = format!("u{}", state.uploads.len());
                state.uploads.insert(id.clone(), BTreeMap::new());
                xml(format!(
                    "<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>{key}</Key>\
                     <UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                ))
            }
            ("PUT", Some(id)) => {
                let part = query["partNumber"].parse().unwrap();
                state.uploads.get_mut(&id).unwrap().insert(part, request.body.clone());
                ResponseTemplate::new(200).insert_header("etag", format!("\"{part}\""))
            }
            ("POST", Some(id)) => {
                let whole = state.uploads.remove(&id).unwrap().into_values().flatten().collect();
                state.objects.insert(key.clone(), whole);
                xml(format!(
                    "<CompleteMultipartUploadResult><Bucket>bucket</Bucket><Key>{key}</Key><ETag>\"e\"</ETag>\
                     </CompleteMultipartUploadResult>"
                ))
            }
            ("PUT", None) => {
                state.objects.insert(key, request.body.clone());
                ResponseTemplate::new(200).insert_header("etag", "\"e\"")
            }
            ("GET", _) if query.contains_key("list-type") => {
                list(&state, query.get("prefix").map_or("", String::as_str))
            }
            ("GET" | "HEAD", _) => state.objects.get(&key).map_or_else(missing, |bytes| object(bytes, request)),
            ("DELETE", _) => {
                state.objects.remove(&key);
                ResponseTemplate::new(204)
            }
            (method, _) => ResponseTemplate::new(405).set_body_string(method.to_owned()),
        }
    }
}
