//! Health checks of runtime managers: status, history, and what to do about one that does not answer.

use crate::fakes::{Catalog, resource};
use crate::support::eventually;
use crate::world::{bench, manager};
use chrono::TimeDelta;
use domain::catalog::{RuntimeKind, RuntimeManagerSpec};
use domain::clock::{Clock as _, SystemClock};
use domain::status::{Health, StatusOf};

#[tokio::test(flavor = "multi_thread")]
async fn checks_are_kept_and_failures_say_what_to_do() {
    let mut bench = bench(vec![], vec![], vec![]);
    let (here, off) =
        (manager(4), resource("off", RuntimeManagerSpec { enabled: false, ..RuntimeManagerSpec::default() }));
    let gone = RuntimeManagerSpec {
        kind: RuntimeKind::Docker,
        endpoint: Some("tcp://127.0.0.1:9".to_owned()),
        ..RuntimeManagerSpec::default()
    };
    let gone = resource("gone", gone);
    bench.deps.managers = Catalog::of(vec![here.clone(), off.clone(), gone.clone()]);
    let begun = SystemClock.now() - TimeDelta::seconds(1);
    let healer = bench.start();
    let found = |id| {
        let deps = bench.deps.clone();
        async move {
            let checks = deps.history.checks(id, begun, begun + TimeDelta::hours(1)).await.expect("checks");
            checks.into_iter().next()
        }
    };
    let well = eventually("a check of a manager that answers", async || found(here.id).await).await;
    assert_eq!((well.health, well.running, well.message.as_str()), (Health::Ok, Some(0), ""));
    let failed = eventually("a check of one that does not", async || found(gone.id).await).await;
    assert_eq!((failed.health, failed.running), (Health::SourceError, None));
    assert!(failed.message.contains("start it, or correct host and port"), "{}", failed.message);
    assert_eq!(found(off.id).await, None, "one that is not used is not asked");
    let statuses = bench.deps.status.statuses(StatusOf::RuntimeManager).await.expect("statuses");
    let status = statuses.iter().find(|s| s.id == gone.id).expect("a status");
    assert_eq!(status.message, failed.message);
    healer.stop().await;
}
