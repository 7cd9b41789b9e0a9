//! Units in metric names: Prometheus wants base units, so that what is compared can be compared.

/// Units that names are not to have, with the base unit that stands for them and what a number of them is multiplied
/// by. The factors are text, to be shown as people write them. Most words are plurals: `clock_hour` is no amount of hours.
const OTHERS: [(&[&str], &str, &str); 24] = [
    (&["sec", "secs"], "seconds", "1"),
    (
        &[
            "ms",
            "msec",
            "msecs",
            "millis",
            "millisecond",
            "milliseconds",
        ],
        "seconds",
        "0.001",
    ),
    (
        &[
            "us",
            "usec",
            "usecs",
            "micros",
            "microsecond",
            "microseconds",
        ],
        "seconds",
        "0.000001",
    ),
    (
        &["ns", "nsec", "nsecs", "nanos", "nanosecond", "nanoseconds"],
        "seconds",
        "0.000000001",
    ),
    (&["mins", "minutes"], "seconds", "60"),
    (&["hours", "hrs"], "seconds", "3600"),
    (&["days"], "seconds", "86400"),
    (&["weeks"], "seconds", "604800"),
    (&["pct", "percent", "percentage"], "ratio", "0.01"),
    (&["octets"], "bytes", "1"),
    (
        &["kb", "kib", "kbyte", "kbytes", "kilobyte", "kilobytes"],
        "bytes",
        "1024",
    ),
    (
        &["mb", "mib", "mbyte", "mbytes", "megabyte", "megabytes"],
        "bytes",
        "1048576",
    ),
    (
        &["gb", "gib", "gbyte", "gbytes", "gigabyte", "gigabytes"],
        "bytes",
        "1073741824",
    ),
    (&["bits"], "bytes", "0.125"),
    (&["kbit", "kbits", "kilobit", "kilobits"], "bytes", "125"),
    (&["mbit", "mbits", "megabit", "megabits"], "bytes", "125000"),
    (
        &["gbit", "gbits", "gigabit", "gigabits"],
        "bytes",
        "125000000",
    ),
    (&["bps"], "bytes_per_second", "0.125"),
    (&["kbps"], "bytes_per_second", "125"),
    (&["mbps"], "bytes_per_second", "125000"),
    (&["gbps"], "bytes_per_second", "125000000"),
    (&["millivolt", "millivolts", "mv"], "volts", "0.001"),
    (&["milliwatt", "milliwatts"], "watts", "0.001"),
    (
        &["milliamp", "milliamps", "milliamperes"],
        "amperes",
        "0.001",
    ),
];

/// A unit that is not a base unit, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OtherUnit {
    /// As the name has it.
    pub(crate) word: &'static str,
    pub(crate) base: &'static str,
    pub(crate) factor: &'static str,
}

/// The unit in a metric's name, without the ending of its kind, that is no base unit. A unit stands last, or before
/// `_per_`; in another place the word may well be something else.
pub(crate) fn other_unit(name: &str) -> Option<OtherUnit> {
    let amount = name.rsplit_once("_per_").map_or(name, |(amount, _)| amount);
    [name, amount].into_iter().find_map(|name| {
        // A name of one word is no unit.
        let (_, last) = name.rsplit_once('_')?;
        OTHERS.iter().find_map(|(words, base, factor)| {
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(last))?;
            Some(OtherUnit { word, base, factor })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_that_are_no_base_units_are_seen_where_units_stand() {
        let check = |name, expected: Option<&str>| {
            let found = other_unit(name);
            assert_eq!(found.map(|unit| unit.word), expected, "{name:?}");
        };
        for (name, word) in [
            ("rtt_ms", "ms"),
            ("rtt_milliseconds", "milliseconds"),
            ("cpu_percent", "percent"),
            ("memory_kbytes", "kbytes"),
            ("traffic_bits", "bits"),
            ("traffic_bits_per_second", "bits"),
            ("port_mbps", "mbps"),
            ("uptime_days", "days"),
            ("uptime_HOURS", "hours"),
        ] {
            check(name, Some(word));
        }
        for name in [
            "uptime_seconds",
            "speed_bytes_per_second",
            "load_ratio",
            "days",
            "clock_hour",
            "ms_errors",
            "bit_errors",
            "temperature_celsius",
            "optical_power_dbm",
        ] {
            check(name, None);
        }
    }

    #[test]
    fn factors_are_numbers_and_words_are_there_once() {
        let mut words: Vec<_> = OTHERS.iter().flat_map(|(words, ..)| *words).collect();
        let n_words = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), n_words);
        for (_, base, factor) in OTHERS {
            assert!(factor.parse::<f64>().unwrap() > 0.0);
            assert_eq!(other_unit(&format!("x_{base}")), None);
        }
    }
}
