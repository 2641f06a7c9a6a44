//! Calls to the server: the `elasticsearch` crate for all but the pages, whose size it could not bound.

use super::search::{self, Found, KEEP_ALIVE, Refusal};
use crate::source::MAX_ANSWER;
use crate::source::http::{self, Answer, Fault};
use domain::catalog::{Credentials, SourceSpec};
use domain::error::FieldError;
use domain::{Error, Result};
use elasticsearch::cert::{Certificate, CertificateValidation};
use elasticsearch::http::Method;
use elasticsearch::http::headers::HeaderMap;
use elasticsearch::http::request::JsonBody;
use elasticsearch::http::transport::{SingleNodeConnectionPool, TransportBuilder};
use elasticsearch::{Elasticsearch as Crate, OpenPointInTimeParts};
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;

/// What answers at the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) opensearch: bool,
    pub(super) version: String,
}

/// What a search brought, or why not.
#[derive(Debug)]
pub(super) enum Searched {
    Found(Found),
    TooLarge,
    Refused(Refusal),
}

#[derive(Clone)]
pub(super) struct Client {
    api: Crate,
    pages: reqwest::Client,
    pub(super) base: Url,
    pub(super) index: String,
    limit: u32,
    pub(super) cap: usize,
}

impl Client {
    pub(super) fn new(spec: &SourceSpec) -> Result<Self> {
        let base = http::base_url(spec)?;
        let mut transport = TransportBuilder::new(SingleNodeConnectionPool::new(base.clone()))
            .enable_meta_header(false)
            .timeout(Duration::from_secs(u64::from(spec.timeout_secs.max(1))));
        if let Some(credentials) = credentials(&spec.credentials) {
            transport = transport.auth(credentials);
        }
        if let Some(ca) = &spec.ca {
            let chain = Certificate::from_pem(ca.as_bytes()).map_err(|cause| {
                let wrong = FieldError::new("ca", "give certificates as PEM; these cannot be read");
                Error::invalid(vec![wrong]).because(cause)
            })?;
            transport = transport.cert_validation(CertificateValidation::Full(chain));
        }
        let api = Crate::new(transport.build().map_err(Error::internal)?);
        let index = spec.index.as_deref().map(str::trim).filter(|i| !i.is_empty()).unwrap_or("logs-*").to_owned();
        Ok(Self { api, pages: http::client(spec)?, base, index, limit: spec.timeout_secs, cap: MAX_ANSWER })
    }

    pub(super) fn at(&self) -> String {
        http::place(&self.base)
    }

    /// Name and version of the server, by `GET /`.
    pub(super) async fn server(&self) -> Result<Server> {
        let answer = self.answer(self.api.info().send().await).await?;
        if answer.status != 200 {
            return Err(http::refused(&answer, &self.at()));
        }
        let info: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let Some(version) = info.pointer("/version/number").and_then(Value::as_str) else {
            let text = format!(
                "{} is neither Elasticsearch nor OpenSearch ({}); check url",
                self.at(),
                http::excerpt(&answer.body)
            );
            return Err(Error::unavailable(text));
        };
        let opensearch = info.pointer("/version/distribution").and_then(Value::as_str) == Some("opensearch");
        Ok(Server { opensearch, version: version.to_owned() })
    }

    /// Health of the cluster: its colour and the number of shards without a place.
    pub(super) async fn health(&self) -> Result<(String, u64)> {
        let parts = elasticsearch::cluster::ClusterHealthParts::None;
        let answer = self.answer(self.api.cluster().health(parts).send().await).await?;
        let health: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let colour = health["status"].as_str().unwrap_or_default().to_owned();
        Ok((colour, health["unassigned_shards"].as_u64().unwrap_or(0)))
    }

    /// Waits because the server says that it is too busy.
    async fn busy(&self, pause: Duration) {
        tracing::debug!(source = %self.at(), pause_ms = pause.as_millis(), "too many requests (429); asked again");
        tokio::time::sleep(pause).await;
    }

    /// Opens a point in time over the index pattern.
    pub(super) async fn open(&self, opensearch: bool) -> Result<Result<String, Refusal>> {
        let mut tries = 0;
        let answer = loop {
            let answer = self.open_once(opensearch).await?;
            tries += 1;
            match answer.pause(tries) {
                Some(pause) => self.busy(pause).await,
                None => break answer,
            }
        };
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let id = ["id", "pit_id"].iter().find_map(|key| body[*key].as_str());
        match id {
            Some(id) if answer.status == 200 => Ok(Ok(id.to_owned())),
            _ => Ok(Err(search::refusal(&answer, &self.base, &self.index))),
        }
    }

    async fn open_once(&self, opensearch: bool) -> Result<Answer> {
        let sent = if opensearch {
            // Over fewer shards than there are it would be opened by default, and each page would pass for whole.
            let whole = "allow_partial_pit_creation=false";
            let path = format!("{}/_search/point_in_time?keep_alive={KEEP_ALIVE}&{whole}", encoded(&self.index));
            self.api.send(Method::Post, &path, HeaderMap::new(), None::<&()>, None::<JsonBody<Value>>, None).await
        } else {
            let index = [self.index.as_str()];
            self.api.open_point_in_time(OpenPointInTimeParts::Index(&index)).keep_alive(KEEP_ALIVE).send().await
        };
        self.answer(sent).await
    }

    /// Closes a point in time; one that cannot be closed ends by itself.
    pub(super) async fn close(&self, opensearch: bool, id: &str) {
        let sent = if opensearch {
            let body = JsonBody::new(json!({ "pit_id": [id] }));
            self.api
                .send(Method::Delete, "_search/point_in_time", HeaderMap::new(), None::<&()>, Some(body), None)
                .await
        } else {
            self.api.close_point_in_time().body(json!({ "id": id })).send().await
        };
        if let Err(error) = sent {
            tracing::debug!(source = %self.at(), %error, "point in time not closed");
        }
    }

    /// One page. Read as a stream, so that an answer above the cap fails this page and not the process.
    pub(super) async fn search(&self, body: &Value, in_point: bool) -> Result<Searched> {
        let whole = [self.index.as_str(), "_search"];
        let url = self.url(if in_point { &whole[1..] } else { &whole })?;
        let mut tries = 0;
        let read = loop {
            let sent = self.pages.post(url.clone()).json(body).send().await;
            let response = sent.map_err(|e| http::transport(&e, &self.base, self.limit))?;
            let read = http::read(response, self.cap, &self.base, self.limit).await;
            tries += 1;
            match read.as_ref().ok().and_then(|answer| answer.pause(tries)) {
                Some(pause) => self.busy(pause).await,
                None => break read,
            }
        };
        match read {
            Err(Fault::TooLarge) => Ok(Searched::TooLarge),
            Err(Fault::Other(error)) => Err(error),
            Ok(answer) if answer.status == 200 => match serde_json::from_slice::<Found>(&answer.body) {
                Ok(found) => Ok(Searched::Found(found)),
                Err(cause) => {
                    let text = format!(
                        "{} answers, but not as Elasticsearch does ({}); check url",
                        self.at(),
                        http::excerpt(&answer.body)
                    );
                    Err(Error::unavailable(text).because(cause))
                }
            },
            Ok(answer) => Ok(Searched::Refused(search::refusal(&answer, &self.base, &self.index))),
        }
    }

    /// Exact number of documents, and what was missing.
    pub(super) async fn count(&self, body: Value) -> Result<(u64, Option<String>)> {
        self.count_in(&[self.index.as_str()], body).await
    }

    /// The same in indexes other than those of the source.
    pub(super) async fn count_in(&self, index: &[&str], body: Value) -> Result<(u64, Option<String>)> {
        let parts = elasticsearch::CountParts::Index(index);
        let answer = self.answer(self.api.count(parts).body(body).send().await).await?;
        if answer.status != 200 {
            return Err(match search::refusal(&answer, &self.base, &self.index) {
                Refusal::Other(error) | Refusal::Unsupported(error) => error,
                Refusal::Expired => http::refused(&answer, &self.at()),
            });
        }
        let found: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let shards: search::Shards = serde_json::from_value(found["_shards"].clone()).unwrap_or_default();
        if shards.none() {
            return Err(search::no_index(&self.index));
        }
        Ok((found["count"].as_u64().unwrap_or(0), shards.missing()))
    }

    /// Indexes in which a field is a word: no date, and no text either, which fails by itself when it is sorted by.
    pub(super) async fn indexes_with_words(&self, field: &str) -> Result<Vec<String>> {
        let index = [self.index.as_str()];
        let parts = elasticsearch::FieldCapsParts::Index(&index);
        let answer = self.answer(self.api.field_caps(parts).fields(&[field]).send().await).await?;
        let found: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let names = found["fields"][field]["keyword"]["indices"].as_array().into_iter().flatten();
        Ok(names.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    async fn answer(
        &self,
        sent: Result<elasticsearch::http::response::Response, elasticsearch::Error>,
    ) -> Result<Answer> {
        let failed = |error: &elasticsearch::Error| {
            if error.is_timeout() {
                return http::timed_out(&self.at(), self.limit);
            }
            Error::unavailable(format!(
                "cannot ask {}: {}; check the address and that it is running",
                self.at(),
                http::root_cause(error)
            ))
        };
        let response = sent.map_err(|e| failed(&e))?;
        if response.url().origin() != self.base.origin() {
            let text =
                format!("{} redirects to {}; put the final address into url", self.at(), http::place(response.url()));
            return Err(Error::unavailable(text));
        }
        let status = response.status_code().as_u16();
        let retry_after = http::retry_after(response.headers());
        let body = response.bytes().await.map_err(|e| failed(&e))?.to_vec();
        Ok(Answer { status, body, location: None, retry_after })
    }

    fn url(&self, parts: &[&str]) -> Result<Url> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::unavailable(format!("{} is no base address; check url", self.at())))?
            .pop_if_empty()
            .extend(parts);
        Ok(url)
    }
}

fn credentials(credentials: &Credentials) -> Option<elasticsearch::auth::Credentials> {
    use elasticsearch::auth::Credentials as Theirs;
    Some(match credentials {
        Credentials::None => return None,
        Credentials::Basic { username, password } => Theirs::Basic(username.clone(), password.clone()),
        Credentials::Bearer { token } => Theirs::Bearer(token.trim().to_owned()),
        Credentials::ApiKey { key } => Theirs::EncodedApiKey(key.trim().to_owned()),
    })
}

/// An index pattern as one path segment.
fn encoded(index: &str) -> String {
    let mut url = Url::parse("http://x/").ok();
    let path = url.as_mut().and_then(|u| {
        u.path_segments_mut().ok()?.pop_if_empty().push(index);
        Some(u.path().trim_start_matches('/').to_owned())
    });
    path.unwrap_or_else(|| index.to_owned())
}
