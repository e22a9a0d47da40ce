//! Days of the calendar, without a time and without a clock.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

/// Seconds of a day in Unix time, which has no leap seconds.
const SECONDS_PER_DAY: i64 = 86_400;

/// A day in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    year: i64,
    month: u8,
    day: u8,
}

impl Day {
    /// The day that `seconds` after the start of 1970 lie in.
    pub fn from_unix_seconds(seconds: i64) -> Self {
        // Years begin in March here, so that the leap day is the last one. An era is 400 years, which
        // are always 146,097 days, and 719,468 days lie between 0000-03-01 and 1970-01-01.
        let days = seconds.div_euclid(SECONDS_PER_DAY) + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        // Both are small by construction.
        Self { year, month: u8::try_from(month).unwrap_or(1), day: u8::try_from(day).unwrap_or(1) }
    }

    /// Days from `earlier` to this day; below zero where that one is later.
    pub fn days_since(self, earlier: Self) -> i64 {
        self.number() - earlier.number()
    }

    /// The day `days` after this one; none outside the years that can be written.
    pub fn plus(self, days: i64) -> Option<Self> {
        let since = self.days_since(Self { year: 1970, month: 1, day: 1 }).checked_add(days)?;
        let day = Self::from_unix_seconds(since.checked_mul(SECONDS_PER_DAY)?);
        (0..=9999).contains(&day.year).then_some(day)
    }

    /// The number of the day, counted from some day before every other.
    fn number(self) -> i64 {
        // As in `from_unix_seconds`: years begin in March.
        let (year, month) = if self.month > 2 { (self.year, self.month - 3) } else { (self.year - 1, self.month + 9) };
        let day_of_year = (153 * i64::from(month) + 2) / 5 + i64::from(self.day);
        365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
    }

    /// The day that `text` names as `2027-01-31`, or `None` when the calendar has no such day.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |range: std::ops::Range<usize>| text.get(range).filter(|t| t.bytes().all(|b| b.is_ascii_digit()));
        if text.len() != 10 || text.get(4..5) != Some("-") || text.get(7..8) != Some("-") {
            return None;
        }
        let (year, month, day) = (digits(0..4)?.parse().ok()?, digits(5..7)?.parse().ok()?, digits(8..10)?.parse().ok()?);
        let is_day = (1..=12).contains(&month) && (1..=days_of_month(year, month)).contains(&day);
        is_day.then_some(Self { year, month, day })
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is not a day of the calendar such as `2026-10-31`")))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
            "description": "A day of the calendar in UTC, such as `2026-10-31`.",
        })
    }
}

/// Days of a month of the Gregorian calendar.
fn days_of_month(year: i64, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::Day;

    #[test]
    fn seconds_become_days() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (-1, "1969-12-31"),
            (951_782_400, "2000-02-29"),
            (1_798_675_200, "2026-12-31"),
            (1_798_761_600, "2027-01-01"),
            (4_107_456_000, "2100-02-28"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(Day::from_unix_seconds(seconds).to_string(), day, "{seconds}");
            assert_eq!(Day::parse(day), Some(Day::from_unix_seconds(seconds)), "{day}");
        }
    }

    #[test]
    fn days_that_no_calendar_has() {
        for day in [
            "2027-02-29",
            "2027-02-30",
            "2100-02-29",
            "2027-04-31",
            "2027-13-01",
            "2027-00-10",
            "2027-1-31",
            "+027-01-31",
            "27-01-31",
            "２027-01-3",
            "",
        ] {
            assert_eq!(Day::parse(day), None, "{day}");
        }
        assert!(Day::parse("2028-02-29").is_some());
    }

    #[test]
    fn days_between_two_days_are_those_of_unix_time() {
        for (later, earlier, days) in [
            ("1970-01-02", "1970-01-01", 1),
            ("2000-03-01", "2000-02-28", 2),
            ("2100-03-01", "2100-02-28", 1),
            ("2026-01-01", "2026-12-31", -364),
        ] {
            assert_eq!(Day::parse(later).unwrap().days_since(Day::parse(earlier).unwrap()), days, "{later}");
        }
        let epoch = Day::from_unix_seconds(0);
        for number in [-800_000, -1, 0, 1, 59, 20_000, 36_524, 2_000_000] {
            assert_eq!(Day::from_unix_seconds(number * 86_400).days_since(epoch), number);
        }
    }

    #[test]
    fn later_days_are_greater() {
        let days = ["0999-12-31", "2026-12-31", "2027-01-01", "2027-01-31", "2027-02-01"].map(|d| Day::parse(d).expect("a day"));
        assert!(days.is_sorted());
    }
}
