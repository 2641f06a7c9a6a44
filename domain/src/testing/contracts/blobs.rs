//! Contract of file storage: objects are whole, keys are tame, absence is told.

use super::failed;
use crate::error::{Kind, Result};
use crate::ports::BlobStore;

/// What is put is got, whole and in ranges; a second put replaces; listing is by key.
pub async fn objects_come_back(s: &dyn BlobStore) -> Result<()> {
    assert!(!s.place().is_empty());
    s.put("a/b/one", b"0123456789".to_vec()).await?;
    s.put("a/two", Vec::new()).await?;
    s.put("b/three", vec![0, 255, 10]).await?;
    assert_eq!(s.get("a/b/one").await?, b"0123456789");
    assert_eq!(s.get("a/two").await?, b"");
    assert_eq!(s.get("b/three").await?, [0, 255, 10]);
    for (from, length, expected) in
        [(0, 4, &b"0123"[..]), (8, 100, b"89"), (10, 1, b""), (99, 1, b""), (3, 0, b""), (0, u64::MAX, b"0123456789")]
    {
        assert_eq!(s.get_range("a/b/one", from, length).await?, expected, "{from}+{length}");
    }
    let listed: Vec<_> = s.list("a/").await?.into_iter().map(|i| (i.key, i.bytes)).collect();
    assert_eq!(listed, [("a/b/one".to_owned(), 10), ("a/two".to_owned(), 0)]);
    assert_eq!(s.list("").await?.len(), 3);
    assert_eq!(s.list("nothing/").await?, []);
    s.put("a/b/one", b"new".to_vec()).await?;
    assert_eq!(s.get("a/b/one").await?, b"new");
    Ok(())
}

/// What is not there is `NotFound`, and can be removed any number of times.
pub async fn absence_is_told(s: &dyn BlobStore) -> Result<()> {
    assert_eq!(failed(s.get("a/gone").await).kind, Kind::NotFound);
    assert_eq!(failed(s.get_range("a/gone", 0, 1).await).kind, Kind::NotFound);
    s.put("a/gone", b"x".to_vec()).await?;
    s.delete("a/gone").await?;
    s.delete("a/gone").await?;
    assert_eq!(failed(s.get("a/gone").await).kind, Kind::NotFound);
    Ok(())
}

/// A large object is written in pieces and appears when it is finished, not before.
pub async fn large_objects_appear_whole(s: &dyn BlobStore) -> Result<()> {
    let piece: Vec<u8> = (0..1_u32 << 20).map(|i| (i % 251) as u8).collect();
    let mut writer = s.create("big/one").await?;
    for _ in 0..12 {
        writer.write(piece.clone()).await?;
    }
    assert_eq!(failed(s.get("big/one").await).kind, Kind::NotFound, "not finished yet");
    writer.finish().await?;
    let whole = s.get("big/one").await?;
    assert_eq!(whole.len(), 12 << 20);
    assert!(whole.chunks(1 << 20).all(|c| c == piece));
    let mut small = s.create("big/two").await?;
    small.write(b"few".to_vec()).await?;
    small.finish().await?;
    s.create("big/empty").await?.finish().await?;
    let mut dropped = s.create("big/three").await?;
    dropped.write(piece).await?;
    drop(dropped);
    let names: Vec<_> = s.list("big/").await?.into_iter().map(|i| (i.key, i.bytes)).collect();
    assert_eq!(names, [("big/empty".to_owned(), 0), ("big/one".to_owned(), 12 << 20), ("big/two".to_owned(), 3)]);
    Ok(())
}

/// Keys that could mean something else are refused by every call.
pub async fn wild_keys_are_refused(s: &dyn BlobStore) -> Result<()> {
    for key in ["", "../x", "a/../b", "/a", "a//b", "a b", "a\\b", "ü"] {
        assert_eq!(failed(s.put(key, Vec::new()).await).kind, Kind::Invalid, "{key}");
        assert_eq!(failed(s.get(key).await).kind, Kind::Invalid, "{key}");
        assert_eq!(failed(s.delete(key).await).kind, Kind::Invalid, "{key}");
        assert_eq!(failed(s.create(key).await.map(drop)).kind, Kind::Invalid, "{key}");
    }
    assert_eq!(failed(s.list("a").await).kind, Kind::Invalid);
    Ok(())
}
