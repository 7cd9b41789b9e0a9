//! Rows and columns.

use serde::Deserialize;

use super::Scene;
use crate::dashboards::{
    frame::{Cell, Field, Frame},
    look::{Look, Shown},
    svg::escape,
    transform,
};

/// More than a page shows at once would only make the file large.
const MAX_ROWS: usize = 500;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    sort_by: Vec<SortKey>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SortKey {
    display_name: String,
    #[serde(default)]
    desc: bool,
}

/// A column that is shown.
struct Column<'f> {
    field: &'f Field,
    look: Look,
}

pub(super) fn draw(scene: &Scene<'_>) -> Result<String, String> {
    let options: Options = scene.options()?;
    let Some(frame) = scene.frames.iter().find(|frame| frame.rows() > 0) else {
        return Ok(scene.no_data());
    };
    let mut frame = frame.clone();
    for key in options.sort_by.iter().rev() {
        let name = original(&frame, &key.display_name, scene)?;
        transform::sort(&mut frame, &name, key.desc);
    }
    let mut columns = Vec::new();
    for field in &frame.fields {
        let look = Look::of(&scene.panel.field_config, &frame, field)?;
        let is_hidden = look.custom("hidden") == true || look.custom("hideFrom.viz") == true;
        if !is_hidden {
            columns.push(Column { field, look });
        }
    }
    let headings: String = columns.iter().map(Column::heading).collect();
    let rows = (0..frame.rows().min(MAX_ROWS)).map(|at| {
        let cells: String = columns
            .iter()
            .map(|column| column.cell(at, scene.now))
            .collect();
        format!("<tr>{cells}</tr>\n")
    });
    let rows: String = rows.collect();
    Ok(format!(
        "<div class=\"table\"><table><tr>{headings}</tr>\n{rows}</table></div>"
    ))
}

/// The name of the field that is shown under `name`.
fn original(frame: &Frame, name: &str, scene: &Scene<'_>) -> Result<String, String> {
    for field in &frame.fields {
        let look = Look::of(&scene.panel.field_config, frame, field)?;
        if look.name(field) == name {
            return Ok(field.name.clone());
        }
    }
    Ok(name.into())
}

impl Column<'_> {
    fn class(&self) -> &str {
        match self.look.custom("align").as_str() {
            Some("left") => "",
            Some("right") => "right",
            Some("center") => "center",
            _ if self.field.is_number() => "right",
            _ => "",
        }
    }

    fn heading(&self) -> String {
        let width = self.look.custom("width").as_f64();
        let width = width.map_or(String::new(), |width| {
            format!(" style=\"width:{width:.0}px\"")
        });
        format!(
            "<th class=\"{}\"{width}>{}</th>",
            self.class(),
            escape(self.look.name(self.field))
        )
    }

    fn cell(&self, at: usize, now: f64) -> String {
        let cell = self.field.cells.get(at).unwrap_or(&Cell::Empty);
        let Shown { text, colour } = self.look.show(cell, now);
        let text = escape(&text);
        let kind = self
            .look
            .custom("cellOptions.type")
            .as_str()
            .unwrap_or("auto");
        let class = self.class();
        match (kind, colour) {
            ("color-text", Some(colour)) => {
                format!("<td class=\"{class}\" style=\"color:{colour}\">{text}</td>")
            }
            ("color-background", Some(colour)) => {
                format!("<td class=\"{class} filled\" style=\"background:{colour}\">{text}</td>")
            }
            ("gauge", Some(colour)) => {
                let share = self.share(cell) * 100.0;
                format!(
                    "<td class=\"{class}\"><div class=\"gauge\"><span><i style=\"background:{colour};\
                     width:{share:.0}%\"></i></span><b style=\"color:{colour}\">{text}</b></div></td>"
                )
            }
            _ => format!("<td class=\"{class}\">{text}</td>"),
        }
    }

    /// How full a gauge is.
    fn share(&self, cell: &Cell) -> f64 {
        let numbers = self.field.cells.iter().filter_map(Cell::number);
        let greatest = numbers.fold(0.0, f64::max);
        let (least, most) = (
            self.look.min.unwrap_or(0.0),
            self.look.max.unwrap_or(greatest),
        );
        let value = cell.number().unwrap_or(least);
        if most > least {
            ((value - least) / (most - least)).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }
}
