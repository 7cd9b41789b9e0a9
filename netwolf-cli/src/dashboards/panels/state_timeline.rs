//! States over time, a row for each series.

use serde::Deserialize;

use super::{Line, Scene, timeseries};
use crate::dashboards::{
    axis::Axis,
    colour,
    frame::Cell,
    number::float,
    svg::{Anchor, Area, Svg, cut, width_of},
};

/// Below the plot, for the times.
const BOTTOM: f64 = 20.0;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    /// The share of its row that a bar fills.
    row_height: f64,
    show_value: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            row_height: 0.9,
            show_value: "auto".into(),
        }
    }
}

/// A time for which a state holds.
#[derive(Debug, PartialEq)]
pub(super) struct Stretch {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) text: String,
    pub(super) colour: Option<String>,
}

pub(super) fn draw(scene: &Scene<'_>) -> Result<String, String> {
    let options: Options = scene.options()?;
    let lines = scene.lines()?;
    let widest = lines
        .iter()
        .map(|line| width_of(&line.name))
        .fold(20.0, f64::max);
    let left = (widest + 12.0).min(scene.width * 0.35);
    let area = Area {
        x: left,
        y: 4.0,
        width: scene.width - left - 10.0,
        height: scene.height - BOTTOM - 4.0,
    };
    let time = Axis::of_time(scene.window, area.width / 80.0);
    let row = area.height / float(lines.len().max(1));
    let mut svg = Svg::new(scene.width, scene.height);
    for (at, line) in lines.iter().enumerate() {
        let y = area.y + row * float(at);
        svg.text(
            "name",
            Anchor::End,
            (left - 8.0, y + row / 2.0),
            &cut(&line.name, left - 10.0),
        );
        for stretch in stretches(line, scene.step, scene.now) {
            let (from, to) = (time.x(area, stretch.from), time.x(area, stretch.to));
            let (from, to) = (from.max(area.x), to.min(area.x + area.width));
            let bar = Area {
                x: from,
                y: y + row * (1.0 - options.row_height) / 2.0,
                width: (to - from).max(0.5),
                height: row * options.row_height,
            };
            let paint = stretch
                .colour
                .unwrap_or_else(|| colour::of_series(at).into());
            svg.rounded(&paint, bar, 2.0);
            let fits = width_of(&stretch.text) + 8.0 < bar.width && bar.height > 11.0;
            if fits && options.show_value != "never" {
                svg.text(
                    "state",
                    Anchor::Start,
                    (from + 5.0, y + row / 2.0),
                    &stretch.text,
                );
            }
        }
    }
    timeseries::times(&mut svg, area, &time, false);
    Ok(svg.finish())
}

/// What is shown as the same, one point after the other, is one; a point holds until the next one is due.
pub(super) fn stretches(line: &Line, step: f64, now: f64) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (time, value) in &line.points {
        let shown = line.look.show(&Cell::Number(*value), now);
        match stretches.last_mut() {
            Some(last) if last.text == shown.text && time - last.to <= step / 2.0 => {
                last.to = time + step;
            }
            _ => stretches.push(Stretch {
                from: *time,
                to: time + step,
                text: shown.text,
                colour: shown.colour,
            }),
        }
    }
    stretches
}
