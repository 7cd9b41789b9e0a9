//! The page that Prometheus reads, in the format that it asked for.
//!
//! ```text
//!   own families (rendered from a snapshot) --+
//!                                             +-- merged by name --> text 0.0.4 or OpenMetrics 1.0
//!   families of devices (read in place) ------+
//! ```
//!
//! Sample lines are the same in both formats; they differ in how a family is introduced and in the end mark,
//! so there is one writer, [`PageReader`]. It gives the page in chunks, so that a page of a million series is never
//! in memory as a whole. Invariants: a family is introduced once and only with samples; families stand
//! sorted by name, series sorted by labels, so that two pages can be compared.

use std::fmt::{self, Write};

use netwolf_wire::series::Kind;

use crate::{clock::Tick, series::SeriesStore};

mod own;
mod reader;
mod spare;
mod value;

pub use netwolf_exposition::{Format, accept};
pub(crate) use own::from_registry;
pub use own::{Labels, OwnFamily};
pub use reader::{Content, PageReader};
pub(crate) use spare::Spare;
pub(crate) use value::write_value;

/// A family's type as both formats know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Goes up and down.
    Gauge,
    /// Only goes up; samples end in `_total`.
    Counter,
    /// Text in labels; samples end in `_info`.
    Info,
    /// Which of some states holds; the label with the state is called as the family.
    StateSet,
    /// Counts by bucket.
    Histogram,
}

/// Base units as names end in them; the first that fits counts.
const UNITS: [&str; 11] = [
    "bytes_per_second",
    "seconds",
    "bytes",
    "ratio",
    "celsius",
    "volts",
    "amperes",
    "watts",
    "joules",
    "meters",
    "hertz",
];

impl Type {
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Gauge | Self::StateSet | Self::Histogram => "",
            Self::Counter => "_total",
            Self::Info => "_info",
        }
    }

    /// The unit at the end of a family's name, where the type has one.
    fn unit(self, base: &str) -> Option<&'static str> {
        if matches!(self, Self::Info | Self::StateSet) {
            return None;
        }
        let ends_in = |unit: &&str| {
            base.strip_suffix(unit)
                .is_some_and(|rest| rest.ends_with('_'))
        };
        UNITS.into_iter().find(ends_in)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::Histogram => "histogram",
        }
    }
}

impl From<Kind> for Type {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Gauge => Self::Gauge,
            Kind::Counter => Self::Counter,
            Kind::Info => Self::Info,
            Kind::StateSet => Self::StateSet,
        }
    }
}

/// Renders the whole page; see [`Content::own`] for what `own` must not hold.
pub fn render(format: Format, own: Vec<OwnFamily>, store: &SeriesStore, now: Tick) -> String {
    PageReader::new(format, Content::whole(own, store), now).collect()
}

/// Appends to a text, which cannot fail.
pub(crate) fn put(text: &mut String, arguments: fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("text grows as needed");
}

#[cfg(test)]
mod tests;
