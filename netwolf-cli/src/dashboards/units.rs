//! Values with their units, as Grafana writes them: three digits that count, and a prefix that keeps them few. Pure.

use std::time::{Duration, UNIX_EPOCH};

use super::number::whole;

/// A scale of prefixes: how far apart they are, their names, and which of them is none.
struct Scale {
    factor: f64,
    prefixes: &'static [&'static str],
    /// The place of the prefix of 1.
    one: i32,
}

const SI: Scale = Scale {
    factor: 1000.0,
    prefixes: &["f", "p", "n", "µ", "m", "", "k", "M", "G", "T", "P", "E"],
    one: 5,
};
const SI_UP: Scale = Scale {
    factor: 1000.0,
    prefixes: &["", "k", "M", "G", "T", "P", "E"],
    one: 0,
};
const BINARY: Scale = Scale {
    factor: 1024.0,
    prefixes: &["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"],
    one: 0,
};
const COUNT: Scale = Scale {
    factor: 1000.0,
    prefixes: &["", "K", "M", "B", "T"],
    one: 0,
};
const SHORT: Scale = Scale {
    factor: 1000.0,
    prefixes: &["", " K", " Mil", " Bil", " Tri", " Quadr"],
    one: 0,
};

/// Lengths of time in seconds, from when on they are counted in what, and the word for several.
const TIMES: [(f64, &str, &str); 9] = [
    (1e-9, "ns", "ns"),
    (1e-6, "µs", "µs"),
    (1e-3, "ms", "ms"),
    (1.0, "s", "s"),
    (60.0, "min", "mins"),
    (3600.0, "hour", "hours"),
    (86400.0, "day", "days"),
    (604_800.0, "week", "weeks"),
    (31_536_000.0, "year", "years"),
];

/// `value` in the unit with Grafana's name `unit`. `now`, in seconds of Unix time, is what times are told from.
pub(super) fn format(unit: &str, value: f64, decimals: Option<usize>, now: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "-∞" }.into();
    }
    let plain = |value: f64, suffix: &str| fixed(value, decimals) + suffix;
    let si = |suffix: &str| scaled(&SI, value, decimals, " ", suffix);
    let counted = |suffix: &str| scaled(&COUNT, value, decimals, "", &format!(" {suffix}"));
    match unit {
        "" | "none" => plain(value, ""),
        "short" => scaled(&SHORT, value, decimals, "", ""),
        "sishort" => scaled(&SI, value, decimals, " ", ""),
        "percent" => plain(value, "%"),
        "percentunit" => plain(value * 100.0, "%"),
        "humidity" => plain(value, "%H"),
        "s" => seconds(value, decimals),
        "ms" => seconds(value * 1e-3, decimals),
        "µs" => seconds(value * 1e-6, decimals),
        "ns" => seconds(value * 1e-9, decimals),
        "m" => seconds(value * 60.0, decimals),
        "h" => seconds(value * 3600.0, decimals),
        "d" => seconds(value * 86400.0, decimals),
        "dtdurations" => duration(value),
        "dtdurationms" => duration(value * 1e-3),
        "dthms" => clock_of(value),
        "bytes" => scaled(&BINARY, value, decimals, " ", "B"),
        "decbytes" => scaled(&SI_UP, value, decimals, " ", "B"),
        "bits" => scaled(&BINARY, value, decimals, " ", "b"),
        "decbits" => scaled(&SI_UP, value, decimals, " ", "b"),
        "binBps" => scaled(&BINARY, value, decimals, " ", "B/s"),
        "binbps" => scaled(&BINARY, value, decimals, " ", "b/s"),
        "Bps" => si("B/s"),
        "bps" => si("b/s"),
        "pps" => si("p/s"),
        "hertz" => si("Hz"),
        "volt" => si("V"),
        "amp" => si("A"),
        "watt" => si("W"),
        "cps" => counted("c/s"),
        "ops" => counted("ops/s"),
        "reqps" => counted("req/s"),
        "rps" => counted("rd/s"),
        "wps" => counted("wr/s"),
        "iops" => counted("io/s"),
        "celsius" => plain(value, " °C"),
        "fahrenheit" => plain(value, " °F"),
        "rotrpm" => plain(value, " rpm"),
        "dBm" => plain(value, " dBm"),
        "dB" => plain(value, " dB"),
        "bool" => if value == 0.0 { "False" } else { "True" }.into(),
        "bool_yes_no" => if value == 0.0 { "No" } else { "Yes" }.into(),
        "bool_on_off" => if value == 0.0 { "Off" } else { "On" }.into(),
        "locale" => grouped(&fixed(value, decimals)),
        "dateTimeFromNow" => from_now(value / 1e3 - now),
        "dateTimeAsIso" | "dateTimeAsLocal" | "dateTimeAsSystem" => date_and_clock(value / 1e3),
        "dateTimeAsIsoNoDateIfToday" => {
            let (then, today) = (date_and_clock(value / 1e3), date_and_clock(now));
            match (then.split_once(' '), today.split_once(' ')) {
                (Some((day, clock)), Some((today, _))) if day == today => clock.into(),
                _ => then,
            }
        }
        other => match other.split_once(':') {
            Some(("suffix", suffix)) => plain(value, suffix),
            Some(("prefix", prefix)) => format!("{prefix}{}", plain(value, "")),
            Some(("si", suffix)) => si(suffix),
            Some(("count", suffix)) => counted(suffix),
            // As Grafana does with a name that it does not know.
            _ => plain(value, &format!(" {other}")),
        },
    }
}

/// With so many decimals, or as many as make three digits that count.
fn fixed(value: f64, decimals: Option<usize>) -> String {
    let decimals = decimals.unwrap_or_else(|| {
        // 0.45 as percents is a hair more than 45.
        if (value - value.round()).abs() <= value.abs() * 1e-12 {
            return 0;
        }
        whole((2.0 - value.abs().log10().floor()).clamp(0.0, 9.0))
    });
    let text = format!("{value:.decimals$}");
    // What is rounded to nothing has no sign.
    let is_nothing = text
        .trim_start_matches('-')
        .chars()
        .all(|c| c == '0' || c == '.');
    if is_nothing {
        text.trim_start_matches('-').into()
    } else {
        text
    }
}

fn scaled(scale: &Scale, value: f64, decimals: Option<usize>, gap: &str, suffix: &str) -> String {
    let last = i32::try_from(scale.prefixes.len()).unwrap_or(i32::MAX) - 1;
    // Counted instead of by a logarithm, which is a hair below 3 for 1000.
    let mut at = scale.one;
    let mut size = value;
    while size.abs() >= scale.factor && at < last {
        size /= scale.factor;
        at += 1;
    }
    while size != 0.0 && size.abs() < 1.0 && at > 0 {
        size *= scale.factor;
        at -= 1;
    }
    let prefix = usize::try_from(at)
        .ok()
        .and_then(|at| scale.prefixes.get(at));
    let text = format!(
        "{}{gap}{}{suffix}",
        fixed(size, decimals),
        prefix.copied().unwrap_or_default()
    );
    text.trim_end().to_owned()
}

fn seconds(value: f64, decimals: Option<usize>) -> String {
    if value == 0.0 {
        return "0 s".into();
    }
    let fits = TIMES.iter().rev().find(|(from, ..)| value.abs() >= *from);
    let (from, one, several) = fits.unwrap_or(&TIMES[0]);
    let text = fixed(value / from, decimals);
    let word = if text == "1" { one } else { several };
    format!("{text} {word}")
}

/// The two greatest units of a length of time: `1 day, 3 hours`.
fn duration(value: f64) -> String {
    let mut rest = value.abs().round();
    let mut parts = Vec::new();
    for (size, one, several) in TIMES.iter().rev().take_while(|(size, ..)| *size >= 1.0) {
        let count = (rest / size).floor();
        rest -= count * size;
        let (one, several) = match *one {
            "s" => ("second", "seconds"),
            "min" => ("minute", "minutes"),
            _ => (*one, *several),
        };
        if count > 0.0 && parts.len() < 2 {
            parts.push(format!(
                "{count} {}",
                if count > 1.0 { several } else { one }
            ));
        }
    }
    if parts.is_empty() {
        return "0 seconds".into();
    }
    parts.join(", ")
}

/// A length of time as hours, minutes and seconds.
fn clock_of(value: f64) -> String {
    let seconds = value.abs().round();
    let (hours, rest) = ((seconds / 3600.0).floor(), seconds % 3600.0);
    format!("{hours:02}:{:02}:{:02}", (rest / 60.0).floor(), rest % 60.0)
}

/// How far a moment is, roughly, as one says it.
fn from_now(distance: f64) -> String {
    let length = distance.abs();
    let several = |size: f64, unit: &str| format!("{:.0} {unit}", length / size);
    let text = match length {
        _ if length < 44.5 => "a few seconds".into(),
        _ if length < 90.0 => "a minute".into(),
        _ if length < 44.5 * 60.0 => several(60.0, "minutes"),
        _ if length < 90.0 * 60.0 => "an hour".into(),
        _ if length < 21.5 * 3600.0 => several(3600.0, "hours"),
        _ if length < 36.0 * 3600.0 => "a day".into(),
        _ if length < 25.5 * 86400.0 => several(86400.0, "days"),
        _ if length < 45.0 * 86400.0 => "a month".into(),
        _ if length < 320.0 * 86400.0 => several(30.4375 * 86400.0, "months"),
        _ if length < 548.0 * 86400.0 => "a year".into(),
        _ => several(365.25 * 86400.0, "years"),
    };
    if distance > 0.0 {
        format!("in {text}")
    } else {
        format!("{text} ago")
    }
}

/// A moment of Unix time as date and clock, UTC.
pub(super) fn date_and_clock(time: f64) -> String {
    // Past the year 9999 nothing is written.
    let time = Duration::from_secs_f64(time.clamp(0.0, 253_402_300_799.0));
    let text = humantime::format_rfc3339_seconds(UNIX_EPOCH + time).to_string();
    text.trim_end_matches('Z').replace('T', " ")
}

/// A moment of Unix time as hours and minutes, and seconds where `is_fine`; UTC.
pub(super) fn clock(time: f64, is_fine: bool) -> String {
    let text = date_and_clock(time);
    let (_, clock) = text.split_once(' ').unwrap_or(("", &text));
    match clock.rsplit_once(':') {
        Some((minutes, _)) if !is_fine => minutes.into(),
        _ => clock.into(),
    }
}

/// With a comma before each three digits.
fn grouped(text: &str) -> String {
    let (digits, rest) = text.find('.').map_or((text, ""), |at| text.split_at(at));
    let (sign, digits) = digits
        .strip_prefix('-')
        .map_or(("", digits), |digits| ("-", digits));
    let mut grouped = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In Unix time: 2026-09-21 14:13:20.
    const NOW: f64 = 1_790_000_000.0;

    #[track_caller]
    fn check(unit: &str, cases: &[(f64, &str)]) {
        for (value, expected) in cases {
            assert_eq!(
                format(unit, *value, None, NOW),
                *expected,
                "{unit} of {value}"
            );
        }
    }

    #[test]
    fn three_digits_count_and_whole_numbers_stay_whole() {
        check(
            "none",
            &[
                (0.0, "0"),
                (7.0, "7"),
                (1234.0, "1234"),
                (0.1234, "0.123"),
                (5.25, "5.25"),
                (45.32, "45.3"),
                (123.4, "123"),
                (-45.32, "-45.3"),
                (f64::NAN, "NaN"),
                (f64::INFINITY, "∞"),
            ],
        );
        assert_eq!(format("none", -0.001, Some(2), NOW), "0.00");
        assert_eq!(format("percentunit", 0.5, Some(1), NOW), "50.0%");
    }

    #[test]
    fn prefixes_keep_the_digits_few() {
        check(
            "short",
            &[(999.0, "999"), (1000.0, "1 K"), (2_500_000.0, "2.50 Mil")],
        );
        check(
            "bytes",
            &[
                (0.0, "0 B"),
                (1023.0, "1023 B"),
                (1024.0, "1 KiB"),
                (1.5e9, "1.40 GiB"),
            ],
        );
        check("decbytes", &[(0.5, "0.500 B"), (1500.0, "1.50 kB")]);
        check(
            "Bps",
            &[(1500.0, "1.50 kB/s"), (0.5, "500 mB/s"), (0.0, "0 B/s")],
        );
        check("bps", &[(1e9, "1 Gb/s")]);
        check("ops", &[(12.0, "12 ops/s"), (1500.0, "1.50K ops/s")]);
        check("reqps", &[(0.25, "0.250 req/s")]);
        check(
            "percentunit",
            &[(0.1234, "12.3%"), (0.55, "55%"), (1.0, "100%")],
        );
    }

    #[test]
    fn times_are_told_in_the_unit_that_fits() {
        check(
            "s",
            &[
                (0.0, "0 s"),
                (0.0005, "500 µs"),
                (0.0123, "12.3 ms"),
                (1.0, "1 s"),
                (90.0, "1.50 mins"),
                (3600.0, "1 hour"),
                (7200.0, "2 hours"),
                (200_000.0, "2.31 days"),
                (1e9, "31.7 years"),
            ],
        );
        check("ms", &[(1500.0, "1.50 s")]);
        check(
            "dtdurations",
            &[
                (0.0, "0 seconds"),
                (93_600.0, "1 day, 2 hours"),
                (61.0, "1 minute, 1 second"),
            ],
        );
        check("dthms", &[(3725.0, "01:02:05")]);
    }

    #[test]
    fn moments_are_told_from_now_or_as_dates() {
        check(
            "dateTimeFromNow",
            &[
                ((NOW - 5.0) * 1e3, "a few seconds ago"),
                ((NOW - 300.0) * 1e3, "5 minutes ago"),
                ((NOW + 86_400.0 * 3.0) * 1e3, "in 3 days"),
            ],
        );
        check("dateTimeAsIso", &[(NOW * 1e3, "2026-09-21 14:13:20")]);
        check(
            "dateTimeAsIsoNoDateIfToday",
            &[(NOW * 1e3, "14:13:20"), (0.0, "1970-01-01 00:00:00")],
        );
        assert_eq!(clock(NOW, false), "14:13");
    }

    #[test]
    fn units_of_ones_own_and_unknown_ones_are_suffixes() {
        check("celsius", &[(21.5, "21.5 °C")]);
        check("dBm", &[(-3.0, "-3 dBm")]);
        check("suffix: ports", &[(3.0, "3 ports")]);
        check("si:pkt", &[(3000.0, "3 kpkt")]);
        check("parsec", &[(3.0, "3 parsec")]);
        check("locale", &[(1_234_567.0, "1,234,567"), (-123.0, "-123")]);
    }
}
