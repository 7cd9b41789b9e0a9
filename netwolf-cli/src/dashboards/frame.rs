//! Results as tables of fields: what transformations work on and panels draw. Pure.

use super::{
    model::Format,
    source::{Labels, Series},
};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Number(f64),
    /// Seconds of Unix time.
    Time(f64),
    Text(String),
    Empty,
}

impl Cell {
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    /// Of the series, for values of one.
    pub(super) labels: Labels,
    pub(super) cells: Vec<Cell>,
}

impl Field {
    pub(super) fn new(name: impl Into<String>, cells: Vec<Cell>) -> Self {
        Self {
            name: name.into(),
            labels: Labels::new(),
            cells,
        }
    }

    pub(super) fn is_time(&self) -> bool {
        matches!(self.cells.first(), Some(Cell::Time(_)))
    }

    pub(super) fn is_number(&self) -> bool {
        let mut cells = self.cells.iter();
        cells.any(|cell| matches!(cell, Cell::Number(_)))
    }
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Frame {
    pub(super) ref_id: String,
    pub(super) fields: Vec<Field>,
}

impl Frame {
    pub(super) fn rows(&self) -> usize {
        self.fields
            .iter()
            .map(|field| field.cells.len())
            .max()
            .unwrap_or_default()
    }

    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Its values over time: the moments, and the field that has numbers at them.
    pub(super) fn points<'f>(&'f self, field: &'f Field) -> impl Iterator<Item = (f64, f64)> + 'f {
        let times = self.fields.iter().find(|field| field.is_time());
        let times = times
            .map(|field| field.cells.as_slice())
            .unwrap_or_default();
        times
            .iter()
            .zip(&field.cells)
            .filter_map(|(time, cell)| match (time, cell) {
                (Cell::Time(time), Cell::Number(value)) => Some((*time, *value)),
                _ => None,
            })
    }

    /// The cells of a row, in the order of the fields.
    pub(super) fn row(&self, at: usize) -> Vec<Cell> {
        let cell = |field: &Field| field.cells.get(at).cloned().unwrap_or(Cell::Empty);
        self.fields.iter().map(cell).collect()
    }

    /// Keeps the rows of `order`, in this order.
    pub(super) fn select(&mut self, order: &[usize]) {
        for field in &mut self.fields {
            let cells = order
                .iter()
                .map(|&at| field.cells.get(at).cloned().unwrap_or(Cell::Empty));
            field.cells = cells.collect();
        }
    }
}

/// One query's results, and how they are to be named.
pub(super) struct Named<'q> {
    pub(super) ref_id: &'q str,
    pub(super) legend: &'q str,
    pub(super) query: &'q str,
    pub(super) format: Format,
    /// Whether other queries of the panel make tables, too.
    pub(super) is_one_of_several: bool,
}

/// The results of one query.
pub(super) fn frames(series: &[Series], named: &Named<'_>) -> Vec<Frame> {
    match named.format {
        Format::Table => vec![table(series, named)],
        Format::TimeSeries => series
            .iter()
            .map(|series| over_time(series, named))
            .collect(),
        Format::Heatmap => buckets(series)
            .iter()
            .map(|series| over_time(series, named))
            .collect(),
    }
}

fn over_time(series: &Series, named: &Named<'_>) -> Frame {
    let name = match named.format {
        Format::Heatmap if series.labels.contains_key("le") => series.labels["le"].clone(),
        _ => legend(named.legend, &series.labels, named.query),
    };
    let times = series.points.iter().map(|(time, _)| Cell::Time(*time));
    let values = series.points.iter().map(|(_, value)| Cell::Number(*value));
    let mut field = Field::new(name, values.collect());
    field.labels.clone_from(&series.labels);
    Frame {
        ref_id: named.ref_id.into(),
        fields: vec![Field::new("Time", times.collect()), field],
    }
}

/// A name by `template`, whose `{{label}}` stand for labels; by all labels where there is none.
fn legend(template: &str, labels: &Labels, query: &str) -> String {
    if !template.is_empty() && template != "__auto" {
        let mut name = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((label, behind)) = after.split_once("}}") else {
                break;
            };
            name += before;
            name += labels
                .get(label.trim())
                .map(String::as_str)
                .unwrap_or_default();
            rest = behind;
        }
        return name + rest;
    }
    let metric = labels
        .get("__name__")
        .map(String::as_str)
        .unwrap_or_default();
    let labels = labels.iter().filter(|(name, _)| *name != "__name__");
    let labels: Vec<String> = labels
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    if metric.is_empty() && labels.is_empty() {
        query.into()
    } else {
        format!("{metric}{{{}}}", labels.join(", "))
    }
}

/// All series in one table: time, a column for each label, the value.
fn table(series: &[Series], named: &Named<'_>) -> Frame {
    let labels = series.iter().flat_map(|series| series.labels.keys());
    let mut labels: Vec<&String> = labels.collect();
    labels.sort();
    labels.dedup();
    let rows: Vec<(&Series, (f64, f64))> = series
        .iter()
        .flat_map(|series| series.points.iter().map(move |point| (series, *point)))
        .collect();
    let column = |cell: &dyn Fn(&Series, (f64, f64)) -> Cell| {
        rows.iter()
            .map(|(series, point)| cell(series, *point))
            .collect()
    };
    let mut fields = vec![Field::new("Time", column(&|_, (time, _)| Cell::Time(time)))];
    for label in labels {
        let cells = column(&|series, _| match series.labels.get(label) {
            Some(value) => Cell::Text(value.clone()),
            None => Cell::Empty,
        });
        fields.push(Field::new(label, cells));
    }
    let value = if named.is_one_of_several {
        format!("Value #{}", named.ref_id)
    } else {
        "Value".into()
    };
    fields.push(Field::new(
        value,
        column(&|_, (_, value)| Cell::Number(value)),
    ));
    Frame {
        ref_id: named.ref_id.into(),
        fields,
    }
}

/// The series of a histogram, from the lowest bucket to the highest, each without those below it.
fn buckets(series: &[Series]) -> Vec<Series> {
    let bound = |series: &Series| {
        series
            .labels
            .get("le")
            .and_then(|le| le.parse::<f64>().ok())
    };
    if series.iter().any(|series| bound(series).is_none()) {
        return series.to_vec();
    }
    let mut sorted = series.to_vec();
    sorted.sort_by(|a, b| {
        bound(a)
            .unwrap_or_default()
            .total_cmp(&bound(b).unwrap_or_default())
    });
    let mut below: Vec<(f64, f64)> = Vec::new();
    for series in &mut sorted {
        let cumulative = series.points.clone();
        for (time, value) in &mut series.points {
            let same = |(then, _): &&(f64, f64)| then.total_cmp(time).is_eq();
            let under = below.iter().find(same).map_or(0.0, |(_, value)| *value);
            // A scrape between two buckets may make a difference of nothing negative.
            *value = (*value - under).max(0.0);
        }
        below = cumulative;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(labels: &[(&str, &str)], points: &[(f64, f64)]) -> Series {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Series {
            labels: labels.collect(),
            points: points.to_vec(),
        }
    }

    const NAMED: Named<'_> = Named {
        ref_id: "A",
        legend: "{{device}} / {{ cpu }}",
        query: "up",
        format: Format::TimeSeries,
        is_one_of_several: false,
    };

    #[test]
    fn series_are_named_by_their_legend() {
        let all = [series(&[("device", "core-1"), ("cpu", "0")], &[(1.0, 2.0)])];
        let name = |legend| {
            let named = Named { legend, ..NAMED };
            frames(&all, &named)[0].fields[1].name.clone()
        };
        assert_eq!(name(NAMED.legend), "core-1 / 0");
        assert_eq!(name("{{gone}}x"), "x");
        assert_eq!(name("__auto"), "{cpu=\"0\", device=\"core-1\"}");
        let nameless = frames(
            &[series(&[], &[])],
            &Named {
                legend: "",
                ..NAMED
            },
        );
        assert_eq!(nameless[0].fields[1].name, "up");
    }

    #[test]
    fn a_table_has_a_column_for_each_label() {
        let all = [
            series(&[("device", "a"), ("site", "ams")], &[(1.0, 2.0)]),
            series(&[("device", "b")], &[(1.0, 3.0)]),
        ];
        let table = Named {
            format: Format::Table,
            is_one_of_several: true,
            ..NAMED
        };
        let frame = &frames(&all, &table)[0];
        let names: Vec<_> = frame
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        assert_eq!(names, ["Time", "device", "site", "Value #A"]);
        let text = |text: &str| Cell::Text(text.into());
        assert_eq!(
            frame.row(1),
            [Cell::Time(1.0), text("b"), Cell::Empty, Cell::Number(3.0)]
        );
    }

    #[test]
    fn buckets_of_a_histogram_are_told_apart() {
        let all = [
            series(&[("le", "+Inf")], &[(1.0, 9.0), (2.0, 9.0)]),
            series(&[("le", "0.5")], &[(1.0, 4.0), (2.0, 5.0)]),
            series(&[("le", "1")], &[(1.0, 7.0), (2.0, 4.9)]),
        ];
        let told = frames(
            &all,
            &Named {
                format: Format::Heatmap,
                ..NAMED
            },
        );
        let told: Vec<_> = told
            .iter()
            .map(|frame| {
                let field = &frame.fields[1];
                let values: Vec<_> = field.cells.iter().filter_map(Cell::number).collect();
                (field.name.as_str(), values)
            })
            .collect();
        let expected = [
            ("0.5", vec![4.0, 5.0]),
            ("1", vec![3.0, 0.0]),
            ("+Inf", vec![2.0, 9.0 - 4.9]),
        ];
        assert_eq!(told, expected);
    }
}
