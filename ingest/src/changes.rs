//! Changes of deployments, from kube-state-metrics: a generation that rises is a change, with other replicas it is scaling.
//!
//! Source of the series: <https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics/workload>.

use chrono::TimeDelta;
use domain::change::{ChangeEvent, ChangeKind};
use domain::clock::from_millis;
use domain::error::Result;
use domain::ports::MetricSource;
use domain::signal::{Completeness, MetricAnswer, Point, Series};
use domain::{Time, new_id};
use std::collections::BTreeMap;
use std::time::Duration;

/// How far back is looked: longer than a restart of this product takes. What was told before is known by its key.
const BACK: TimeDelta = TimeDelta::minutes(10);
const STEP: Duration = Duration::from_secs(15);
/// Replicas that change so near in time to the generation make it scaling, ms.
const TOGETHER_MS: i64 = 60_000;

const GENERATIONS: &str = "max by (namespace, deployment) (kube_deployment_status_observed_generation)";
const REPLICAS: &str = "max by (namespace, deployment) (kube_deployment_spec_replicas)";

/// Changes of deployments of the last ten minutes, as the source named `name` tells them.
///
/// # Errors
/// As [`MetricSource::range`].
pub async fn read_deployments(source: &dyn MetricSource, name: &str, now: Time) -> Result<Vec<ChangeEvent>> {
    let generations = source.range(GENERATIONS, now - BACK, now, STEP).await?;
    if generations.series.is_empty() {
        return Ok(Vec::new());
    }
    let replicas = source.range(REPLICAS, now - BACK, now, STEP).await?;
    Ok(deployments(name, &generations, &replicas))
}

type Name<'a> = (&'a str, &'a str);

fn named(series: &Series) -> Name<'_> {
    let label = |name: &str| series.labels.get(name).map_or("", String::as_str);
    (label("namespace"), label("deployment"))
}

/// Points where the value is another one than before, with the value before.
fn steps(points: &[Point]) -> impl Iterator<Item = (f64, Point)> {
    let known = |p: &&Point| p.value.is_finite();
    points
        .iter()
        .filter(known)
        .zip(points.iter().filter(known).skip(1))
        .filter(|(a, b)| a.value != b.value)
        .map(|(a, b)| (a.value, *b))
}

fn deployments(name: &str, generations: &MetricAnswer, replicas: &MetricAnswer) -> Vec<ChangeEvent> {
    // A store that is missing makes a generation seem to fall and rise again.
    let whole = |answer: &MetricAnswer| answer.completeness == Completeness::Complete;
    if !whole(generations) || !whole(replicas) {
        return Vec::new();
    }
    let scaled: BTreeMap<Name<'_>, &Series> = replicas.series.iter().map(|s| (named(s), s)).collect();
    let mut found = Vec::new();
    for series in &generations.series {
        let (namespace, deployment) = named(series);
        let entity = format!("deployment={deployment}");
        if deployment.is_empty() || entity.len() > domain::topology::MAX_ENTITY {
            continue;
        }
        for (before, point) in steps(&series.points).filter(|(before, point)| point.value > *before) {
            let scale = scaled
                .get(&(namespace, deployment))
                .and_then(|s| steps(&s.points).find(|(_, p)| (p.at_ms - point.at_ms).abs() <= TOGETHER_MS));
            let (kind, title) = match scale {
                Some((from, to)) => {
                    (ChangeKind::Scale, format!("{namespace}/{deployment} scaled from {from} to {}", to.value))
                }
                None => {
                    let title = format!("{namespace}/{deployment} changed: generation {before} to {}", point.value);
                    (ChangeKind::Deployment, title)
                }
            };
            found.push(ChangeEvent {
                id: new_id(),
                key: format!("kubernetes {name} {namespace}/{deployment} {}", point.value),
                at: from_millis(point.at_ms),
                kind,
                entity: entity.clone(),
                title,
                author: String::new(),
                link: String::new(),
                told_by: format!("kubernetes {name}"),
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(deployment: &str, values: &[f64]) -> MetricAnswer {
        let labels = [("namespace", "shop"), ("deployment", deployment)];
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let points = (0_i64..).zip(values).map(|(n, value)| Point { at_ms: n * 15_000, value: *value }).collect();
        MetricAnswer { series: vec![Series { labels, points }], completeness: Completeness::Complete }
    }

    fn told(generations: &[f64], replicas: &[f64]) -> Vec<(ChangeKind, String, i64)> {
        let found = deployments("prom", &answer("cart", generations), &answer("cart", replicas));
        found.into_iter().map(|c| (c.kind, c.title, c.at.timestamp())).collect()
    }

    #[test]
    fn a_generation_that_rises_is_a_change_and_with_replicas_it_is_scaling() {
        let released = told(&[4.0, 4.0, f64::NAN, 5.0, 5.0], &[2.0; 5]);
        assert_eq!(released, [(ChangeKind::Deployment, "shop/cart changed: generation 4 to 5".to_owned(), 45)]);
        let scaled = told(&[4.0, 5.0, 5.0], &[2.0, 2.0, 6.0]);
        assert_eq!(scaled, [(ChangeKind::Scale, "shop/cart scaled from 2 to 6".to_owned(), 15)]);
        assert!(told(&[5.0, 5.0], &[2.0, 2.0]).is_empty());
        assert!(told(&[5.0, 1.0, 1.0], &[2.0; 3]).is_empty(), "made anew: counts from one");
    }

    #[test]
    fn the_same_change_has_the_same_key_and_a_partial_answer_tells_nothing() {
        let keys = |answer: &MetricAnswer| {
            deployments("prom", answer, &MetricAnswer { series: vec![], completeness: Completeness::Complete })
                .into_iter()
                .map(|c| c.key)
                .collect::<Vec<_>>()
        };
        assert_eq!(keys(&answer("cart", &[1.0, 2.0])), keys(&answer("cart", &[1.0, 1.0, 2.0])));
        let partial =
            MetricAnswer { completeness: Completeness::Partial("one store".to_owned()), ..answer("cart", &[1.0, 2.0]) };
        assert!(keys(&partial).is_empty());
    }
}
