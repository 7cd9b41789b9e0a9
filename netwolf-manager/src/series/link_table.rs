//! What the numbers of one link stand for, and the way of a poll into the store.
//!
//! One per link, owned by its reader: no lock. A number that was refused is remembered as left out, so that
//! its samples are dropped in silence; its series was counted once. Series that wait for something else, for
//! another family of their name to go or for their device to be in the inventory, are tried again
//! ([`LinkTable::retry`]).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use netwolf_wire::{
    DeviceName, Epoch,
    message::Declare,
    series::{DeviceDecl, DeviceNo, FamilyDecl, FamilyNo, Poll, SeriesDecl, SeriesNo},
};

use super::{Cell, Refusal, SeriesStore, cell::Outcome, labels, limits};
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
    families: HashMap<FamilyNo, FamilyDecl>,
    series: Vec<Option<SeriesEntry>>,
    /// Left out for now.
    waiting: BTreeMap<SeriesNo, SeriesDecl>,
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

#[derive(Debug)]
struct SeriesEntry {
    device: DeviceNo,
    family: FamilyNo,
    /// `None` when the series is left out.
    cell: Option<Arc<Cell>>,
}

impl LinkTable {
    /// The table of a new link.
    pub fn new(store: Arc<SeriesStore>, board: Arc<Board>) -> Self {
        Self {
            store,
            board,
            devices: HashMap::new(),
            families: HashMap::new(),
            series: Vec::new(),
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
            if self.families.len() < limits::NUMBERS_PER_LINK {
                self.families.insert(family.no, family);
            } else {
                self.store.counters.refused(Refusal::Excess);
            }
        }
        if has_devices {
            self.retry(now);
        }
        for series in declare.series {
            self.declare_series(series, now);
        }
    }

    fn declare_device(&mut self, decl: DeviceDecl, now: Tick) {
        if self.devices.len() >= limits::NUMBERS_PER_LINK && !self.devices.contains_key(&decl.no) {
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
        let entry = self.series.get_mut(no.0 as usize).and_then(Option::as_mut);
        let Some(entry) = entry else { return };
        let (Some(cell), Some(slot)) = (entry.cell.clone(), slot) else {
            return;
        };
        if Arc::ptr_eq(cell.device(), slot) {
            cell.renew(epoch);
            return;
        }
        let Some(family) = self.families.get(&entry.family) else {
            return;
        };
        let lease = (epoch, cell.interval_ms());
        match self.store.attach(family, slot, cell.labels(), lease, now) {
            Ok(cell) => entry.cell = Some(cell),
            Err(refusal) => {
                self.store.counters.refused(refusal);
                entry.cell = None;
            }
        }
    }

    fn forget(&mut self, no: SeriesNo) {
        self.waiting.remove(&no);
        if let Some(entry) = self.series.get_mut(no.0 as usize) {
            *entry = None;
        }
    }

    fn declare_series(&mut self, decl: SeriesDecl, now: Tick) {
        if decl.no.0 >= limits::SERIES_PER_LINK {
            self.store.counters.refused(Refusal::Excess);
            return;
        }
        let at = decl.no.0 as usize;
        if self.series.len() <= at {
            self.series.resize_with(at + 1, || None);
        }
        if let Some(former) = self.series[at].take()
            && let Some(device) = self.devices.get_mut(&former.device)
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
        let attached = match &device.slot {
            Some(slot) => attach(&self.store, family, slot, &decl, device.epoch, now).map(Some),
            None => Ok(None),
        };
        if let Err(refusal) = attached {
            self.store.counters.refused(refusal);
        }
        let entry = SeriesEntry {
            device: decl.device,
            family: decl.family,
            cell: attached.clone().ok().flatten(),
        };
        device.series.insert(decl.no);
        self.series[at] = Some(entry);
        if matches!(attached, Ok(None) | Err(Refusal::Conflict)) {
            self.waiting.insert(decl.no, decl);
        }
    }

    /// Tries series again that wait for something. Cheap when there are none.
    pub fn retry(&mut self, now: Tick) {
        for (no, decl) in std::mem::take(&mut self.waiting) {
            let family = self.families.get(&decl.family);
            let device = self.devices.get(&decl.device);
            let cell = match (family, device) {
                (
                    Some(family),
                    Some(DeviceEntry {
                        slot: Some(slot),
                        epoch,
                        ..
                    }),
                ) => attach(&self.store, family, slot, &decl, *epoch, now).ok(),
                _ => None,
            };
            match (
                cell,
                self.series.get_mut(no.0 as usize).and_then(Option::as_mut),
            ) {
                (Some(cell), Some(entry)) => entry.cell = Some(cell),
                (None, Some(_)) => {
                    self.waiting.insert(no, decl);
                }
                (_, None) => {}
            }
        }
    }

    /// Takes polls in, oldest first. `unix_ms` is the present wall clock time.
    pub fn ingest(&mut self, polls: &[Poll], now: Tick, unix_ms: u64) {
        let counters = &self.store.counters;
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
                let entry = self.series.get(series.0 as usize).and_then(Option::as_ref);
                match entry.filter(|entry| entry.device == *no) {
                    Some(SeriesEntry {
                        cell: Some(cell), ..
                    }) => match cell.set(value.0, time_ms, now) {
                        Outcome::Taken => n_samples += 1,
                        Outcome::Late => {
                            counters.late_samples.inc();
                        }
                        Outcome::Invalid => {
                            counters.invalid_samples.inc();
                        }
                    },
                    Some(_) => {}
                    None => {
                        counters.undeclared.inc();
                    }
                }
            }
        }
        counters.samples.inc_by(n_samples);
    }
}

fn attach(
    store: &SeriesStore,
    family: &FamilyDecl,
    slot: &Arc<DeviceSlot>,
    decl: &SeriesDecl,
    epoch: Epoch,
    now: Tick,
) -> Result<Arc<Cell>, Refusal> {
    let labels = labels::render(slot.name.as_str(), &decl.labels).ok_or(Refusal::Invalid)?;
    store.attach(family, slot, &labels.into(), (epoch, decl.interval_ms), now)
}
