//! Time stamps as CSV files write them: ISO dates with or without a zone, or Unix seconds or milliseconds.

const DAY_MS: i64 = 86_400_000;
/// Numbers above this are milliseconds (as seconds it would be the year 5138).
const MILLIS_FROM: f64 = 1e11;

/// Unix milliseconds of a time stamp; `None` when it is none.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        let ms = if number.abs() >= MILLIS_FROM { number } else { number * 1000.0 };
        return (ms.is_finite() && ms.abs() < 9e15).then(|| ms.round() as i64);
    }
    let (date, clock) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], text[at + 1..].trim()),
        None => (text, ""),
    };
    let mut parts = date.splitn(3, ['-', '/']);
    let mut next = || parts.next()?.parse::<i64>().ok();
    let (year, month, day) = (next()?, next()?, next()?);
    if !(0..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (clock, zone_ms) = zone(clock)?;
    Some(days(year, month, day) * DAY_MS + time_of_day(clock)? - zone_ms)
}

/// Splits a zone off: `Z`, `+08:00`, `-0330`; none is UTC.
fn zone(clock: &str) -> Option<(&str, i64)> {
    if let Some(rest) = clock.strip_suffix(['Z', 'z']) {
        return Some((rest.trim(), 0));
    }
    let Some(at) = clock.rfind(['+', '-']) else { return Some((clock, 0)) };
    let sign = if clock.as_bytes()[at] == b'-' { -1 } else { 1 };
    let digits: String = clock[at + 1..].chars().filter(|c| *c != ':').collect();
    let (hours, minutes) = match digits.len() {
        2 => (digits.parse::<i64>().ok()?, 0),
        4 => (digits.get(..2)?.parse::<i64>().ok()?, digits.get(2..)?.parse::<i64>().ok()?),
        _ => return None,
    };
    Some((clock[..at].trim(), sign * (hours * 60 + minutes) * 60_000))
}

/// `HH:MM[:SS[.fff]]` in milliseconds; nothing is midnight.
fn time_of_day(clock: &str) -> Option<i64> {
    if clock.is_empty() {
        return Some(0);
    }
    let mut parts = clock.splitn(3, ':');
    let hours = parts.next()?.parse::<i64>().ok()?;
    let minutes = parts.next()?.parse::<i64>().ok()?;
    let seconds = parts.next().map_or(Some(0.0), |s| s.parse::<f64>().ok())?;
    let fits = (0..24).contains(&hours) && (0..60).contains(&minutes) && (0.0..61.0).contains(&seconds);
    fits.then(|| (hours * 60 + minutes) * 60_000 + (seconds * 1000.0).round() as i64)
}

/// Days since 1970-01-01 (proleptic Gregorian; Howard Hinnant's `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_usual_forms_are_read() {
        let at = 1_441_706_340_000;
        for text in ["2015-09-08 09:59:00", "2015-09-08T09:59:00Z", "2015-09-08 09:59", "2015-09-08T17:59:00.000+08:00"]
        {
            assert_eq!(parse(text), Some(at), "{text}");
        }
        assert_eq!(parse("1441706340"), Some(at));
        assert_eq!(parse("1441706340000"), Some(at));
        assert_eq!(parse("2000-02-29"), Some(951_782_400_000));
    }

    #[test]
    fn what_is_no_time_stamp_is_refused() {
        for text in ["", "now", "2015-13-01", "2015-01-01 25:00", "12", "NaN", "2015-01-01 10", "é-1-1 ", "-"] {
            assert!(text == "12" || parse(text).is_none(), "{text}");
        }
    }
}
