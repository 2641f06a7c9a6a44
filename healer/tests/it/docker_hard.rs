//! Docker alone: isolation, limits, images, stale makers, an engine that goes away.

use crate::contract::{Lab as _, why_not};
use crate::docker::{DockerLab, connect, settings};
use crate::proxy::Proxy;
use crate::support::{end_of, eventually, run_to_end, texts, whole_log};
use bollard::query_parameters::CreateContainerOptionsBuilder;
use domain::catalog::{DockerSettings, PullPolicy};
use domain::run::Stream;
use futures::future::join_all;
use healer::runtime::{Handle, Progress, RuntimeError};

#[tokio::test(flavor = "multi_thread")]
async fn a_script_has_no_privilege_no_network_and_nothing_of_the_host() {
    let test = "a_script_has_no_privilege_no_network_and_nothing_of_the_host";
    let Some(lab) = DockerLab::with(test, settings()).await else { return };
    let request = lab.request(
        "id -u; id -g; grep -E 'CapEff|NoNewPrivs' /proc/self/status | tr -d '\\t '; ls /sys/class/net; pwd
        for place in / /bin /etc /aiops /aiops/script; do (echo x > $place/x) 2>/dev/null && echo wrote $place; done
        for place in /work /tmp /aiops/out; do (echo x > $place/x) 2>/dev/null || echo cannot write $place; done
        [ -w /aiops/script ] && echo script can be changed
        grep -vE ' (proc|sysfs|cgroup|cgroup2|tmpfs|devpts|mqueue|overlay) ' /proc/mounts | cut -d' ' -f2 | sort -u",
    );
    run_to_end(lab.runtime(), &request).await;
    let mut lines = texts(lab.runtime(), request.handle).await;
    let mounts = lines.split_off(6);
    assert_eq!(lines, ["65534", "65534", "CapEff:0000000000000000", "NoNewPrivs:1", "lo", "/work"]);
    // The volume, the init program (read-only), and three files that the engine writes for each container.
    let fine = ["/aiops", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/sbin/docker-init", "/dev/init"];
    assert!(mounts.iter().all(|m| fine.contains(&m.as_str())), "{mounts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_memory_is_named() {
    let Some(lab) = DockerLab::with("too_much_memory_is_named", settings()).await else { return };
    let mut greedy = lab.request("echo begin; x=$(head -c 200000000 /dev/zero | tr '\\0' a); echo ${#x}");
    greedy.spec.limits.memory_bytes = 32 << 20;
    let end = run_to_end(lab.runtime(), &greedy).await;
    assert_ne!(end.exit_code, Some(0), "{end:?}");
    let cause = end.cause.expect("a cause");
    assert!(cause.starts_with("out of memory") && cause.contains("32 MiB"), "{cause}");
    assert_eq!(texts(lab.runtime(), greedy.handle).await[0], "begin", "what was printed is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn p18_a_fork_bomb_hits_the_runs_own_limit() {
    let Some(lab) = DockerLab::with("p18_a_fork_bomb_hits_the_runs_own_limit", settings()).await else { return };
    let mut bomb =
        lab.request("b() { b | b & }; b; sleep 1; i=0; while [ $i -lt 200 ]; do sleep 30 & i=$((i+1)); done; exit 3");
    bomb.spec.limits.pids = 64;
    bomb.spec.timeout_secs = 8;
    lab.runtime().start(&bomb).await.expect("start");
    let other = lab.request("echo fine");
    assert_eq!(run_to_end(lab.runtime(), &other).await.exit_code, Some(0), "another run meanwhile");
    let end = end_of(lab.runtime(), bomb.handle).await;
    assert!(end.exit_code != Some(0) && end.survivors == 0, "{end:?}");
    let told = texts(lab.runtime(), bomb.handle).await;
    assert!(told.iter().any(|l| l.contains("fork")), "the script's own words: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_over_the_limit_is_stopped() {
    let Some(lab) = DockerLab::with("a_file_over_the_limit_is_stopped", settings()).await else { return };
    let mut big = lab.request("exec head -c 100000 /dev/zero > \"$AIOPS_ARTIFACTS/file\"");
    big.spec.limits.file_bytes = 10_000;
    assert_eq!(run_to_end(lab.runtime(), &big).await.exit_code, Some(128 + 25), "XFSZ");
}

#[tokio::test(flavor = "multi_thread")]
async fn p17_images_that_cannot_be_had_are_named() {
    let test = "p17_images_that_cannot_be_had_are_named";
    let all = |pull| DockerSettings { images: vec!["*".into()], pull, ..settings() };
    for (pull, image, why) in [
        (PullPolicy::Never, "aiops-none:1", "image aiops-none:1 is not on the engine of dock"),
        (PullPolicy::IfMissing, "not a name", "the engine refuses the container"),
    ] {
        let Some(lab) = DockerLab::with(test, all(pull)).await else { return };
        let mut request = lab.request("echo hi");
        request.spec.image = Some(image.into());
        let told = why_not(&lab, &request).await;
        assert!(told.starts_with(why), "{told}");
        assert_eq!(lab.left(request.handle).await, Vec::<String>::new(), "nothing is left of it");
    }
    // Nobody listens at that registry: trying again later may help, so it is no refusal.
    let Some(lab) = DockerLab::with(test, all(PullPolicy::IfMissing)).await else { return };
    let mut request = lab.request("echo hi");
    request.spec.image = Some("127.0.0.1:1/ops/tool:1".into());
    match lab.runtime().start(&request).await {
        Err(RuntimeError::Unavailable { what, .. }) => {
            assert!(what.starts_with("image 127.0.0.1:1/ops/tool:1 cannot be fetched"), "{what}");
        }
        other => panic!("{other:?}"),
    }
    let Some(strict) = DockerLab::with(test, settings()).await else { return };
    let mut request = strict.request("echo hi");
    request.spec.image = Some("aiops-busybox:1".into());
    let told = why_not(&strict, &request).await;
    assert!(told.starts_with("image aiops-busybox:1 is not among those that dock allows"), "{told}");
}

/// Whoever made a container and slept through a take-over starts nothing any more.
#[tokio::test(flavor = "multi_thread")]
async fn p19_a_maker_that_comes_back_late_starts_nothing() {
    let test = "p19_a_maker_that_comes_back_late_starts_nothing";
    let Some(lab) = DockerLab::with(test, settings()).await else { return };
    let (engine, runtime) = (lab.engine(), lab.runtime());
    let request = lab.request("echo ran");
    // The container of another maker that stopped just before its start: that of a finished run, under the new labels.
    let model = lab.request("echo ran");
    run_to_end(runtime, &model).await;
    let name = |handle: Handle| format!("aiops-{}-{}", handle.run_id.simple(), handle.epoch);
    let found = engine.inspect_container(&name(model.handle), None).await.expect("the model");
    let config = found.config.expect("config");
    let mut labels = config.labels.clone().expect("labels");
    labels.insert("aiops.run".into(), request.handle.run_id.to_string());
    let body = bollard::models::ContainerCreateBody {
        image: config.image,
        entrypoint: config.entrypoint,
        cmd: config.cmd,
        env: config.env,
        labels: Some(labels),
        host_config: found.host_config,
        ..Default::default()
    };
    let options = CreateContainerOptionsBuilder::new().name(&name(request.handle)).build();
    let stale = engine.create_container(Some(options), body).await.expect("made").id;
    assert_eq!(runtime.progress(request.handle).await.expect("progress"), Progress::NotStarted);
    runtime.start(&request).await.expect("start");
    assert_eq!(end_of(runtime, request.handle).await.exit_code, Some(0));
    assert!(engine.start_container(&stale, None).await.is_err(), "it is gone");
    assert_eq!(texts(runtime, request.handle).await, ["ran"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn p16_an_engine_that_goes_away_loses_and_doubles_nothing() {
    let test = "p16_an_engine_that_goes_away_loses_and_doubles_nothing";
    let Some(lab) = DockerLab::with(test, settings()).await else { return };
    let proxy = Proxy::to(&lab.endpoint).await;
    let runtime = connect(&proxy.address(), &settings(), lab.manager).await;
    let request = lab.request("i=0; while [ $i -lt 60 ]; do echo line $i; i=$((i+1)); sleep 0.1; done; exit 5");
    runtime.start(&request).await.expect("start");
    // (a) the stream is reset several times while the container lives.
    for wanted in [5, 10, 15] {
        eventually("lines", async || (texts(&*runtime, request.handle).await.len() >= wanted).then_some(())).await;
        proxy.cut();
    }
    // (b) the engine is away for a while: that is no statement about the run, and what was read stays.
    proxy.refuse(true);
    proxy.cut();
    let away = eventually("it is noticed", async || runtime.progress(request.handle).await.err()).await;
    assert!(matches!(away, RuntimeError::Unavailable { .. }), "{away}");
    assert!(texts(&*runtime, request.handle).await.len() >= 15);
    eventually("the container's end", async || {
        matches!(lab.runtime().progress(request.handle).await, Ok(Progress::Ended(_))).then_some(())
    })
    .await;
    proxy.refuse(false);
    let end = end_of(&*runtime, request.handle).await;
    assert_eq!((end.exit_code, end.timed_out), (Some(5), false), "the verdict is that of the engine");
    let expected: Vec<String> = (0..60).map(|i| format!("line {i}")).collect();
    assert_eq!(texts(&*runtime, request.handle).await, expected);
    // (c) removed by others.
    lab.runtime().cleanup(request.handle).await.expect("cleanup");
    let later = connect(&proxy.address(), &settings(), lab.manager).await;
    assert_eq!(later.progress(request.handle).await.expect("progress"), Progress::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_runs_at_once_each_have_their_own_output() {
    let Some(lab) = DockerLab::with("twelve_runs_at_once_each_have_their_own_output", settings()).await else { return };
    let runs: Vec<_> =
        (0..12).map(|n| lab.request(&format!("echo begin {n}; sleep 2; echo err {n} >&2; exit {n}"))).collect();
    let ends = join_all(runs.iter().map(|request| run_to_end(lab.runtime(), request))).await;
    for (n, (request, end)) in runs.iter().zip(ends).enumerate() {
        assert_eq!(end.exit_code, Some(i32::try_from(n).expect("small")));
        let log = whole_log(lab.runtime(), request.handle).await;
        let lines: Vec<_> = log.iter().map(|r| (r.stream, r.text.as_str())).collect();
        assert_eq!(lines, [(Stream::Stdout, format!("begin {n}").as_str()), (Stream::Stderr, &format!("err {n}"))]);
    }
}

/// What a run prints beyond its limit costs neither memory nor its end.
#[tokio::test(flavor = "multi_thread")]
async fn p07_a_line_of_20_mb_is_cut_with_its_true_length() {
    let Some(lab) = DockerLab::with("p07_a_line_of_20_mb_is_cut_with_its_true_length", settings()).await else {
        return;
    };
    let request = lab.request("head -c 20000000 /dev/zero | tr '\\0' a; echo; echo next");
    assert_eq!(run_to_end(lab.runtime(), &request).await.exit_code, Some(0));
    let log = whole_log(lab.runtime(), request.handle).await;
    assert!(log[0].text.ends_with("20000000 bytes]"), "{}", &log[0].text[log[0].text.len() - 60..]);
    assert_eq!(log[1].text, "next");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_behind_tcp_serves_too() {
    let Some(lab) = DockerLab::with("an_engine_behind_tcp_serves_too", settings()).await else { return };
    let proxy = Proxy::to(&lab.endpoint).await;
    assert!(proxy.address().starts_with("tcp://"));
    let runtime = connect(&proxy.address(), &settings(), lab.manager).await;
    let request = lab.request("echo hi");
    assert_eq!(run_to_end(&*runtime, &request).await.exit_code, Some(0));
    assert_eq!(texts(&*runtime, request.handle).await, ["hi"]);
    let info = runtime.health().await.expect("health");
    assert!(info.engine.starts_with("Docker ") && info.images.is_some_and(|n| n >= 2), "{info:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_not_there_is_told() {
    let test = "an_engine_that_is_not_there_is_told";
    let Some(lab) = DockerLab::with(test, settings()).await else { return };
    let proxy = Proxy::to(&lab.endpoint).await;
    proxy.refuse(true);
    let context = crate::docker::context(lab.manager);
    let refused =
        healer::runtime::docker::connect(&crate::docker::manager(&proxy.address(), &settings()), context).await;
    let why = refused.expect_err("no engine").to_string();
    assert!(why.starts_with(&format!("no engine at {}", proxy.address())), "{why}");
}
