//! Contract of the audit chain: dense, in the transaction of the change, verifiable.

use super::{Stores, by_alice, conflict};
use crate::error::Result;
use crate::page::PageRequest;
use crate::testing::{samples, together};

/// Every change has one row, refused changes none; twenty writers at once leave a dense chain that verifies.
pub async fn chain_is_dense_and_verifies(s: &Stores) -> Result<()> {
    assert_eq!(s.audit.verify_audit().await?, 0);
    let tries = (0..20)
        .map(|i| s.scripts.create(samples::draft(&format!("s{i}"), samples::script()), by_alice("script.create")));
    for made in together(tries).await {
        made?;
    }
    conflict(s.scripts.create(samples::draft("s1", samples::script()), by_alice("script.create")).await);
    assert_eq!(s.audit.verify_audit().await?, 20);
    let mut seqs = Vec::new();
    let mut page = PageRequest { limit: 6, cursor: None };
    loop {
        let got = s.audit.list_audit(&page).await?;
        for row in &got.items {
            assert_eq!(
                (row.actor.as_str(), row.action.as_str(), row.object_kind.as_str()),
                ("alice", "script.create", "script")
            );
            seqs.push(row.seq);
        }
        page.cursor = got.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seqs, (1..=20).rev().collect::<Vec<_>>());
    Ok(())
}
