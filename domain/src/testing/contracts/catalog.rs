//! Contract of the catalog: names, versions, references, secrets, filters and pages.

use super::{Stores, by_alice, conflict, failed};
use crate::catalog::Credentials;
use crate::error::{Kind, Result};
use crate::page::PageRequest;
use crate::policy::Step;
use crate::resource::{Draft, ResourceFilter, SECRET_MARK, Spec};
use crate::testing::{samples, together};
use crate::{Id, new_id};
use std::collections::BTreeMap;

/// A name is taken once among the living, also under twenty creators at once, and free again after archiving.
pub async fn names_are_unique_among_the_living(s: &Stores) -> Result<()> {
    let tries = (0..20).map(|_| s.scripts.create(samples::draft("restart", samples::script()), by_alice("create")));
    let (made, refused): (Vec<_>, Vec<_>) = together(tries).await.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    refused.into_iter().for_each(conflict);
    let first = s.scripts.by_name("restart").await?.expect("it lives");
    let archived = s.scripts.archive(first.id, 1, by_alice("archive")).await?;
    assert!(archived.archived_at.is_some() && archived.version == 2);
    assert_eq!(s.scripts.by_name("restart").await?, None);
    assert_eq!(s.scripts.get(first.id).await?, archived, "archived objects stay readable");
    let again = s.scripts.create(samples::draft("restart", samples::script()), by_alice("create")).await?;
    assert_eq!(s.scripts.all().await?, [again]);
    Ok(())
}

/// Of ten writers with the same version one wins; an old version, an archived and an unknown object are refused.
pub async fn writes_lock_optimistically(s: &Stores) -> Result<()> {
    let made = s.scripts.create(samples::draft("a", samples::script()), by_alice("create")).await?;
    let tries = (0..10).map(|i| {
        let draft = samples::draft(&format!("a{i}"), samples::script());
        s.scripts.update(made.id, 1, draft, by_alice("update"))
    });
    let (won, refused): (Vec<_>, Vec<_>) = together(tries).await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    refused.into_iter().for_each(conflict);
    let stored = s.scripts.get(made.id).await?;
    assert_eq!(stored.version, 2);
    assert_eq!(Some(&stored), won[0].as_ref().ok());
    conflict(s.scripts.archive(made.id, 1, by_alice("archive")).await);
    s.scripts.archive(made.id, 2, by_alice("archive")).await?;
    conflict(s.scripts.update(made.id, 3, samples::draft("b", samples::script()), by_alice("update")).await);
    let unknown = s.scripts.update(new_id(), 1, samples::draft("b", samples::script()), by_alice("update")).await;
    assert_eq!(failed(unknown).kind, Kind::NotFound);
    assert_eq!(failed(s.scripts.get(new_id()).await).kind, Kind::NotFound);
    Ok(())
}

/// Pages show every object of the start exactly once, newest first, while new ones come in between.
pub async fn pages_are_stable_under_inserts(s: &Stores) -> Result<()> {
    let mut ids = Vec::new();
    for i in 0..25 {
        ids.push(s.scripts.create(samples::draft(&format!("s{i}"), samples::script()), by_alice("create")).await?.id);
    }
    let mut seen: Vec<Id> = Vec::new();
    let mut page = PageRequest { limit: 7, cursor: None };
    loop {
        let got = s.scripts.list(&ResourceFilter::default(), &page).await?;
        seen.extend(got.items.iter().map(|r| r.id));
        let late = format!("late{}", seen.len());
        s.scripts.create(samples::draft(&late, samples::script()), by_alice("create")).await?;
        page.cursor = got.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    ids.reverse();
    assert_eq!(seen, ids);
    for bad in ["", "zz", "00ff", &"0".repeat(50)] {
        let request = PageRequest { limit: 7, cursor: Some(bad.to_owned()) };
        let error = failed(s.scripts.list(&ResourceFilter::default(), &request).await);
        assert_eq!((error.kind, error.fields[0].field.as_str()), (Kind::Invalid, "cursor"), "{bad}");
    }
    Ok(())
}

/// Filters take their text literally: search in any case, whole tags, archived only when asked.
pub async fn filters_take_text_literally(s: &Stores) -> Result<()> {
    for (name, tags) in [("Restart 100%", vec!["prod", "a\"b"]), ("restart_all", vec!["production"]), ("other", vec![])]
    {
        let draft = Draft {
            name: name.to_owned(),
            tags: tags.into_iter().map(str::to_owned).collect(),
            spec: samples::script(),
        };
        s.scripts.create(draft, by_alice("create")).await?;
    }
    let other = s.scripts.by_name("other").await?.expect("it lives");
    s.scripts.archive(other.id, 1, by_alice("archive")).await?;
    let filter = |search: Option<&str>, tag: Option<&str>, archived: bool| ResourceFilter {
        search: search.map(str::to_owned),
        tag: tag.map(str::to_owned),
        archived,
    };
    let cases = [
        (filter(None, None, false), 2),
        (filter(None, None, true), 3),
        (filter(Some("RESTART"), None, false), 2),
        (filter(Some("0%"), None, false), 1),
        (filter(Some("t_a"), None, false), 1),
        (filter(Some("%"), None, false), 1),
        (filter(None, Some("prod"), false), 1),
        (filter(None, Some("a\"b"), false), 1),
        (filter(None, Some("Prod"), false), 0),
    ];
    for (filter, n) in cases {
        let got = s.scripts.list(&filter, &PageRequest::default()).await?;
        assert_eq!(got.items.len(), n, "{filter:?}");
    }
    Ok(())
}

/// What is named must live; what is referred to stays, and the refusal names who refers.
pub async fn references_hold(s: &Stores) -> Result<()> {
    let wrong = failed(s.monitors.create(samples::draft("m", samples::monitor(new_id())), by_alice("create")).await);
    assert_eq!((wrong.kind, wrong.fields[0].field.as_str()), (Kind::Invalid, "source_id"));
    let source = s.sources.create(samples::draft("prom", samples::source()), by_alice("create")).await?;
    let monitor = s.monitors.create(samples::draft("slow", samples::monitor(source.id)), by_alice("create")).await?;
    let script = s.scripts.create(samples::draft("script", samples::script()), by_alice("create")).await?;
    let case = s.cases.create(samples::draft("case", samples::case(script.id)), by_alice("create")).await?;
    let undo = s.cases.create(samples::draft("undo", samples::case(script.id)), by_alice("create")).await?;
    let mut spec = samples::policy(case.id);
    spec.steps[0].undo_case_id = Some(undo.id);
    spec.steps.push(Step { case_id: new_id(), undo_case_id: None, values: BTreeMap::new() });
    let wrong = failed(s.policies.create(samples::draft("p", spec.clone()), by_alice("create")).await);
    assert_eq!((wrong.kind, wrong.fields[0].field.as_str()), (Kind::Invalid, "steps.1.case_id"));
    spec.steps.truncate(1);
    let policy = s.policies.create(samples::draft("heal slow", spec), by_alice("create")).await?;
    for (refused, who) in [
        (failed(s.sources.archive(source.id, 1, by_alice("archive")).await), "monitor slow"),
        (failed(s.scripts.archive(script.id, 1, by_alice("archive")).await), "case case"),
        (failed(s.cases.archive(case.id, 1, by_alice("archive")).await), "policy heal slow"),
        (failed(s.cases.archive(undo.id, 1, by_alice("archive")).await), "policy heal slow"),
    ] {
        assert_eq!(refused.kind, Kind::Conflict);
        assert!(refused.message.contains(who), "{refused}");
    }
    assert_eq!(s.sources.get(source.id).await?.archived_at, None, "a refusal changes nothing");
    s.monitors.archive(monitor.id, 1, by_alice("archive")).await?;
    s.sources.archive(source.id, 1, by_alice("archive")).await?;
    s.policies.archive(policy.id, 1, by_alice("archive")).await?;
    s.cases.archive(case.id, 1, by_alice("archive")).await?;
    let dead = failed(s.monitors.create(samples::draft("m", samples::monitor(source.id)), by_alice("create")).await);
    assert_eq!(dead.kind, Kind::Invalid, "an archived source cannot be named");
    Ok(())
}

/// A source and a monitor on it, created and archived at once, never leave a monitor on an archived source.
pub async fn references_hold_in_a_race(s: &Stores) -> Result<()> {
    for round in 0..10 {
        let source =
            s.sources.create(samples::draft(&format!("s{round}"), samples::source()), by_alice("create")).await?;
        let create = async {
            let draft = samples::draft(&format!("m{round}"), samples::monitor(source.id));
            s.monitors.create(draft, by_alice("create")).await.map(drop)
        };
        let archive = async { s.sources.archive(source.id, 1, by_alice("archive")).await.map(drop) };
        let both: [std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send>>; 2] =
            [Box::pin(create), Box::pin(archive)];
        let done = together(both).await.into_iter().filter(Result::is_ok).count();
        assert_eq!(done, 1, "round {round}");
    }
    Ok(())
}

/// A mark sent back keeps the stored secret.
pub async fn secrets_are_kept(s: &Stores) -> Result<()> {
    let made = s.sources.create(samples::draft("prom", samples::source()), by_alice("create")).await?;
    let shown = made.spec.redacted();
    assert!(matches!(&shown.credentials, Credentials::Basic { password, .. } if password == SECRET_MARK));
    let kept = s.sources.update(made.id, 1, samples::draft("prom2", shown), by_alice("update")).await?;
    assert_eq!(kept.spec, made.spec);
    assert_eq!(s.sources.get(made.id).await?.spec, made.spec);
    Ok(())
}

/// `ok_at` outlives a bad state, and states are kept by kind.
pub async fn statuses_keep_the_last_ok(s: &Stores) -> Result<()> {
    use crate::status::{Health, Status, StatusOf};
    let status = |health, checked, ok: Option<i64>| Status {
        of: StatusOf::Monitor,
        id: Id::from_u128(7),
        health,
        message: "m".to_owned(),
        checked_at: samples::at(checked),
        ok_at: ok.map(samples::at),
        latency_ms: 3,
        details: serde_json::json!({"series": 4}),
    };
    s.statuses.put_status(status(Health::Ok, 1, Some(1))).await?;
    s.statuses.put_status(status(Health::SourceError, 2, None)).await?;
    let expected = status(Health::SourceError, 2, Some(1));
    assert_eq!(s.statuses.status(StatusOf::Monitor, Id::from_u128(7)).await?, Some(expected.clone()));
    assert_eq!(s.statuses.statuses(StatusOf::Monitor).await?, [expected]);
    assert_eq!(s.statuses.statuses(StatusOf::Source).await?, []);
    Ok(())
}
