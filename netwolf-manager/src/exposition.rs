//! The page that Prometheus reads, in the format that it asked for.
//!
//! ```text
//!   own families (rendered from a snapshot) --+
//!                                             +-- merged by name --> text 0.0.4 or OpenMetrics 1.0
//!   families of devices (read in place) ------+
//! ```
//!
//! Sample lines are the same in both formats; they differ in how a family is introduced and in the end mark,
//! so there is one writer. Invariants: a family is introduced once and only with samples; families stand
//! sorted by name, series sorted by labels, so that two pages can be compared.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use netwolf_wire::series::Kind;

use crate::{clock::Tick, series::SeriesStore};

pub mod accept;
mod own;
mod value;

pub(crate) use own::from_registry;
pub use own::{Labels, OwnFamily};
pub(crate) use value::write_value;

/// The two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus text 0.0.4, for everybody who asks for nothing else.
    Text,
    /// OpenMetrics text 1.0.0, for those who ask for it.
    OpenMetrics,
}

impl Format {
    /// For the header `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A family's type as both formats know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Goes up and down.
    Gauge,
    /// Only goes up; samples end in `_total`.
    Counter,
    /// Text in labels; samples end in `_info`.
    Info,
    /// Counts by bucket.
    Histogram,
}

impl Type {
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Gauge | Self::Histogram => "",
            Self::Counter => "_total",
            Self::Info => "_info",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Info => "info",
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
        }
    }
}

/// Renders the whole page. `own` must not hold a family that devices may have; see the names in
/// [`crate::telemetry`].
pub fn render(format: Format, own: &[OwnFamily], store: &SeriesStore, now: Tick) -> String {
    render_into(String::new(), format, own, store, now)
}

/// Like [`render`], into an empty text that has the room of a former page perhaps.
pub(crate) fn render_into(
    text: String,
    format: Format,
    own: &[OwnFamily],
    store: &SeriesStore,
    now: Tick,
) -> String {
    let devices = store.families();
    let mut by_base: BTreeMap<&str, Source<'_>> = devices
        .iter()
        .map(|family| (family.name.base(), Source::Devices(family)))
        .collect();
    by_base.extend(
        own.iter()
            .map(|family| (family.base(), Source::Own(family))),
    );
    let mut page = Page { format, text };
    for (base, source) in by_base {
        match source {
            Source::Own(family) => page.own(family),
            Source::Devices(family) => page.devices(base, family, now),
        }
    }
    page.finish()
}

/// Appends to a text, which cannot fail.
pub(crate) fn put(text: &mut String, arguments: fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("text grows as needed");
}

enum Source<'a> {
    Own(&'a OwnFamily),
    Devices(&'a crate::series::Family),
}

struct Page {
    format: Format,
    text: String,
}

impl Page {
    fn own(&mut self, family: &OwnFamily) {
        if !family.is_empty() {
            self.introduce(family.base(), family.kind(), family.help());
            self.text.push_str(family.lines());
        }
    }

    fn devices(&mut self, base: &str, family: &crate::series::Family, now: Tick) {
        let kind = Type::from(family.kind);
        let before = self.text.len();
        self.introduce(base, kind, &family.help);
        let introduced = self.text.len();
        family.for_each_fresh(now, |labels, value| {
            self.text.push_str(base);
            self.text.push_str(kind.suffix());
            self.text.push_str(labels);
            self.text.push(' ');
            write_value(&mut self.text, value);
            self.text.push('\n');
        });
        if self.text.len() == introduced {
            self.text.truncate(before);
        }
    }

    fn introduce(&mut self, base: &str, kind: Type, help: &str) {
        let (suffix, word) = match self.format {
            Format::OpenMetrics => ("", kind.word()),
            // Text 0.0.4 introduces samples by their full name and knows no info metrics.
            Format::Text if kind == Type::Info => (kind.suffix(), Type::Gauge.word()),
            Format::Text => (kind.suffix(), kind.word()),
        };
        put(&mut self.text, format_args!("# HELP {base}{suffix} "));
        for c in help.chars() {
            match c {
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '"' if self.format == Format::OpenMetrics => self.text.push_str("\\\""),
                c => self.text.push(c),
            }
        }
        put(
            &mut self.text,
            format_args!("\n# TYPE {base}{suffix} {word}\n"),
        );
    }

    fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

#[cfg(test)]
mod tests;
