//! The latest value of every series, by family and label set.
//!
//! ```text
//!   link --> LinkTable: number -> family, id --> table of the family: id -> cell, in the order of the page --> exposition
//!            (no lock)                           (locked alone only to declare, merge and sweep)
//! ```
//!
//! A sample is a look-up in the link's own table, one in the family's and a few atomic stores. Labels are rendered once,
//! when a series is declared, in the form in which both exposition formats want them. They stand side by side in the
//! order of the page, and so do the cells: a page of a million series waits for memory when it finds each anew.
//!
//! Invariants: a series is shown only while it is fresh (its last sample *arrived* within three of its
//! intervals, or 5 s; the agents' clocks play no part) and its device is in the inventory; a sample never
//! overwrites a newer one of the same lease; a family has one kind; no name that is shown for one family
//! appears for another. Series, families and bytes are bounded by [`limits`], and what is left out is counted
//! in [`Counters`].

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;

mod cell;
mod conflicts;
mod family;
mod labels;
pub mod limits;
mod link_table;
mod name;
mod numbers;
mod sending;
mod store;
mod table;

use cell::Cell;
pub use family::Family;
pub use labels::DeviceLabels;
pub(crate) use labels::escape as escape_label;
pub use link_table::LinkTable;
pub use name::{FamilyName, is_label_name};
pub use store::{Refusal, SeriesStore};

/// What the store counts; shown as metrics of the manager.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// Samples that were taken in.
    pub samples: Counter,
    /// Polls that came under a lease that is not in force.
    pub stale_polls: Counter,
    /// Samples older than the one that is held.
    pub late_samples: Counter,
    /// Samples whose value their kind does not allow.
    pub invalid_samples: Counter,
    /// Polls whose time lay in the future and was set to the present.
    pub future_polls: Counter,
    /// Samples and polls whose number was never declared.
    pub undeclared: Counter,
    /// Series left out because their family exists with another kind.
    pub conflicting_series: Counter,
    /// Series left out because a bound was reached.
    pub excess_series: Counter,
    /// Series left out because a name or label is not one that Prometheus takes.
    pub invalid_series: Counter,
}

impl Counters {
    fn refused(&self, refusal: Refusal) {
        match refusal {
            Refusal::Conflict => self.conflicting_series.inc(),
            Refusal::Excess => self.excess_series.inc(),
            Refusal::Invalid => self.invalid_series.inc(),
        };
    }
}

/// The store as everybody holds it.
pub type SharedStore = Arc<SeriesStore>;

#[cfg(test)]
mod tests;
