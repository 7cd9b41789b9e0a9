//! A panel's results as HTML, by the kind of panel.

use serde::Deserialize;
use serde_json::Value;

use super::{
    frame::Frame,
    look::Look,
    model::{FieldConfigSource, Panel},
    svg::escape,
    window::Window,
};

mod bargauge;
mod heatmap;
mod stat;
mod state_timeline;
mod table;
mod text;
mod timeseries;

/// What there is to draw, and the room for it.
pub(super) struct Scene<'p> {
    pub(super) panel: &'p Panel,
    /// After the panel's transformations.
    pub(super) frames: Vec<Frame>,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) window: Window,
    /// From one point to the next, in seconds.
    pub(super) step: f64,
    /// Whether the page is dark.
    pub(super) is_dark: bool,
    /// What times are told from, in seconds of Unix time.
    pub(super) now: f64,
    /// The text of a text panel, with its variables put in.
    pub(super) text: String,
}

/// Values of one series over time, and how they are to look.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
    pub(super) look: Look,
}

/// The panel's inside.
///
/// # Errors
/// When it is of a kind, or has settings, that are not known here.
pub(super) fn draw(scene: &Scene<'_>) -> Result<String, String> {
    match scene.panel.kind.as_str() {
        "text" => return Ok(text::draw(scene)),
        "stat" => return stat::draw(scene),
        _ if scene.frames.iter().all(|frame| frame.rows() == 0) => return Ok(scene.no_data()),
        _ => {}
    }
    match scene.panel.kind.as_str() {
        "timeseries" => timeseries::draw(scene),
        "table" => table::draw(scene),
        "bargauge" => bargauge::draw(scene),
        "heatmap" => heatmap::draw(scene),
        "state-timeline" => state_timeline::draw(scene),
        other => Err(format!(
            "panels of the type {other:?} are not drawn by the preview"
        )),
    }
}

impl Scene<'_> {
    /// The settings that only this kind of panel knows.
    fn options<T: for<'o> Deserialize<'o> + Default>(&self) -> Result<T, String> {
        match &self.panel.options {
            Value::Null => Ok(T::default()),
            options => T::deserialize(options).map_err(|error| format!("options: {error}")),
        }
    }

    /// All series, in the order of the queries.
    fn lines(&self) -> Result<Vec<Line>, String> {
        let mut lines = Vec::new();
        for frame in &self.frames {
            for field in frame.fields.iter().filter(|field| field.is_number()) {
                let look = Look::of(&self.panel.field_config, frame, field)?;
                let points: Vec<(f64, f64)> = frame.points(field).collect();
                lines.push(Line {
                    name: look.name(field).to_owned(),
                    points,
                    look,
                });
            }
        }
        Ok(lines)
    }

    /// How fields look that no override is meant for.
    fn default_look(&self) -> Result<Look, String> {
        let source = FieldConfigSource {
            defaults: self.panel.field_config.defaults.clone(),
            overrides: Vec::new(),
        };
        Look::of(&source, &Frame::default(), &super::frame::Field::default())
    }

    fn no_data(&self) -> String {
        let told = self.panel.field_config.defaults["noValue"].as_str();
        format!(
            "<p class=\"none\">{}</p>",
            escape(told.unwrap_or("No data"))
        )
    }
}

/// What is asked of panels that show one value of each series.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ReduceOptions {
    calcs: Vec<String>,
    /// A name, or a regular expression between slashes; the numbers where it is empty.
    fields: String,
}

impl ReduceOptions {
    fn calculation(&self) -> &str {
        self.calcs.first().map_or("lastNotNull", String::as_str)
    }
}

#[cfg(test)]
mod tests;
