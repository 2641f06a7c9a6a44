//! `aiops demo`: starts the shop and the product, breaks the shop, and shows the loop as it happens.

mod children;
mod client;
mod follow;

use crate::cli::DemoArgs;
use crate::commands::say;
use anyhow::{Context as _, bail};
use children::Children;
use client::{Product, Shop};
use follow::Story;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const ADMIN: &str = "admin";
/// Mark in a folder that the demo may empty.
const MARK: &str = ".aiops-demo";

/// Runs the demo.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let mut children = Children::default();
    let outcome = tokio::select! {
        outcome = show(&args, &mut children) => outcome,
        () = interrupted() => Err(anyhow::anyhow!("stopped by the user")),
    };
    say("stopping the product and the shop");
    children.stop().await;
    match outcome {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(ExitCode::FAILURE),
        Err(error) => {
            super::complain(&format!("demo: {error:#}"));
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn show(args: &DemoArgs, children: &mut Children) -> anyhow::Result<bool> {
    let begun = Instant::now();
    prepare(&args.dir)?;
    let password = client::random_password()?;
    if args.fresh {
        client::forget_earlier(&args.prometheus, &args.elasticsearch).await.context("--fresh")?;
    }
    say("starting the shop: storefront, checkout and catalog, with their database, Redis and load");
    let shop = start_shop(args, children).await?;
    say("starting aiops");
    let product = start_product(args, children, &password).await?;
    children.register(&args.dir, &product).await?;
    say("");
    say(&format!("  UI      http://{}", args.listen));
    say(&format!("  login   {ADMIN} / {password}"));
    say(&format!("  logs    {}", args.dir.display()));
    say("");
    learn(args, &product, begun).await?;
    let healed = one_fault(args, &shop, &product).await?;
    if !args.once {
        say("the demo stays up; Ctrl-C stops everything and leaves nothing running");
        std::future::pending::<()>().await;
    }
    Ok(healed)
}

/// Empties the folder, if it is ours.
fn prepare(dir: &Path) -> anyhow::Result<()> {
    if dir.exists() && !dir.join(MARK).exists() && std::fs::read_dir(dir)?.next().is_some() {
        bail!("--dir: {} is not empty and not a demo folder; give another one", dir.display());
    }
    if dir.exists() {
        std::fs::remove_dir_all(dir).with_context(|| format!("empty {}", dir.display()))?;
    }
    std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
    std::fs::write(dir.join(MARK), "a folder of aiops demo; it is emptied at every start\n")?;
    Ok(())
}

async fn start_shop(args: &DemoArgs, children: &mut Children) -> anyhow::Result<Shop> {
    let dir = args.dir.join("shop");
    children.spawn_shop(args, &dir)?;
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Ok(shop) = Shop::read(&dir)
            && shop.healthy().await
        {
            return Ok(shop);
        }
        children.still_running()?;
        if Instant::now() > deadline {
            bail!("the shop did not start within 60 s; see {}", args.dir.join("shop.log").display());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn start_product(args: &DemoArgs, children: &mut Children, password: &str) -> anyhow::Result<Product> {
    children.create_admin(&args.dir, ADMIN, password).await?;
    children.spawn_product(args)?;
    let base = format!("http://{}", args.listen);
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Ok(product) = Product::login(&base, ADMIN, password).await {
            return Ok(product);
        }
        children.still_running()?;
        if Instant::now() > deadline {
            bail!("aiops did not start within 60 s; see {}", args.dir.join("aiops.log").display());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Waits while the detectors learn, telling how far they are.
async fn learn(args: &DemoArgs, product: &Product, begun: Instant) -> anyhow::Result<()> {
    say(&format!("up after {:.0} s; learning what is normal for {} s", begun.elapsed().as_secs_f64(), args.learn));
    let end = Instant::now() + Duration::from_secs(args.learn);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        tokio::time::sleep(left.min(Duration::from_secs(20))).await;
        let (watched, ready) = product.monitors().await?;
        say(&format!("  {ready} of {watched} monitors have learned, {} s left", left.as_secs().saturating_sub(20)));
    }
}

/// Breaks the shop once and follows until the product and the shop's own truth have spoken.
async fn one_fault(args: &DemoArgs, shop: &Shop, product: &Product) -> anyhow::Result<bool> {
    let before = product.incident_ids(|i| i["state"] == "resolved").await?;
    let mut story = Story::begin(before);
    shop.inject(&args.fault, &args.service).await?;
    story.tell(&format!("fault injected: {} on {}", args.fault, args.service));
    let deadline = Instant::now() + Duration::from_secs(args.deadline);
    while Instant::now() < deadline && !story.is_over() {
        tokio::time::sleep(Duration::from_millis(500)).await;
        story.follow(product).await?;
    }
    let cured = shop.cured_within(Duration::from_secs(20)).await?;
    story.tell(if cured {
        "truth: the shop measures that the fault is gone"
    } else {
        "truth: the fault is still there"
    });
    let verified = story.verified();
    say("");
    say(match (verified, cured) {
        (true, true) => "RESULT: healed and verified; product and truth agree",
        (true, false) => "RESULT: the product says fixed, the shop disagrees",
        (false, true) => "RESULT: the fault is gone, but the product has not verified it",
        (false, false) => "RESULT: not healed",
    });
    Ok(verified && cured)
}

async fn interrupted() {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        result = tokio::signal::ctrl_c() => if result.is_err() { std::future::pending::<()>().await },
        () = terminate => {}
    }
}
