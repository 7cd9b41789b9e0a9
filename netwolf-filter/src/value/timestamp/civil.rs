//! The calendar: from a date to days, and offsets from UTC.

/// Days from 1970-01-01 to a date of the Gregorian calendar; `None` when there is no such day.
pub(super) fn days(year: i64, month: u32, day: u32) -> Option<i64> {
    if !(1..=days_in(year, month)?).contains(&day) {
        return None;
    }
    // Years begin in March, so that a leap day is the last of its year.
    let (month, year) = if month > 2 {
        (month - 3, year)
    } else {
        (month + 9, year - 1)
    };
    let day_of_year = i64::from((153 * month + 2) / 5 + day - 1);
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // From 0000-03-01 to 1970-01-01 there are so many.
    Some(year * 365 + leap_days + day_of_year - 719_468)
}

fn days_in(year: i64, month: u32) -> Option<u32> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 if is_leap => Some(29),
        2 => Some(28),
        _ => None,
    }
}

/// Seconds that a clock is ahead of UTC, from `+01:00`, `-0330`, `+02` or `Z`.
pub(crate) fn read_offset(text: &str) -> Option<i32> {
    if text == "Z" {
        return Some(0);
    }
    let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (_, Some(rest)) => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = rest.split_at_checked(2)?;
    let minutes = match rest.strip_prefix(':').unwrap_or(rest) {
        "" if rest.is_empty() => "00",
        minutes => minutes,
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn two_digits(text: &str) -> Option<i32> {
    let is_whole = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_whole.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_each_other_through_eight_hundred_years() {
        let mut expected = days(1600, 1, 1).unwrap();
        for year in 1600..2400 {
            for month in 1..=12 {
                for day in 1..=days_in(year, month).unwrap() {
                    assert_eq!(days(year, month, day), Some(expected));
                    expected += 1;
                }
            }
        }
        assert_eq!(days(1970, 1, 1), Some(0));
        assert_eq!(days(2000, 3, 1), Some(11_017));
    }

    #[test]
    fn days_that_are_none() {
        for (year, month, day) in [
            (2026, 2, 29),
            (1900, 2, 29),
            (2026, 4, 31),
            (2026, 13, 1),
            (2026, 0, 1),
            (2026, 1, 0),
        ] {
            assert_eq!(days(year, month, day), None);
        }
        assert!(days(2024, 2, 29).is_some());
    }

    #[test]
    fn offsets() {
        for (text, seconds) in [
            ("Z", 0),
            ("+00:00", 0),
            ("+01:00", 3600),
            ("-0330", -12_600),
            ("+05:45", 20_700),
            ("+02", 7200),
        ] {
            assert_eq!(read_offset(text), Some(seconds), "{text:?}");
        }
        for text in [
            "", "01:00", "+1", "+1:00", "+01:", "+15:00", "+01:60", "+010", "+ä1", "CET",
        ] {
            assert_eq!(read_offset(text), None, "{text:?}");
        }
    }
}
