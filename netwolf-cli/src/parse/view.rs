//! A parsed table as people and programs read it.

use std::fmt::Write as _;

use netwolf_filter::textfsm::{Cell, Item, Table};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::{print, table};

/// Forms of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// A table for people; of a collector the records of each rule.
    Table,
    /// JSON for programs: a list of rows, each with the values' names in small letters; of a collector an object with
    /// `records`, `samples` and `problems`.
    Json,
    /// Samples as they stand at /metrics; of a collector only.
    Metrics,
}

/// Writes a table.
pub(super) type Show = fn(&Table<'_>) -> serde_json::Result<String>;

impl Format {
    /// How tables are written in this form, where they can be.
    pub(super) fn of_tables(self) -> Option<Show> {
        match self {
            Self::Table => Some(|table| Ok(for_people(table))),
            Self::Json => Some(|table| Ok(serde_json::to_string_pretty(&Rows(table))? + "\n")),
            Self::Metrics => None,
        }
    }
}

fn for_people(table: &Table<'_>) -> String {
    let headings: Vec<&str> = table.header().iter().map(|name| &**name).collect();
    let rows: Vec<Vec<String>> = table
        .rows()
        .map(|row| row.iter().map(ToString::to_string).collect())
        .collect();
    let mut page = table::render_any(&headings, rows.iter().map(Vec::as_slice));
    writeln!(page, "{}", print::count(rows.len(), "row")).expect("a string takes all");
    page
}

/// As the tests of ntc-templates write their tables.
struct Rows<'a>(&'a Table<'a>);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = self.0.header().iter().map(|name| name.to_lowercase());
        let mut columns: Vec<(String, usize)> = Vec::new();
        for (index, name) in names.enumerate() {
            // Where two names differ only in their case, the last one has the place, as in Python.
            match columns.iter_mut().find(|(known, _)| *known == name) {
                Some((_, place)) => *place = index,
                None => columns.push((name, index)),
            }
        }
        let columns = &columns;
        serializer.collect_seq(self.0.rows().map(|cells| Row { columns, cells }))
    }
}

/// A cell as programs get it.
pub(crate) fn cell(cell: &Cell<'_>) -> serde_json::Value {
    match cell {
        Cell::Text(text) => (*text).into(),
        Cell::List(items) => serde_json::to_value(List(items)).unwrap_or_default(),
    }
}

struct Row<'a> {
    /// Each name with its place among the cells.
    columns: &'a [(String, usize)],
    cells: &'a [Cell<'a>],
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.columns.len()))?;
        for (name, index) in self.columns {
            match &self.cells[*index] {
                Cell::Text(text) => map.serialize_entry(name, text)?,
                Cell::List(items) => map.serialize_entry(name, &List(items))?,
            }
        }
        map.end()
    }
}

struct List<'a>(&'a [Item<'a>]);

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for item in self.0 {
            match item {
                Item::Text(text) => list.serialize_element(text)?,
                Item::None => list.serialize_element(&None::<&str>)?,
                Item::Map(groups) => list.serialize_element(&Groups(groups))?,
            }
        }
        list.end()
    }
}

struct Groups<'a, N>(&'a [(N, Option<&'a str>)]);

impl<N: AsRef<str>> Serialize for Groups<'_, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let groups = self.0.iter().map(|(name, text)| (name.as_ref(), text));
        serializer.collect_map(groups)
    }
}

#[cfg(test)]
mod tests {
    use netwolf_filter::textfsm::Template;

    use super::*;

    const FANS: &str = r"Value Required SLOT (\d+)
Value STATE (\S+)
Value List SPEED (\d+)
Value List ALARM ((?P<Kind>\w+)@(?P<minute>\d+)?)

Start
  ^Fan ${SLOT}( is ${STATE})? -> Continue
  ^.* speed ${SPEED} -> Continue
  ^.* alarm ${ALARM} -> Continue
  ^Fan -> Record
";
    const OUTPUT: &str =
        "Fan 1 is ok, speed 900\nFan 2 is down, alarm stuck@7\nFan 3, alarm hot@\n";

    fn check(format: Format, expected: &str) {
        let template = Template::parse(FANS).unwrap();
        let table = template.run(OUTPUT).unwrap();
        assert_eq!(format.of_tables().unwrap()(&table).unwrap(), expected);
    }

    #[test]
    fn people_get_columns_and_a_count() {
        check(
            Format::Table,
            "SLOT  STATE  SPEED  ALARM\n1     ok,    900\n2     down,         stuck 7\n3                   hot\n3 rows\n",
        );
    }

    #[test]
    fn programs_get_rows_in_the_templates_order() {
        let all = r#"[{"slot":"1","state":"ok,","speed":["900"],"alarm":[]},{"slot":"2","state":"down,","speed":[],"alarm":[{"Kind":"stuck","minute":"7"}]},{"slot":"3","state":"","speed":[],"alarm":[{"Kind":"hot","minute":null}]}]"#;
        let template = Template::parse(FANS).unwrap();
        let table = template.run(OUTPUT).unwrap();
        assert_eq!(serde_json::to_string(&Rows(&table)).unwrap(), all);
    }

    #[test]
    fn an_empty_table_is_an_empty_list() {
        let template = Template::parse(FANS).unwrap();
        let table = template.run("").unwrap();
        let shown = |format: Format| format.of_tables().unwrap()(&table).unwrap();
        assert_eq!(shown(Format::Json), "[]\n");
        assert_eq!(shown(Format::Table), "SLOT  STATE  SPEED  ALARM\n0 rows\n");
    }

    #[test]
    fn of_two_names_that_differ_in_case_the_last_one_counts() {
        let text =
            "Value A (\\d)\nValue B (\\d)\nValue a (\\d)\n\nStart\n  ^${A}${B}${a} -> Record\n";
        let template = Template::parse(text).unwrap();
        let table = template.run("123\n").unwrap();
        assert_eq!(
            serde_json::to_string(&Rows(&table)).unwrap(),
            r#"[{"a":"3","b":"2"}]"#
        );
    }
}
