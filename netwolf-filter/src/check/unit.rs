//! Units in metric names: Prometheus wants base units, so that what is compared can be compared.
//!
//! What `promtool check metrics` calls another unit is one here as well, but for single letters that do not stand where
//! units do: `slot_b` is no amount of bytes. Besides there are the words that devices have for them.

/// What a number is multiplied by to be one of a base unit, and what is added then.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scale {
    factor: f64,
    offset: f64,
}

/// Plain multiples.
const fn times(factor: f64) -> Scale {
    Scale {
        factor,
        offset: 0.0,
    }
}

const FAHRENHEIT: Scale = Scale {
    factor: 5.0 / 9.0,
    offset: -160.0 / 9.0,
};

/// Letters for units, which stand last in a name, or before `_per_`: in another place they may well be something else.
const LETTERS: [(&str, &str, Scale); 5] = [
    ("s", "seconds", times(1.0)),
    ("h", "seconds", times(3600.0)),
    ("d", "seconds", times(86400.0)),
    ("b", "bytes", times(1.0)),
    ("m", "meters", times(1.0)),
];

/// Words for units, wherever in a name they stand. Most are plurals: `clock_hour` is no amount of hours.
const WORDS: [(&[&str], &str, Scale); 29] = [
    (&["sec", "secs"], "seconds", times(1.0)),
    (
        &["ms", "msec", "msecs", "millis", "millisecond"],
        "seconds",
        times(1e-3),
    ),
    (
        &["us", "usec", "usecs", "micros", "microsecond"],
        "seconds",
        times(1e-6),
    ),
    (
        &["ns", "nsec", "nsecs", "nanos", "nanosecond"],
        "seconds",
        times(1e-9),
    ),
    (&["mins"], "seconds", times(60.0)),
    (&["hrs"], "seconds", times(3600.0)),
    (&["pct", "percent", "percentage"], "ratio", times(0.01)),
    (&["octets"], "bytes", times(1.0)),
    (
        &["kb", "kib", "kbyte", "kbytes", "kilobyte"],
        "bytes",
        times(1024.0),
    ),
    (
        &["mb", "mib", "mbyte", "mbytes", "megabyte"],
        "bytes",
        times(1_048_576.0),
    ),
    (
        &["gb", "gib", "gbyte", "gbytes", "gigabyte"],
        "bytes",
        times(1_073_741_824.0),
    ),
    (
        &["tb", "tib", "tbyte", "tbytes", "terabyte"],
        "bytes",
        times(1_099_511_627_776.0),
    ),
    (&["pb", "pib"], "bytes", times(1_125_899_906_842_624.0)),
    (&["kbit", "kbits", "kilobit"], "bytes", times(125.0)),
    (&["mbit", "mbits", "megabit"], "bytes", times(125_000.0)),
    (&["gbit", "gbits", "gigabit"], "bytes", times(125_000_000.0)),
    (&["bps"], "bytes_per_second", times(0.125)),
    (&["kbps"], "bytes_per_second", times(125.0)),
    (&["mbps"], "bytes_per_second", times(125_000.0)),
    (&["gbps"], "bytes_per_second", times(125_000_000.0)),
    (&["khz"], "hertz", times(1e3)),
    (&["mhz"], "hertz", times(1e6)),
    (&["ghz"], "hertz", times(1e9)),
    (&["mv", "millivolt"], "volts", times(1e-3)),
    (&["mw", "milliwatt"], "watts", times(1e-3)),
    (&["kw", "kilowatt"], "watts", times(1e3)),
    (&["ma", "milliamp", "milliamps"], "amperes", times(1e-3)),
    (&["degc"], "celsius", times(1.0)),
    (&["degf"], "celsius", FAHRENHEIT),
];

/// Units that are no base units, wherever in a name they stand, alone or with a prefix.
const OTHERS: [(&str, &str, Scale); 14] = [
    ("minutes", "seconds", times(60.0)),
    ("hours", "seconds", times(3600.0)),
    ("days", "seconds", times(86400.0)),
    ("weeks", "seconds", times(604_800.0)),
    ("kelvins", "kelvin", times(1.0)),
    ("fahrenheit", "celsius", FAHRENHEIT),
    (
        "rankine",
        "celsius",
        Scale {
            factor: 5.0 / 9.0,
            offset: -273.15,
        },
    ),
    ("inches", "meters", times(0.0254)),
    ("yards", "meters", times(0.9144)),
    ("miles", "meters", times(1609.344)),
    ("bits", "bytes", times(0.125)),
    ("calories", "joules", times(4.184)),
    ("pounds", "grams", times(453.592_37)),
    ("ounces", "grams", times(28.349_523_125)),
];

/// Base units, which are none with a prefix.
const BASES: [&str; 12] = [
    "amperes", "bytes", "celsius", "grams", "hertz", "joules", "kelvin", "meters", "metres",
    "seconds", "volts", "watts",
];

/// Prefixes; those of bytes are powers of 1024, which devices mean by all of them.
const PREFIXES: [(&str, f64, f64); 19] = [
    ("pico", 1e-12, 1e-12),
    ("nano", 1e-9, 1e-9),
    ("micro", 1e-6, 1e-6),
    ("milli", 1e-3, 1e-3),
    ("centi", 1e-2, 1e-2),
    ("deci", 1e-1, 1e-1),
    ("deca", 1e1, 1e1),
    ("hecto", 1e2, 1e2),
    ("kilo", 1e3, 1024.0),
    ("kibi", 1024.0, 1024.0),
    ("mega", 1e6, 1_048_576.0),
    ("mebi", 1_048_576.0, 1_048_576.0),
    // Promtool's own spelling.
    ("mibi", 1_048_576.0, 1_048_576.0),
    ("giga", 1e9, 1_073_741_824.0),
    ("gibi", 1_073_741_824.0, 1_073_741_824.0),
    ("tera", 1e12, 1_099_511_627_776.0),
    ("tebi", 1_099_511_627_776.0, 1_099_511_627_776.0),
    ("peta", 1e15, 1_125_899_906_842_624.0),
    ("pebi", 1_125_899_906_842_624.0, 1_125_899_906_842_624.0),
];

/// A unit that is not a base unit, and what to do about it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OtherUnit {
    /// As the name has it.
    pub(crate) word: String,
    pub(crate) base: &'static str,
    /// What a number of it is multiplied by.
    pub(crate) factor: f64,
    /// What is added then.
    pub(crate) offset: f64,
}

/// The unit in a metric's name, without the ending of its kind, that is no base unit.
pub(crate) fn other_unit(name: &str) -> Option<OtherUnit> {
    let name = name.to_ascii_lowercase();
    let amount = name.rsplit_once("_per_").map_or(&*name, |it| it.0);
    let last = |name: &str| Some(name.rsplit_once('_')?.1.to_owned());
    let found = [last(&name), last(amount)]
        .into_iter()
        .flatten()
        .find_map(|word| {
            let (_, base, scale) = LETTERS.iter().find(|(letter, ..)| *letter == word)?;
            Some((word, *base, *scale))
        });
    // A name of one word is no unit.
    let found = found.or_else(|| {
        name.split('_').skip(1).find_map(|word| {
            let (base, scale) = other_word(word)?;
            Some((word.to_owned(), base, scale))
        })
    });
    let (word, base, Scale { factor, offset }) = found?;
    Some(OtherUnit {
        word,
        base,
        factor,
        offset,
    })
}

/// The base unit for a word that is another one wherever it stands.
fn other_word(word: &str) -> Option<(&'static str, Scale)> {
    let short = WORDS.iter().find(|(words, ..)| words.contains(&word));
    let short = short.map(|(_, base, scale)| (*base, *scale));
    let other = |word: &str| {
        let (_, base, scale) = OTHERS.iter().find(|(unit, ..)| *unit == word)?;
        Some((*base, *scale))
    };
    short.or_else(|| other(word)).or_else(|| {
        PREFIXES.iter().find_map(|(prefix, factor, of_bytes)| {
            let unit = word.strip_prefix(prefix)?;
            let (base, scale) = other(unit).or_else(|| {
                let base = BASES.iter().find(|base| **base == unit)?;
                Some((*base, times(1.0)))
            })?;
            let factor = if unit == "bytes" { of_bytes } else { factor };
            let factor = scale.factor * factor;
            Some((base, Scale { factor, ..scale }))
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
            let word = found.as_ref().map(|unit| &*unit.word);
            assert_eq!(word, expected, "{name:?}");
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
            ("acme_temp_fahrenheit", "fahrenheit"),
            ("days_of_uptime_hours_left", "hours"),
            ("sent_kilobits_by_port", "kilobits"),
            ("cable_miles", "miles"),
            ("laser_power_microwatts", "microwatts"),
            ("uptime_s", "s"),
            ("ping_rtt_ms_avg", "ms"),
            ("traffic_mbps_in", "mbps"),
            ("util_percent_5m", "percent"),
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
            "colour_kelvin",
            "optical_power_dbm",
            "errors_per_second",
            "slot_b_temperature_celsius",
            "microseconds",
            "fan_speed_rpm",
        ] {
            check(name, None);
        }
    }

    /// What `promtool check metrics` knows: other units by their base units, base units, and prefixes of all.
    #[test]
    fn every_unit_of_promtool_is_known_with_every_prefix() {
        let others = "minutes hours days weeks kelvins fahrenheit rankine inches yards miles bits calories pounds ounces";
        let bases = "amperes bytes celsius grams joules kelvin meters metres seconds volts";
        let prefixes = "pico nano micro milli centi deci deca hecto kilo kibi mega mibi giga gibi tera tebi peta pebi";
        let abbreviations = "s ms us ns sec b kb mb gb tb pb m h d";
        let is_other = |word: &str| other_unit(&format!("x_{word}")).is_some();
        for word in others.split(' ').chain(abbreviations.split(' ')) {
            assert!(is_other(word), "{word:?}");
        }
        for base in bases.split(' ') {
            assert!(!is_other(base), "{base:?}");
        }
        for unit in others.split(' ').chain(bases.split(' ')) {
            for prefix in prefixes.split(' ') {
                let word = format!("{prefix}{unit}");
                assert!(is_other(&word), "{word:?}");
                assert!(other_unit(&format!("x_{word}_left")).is_some(), "{word:?}");
            }
        }
        for word in abbreviations.split(' ').filter(|word| word.len() > 1) {
            assert!(other_unit(&format!("x_{word}_left")).is_some(), "{word:?}");
        }
    }

    #[test]
    fn numbers_of_other_units_become_those_of_base_units() {
        for (word, number, base, expected) in [
            ("fahrenheit", 212.0, "celsius", 100.0),
            ("fahrenheit", -40.0, "celsius", -40.0),
            ("rankine", 491.67, "celsius", 0.0),
            ("milliseconds", 250.0, "seconds", 0.25),
            ("kilobytes", 2.0, "bytes", 2048.0),
            ("kilometers", 2.0, "meters", 2000.0),
            ("megabits", 8.0, "bytes", 1e6),
            ("percent", 50.0, "ratio", 0.5),
        ] {
            let unit = other_unit(&format!("x_{word}")).unwrap();
            let made = number * unit.factor + unit.offset;
            assert_eq!(unit.base, base);
            assert!((made - expected).abs() < 1e-9, "{number} {word}: {made}");
        }
    }

    #[test]
    fn words_are_there_once_and_what_they_become_is_a_base_unit() {
        let letters = LETTERS.iter().map(|(letter, ..)| letter);
        let mut words: Vec<_> = WORDS
            .iter()
            .flat_map(|(words, ..)| *words)
            .chain(letters)
            .collect();
        let n_words = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), n_words);
        let bases = WORDS.iter().map(|(_, base, _)| base);
        let bases = bases.chain(LETTERS.iter().map(|(_, base, _)| base));
        for base in bases.chain(OTHERS.iter().map(|(_, base, _)| base)) {
            assert_eq!(other_unit(&format!("x_{base}")), None);
        }
    }
}
