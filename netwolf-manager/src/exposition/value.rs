//! Sample values as text.

use std::fmt::Write;

/// Up to here a double holds every whole number: 2^53.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// Appends a value as both formats read it: shortest digits that give the same double, and an exponent only
/// where there would be a row of zeros.
pub(crate) fn write_value(text: &mut String, value: f64) {
    let magnitude = value.abs();
    // What nearly every value is, in a quarter of the time.
    if magnitude <= WHOLE && value.fract() == 0.0 && (value != 0.0 || value.is_sign_positive()) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is whole, and small enough"
        )]
        text.push_str(itoa::Buffer::new().format(value as i64));
        return;
    }
    if (1e-4..1e15).contains(&magnitude) {
        text.push_str(ryu::Buffer::new().format_finite(value));
        return;
    }
    let written = if value.is_nan() {
        text.push_str("NaN");
        Ok(())
    } else if value.is_infinite() {
        text.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
        Ok(())
    } else if value != 0.0 && !(1e-6..1e21).contains(&value.abs()) {
        write!(text, "{value:e}")
    } else {
        write!(text, "{value}")
    };
    written.expect("text grows as needed");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: f64) -> String {
        let mut text = String::new();
        write_value(&mut text, value);
        text
    }

    #[test]
    fn values_read_well() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.07, "0.07"),
            (-12.5, "-12.5"),
            (1.000_1e-4, "0.00010001"),
            (99_999_999.25, "99999999.25"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (1e15, "1000000000000000"),
            (1e300, "1e300"),
            (1e-9, "1e-9"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(written(value), expected);
        }
    }

    proptest! {
        #[test]
        fn a_value_survives_its_text(value: f64) {
            let back: f64 = written(value).parse().unwrap();
            prop_assert!(back.to_bits() == value.to_bits() || (back.is_nan() && value.is_nan()));
        }
    }
}
