//! A dashboard's JSON, as far as it is used here. What a panel's kind alone knows stays JSON until it is drawn.

use serde::Deserialize;
use serde_json::Value;

/// A dashboard of Grafana's classic schema.
#[derive(Debug, Deserialize)]
pub(super) struct Dashboard {
    #[serde(default)]
    pub(super) uid: Option<String>,
    pub(super) title: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) templating: Templating,
    #[serde(default)]
    pub(super) time: TimeRange,
    #[serde(default)]
    pub(super) panels: Vec<Panel>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Templating {
    #[serde(default)]
    pub(super) list: Vec<Variable>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct TimeRange {
    /// Such as `now-15m`.
    #[serde(default)]
    pub(super) from: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Variable {
    pub(super) name: String,
    #[serde(default)]
    pub(super) label: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    query: Value,
    #[serde(default)]
    pub(super) current: Current,
    #[serde(default)]
    pub(super) multi: bool,
    #[serde(default)]
    pub(super) include_all: bool,
    #[serde(default)]
    pub(super) all_value: Option<String>,
    #[serde(default)]
    pub(super) regex: String,
    #[serde(default)]
    pub(super) sort: u8,
    /// 2: neither name nor value are shown.
    #[serde(default)]
    hide: Value,
}

impl Variable {
    /// What is asked for its values; for a list of constants, that list.
    pub(super) fn query(&self) -> &str {
        let query = self.query.as_str().or_else(|| self.query["query"].as_str());
        query.unwrap_or_default()
    }

    pub(super) fn is_hidden(&self) -> bool {
        self.hide == 2
    }
}

/// What was chosen when the dashboard was saved.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Current {
    #[serde(default)]
    value: Value,
}

impl Current {
    pub(super) fn values(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match &self.value {
            Value::Array(values) => values.iter().filter_map(text).collect(),
            value => text(value).into_iter().collect(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Panel {
    #[serde(default)]
    pub(super) id: Option<u64>,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) description: String,
    pub(super) grid_pos: GridPos,
    #[serde(default)]
    pub(super) targets: Vec<Target>,
    #[serde(default)]
    pub(super) field_config: FieldConfigSource,
    #[serde(default)]
    pub(super) options: Value,
    #[serde(default)]
    pub(super) transformations: Vec<Transformation>,
    /// The shortest step of its queries.
    #[serde(default)]
    pub(super) interval: Option<String>,
    #[serde(default)]
    pub(super) max_data_points: Option<f64>,
    /// A range of its own, such as `1h`.
    #[serde(default)]
    pub(super) time_from: Option<String>,
    /// Of a row that is folded: what is in it.
    #[serde(default)]
    pub(super) panels: Vec<Panel>,
}

/// A place on the grid of 24 columns.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct GridPos {
    #[serde(default)]
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) w: usize,
    pub(super) h: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Target {
    #[serde(default)]
    pub(super) ref_id: String,
    #[serde(default)]
    pub(super) expr: String,
    #[serde(default)]
    pub(super) legend_format: String,
    #[serde(default)]
    pub(super) instant: bool,
    #[serde(default)]
    pub(super) range: Option<bool>,
    #[serde(default)]
    pub(super) format: Format,
    #[serde(default)]
    pub(super) interval: Option<String>,
    #[serde(default)]
    pub(super) hide: bool,
}

impl Target {
    /// Whether it wants values over time; what says nothing does.
    pub(super) fn wants_range(&self) -> bool {
        self.range.unwrap_or(!self.instant)
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    #[default]
    TimeSeries,
    Table,
    Heatmap,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct FieldConfigSource {
    #[serde(default)]
    pub(super) defaults: Value,
    #[serde(default)]
    pub(super) overrides: Vec<Override>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Override {
    pub(super) matcher: Matcher,
    #[serde(default)]
    pub(super) properties: Vec<Property>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Matcher {
    pub(super) id: String,
    #[serde(default)]
    pub(super) options: Value,
}

#[derive(Debug, Deserialize)]
pub(super) struct Property {
    /// A path such as `custom.width`.
    pub(super) id: String,
    #[serde(default)]
    pub(super) value: Value,
}

#[derive(Debug, Deserialize)]
pub(super) struct Transformation {
    pub(super) id: String,
    #[serde(default)]
    pub(super) options: Value,
    #[serde(default)]
    pub(super) disabled: bool,
}

impl Dashboard {
    /// Panels in the order of the page, rows among them; folded rows are unfolded, and what is below moves down.
    pub(super) fn laid_out(&self) -> Vec<(GridPos, &Panel)> {
        let mut placed = Vec::new();
        let mut down = 0;
        let mut panels: Vec<&Panel> = self.panels.iter().collect();
        panels.sort_by_key(|panel| (panel.grid_pos.y, panel.grid_pos.x));
        for panel in panels {
            let at = panel.grid_pos;
            let row = GridPos {
                y: at.y + down,
                ..at
            };
            placed.push((row, panel));
            let Some(top) = panel.panels.iter().map(|inner| inner.grid_pos.y).min() else {
                continue;
            };
            let mut bottom = row.y + row.h;
            for inner in &panel.panels {
                let at = inner.grid_pos;
                let at = GridPos {
                    y: at.y - top + row.y + row.h,
                    ..at
                };
                bottom = bottom.max(at.y + at.h);
                placed.push((at, inner));
            }
            down += bottom - row.y - row.h;
        }
        placed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_row_is_unfolded_and_what_is_below_moves_down() {
        let dashboard: Dashboard = serde_json::from_value(serde_json::json!({
            "title": "t",
            "panels": [
                { "type": "row", "gridPos": { "y": 4, "w": 24, "h": 1 }, "panels": [
                    { "type": "text", "gridPos": { "y": 5, "w": 12, "h": 3 } },
                    { "type": "text", "gridPos": { "x": 12, "y": 5, "w": 12, "h": 6 } },
                ] },
                { "type": "stat", "gridPos": { "y": 0, "w": 4, "h": 4 } },
                { "type": "stat", "gridPos": { "y": 5, "w": 4, "h": 4 } },
            ],
        }))
        .unwrap();
        let places = dashboard.laid_out();
        let places: Vec<_> = places
            .iter()
            .map(|(at, panel)| (panel.kind.as_str(), at.y))
            .collect();
        let expected = [
            ("stat", 0),
            ("row", 4),
            ("text", 5),
            ("text", 5),
            ("stat", 11),
        ];
        assert_eq!(places, expected);
    }

    #[test]
    fn a_query_without_a_word_about_it_is_asked_over_time() {
        let target = |json| serde_json::from_value::<Target>(json).unwrap();
        assert!(target(serde_json::json!({ "expr": "up" })).wants_range());
        assert!(!target(serde_json::json!({ "expr": "up", "instant": true })).wants_range());
    }
}
