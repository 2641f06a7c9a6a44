//! What the healer reads and writes, by call; the work is in `decide`, `verification` and `verdict`.

use crate::connect::Database;
use crate::rows::incident;
use crate::sql::{args, json};
use crate::{decide, run_rows, verdict, verification};
use async_trait::async_trait;
use domain::decision::{Decision, Evaluate, Plan};
use domain::incident::Incident;
use domain::policy::Policy;
use domain::ports::{HealStore, VerificationStep};
use domain::verification::{CheckSample, Verification};
use domain::{Error, Id, Result, Time};

#[async_trait]
impl HealStore for Database {
    async fn undecided(&self, now: Time, limit: u32) -> Result<Vec<Incident>> {
        let sql = "SELECT i.* FROM incidents i LEFT JOIN decisions d ON d.id = \
                   (SELECT id FROM decisions WHERE incident_id = i.id ORDER BY at DESC, id DESC LIMIT 1) \
                   WHERE i.state IN ('open', 'acknowledged') \
                   AND (d.id IS NULL OR d.retry_at <= $1 OR d.incident_version < i.version) \
                   ORDER BY i.detected_at, i.id LIMIT $2";
        self.rows(sql, args![now, limit]).await?.iter().map(incident).collect()
    }

    async fn decide(&self, incident_id: Id, policy: &Policy, evaluate: &Evaluate<'_>) -> Result<Option<Plan>> {
        decide::decide(self, incident_id, policy, evaluate).await
    }

    async fn record_undecided(&self, decision: Decision) -> Result<()> {
        decide::record_undecided(self, decision).await
    }

    async fn decisions(&self, incident_id: Id) -> Result<Vec<Decision>> {
        let sql = "SELECT * FROM decisions WHERE incident_id = $1 ORDER BY at DESC, id DESC";
        self.rows(sql, args![incident_id]).await?.iter().map(decide::read).collect()
    }

    async fn set_baseline(&self, run_id: Id, baseline: Vec<CheckSample>) -> Result<()> {
        let mut tx = self.begin().await?;
        let run = run_rows::lock(&mut tx, run_id).await?;
        if run.started_at.is_some() || run.state.is_terminal() {
            return Err(Error::conflict("the run has started: a baseline must be measured before it"));
        }
        tx.run("UPDATE test_runs SET baseline = $2 WHERE id = $1", args![run_id, json(&baseline)?]).await?;
        tx.commit().await
    }

    async fn start_verifications(&self, now: Time) -> Result<Vec<Verification>> {
        verification::start_all(self, now).await
    }

    async fn due_verifications(&self, now: Time, limit: u32) -> Result<Vec<Verification>> {
        let sql = "SELECT * FROM verifications WHERE verdict IS NULL AND next_at <= $1 ORDER BY next_at, id LIMIT $2";
        self.rows(sql, args![now, limit]).await?.iter().map(verification::read).collect()
    }

    async fn step_verification(&self, id: Id, version: i64, step: VerificationStep) -> Result<()> {
        verdict::step(self, id, version, step).await
    }

    async fn verifications(&self, incident_id: Id) -> Result<Vec<Verification>> {
        let sql = "SELECT * FROM verifications WHERE incident_id = $1 ORDER BY started_at, id";
        self.rows(sql, args![incident_id]).await?.iter().map(verification::read).collect()
    }
}
