//! Grafana's transformations, as far as dashboards here use them: tables made one, columns chosen, named and sorted.
//! Pure.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use super::{
    frame::{Cell, Field, Frame},
    model::Transformation,
    number::whole,
};

/// `frames` after all of `steps`.
///
/// # Errors
/// When there is one that is not known here, or its options cannot be read.
pub(super) fn apply(
    steps: &[Transformation],
    mut frames: Vec<Frame>,
) -> Result<Vec<Frame>, String> {
    for step in steps.iter().filter(|step| !step.disabled) {
        frames =
            one(step, frames).map_err(|error| format!("transformation {:?}: {error}", step.id))?;
    }
    Ok(frames)
}

fn one(step: &Transformation, mut frames: Vec<Frame>) -> Result<Vec<Frame>, String> {
    match step.id.as_str() {
        "merge" => Ok(merge(&frames)),
        "joinByField" | "seriesToColumns" => {
            let options: Join = options(&step.options)?;
            Ok(join(&frames, &options))
        }
        "organize" => {
            let options: Organize = options(&step.options)?;
            for frame in &mut frames {
                organize(frame, &options);
            }
            Ok(frames)
        }
        "sortBy" => {
            let options: SortBy = options(&step.options)?;
            for frame in &mut frames {
                for key in options.sort.iter().rev() {
                    sort(frame, &key.field, key.desc);
                }
            }
            Ok(frames)
        }
        "limit" => {
            let limit = step.options["limitField"].as_f64().map_or(10, whole);
            for frame in &mut frames {
                let kept: Vec<usize> = (0..frame.rows().min(limit)).collect();
                frame.select(&kept);
            }
            Ok(frames)
        }
        "filterFieldsByName" => {
            let options: FilterByName = options(&step.options)?;
            for frame in &mut frames {
                filter(frame, &options)?;
            }
            Ok(frames)
        }
        "renameByRegex" => {
            let options: Rename = options(&step.options)?;
            let pattern = Regex::new(&options.regex).map_err(|error| error.to_string())?;
            for field in frames.iter_mut().flat_map(|frame| &mut frame.fields) {
                field.name = pattern
                    .replace(&field.name, options.rename_pattern.as_str())
                    .into_owned();
            }
            Ok(frames)
        }
        "labelsToFields" => Ok(frames.into_iter().map(labels_to_fields).collect()),
        _ => Err("the preview does not know it".into()),
    }
}

fn options<'o, T: Deserialize<'o>>(options: &'o Value) -> Result<T, String> {
    T::deserialize(options).map_err(|error| error.to_string())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Join {
    by_field: String,
    mode: String,
}

impl Default for Join {
    fn default() -> Self {
        Self {
            by_field: "Time".into(),
            mode: "outer".into(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Organize {
    #[serde(rename = "excludeByName")]
    excluded: BTreeMap<String, bool>,
    #[serde(rename = "includeByName")]
    included: BTreeMap<String, bool>,
    #[serde(rename = "indexByName")]
    places: BTreeMap<String, usize>,
    #[serde(rename = "renameByName")]
    names: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SortBy {
    sort: Vec<SortKey>,
}

#[derive(Debug, Deserialize)]
struct SortKey {
    field: String,
    #[serde(default)]
    desc: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FilterByName {
    include: Names,
    exclude: Names,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Names {
    names: Vec<String>,
    pattern: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rename {
    regex: String,
    rename_pattern: String,
}

/// A cell as a part of a key: numbers and times by all their digits.
fn key(cell: &Cell) -> String {
    format!("{cell:?}")
}

/// One table of all: rows that agree in the fields that all tables have become one.
fn merge(frames: &[Frame]) -> Vec<Frame> {
    let Some(first) = frames.first() else {
        return Vec::new();
    };
    let names = |frame: &Frame| {
        frame
            .fields
            .iter()
            .map(|field| field.name.clone())
            .collect::<BTreeSet<_>>()
    };
    let shared = frames
        .iter()
        .map(names)
        .reduce(|all, some| &all & &some)
        .unwrap_or_default();
    let mut columns: Vec<String> = Vec::new();
    for field in frames.iter().flat_map(|frame| &frame.fields) {
        if !columns.contains(&field.name) {
            columns.push(field.name.clone());
        }
    }
    let mut rows: Vec<BTreeMap<&str, Cell>> = Vec::new();
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for frame in frames {
        for at in 0..frame.rows() {
            let row = frame.fields.iter().zip(frame.row(at));
            let row: BTreeMap<&str, Cell> = row
                .map(|(field, cell)| (field.name.as_str(), cell))
                .collect();
            let parts = shared
                .iter()
                .filter_map(|name| row.get(name.as_str()).map(key));
            let same = places
                .entry(parts.collect::<Vec<_>>().join("\n"))
                .or_default();
            let fits = |at: &&usize| {
                row.iter()
                    .all(|(name, cell)| rows[**at].get(name).is_none_or(|held| held == cell))
            };
            if let Some(&at) = same.iter().find(fits) {
                rows[at].extend(row);
            } else {
                same.push(rows.len());
                rows.push(row);
            }
        }
    }
    let fields = columns.iter().map(|name| {
        let cells = rows
            .iter()
            .map(|row| row.get(name.as_str()).cloned().unwrap_or(Cell::Empty));
        Field::new(name, cells.collect())
    });
    vec![Frame {
        ref_id: first.ref_id.clone(),
        fields: fields.collect(),
    }]
}

/// One table of all, a row for each value of a field; fields of the same name are numbered.
fn join(frames: &[Frame], options: &Join) -> Vec<Frame> {
    let joined: Vec<(&Frame, &Field)> = frames
        .iter()
        .filter_map(|frame| Some((frame, frame.field(&options.by_field)?)))
        .collect();
    let Some((first, _)) = joined.first() else {
        return Vec::new();
    };
    let mut keys: Vec<&Cell> = Vec::new();
    let mut seen = BTreeSet::new();
    for cell in joined.iter().flat_map(|(_, field)| &field.cells) {
        let is_everywhere = || joined.iter().all(|(_, field)| field.cells.contains(cell));
        if seen.insert(key(cell)) && (options.mode != "inner" || is_everywhere()) {
            keys.push(cell);
        }
    }
    let mut fields = vec![Field::new(
        &options.by_field,
        keys.iter().map(|&key| key.clone()).collect(),
    )];
    for (frame, by) in &joined {
        let rows: BTreeMap<String, usize> = by
            .cells
            .iter()
            .enumerate()
            .map(|(at, cell)| (key(cell), at))
            .collect();
        for field in frame
            .fields
            .iter()
            .filter(|field| field.name != options.by_field)
        {
            let cells = keys.iter().map(|&cell| {
                let at = rows.get(&key(cell));
                at.and_then(|&at| field.cells.get(at))
                    .cloned()
                    .unwrap_or(Cell::Empty)
            });
            fields.push(Field {
                cells: cells.collect(),
                ..field.clone()
            });
        }
    }
    number_doubles(&mut fields);
    vec![Frame {
        ref_id: first.ref_id.clone(),
        fields,
    }]
}

/// As Grafana tells fields of the same name apart: `job 1`, `job 2`.
fn number_doubles(fields: &mut [Field]) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for field in &*fields {
        *counts.entry(field.name.clone()).or_default() += 1;
    }
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for field in fields {
        if counts.get(&field.name).is_some_and(|count| *count > 1) {
            let number = numbers.entry(field.name.clone()).or_default();
            *number += 1;
            field.name = format!("{} {number}", field.name);
        }
    }
}

fn organize(frame: &mut Frame, options: &Organize) {
    let is = |names: &BTreeMap<String, bool>, field: &Field| {
        names.get(&field.name).copied().unwrap_or_default()
    };
    frame.fields.retain(|field| {
        let is_wanted = options.included.is_empty() || is(&options.included, field);
        is_wanted && !is(&options.excluded, field)
    });
    let place = |field: &Field| {
        options
            .places
            .get(&field.name)
            .copied()
            .unwrap_or(usize::MAX)
    };
    frame.fields.sort_by_key(place);
    for field in &mut frame.fields {
        let name = options.names.get(&field.name);
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            field.name.clone_from(name);
        }
    }
}

fn filter(frame: &mut Frame, options: &FilterByName) -> Result<(), String> {
    let (included, excluded) = (options.include.pattern()?, options.exclude.pattern()?);
    let includes_all = options.include.names.is_empty() && included.is_none();
    frame.fields.retain(|Field { name, .. }| {
        let is_included = includes_all || options.include.has(name, included.as_ref());
        is_included && !options.exclude.has(name, excluded.as_ref())
    });
    Ok(())
}

impl Names {
    fn pattern(&self) -> Result<Option<Regex>, String> {
        let pattern = self
            .pattern
            .as_deref()
            .map(|text| Regex::new(text.trim_matches('/')));
        pattern.transpose().map_err(|error| error.to_string())
    }

    fn has(&self, name: &String, pattern: Option<&Regex>) -> bool {
        self.names.contains(name) || pattern.is_some_and(|pattern| pattern.is_match(name))
    }
}

/// Sorts the rows by a field: numbers by size, texts by letters, what is empty last.
pub(super) fn sort(frame: &mut Frame, by: &str, is_backwards: bool) {
    let Some(field) = frame.field(by) else {
        return;
    };
    let rank = |cell: &Cell| u8::from(*cell == Cell::Empty);
    let order = |a: &Cell, b: &Cell| {
        let told = match (a, b) {
            (Cell::Number(a), Cell::Number(b)) | (Cell::Time(a), Cell::Time(b)) => a.total_cmp(b),
            (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
            _ => return rank(a).cmp(&rank(b)),
        };
        if is_backwards { told.reverse() } else { told }
    };
    let mut rows: Vec<usize> = (0..frame.rows()).collect();
    let cell = |at: usize| field.cells.get(at).unwrap_or(&Cell::Empty);
    rows.sort_by(|&a, &b| order(cell(a), cell(b)));
    frame.select(&rows);
}

/// A column for each label, with the same text in every row.
fn labels_to_fields(mut frame: Frame) -> Frame {
    let rows = frame.rows();
    let labels: BTreeMap<String, String> = frame
        .fields
        .iter()
        .flat_map(|field| field.labels.clone())
        .collect();
    let at = usize::from(frame.fields.first().is_some_and(Field::is_time));
    for (name, value) in labels.into_iter().rev() {
        frame
            .fields
            .insert(at, Field::new(name, vec![Cell::Text(value); rows]));
    }
    frame
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(text: &str) -> Cell {
        Cell::Text(text.into())
    }

    fn frame(value: &str, rows: &[(&str, f64)]) -> Frame {
        let devices = rows.iter().map(|(device, _)| text(device));
        let values = rows.iter().map(|(_, value)| Cell::Number(*value));
        Frame {
            ref_id: "A".into(),
            fields: vec![
                Field::new("Time", vec![Cell::Time(1.0); rows.len()]),
                Field::new("device", devices.collect()),
                Field::new(value, values.collect()),
            ],
        }
    }

    fn two() -> Vec<Frame> {
        vec![
            frame("Value #A", &[("a", 1.0), ("b", 2.0)]),
            frame("Value #B", &[("b", 20.0), ("c", 30.0)]),
        ]
    }

    fn transformed(steps: Value, frames: Vec<Frame>) -> Vec<Frame> {
        let steps: Vec<Transformation> = serde_json::from_value(steps).unwrap();
        apply(&steps, frames).unwrap()
    }

    /// Names and rows, on one line each.
    fn told(frame: &Frame) -> Vec<String> {
        let names = frame.fields.iter().map(|field| field.name.clone());
        let cell = |cell: Cell| match cell {
            Cell::Number(number) | Cell::Time(number) => number.to_string(),
            Cell::Text(text) => text,
            Cell::Empty => "-".into(),
        };
        let rows = (0..frame.rows()).map(|at| {
            frame
                .row(at)
                .into_iter()
                .map(cell)
                .collect::<Vec<_>>()
                .join(" ")
        });
        let mut lines = vec![names.collect::<Vec<_>>().join(", ")];
        lines.extend(rows);
        lines
    }

    #[test]
    fn merged_rows_agree_in_what_all_tables_have() {
        let merged = transformed(json!([{ "id": "merge", "options": {} }]), two());
        let expected = [
            "Time, device, Value #A, Value #B",
            "1 a 1 -",
            "1 b 2 20",
            "1 c - 30",
        ];
        assert_eq!(told(&merged[0]), expected);
    }

    #[test]
    fn joined_rows_have_one_field_in_common() {
        let step = |mode: &str| json!([{ "id": "joinByField", "options": { "byField": "device", "mode": mode } }]);
        let outer = transformed(step("outer"), two());
        let heading = "device, Time 1, Value #A, Time 2, Value #B";
        assert_eq!(
            told(&outer[0]),
            [heading, "a 1 1 - -", "b 1 2 1 20", "c - - 1 30"]
        );
        let inner = transformed(step("inner"), two());
        assert_eq!(told(&inner[0]), [heading, "b 1 2 1 20"]);
    }

    #[test]
    fn columns_are_left_out_named_and_put_in_order() {
        let steps = json!([
            { "id": "merge" },
            { "id": "organize", "options": {
                "excludeByName": { "Time": true },
                "indexByName": { "Value #B": 0, "device": 1 },
                "renameByName": { "Value #B": "Load", "device": "" },
            } },
            { "id": "sortBy", "options": { "sort": [{ "field": "Load", "desc": true }] } },
            { "id": "limit", "options": { "limitField": 2 } },
        ]);
        let made = transformed(steps, two());
        assert_eq!(
            told(&made[0]),
            ["Load, device, Value #A", "30 c -", "20 b 2"]
        );
    }

    #[test]
    fn an_unknown_transformation_is_no_silence() {
        let steps = [Transformation {
            id: "spatial".into(),
            options: Value::Null,
            disabled: false,
        }];
        let error = apply(&steps, two()).unwrap_err();
        assert!(error.contains("spatial"), "{error}");
    }
}
