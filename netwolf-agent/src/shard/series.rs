//! Numbers for devices, families and series, and what of them the manager has been told. Pure.
//!
//! A number is declared once on each link before it is used. It is used again for something else only when
//! no poll that waits in the buffer refers to it any more, so a replay after a lost link says what it said.
//!
//! Invariant: a poll never refers to a number that is not declared before it on the same link.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use foldhash::HashMap;
use netwolf_filter::{Family, Labels};
use netwolf_wire::{
    DeviceName, Epoch,
    message::Declare,
    series::{DeviceDecl, DeviceNo, FamilyDecl, FamilyNo, Kind, Poll, SeriesDecl, SeriesNo},
};

use super::buffer::Seq;

/// Series of one device beyond this are left out and counted: a rule that makes a label of a counter or of a
/// time would otherwise fill the memory of everybody.
pub(super) const MAX_SERIES_OF_A_DEVICE: u32 = 10_000;

/// A series that was not seen for so many of its intervals gives its number back, but not before [`FORGET_AFTER`].
const FORGET_INTERVALS: u32 = 10;
/// See [`FORGET_INTERVALS`]: an interface that flaps must not cost a new declaration each time.
const FORGET_AFTER: Duration = Duration::from_mins(5);

/// The number of a link of this shard; 0 is before the first.
type Generation = u64;

#[derive(Debug)]
struct Device {
    name: DeviceName,
    epoch: Epoch,
    declared: Generation,
    /// The lease is gone; the number is free once the buffer is past this.
    retired: Option<Seq>,
    series: HashMap<(FamilyNo, Arc<Labels>), SeriesNo>,
}

#[derive(Debug)]
struct Series {
    device: DeviceNo,
    family: FamilyNo,
    labels: Arc<Labels>,
    interval_ms: u32,
    /// The device has another lease since: the next poll says which interval holds.
    outdated: bool,
    declared: Generation,
    last_poll: Seq,
    last_seen: Instant,
}

#[derive(Debug)]
struct FamilySlot {
    decl: FamilyDecl,
    declared: Generation,
}

/// All numbers of a shard.
#[derive(Debug, Default)]
pub(super) struct SeriesTable {
    link: Generation,
    families: Vec<FamilySlot>,
    family_by_name: HashMap<(String, Kind), FamilyNo>,
    devices: Slots<Device>,
    series: Slots<Series>,
}

/// Where a poll stands: its device, its place in the buffer, its command's interval, and the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct PollContext {
    pub(super) device: DeviceNo,
    pub(super) seq: Seq,
    pub(super) interval: Duration,
    pub(super) now: Instant,
}

impl SeriesTable {
    /// A new link stands: nothing is declared on it.
    pub(super) const fn new_link(&mut self) {
        self.link += 1;
    }

    /// A number for a device that is run under `epoch`.
    pub(super) fn add_device(&mut self, name: DeviceName, epoch: Epoch) -> DeviceNo {
        DeviceNo(self.devices.add(Device {
            name,
            epoch,
            declared: 0,
            retired: None,
            series: HashMap::default(),
        }))
    }

    /// The device goes on under another lease, maybe with other intervals.
    pub(super) fn renew_device(&mut self, no: DeviceNo, epoch: Epoch) {
        let Some(device) = self.devices.get_mut(no.0) else {
            return;
        };
        device.epoch = epoch;
        device.declared = 0;
        for series in device.series.values() {
            if let Some(series) = self.series.get_mut(series.0) {
                series.outdated = true;
            }
        }
    }

    /// The device's lease is gone; `next` is the place of the next poll in the buffer.
    pub(super) fn retire_device(&mut self, no: DeviceNo, next: Seq) {
        if let Some(device) = self.devices.get_mut(no.0) {
            device.retired = Some(next);
        }
    }

    /// Whether polls of the device may be sent.
    pub(super) fn is_live(&self, no: DeviceNo) -> bool {
        self.devices
            .get(no.0)
            .is_some_and(|device| device.retired.is_none())
    }

    /// The number of a family. Families of one name but different kinds are different ones here; which of them
    /// stands is for the manager to say.
    pub(super) fn family(&mut self, family: &Family) -> FamilyNo {
        let families = &mut self.families;
        *self
            .family_by_name
            .entry((family.name.clone(), family.kind))
            .or_insert_with(|| {
                let no = FamilyNo(
                    u32::try_from(families.len()).expect("families come from plans, which are few"),
                );
                families.push(FamilySlot {
                    decl: FamilyDecl {
                        no,
                        name: family.name.clone(),
                        kind: family.kind,
                        help: family.help.clone(),
                    },
                    declared: 0,
                });
                no
            })
    }

    /// The number of a series for one poll, which is one of the device's current plan. `guess` is the number that stood at the same place in the poll
    /// before: outputs keep their order, so it is nearly always right and saves a look-up. `None` when the
    /// device has too many series.
    pub(super) fn number(
        &mut self,
        poll: PollContext,
        family: FamilyNo,
        labels: Arc<Labels>,
        guess: Option<SeriesNo>,
    ) -> Option<SeriesNo> {
        let same = |series: &Series| {
            series.device == poll.device
                && series.family == family
                // Nearly always they are the same in memory, too.
                && (Arc::ptr_eq(&series.labels, &labels) || series.labels == labels)
        };
        let no = match guess.filter(|no| self.series.get(no.0).is_some_and(same)) {
            Some(no) => no,
            None => self.find_or_add(poll, family, labels.clone())?,
        };
        let series = self.series.get_mut(no.0)?;
        // The next poll brings those of this one, and then they are the same in memory.
        series.labels = labels;
        series.last_poll = poll.seq;
        series.last_seen = poll.now;
        if series.outdated {
            series.outdated = false;
            series.interval_ms = millis(poll.interval);
            series.declared = 0;
        }
        Some(no)
    }

    fn find_or_add(
        &mut self,
        poll: PollContext,
        family: FamilyNo,
        labels: Arc<Labels>,
    ) -> Option<SeriesNo> {
        let device = self.devices.get_mut(poll.device.0)?;
        let key = (family, labels.clone());
        if let Some(no) = device.series.get(&key) {
            return Some(*no);
        }
        if device.series.len() >= MAX_SERIES_OF_A_DEVICE as usize {
            return None;
        }
        let no = SeriesNo(self.series.add(Series {
            device: poll.device,
            family,
            labels,
            interval_ms: millis(poll.interval),
            outdated: false,
            declared: 0,
            last_poll: poll.seq,
            last_seen: poll.now,
        }));
        device.series.insert(key, no);
        Some(no)
    }

    /// Declares into `declare` what `polls` refer to and what was not declared on this link. Returns an
    /// estimate of the bytes that were added.
    pub(super) fn declare(&mut self, polls: &[Poll], declare: &mut Vec<Declare>) {
        let mut writer = DeclareWriter {
            link: self.link,
            out: declare,
            bytes: 0,
        };
        for Poll(device_no, _, samples) in polls {
            if let Some(device) = self.devices.get_mut(device_no.0)
                && writer.is_news(&mut device.declared)
            {
                let decl = DeviceDecl {
                    no: *device_no,
                    device: device.name.clone(),
                    epoch: device.epoch,
                };
                writer
                    .next(decl.device.as_str().len() + 50)
                    .devices
                    .push(decl);
            }
            for (series_no, _) in samples {
                let Some(series) = self.series.get_mut(series_no.0) else {
                    continue;
                };
                if !writer.is_news(&mut series.declared) {
                    continue;
                }
                if let Some(family) = self.families.get_mut(series.family.0 as usize)
                    && writer.is_news(&mut family.declared)
                {
                    let size = family.decl.name.len() + family.decl.help.len() + 50;
                    writer.next(size).families.push(family.decl.clone());
                }
                let size = 60
                    + series
                        .labels
                        .iter()
                        .map(|(name, value)| name.len() + value.len() + 6)
                        .sum::<usize>();
                writer.next(size).series.push(SeriesDecl {
                    no: *series_no,
                    device: series.device,
                    family: series.family,
                    labels: series.labels.to_vec(),
                    interval_ms: series.interval_ms,
                });
            }
        }
    }

    /// Frees the numbers of devices whose lease is gone and of series that were not seen for long, where no
    /// poll from `oldest` on refers to them.
    pub(super) fn sweep(&mut self, now: Instant, oldest: Seq) {
        let retired: Vec<u32> = self
            .devices
            .iter()
            .filter(|(_, device)| device.retired.is_some_and(|seq| seq <= oldest))
            .map(|(no, _)| no)
            .collect();
        for no in retired {
            if let Some(device) = self.devices.remove(no) {
                device
                    .series
                    .values()
                    .for_each(|series| drop(self.series.remove(series.0)));
            }
        }
        let forgotten: Vec<u32> = self
            .series
            .iter()
            .filter(|(_, series)| {
                let interval = Duration::from_millis(series.interval_ms.into());
                let patience = (interval * FORGET_INTERVALS).max(FORGET_AFTER);
                series.last_poll < oldest
                    && now.saturating_duration_since(series.last_seen) > patience
            })
            .map(|(no, _)| no)
            .collect();
        for no in forgotten {
            if let Some(series) = self.series.remove(no)
                && let Some(device) = self.devices.get_mut(series.device.0)
            {
                device.series.remove(&(series.family, series.labels));
            }
        }
    }
}

fn millis(interval: Duration) -> u32 {
    u32::try_from(interval.as_millis())
        .unwrap_or(u32::MAX)
        .max(1)
}

/// Fills declarations, and begins a new message when one is long enough.
struct DeclareWriter<'a> {
    link: Generation,
    out: &'a mut Vec<Declare>,
    bytes: usize,
}

/// A message of declarations is about so long at most: a quarter of the longest frame, before compression.
const MAX_DECLARE_BYTES: usize = 1 << 20;

impl DeclareWriter<'_> {
    /// Whether something was not declared on this link; it is now.
    const fn is_news(&self, declared: &mut Generation) -> bool {
        let news = *declared != self.link;
        *declared = self.link;
        news
    }

    fn next(&mut self, size: usize) -> &mut Declare {
        if self.out.is_empty() || self.bytes + size > MAX_DECLARE_BYTES {
            self.out.push(Declare::default());
            self.bytes = 0;
        }
        self.bytes += size;
        self.out
            .last_mut()
            .expect("one was pushed when there was none")
    }
}

/// Values by number; numbers are dense and are used again.
#[derive(Debug)]
struct Slots<T> {
    slots: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slots<T> {
    fn add(&mut self, value: T) -> u32 {
        if let Some(no) = self.free.pop() {
            self.slots[no as usize] = Some(value);
            return no;
        }
        self.slots.push(Some(value));
        u32::try_from(self.slots.len() - 1)
            .expect("four thousand million series do not fit a shard")
    }

    fn get(&self, no: u32) -> Option<&T> {
        self.slots.get(no as usize)?.as_ref()
    }

    fn get_mut(&mut self, no: u32) -> Option<&mut T> {
        self.slots.get_mut(no as usize)?.as_mut()
    }

    fn remove(&mut self, no: u32) -> Option<T> {
        let value = self.slots.get_mut(no as usize)?.take();
        if value.is_some() {
            self.free.push(no);
        }
        value
    }

    fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.slots
            .iter()
            .zip(0..)
            .filter_map(|(slot, no)| Some((no, slot.as_ref()?)))
    }
}

#[cfg(test)]
mod tests;
