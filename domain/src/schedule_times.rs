//! When a cron expression fires in a time zone, also where the clock is put forward or back.
//!
//! A *fixed* time (one minute, one hour: `30 2 * * *`) fires once a day by the wall clock: where the clock is put back at the
//! first of the two, where the clock is put forward over it at the first instant after the gap. Everything else (`*/15 * * * *`)
//! fires at every instant whose wall clock fits, so that an interval stays an interval. These are the rules of Vixie cron.
//! croner answers which wall clock times fit; the way to instants is ours.

use crate::Time;
use crate::error::FieldError;
use chrono::{DateTime, LocalResult, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use croner::parser::{CronParser, Seconds, Year};
use croner::{Cron, JobType};

/// Longest time by which a clock was ever put forward (a whole day, Apia 2011), with room.
const GAP: TimeDelta = TimeDelta::hours(26);
/// Zones change their offset less often than this.
const STRIDE: TimeDelta = TimeDelta::hours(6);
/// Changes of the clock looked over for one answer at most: more than thirty years of two a year.
const CHANGES: usize = 80;

/// A cron expression in a time zone.
#[derive(Debug, Clone)]
pub struct Times {
    cron: Cron,
    zone: Tz,
    fixed: bool,
}

impl Times {
    /// Reads a cron expression of five fields and an IANA name.
    ///
    /// # Errors
    /// One entry for each wrong field: `cron`, `time_zone`.
    pub fn parse(cron: &str, zone: &str) -> Result<Self, Vec<FieldError>> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let mut wrong = Vec::new();
        let parsed = if cron.len() > 200 { None } else { parser.parse(cron).ok() };
        if parsed.is_none() {
            let text = "give five fields: minute hour day month weekday, for example 30 2 * * 1-5";
            wrong.push(FieldError::new("cron", text));
        }
        let zone: Option<Tz> = zone.parse().ok();
        if zone.is_none() {
            wrong.push(FieldError::new("time_zone", "give an IANA name, for example Asia/Shanghai or UTC"));
        }
        let (Some(cron), Some(zone)) = (parsed, zone) else { return Err(wrong) };
        let fixed = cron.determine_job_type() == JobType::FixedTime;
        let times = Self { cron, zone, fixed };
        // Eight years hold every date there is, 29 February by way of 2096 to 2104 excepted.
        let from = DateTime::from_timestamp(1_735_689_600, 0).unwrap_or_default();
        match times.next(from) {
            Some(first) if first - from < TimeDelta::days(366 * 9) => Ok(times),
            _ => Err(vec![FieldError::new("cron", "no such date comes: give one that exists")]),
        }
    }

    /// The first time after `after`.
    #[must_use]
    pub fn next(&self, after: Time) -> Option<Time> {
        let after = DateTime::from_timestamp(after.timestamp(), 0)?;
        if self.fixed { self.next_fixed(after) } else { self.next_interval(after) }
    }

    /// The next `count` times after `after`.
    #[must_use]
    pub fn preview(&self, after: Time, count: usize) -> Vec<Time> {
        std::iter::successors(self.next(after), |t| self.next(*t)).take(count).collect()
    }

    /// A time on the clock of the zone, RFC 3339.
    #[must_use]
    pub fn local(&self, at: Time) -> String {
        at.with_timezone(&self.zone).to_rfc3339()
    }

    fn next_fixed(&self, after: Time) -> Option<Time> {
        let mut wall = after.with_timezone(&self.zone).naive_local() - GAP;
        // At most one a day: the window before `after` holds few.
        loop {
            wall = self.cron.find_next_occurrence(&wall, false).ok()?;
            let at = self.instant(wall)?;
            if at > after {
                return Some(at);
            }
        }
    }

    /// The instant of a wall clock time: the first of two, the end of the gap when there is none.
    fn instant(&self, wall: NaiveDateTime) -> Option<Time> {
        let mut probe = wall;
        while probe <= wall + GAP {
            match self.zone.from_local_datetime(&probe) {
                LocalResult::Single(at) => return Some(at.with_timezone(&Utc)),
                LocalResult::Ambiguous(first, second) => return Some(first.min(second).with_timezone(&Utc)),
                LocalResult::None => probe += TimeDelta::minutes(1) - TimeDelta::seconds(seconds(probe)),
            }
        }
        None
    }

    fn next_interval(&self, after: Time) -> Option<Time> {
        let (mut from, mut inclusive) = (after, false);
        for _ in 0..CHANGES {
            let offset = self.offset(from);
            let wall = from.naive_utc() + offset;
            let next = self.cron.find_next_occurrence(&wall, inclusive).ok()?;
            let at = (next - offset).and_utc();
            match self.change(from, at) {
                Some(change) => (from, inclusive) = (change, true),
                None => return Some(at),
            }
        }
        None
    }

    fn offset(&self, at: Time) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()))
    }

    /// The first instant after `from`, up to `to`, from which another offset holds.
    fn change(&self, from: Time, to: Time) -> Option<Time> {
        let offset = self.offset(from);
        let mut low = from;
        while low < to {
            let high = (low + STRIDE).min(to);
            if self.offset(high) != offset {
                return Some(self.narrow(low, high));
            }
            low = high;
        }
        None
    }

    /// The first second of the offset of `high`, when `low` has another.
    fn narrow(&self, low: Time, high: Time) -> Time {
        let offset = self.offset(low);
        let (mut low, mut high) = (low.timestamp(), high.timestamp());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            let same = DateTime::from_timestamp(middle, 0).is_some_and(|at| self.offset(at) == offset);
            if same { low = middle } else { high = middle }
        }
        DateTime::from_timestamp(high, 0).unwrap_or_default()
    }
}

fn seconds(wall: NaiveDateTime) -> i64 {
    wall.and_utc().timestamp().rem_euclid(60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Timelike as _;
    use proptest::prelude::*;

    const ZONES: [&str; 9] = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "Asia/Shanghai",
        "Asia/Tehran",
        "Pacific/Apia",
        "Africa/Casablanca",
    ];

    fn time(text: &str) -> Time {
        DateTime::parse_from_rfc3339(text).expect("a time").with_timezone(&Utc)
    }

    fn fires(cron: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let times = Times::parse(cron, zone).expect("an expression").preview(time(after), count);
        times.iter().map(|t| t.format("%m-%d %H:%M").to_string()).collect()
    }

    #[test]
    fn clocks_that_are_put_forward_and_back() {
        // Berlin: 2026-03-29 02:00 becomes 03:00 (01:00 UTC); 2026-10-25 03:00 becomes 02:00 (01:00 UTC).
        assert_eq!(fires("30 2 * * *", "Europe/Berlin", "2026-03-28T02:00:00Z", 2), ["03-29 01:00", "03-30 00:30"]);
        assert_eq!(fires("30 2 * * *", "Europe/Berlin", "2026-10-24T01:00:00Z", 2), ["10-25 00:30", "10-26 01:30"]);
        let quarter = ["03-29 00:30", "03-29 01:00", "03-29 01:30"];
        assert_eq!(fires("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3), quarter);
        let hours = ["10-24 23:30", "10-25 00:30", "10-25 01:30", "10-25 02:30"];
        assert_eq!(fires("30 * * * *", "Europe/Berlin", "2026-10-24T23:00:00Z", 4), hours);
        // A minute range within the hour that comes twice fires in both.
        assert_eq!(
            fires("0,30 2 * * *", "Europe/Berlin", "2026-10-24T23:59:00Z", 4)[..],
            ["10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30"]
        );
        // Apia left out 2011-12-30; a time on that day is due when the next one begins.
        assert_eq!(
            fires("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", 3),
            ["12-29 22:00", "12-30 10:00", "12-30 22:00"]
        );
        assert_eq!(fires("0 0 29 2 *", "Asia/Shanghai", "2026-01-01T00:00:00Z", 1), ["02-28 16:00"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (cron, zone, field) in [
            ("* * * *", "UTC", "cron"),
            ("60 * * * *", "UTC", "cron"),
            ("0 0 * * * *", "UTC", "cron"),
            ("0 0 31 2 *", "UTC", "cron"),
            ("0 0 * * *", "Berlin", "time_zone"),
            ("", "UTC", "cron"),
        ] {
            let wrong = Times::parse(cron, zone).expect_err(cron);
            assert_eq!(wrong[0].field, field, "{cron}");
        }
    }

    /// One field of the reference: a number, a list, a range or a step.
    fn fits(field: &str, value: u32) -> bool {
        field.split(',').any(|part| {
            let (range, step) = part.split_once('/').map_or((part, 1), |(r, s)| (r, s.parse().expect("a step")));
            let (low, high) = match range.split_once('-') {
                _ if range == "*" => (0, 59),
                Some((low, high)) => (low.parse().expect("low"), high.parse().expect("high")),
                None => (range.parse().expect("number"), range.parse().expect("number")),
            };
            (low..=high).contains(&value) && (value - low).is_multiple_of(step)
        })
    }

    /// The reference: looks at every minute of the time line, one after the other.
    fn slow(minute: &str, hour: &str, zone: Tz, from: Time, minutes: i64) -> Vec<Time> {
        let fixed = minute.parse::<u32>().is_ok() && hour.parse::<u32>().is_ok();
        let wall = |at: Time| at.with_timezone(&zone).naive_local();
        let mut found = Vec::new();
        let mut latest = wall(from - TimeDelta::days(2));
        for n in -2_880..=minutes {
            let at = from + TimeDelta::minutes(n);
            let here = wall(at);
            // A fixed time is due at the first minute that has reached it by the wall clock, and not again after that.
            let hit = if fixed {
                let mut passed = Vec::new();
                let mut probe = latest + TimeDelta::minutes(1);
                while probe <= here {
                    passed.push(probe);
                    probe += TimeDelta::minutes(1);
                }
                passed.iter().any(|p| fits(minute, p.minute()) && fits(hour, p.hour()))
            } else {
                fits(minute, here.minute()) && fits(hour, here.hour())
            };
            latest = latest.max(here);
            if hit && n > 0 {
                found.push(at);
            }
        }
        found
    }

    /// Around every change of the clock from 2005 to 2030.
    fn changes(zone: Tz) -> Vec<Time> {
        let times = Times { cron: "* * * * *".parse().expect("cron"), zone, fixed: false };
        let end = time("2030-01-01T00:00:00Z");
        let first = times.change(time("2005-01-01T00:00:00Z"), end);
        std::iter::successors(first, |t| times.change(*t, end)).collect()
    }

    fn minute() -> impl Strategy<Value = String> {
        prop_oneof![
            (0_u32..60).prop_map(|m| m.to_string()),
            Just("*".to_owned()),
            (2_u32..31).prop_map(|s| format!("*/{s}")),
            (0_u32..30, 0_u32..30).prop_map(|(a, b)| format!("{a}-{}", a + b)),
            (0_u32..60, 0_u32..60).prop_map(|(a, b)| format!("{a},{b}")),
        ]
    }

    fn hour() -> impl Strategy<Value = String> {
        prop_oneof![
            (0_u32..4).prop_map(|h| h.to_string()),
            (0_u32..24).prop_map(|h| h.to_string()),
            Just("*".to_owned()),
            (2_u32..12).prop_map(|s| format!("*/{s}")),
            (0_u32..12, 1_u32..12).prop_map(|(a, b)| format!("{a}-{}", a + b)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

        #[test]
        fn every_minute_around_a_change_is_as_the_slow_reference_says(
            zone in 0..ZONES.len(), minute in minute(), hour in hour(), pick in any::<prop::sample::Index>(), back in 0_i64..2_000,
        ) {
            let zone: Tz = ZONES[zone].parse().expect("a zone");
            let mut places = changes(zone);
            places.push(time("2026-05-05T00:00:00Z"));
            let from = places[pick.index(places.len())] - TimeDelta::minutes(back);
            let times = Times::parse(&format!("{minute} {hour} * * *"), zone.name()).expect("an expression");
            let expected = slow(&minute, &hour, zone, from, 4_320);
            let end = from + TimeDelta::minutes(4_320);
            let got: Vec<Time> = std::iter::successors(times.next(from), |t| times.next(*t)).take_while(|t| *t <= end).collect();
            prop_assert_eq!(got, expected, "{} {} in {} from {}", minute, hour, zone.name(), from);
        }
    }

    #[test]
    fn a_year_of_minutes_is_as_the_slow_reference_says() {
        for (minute, hour, zone) in [("30", "2", "Europe/Berlin"), ("*/20", "1-3", "America/New_York")] {
            let tz: Tz = zone.parse().expect("a zone");
            let from = time("2026-01-01T00:00:00Z");
            let minutes = 366 * 1_440;
            let times = Times::parse(&format!("{minute} {hour} * * *"), zone).expect("an expression");
            let end = from + TimeDelta::minutes(minutes);
            let got: Vec<Time> =
                std::iter::successors(times.next(from), |t| times.next(*t)).take_while(|t| *t <= end).collect();
            assert_eq!(got, slow(minute, hour, tz, from, minutes), "{zone}");
        }
    }
}
