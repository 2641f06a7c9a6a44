//! A backtest as one SVG: a panel a series with value, band, events and score. Readable on light and dark ground.

use chrono::DateTime;
use domain::anomaly::{Anomaly, ChartPoint};
use domain::backtest::{BacktestReport, BacktestSeries};
use std::fmt::Write as _;

const WIDTH: f64 = 1_000.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 16.0;
const HEAD: f64 = 56.0;
/// Heights of a panel's title, chart, score strip and foot.
const TITLE: f64 = 22.0;
const CHART: f64 = 130.0;
const STRIP: f64 = 26.0;
const FOOT: f64 = 34.0;
const PANEL: f64 = TITLE + CHART + STRIP + FOOT;
/// A line breaks where rows are missing for longer than so many times the usual distance.
const GAP: i64 = 3;

/// Mid tones: enough contrast on white and on near black.
const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#6b7280}.t{font-size:15px;font-weight:600}\
.n{font-weight:600}.b{fill:#3b82f6;fill-opacity:.18}.v{fill:none;stroke:#3b82f6;stroke-width:1.4}\
.s{fill:none;stroke:#d97706;stroke-width:1.2}.e{fill:#dc2626;fill-opacity:.16;stroke:#dc2626;stroke-width:1}\
.g{stroke:#9ca3af;stroke-opacity:.35}.d{fill:#3b82f6}\
@media(prefers-color-scheme:dark){text{fill:#a8b0bd}.v{stroke:#60a5fa}.d{fill:#60a5fa}.b{fill:#60a5fa}.e{fill:#f87171;stroke:#f87171}}";

/// The chart as an SVG document.
pub(crate) fn svg(title: &str, report: &BacktestReport) -> String {
    let panels = report.series.len().max(1) as f64;
    let height = HEAD + panels * PANEL;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         role=\"img\"><title>{0}</title><style>{STYLE}</style><text class=\"t\" x=\"{LEFT}\" y=\"24\">{0}</text>",
        escaped(title)
    );
    let shown = if (report.series.len() as u64) < report.series_total {
        format!("{} of {} series shown; ", report.series.len(), report.series_total)
    } else {
        String::new()
    };
    let partial = if report.message.is_empty() { String::new() } else { format!("; partial: {}", report.message) };
    let told = format!(
        "{} to {}, a row every {} s; {shown}{} events{partial}",
        day(report.from.timestamp_millis()),
        day(report.to.timestamp_millis()),
        report.step_secs,
        report.events_total
    );
    text(&mut out, LEFT, 44.0, "", &told);
    for (n, series) in report.series.iter().enumerate() {
        let events: Vec<&Anomaly> = report.events.iter().filter(|e| e.series_key.starts_with(&series.key)).collect();
        Panel::new(report, series, HEAD + n as f64 * PANEL).draw(&mut out, &events);
    }
    if report.series.is_empty() {
        text(&mut out, LEFT, HEAD + TITLE, "", "the query yields no series in this time");
    }
    out.push_str("</svg>\n");
    out
}

struct Panel<'a> {
    series: &'a BacktestSeries,
    top: f64,
    from: i64,
    to: i64,
    low: f64,
    high: f64,
    gap: i64,
}

impl<'a> Panel<'a> {
    fn new(report: &BacktestReport, series: &'a BacktestSeries, top: f64) -> Self {
        let (from, to) = (report.from.timestamp_millis(), report.to.timestamp_millis().max(1));
        let (low, high) = extent(&series.points);
        let mut steps: Vec<i64> = series.points.windows(2).map(|w| w[1].at_ms - w[0].at_ms).collect();
        steps.sort_unstable();
        let usual = steps.get(steps.len() / 2).copied().unwrap_or(1).max(i64::from(report.step_secs) * 1_000);
        Self { series, top: top + TITLE, from, to: to.max(from + 1), low, high, gap: usual * GAP }
    }

    fn x(&self, at_ms: i64) -> f64 {
        let share = (at_ms - self.from) as f64 / (self.to - self.from) as f64;
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.top + (1.0 - share) * CHART
    }

    fn draw(&self, out: &mut String, events: &[&Anomaly]) {
        let labels: Vec<String> = self.series.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let name = if labels.is_empty() { self.series.entity.clone() } else { labels.join("  ") };
        text(out, LEFT, self.top - 7.0, "n", &cut(&name, 120));
        self.axes(out);
        self.band(out);
        for event in events {
            self.event(out, event);
        }
        self.line(out);
        self.score(out);
    }

    fn axes(&self, out: &mut String) {
        let right = WIDTH - RIGHT;
        for share in [0.0, 0.5, 1.0] {
            let value = self.low + (self.high - self.low) * share;
            let y = self.y(value);
            line(out, (LEFT, y), (right, y));
            let _written = write!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                y + 4.0,
                short(value)
            );
        }
        let bottom = self.top + CHART + STRIP + 4.0;
        line(out, (LEFT, bottom), (right, bottom));
        let _written = write!(out, "<text x=\"{:.1}\" y=\"{bottom:.1}\" text-anchor=\"end\">score</text>", LEFT - 6.0);
        for n in 0..=6 {
            let at = self.from + (self.to - self.from) / 6 * n;
            let x = self.x(at);
            line(out, (x, self.top), (x, bottom));
            let anchor = if n == 6 { "end" } else { "middle" };
            let at = if self.to - self.from > 2 * 86_400_000 { day(at) } else { clock(at) };
            let _written =
                write!(out, "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{at}</text>", bottom + 16.0);
        }
    }

    /// Runs of rows without a hole for which `of` has a value.
    fn runs<T>(&self, of: impl Fn(&ChartPoint) -> Option<T>) -> Vec<Vec<(f64, T)>> {
        let mut runs: Vec<Vec<(f64, T)>> = Vec::new();
        let mut last = i64::MIN;
        for point in &self.series.points {
            let Some(value) = of(point) else {
                last = i64::MIN;
                continue;
            };
            let pair = (self.x(point.at_ms), value);
            match runs.last_mut() {
                Some(run) if last != i64::MIN && point.at_ms - last <= self.gap => run.push(pair),
                _ => runs.push(vec![pair]),
            }
            last = point.at_ms;
        }
        runs
    }

    fn band(&self, out: &mut String) {
        for run in self.runs(|p| Some((self.y(p.lower?), self.y(p.upper?)))) {
            let mut path = String::new();
            let there = run.iter().map(|(x, (_, upper))| (*x, *upper));
            let back = run.iter().rev().map(|(x, (lower, _))| (*x, *lower));
            for (n, (x, y)) in there.chain(back).enumerate() {
                let _written = write!(path, "{}{x:.1} {y:.1}", if n == 0 { 'M' } else { 'L' });
            }
            let _written = write!(out, "<path class=\"b\" d=\"{path}Z\"/>");
        }
    }

    fn line(&self, out: &mut String) {
        for run in self.runs(|p| p.value.map(|v| self.y(v))) {
            if let [(x, y)] = run[..] {
                let _written = write!(out, "<circle class=\"d\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"1.5\"/>");
            } else {
                polyline(out, "v", &run);
            }
        }
    }

    fn score(&self, out: &mut String) {
        let bottom = self.top + CHART + STRIP + 4.0;
        for run in self.runs(|p| Some(bottom - p.score.clamp(0.0, 1.0) * (STRIP - 4.0))) {
            polyline(out, "s", &run);
        }
    }

    fn event(&self, out: &mut String, event: &Anomaly) {
        let x = self.x(event.started_at.timestamp_millis());
        let end = event.ended_at.map_or(self.to, |t| t.timestamp_millis());
        let width = (self.x(end) - x).max(2.0);
        let _written = write!(
            out,
            "<rect class=\"e\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{CHART}\"><title>{} {}</title></rect>",
            self.top,
            day(event.started_at.timestamp_millis()),
            escaped(&event.evidence.en)
        );
    }
}

/// Lowest and highest of what is drawn. The band counts only as far as it stays near the values: a first wide band must
/// not flatten the line.
fn extent(points: &[ChartPoint]) -> (f64, f64) {
    let mut ends = (f64::INFINITY, f64::NEG_INFINITY);
    for value in points.iter().filter_map(|p| p.value) {
        ends = (ends.0.min(value), ends.1.max(value));
    }
    if !ends.0.is_finite() {
        return (0.0, 1.0);
    }
    let reach = ((ends.1 - ends.0) * 0.5).max(ends.1.abs() * 1e-3).max(f64::MIN_POSITIVE);
    let (floor, ceiling) = (ends.0 - reach, ends.1 + reach);
    for point in points {
        ends.0 = ends.0.min(point.lower.map_or(ends.0, |v| v.max(floor)));
        ends.1 = ends.1.max(point.upper.map_or(ends.1, |v| v.min(ceiling)));
    }
    if ends.1 > ends.0 { ends } else { (ends.0 - 1.0, ends.0 + 1.0) }
}

fn line(out: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    let _written = write!(out, "<line class=\"g\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>");
}

fn polyline(out: &mut String, class: &str, points: &[(f64, f64)]) {
    let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _written = write!(out, "<polyline class=\"{class}\" points=\"{}\"/>", points.join(" "));
}

fn text(out: &mut String, x: f64, y: f64, class: &str, text: &str) {
    let _written = write!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(text));
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // Not allowed in XML, whatever a label holds.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most).chain(['…']).collect() }
}

/// A number in few characters.
fn short(value: f64) -> String {
    let size = value.abs();
    let (scaled, unit) = match size {
        s if s >= 1e12 => (value / 1e12, "T"),
        s if s >= 1e9 => (value / 1e9, "G"),
        s if s >= 1e6 => (value / 1e6, "M"),
        s if s >= 1e4 => (value / 1e3, "k"),
        s if s > 0.0 && s < 1e-3 => return format!("{value:.1e}"),
        _ => (value, ""),
    };
    let places = if scaled.abs() >= 100.0 {
        0
    } else if scaled.abs() >= 1.0 {
        1
    } else {
        3
    };
    let number = format!("{scaled:.places$}");
    let trimmed = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { &number };
    format!("{trimmed}{unit}")
}

fn day(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms).map(|t| t.format("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default()
}

fn clock(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms).map(|t| t.format("%H:%M UTC").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::from_millis;

    fn report(points: Vec<ChartPoint>) -> BacktestReport {
        let labels = [("path".to_owned(), "/<a>&\"b\"\u{1}".to_owned())].into();
        let key = "0".repeat(32);
        let series = BacktestSeries { key, entity: "m".to_owned(), labels, rows: 3, events: 0, points };
        BacktestReport {
            from: from_millis(0),
            to: from_millis(3_600_000),
            step_secs: 15,
            completeness: "complete".to_owned(),
            message: String::new(),
            rows: 3,
            series_total: 1,
            left_out: 0,
            events_total: 0,
            events: Vec::new(),
            series: vec![series],
        }
    }

    fn point(at_ms: i64, value: Option<f64>) -> ChartPoint {
        ChartPoint { at_ms, value, lower: value.map(|v| v - 1.0), upper: value.map(|v| v + 1.0), score: 0.5 }
    }

    #[test]
    fn labels_cannot_leave_their_text_and_lines_break_at_holes() {
        let rows = [(0, Some(1.0)), (15_000, Some(2.0)), (30_000, None), (45_000, Some(2.0)), (60_000, Some(1.0))];
        let mut rows: Vec<ChartPoint> = rows.into_iter().map(|(at, v)| point(at, v)).collect();
        rows.extend((0..4).map(|n| point(3_000_000 + n * 15_000, Some(3.0))));
        let text = svg("a <b>", &report(rows));
        assert!(text.contains("a &lt;b&gt;") && text.contains("path=/&lt;a&gt;&amp;&quot;b&quot; "));
        assert!(!text.contains('\u{1}'));
        assert_eq!(text.matches("class=\"v\"").count(), 3);
        assert_eq!(text.matches("class=\"b\"").count(), 3);
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }

    #[test]
    fn nothing_and_flat_lines_are_drawn_too() {
        let mut empty = report(Vec::new());
        assert!(svg("x", &empty).contains("score"));
        empty.series.clear();
        assert!(svg("x", &empty).contains("no series"));
        let flat = svg("x", &report(vec![ChartPoint { lower: None, upper: None, ..point(0, Some(5.0)) }]));
        assert!(flat.contains("<circle") && !flat.contains("NaN"));
    }

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (0.25, "0.25"),
            (12.5, "12.5"),
            (512.0, "512"),
            (15_000.0, "15k"),
            (2e9, "2G"),
            (1e-6, "1.0e-6"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
    }
}
