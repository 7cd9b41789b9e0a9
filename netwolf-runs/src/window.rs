//! A maintenance window: the hours of the week in which steps may begin.
//!
//! ```text
//!   days: [mon], from: "22:00", to: "04:00"     open from Monday 22:00 to Tuesday 04:00
//! ```
//!
//! A window over midnight belongs to the day on which it opens; one whose ends are equal is open for the whole day.
//! The offset from UTC is fixed and written down, because a rule of summer time would be data that ages: a window
//! that must move with the clocks is changed with them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

const MINUTE_MS: i64 = 60_000;
const DAY_MINUTES: i64 = 24 * 60;
/// Which day of the week the first of January 1970 was, from Monday.
const FIRST_DAY: i64 = 3;

/// When steps may begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The days on which it opens; every day where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Day>,
    /// Opens.
    pub from: TimeOfDay,
    /// Closes.
    pub to: TimeOfDay,
    /// Of the clock that `from` and `to` are read on.
    #[serde(default, skip_serializing_if = "UtcOffset::is_zero")]
    pub utc_offset: UtcOffset,
}

impl Window {
    /// When it is open next: `now_ms` itself while it is open.
    pub fn opens_ms(&self, now_ms: u64) -> u64 {
        self.span_at(now_ms).0.max(now_ms)
    }

    /// When it closes, while it is open.
    pub fn closes_ms(&self, now_ms: u64) -> Option<u64> {
        let (opens_ms, closes_ms) = self.span_at(now_ms);
        (opens_ms <= now_ms).then_some(closes_ms)
    }

    /// Whether steps may begin.
    pub fn is_open(&self, now_ms: u64) -> bool {
        self.closes_ms(now_ms).is_some()
    }

    /// The opening that is under way, or the next one: when it opens and closes.
    fn span_at(&self, now_ms: u64) -> (u64, u64) {
        let now = i64::try_from(now_ms).unwrap_or(i64::MAX / 2) / MINUTE_MS + self.utc_offset.0;
        let today = now.div_euclid(DAY_MINUTES);
        // Yesterday's opening may still be under way, and with one day a week the next one is a week away.
        for day in today - 1..=today + 7 {
            if !self.opens_on(day) {
                continue;
            }
            let opens = day * DAY_MINUTES + self.from.0;
            let mut closes = day * DAY_MINUTES + self.to.0;
            if closes <= opens {
                closes += DAY_MINUTES;
            }
            if now < closes {
                return (self.unix_ms(opens), self.unix_ms(closes));
            }
        }
        // A week has every day in it, so the loop has returned.
        (now_ms, now_ms)
    }

    fn opens_on(&self, day: i64) -> bool {
        let of_week = (day + FIRST_DAY).rem_euclid(7);
        self.days.is_empty() || self.days.iter().any(|day| *day as i64 == of_week)
    }

    fn unix_ms(&self, minutes: i64) -> u64 {
        u64::try_from((minutes - self.utc_offset.0) * MINUTE_MS).unwrap_or(0)
    }
}

/// As it is typed: `mon,tue 22:00-04:00 +01:00`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (no, day) in self.days.iter().enumerate() {
            write!(f, "{}{}", if no == 0 { "" } else { "," }, day.as_str())?;
        }
        let gap = if self.days.is_empty() { "" } else { " " };
        write!(f, "{gap}{}-{}", self.from, self.to)?;
        if !self.utc_offset.is_zero() {
            write!(f, " {}", self.utc_offset)?;
        }
        Ok(())
    }
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the days of the week")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    /// As it is written.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
        }
    }
}

/// Minutes from midnight, written `22:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay(i64);

/// Minutes east of Greenwich, written `+01:00`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UtcOffset(i64);

/// A text that is no time of day, or no offset.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TimeError {
    /// Not `HH:MM`.
    #[error("{0:?} is not a time of day; write it as `22:00`")]
    TimeOfDay(String),
    /// Not `+HH:MM`.
    #[error("{0:?} is not an offset from UTC; write it as `+01:00`, at most 14 hours")]
    Offset(String),
}

/// `HH:MM` as minutes.
fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let minutes: i64 = minutes.parse().ok()?;
    (minutes < 60).then_some(hours.parse::<i64>().ok()? * 60 + minutes)
}

impl FromStr for TimeOfDay {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        match minutes(text) {
            Some(minutes) if minutes < DAY_MINUTES => Ok(Self(minutes)),
            // The end of a day, which is the begin of the next one.
            Some(DAY_MINUTES) => Ok(Self(0)),
            _ => Err(TimeError::TimeOfDay(text.to_owned())),
        }
    }
}

impl FromStr for UtcOffset {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let wrong = || TimeError::Offset(text.to_owned());
        if text == "Z" {
            return Ok(Self(0));
        }
        let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
            (Some(rest), _) => (1, rest),
            (_, Some(rest)) => (-1, rest),
            _ => return Err(wrong()),
        };
        match minutes(rest) {
            Some(minutes) if minutes <= 14 * 60 => Ok(Self(sign * minutes)),
            _ => Err(wrong()),
        }
    }
}

impl UtcOffset {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    const fn is_zero(&self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", self.0.abs() / 60, self.0.abs() % 60)
    }
}

macro_rules! as_text {
    ($($name:ident)+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(de::Error::custom)
            }
        }
    )+};
}
as_text!(TimeOfDay UtcOffset);

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn window(text: &str) -> Window {
        serde_json::from_str(text).unwrap()
    }

    fn at(text: &str) -> u64 {
        let time = humantime::parse_rfc3339(text).unwrap();
        u64::try_from(time.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
    }

    /// 2026-11-30 is a Monday.
    #[track_caller]
    fn check(window_text: &str, now: &str, opens: &str, closes: Option<&str>) {
        let window = window(window_text);
        assert_eq!(window.opens_ms(at(now)), at(opens), "opens");
        assert_eq!(window.closes_ms(at(now)), closes.map(at), "closes");
        assert_eq!(window.is_open(at(now)), closes.is_some());
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_on_which_it_opens() {
        let monday = r#"{"days":["mon"],"from":"22:00","to":"04:00"}"#;
        check(monday, "2026-11-30T12:00:00Z", "2026-11-30T22:00:00Z", None);
        let closes = Some("2026-12-01T04:00:00Z");
        check(
            monday,
            "2026-11-30T22:00:00Z",
            "2026-11-30T22:00:00Z",
            closes,
        );
        check(
            monday,
            "2026-12-01T03:59:59Z",
            "2026-12-01T03:59:59Z",
            closes,
        );
        check(monday, "2026-12-01T04:00:00Z", "2026-12-07T22:00:00Z", None);
        check(monday, "2026-11-30T03:00:00Z", "2026-11-30T22:00:00Z", None);
    }

    #[test]
    fn a_window_is_read_on_the_clock_of_its_offset() {
        let tuesday = r#"{"days":["tue"],"from":"00:30","to":"01:30","utc_offset":"+02:00"}"#;
        check(
            tuesday,
            "2026-11-30T20:00:00Z",
            "2026-11-30T22:30:00Z",
            None,
        );
        let closes = Some("2026-11-30T23:30:00Z");
        check(
            tuesday,
            "2026-11-30T23:00:00Z",
            "2026-11-30T23:00:00Z",
            closes,
        );
        let west = r#"{"days":["mon"],"from":"20:00","to":"24:00","utc_offset":"-05:00"}"#;
        check(west, "2026-12-01T00:00:00Z", "2026-12-01T01:00:00Z", None);
    }

    #[test]
    fn a_window_without_days_opens_every_day_and_equal_ends_are_a_whole_one() {
        let daily = r#"{"from":"09:00","to":"17:00"}"#;
        check(daily, "2026-12-05T18:00:00Z", "2026-12-06T09:00:00Z", None);
        let always = r#"{"from":"06:00","to":"06:00"}"#;
        let closes = Some("2026-12-06T06:00:00Z");
        check(
            always,
            "2026-12-06T05:00:00Z",
            "2026-12-06T05:00:00Z",
            closes,
        );
    }

    #[test]
    fn what_is_no_time_is_refused_with_the_right_form() {
        for wrong in ["24:01", "7:00", "12:60", "noon", "+1:00", "12:00:00"] {
            assert!(wrong.parse::<TimeOfDay>().is_err(), "{wrong}");
        }
        for wrong in ["01:00", "+15:00", "+1", "UTC", ""] {
            assert!(wrong.parse::<UtcOffset>().is_err(), "{wrong}");
        }
        let error = serde_json::from_str::<Window>(r#"{"from":"9","to":"10:00"}"#).unwrap_err();
        assert!(error.to_string().contains("write it as `22:00`"), "{error}");
    }

    #[test]
    fn a_window_comes_back_as_it_was_written() {
        let text = r#"{"days":["mon","sun"],"from":"22:00","to":"04:05","utc_offset":"-03:30"}"#;
        assert_eq!(serde_json::to_string(&window(text)).unwrap(), text);
        assert_eq!(window(text).to_string(), "mon,sun 22:00-04:05 -03:30");
        let daily = window(r#"{"from":"22:00","to":"04:05"}"#);
        assert_eq!(daily.to_string(), "22:00-04:05");
    }
}
