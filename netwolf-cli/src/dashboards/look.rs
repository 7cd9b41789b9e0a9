//! How a field is to look: a panel's defaults with the overrides that match, and values by that. Pure.

use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    colour,
    frame::{Cell, Field, Frame},
    model::{FieldConfigSource, Matcher},
    units,
};

/// What may be said about a field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Look {
    pub(super) display_name: Option<String>,
    pub(super) unit: String,
    pub(super) decimals: Option<usize>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) no_value: Option<String>,
    pub(super) color: Colour,
    pub(super) thresholds: Thresholds,
    pub(super) mappings: Vec<Mapping>,
    pub(super) custom: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Colour {
    pub(super) mode: String,
    fixed_color: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Thresholds {
    mode: String,
    pub(super) steps: Vec<Step>,
}

/// Grafana's own, which hold where a dashboard has none.
impl Default for Thresholds {
    fn default() -> Self {
        let step = |color: &str, value| Step {
            color: color.into(),
            value,
        };
        Self {
            mode: "absolute".into(),
            steps: vec![step("green", None), step("red", Some(80.0))],
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Step {
    pub(super) color: String,
    /// None for what is below all others.
    #[serde(default)]
    pub(super) value: Option<f64>,
}

/// Values that are shown as something else.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", content = "options", rename_all = "lowercase")]
pub(super) enum Mapping {
    Value(Map<String, Value>),
    Range {
        #[serde(default)]
        from: Option<f64>,
        #[serde(default)]
        to: Option<f64>,
        result: Mapped,
    },
    Regex {
        pattern: String,
        result: Mapped,
    },
    Special {
        #[serde(rename = "match")]
        what: String,
        result: Mapped,
    },
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Mapped {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    color: Option<String>,
}

/// A value as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) text: String,
    /// In CSS; none where nothing asks for one.
    pub(super) colour: Option<String>,
}

impl Look {
    /// What `source` says about `field`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn of(
        source: &FieldConfigSource,
        frame: &Frame,
        field: &Field,
    ) -> Result<Self, String> {
        let mut merged = match &source.defaults {
            Value::Object(defaults) => defaults.clone(),
            _ => Map::new(),
        };
        for over in &source.overrides {
            if is_meant(&over.matcher, frame, field) {
                for property in &over.properties {
                    set(&mut merged, &property.id, property.value.clone());
                }
            }
        }
        // What is null counts as not said.
        merged.retain(|_, value| !value.is_null());
        serde_json::from_value(Value::Object(merged))
            .map_err(|error| format!("fieldConfig: {error}"))
    }

    /// Something that only some kinds of panel know.
    pub(super) fn custom(&self, key: &str) -> &Value {
        let pointer = format!("/{}", key.replace('.', "/"));
        self.custom.pointer(&pointer).unwrap_or(&Value::Null)
    }

    pub(super) fn name<'n>(&'n self, field: &'n Field) -> &'n str {
        self.display_name.as_deref().unwrap_or(&field.name)
    }

    /// A cell as it is shown; `now` is what times are told from.
    pub(super) fn show(&self, cell: &Cell, now: f64) -> Shown {
        if let Some(mapped) = self.mappings.iter().find_map(|mapping| mapping.apply(cell)) {
            let colour = mapped.color.as_deref().map(colour::css);
            return Shown {
                text: mapped
                    .text
                    .filter(|text| !text.is_empty())
                    .unwrap_or_else(|| self.text(cell, now)),
                colour: colour.or_else(|| self.colour(cell.number()?, None)),
            };
        }
        Shown {
            text: self.text(cell, now),
            colour: cell.number().and_then(|value| self.colour(value, None)),
        }
    }

    fn text(&self, cell: &Cell, now: f64) -> String {
        match cell {
            Cell::Number(value) => units::format(&self.unit, *value, self.decimals, now),
            Cell::Time(time) if self.unit.is_empty() => units::date_and_clock(*time),
            Cell::Time(time) => units::format(&self.unit, time * 1e3, self.decimals, now),
            Cell::Text(text) => text.clone(),
            Cell::Empty => self.no_value.clone().unwrap_or_default(),
        }
    }

    /// The colour of a value; `span` is what there is from the least to the greatest, where no bounds are told.
    pub(super) fn colour(&self, value: f64, span: Option<(f64, f64)>) -> Option<String> {
        let (least, most) = span.unwrap_or((0.0, 100.0));
        let (least, most) = (self.min.unwrap_or(least), self.max.unwrap_or(most));
        let place = if most > least {
            (value - least) / (most - least)
        } else {
            0.0
        };
        match self.color.mode.as_str() {
            "fixed" | "shades" => self.color.fixed_color.as_deref().map(colour::css),
            mode if mode.starts_with("palette") => None,
            mode if mode.starts_with("continuous") => Some(colour::at(colour::scale(mode), place)),
            _ => {
                let value = if self.thresholds.mode == "percentage" {
                    place * 100.0
                } else {
                    value
                };
                self.thresholds.colour(value)
            }
        }
    }

    /// The colour of a line: one of the palette unless something else is asked for.
    pub(super) fn line_colour(&self, index: usize, last: Option<f64>) -> String {
        let is_told = !self.color.mode.is_empty() && !self.color.mode.starts_with("palette");
        let told = is_told
            .then(|| self.colour(last.unwrap_or_default(), None))
            .flatten();
        told.unwrap_or_else(|| colour::of_series(index).into())
    }
}

impl Thresholds {
    fn colour(&self, value: f64) -> Option<String> {
        let mut passed = self.steps.iter().rev();
        let step = passed.find(|step| step.value.is_none_or(|from| value >= from));
        step.or(self.steps.first())
            .map(|step| colour::css(&step.color))
    }
}

impl Mapping {
    fn apply(&self, cell: &Cell) -> Option<Mapped> {
        let text = match cell {
            Cell::Number(number) => number.to_string(),
            Cell::Text(text) => text.clone(),
            _ => String::new(),
        };
        match self {
            Self::Value(by_text) => {
                let mapped = by_text.get(&text)?;
                serde_json::from_value(mapped.clone()).ok()
            }
            Self::Range { from, to, result } => {
                let number = cell.number()?;
                let fits =
                    from.is_none_or(|from| number >= from) && to.is_none_or(|to| number <= to);
                fits.then(|| result.clone())
            }
            Self::Regex { pattern, result } => {
                let pattern = Regex::new(pattern.trim_matches('/')).ok()?;
                (matches!(cell, Cell::Text(_)) && pattern.is_match(&text)).then(|| result.clone())
            }
            Self::Special { what, result } => {
                let is_nan = cell.number().is_some_and(f64::is_nan);
                let fits = match what.as_str() {
                    "null" => *cell == Cell::Empty,
                    "nan" => is_nan,
                    "null+nan" => is_nan || *cell == Cell::Empty,
                    "true" => cell.number() == Some(1.0),
                    "false" => cell.number() == Some(0.0),
                    "empty" => matches!(cell, Cell::Text(text) if text.is_empty()),
                    _ => false,
                };
                fits.then(|| result.clone())
            }
        }
    }
}

fn is_meant(matcher: &Matcher, frame: &Frame, field: &Field) -> bool {
    let text = matcher.options.as_str().unwrap_or_default();
    match matcher.id.as_str() {
        "byName" => field.name == text,
        "byRegexp" => {
            Regex::new(text.trim_matches('/')).is_ok_and(|pattern| pattern.is_match(&field.name))
        }
        "byFrameRefID" => frame.ref_id == text,
        "byType" => match text {
            "number" => field.is_number(),
            "time" => field.is_time(),
            _ => !field.is_number() && !field.is_time(),
        },
        "byNames" => {
            let names = matcher.options["names"].as_array();
            names.is_some_and(|names| names.iter().any(|name| name == field.name.as_str()))
        }
        _ => false,
    }
}

/// Sets what is at a path such as `custom.width`.
fn set(map: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            map.insert(path.into(), value);
        }
        Some((first, rest)) => {
            let inner = map
                .entry(first)
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn look(source: Value, name: &str, cell: Cell) -> Look {
        let source: FieldConfigSource = serde_json::from_value(source).unwrap();
        let field = Field::new(name, vec![cell]);
        Look::of(&source, &Frame::default(), &field).unwrap()
    }

    #[test]
    fn overrides_that_match_win() {
        let source = json!({
            "defaults": { "unit": "s", "custom": { "width": 1 } },
            "overrides": [
                { "matcher": { "id": "byName", "options": "load" }, "properties": [
                    { "id": "unit", "value": "percentunit" },
                    { "id": "custom.width", "value": 80 },
                    { "id": "custom.cellOptions.type", "value": "gauge" },
                ] },
                { "matcher": { "id": "byType", "options": "string" }, "properties": [
                    { "id": "displayName", "value": "Name" } ] },
            ],
        });
        let load = look(source.clone(), "load", Cell::Number(0.5));
        assert_eq!(load.show(&Cell::Number(0.5), 0.0).text, "50%");
        assert_eq!(load.custom("width"), 80);
        assert_eq!(load.custom("cellOptions.type"), "gauge");
        assert_eq!(look(source.clone(), "other", Cell::Number(1.0)).unit, "s");
        let text = look(source, "device", Cell::Text("a".into()));
        assert_eq!(text.display_name.as_deref(), Some("Name"));
    }

    #[test]
    fn thresholds_colour_values() {
        let source = json!({ "defaults": { "thresholds": { "mode": "absolute", "steps": [
            { "color": "green", "value": null }, { "color": "red", "value": 0.9 } ] } } });
        let look = look(source, "a", Cell::Number(1.0));
        assert_eq!(look.colour(0.5, None).unwrap(), colour::css("green"));
        assert_eq!(look.colour(0.9, None).unwrap(), colour::css("red"));
    }

    #[test]
    fn a_panel_without_thresholds_has_those_of_grafana() {
        let look = look(json!({}), "a", Cell::Number(1.0));
        assert_eq!(look.colour(79.0, None).unwrap(), colour::css("green"));
        assert_eq!(look.colour(80.0, None).unwrap(), colour::css("red"));
    }

    #[test]
    fn mappings_put_words_for_values() {
        let source = json!({ "defaults": { "mappings": [
            { "type": "value", "options": { "1": { "text": "up", "color": "green", "index": 0 } } },
            { "type": "range", "options": { "from": 2, "to": null, "result": { "text": "many" } } },
            { "type": "special", "options": { "match": "null+nan", "result": { "text": "?" } } },
        ] } });
        let look = look(source, "a", Cell::Number(1.0));
        let text = |cell| look.show(&cell, 0.0).text;
        assert_eq!(text(Cell::Number(1.0)), "up");
        assert_eq!(text(Cell::Number(7.0)), "many");
        assert_eq!(text(Cell::Number(f64::NAN)), "?");
        assert_eq!(text(Cell::Empty), "?");
        assert_eq!(text(Cell::Number(0.0)), "0");
    }
}
