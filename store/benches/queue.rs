//! The queue's speed beside the bare limit of the same database in the same run: empty runs claimed and ended a second,
//! and the time of one claim with many runs waiting.
//!
//! `cargo bench -p store --features testing --bench queue`; PostgreSQL when `AIOPS_TEST_POSTGRES_URL` is set.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and stops at a failure")]

use domain::identity::Audit;
use domain::ports::{QueueStore as _, RunStore as _};
use domain::run::{Run, RunEnd, RunPurpose, RunSpec, RunState};
use domain::{Time, clock::from_millis, new_id};
use sqlx::{PgPool, SqlitePool};
use std::time::{Duration, Instant};
use store::Database;
use tokio::task::JoinSet;

/// Runs claimed and ended.
const RUNS: usize = 6_000;
/// Runs that wait while single claims are timed.
const QUEUED: usize = 20_000;
/// Owners of runs.
const OWNERS: usize = 20;
/// Tasks that work at once.
const WORKERS: usize = 8;
const LEASE: Duration = Duration::from_secs(60);
const BATCH: u32 = 32;

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|t| t.parse().ok()).unwrap_or(usual)
}

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    from_millis(i64::try_from(since.as_millis()).unwrap())
}

fn run(n: usize) -> Run {
    let spec = RunSpec { body: "true".to_owned(), timeout_secs: 60, ..RunSpec::default() };
    let who = format!("person{}", n % OWNERS);
    let target = format!("service=s{}", n % 50);
    Run::new((new_id(), "empty".to_owned()), RunPurpose::Manual, target, spec, who, now())
}

async fn enqueue(db: &Database, runs: usize) -> f64 {
    let begun = Instant::now();
    let all: Vec<Run> = (0..runs).map(run).collect();
    for some in all.chunks(1_000) {
        db.enqueue_all(some.to_vec(), Audit::new("bench", "run.start")).await.unwrap();
    }
    runs as f64 / begun.elapsed().as_secs_f64()
}

/// Claims and ends everything; runs a second.
async fn drain(db: &Database, workers: usize) -> f64 {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for n in 0..workers {
        let db = db.clone();
        tasks.spawn(async move {
            let mut done = 0;
            loop {
                let claims = db.claim_many(&format!("worker{n}"), LEASE, BATCH, BATCH).await.unwrap();
                if claims.is_empty() {
                    return done;
                }
                for claim in claims {
                    let end = RunEnd { state: RunState::Succeeded, exit_code: Some(0), reason: "exit code 0".into() };
                    db.finish(claim.run.id, claim.run.lease_epoch, end, now()).await.unwrap();
                    done += 1;
                }
            }
        });
    }
    let done: usize = tasks.join_all().await.into_iter().sum();
    done as f64 / begun.elapsed().as_secs_f64()
}

/// Milliseconds of single claims, sorted.
async fn claims(db: &Database, times: usize) -> Vec<f64> {
    let mut took = Vec::new();
    for _ in 0..times {
        let begun = Instant::now();
        let got = db.claim_many("single", LEASE, 1, 1).await.unwrap();
        took.push(begun.elapsed().as_secs_f64() * 1_000.0);
        assert_eq!(got.len(), 1);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    took.sort_by(f64::total_cmp);
    took
}

fn rank(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

/// One row written for a claim and one for an end, a transaction each, with as many tasks: what the database can do.
async fn bare<F, G>(rows: usize, workers: usize, one: F) -> f64
where
    F: Fn(usize) -> G + Send + Sync + Clone + 'static,
    G: Future<Output = ()> + Send,
{
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for worker in 0..workers {
        let one = one.clone();
        tasks.spawn(async move {
            for n in (worker..rows).step_by(workers) {
                one(n).await;
            }
        });
    }
    tasks.join_all().await;
    rows as f64 / begun.elapsed().as_secs_f64()
}

const TABLE: &str = "CREATE TABLE bare (id BIGINT PRIMARY KEY, state TEXT NOT NULL)";
const INSERT: &str = "INSERT INTO bare (id, state) VALUES ($1, 'leased')";
const UPDATE: &str = "UPDATE bare SET state = 'ended' WHERE id = $1";

async fn measure(name: &str, db: &Database, bare: f64) {
    let runs = number("AIOPS_BENCH_RUNS", RUNS);
    let enqueued = enqueue(db, runs).await;
    let ended = drain(db, WORKERS).await;
    println!(
        "{name}: {ended:.0} runs a second claimed and ended ({WORKERS} tasks, claims of {BATCH}); bare INSERT + UPDATE \
         {bare:.0} pairs a second; ratio {:.2}; enqueued {enqueued:.0} a second",
        ended / bare
    );
    enqueue(db, number("AIOPS_BENCH_QUEUED", QUEUED)).await;
    let took = claims(db, 400).await;
    println!(
        "{name}: one claim with {QUEUED} waiting: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
        rank(&took, 0.5),
        rank(&took, 0.99),
        rank(&took, 1.0)
    );
}

async fn sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("store.db").display());
    let db = Database::connect(&url).await.unwrap();
    db.migrate().await.unwrap();
    // As the store opens it: WAL, one writer.
    let bare_url = format!("sqlite://{}?mode=rwc", folder.path().join("bare.db").display());
    let pool: SqlitePool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect(&bare_url).await.unwrap();
    sqlx::raw_sql("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL").execute(&pool).await.unwrap();
    sqlx::query(TABLE).execute(&pool).await.unwrap();
    let one = move |n: usize| {
        let pool = pool.clone();
        async move {
            for sql in [INSERT, UPDATE] {
                sqlx::query(sql).bind(i64::try_from(n).unwrap()).execute(&pool).await.unwrap();
            }
        }
    };
    let bare = bare(number("AIOPS_BENCH_RUNS", RUNS), WORKERS, one).await;
    measure("SQLite", &db, bare).await;
}

async fn postgres(url: &str) {
    let schema = store::testing::Schema::create(url).await.unwrap();
    let db = Database::connect(&schema.url()).await.unwrap();
    db.migrate().await.unwrap();
    let pool: PgPool =
        sqlx::postgres::PgPoolOptions::new().max_connections(WORKERS as u32).connect(&schema.url()).await.unwrap();
    sqlx::query(TABLE).execute(&pool).await.unwrap();
    let one = move |n: usize| {
        let pool = pool.clone();
        async move {
            for sql in [INSERT, UPDATE] {
                sqlx::query(sql).bind(i64::try_from(n).unwrap()).execute(&pool).await.unwrap();
            }
        }
    };
    let bare = bare(number("AIOPS_BENCH_RUNS", RUNS), WORKERS, one).await;
    measure("PostgreSQL", &db, bare).await;
    db.close().await;
    schema.drop().await.unwrap();
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    sqlite().await;
    match std::env::var("AIOPS_TEST_POSTGRES_URL") {
        Ok(url) => postgres(&url).await,
        Err(_) => println!("PostgreSQL: skipped, AIOPS_TEST_POSTGRES_URL is not set"),
    }
}
