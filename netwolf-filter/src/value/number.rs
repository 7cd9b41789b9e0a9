//! Numbers as devices print them.

use super::hex;

/// Reads a decimal number: sign, fraction, exponent, and commas if they stand between thousands. Behind `0x` it is a
/// hexadecimal one.
///
/// `nan` and `inf` are none. A device prints them where it has no value, and one such sample would make every sum and mean
/// over the fleet `NaN`; a rule that knows what a word means says so by `absent` or `map`. `1,5` is none either: nobody can
/// tell whether it is 15 or 1.5.
pub(crate) fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Some(number) = hex::prefixed(text) {
        return Some(number);
    }
    // Rust's own parser also takes words such as `inf` and `infinity`, so letters are sorted out first.
    if !text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b',' | b'e' | b'E'))
    {
        return None;
    }
    let number: f64 = match text.contains(',') {
        true if !has_thousands(text) => return None,
        true => text.replace(',', "").parse().ok()?,
        false => text.parse().ok()?,
    };
    number.is_finite().then_some(number)
}

/// Whether the commas stand between groups of three digits before the fraction: `12,345,678.9`.
fn has_thousands(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, rest) = match unsigned.find(['.', 'e', 'E']) {
        Some(at) => unsigned.split_at(at),
        None => (unsigned, ""),
    };
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    // `0,123` is a decimal comma, not a thousand.
    let leads = (1..=3).contains(&first.len()) && !first.starts_with('0');
    leads && groups.all(|group| group.len() == 3) && !rest.contains(',')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_as_devices_print_them() {
        for (text, number) in [
            ("0", 0.0),
            (" 42\t", 42.0),
            ("-17.5", -17.5),
            ("+3", 3.0),
            (".5", 0.5),
            ("1e3", 1000.0),
            ("2.5E-3", 0.0025),
            ("1,234", 1234.0),
            ("-12,345,678.25", -12_345_678.25),
            ("999,999e1", 9_999_990.0),
            ("0x1f", 31.0),
            ("18446744073709551615", 18_446_744_073_709_551_615.0),
        ] {
            assert_eq!(parse(text), Some(number), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_number() {
        for text in [
            "",
            " ",
            "-",
            ".",
            "e5",
            "1 000",
            "1_000",
            "1f",
            "-0x1f",
            "12,34",
            "1,5",
            "0,123",
            ",123",
            "1,",
            "1,,234",
            "1234,567",
            "1.234,567",
            "1,234,56",
            "NaN",
            "nan",
            "Inf",
            "+Inf",
            "-inf",
            "infinity",
            "+infinity",
            "INF",
            "nAn",
            "-nan",
            "never",
            "5%",
            "1e999",
            "1-2",
            "٣",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_rust_prints_is_read_back(number in prop::num::f64::NORMAL) {
            prop_assert_eq!(parse(&format!("{number}")), Some(number));
            prop_assert_eq!(parse(&format!(" {number:e} ")), Some(number));
        }

        #[test]
        fn thousands_are_read_back(number in 1_000_u32..) {
            let digits = number.to_string();
            let mut text = String::new();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at).is_multiple_of(3) {
                    text.push(',');
                }
                text.push(digit);
            }
            prop_assert_eq!(parse(&text), Some(f64::from(number)));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            parse(&text);
        }
    }
}
