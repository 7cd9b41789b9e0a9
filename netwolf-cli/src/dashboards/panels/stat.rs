//! Single values, large.

use serde::Deserialize;

use super::{ReduceOptions, Scene};
use crate::dashboards::{
    colour,
    frame::{Cell, Field, Frame},
    look::Look,
    number::float,
    reduce::reduce,
    svg::{Svg, escape},
};

/// Letters of large text are so wide, by its size.
const LETTER: f64 = 0.58;
/// No value is larger, so that panels side by side look alike.
const LARGEST: f64 = 44.0;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    #[serde(rename = "reduceOptions")]
    reduce: ReduceOptions,
    color_mode: String,
    graph_mode: String,
    text_mode: String,
    orientation: String,
}

struct Tile {
    name: String,
    text: String,
    colour: String,
    points: Vec<(f64, f64)>,
}

pub(super) fn draw(scene: &Scene<'_>) -> Result<String, String> {
    let options: Options = scene.options()?;
    let tiles = tiles(scene, &options.reduce)?;
    if tiles.is_empty() {
        return Ok(scene.no_data());
    }
    let is_row = match options.orientation.as_str() {
        "vertical" => true,
        "horizontal" => false,
        _ => scene.width >= scene.height,
    };
    let count = float(tiles.len());
    let (width, height) = if is_row {
        (scene.width / count, scene.height)
    } else {
        (scene.width, scene.height / count)
    };
    let has_names = match options.text_mode.as_str() {
        "value_and_name" | "name" => true,
        "value" | "none" => false,
        _ => tiles.len() > 1,
    };
    let longest = tiles
        .iter()
        .map(|tile| float(tile.text.chars().count()))
        .fold(1.0, f64::max);
    let for_height = if has_names {
        height * 0.42
    } else {
        height * 0.6
    };
    let size = for_height
        .min(width * 0.86 / (longest * LETTER))
        .min(LARGEST);
    let is_filled = options.color_mode.starts_with("background");
    let tiles = tiles.iter().map(|tile| {
        let graph = if options.graph_mode == "area" { sparkline(tile, width, height) } else { String::new() };
        let background = if is_filled { format!("background:{};color:#fff;", tile.colour) } else { String::new() };
        let colour = match options.color_mode.as_str() {
            "value" | "" => format!("color:{};", tile.colour),
            _ => String::new(),
        };
        let name = if has_names { format!("<span>{}</span>", escape(&tile.name)) } else { String::new() };
        let value = if options.text_mode == "name" || options.text_mode == "none" {
            String::new()
        } else {
            format!("<b style=\"{colour}font-size:{size:.0}px\">{}</b>", escape(&tile.text))
        };
        format!(
            "<div class=\"tile\" style=\"{background}width:{width:.0}px;height:{height:.0}px\">{graph}{name}{value}</div>"
        )
    });
    Ok(format!(
        "<div class=\"tiles\">{}</div>",
        tiles.collect::<String>()
    ))
}

fn tiles(scene: &Scene<'_>, options: &ReduceOptions) -> Result<Vec<Tile>, String> {
    let mut tiles = Vec::new();
    for frame in &scene.frames {
        for field in frame
            .fields
            .iter()
            .filter(|field| is_wanted(field, &options.fields))
        {
            let look = Look::of(&scene.panel.field_config, frame, field)?;
            tiles.push(tile(frame, field, &look, options, tiles.len(), scene.now));
        }
    }
    Ok(tiles)
}

fn is_wanted(field: &Field, wanted: &str) -> bool {
    if wanted.is_empty() {
        return field.is_number();
    }
    match wanted
        .strip_prefix('/')
        .and_then(|wanted| wanted.strip_suffix('/'))
    {
        Some(pattern) => {
            regex::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(&field.name))
        }
        None => field.name == wanted,
    }
}

fn tile(
    frame: &Frame,
    field: &Field,
    look: &Look,
    options: &ReduceOptions,
    index: usize,
    now: f64,
) -> Tile {
    let points: Vec<(f64, f64)> = frame.points(field).collect();
    let cell = match reduce(options.calculation(), &points) {
        Some(value) => Cell::Number(value),
        None => field.cells.last().cloned().unwrap_or(Cell::Empty),
    };
    let shown = look.show(&cell, now);
    let first = |cell: Cell| {
        look.thresholds
            .steps
            .first()
            .filter(|_| matches!(cell, Cell::Text(_)))
    };
    let of_text = first(cell).map(|step| colour::css(&step.color));
    Tile {
        name: look.name(field).to_owned(),
        text: shown.text,
        colour: shown
            .colour
            .or(of_text)
            .unwrap_or_else(|| colour::of_series(index).into()),
        points,
    }
}

/// The way to the value, along the bottom of its tile.
fn sparkline(tile: &Tile, width: f64, height: f64) -> String {
    let values = tile
        .points
        .iter()
        .map(|(_, value)| *value)
        .filter(|value| value.is_finite());
    let (least, most) = values.fold(
        (f64::INFINITY, f64::NEG_INFINITY),
        |(least, most), value| (least.min(value), most.max(value)),
    );
    let (Some((from, _)), Some((to, _))) = (tile.points.first(), tile.points.last()) else {
        return String::new();
    };
    if to <= from || !least.is_finite() {
        return String::new();
    }
    let room = height * 0.38;
    let span = if most > least { most - least } else { 1.0 };
    let points = tile.points.iter().filter(|(_, value)| value.is_finite());
    let points: Vec<_> = points
        .map(|(time, value)| {
            let x = (time - from) / (to - from) * width;
            (x, height - 1.0 - (value - least) / span * (room - 4.0))
        })
        .collect();
    let mut around = points.clone();
    around.extend([(width, height), (0.0, height)]);
    let mut svg = Svg::new(width, height);
    svg.shape(&tile.colour, 0.22, &around);
    svg.path(&tile.colour, 1.4, &points);
    svg.finish()
}
