//! Amounts of data, and of data in a time, with the words that devices write behind them.
//!
//! ```text
//!   10     G      bit     /s
//!   number prefix what    per second
//! ```
//!
//! Bits become bytes, because bytes are Prometheus's base unit. A prefix of bits counts in thousands. One of bytes
//! counts in 1024, as devices count memory and files, except in a rate. With an `i` it is 1024 everywhere.

use super::number;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// By a word that nobody can mistake.
    Bits,
    /// By a lone `b`, which is a bit where it is about rates, and anything where it is about memory.
    LoneBits,
    Bytes,
    Unsaid,
}

/// The word behind a number.
#[derive(Clone, Copy, Debug)]
struct Unit {
    /// How many times a thousand or 1024.
    power: i32,
    is_binary: bool,
    what: What,
    is_rate: bool,
}

/// Reads an amount of data, in bytes: `512 MiB`, `8K`, `1,024 bytes`, `100 Kbit`.
///
/// Without a unit it is bytes. `Mb` is none, because as much as a megabit it may be a megabyte.
pub(crate) fn bytes(text: &str) -> Option<f64> {
    let (number, unit) = split(text)?;
    if unit.is_rate {
        return None;
    }
    match unit.what {
        What::Bytes | What::Unsaid => Some(number * unit.factor(true)),
        What::Bits => Some(number * unit.factor(false) / 8.0),
        What::LoneBits => None,
    }
    .filter(|number| number.is_finite())
}

/// Reads a rate of data, in bytes a second: `10Gbit`, `10 Gb/s`, `1000Mbps`, `5000 bits/sec`, `12 MB/s`.
///
/// Without a unit it is bits a second. A rate of bytes says that it is one: `10GB` is none.
pub(crate) fn bit_rate(text: &str) -> Option<f64> {
    let (number, unit) = split(text)?;
    let number = number * unit.factor(false);
    match unit.what {
        What::Bytes => unit.is_rate.then_some(number),
        What::Bits | What::LoneBits | What::Unsaid => Some(number / 8.0),
    }
    .filter(|number| number.is_finite())
}

fn split(text: &str) -> Option<(f64, Unit)> {
    let text = text.trim();
    let end = text
        .find(|c: char| !matches!(c, '0'..='9' | '.' | ',' | '+' | '-'))
        .unwrap_or(text.len());
    let (number, word) = text.split_at(end);
    Some((number::parse(number)?, Unit::read(word.trim_start())?))
}

impl Unit {
    fn read(word: &str) -> Option<Self> {
        let (word, is_rate) = match without_per_second(word) {
            Some(word) => (word.trim_end(), true),
            None => (word, false),
        };
        let (prefix, what) = without_what(word);
        let (power, is_binary) = read_prefix(prefix.trim_end())?;
        Some(Self {
            power,
            is_binary,
            what,
            is_rate,
        })
    }

    /// What the prefix stands for.
    fn factor(self, counts_in_1024: bool) -> f64 {
        let base: f64 = if self.is_binary || counts_in_1024 {
            1024.0
        } else {
            1000.0
        };
        base.powi(self.power)
    }
}

fn without_per_second(word: &str) -> Option<&str> {
    const LONG: [&str; 5] = ["/s", "/sec", "/second", " per second", " per sec"];
    LONG.iter()
        .find_map(|ending| strip_suffix_ignoring_case(word, ending))
        // `PS` behind a capital `B` leaves open which of bits and bytes the capitals mean.
        .or_else(|| word.strip_suffix("ps"))
}

fn without_what(word: &str) -> (&str, What) {
    const LONG: [(&str, What); 6] = [
        ("bits", What::Bits),
        ("bit", What::Bits),
        ("bytes", What::Bytes),
        ("byte", What::Bytes),
        ("octets", What::Bytes),
        ("octet", What::Bytes),
    ];
    for (ending, what) in LONG {
        if let Some(prefix) = strip_suffix_ignoring_case(word, ending) {
            return (prefix, what);
        }
    }
    if let Some(prefix) = word.strip_suffix('B') {
        return (prefix, What::Bytes);
    }
    match word.strip_suffix('b') {
        Some(prefix) => (prefix, What::LoneBits),
        None => (word, What::Unsaid),
    }
}

/// The power of a prefix, and whether it says to count in 1024.
fn read_prefix(prefix: &str) -> Option<(i32, bool)> {
    const PREFIXES: [(i32, &str, &str); 6] = [
        (1, "k", "kilo"),
        (2, "m", "mega"),
        (3, "g", "giga"),
        (4, "t", "tera"),
        (5, "p", "peta"),
        (6, "e", "exa"),
    ];
    if prefix.is_empty() {
        return Some((0, false));
    }
    if let Some((power, ..)) = PREFIXES.iter().find(|(_, short, long)| {
        prefix.eq_ignore_ascii_case(short) || prefix.eq_ignore_ascii_case(long)
    }) {
        return Some((*power, false));
    }
    let letter = prefix.strip_suffix('i')?;
    let known = PREFIXES
        .iter()
        .find(|(_, short, _)| letter.eq_ignore_ascii_case(short))?;
    Some((known.0, true))
}

fn strip_suffix_ignoring_case<'t>(text: &'t str, suffix: &str) -> Option<&'t str> {
    let (before, end) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(before)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_as_devices_print_them() {
        for (text, expected) in [
            ("0", 0.0),
            ("1500", 1500.0),
            ("1,024 bytes", 1024.0),
            ("7 Octets", 7.0),
            ("64B", 64.0),
            ("8K", 8192.0),
            ("8192K bytes", 8_388_608.0),
            ("512 MiB", 536_870_912.0),
            ("512MB", 536_870_912.0),
            ("4.5 GB", 4_831_838_208.0),
            ("2 gigabytes", 2_147_483_648.0),
            ("1T", 1_099_511_627_776.0),
            ("100 Kbit", 12_500.0),
            ("8 bits", 1.0),
            ("2 Kibit", 256.0),
        ] {
            assert_eq!(bytes(text), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn rates_as_devices_print_them() {
        for (text, expected) in [
            ("0", 0.0),
            ("64000", 8000.0),
            ("10Gbit", 1.25e9),
            ("10 Gb/s", 1.25e9),
            ("1000Mbps", 1.25e8),
            ("1000Mb/s", 1.25e8),
            ("100000 Kbit", 1.25e7),
            ("100000 Kbit/sec", 1.25e7),
            ("100000 Kbits/sec", 1.25e7),
            ("4.2G", 5.25e8),
            ("2.5 gbps", 3.125e8),
            ("5000 bits/sec", 625.0),
            ("5000 bits per second", 625.0),
            ("9600 bps", 1200.0),
            ("40 gigabits per second", 5e9),
            ("12 MB/s", 1.2e7),
            ("12MBps", 1.2e7),
            ("1 KiB/s", 1024.0),
            ("1,500 bytes/second", 1500.0),
        ] {
            assert_eq!(bit_rate(text), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn what_may_mean_two_things_is_none() {
        for text in ["512Mb", "1 b", "10 MB/s", "10 Mbps", "5 packets"] {
            assert_eq!(bytes(text), None, "{text:?}");
        }
        for text in ["10GB", "1 MBPS", "5 packets/sec", "10 Gb/min"] {
            assert_eq!(bit_rate(text), None, "{text:?}");
        }
        for text in [
            "", "K", "auto", "--", "1 2K", "10 xbit", "1,5G", "1KK", "1i",
        ] {
            assert_eq!(bytes(text), None, "{text:?}");
            assert_eq!(bit_rate(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn amounts_are_read_back(number: u32, power in 0..=4_usize) {
            let prefix = ["", "K", "M", "G", "T"][power];
            let power = i32::try_from(power).unwrap();
            let number_f = f64::from(number);
            prop_assert_eq!(bytes(&format!("{number}{prefix}")), Some(number_f * 1024_f64.powi(power)));
            prop_assert_eq!(bytes(&format!("{number} {prefix}bytes")), Some(number_f * 1024_f64.powi(power)));
            let rate = Some(number_f * 1000_f64.powi(power) / 8.0);
            for unit in ["bit", "bps", "b/s", "bit/sec", "bits per second"] {
                prop_assert_eq!(bit_rate(&format!("{number} {prefix}{unit}")), rate, "{}", unit);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "([0-9.,+-]|[KMGTi ]|b|B|bit|bytes|/s|ps|ä| per second){0,8}") {
            bytes(&text);
            bit_rate(&text);
        }
    }
}
