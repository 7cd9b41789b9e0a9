//! From a field's text to a number: map, parse, scale, offset.

mod duration;
mod number;

use std::collections::BTreeMap;

use netwolf_wire::rule::{Metric, Parse};

/// How the value of one metric is read.
#[derive(Debug)]
pub(crate) struct ValueReader {
    map: BTreeMap<String, f64>,
    parse: Parse,
    scale: Scale,
    offset: f64,
}

/// Multiplies, or divides where the rule's scale is one over a whole number: 57 / 100 is 0.57, but
/// 57 * 0.01 is 0.5700000000000001, because 0.01 is rounded before it is used.
#[derive(Debug)]
enum Scale {
    Times(f64),
    Over(f64),
}

impl ValueReader {
    pub(crate) fn of(metric: &Metric) -> Self {
        Self {
            map: metric.map.clone(),
            parse: metric.parse,
            scale: Scale::of(metric.scale),
            offset: metric.offset,
        }
    }

    /// The number that `text` stands for; `None` when it stands for none, or for a finite number that
    /// becomes infinite by scale and offset.
    pub(crate) fn read(&self, text: &str) -> Option<f64> {
        let text = text.trim();
        let number = match self.map.get(text) {
            Some(number) => *number,
            None => match self.parse {
                Parse::Number => number::parse(text)?,
                Parse::Duration => duration::parse(text)?,
            },
        };
        let value = self.scale.apply(number) + self.offset;
        (value.is_finite() || !number.is_finite()).then_some(value)
    }
}

impl Scale {
    #[expect(
        clippy::float_cmp,
        reason = "only the very same factor may be replaced"
    )]
    fn of(factor: f64) -> Self {
        let divisor = factor.recip().round();
        if divisor.abs() > 1.0 && divisor.recip() == factor {
            Self::Over(divisor)
        } else {
            Self::Times(factor)
        }
    }

    fn apply(&self, number: f64) -> f64 {
        match self {
            Self::Times(factor) => number * factor,
            Self::Over(divisor) => number / divisor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(parse: Parse, scale: f64, offset: f64) -> ValueReader {
        let map = [("up".to_owned(), 1.0), ("7".to_owned(), 70.0)].into();
        ValueReader {
            map,
            parse,
            scale: Scale::of(scale),
            offset,
        }
    }

    #[test]
    fn the_map_comes_before_parsing() {
        let reader = reader(Parse::Number, 1.0, 0.0);
        assert_eq!(reader.read(" up "), Some(1.0));
        assert_eq!(reader.read("7"), Some(70.0));
        assert_eq!(reader.read("8"), Some(8.0));
        assert_eq!(reader.read("Up"), None);
    }

    #[test]
    fn scale_comes_before_offset() {
        assert_eq!(reader(Parse::Number, 0.5, 32.0).read("10"), Some(37.0));
        assert_eq!(
            reader(Parse::Duration, 1000.0, 0.0).read("1m"),
            Some(60_000.0)
        );
    }

    #[test]
    fn hundredths_are_as_short_as_they_are_written() {
        for percent in 0..=100_u8 {
            let expected: f64 = format!("{}.{:02}", percent / 100, percent % 100)
                .parse()
                .unwrap();
            assert_eq!(
                Scale::of(0.01).apply(percent.into()).to_bits(),
                expected.to_bits(),
                "{percent} %"
            );
        }
    }

    #[test]
    fn a_number_that_scales_out_of_range_is_none() {
        assert_eq!(reader(Parse::Number, 1e300, 0.0).read("1e300"), None);
        assert_eq!(
            reader(Parse::Number, 1e300, 0.0).read("+Inf"),
            Some(f64::INFINITY)
        );
    }
}
