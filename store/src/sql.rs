//! One SQL text for both databases: typed arguments in, rows out.
//!
//! Placeholders are `$1`; ids and JSON are TEXT, times BIGINT epoch milliseconds, flags BOOLEAN.

use crate::error;
use domain::clock::from_millis;
use domain::{Id, Result, Time};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::postgres::{PgRow, Postgres};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Decode, Row as _, Type};

/// One argument; `None` is a typed NULL, which PostgreSQL needs.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Real(Option<f64>),
    Flag(bool),
}

/// Arguments of one statement, in order.
macro_rules! args {
    ($($x:expr),* $(,)?) => { vec![$($crate::sql::Value::from($x)),*] };
}
pub(crate) use args;

/// A text that PostgreSQL takes: NUL becomes the replacement character.
fn clean(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

macro_rules! value_from {
    ($($type:ty => |$x:ident| $value:expr;)*) => {
        $(impl From<$type> for Value { fn from($x: $type) -> Self { $value } })*
    };
}

value_from! {
    String => |x| Self::Text(Some(clean(x)));
    &String => |x| Self::Text(Some(clean(x.clone())));
    &str => |x| Self::Text(Some(clean(x.to_owned())));
    Option<String> => |x| Self::Text(x.map(clean));
    Option<&str> => |x| Self::Text(x.map(|s| clean(s.to_owned())));
    Id => |x| Self::Text(Some(x.to_string()));
    Option<Id> => |x| Self::Text(x.map(|id| id.to_string()));
    i64 => |x| Self::Int(Some(x));
    i32 => |x| Self::Int(Some(i64::from(x)));
    u32 => |x| Self::Int(Some(i64::from(x)));
    Option<i64> => |x| Self::Int(x);
    Option<i32> => |x| Self::Int(x.map(i64::from));
    Option<u32> => |x| Self::Int(x.map(i64::from));
    Time => |x| Self::Int(Some(x.timestamp_millis()));
    Option<Time> => |x| Self::Int(x.map(|t| t.timestamp_millis()));
    f64 => |x| Self::Real(Some(finite(x)));
    Option<f64> => |x| Self::Real(x.filter(|v| !v.is_nan()).map(finite));
    bool => |x| Self::Flag(x);
}

/// JSON and SQLite know neither NaN nor infinity: NaN is stored as 0, an open end as ±1e308.
pub(crate) fn finite(x: f64) -> f64 {
    if x.is_nan() { 0.0 } else { x.clamp(-1e308, 1e308) }
}

/// JSON text of a value.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(domain::Error::internal)
}

/// The stored word of an enum, the same as in JSON.
pub(crate) fn word<T: Serialize>(value: &T) -> Result<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(other) => Err(domain::Error::internal(format!("not a word: {other}"))),
        Err(e) => Err(domain::Error::internal(e)),
    }
}

/// Binds [`Value`]s to a query of one database.
macro_rules! bound {
    ($db:ty, $sql:expr, $args:expr) => {{
        let mut query = sqlx::query::<$db>($sql);
        for value in $args {
            query = match value {
                $crate::sql::Value::Text(x) => query.bind(x),
                $crate::sql::Value::Int(x) => query.bind(x),
                $crate::sql::Value::Real(x) => query.bind(x),
                $crate::sql::Value::Flag(x) => query.bind(x),
            };
        }
        query
    }};
}
pub(crate) use bound;

/// One row of either database.
pub(crate) enum Row {
    Lite(SqliteRow),
    Pg(PgRow),
}

impl Row {
    fn get<T>(&self, column: &'static str) -> Result<T>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Lite(row) => row.try_get(column),
            Self::Pg(row) => row.try_get(column),
        }
        .map_err(|e| error::corrupt(column, e))
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String> {
        self.get(column)
    }

    pub(crate) fn opt_text(&self, column: &'static str) -> Result<Option<String>> {
        self.get(column)
    }

    pub(crate) fn int(&self, column: &'static str) -> Result<i64> {
        self.get(column)
    }

    pub(crate) fn opt_int(&self, column: &'static str) -> Result<Option<i64>> {
        self.get(column)
    }

    pub(crate) fn real(&self, column: &'static str) -> Result<f64> {
        self.get(column)
    }

    pub(crate) fn opt_real(&self, column: &'static str) -> Result<Option<f64>> {
        self.get(column)
    }

    pub(crate) fn flag(&self, column: &'static str) -> Result<bool> {
        self.get(column)
    }

    /// A small count.
    pub(crate) fn count(&self, column: &'static str) -> Result<u32> {
        u32::try_from(self.int(column)?).map_err(|e| error::corrupt(column, e))
    }

    pub(crate) fn opt_count(&self, column: &'static str) -> Result<Option<u32>> {
        self.opt_int(column)?.map(|n| u32::try_from(n).map_err(|e| error::corrupt(column, e))).transpose()
    }

    pub(crate) fn id(&self, column: &'static str) -> Result<Id> {
        Id::parse_str(&self.text(column)?).map_err(|e| error::corrupt(column, e))
    }

    pub(crate) fn opt_id(&self, column: &'static str) -> Result<Option<Id>> {
        self.opt_text(column)?.map(|t| Id::parse_str(&t).map_err(|e| error::corrupt(column, e))).transpose()
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Time> {
        Ok(from_millis(self.int(column)?))
    }

    pub(crate) fn opt_time(&self, column: &'static str) -> Result<Option<Time>> {
        Ok(self.opt_int(column)?.map(from_millis))
    }

    /// A value stored as JSON text.
    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        serde_json::from_str(&self.text(column)?).map_err(|e| error::corrupt(column, e))
    }

    pub(crate) fn opt_json<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>> {
        self.opt_text(column)?
            .map(|text| serde_json::from_str(&text).map_err(|e| error::corrupt(column, e)))
            .transpose()
    }

    /// An enum stored as its word.
    pub(crate) fn word<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        parse_word(column, self.text(column)?)
    }

    pub(crate) fn opt_word<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>> {
        self.opt_text(column)?.map(|text| parse_word(column, text)).transpose()
    }
}

fn parse_word<T: DeserializeOwned>(column: &str, text: String) -> Result<T> {
    serde_json::from_value(serde_json::Value::String(text)).map_err(|e| error::corrupt(column, e))
}

/// `$from, $from+1, ...` for `n` placeholders.
pub(crate) fn placeholders(from: usize, n: usize) -> String {
    (from..from + n).map(|i| format!("${i}")).collect::<Vec<_>>().join(", ")
}

/// A `LIKE` pattern (escape character `\`) for "contains `text`", lower case.
pub(crate) fn contains(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_fit_for_both() {
        assert_eq!(finite(f64::NAN), 0.0);
        assert_eq!(finite(f64::NEG_INFINITY), -1e308);
        assert_eq!(clean("a\0b".to_owned()), "a\u{fffd}b");
        assert_eq!(placeholders(3, 2), "$3, $4");
        assert_eq!(contains("50%_\\A"), "%50\\%\\_\\\\a%");
    }
}
