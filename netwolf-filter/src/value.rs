//! From a field's text to a number, by map, absent, parse, scale and offset; or to a state.

mod amount;
mod duration;
mod hex;
mod number;
mod percent;
mod state;
mod timestamp;
mod unit;

use std::collections::BTreeMap;

use netwolf_wire::rule::{Metric, Parse};

pub(crate) use self::state::StateReader;
use self::timestamp::TimeReader;
use crate::error::Fault;

/// How the value of one metric is read.
#[derive(Debug)]
pub(crate) struct ValueReader {
    map: BTreeMap<String, f64>,
    absent: Absent,
    parser: Parser,
    scale: Scale,
    offset: f64,
}

/// What a text stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reading<T> {
    Value(T),
    /// It says that there is none.
    Absent,
    /// Nobody knows.
    Unreadable,
}

/// Texts that say that there is no value.
#[derive(Debug)]
struct Absent(Vec<String>);

/// How text becomes a number.
#[derive(Debug)]
enum Parser {
    /// With words that may stand behind it.
    Number(Vec<String>),
    Plain(fn(&str) -> Option<f64>),
    Timestamp(TimeReader),
}

/// Multiplies, or divides where the rule's scale is one over a whole number: 57 / 100 is 0.57, but
/// 57 * 0.01 is 0.5700000000000001, because 0.01 is rounded before it is used.
#[derive(Debug)]
enum Scale {
    Times(f64),
    Over(f64),
}

impl ValueReader {
    /// Makes the reader of `metric`.
    ///
    /// # Errors
    /// What is wrong with its formats of time.
    pub(crate) fn compile(metric: &Metric) -> Result<Self, Vec<Fault>> {
        Ok(Self {
            map: metric.map.clone(),
            absent: Absent(metric.absent.clone()),
            parser: Parser::compile(metric)?,
            scale: Scale::of(metric.scale),
            offset: metric.offset,
        })
    }

    /// The number that `text` stands for, which is finite: one that becomes infinite by scale and offset is unreadable.
    pub(crate) fn read(&self, text: &str) -> Reading<f64> {
        let text = text.trim();
        let number = match self.map.get(text) {
            Some(number) => Some(*number),
            None if self.absent.has(text) => return Reading::Absent,
            None => self.parser.parse(text),
        };
        let Some(number) = number else {
            return Reading::Unreadable;
        };
        let value = self.scale.apply(number) + self.offset;
        if value.is_finite() {
            Reading::Value(value)
        } else {
            Reading::Unreadable
        }
    }
}

impl Absent {
    fn has(&self, text: &str) -> bool {
        let mut texts = self.0.iter();
        texts.any(|absent| absent.trim().eq_ignore_ascii_case(text))
    }
}

impl Parser {
    fn compile(metric: &Metric) -> Result<Self, Vec<Fault>> {
        Ok(match metric.parse {
            Parse::Number => Self::Number(metric.units.clone()),
            Parse::Hex => Self::Plain(hex::parse),
            Parse::Percent => Self::Plain(percent::parse),
            Parse::Duration => Self::Plain(duration::parse),
            Parse::Bytes => Self::Plain(amount::bytes),
            Parse::BitRate => Self::Plain(amount::bit_rate),
            Parse::Timestamp => {
                let reader = TimeReader::compile(&metric.times).map_err(|faults| {
                    let faults = faults.into_iter().map(|fault| Fault::BadTimes {
                        metric: metric.name.clone(),
                        text: fault.text,
                        reason: fault.reason,
                    });
                    faults.collect::<Vec<_>>()
                })?;
                Self::Timestamp(reader)
            }
        })
    }

    fn parse(&self, text: &str) -> Option<f64> {
        match self {
            Self::Number(units) => number::parse(unit::without(text, units)),
            Self::Plain(parse) => parse(text),
            Self::Timestamp(reader) => reader.read(text),
        }
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
    use netwolf_wire::series::Kind;

    use super::*;

    /// What a reader makes of `text`, by a metric that `change` makes.
    fn read(text: &str, change: impl FnOnce(&mut Metric)) -> Reading<f64> {
        let mut metric = Metric::new("m", Kind::Gauge, "M.");
        metric.map = [("up".to_owned(), 1.0), ("7".to_owned(), 70.0)].into();
        metric.absent = ["N/A", "--", ""].map(str::to_owned).into();
        change(&mut metric);
        ValueReader::compile(&metric).unwrap().read(text)
    }

    fn parsed(parse: Parse, text: &str) -> Reading<f64> {
        read(text, |metric| metric.parse = parse)
    }

    #[test]
    fn the_map_comes_before_parsing() {
        let check = |text, expected| assert_eq!(read(text, |_| ()), expected, "{text:?}");
        check(" up ", Reading::Value(1.0));
        check("7", Reading::Value(70.0));
        check("8", Reading::Value(8.0));
        check("Up", Reading::Unreadable);
    }

    #[test]
    fn what_says_that_there_is_no_value_is_no_problem() {
        for text in ["N/A", " n/a ", "--", "", " "] {
            assert_eq!(read(text, |_| ()), Reading::Absent, "{text:?}");
        }
        for text in ["-", "none"] {
            assert_eq!(read(text, |_| ()), Reading::Unreadable, "{text:?}");
        }
        let mapped = read("--", |metric| metric.map = [("--".to_owned(), 0.0)].into());
        assert_eq!(mapped, Reading::Value(0.0), "the map comes first");
    }

    #[test]
    fn each_parser_reads_what_it_is_called_after() {
        assert_eq!(parsed(Parse::Number, "0x1f"), Reading::Value(31.0));
        assert_eq!(parsed(Parse::Hex, "1f"), Reading::Value(31.0));
        assert_eq!(parsed(Parse::Percent, "37%"), Reading::Value(0.37));
        assert_eq!(parsed(Parse::Duration, "1m"), Reading::Value(60.0));
        assert_eq!(parsed(Parse::Bytes, "2K"), Reading::Value(2048.0));
        assert_eq!(parsed(Parse::BitRate, "2K"), Reading::Value(250.0));
        assert_eq!(
            parsed(Parse::Timestamp, "1970-01-02"),
            Reading::Value(86_400.0)
        );
        assert_eq!(parsed(Parse::Number, "1f"), Reading::Unreadable);
    }

    #[test]
    fn units_are_taken_off_a_number() {
        let check = |text, expected| {
            let units =
                |metric: &mut Metric| metric.units = ["dBm", "degrees C"].map(str::to_owned).into();
            assert_eq!(read(text, units), expected, "{text:?}");
        };
        check("-3.2 dBm", Reading::Value(-3.2));
        check("-3.2DBM", Reading::Value(-3.2));
        check("41 degrees C", Reading::Value(41.0));
        check("-3.2", Reading::Value(-3.2));
        check("-- dBm", Reading::Unreadable);
        check("-3.2 mW", Reading::Unreadable);
        check("dBm", Reading::Unreadable);
    }

    #[test]
    fn scale_comes_before_offset() {
        let fahrenheit = |metric: &mut Metric| (metric.scale, metric.offset) = (0.5, 32.0);
        assert_eq!(read("10", fahrenheit), Reading::Value(37.0));
        let thousands =
            |metric: &mut Metric| (metric.parse, metric.scale) = (Parse::Duration, 1000.0);
        assert_eq!(read("1m", thousands), Reading::Value(60_000.0));
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
    fn a_number_that_scales_out_of_range_is_unreadable() {
        let large = |metric: &mut Metric| metric.scale = 1e300;
        assert_eq!(read("1e300", large), Reading::Unreadable);
    }

    #[test]
    fn a_word_for_no_number_is_one_only_where_the_rule_says_so() {
        for word in ["nan", "NaN", "inf", "-Inf"] {
            assert_eq!(read(word, |_| {}), Reading::Unreadable, "{word:?}");
        }
        let says = |metric: &mut Metric| {
            metric.absent = vec!["nan".into()];
            metric.map = [("-Inf".to_owned(), -40.0)].into();
        };
        assert_eq!(read("NaN", says), Reading::Absent);
        assert_eq!(read("-Inf", says), Reading::Value(-40.0));
    }
}
