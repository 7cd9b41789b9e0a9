//! A page in chunks: each is rendered when it is asked for.
//!
//! Between two chunks nothing is locked. A scraper may take its time, series come and go meanwhile, and the reader
//! goes on behind the label set that it showed last. So a page is not of one instant: a value is the one that
//! was held when its chunk was rendered.

use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};

use super::{Format, OwnFamily, Type, put, write_value};
use crate::{
    clock::Tick,
    series::{Family, SeriesStore},
};

/// Bytes of a chunk, about: a hundred microseconds of work, in which the thread serves nobody else. Each is one write,
/// which wakes the scraper, so that few large ones are cheaper; but a chunk must still be in the cache when it is written.
const CHUNK: usize = 512 << 10;
/// The line that ends a chunk may be so long, usually.
const LINE: usize = 4 << 10;

/// A page that is read once, from its beginning to its end.
#[derive(Debug)]
pub struct PageReader {
    format: Format,
    now: Tick,
    sources: std::vec::IntoIter<Source>,
    current: Option<Reading>,
    ended: bool,
}

#[derive(Debug)]
enum Source {
    Own(OwnFamily),
    Devices(Arc<Family>),
}

/// A family of devices that is under way.
#[derive(Debug)]
struct Reading {
    family: Arc<Family>,
    is_introduced: bool,
    /// The label set that was shown last; empty before the first.
    after: String,
}

impl PageReader {
    /// The page as it is from `now` on. `own` must not hold a family that devices may have; see the names in
    /// [`crate::telemetry`].
    pub fn new(format: Format, own: Vec<OwnFamily>, store: &SeriesStore, now: Tick) -> Self {
        let devices = store.families();
        let mut by_base: BTreeMap<String, Source> = devices
            .into_iter()
            .map(|family| (family.name.base().to_owned(), Source::Devices(family)))
            .collect();
        by_base.extend(
            own.into_iter()
                .map(|family| (family.base().to_owned(), Source::Own(family))),
        );
        let sources: Vec<_> = by_base.into_values().collect();
        Self {
            format,
            now,
            sources: sources.into_iter(),
            current: None,
            ended: false,
        }
    }

    fn introduce(&self, text: &mut String, base: &str, kind: Type, help: &str) {
        let (suffix, word) = match self.format {
            Format::OpenMetrics => ("", kind.word()),
            // Text 0.0.4 introduces samples by their full name and knows neither info metrics nor state sets.
            Format::Text if matches!(kind, Type::Info | Type::StateSet) => {
                (kind.suffix(), Type::Gauge.word())
            }
            Format::Text => (kind.suffix(), kind.word()),
        };
        put(text, format_args!("# HELP {base}{suffix} "));
        for c in help.chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '"' if self.format == Format::OpenMetrics => text.push_str("\\\""),
                c => text.push(c),
            }
        }
        put(text, format_args!("\n# TYPE {base}{suffix} {word}\n"));
        if self.format == Format::OpenMetrics
            && let Some(unit) = kind.unit(base)
        {
            put(text, format_args!("# UNIT {base} {unit}\n"));
        }
    }

    fn own(&self, text: &mut String, family: &OwnFamily) {
        if !family.is_empty() {
            self.introduce(text, family.base(), family.kind(), family.help());
            text.push_str(family.lines());
        }
    }

    /// Appends series until the chunk is full, and then breaks.
    fn devices(&self, text: &mut String, reading: &mut Reading) -> ControlFlow<()> {
        let Reading {
            family,
            is_introduced,
            after,
        } = reading;
        let name = family.name.sample();
        let flow = family.walk_fresh(after, self.now, |labels, value| {
            if !std::mem::replace(is_introduced, true) {
                self.introduce(text, family.name.base(), family.kind.into(), &family.help);
            }
            text.push_str(&name);
            text.push_str(labels);
            text.push(' ');
            write_value(text, value);
            text.push('\n');
            if text.len() < CHUNK {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(labels.to_owned())
            }
        });
        flow.map_break(|labels| *after = labels)
    }
}

impl Iterator for PageReader {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut text = String::with_capacity(CHUNK + LINE);
        while text.len() < CHUNK && !self.ended {
            if let Some(mut reading) = self.current.take() {
                if self.devices(&mut text, &mut reading).is_break() {
                    self.current = Some(reading);
                }
                continue;
            }
            match self.sources.next() {
                Some(Source::Own(family)) => self.own(&mut text, &family),
                Some(Source::Devices(family)) => {
                    self.current = Some(Reading {
                        family,
                        is_introduced: false,
                        after: String::new(),
                    });
                }
                None => {
                    self.ended = true;
                    if self.format == Format::OpenMetrics {
                        text.push_str("# EOF\n");
                    }
                }
            }
        }
        (!text.is_empty()).then_some(text)
    }
}
