//! Keyset cursors: opaque hex of the list's mark and the last row's sort key.

use crate::sql::Row;
use domain::error::FieldError;
use domain::page::{Page, PageRequest};
use domain::{Error, Id, Result};

/// Which list a cursor belongs to; one of another list is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Catalog = 1,
    Incidents = 2,
    Anomalies = 3,
    Runs = 4,
    Audit = 5,
    Alerts = 20,
    Templates = 21,
    Changes = 22,
}

/// Sort key of a row: its time (or number) and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) at: i64,
    pub(crate) id: Id,
}

impl Key {
    /// Larger than every key: the start of a list that is newest first.
    pub(crate) const END: Self = Self { at: i64::MAX, id: Id::max() };
}

pub(crate) fn encode(list: List, key: Key) -> String {
    let mut bytes = vec![list as u8];
    bytes.extend(key.at.to_be_bytes());
    bytes.extend(key.id.as_bytes());
    hex::encode(bytes)
}

/// The key that the request continues after; [`Key::END`] for the first page.
pub(crate) fn decode(list: List, request: &PageRequest) -> Result<Key> {
    let Some(text) = &request.cursor else { return Ok(Key::END) };
    parse(list, text).ok_or_else(|| {
        Error::invalid(vec![FieldError::new("cursor", "use next_cursor of the page before, or leave it out")])
    })
}

fn parse(list: List, text: &str) -> Option<Key> {
    let bytes: [u8; 25] = hex::decode(text).ok()?.try_into().ok()?;
    if bytes[0] != list as u8 {
        return None;
    }
    let at = i64::from_be_bytes(bytes[1..9].try_into().ok()?);
    let id = Id::from_bytes(bytes[9..].try_into().ok()?);
    Some(Key { at, id })
}

/// A page from rows that were read with `limit + 1`.
pub(crate) fn page<T>(
    list: List,
    request: &PageRequest,
    rows: &[Row],
    read: impl Fn(&Row) -> Result<T>,
    key: impl Fn(&T) -> Key,
) -> Result<Page<T>> {
    let limit = request.clamped() as usize;
    let items = rows.iter().take(limit).map(read).collect::<Result<Vec<_>>>()?;
    let next_cursor = if rows.len() > limit { items.last().map(|last| encode(list, key(last))) } else { None };
    Ok(Page { items, next_cursor })
}

/// Rows to ask for: one more than the page, to know whether there is a next.
pub(crate) fn ask(request: &PageRequest) -> i64 {
    i64::from(request.clamped()) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(cursor: &str) -> PageRequest {
        PageRequest { limit: 10, cursor: Some(cursor.to_owned()) }
    }

    proptest! {
        #[test]
        fn round_trip(at in any::<i64>(), id in any::<u128>()) {
            let key = Key { at, id: Id::from_u128(id) };
            let text = encode(List::Runs, key);
            prop_assert_eq!(decode(List::Runs, &request(&text)).unwrap(), key);
            prop_assert!(decode(List::Audit, &request(&text)).is_err());
        }

        #[test]
        fn anything_else_is_invalid_at_cursor(text in ".{0,60}") {
            let error = decode(List::Runs, &request(&text)).unwrap_err();
            prop_assert_eq!(error.kind, domain::Kind::Invalid);
            prop_assert_eq!(error.fields[0].field.as_str(), "cursor");
        }

        #[test]
        fn a_cut_cursor_is_invalid(at in any::<i64>(), cut in 0_usize..50) {
            let text = encode(List::Runs, Key { at, id: Id::nil() });
            prop_assert!(decode(List::Runs, &request(&text[..cut])).is_err());
        }
    }
}
