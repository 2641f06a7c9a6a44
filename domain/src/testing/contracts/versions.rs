//! Contract of script versions: every content is kept, numbered densely, and never changed.

use super::{Stores, by_alice, failed};
use crate::catalog::ScriptSpec;
use crate::error::{Kind, Result};
use crate::new_id;
use crate::resource::Draft;
use crate::testing::{samples, together};
use crate::version::content_hash;

fn body(text: &str) -> Draft<ScriptSpec> {
    samples::draft("restart", ScriptSpec { body: text.to_owned(), ..samples::script() })
}

/// A change of the content is a version, any other change is none; old ones stay as they were.
pub async fn every_content_is_a_version(s: &Stores) -> Result<()> {
    let script = s.scripts.create(body("echo one"), by_alice("create")).await?;
    let bob = crate::identity::Audit::new("bob", "update");
    s.scripts.update(script.id, 1, body("echo two"), bob).await?;
    let renamed = Draft { name: "other name".to_owned(), tags: vec!["x".to_owned()], ..body("echo two") };
    s.scripts.update(script.id, 2, renamed, by_alice("update")).await?;
    let back = s.scripts.update(script.id, 3, body("echo one"), by_alice("restore")).await?;
    let all = s.versions.versions(script.id, None, 10).await?;
    let told: Vec<(i64, &str, &str)> =
        all.iter().map(|v| (v.number, v.spec.body.as_str(), v.created_by.as_str())).collect();
    assert_eq!(told, [(3, "echo one", "alice"), (2, "echo two", "bob"), (1, "echo one", "alice")]);
    assert_eq!(all[0].sha256, all[2].sha256, "one content, one hash");
    assert!(all.iter().all(|v| v.sha256 == content_hash(&v.spec) && v.script_id == script.id));
    assert_eq!(all[0].created_at, back.updated_at);
    assert_eq!(s.versions.version(script.id, None).await?, all[0], "the newest is the script as it is");
    assert_eq!(s.versions.version(script.id, Some(2)).await?, all[1]);
    assert_eq!(s.versions.versions(script.id, Some(3), 1).await?, [all[1].clone()]);
    assert_eq!(s.versions.versions(script.id, Some(1), 10).await?, []);
    Ok(())
}

/// What is not there is not found.
pub async fn unknown_versions_are_not_found(s: &Stores) -> Result<()> {
    let script = s.scripts.create(body("echo one"), by_alice("create")).await?;
    for (id, number) in [(script.id, Some(2)), (script.id, Some(0)), (new_id(), None)] {
        assert_eq!(failed(s.versions.version(id, number).await).kind, Kind::NotFound);
    }
    assert_eq!(failed(s.versions.versions(new_id(), None, 10).await).kind, Kind::NotFound);
    Ok(())
}

/// Ten writers at once leave as many versions as writes that were accepted, without a hole.
pub async fn versions_are_dense_under_a_race(s: &Stores) -> Result<()> {
    let script = s.scripts.create(body("echo"), by_alice("create")).await?;
    let tries = (0..10).map(|i| s.scripts.update(script.id, 1, body(&format!("echo {i}")), by_alice("update")));
    assert_eq!(together(tries).await.into_iter().filter(Result::is_ok).count(), 1);
    let numbers: Vec<i64> = s.versions.versions(script.id, None, 10).await?.iter().map(|v| v.number).collect();
    assert_eq!(numbers, [2, 1]);
    Ok(())
}
