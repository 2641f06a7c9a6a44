//! What a ranking is made from and what it says.

use serde::{Deserialize, Serialize};

/// Kind of an anomaly, as far as the cause is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalKind {
    /// A resource near its limit or used far more than usual: CPU, memory, disk, pool, throttling.
    Saturation,
    /// A process died, restarted or went away.
    Crash,
    /// Slow answers as this entity's callers or its own server side see them.
    Latency,
    /// Failed requests.
    Errors,
    /// More or fewer requests than usual.
    Traffic,
    /// A log template never seen before, at warning level or above.
    NewErrorLog,
    /// Far more lines of a known template than usual.
    LogBurst,
    /// Fewer lines than usual, or none.
    LogDrop,
    /// A deployment, configuration change or run on this entity.
    Change,
    /// Another entity's log lines or failed calls name this one; the entity is the one that is blamed.
    Blame,
    /// Anything else.
    Other,
}

/// One anomaly of one entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Entity it was seen at.
    pub entity: String,
    /// Name for people: metric name, template text, alert name.
    pub name: String,
    /// Kind.
    pub kind: SignalKind,
    /// Calibrated strength from 0 to 1.
    pub score: f64,
    /// Onset, ms since the epoch.
    pub started_at_ms: i64,
}

/// One reason for or against an entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Sentence for people.
    pub text: String,
    /// Log-odds it adds (negative: speaks against).
    pub weight: f64,
}

/// One candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// Candidate entity.
    pub entity: String,
    /// Probability that the incident started here; all candidates and "none of them" add up to one.
    pub probability: f64,
    /// Names of its own signals, strongest first.
    pub signals: Vec<String>,
    /// Reasons, heaviest first.
    pub evidence: Vec<Evidence>,
    /// Calls that lead from the entity hit hardest among its callers down to this one; empty when none is known.
    pub path: Vec<String>,
}

/// Candidates, most probable first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// Candidates.
    pub ranked: Vec<Ranked>,
    /// True when no candidate stands out: nothing may be done on the strength of this ranking.
    pub undetermined: bool,
}

/// Least probability of a named cause.
const NAMED: f64 = 0.40;
/// Least lead of a named cause over the next.
const LEAD: f64 = 0.08;

/// Turns log-odds into probabilities beside a fixed chance that none of the candidates is the cause, sorts and decides.
pub(crate) fn conclude(mut scored: Vec<(f64, Ranked)>, none_of_them: f64) -> Ranking {
    scored.retain(|(score, _)| score.is_finite());
    let top = scored.iter().map(|(score, _)| *score).fold(none_of_them, f64::max);
    let mass: f64 = scored.iter().map(|(score, _)| (score - top).exp()).sum::<f64>() + (none_of_them - top).exp();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.entity.cmp(&b.1.entity)));
    let ranked: Vec<Ranked> = scored
        .into_iter()
        .map(|(score, mut ranked)| {
            ranked.probability = (score - top).exp() / mass;
            ranked.evidence.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
            ranked
        })
        .collect();
    let first = ranked.first().map_or(0.0, |ranked| ranked.probability);
    let second = ranked.get(1).map_or(0.0, |ranked| ranked.probability);
    Ranking { undetermined: first < NAMED || first - second < LEAD, ranked }
}
