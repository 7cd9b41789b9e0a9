//! What the numbers of one link stand for, and the way of a poll into the store.
//!
//! One per link, owned by its reader: no lock. A number that was refused is remembered as left out, so that
//! its samples are dropped in silence; its series was counted once. Series that wait for something else, for
//! another family of their name to go or for their device to be in the inventory, are tried again
//! ([`LinkTable::retry`]).
//!
//! Invariant: what is kept was checked and is bounded, in number and in length ([`limits`]); the text of a
//! declaration is never kept as it came.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use foldhash::HashMap;
use netwolf_wire::{
    DeviceName, Epoch,
    message::Declare,
    series::{DeviceDecl, DeviceNo, FamilyDecl, FamilyNo, Kind, Poll, SeriesDecl, SeriesNo},
};

use super::{
    FamilyName, Refusal, SeriesStore,
    cell::Outcome,
    family::Tables,
    labels, limits,
    numbers::{Entry, Numbers},
    sending::{Sending, Taken},
};
use crate::{
    board::{Board, DeviceSlot},
    clock::Tick,
};

/// The numbers of one link.
#[derive(Debug)]
pub struct LinkTable {
    store: Arc<SeriesStore>,
    board: Arc<Board>,
    devices: HashMap<DeviceNo, DeviceEntry>,
    /// `None` for one that was refused: its series are left out.
    families: HashMap<FamilyNo, Option<FamilyDecl>>,
    series: Numbers,
    /// Left out for now.
    waiting: BTreeMap<SeriesNo, Waiting>,
}

/// A series that may be attached later; its numbers stand in its entry.
#[derive(Debug)]
struct Waiting {
    labels: Box<str>,
    interval_ms: u32,
}

#[derive(Debug)]
struct DeviceEntry {
    name: DeviceName,
    /// `None` when the inventory had no such device at the time.
    slot: Option<Arc<DeviceSlot>>,
    epoch: Epoch,
    /// What was declared for it.
    series: BTreeSet<SeriesNo>,
}

impl LinkTable {
    /// The table of a new link.
    pub fn new(store: Arc<SeriesStore>, board: Arc<Board>) -> Self {
        Self {
            store,
            board,
            devices: HashMap::default(),
            families: HashMap::default(),
            series: Numbers::default(),
            waiting: BTreeMap::new(),
        }
    }

    /// Numbers are declared.
    pub fn declare(&mut self, declare: Declare, now: Tick) {
        let has_devices = !declare.devices.is_empty();
        for device in declare.devices {
            self.declare_device(device, now);
        }
        for family in declare.families {
            self.declare_family(family);
        }
        if has_devices {
            self.retry(now);
        }
        for series in declare.series {
            self.declare_series(&series, now);
        }
    }

    fn declare_family(&mut self, mut decl: FamilyDecl) {
        if self.families.len() >= limits::FAMILIES && !self.families.contains_key(&decl.no) {
            self.store.counters.refused(Refusal::Excess);
            return;
        }
        decl.help
            .truncate(decl.help.floor_char_boundary(limits::HELP));
        let is_valid = FamilyName::new(&decl.name, decl.kind).is_some();
        self.families.insert(decl.no, is_valid.then_some(decl));
    }

    fn declare_device(&mut self, decl: DeviceDecl, now: Tick) {
        if self.devices.len() >= limits::DEVICES_PER_LINK && !self.devices.contains_key(&decl.no) {
            self.store.counters.refused(Refusal::Excess);
            return;
        }
        let slot = self.board.device(decl.device.as_str());
        let mut series = BTreeSet::new();
        if let Some(former) = self.devices.remove(&decl.no) {
            if former.name == decl.device {
                series = former.series;
            } else {
                // The number stands for another device now; its series are declared before they are used.
                former.series.into_iter().for_each(|no| self.forget(no));
            }
        }
        for no in &series {
            self.renew(*no, slot.as_ref(), decl.epoch, now);
        }
        let entry = DeviceEntry {
            name: decl.device,
            slot,
            epoch: decl.epoch,
            series,
        };
        self.devices.insert(decl.no, entry);
    }

    /// The device of a series has another lease, or has come back to the inventory as another slot.
    fn renew(&mut self, no: SeriesNo, slot: Option<&Arc<DeviceSlot>>, epoch: Epoch, now: Tick) {
        let Some(entry) = self.series.get_mut(no) else {
            return;
        };
        let (Some(series), Some(slot)) = (&entry.series, slot) else {
            return;
        };
        let Some((labels, interval_ms)) = series.renew(slot, epoch) else {
            return;
        };
        // The number of its family may stand for another one by now.
        let family = self.families.get(&entry.family).and_then(Option::as_ref);
        let Some(family) = family.filter(|family| series.is_of(family)) else {
            entry.series = None;
            return;
        };
        let lease = (epoch, interval_ms);
        entry.series = match self.store.attach(family, slot, &labels, lease, now) {
            Ok(series) => Some(series),
            Err(refusal) => {
                self.store.counters.refused(refusal);
                None
            }
        };
    }

    fn forget(&mut self, no: SeriesNo) {
        self.waiting.remove(&no);
        self.series.remove(no);
    }

    fn declare_series(&mut self, decl: &SeriesDecl, now: Tick) {
        if decl.no.0 >= limits::SERIES_PER_LINK {
            self.store.counters.refused(Refusal::Excess);
            return;
        }
        if let Some(former) = self.series.remove(decl.no).and_then(|entry| entry.device())
            && let Some(device) = self.devices.get_mut(&former)
        {
            device.series.remove(&decl.no);
        }
        self.waiting.remove(&decl.no);
        let (family, device) = (
            self.families.get(&decl.family),
            self.devices.get_mut(&decl.device),
        );
        let (Some(family), Some(device)) = (family, device) else {
            self.store.counters.undeclared.inc();
            return;
        };
        let state = family.as_ref().filter(|f| f.kind == Kind::StateSet);
        let state = state.map(|family| family.name.as_str());
        let labels = labels::render(device.name.as_str(), &decl.labels, state)
            .filter(|_| decl.interval_ms <= limits::INTERVAL_MS);
        let lease = (device.epoch, decl.interval_ms);
        let mut attached = match (family, &labels, &device.slot) {
            (Some(family), Some(labels), Some(slot)) => {
                let attached = self.store.attach(family, slot, labels, lease, now);
                attached.map(Some)
            }
            (Some(_), Some(_), None) => Ok(None),
            _ => Err(Refusal::Invalid),
        };
        if let (Ok(None) | Err(Refusal::Conflict), Some(labels)) = (&attached, labels) {
            if self.waiting.len() < limits::WAITING_PER_LINK {
                let interval_ms = decl.interval_ms;
                let waiting = Waiting {
                    labels: labels.into(),
                    interval_ms,
                };
                self.waiting.insert(decl.no, waiting);
            } else {
                attached = Err(Refusal::Excess);
            }
        }
        if let Err(refusal) = attached {
            self.store.counters.refused(refusal);
        }
        // The device is declared, so its number is one that there can be.
        if let Some(entry) = Entry::new(decl.device, decl.family, attached.ok().flatten()) {
            device.series.insert(decl.no);
            self.series.insert(decl.no, entry);
        }
    }

    /// Tries series again that wait for something. Cheap when there are none.
    pub fn retry(&mut self, now: Tick) {
        let Self {
            store,
            devices,
            families,
            series,
            waiting,
            ..
        } = self;
        waiting.retain(|no, wanted| {
            let Some(entry) = series.get_mut(*no) else {
                return false;
            };
            let family = families.get(&entry.family).and_then(Option::as_ref);
            let device = entry.device().and_then(|device| devices.get(&device));
            let place = family.zip(device.and_then(|d| Some((d.slot.as_ref()?, d.epoch))));
            let Some((family, (slot, epoch))) = place else {
                return true;
            };
            let lease = (epoch, wanted.interval_ms);
            entry.series = store.attach(family, slot, &wanted.labels, lease, now).ok();
            entry.series.is_none()
        });
    }

    /// Takes polls in, oldest first. `unix_ms` is the present wall clock time.
    pub fn ingest(&mut self, polls: &[Poll], now: Tick, unix_ms: u64) {
        let counters = &self.store.counters;
        let outlet = self.store.outlet();
        let mut sending = outlet.as_deref().map(|outlet| Sending::to(outlet, unix_ms));
        let mut tables = Tables::new();
        let mut n_samples = 0;
        for Poll(no, time_ms, samples) in polls {
            let Some(device) = self.devices.get(no) else {
                counters.undeclared.inc();
                continue;
            };
            let Some(slot) = device
                .slot
                .as_ref()
                .filter(|slot| slot.accepts(device.epoch))
            else {
                counters.stale_polls.inc();
                continue;
            };
            let mut time_ms = *time_ms;
            if time_ms > unix_ms + limits::FUTURE_MS {
                counters.future_polls.inc();
                time_ms = unix_ms;
            }
            slot.polled(now, time_ms);
            for (series, value) in samples {
                let entry = self.series.get(*series);
                let Some(entry) = entry.filter(|entry| entry.device() == Some(*no)) else {
                    counters.undeclared.inc();
                    continue;
                };
                let Some(series) = &entry.series else {
                    continue;
                };
                match tables.set(series, value.0, time_ms, now) {
                    Outcome::Taken => {
                        n_samples += 1;
                        if let Some(sending) = &mut sending {
                            let sample = Taken {
                                value: value.0,
                                time_ms,
                                epoch: device.epoch,
                            };
                            sending.push(&mut tables, series, sample);
                        }
                    }
                    Outcome::Late => {
                        counters.late_samples.inc();
                    }
                    Outcome::Invalid => {
                        counters.invalid_samples.inc();
                    }
                }
            }
        }
        counters.samples.inc_by(n_samples);
        drop(tables);
        if let Some(sending) = sending {
            sending.finish();
        }
    }
}
