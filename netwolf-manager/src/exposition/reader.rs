//! A page in chunks: each is rendered when it is asked for.
//!
//! Between two chunks nothing is locked. A scraper may take its time, series come and go meanwhile, and the reader
//! goes on behind the label set that it showed last. So a page is not of one instant: a value is the one that
//! was held when its chunk was rendered.

use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};

use super::{Format, OwnFamily, Type, put, write_value};
use crate::{
    clock::Tick,
    inventory::Catalogue,
    series::{DeviceLabels, Family, SeriesStore},
};

/// Bytes of a chunk, about: a hundred microseconds of work, in which the thread serves nobody else. Each is one write,
/// which wakes the scraper, so that few large ones are cheaper; but a chunk must still be in the cache when it is written.
const CHUNK: usize = 512 << 10;
/// The line that ends a chunk may be so long, usually.
const LINE: usize = 4 << 10;

/// What stands on a page.
#[derive(Debug, Default)]
pub struct Content {
    /// Families of the manager. None of them may be one that devices may have; see the names in
    /// [`crate::telemetry`].
    pub own: Vec<OwnFamily>,
    /// Families of devices.
    pub families: Vec<Arc<Family>>,
    /// Only series of these devices, sorted; of all where there is `None`.
    pub devices: Option<Vec<DeviceLabels>>,
    /// Has help texts that do not depend on who declared a family first.
    pub catalogue: Arc<Catalogue>,
}

impl Content {
    /// Everything that is in the store.
    pub fn whole(own: Vec<OwnFamily>, store: &SeriesStore) -> Self {
        Self {
            own,
            families: store.families(),
            ..Self::default()
        }
    }
}

/// A page that is read once, from its beginning to its end.
#[derive(Debug)]
pub struct PageReader {
    format: Format,
    now: Tick,
    devices: Option<Vec<DeviceLabels>>,
    catalogue: Arc<Catalogue>,
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
    /// Where only some devices are shown, how many of them are done.
    n_done: usize,
}

impl PageReader {
    /// The page as it is from `now` on.
    pub fn new(format: Format, content: Content, now: Tick) -> Self {
        let Content {
            own,
            families,
            devices,
            catalogue,
        } = content;
        let mut by_base: BTreeMap<String, Source> = families
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
            devices,
            catalogue,
            sources: sources.into_iter(),
            current: None,
            ended: false,
        }
    }

    /// Writes the next chunk into an empty text. Returns whether there was one.
    pub fn read(&mut self, text: &mut String) -> bool {
        text.reserve(CHUNK + LINE);
        while text.len() < CHUNK && !self.ended {
            if let Some(mut reading) = self.current.take() {
                if self.devices(text, &mut reading).is_break() {
                    self.current = Some(reading);
                }
                continue;
            }
            match self.sources.next() {
                Some(Source::Own(family)) => self.own(text, &family),
                Some(Source::Devices(family)) => {
                    self.current = Some(Reading {
                        family,
                        is_introduced: false,
                        after: String::new(),
                        n_done: 0,
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
        !text.is_empty()
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
            n_done,
        } = reading;
        let name = family.name.sample();
        let mut each = |labels: &str, value| {
            if !std::mem::replace(is_introduced, true) {
                let help = self.catalogue.help(&family.name).unwrap_or(&family.help);
                self.introduce(text, family.name.base(), family.kind.into(), help);
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
        };
        let Some(devices) = &self.devices else {
            let flow = family.walk_fresh(after, self.now, each);
            return flow.map_break(|labels| *after = labels);
        };
        for device in devices.get(*n_done..).into_iter().flatten() {
            let flow = family.walk_device(device, after, self.now, &mut each);
            flow.map_break(|labels| *after = labels)?;
            *n_done += 1;
        }
        ControlFlow::Continue(())
    }
}

impl Iterator for PageReader {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut text = String::new();
        self.read(&mut text).then_some(text)
    }
}
