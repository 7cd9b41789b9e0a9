//! What templates make of outputs.

mod lenient;
pub(crate) mod properties;
mod python;

use serde_json::{Value, json};

use super::*;

/// The rows as Python shows them.
fn json(table: &Table<'_>) -> Value {
    table
        .rows()
        .map(|row| row.iter().map(cell).collect::<Value>())
        .collect()
}

fn cell(cell: &Cell<'_>) -> Value {
    match cell {
        Cell::Text(text) => json!(text),
        Cell::List(items) => items.iter().map(item).collect(),
    }
}

fn item(item: &Item<'_>) -> Value {
    match item {
        Item::Text(text) => json!(text),
        Item::None => Value::Null,
        Item::Map(groups) => groups
            .iter()
            .map(|(name, text)| (name.to_string(), json!(text)))
            .collect(),
    }
}
