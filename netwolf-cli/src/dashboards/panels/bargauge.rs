//! Bars beside their names: who has most.

use serde::Deserialize;

use super::{ReduceOptions, Scene};
use crate::dashboards::{
    colour,
    frame::Cell,
    look::Look,
    number::{float, whole},
    reduce::reduce,
    svg::{Anchor, Area, Svg, cut, width_of},
};

/// The most that a bar is high, with the gap below it.
const TALLEST: f64 = 38.0;
const GAP: f64 = 4.0;
/// A cell of bars that are made of cells.
const CELL: f64 = 10.0;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    reduce_options: ReduceOptions,
    display_mode: String,
}

struct Bar {
    name: String,
    text: String,
    value: f64,
    look: Look,
}

pub(super) fn draw(scene: &Scene<'_>) -> Result<String, String> {
    let options: Options = scene.options()?;
    let calculation = options.reduce_options.calculation();
    let bars: Vec<Bar> = scene
        .lines()?
        .into_iter()
        .filter_map(|line| {
            let value = reduce(calculation, &line.points)?;
            Some(Bar {
                text: line.look.show(&Cell::Number(value), scene.now).text,
                name: line.name,
                value,
                look: line.look,
            })
        })
        .collect();
    if bars.is_empty() {
        return Ok(scene.no_data());
    }
    let values = bars
        .iter()
        .map(|bar| bar.value)
        .filter(|value| value.is_finite());
    let greatest = values.fold(0.0, f64::max);
    let row = (scene.height / float(bars.len())).min(TALLEST);
    let widest = |texts: &dyn Fn(&Bar) -> &str| {
        bars.iter()
            .map(|bar| width_of(texts(bar)))
            .fold(0.0, f64::max)
    };
    let left = (widest(&|bar| &bar.name) + 12.0).min(scene.width * 0.4);
    let right = widest(&|bar| &bar.text) + 16.0;
    let room = scene.width - left - right;
    let mut svg = Svg::new(scene.width, scene.height);
    for (at, bar) in bars.iter().enumerate() {
        let (least, most) = (
            bar.look.min.unwrap_or(0.0),
            bar.look.max.unwrap_or(greatest),
        );
        let area = Area {
            x: left,
            y: float(at) * row + GAP / 2.0,
            width: room,
            height: (row - GAP).max(2.0),
        };
        let share = if most > least {
            ((bar.value - least) / (most - least)).clamp(0.0, 1.0)
        } else {
            0.0
        };
        let value = |share: f64| least + share * (most - least);
        let paint = |share: f64| {
            let colour = bar.look.colour(value(share), Some((least, most)));
            colour.unwrap_or_else(|| colour::of_series(at).into())
        };
        one(&mut svg, &options.display_mode, area, share, paint);
        let middle = area.y + area.height / 2.0;
        svg.text(
            "name",
            Anchor::End,
            (left - 8.0, middle),
            &cut(&bar.name, left - 10.0),
        );
        svg.coloured(
            &paint(share),
            Anchor::Start,
            (left + room + 8.0, middle),
            &bar.text,
        );
    }
    Ok(svg.finish())
}

/// One bar, which is painted as its place asks.
fn one(svg: &mut Svg, mode: &str, area: Area, share: f64, paint: impl Fn(f64) -> String) {
    if mode == "lcd" {
        let cells = whole(area.width / CELL).max(1);
        for at in 0..cells {
            let place = float(at) / float(cells);
            let cell = Area {
                x: area.x + float(at) * CELL,
                width: CELL - 2.0,
                ..area
            };
            let is_lit = place < share;
            svg.rounded(
                &if is_lit {
                    paint(place)
                } else {
                    "var(--empty)".into()
                },
                cell,
                1.0,
            );
        }
        return;
    }
    svg.rounded("var(--empty)", area, 2.0);
    let filled = Area {
        width: (area.width * share).max(1.0),
        ..area
    };
    svg.rounded(&paint(share), filled, 2.0);
}
