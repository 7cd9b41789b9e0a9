//! Shares of a hundred as devices print them.

use super::number;

/// Reads per cents, with or without their mark, as a ratio: `37%` is 0.37.
pub(crate) fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let number = text
        .strip_suffix('%')
        .or_else(|| text.strip_suffix("percent"))
        .unwrap_or(text);
    Some(number::parse(number)? / 100.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn per_cents() {
        for (text, ratio) in [
            ("37%", 0.37),
            (" 37 % ", 0.37),
            ("0.5%", 0.005),
            ("100 percent", 1.0),
            ("57", 0.57),
        ] {
            assert_eq!(parse(text), Some(ratio), "{text:?}");
        }
        for text in ["", "%", "37%%", "37% used", "n/a", "%37"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn ratios_are_read_back(percent in 0_u32..1_000_000) {
            prop_assert_eq!(parse(&format!("{percent}%")), Some(f64::from(percent) / 100.0));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            parse(&text);
        }
    }
}
