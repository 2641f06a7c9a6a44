//! Query strings: read strictly, unknown names refused, repeated ones kept.

use crate::error::{ApiError, ApiResult};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::page::PageRequest;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Names and values of a query string; each is taken once, and [`Params::done`] refuses what is left.
#[derive(Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default().as_bytes();
        Ok(Self(url::form_urlencoded::parse(query).into_owned().collect()))
    }
}

impl Params {
    /// Every value of `name`.
    fn texts(&mut self, name: &str) -> Vec<String> {
        let (taken, left) = std::mem::take(&mut self.0).into_iter().partition(|(key, _)| key == name);
        self.0 = left;
        let values = Vec::into_iter(taken).map(|(_, value): (String, String)| value);
        values.filter(|value| !value.is_empty()).collect()
    }

    /// The one value of `name`; an empty one counts as absent.
    pub(crate) fn text(&mut self, name: &str) -> ApiResult<Option<String>> {
        let mut all = self.texts(name);
        match all.len() {
            0 | 1 if all.iter().all(|text| text.len() <= 1_024) => Ok(all.pop()),
            0 | 1 => Err(ApiError::field(name, "give at most 1024 bytes")),
            _ => Err(ApiError::field(name, "give it once")),
        }
    }

    /// Every value of `name`, each a word or an id.
    pub(crate) fn words<T: DeserializeOwned>(&mut self, name: &str) -> ApiResult<Vec<T>> {
        self.texts(name).into_iter().map(|text| word(name, text)).collect()
    }

    /// The one value of `name`, a word or an id.
    pub(crate) fn word<T: DeserializeOwned>(&mut self, name: &str) -> ApiResult<Option<T>> {
        self.text(name)?.map(|text| word(name, text)).transpose()
    }

    /// The one value of `name`, a number or a boolean.
    pub(crate) fn value<T: std::str::FromStr>(&mut self, name: &str) -> ApiResult<Option<T>> {
        let wrong = |_| ApiError::field(name, "this is not a value it can have");
        self.text(name)?.map(|text| text.parse().map_err(wrong)).transpose()
    }

    /// `limit`, 1..=200.
    pub(crate) fn limit(&mut self) -> ApiResult<u32> {
        match self.value("limit")? {
            None => Ok(PageRequest::default().limit),
            Some(limit @ 1..=200) => Ok(limit),
            Some(_) => Err(ApiError::field("limit", "give a number from 1 to 200")),
        }
    }

    /// `limit` and `cursor`.
    pub(crate) fn page(&mut self) -> ApiResult<PageRequest> {
        Ok(PageRequest { limit: self.limit()?, cursor: self.text("cursor")? })
    }

    /// Refuses names that nobody took.
    pub(crate) fn done(self) -> ApiResult<()> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(ApiError::field(name.clone(), "unknown parameter: leave it out")),
        }
    }
}

fn word<T: DeserializeOwned>(name: &str, text: String) -> ApiResult<T> {
    serde_json::from_value(Value::String(text)).map_err(|e| ApiError::field(name, e.to_string()))
}

/// Documents `limit` and `cursor`.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query string in the OpenAPI document")]
pub(crate) struct PageQuery {
    /// Rows at most, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}
