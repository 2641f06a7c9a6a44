//! Recorded telemetry, and as much of it as was there at a given time.

use std::collections::BTreeMap;

use crate::logs::{Level, Limits, Line, TemplateId, TemplateMiner};

use super::input::{LogKind, Series, Telemetry};
use super::topology::Edge;

/// One log line as it was written.
#[derive(Debug, Clone)]
pub(crate) struct RawLine {
    pub(crate) at_ms: i64,
    pub(crate) entity: String,
    pub(crate) level: Level,
    pub(crate) message: String,
}

/// A recording, points and lines in time order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recording {
    pub(crate) series: Vec<Series>,
    pub(crate) lines: Vec<RawLine>,
    pub(crate) edges: Vec<Edge>,
}

impl Recording {
    /// Times of the first and last point or line.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        let points =
            self.series.iter().flat_map(|series| series.points.first().into_iter().chain(series.points.last()));
        let lines = self.lines.first().into_iter().chain(self.lines.last());
        let times = || points.clone().map(|(at_ms, _)| *at_ms).chain(lines.clone().map(|line| line.at_ms));
        Some((times().min()?, times().max()?))
    }
}

/// What of a recording was there at a time, templates as they were known then.
pub(crate) struct Known<'a> {
    recording: &'a Recording,
    telemetry: Telemetry,
    miner: TemplateMiner,
    ids: Vec<TemplateId>,
    kinds: BTreeMap<(&'a str, Level, TemplateId), u32>,
    next_line: usize,
}

impl<'a> Known<'a> {
    /// Nothing yet.
    pub(crate) fn new(recording: &'a Recording) -> Self {
        let empty = |series: &Series| Series {
            entity: series.entity.clone(),
            metric: series.metric.clone(),
            points: Vec::new(),
        };
        let series = recording.series.iter().map(empty).collect();
        Self {
            recording,
            telemetry: Telemetry { series, edges: recording.edges.clone(), ..Telemetry::default() },
            miner: TemplateMiner::new(Limits::default()),
            ids: Vec::new(),
            kinds: BTreeMap::new(),
            next_line: 0,
        }
    }

    /// The telemetry known by now.
    pub(crate) fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Takes in all before `end_ms`. `Some` when kinds of lines turned out to be one: for each the kind that stays.
    pub(crate) fn advance(&mut self, end_ms: i64) -> Option<Vec<u32>> {
        for (known, whole) in self.telemetry.series.iter_mut().zip(&self.recording.series) {
            let rest = whole.points.get(known.points.len()..).unwrap_or_default();
            known.points.extend(rest.iter().take_while(|(at_ms, _)| *at_ms < end_ms));
        }
        let mut changed = false;
        let lines = self.recording.lines.get(self.next_line..).unwrap_or_default();
        for line in lines.iter().take_while(|line| line.at_ms < end_ms) {
            self.next_line += 1;
            let mined = self.miner.learn_line(Line { message: &line.message, level: line.level, at_ms: line.at_ms });
            changed |= mined.changed;
            let key = (line.entity.as_str(), line.level, mined.template_id);
            let kind = *self.kinds.entry(key).or_insert_with(|| {
                let template = self.miner.template(mined.template_id).text.clone();
                self.telemetry.log_kinds.push(LogKind { entity: line.entity.clone(), level: line.level, template });
                self.ids.push(mined.template_id);
                (self.ids.len() - 1) as u32
            });
            self.telemetry.log_lines.push((line.at_ms, kind));
        }
        if changed { self.settle() } else { None }
    }

    /// Gives each kind the text its template has by now, and lines of kinds that became one to the first of these.
    fn settle(&mut self) -> Option<Vec<u32>> {
        let mut first: BTreeMap<(&str, Level, TemplateId), u32> = BTreeMap::new();
        let mut kept = Vec::with_capacity(self.ids.len());
        for (kind, (described, id)) in self.telemetry.log_kinds.iter_mut().zip(&self.ids).enumerate() {
            let template = self.miner.template(*id);
            if described.template != template.text {
                described.template.clone_from(&template.text);
            }
            kept.push(*first.entry((&described.entity, described.level, template.id)).or_insert(kind as u32));
        }
        if kept.iter().enumerate().all(|(kind, stays)| kind as u32 == *stays) {
            return None;
        }
        for (_, kind) in &mut self.telemetry.log_lines {
            *kind = kept.get(*kind as usize).copied().unwrap_or(*kind);
        }
        Some(kept)
    }
}
