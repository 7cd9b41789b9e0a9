//! Sample values as text.

use std::fmt::Write;

/// Up to here a double holds every whole number: 2^53.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// Appends a value as both formats read it: shortest digits that give the same double, and an exponent only
/// where there would be a row of zeros.
pub(crate) fn write_value(text: &mut String, value: f64) {
    // What nearly every value is, in a quarter of the time.
    if let Some(whole) = whole(value) {
        match u8::try_from(whole) {
            // Errors, states, what is up: of so little the copying would cost most.
            Ok(digit @ 0..=9) => text.push(char::from(b'0' + digit)),
            _ => text.push_str(itoa::Buffer::new().format(whole)),
        }
        return;
    }
    if (1e-4..1e15).contains(&value.abs()) {
        text.push_str(zmij::Buffer::new().format_finite(value));
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

/// The whole number that a double is, if it is one that integers tell apart; -0 is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "whether anything was lost is what is asked"
)]
fn whole(value: f64) -> Option<i64> {
    // Rounding to a whole double would be a call: the processors of the baseline have no instruction for it.
    let whole = value as i64;
    let is_same = (whole as f64).to_bits() == value.to_bits();
    (is_same && value.abs() <= WHOLE).then_some(whole)
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
            (9.0, "9"),
            (10.0, "10"),
            (-1.0, "-1"),
            (0.07, "0.07"),
            (-12.5, "-12.5"),
            (1.000_1e-4, "0.00010001"),
            (99_999_999.25, "99999999.25"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (9_007_199_254_740_994.0, "9007199254740994"),
            (1e15, "1000000000000000"),
            (999_999_999_999_999.9, "999999999999999.9"),
            (1e-4, "0.0001"),
            (9.5e-5, "0.000095"),
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
