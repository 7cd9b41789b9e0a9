//! Puts the tables of several templates together, as an index asks for with `a:b`: each row of the first one gets
//! the columns that it lacks from the first row of the next one with the same keys.

use std::{collections::HashMap, sync::Arc};

use super::table::{Cell, Table};

/// Adds the columns of `other` that `table` has not. Rows belong together by `keys`, or by their number where there
/// are none; a row without a partner gets empty cells.
///
/// # Errors
/// The key that one of the tables has not.
pub(super) fn extend<'t>(
    table: &mut Table<'t>,
    other: &Table<'t>,
    keys: &[Arc<str>],
) -> Result<(), Arc<str>> {
    let columns = |table: &Table<'t>| {
        let column = |key: &Arc<str>| table.column(key).ok_or_else(|| key.clone());
        keys.iter().map(column).collect::<Result<Vec<_>, _>>()
    };
    let lacks: Vec<_> = (0..other.header().len())
        .filter(|&column| table.column(&other.header()[column]).is_none())
        .collect();
    let own = columns(table)?;
    if lacks.is_empty() {
        return Ok(());
    }
    let others = columns(other)?;
    let key = |row: &[Cell<'t>], columns: &[usize]| -> Vec<Cell<'t>> {
        columns.iter().map(|&column| row[column].clone()).collect()
    };
    let mut partners = HashMap::new();
    for (index, row) in other.rows().enumerate().filter(|_| !keys.is_empty()) {
        partners.entry(key(row, &others)).or_insert(index);
    }
    let names = lacks.iter().map(|&column| &other.header()[column]);
    let header: Vec<_> = table.header().iter().chain(names).cloned().collect();
    let mut extended = Table::new(header.into());
    for (index, row) in table.rows().enumerate() {
        let partner = if keys.is_empty() {
            (index < other.len()).then_some(index)
        } else {
            partners.get(&key(row, &own)).copied()
        };
        let cell = |&column: &usize| match partner {
            Some(partner) => other.row(partner)[column].clone(),
            None => Cell::Text(""),
        };
        extended.push(row.iter().cloned().chain(lacks.iter().map(cell)));
    }
    *table = extended;
    Ok(())
}
