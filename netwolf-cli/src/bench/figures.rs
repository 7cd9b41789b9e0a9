//! Results: names, values and what they mean.

use serde_json::{Map, Number, Value, json};

use crate::table;

/// Figures of one measurement, in the order in which they are shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    rows: Vec<Figure>,
}

#[derive(Clone, Debug)]
struct Figure {
    name: String,
    value: Value,
    means: &'static str,
}

impl Figures {
    /// Figures under the heading that says where they were taken.
    pub(super) fn new(verb: &str) -> Self {
        let mut figures = Self::default();
        figures.text("bench", verb, "");
        figures.text("version", env!("CARGO_PKG_VERSION"), "");
        figures.text(
            "machine",
            &super::cores::machine(),
            "shared machines differ: compare ratios",
        );
        figures
    }

    /// Adds a text.
    pub(super) fn text(&mut self, name: &str, value: &str, means: &'static str) {
        self.push(name, value.into(), means);
    }

    /// Adds a count.
    pub(super) fn count(&mut self, name: &str, value: u64, means: &'static str) {
        self.push(name, value.into(), means);
    }

    /// Adds a measure, with four significant digits; one that was not to be had is `null`.
    pub(super) fn measure(&mut self, name: &str, value: f64, means: &'static str) {
        let shown = rounded(value);
        let value = Number::from_f64(shown).map_or(Value::Null, Value::Number);
        self.push(name, value, means);
    }

    fn push(&mut self, name: &str, value: Value, means: &'static str) {
        let name = name.to_owned();
        self.rows.push(Figure { name, value, means });
    }

    /// A figure as a number; NaN where there is none.
    pub(super) fn get(&self, name: &str) -> f64 {
        let row = self.rows.iter().find(|row| row.name == name);
        row.and_then(|row| row.value.as_f64()).unwrap_or(f64::NAN)
    }

    /// One object, a key for each figure.
    pub(super) fn json(&self) -> Value {
        let pairs = self
            .rows
            .iter()
            .map(|row| (row.name.clone(), row.value.clone()));
        json!(pairs.collect::<Map<_, _>>())
    }

    /// Columns for people.
    pub(super) fn table(&self) -> String {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| [row.name.clone(), shown(&row.value), row.means.to_owned()])
            .collect();
        table::render(["FIGURE", "VALUE", ""], &rows)
    }
}

/// To four significant digits; more would be noise.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10_f64.powf(3.0 - value.abs().log10().floor());
    (value * scale).round() / scale
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".into(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.abs() >= 1000.0 => grouped(float),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

/// `12345.6` as `12,346`.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest.to_owned()),
        None => ("", digits),
    };
    let mut text = String::from(sign);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_four_digits_and_thousands() {
        for (value, expected) in [
            (0.0, "0.0"),
            (12.345_678, "12.35"),
            (0.001_234_56, "0.001235"),
            (1_234_567.8, "1,235,000"),
            (999.95, "1,000"),
            (f64::NAN, "-"),
        ] {
            let mut figures = Figures::default();
            figures.measure("x", value, "");
            assert_eq!(shown(&figures.rows[0].value), expected);
        }
        let mut figures = Figures::default();
        figures.count("x", 16_000, "");
        assert_eq!(shown(&figures.rows[0].value), "16,000");
        assert!(figures.get("y").is_nan());
    }
}
