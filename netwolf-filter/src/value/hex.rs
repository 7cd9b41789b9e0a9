//! Hexadecimal whole numbers as devices print them.

/// Reads a number of up to 64 bits behind `0x`.
pub(crate) fn prefixed(text: &str) -> Option<f64> {
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))?;
    bare(digits)
}

/// Reads a number of up to 64 bits, with or without `0x`.
pub(crate) fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    prefixed(text).or_else(|| bare(text))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "samples are doubles, as in Prometheus"
)]
fn bare(digits: &str) -> Option<f64> {
    // Rust's own parser also takes a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(digits, 16)
        .ok()
        .map(|number| number as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hexadecimal_numbers() {
        for (text, number) in [("0x1f", 31.0), (" 0X1F ", 31.0), ("1f", 31.0), ("10", 16.0)] {
            assert_eq!(parse(text), Some(number), "{text:?}");
        }
        assert_eq!(prefixed("10"), None);
    }

    #[test]
    fn what_is_no_hexadecimal_number() {
        for text in [
            "",
            "0x",
            "x1f",
            "0x0x1",
            "+1f",
            "-1",
            "1g",
            "0x1 2",
            "1ffffffffffffffff",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn numbers_are_read_back(number: u32) {
            let expected = Some(f64::from(number));
            prop_assert_eq!(parse(&format!("{number:#x}")), expected);
            prop_assert_eq!(parse(&format!("{number:08X}")), expected);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            parse(&text);
        }
    }
}
