//! How many were where, over time: cells that are the brighter the more there are.

use serde::Deserialize;
use serde_json::Value;

use super::{Line, Scene, timeseries};
use crate::dashboards::{
    axis::Axis,
    colour,
    number::{float, whole},
    svg::{Anchor, Area, Svg, cut, width_of},
    units::format,
    window::length,
};

/// Below the plot: times and the scale.
const BOTTOM: f64 = 44.0;
/// How long the scale is.
const SCALE: f64 = 160.0;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    calculate: bool,
    calculation: Value,
    color: ColourOptions,
    y_axis: YAxis,
    cell_values: CellValues,
    cell_gap: Option<f64>,
    filter_values: FilterValues,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct ColourOptions {
    mode: String,
    scheme: String,
    fill: String,
    exponent: f64,
    reverse: bool,
    min: Option<f64>,
    max: Option<f64>,
}

impl Default for ColourOptions {
    fn default() -> Self {
        Self {
            mode: "scheme".into(),
            scheme: "Oranges".into(),
            fill: "dark-orange".into(),
            exponent: 0.5,
            reverse: false,
            min: None,
            max: None,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct YAxis {
    unit: Option<String>,
    decimals: Option<usize>,
    reverse: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CellValues {
    unit: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct FilterValues {
    /// What is not more than this is not drawn.
    le: Option<f64>,
}

impl Default for FilterValues {
    fn default() -> Self {
        Self { le: Some(1e-9) }
    }
}

/// A row of cells.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// What stands beside it; none where there is no room for all.
    pub(super) name: String,
    /// Times and values.
    pub(super) cells: Vec<(f64, f64)>,
}

pub(super) fn draw(scene: &Scene<'_>) -> Result<String, String> {
    let options: Options = scene.options()?;
    let unit = options.y_axis.unit.clone().unwrap_or_default();
    let lines = scene.lines()?;
    let mut step = scene.step;
    let mut rows = if options.calculate {
        let size = |which: &str| options.calculation[which]["value"].clone();
        let told = size("xBuckets");
        let told = told.as_str().and_then(length).or(told.as_f64());
        step = told.unwrap_or((scene.window.length() / 60.0).max(scene.step));
        let height = size("yBuckets");
        let height = height
            .as_str()
            .and_then(|text| text.parse().ok())
            .or(height.as_f64());
        counted(&lines, step, height, &|value| {
            format(&unit, value, options.y_axis.decimals, scene.now)
        })
    } else {
        let named = |name: &str| match name.parse::<f64>() {
            Ok(bound) if bound.is_finite() => {
                format(&unit, bound, options.y_axis.decimals, scene.now)
            }
            _ => name.to_owned(),
        };
        rows_of(&lines, named)
    };
    if options.y_axis.reverse {
        rows.reverse();
    }
    Ok(picture(scene, &options, &rows, step))
}

/// A row for each series, from below.
fn rows_of(lines: &[Line], named: impl Fn(&str) -> String) -> Vec<Row> {
    let mut sorted: Vec<&Line> = lines.iter().collect();
    let bound = |line: &Line| line.name.replace("+Inf", "inf").parse::<f64>();
    if sorted.iter().all(|line| bound(line).is_ok()) {
        sorted.sort_by(|a, b| {
            bound(a)
                .unwrap_or_default()
                .total_cmp(&bound(b).unwrap_or_default())
        });
    }
    let rows = sorted.iter().map(|line| Row {
        name: named(&line.name),
        cells: line.points.clone(),
    });
    rows.collect()
}

/// How many points of `lines` are in each bucket, of `width` seconds and `height`, or about twenty from below to
/// above.
pub(super) fn counted(
    lines: &[Line],
    width: f64,
    height: Option<f64>,
    named: &dyn Fn(f64) -> String,
) -> Vec<Row> {
    let points = || {
        lines
            .iter()
            .flat_map(|line| &line.points)
            .filter(|(_, value)| value.is_finite())
    };
    let Some(least) = points().map(|(_, value)| *value).min_by(f64::total_cmp) else {
        return Vec::new();
    };
    let most = points().map(|(_, value)| *value).fold(least, f64::max);
    let height = height.filter(|height| *height > 0.0);
    let height = height.unwrap_or_else(|| ((most - least) / 20.0).max(f64::MIN_POSITIVE));
    let bottom = (least / height).floor();
    let place = |value: f64| whole((value / height).floor() - bottom);
    // A bucket of a size that somebody chose for other values would be one of millions.
    let count = place(most).min(1000) + 1;
    let mut rows: Vec<Row> = (0..count)
        .map(|at| Row {
            name: named((bottom + float(at)) * height),
            cells: Vec::new(),
        })
        .collect();
    for (time, value) in points() {
        let start = (time / width).floor() * width;
        let cells = &mut rows[place(*value).min(count - 1)].cells;
        match cells
            .iter_mut()
            .find(|(at, _)| at.total_cmp(&start).is_eq())
        {
            Some((_, count)) => *count += 1.0,
            None => cells.push((start, 1.0)),
        }
    }
    rows
}

fn picture(scene: &Scene<'_>, options: &Options, rows: &[Row], step: f64) -> String {
    let least_shown = options.filter_values.le.unwrap_or(f64::NEG_INFINITY);
    let values = rows
        .iter()
        .flat_map(|row| &row.cells)
        .map(|(_, value)| *value);
    let shown = values.filter(|value| value.is_finite() && *value > least_shown);
    let (least, most) = shown.fold(
        (f64::INFINITY, f64::NEG_INFINITY),
        |(least, most), value| (least.min(value), most.max(value)),
    );
    let least = options.color.min.unwrap_or(if least.is_finite() {
        least.min(0.0)
    } else {
        0.0
    });
    let most = options
        .color
        .max
        .unwrap_or(if most.is_finite() { most } else { 1.0 });
    let widest = rows
        .iter()
        .map(|row| width_of(&row.name))
        .fold(20.0, f64::max);
    let left = (widest + 10.0).min(scene.width * 0.35);
    let area = Area {
        x: left,
        y: 6.0,
        width: scene.width - left - 10.0,
        height: scene.height - BOTTOM - 6.0,
    };
    let time = Axis::of_time(scene.window, area.width / 80.0);
    let height = area.height / float(rows.len().max(1));
    let every = (14.0 / height).ceil().max(1.0);
    let gap = options.cell_gap.unwrap_or(1.0).min(height / 3.0);
    let mut svg = Svg::new(scene.width, scene.height);
    for (at, row) in rows.iter().enumerate() {
        let y = area.y + area.height - height * float(at + 1);
        if float(at) % every == 0.0 {
            svg.text(
                "tick",
                Anchor::End,
                (left - 6.0, y + height / 2.0),
                &cut(&row.name, left - 8.0),
            );
        }
        for (start, value) in row.cells.iter().filter(|(_, value)| *value > least_shown) {
            let (from, to) = (
                time.x(area, start - step / 2.0),
                time.x(area, start + step / 2.0),
            );
            let (from, to) = (from.max(area.x), to.min(area.x + area.width));
            let cell = Area {
                x: from,
                y: y + gap / 2.0,
                width: (to - from - gap).max(0.5),
                height: height - gap,
            };
            let share = if most > least {
                (value - least) / (most - least)
            } else {
                1.0
            };
            svg.rect(&options.color.paint(share, scene.is_dark), cell);
        }
    }
    timeseries::times(&mut svg, area, &time, false);
    scale(&mut svg, scene, options, (least, most));
    svg.finish()
}

impl ColourOptions {
    fn paint(&self, share: f64, is_dark: bool) -> String {
        let share = share.clamp(0.0, 1.0).powf(self.exponent);
        if self.mode == "opacity" {
            let colour = colour::css(&self.fill);
            return format!(
                "color-mix(in srgb,{colour} {:.0}%,transparent)",
                share * 100.0
            );
        }
        // Scales of one hue run from light to dark, which on a dark page is upside down: Grafana turns them, too.
        let stops = colour::scale(&self.scheme);
        let is_turned = self.reverse != (is_dark && colour::runs_to_dark(stops));
        colour::at(stops, if is_turned { 1.0 - share } else { share })
    }
}

/// What the colours stand for.
fn scale(svg: &mut Svg, scene: &Scene<'_>, options: &Options, (least, most): (f64, f64)) {
    let unit = options.cell_values.unit.as_deref().unwrap_or_default();
    let y = scene.height - 12.0;
    let right = scene.width - 10.0 - width_of(&format(unit, most, None, scene.now)) - 6.0;
    let left = right - SCALE;
    for at in 0..40 {
        let share = float(at) / 39.0;
        let piece = Area {
            x: left + share * (SCALE - 4.0),
            y: y - 4.0,
            width: 4.2,
            height: 8.0,
        };
        svg.rect(&options.color.paint(share, scene.is_dark), piece);
    }
    svg.text(
        "tick",
        Anchor::End,
        (left - 6.0, y),
        &format(unit, least, None, scene.now),
    );
    svg.text(
        "tick",
        Anchor::Start,
        (right + 6.0, y),
        &format(unit, most, None, scene.now),
    );
}
