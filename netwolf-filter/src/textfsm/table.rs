//! What a template makes of an output. Texts are not copied: they are parts of the output.

use std::{fmt, sync::Arc};

/// Rows of cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table<'t> {
    header: Arc<[Arc<str>]>,
    cells: Vec<Cell<'t>>,
    rows: usize,
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cell<'t> {
    /// The value's text; empty where it has none.
    Text(&'t str),
    /// The items of a value with the option `List`.
    List(Vec<Item<'t>>),
}

/// An item of a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Item<'t> {
    /// The text that was matched.
    Text(&'t str),
    /// A rule with the value matched and its group took no part; in Python it is `None`.
    None,
    /// The named groups inside the value's regular expression, in their order.
    Map(Vec<(Arc<str>, Option<&'t str>)>),
}

impl<'t> Table<'t> {
    pub(super) fn new(header: Arc<[Arc<str>]>) -> Self {
        Self {
            header,
            cells: Vec::new(),
            rows: 0,
        }
    }

    /// The columns' names.
    pub fn header(&self) -> &Arc<[Arc<str>]> {
        &self.header
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The row at `index`, a cell for each column.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, index: usize) -> &[Cell<'t>] {
        let width = self.header.len();
        &self.cells[index * width..][..width]
    }

    /// All rows, in their order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[Cell<'t>]> {
        (0..self.rows).map(|index| self.row(index))
    }

    /// A column's number, by its name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| **column == *name)
    }

    /// Adds a row, a cell for each column.
    pub(super) fn push(&mut self, row: impl IntoIterator<Item = Cell<'t>>) {
        self.cells.extend(row);
        self.rows += 1;
        debug_assert_eq!(
            self.cells.len(),
            self.rows * self.header.len(),
            "every row has a cell for each column"
        );
    }

    /// A column's cells, the last one first.
    pub(super) fn column_up(&mut self, column: usize) -> impl Iterator<Item = &mut Cell<'t>> {
        let width = self.header.len().max(1);
        self.cells.iter_mut().skip(column).step_by(width).rev()
    }
}

impl Cell<'_> {
    /// Whether there is neither text nor an item.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
        }
    }
}

/// A list as its items with commas between, without those that took no part; a map as its texts with spaces between.
impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = match self {
            Self::Text(text) => return f.write_str(text),
            Self::List(items) => items,
        };
        let mut between = "";
        for item in items.iter().filter(|item| **item != Item::None) {
            write!(f, "{between}{item}")?;
            between = ",";
        }
        Ok(())
    }
}

impl fmt::Display for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::None => Ok(()),
            Self::Map(groups) => {
                let mut between = "";
                for text in groups.iter().filter_map(|(_, text)| *text) {
                    write!(f, "{between}{text}")?;
                    between = " ";
                }
                Ok(())
            }
        }
    }
}
