//! The rows of one device, until all of its outputs are read.

use serde_json::Value;

use crate::print::put;

/// A value by its column, as programs and as people read it.
pub(super) type Cell = (String, Value, String);

/// A record of an output.
pub(super) struct Found {
    /// The rule that made it, where that is told.
    pub(super) by: Option<String>,
    pub(super) cells: Vec<Cell>,
}

/// Rows of one device, in the order in which they were found.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) rows: Vec<Found>,
    /// The row of the device as a whole.
    of_device: Option<usize>,
}

impl Gathered {
    /// The only record of a rule that tells of the device as a whole.
    pub(super) fn add_to_device(&mut self, found: Found) {
        let whole = self.of_device.and_then(|at| self.rows.get_mut(at));
        let is_there = |whole: &Found| {
            let mut names = whole.cells.iter().map(|(name, ..)| name);
            names.any(|name| found.cells.iter().any(|(other, ..)| other == name))
        };
        if let Some(whole) = whole.filter(|whole| !is_there(whole)) {
            whole.cells.extend(found.cells);
            if let (Some(by), Some(other)) = (&mut whole.by, found.by) {
                put(by, format_args!("+{other}"));
            }
        } else {
            self.of_device = Some(self.rows.len());
            self.rows.push(found);
        }
    }
}
