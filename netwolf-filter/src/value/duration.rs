//! Lengths of time as devices print them.

const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;
const WEEK: f64 = 7.0 * DAY;
/// IOS counts 52 weeks and a day as `1 year, 1 day`: its year is 365 days whatever the calendar says.
const YEAR: f64 = 365.0 * DAY;

/// Reads a length of time, in seconds.
///
/// Parts go from the largest unit to the smallest, with white space, commas, `and` or nothing between them: `1w2d03h`,
/// `1 year, 2 weeks, 1 day, 3 hours and 4 minutes`, `2 day(s), 3 hour(s)`, `250 ms`. The last part may be a clock, and a
/// clock has all of its three numbers (`01:02:03`, `3 days, 04:05:06.7`), because two could be hours and
/// minutes or minutes and seconds. A number without a unit is no length of time, nor is `never`.
pub(crate) fn parse(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total = 0.0;
    let mut smallest = f64::INFINITY;
    while !rest.is_empty() {
        if let Some(clock) = clock(rest) {
            // A clock begins with hours, so what stands before it must be days or more.
            return (smallest > HOUR).then_some(total + clock);
        }
        let (seconds, unit, after) = amount(rest)?;
        if unit >= smallest {
            return None;
        }
        total += seconds;
        smallest = unit;
        rest = behind_separator(after);
    }
    total.is_finite().then_some(total)
}

/// What stands behind the end of a part and what joins it to the next one.
fn behind_separator(text: &str) -> &str {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    match text.strip_prefix("and ") {
        Some(rest) => rest.trim_start(),
        None => text,
    }
}

/// Reads a number and its unit: the seconds, the seconds of one unit, and the text behind them.
fn amount(text: &str) -> Option<(f64, f64, &str)> {
    let (number, after) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.')?);
    let after = after.trim_start();
    let (word, after) = after.split_at(
        after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len()),
    );
    let unit = unit(word)?;
    let number = number.parse::<f64>().ok()?;
    let seconds = if unit < 1.0 {
        // A thousandth is not exact, and a thousand is.
        number / unit.recip().round()
    } else {
        number * unit
    };
    // One unit or many: `2 day(s)`.
    Some((seconds, unit, after.strip_prefix("(s)").unwrap_or(after)))
}

/// The seconds of a unit, by its short or its long name.
fn unit(word: &str) -> Option<f64> {
    const UNITS: [(f64, &[&str]); 8] = [
        (YEAR, &["y", "yr", "yrs", "year", "years"]),
        (WEEK, &["w", "wk", "wks", "week", "weeks"]),
        (DAY, &["d", "day", "days"]),
        (HOUR, &["h", "hr", "hrs", "hour", "hours"]),
        (MINUTE, &["m", "min", "mins", "minute", "minutes"]),
        (1.0, &["s", "sec", "secs", "second", "seconds"]),
        (
            1e-3,
            &["ms", "msec", "msecs", "millisecond", "milliseconds"],
        ),
        (
            1e-6,
            &["us", "usec", "usecs", "microsecond", "microseconds"],
        ),
    ];
    let (seconds, _) = UNITS
        .iter()
        .find(|(_, names)| names.iter().any(|name| name.eq_ignore_ascii_case(word)))?;
    Some(*seconds)
}

/// Reads `hours:minutes:seconds`, the seconds with or without a fraction.
fn clock(text: &str) -> Option<f64> {
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let sixtieths = |part: &str| {
        if part.len() <= 2 {
            digits(part).filter(|number| *number < 60.0)
        } else {
            None
        }
    };
    let (seconds, fraction) = match seconds.split_once('.') {
        Some((seconds, digits)) if is_digits(digits) => {
            (seconds, format!("0.{digits}").parse().ok()?)
        }
        Some(_) => return None,
        None => (seconds, 0.0),
    };
    Some(digits(hours)? * HOUR + sixtieths(minutes)? * MINUTE + sixtieths(seconds)? + fraction)
}

fn digits(text: &str) -> Option<f64> {
    is_digits(text).then(|| text.parse().ok())?
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_of_time_as_devices_print_them() {
        for (text, seconds) in [
            ("1w2d03h", WEEK + 2.0 * DAY + 3.0 * HOUR),
            ("1d02h", DAY + 2.0 * HOUR),
            ("2y31w", 2.0 * YEAR + 31.0 * WEEK),
            (
                "1 year, 2 weeks, 1 day, 3 hours, 4 minutes",
                YEAR + 2.0 * WEEK + DAY + 3.0 * HOUR + 4.0 * MINUTE,
            ),
            ("5 minutes, 3 seconds", 303.0),
            (" 1 minute ", 60.0),
            ("01:02:03", 3723.0),
            ("0:00:07", 7.0),
            ("125:00:00", 125.0 * HOUR),
            ("3 days, 04:05:06", 3.0 * DAY + 4.0 * HOUR + 306.0),
            ("1d02:03:04", DAY + 2.0 * HOUR + 184.0),
            ("20 Weeks 5 Days", 20.0 * WEEK + 5.0 * DAY),
            ("0 minutes", 0.0),
            ("1.5h", 5400.0),
            ("3d04h", 3.0 * DAY + 4.0 * HOUR),
            ("2y10w", 2.0 * YEAR + 10.0 * WEEK),
            ("00:12:05", 725.0),
            ("0 day(s), 2 hour(s), 3 minute(s)", 2.0 * HOUR + 180.0),
            ("2 days and 3 hours", 2.0 * DAY + 3.0 * HOUR),
            ("1 day, 2 hours, and 3 mins", DAY + 2.0 * HOUR + 180.0),
            ("0035h12m", 35.0 * HOUR + 12.0 * MINUTE),
            ("1 day 02:03:04.5", DAY + 2.0 * HOUR + 184.5),
            ("250 ms", 0.25),
            ("57ms", 0.057),
            ("1s 30 usec", 1.000_03),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_length_of_time() {
        for text in [
            "",
            "never",
            "12",
            "12:34",
            "01:60:00",
            "01:00:60",
            "1:2:3:4",
            "01:002:03",
            "-1d",
            "3 fortnights",
            "3h 2d",
            "1d 1d",
            "5 minutes ago",
            "1h 01:02:03",
            "1.2.3s",
            "1 month",
            "d",
            ":::",
            "00:00:01.",
            "00:00:01.x",
            "1 day and",
            "and 1 day",
            "1 day(x)",
            "1d::",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_clock_is_read_back(hours in 0_u32..10_000, minutes in 0_u32..60, seconds in 0_u32..60) {
            let expected = f64::from(hours * 3600 + minutes * 60 + seconds);
            prop_assert_eq!(parse(&format!("{hours:02}:{minutes:02}:{seconds:02}")), Some(expected));
            prop_assert_eq!(parse(&format!("{hours}h{minutes}m{seconds}s")), Some(expected));
            prop_assert_eq!(parse(&format!("{hours} hours, {minutes} minutes, {seconds} seconds")), Some(expected));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9wdhms:., ä]*") {
            parse(&text);
        }
    }
}
