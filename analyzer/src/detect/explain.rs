//! One plain sentence about a score, in English or Chinese.

use super::{Score, Skip, View};

/// Language of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

/// A number as a person writes it: at most four significant digits, k/M/G above ten thousand.
fn number(x: f64) -> String {
    let size = x.abs();
    let (scaled, suffix) = match size {
        s if s >= 1e12 => (x / 1e12, "T"),
        s if s >= 1e9 => (x / 1e9, "G"),
        s if s >= 1e6 => (x / 1e6, "M"),
        s if s >= 1e4 => (x / 1e3, "k"),
        _ => (x, ""),
    };
    if scaled == 0.0 {
        return "0".to_owned();
    }
    if size < 1e-4 || scaled.abs() >= 1e6 {
        return format!("{x:.2e}");
    }
    let decimals = (3 - scaled.abs().log10().floor() as i32).clamp(0, 6) as usize;
    let text = format!("{scaled:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{suffix}")
}

fn with_unit(x: f64, unit: &str) -> String {
    if unit.is_empty() { number(x) } else { format!("{} {unit}", number(x)) }
}

fn skip(reason: Skip, name: &str, lang: Lang) -> String {
    let (en, zh) = match reason {
        Skip::NotANumber => ("had no usable value", "没有可用的值"),
        Skip::OutOfOrder => ("came with a time stamp that is not newer than the last one", "的时间戳不晚于上一条"),
        Skip::CounterReset => ("was reset (its process restarted)", "计数器被重置（进程重启）"),
        Skip::NoIncrease => ("is a counter with no earlier value to compare with", "是计数器，尚无可比较的前值"),
    };
    match lang {
        Lang::En => format!("{name} {en}, so this row was not scored."),
        Lang::Zh => format!("{name} {zh}，本行未评分。"),
    }
}

/// One sentence that says what was observed, what was expected and which view fired.
#[must_use]
pub fn explain(score: &Score, name: &str, unit: &str, lang: Lang) -> String {
    if let Some(reason) = score.skip {
        return skip(reason, name, lang);
    }
    let seen = with_unit(score.observed, unit);
    let band = format!("{}..{}", number(score.lower), with_unit(score.upper, unit));
    let expected = with_unit(score.expected, unit);
    match lang {
        Lang::En => english(score, name, &seen, &expected, &band),
        Lang::Zh => chinese(score, name, &seen, &expected, &band),
    }
}

fn english(score: &Score, name: &str, seen: &str, expected: &str, band: &str) -> String {
    if score.learning {
        return format!("{name} is {seen}; still learning what is usual.");
    }
    let way = if score.observed >= score.expected { "above" } else { "below" };
    match score.view {
        View::None => format!("{name} is {seen}, as expected ({band})."),
        View::Jump => format!("{name} jumped to {seen} from one row to the next; expected {band}."),
        View::Residual => format!("{name} is {seen}, far {way} where it has just been ({expected}); expected {band}."),
        View::Season => {
            format!("{name} is {seen}, {way} what this time of day usually shows ({expected}); expected {band}.")
        }
        View::Level => format!("{name} moved to another level: {seen}, {way} the usual {expected}; expected {band}."),
        View::Drift => format!("{name} drifts {way} its usual level faster than before (now {seen}); expected {band}."),
        View::Spread => format!("{name} varies unlike before (now {seen}); expected {band}."),
        View::Record => format!("{name} is {seen}, {way} everything seen so far; expected {band}."),
        View::Shape => format!("{name} takes a course it has not taken before (now {seen}); expected {band}."),
        View::Threshold => format!("{name} is {seen}, across the limit of {expected}."),
        View::Absence => format!("{name} has stopped reporting; its last value was {seen}."),
        View::ErrorRate => {
            format!("The share of error lines of {name} is {seen}; expected at most {}.", number(score.upper))
        }
        View::Entity => format!("Several metrics of {name} are unusual together (strength {seen}; usual {band})."),
    }
}

fn chinese(score: &Score, name: &str, seen: &str, expected: &str, band: &str) -> String {
    if score.learning {
        return format!("{name} 为 {seen}，仍在学习正常范围。");
    }
    let way = if score.observed >= score.expected { "高于" } else { "低于" };
    match score.view {
        View::None => format!("{name} 为 {seen}，符合预期（{band}）。"),
        View::Jump => format!("{name} 突然跳变到 {seen}，预期 {band}。"),
        View::Residual => format!("{name} 为 {seen}，明显{way}刚才的水平（{expected}），预期 {band}。"),
        View::Season => format!("{name} 为 {seen}，{way}该时段的常见值（{expected}），预期 {band}。"),
        View::Level => format!("{name} 的水平发生变化：{seen}，{way}常见的 {expected}，预期 {band}。"),
        View::Drift => format!("{name} 持续偏移，{way}常见水平（当前 {seen}），预期 {band}。"),
        View::Spread => format!("{name} 的波动幅度与以往不同（当前 {seen}），预期 {band}。"),
        View::Record => format!("{name} 为 {seen}，{way}至今出现过的所有值，预期 {band}。"),
        View::Shape => format!("{name} 的走势与以往不同（当前 {seen}），预期 {band}。"),
        View::Threshold => format!("{name} 为 {seen}，越过阈值 {expected}。"),
        View::Absence => format!("{name} 已停止上报，最后的值为 {seen}。"),
        View::ErrorRate => format!("{name} 的错误日志占比为 {seen}，预期不超过 {}。", number(score.upper)),
        View::Entity => format!("{name} 的多个指标同时异常（强度 {seen}，通常 {band}）。"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (x, text) in
            [(0.0, "0"), (0.25, "0.25"), (1234.5, "1234"), (12_345.0, "12.35k"), (2.5e9, "2.5G"), (100.0, "100")]
        {
            assert_eq!(number(x), text);
        }
    }

    #[test]
    fn every_view_has_a_sentence_in_both_languages() {
        let views = [
            View::None,
            View::Jump,
            View::Residual,
            View::Season,
            View::Level,
            View::Drift,
            View::Spread,
            View::Record,
            View::Shape,
            View::Threshold,
            View::Absence,
            View::ErrorRate,
            View::Entity,
        ];
        for view in views {
            let score = Score { view, expected: 5.0, lower: 4.0, upper: 6.0, ..Score::quiet(90.0) };
            let (en, zh) = (explain(&score, "latency", "ms", Lang::En), explain(&score, "latency", "ms", Lang::Zh));
            assert!(en.contains("latency") && en.ends_with('.'), "{en}");
            assert!(zh.contains("latency") && zh.ends_with('。'), "{zh}");
        }
        let score = Score { skip: Some(Skip::CounterReset), ..Score::quiet(1.0) };
        assert!(explain(&score, "requests", "", Lang::En).contains("restarted"));
    }
}
