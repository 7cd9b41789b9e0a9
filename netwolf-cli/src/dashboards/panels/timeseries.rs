//! Lines, areas and bars over time, with their legend.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Line, Scene};
use crate::dashboards::{
    axis::Axis,
    colour,
    frame::Cell,
    look::{Look, Step},
    number::float,
    reduce::{heading, reduce},
    svg::{Anchor, Area, Svg, escape, width_of},
};

/// Below the plot, for the times.
const BOTTOM: f64 = 20.0;
/// A line of a legend.
const LEGEND_ROW: f64 = 20.0;
/// What a legend takes of the panel's height, and of its width where it stands beside.
const LEGEND_SHARE: f64 = 0.45;
/// A legend to the right of the plot.
const LEGEND_WIDTH: f64 = 0.3;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Options {
    legend: LegendOptions,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LegendOptions {
    show_legend: bool,
    display_mode: String,
    placement: String,
    calcs: Vec<String>,
    sort_by: Option<String>,
    sort_desc: bool,
}

impl Default for LegendOptions {
    fn default() -> Self {
        Self {
            show_legend: true,
            display_mode: "list".into(),
            placement: "bottom".into(),
            calcs: Vec::new(),
            sort_by: None,
            sort_desc: false,
        }
    }
}

/// A line as it is drawn: from what to what at each moment.
struct Drawn {
    name: String,
    colour: String,
    /// Time, lower and upper end.
    points: Vec<(f64, f64, f64)>,
    line: Line,
}

impl Drawn {
    fn is_on_the_right(&self) -> bool {
        self.line.look.custom("axisPlacement") == "right"
    }
}

pub(super) fn draw(scene: &Scene<'_>) -> Result<String, String> {
    let options: Options = scene.options()?;
    let drawn = stacked(scene.lines()?);
    let legend = Legend::of(&drawn, &options.legend, scene);
    let (width, height) = legend.rest(scene);
    let plot = plot(&drawn, scene, width, height)?;
    let direction = if legend.is_beside { "beside" } else { "below" };
    Ok(format!(
        "<div class=\"{direction}\">{plot}{}</div>",
        legend.html
    ))
}

/// Puts lines that are to be stacked upon each other.
fn stacked(lines: Vec<Line>) -> Vec<Drawn> {
    let mut heights: BTreeMap<String, BTreeMap<i64, f64>> = BTreeMap::new();
    let drawn = lines.into_iter().enumerate().map(|(index, line)| {
        let is_stacked = line.look.custom("stacking.mode") == "normal";
        let group = line
            .look
            .custom("stacking.group")
            .as_str()
            .unwrap_or("A")
            .to_owned();
        let is_turned = line.look.custom("transform") == "negative-Y";
        let below = heights.entry(group).or_default();
        let points = line.points.iter().filter(|(_, value)| value.is_finite());
        let points = points.map(|(time, value)| {
            let value = if is_turned { -value } else { *value };
            if !is_stacked {
                return (*time, 0.0, value);
            }
            let low = below.entry(moment(*time)).or_default();
            let point = (*time, *low, *low + value);
            *low += value;
            point
        });
        Drawn {
            points: points.collect(),
            colour: line.look.line_colour(index, reduce("last", &line.points)),
            name: line.name.clone(),
            line,
        }
    });
    drawn.collect()
}

/// A time as a key: milliseconds.
#[expect(
    clippy::cast_possible_truncation,
    reason = "milliseconds of Unix time fit"
)]
fn moment(time: f64) -> i64 {
    (time * 1e3).round() as i64
}

fn plot(drawn: &[Drawn], scene: &Scene<'_>, width: f64, height: f64) -> Result<String, String> {
    let (right, left): (Vec<&Drawn>, Vec<&Drawn>) =
        drawn.iter().partition(|drawn| drawn.is_on_the_right());
    let count = (height / 40.0).clamp(2.0, 6.0);
    let look = scene.default_look()?;
    let axis = axis(&left, &look, count);
    let other = (!right.is_empty()).then(|| self::axis(&right, &look, count));
    let room = |axis: &Axis| {
        axis.labels
            .iter()
            .map(|label| width_of(label))
            .fold(20.0, f64::max)
            + 10.0
    };
    let (before, behind) = (room(&axis), other.as_ref().map_or(10.0, room));
    let area = Area {
        x: before,
        y: 6.0,
        width: width - before - behind,
        height: height - BOTTOM - 6.0,
    };
    let time = Axis::of_time(scene.window, area.width / 80.0);
    let mut svg = Svg::new(width, height);
    grid(&mut svg, area, &axis, &time);
    if let Some(other) = &other {
        for (tick, label) in other.ticks.iter().zip(&other.labels) {
            let at = (area.x + area.width + 6.0, other.y(area, *tick));
            svg.text("tick", Anchor::Start, at, label);
        }
    }
    // The first of a stack lies below; the first of lines lies on top, as its name does in the legend.
    for drawn in drawn.iter().rev() {
        let axis = other
            .as_ref()
            .filter(|_| drawn.is_on_the_right())
            .unwrap_or(&axis);
        line(&mut svg, drawn, scene.step, area, axis, &time);
    }
    let style = look
        .custom("thresholdsStyle.mode")
        .as_str()
        .unwrap_or("off");
    if style != "off" {
        thresholds(&mut svg, &look.thresholds.steps, area, &axis);
    }
    Ok(svg.finish())
}

/// The axis of lines that share one; `look` is what holds for all of the panel.
fn axis(drawn: &[&Drawn], look: &Look, count: f64) -> Axis {
    let look = drawn.first().map_or(look, |first| &first.line.look);
    let ends = drawn.iter().flat_map(|drawn| &drawn.points);
    let ends = ends.map(|(_, _, high)| *high).chain(stack_floor(drawn));
    let (least, most) = ends.fold(
        (f64::INFINITY, f64::NEG_INFINITY),
        |(least, most), value| (least.min(value), most.max(value)),
    );
    Axis::of_values(look, least, most, count)
}

/// A stack stands on nothing.
fn stack_floor(drawn: &[&Drawn]) -> Option<f64> {
    let is_stacked = |drawn: &&Drawn| drawn.line.look.custom("stacking.mode") == "normal";
    drawn.iter().any(is_stacked).then_some(0.0)
}

/// Lines across the plot with what they stand for.
pub(super) fn grid(svg: &mut Svg, area: Area, axis: &Axis, time: &Axis) {
    for (tick, label) in axis.ticks.iter().zip(&axis.labels) {
        let y = axis.y(area, *tick);
        svg.line("grid", (area.x, y), (area.x + area.width, y));
        svg.text("tick", Anchor::End, (area.x - 6.0, y), label);
    }
    times(svg, area, time, true);
}

/// The times below a plot, with lines through it where `has_lines`.
pub(super) fn times(svg: &mut Svg, area: Area, time: &Axis, has_lines: bool) {
    let bottom = area.y + area.height;
    for (tick, label) in time.ticks.iter().zip(&time.labels) {
        let x = time.x(area, *tick);
        if has_lines {
            svg.line("grid", (x, area.y), (x, bottom));
        }
        let half = width_of(label) / 2.0;
        let x = x.clamp(half, area.x + area.width + 10.0 - half);
        svg.text("tick", Anchor::Middle, (x, bottom + 11.0), label);
    }
}

fn line(svg: &mut Svg, drawn: &Drawn, step: f64, area: Area, axis: &Axis, time: &Axis) {
    let look = &drawn.line.look;
    let number = |key: &str, otherwise| look.custom(key).as_f64().unwrap_or(otherwise);
    let (width, opacity) = (number("lineWidth", 1.0), number("fillOpacity", 0.0) / 100.0);
    let spans_gaps = look.custom("spanNulls") == true;
    let style = look.custom("drawStyle").as_str().unwrap_or("line");
    let floor = axis.low.max(0.0).min(axis.high);
    let at = |t: f64, value: f64| (time.x(area, t), axis.y(area, value));
    if style == "bars" {
        let half = (area.width * step / (time.high - time.low) * 0.4).max(0.5);
        for (t, low, high) in &drawn.points {
            let ((x, top), (_, bottom)) = (at(*t, *high), at(*t, low.max(floor)));
            let bar = [
                (x - half, bottom),
                (x - half, top),
                (x + half, top),
                (x + half, bottom),
            ];
            svg.shape(&drawn.colour, opacity.max(0.6), &bar);
        }
        return;
    }
    let has_steps = look.custom("lineInterpolation") == "stepAfter";
    for piece in pieces(
        &drawn.points,
        if spans_gaps {
            f64::INFINITY
        } else {
            step * 1.5
        },
    ) {
        let upper: Vec<_> = piece.iter().map(|(t, _, high)| at(*t, *high)).collect();
        let lower: Vec<_> = piece
            .iter()
            .map(|(t, low, _)| at(*t, if *low == 0.0 { floor } else { *low }))
            .collect();
        let (upper, lower) = if has_steps {
            (steps(&upper), steps(&lower))
        } else {
            (upper, lower)
        };
        if opacity > 0.0 {
            let around: Vec<_> = upper.iter().chain(lower.iter().rev()).copied().collect();
            svg.shape(&drawn.colour, opacity, &around);
        }
        if upper.len() == 1 || style == "points" {
            for point in &upper {
                svg.dot(&drawn.colour, *point, 1.8);
            }
        } else {
            svg.path(&drawn.colour, width.max(1.0) * 1.2, &upper);
        }
    }
}

/// Points that are no farther apart than `gap`.
fn pieces(points: &[(f64, f64, f64)], gap: f64) -> Vec<&[(f64, f64, f64)]> {
    points.chunk_by(|(a, ..), (b, ..)| b - a <= gap).collect()
}

/// Level until the next point.
fn steps(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut stepped = Vec::with_capacity(points.len() * 2);
    for (x, y) in points {
        if let Some((_, before)) = stepped.last().copied() {
            stepped.push((*x, before));
        }
        stepped.push((*x, *y));
    }
    stepped
}

fn thresholds(svg: &mut Svg, steps: &[Step], area: Area, axis: &Axis) {
    for step in steps {
        let Some(value) = step
            .value
            .filter(|value| (axis.low..=axis.high).contains(value))
        else {
            continue;
        };
        let y = axis.y(area, value);
        svg.dashes(
            &colour::css(&step.color),
            (area.x, y),
            (area.x + area.width, y),
        );
    }
}

/// Names and values of the lines, below the plot or beside it.
struct Legend {
    html: String,
    is_beside: bool,
    width: f64,
    height: f64,
}

impl Legend {
    fn of(drawn: &[Drawn], options: &LegendOptions, scene: &Scene<'_>) -> Self {
        let is_beside = options.placement == "right";
        let width = if is_beside {
            scene.width * LEGEND_WIDTH
        } else {
            scene.width
        };
        if !options.show_legend || options.display_mode == "hidden" || drawn.is_empty() {
            return Self {
                html: String::new(),
                is_beside,
                width: 0.0,
                height: 0.0,
            };
        }
        let is_table = options.display_mode == "table";
        let rows = if is_table {
            float(drawn.len()) + 1.0
        } else {
            rows(drawn, width)
        };
        let most = if is_beside {
            scene.height
        } else {
            scene.height * LEGEND_SHARE
        };
        // Half a line is no line.
        let height = rows.min((most / LEGEND_ROW).floor()) * LEGEND_ROW;
        let inside = if is_table {
            table(drawn, options, scene.now)
        } else {
            list(drawn, options, scene.now)
        };
        Self {
            html: format!(
                "<div class=\"legend\" style=\"width:{width:.0}px;height:{height:.0}px\">{inside}</div>"
            ),
            is_beside,
            width,
            height,
        }
    }

    /// The room that it leaves.
    fn rest(&self, scene: &Scene<'_>) -> (f64, f64) {
        if self.is_beside {
            (scene.width - self.width, scene.height)
        } else {
            (scene.width, scene.height - self.height)
        }
    }
}

/// How many lines the names take, one after the other.
fn rows(drawn: &[Drawn], width: f64) -> f64 {
    let mut rows = 1.0;
    let mut used = 0.0;
    for drawn in drawn {
        let needed = width_of(&drawn.name) + 34.0;
        if used + needed > width && used > 0.0 {
            rows += 1.0;
            used = 0.0;
        }
        used += needed;
    }
    rows
}

fn mark(drawn: &Drawn) -> String {
    let name = escape(&drawn.name);
    format!(
        "<i style=\"background:{}\"></i><span title=\"{name}\">{name}</span>",
        drawn.colour
    )
}

fn value(drawn: &Drawn, calculation: &str, now: f64) -> String {
    let value = reduce(calculation, &drawn.line.points);
    let shown = value.map(|value| drawn.line.look.show(&Cell::Number(value), now).text);
    escape(&shown.unwrap_or_default())
}

fn list(drawn: &[Drawn], options: &LegendOptions, now: f64) -> String {
    let items = drawn.iter().map(|drawn| {
        let values = options.calcs.iter().map(|calculation| {
            format!(
                " <b>{}: {}</b>",
                heading(calculation),
                value(drawn, calculation, now)
            )
        });
        format!(
            "<span class=\"item\">{}{}</span>",
            mark(drawn),
            values.collect::<String>()
        )
    });
    items.collect()
}

fn table(drawn: &[Drawn], options: &LegendOptions, now: f64) -> String {
    let mut sorted: Vec<&Drawn> = drawn.iter().collect();
    let by = options
        .calcs
        .iter()
        .find(|calculation| Some(heading(calculation)) == options.sort_by.as_deref());
    if let Some(by) = by {
        let place = |drawn: &Drawn| reduce(by, &drawn.line.points).unwrap_or(f64::NEG_INFINITY);
        sorted.sort_by(|a, b| place(a).total_cmp(&place(b)));
        if options.sort_desc {
            sorted.reverse();
        }
    }
    let headings = options
        .calcs
        .iter()
        .map(|calculation| format!("<th>{}</th>", escape(heading(calculation))));
    let rows = sorted.iter().map(|drawn| {
        let cells = options
            .calcs
            .iter()
            .map(|calculation| format!("<td>{}</td>", value(drawn, calculation, now)));
        format!(
            "<tr><td>{}</td>{}</tr>",
            mark(drawn),
            cells.collect::<String>()
        )
    });
    let rows: String = rows.collect();
    format!(
        "<table><tr><th>Name</th>{}</tr>{rows}</table>",
        headings.collect::<String>()
    )
}
