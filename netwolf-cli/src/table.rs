//! Columns for people: as wide as their widest cell, headings above, nothing at the end of a line.

use crate::print::plain;

/// Between two columns.
pub(crate) const GAP: &str = "  ";

/// Renders `rows` under `headings`, one line each.
pub(crate) fn render<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    render_any(&headings, rows.iter().map(<[String; N]>::as_slice))
}

/// As [`render`], with as many columns as there are headings, where only an output tells how many that are.
pub(crate) fn render_any<'r>(
    headings: &[&str],
    rows: impl Iterator<Item = &'r [String]>,
) -> String {
    let headings = headings.iter().map(|&heading| heading.to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(headings)
        .chain(rows.map(|row| {
            // A line end in a cell would tear the table.
            row.iter()
                .map(|cell| plain(cell).replace(['\n', '\t'], " "))
                .collect()
        }))
        .collect();
    let mut widths = vec![0; rows[0].len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths);
        let line: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text += line.join(GAP).trim_end();
        text.push('\n');
    }
    text
}

/// Renders pairs of a name and a value, one line each; pairs without a value are left out.
pub(crate) fn pairs(pairs: &[(&str, Option<String>)]) -> String {
    let shown = pairs.iter().filter_map(|(name, value)| {
        let value = value.as_deref().filter(|value| !value.is_empty())?;
        Some((name, plain(value)))
    });
    let width = pairs
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or_default();
    shown.fold(String::new(), |text, (name, value)| {
        let indent = format!("\n{:width$}{GAP}", "");
        text + &format!("{name:width$}{GAP}{}\n", value.replace('\n', &indent))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let rows = [
            ["a".into(), "up\n".into()],
            ["core-1".into(), String::new()],
        ];
        assert_eq!(
            render(["NAME", "STATE"], &rows),
            "NAME    STATE\na       up\ncore-1\n"
        );
    }

    #[test]
    fn pairs_without_a_value_are_left_out() {
        assert_eq!(
            pairs(&[
                ("state", Some("up".into())),
                ("since", None),
                ("a", Some("1\n2".into()))
            ]),
            "state  up\na      1\n       2\n"
        );
    }
}
