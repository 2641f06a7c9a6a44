//! Contracts of [`crate::ports::ChangeStore`].

use super::{Stores, by_alice};
use crate::change::{ChangeEvent, ChangeKind};
use crate::error::Result;
use crate::new_id;
use crate::page::PageRequest;
use crate::ports::ChangeFilter;
use crate::testing::samples::at;

fn change(key: &str, secs: i64, entity: &str) -> ChangeEvent {
    ChangeEvent {
        id: new_id(),
        key: key.to_owned(),
        at: at(secs),
        kind: ChangeKind::Deployment,
        entity: entity.to_owned(),
        title: format!("release of '{entity}' 100 %"),
        author: "ann".to_owned(),
        link: String::new(),
        told_by: "api ci".to_owned(),
    }
}

/// A change that is told again is the same one; changes are found by time and paged without a gap.
///
/// # Errors
/// As the store's.
pub async fn changes_are_known_by_their_key(s: &Stores) -> Result<()> {
    let all: Vec<_> =
        (0..5).map(|n| change(&format!("k{n}"), n * 10, ["service=a", "service=b"][n as usize % 2])).collect();
    assert_eq!(s.changes.record_changes(all.clone(), None).await?, 5);
    let again = ChangeEvent { title: "told otherwise".to_owned(), ..change("k0", 99, "service=c") };
    let new = change("k9", 90, "service=c");
    assert_eq!(s.changes.record_changes(vec![again, new.clone()], Some(by_alice("change.record"))).await?, 1);
    assert_eq!(s.changes.change_by_key("k0").await?, Some(all[0].clone()), "as it was told first");
    assert_eq!(s.changes.change_by_key("k77").await?, None);
    let keys = |found: Vec<ChangeEvent>| found.into_iter().map(|c| c.key).collect::<Vec<_>>();
    assert_eq!(keys(s.changes.changes_between(at(10), at(30), None).await?), ["k3", "k2", "k1"]);
    let of_b = ChangeFilter { entity: Some("service=b".to_owned()), kind: Some(ChangeKind::Deployment) };
    let (mut found, mut page) = (Vec::new(), PageRequest { limit: 1, cursor: None });
    loop {
        let got = s.changes.list_changes(&of_b, &page).await?;
        found.extend(keys(got.items));
        page.cursor = got.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, ["k3", "k1"]);
    let runs = ChangeFilter { kind: Some(ChangeKind::Run), ..ChangeFilter::default() };
    assert!(s.changes.list_changes(&runs, &PageRequest::default()).await?.items.is_empty());
    s.changes.drop_changes(at(31)).await?;
    assert_eq!(keys(s.changes.changes_between(at(0), at(1_000), None).await?), ["k9", "k4"]);
    s.audit.verify_audit().await.map(drop)
}
