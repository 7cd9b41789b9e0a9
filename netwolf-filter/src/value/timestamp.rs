//! Dates and times as devices print them, to Unix seconds.
//!
//! A format is taken apart once, and a text is held against one format after another. Nothing is guessed: a format
//! says the whole date, a text fits it from end to end, and a zone is known or the text is no time.

mod civil;
mod format;

use std::collections::BTreeMap;

use netwolf_wire::rule::Times;

use self::format::Format;

pub(crate) use self::civil::read_offset;

/// What is read where a rule names no formats.
const COMMON: [&str; 12] = [
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%d %H:%M:%S %Z",
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%H:%M:%S %Z %a %b %d %Y",
    "%a %b %d %H:%M:%S %Y",
    "%a %b %d %H:%M:%S %Z %Y",
    "%b %d %Y %H:%M:%S",
    "%b %d %Y %H:%M:%S %Z",
    "%Y-%m-%d",
];

/// How the times of one metric are read.
#[derive(Debug)]
pub(crate) struct TimeReader {
    formats: Vec<Format>,
    /// Seconds that the clock is ahead of UTC where a text does not say.
    offset: i32,
    /// The same by the names of zones.
    zones: BTreeMap<String, i32>,
}

/// What is wrong with the formats or zones of a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadTimes {
    /// The format or offset as written.
    pub(crate) text: String,
    pub(crate) reason: &'static str,
}

impl TimeReader {
    /// Takes formats and zones apart.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(crate) fn compile(times: &Times) -> Result<Self, Vec<BadTimes>> {
        let mut faults = Vec::new();
        let mut fault = |text: &str, reason| {
            faults.push(BadTimes {
                text: text.to_owned(),
                reason,
            });
        };
        let mut offset_of = |text: &str| {
            read_offset(text).unwrap_or_else(|| {
                fault(text, "an offset from UTC is written as `+01:00`");
                0
            })
        };
        let offset = times.zone.as_deref().map_or(0, &mut offset_of);
        let zones = times
            .zones
            .iter()
            .map(|(name, text)| (name.clone(), offset_of(text)))
            .collect();
        let mut formats = Vec::new();
        let mut add = |text: &str| match Format::compile(text) {
            Ok(format) => formats.push(format),
            Err(reason) => fault(text, reason),
        };
        if times.formats.is_empty() {
            COMMON.into_iter().for_each(add);
        } else {
            times.formats.iter().for_each(|text| add(text));
        }
        if faults.is_empty() {
            Ok(Self {
                formats,
                offset,
                zones,
            })
        } else {
            Err(faults)
        }
    }

    /// The Unix seconds of `text`; `None` where no format fits it.
    pub(crate) fn read(&self, text: &str) -> Option<f64> {
        let text = text.trim();
        let mut fitting = self.formats.iter();
        fitting.find_map(|format| format.read(text, self.offset, &self.zones))
    }
}

#[cfg(test)]
mod tests;
