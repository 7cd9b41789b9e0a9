//! Dates and durations as devices write them.

use std::fmt::Write as _;
use std::time::Duration;

use crate::clock::Civil;

/// `up` in the form of that name; none if there is no such form.
pub(super) fn duration(form: &str, up: Duration) -> Option<String> {
    let seconds = up.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let clock = || format!("{hours:02}:{:02}:{:02}", minutes % 60, seconds % 60);
    Some(match form {
        "seconds" => seconds.to_string(),
        "cisco" => match days {
            0 => clock(),
            1..7 => format!("{days}d{:02}h", hours % 24),
            7..365 => format!("{}w{}d", days / 7, days % 7),
            _ => format!("{}y{}w", days / 365, days % 365 / 7),
        },
        "huawei" if days > 0 => format!("{hours:04}h{:02}m", minutes % 60),
        "clock" | "huawei" => clock(),
        "mikrotik" => short(up),
        "nokia" => {
            let (hours, minutes) = (hours % 24, minutes % 60);
            match days {
                0 => format!("{hours:02}h{minutes:02}m{:02}s", seconds % 60),
                _ => format!("{days:02}d{hours:02}h{minutes:02}m"),
            }
        }
        _ => return None,
    })
}

/// The date `unix` in the form of that name; none if there is no such form.
pub(super) fn date(form: &str, unix: Duration) -> Option<String> {
    Some(match form {
        "iso" => iso(unix),
        "long" => clock(unix, false),
        "slashed" => iso(unix).replace('-', "/"),
        "unix" => unix.as_secs().to_string(),
        _ => return None,
    })
}

/// `1w2d3h4m5s`, without what is 0 at the begin.
pub(super) fn short(up: Duration) -> String {
    let seconds = up.as_secs();
    let parts = [
        (seconds / 604_800, 'w'),
        (seconds / 86_400 % 7, 'd'),
        (seconds / 3_600 % 24, 'h'),
        (seconds / 60 % 60, 'm'),
        (seconds % 60, 's'),
    ];
    let mut text = String::new();
    for (count, unit) in parts {
        if count > 0 || unit == 's' {
            write!(text, "{count}{unit}").expect("a string takes all");
        }
    }
    text
}

/// `23:30:01.123 UTC Mon Nov 22 2027`, the milliseconds if `exact`.
pub(crate) fn clock(unix: Duration, exact: bool) -> String {
    let at = Civil::from_unix(unix);
    let exact = if exact {
        format!(".{:03}", at.millisecond)
    } else {
        String::new()
    };
    format!(
        "{:02}:{:02}:{:02}{exact} UTC {} {} {} {}",
        at.hour,
        at.minute,
        at.second,
        at.weekday_name(),
        at.month_name(),
        at.day,
        at.year
    )
}

/// `Mon Nov 22 23:30:01.123 UTC`, as IOS-XR puts it before outputs.
pub(in crate::table) fn stamp(unix: Duration) -> String {
    let at = Civil::from_unix(unix);
    format!(
        "{} {} {:>2} {:02}:{:02}:{:02}.{:03} UTC",
        at.weekday_name(),
        at.month_name(),
        at.day,
        at.hour,
        at.minute,
        at.second,
        at.millisecond
    )
}

/// `2027-11-22 23:30:01`.
pub(super) fn iso(unix: Duration) -> String {
    let at = Civil::from_unix(unix);
    format!(
        "{}-{:02}-{:02} {:02}:{:02}:{:02}",
        at.year,
        at.month + 1,
        at.day,
        at.hour,
        at.minute,
        at.second
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_maker_has_its_durations() {
        #[track_caller]
        fn check(form: &str, seconds: u64, expected: &str) {
            let shown = duration(form, Duration::from_secs(seconds));
            assert_eq!(shown.as_deref(), Some(expected));
        }
        const DAY: u64 = 86_400;
        check("cisco", 3_725, "01:02:05");
        check("cisco", 3 * DAY + 3_725, "3d01h");
        check("cisco", 9 * DAY, "1w2d");
        check("cisco", 435 * DAY, "1y10w");
        check("huawei", 3_725, "01:02:05");
        check("huawei", 20 * DAY + 3_725, "0481h02m");
        check("mikrotik", 9 * DAY + 5, "1w2d5s");
        check("nokia", 3_725, "01h02m05s");
        check("nokia", 4 * DAY + 68_160, "04d18h56m");
        check("seconds", 3_725, "3725");
        assert_eq!(duration("martian", Duration::ZERO), None);
    }
}
