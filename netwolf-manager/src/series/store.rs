//! All families and their series, by what they are called.

use std::{
    collections::{BTreeMap, HashMap},
    ops::ControlFlow,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use netwolf_wire::{
    Epoch,
    series::{FamilyDecl, Kind},
};

use super::{Cell, Counters, FamilyName, labels, limits, table::Table};
use crate::{board::DeviceSlot, clock::Tick};

/// Names that are the manager's own and that no device may have.
const OWN_PREFIXES: [&str; 3] = ["netwolf_manager_", "netwolf_agent_", "netwolf_poll_seconds"];

/// Own families that stand beside those of devices under one prefix; see [`crate::telemetry`].
pub(crate) const OWN_NAMES: [&str; 9] = [
    "netwolf_build",
    "netwolf_build_info",
    "netwolf_device_up",
    "netwolf_device_last_success_timestamp_seconds",
    "netwolf_device_session_state",
    "netwolf_device_login_seconds",
    "netwolf_device_failure",
    "netwolf_device_failure_info",
    "netwolf_device_labels",
];

/// Why a series is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its family, or one that would share a name with it, exists with another kind.
    Conflict,
    /// A bound was reached.
    Excess,
    /// A name or label is not one that Prometheus takes.
    Invalid,
}

/// A metric family and its series.
#[derive(Debug)]
pub struct Family {
    /// What it is called.
    pub name: FamilyName,
    /// Its kind.
    pub kind: Kind,
    /// What people read about it.
    pub help: String,
    series: RwLock<Table>,
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

impl Family {
    /// Calls `f` with the labels and value of every series behind the label set `after` that is to be shown, sorted
    /// by labels, until it breaks. Keep it short: who declares a series waits for it.
    pub fn walk_fresh<B>(
        &self,
        after: &str,
        now: Tick,
        f: impl FnMut(&str, f64) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        read(&self.series).walk(after, |cell| cell.fresh(now), f)
    }

    fn is_fresh(&self, now: Tick) -> bool {
        self.walk_fresh("", now, |_, _| ControlFlow::Break(()))
            .is_break()
    }

    /// The labels of one of its series. Rarely needed, and so looked for among those of the device.
    pub(super) fn labels_of(&self, cell: &Arc<Cell>) -> Option<Box<str>> {
        let before = labels::beginning(cell.device().name.as_str());
        let is_it = |other: &Arc<Cell>| Arc::ptr_eq(cell, other).then_some(());
        let found = read(&self.series).walk(&before, is_it, |labels, ()| {
            ControlFlow::Break(labels.into())
        });
        found.break_value()
    }

    /// The cell of a label set, made where there is none.
    fn cell(&self, labels: &str, device: &Arc<DeviceSlot>) -> Result<Arc<Cell>, Refusal> {
        let mut series = write(&self.series);
        // A device that left the inventory and came back is another one: nothing of before is shown.
        let known = series
            .get(labels)
            .filter(|cell| Arc::ptr_eq(cell.device(), device));
        if let Some(cell) = known {
            return Ok(cell.clone());
        }
        if !device.add_series(limits::SERIES_PER_DEVICE) {
            return Err(Refusal::Excess);
        }
        let cell = Arc::new(Cell::new(device.clone(), self.kind));
        if let Some(former) = series.insert(labels, cell.clone()) {
            former.device().remove_series();
        }
        Ok(cell)
    }

    /// Drops series that are stale and that no link refers to. Returns whether any is left.
    fn sweep(&self, now: Tick) -> bool {
        let kept = |cell: &Arc<Cell>| cell.fresh(now).is_some() || Arc::strong_count(cell) > 1;
        let gone = |series: &Table| {
            let left = |cell: &Arc<Cell>| (!kept(cell)).then_some(());
            series
                .walk("", left, |_, ()| ControlFlow::Break(()))
                .is_break()
        };
        // Nearly always there is nothing to do, and then nobody is kept waiting.
        if !gone(&read(&self.series)) {
            return read(&self.series).len() > 0;
        }
        let mut series = write(&self.series);
        series.retain(|cell| {
            let keep = kept(cell);
            if !keep {
                cell.device().remove_series();
            }
            keep
        });
        series.len() > 0
    }
}

/// All series.
#[derive(Debug, Default)]
pub struct SeriesStore {
    families: RwLock<Families>,
    /// What was taken in and left out.
    pub counters: Counters,
}

#[derive(Debug, Default)]
struct Families {
    /// Sorted by base name, as they are shown.
    by_base: BTreeMap<String, Arc<Family>>,
    /// Every name on the page, with the family's base: a gauge `x_total` and a counter `x` exclude each other.
    names: HashMap<String, String>,
}

impl Families {
    fn insert(&mut self, family: Arc<Family>) {
        let base = family.name.base().to_owned();
        self.names.insert(base.clone(), base.clone());
        self.names.insert(family.name.sample(), base.clone());
        if let Some(reserved) = family.name.reserved() {
            self.names.insert(reserved, base.clone());
        }
        self.by_base.insert(base, family);
    }

    fn remove(&mut self, base: &str) {
        self.by_base.remove(base);
        self.names.retain(|_, of| of != base);
    }
}

impl SeriesStore {
    /// A store that counts in `counters`.
    pub fn new(counters: Counters) -> Self {
        Self {
            families: RwLock::default(),
            counters,
        }
    }

    /// The family of a declaration, if it is there.
    pub(super) fn known(&self, decl: &FamilyDecl) -> Option<Arc<Family>> {
        let name = FamilyName::new(&decl.name, decl.kind)?;
        let families = read(&self.families);
        let family = families.by_base.get(name.base());
        family.filter(|family| family.kind == decl.kind).cloned()
    }

    /// All families, sorted by base name.
    pub fn families(&self) -> Vec<Arc<Family>> {
        read(&self.families).by_base.values().cloned().collect()
    }

    /// The cell of a series with rendered labels, made where there is none.
    pub(super) fn attach(
        &self,
        decl: &FamilyDecl,
        device: &Arc<DeviceSlot>,
        labels: &str,
        (epoch, interval_ms): (Epoch, u32),
        now: Tick,
    ) -> Result<Arc<Cell>, Refusal> {
        let family = self.family(decl, now)?;
        let cell = family.cell(labels, device)?;
        cell.declare(epoch, interval_ms);
        Ok(cell)
    }

    /// The family of a declaration: the first kind wins while it has series that are shown.
    fn family(&self, decl: &FamilyDecl, now: Tick) -> Result<Arc<Family>, Refusal> {
        let name = FamilyName::new(&decl.name, decl.kind).ok_or(Refusal::Invalid)?;
        let sample = name.sample();
        let is_own = |text: &str| {
            OWN_NAMES.contains(&text) || OWN_PREFIXES.iter().any(|own| text.starts_with(own))
        };
        if is_own(name.base()) || is_own(&sample) {
            return Err(Refusal::Conflict);
        }
        let same = |family: &Arc<Family>| family.kind == decl.kind && family.name == name;
        if let Some(family) = read(&self.families)
            .by_base
            .get(name.base())
            .filter(|f| same(f))
        {
            return Ok(family.clone());
        }
        let mut families = write(&self.families);
        let reserved = name.reserved();
        for taken in [Some(name.base()), Some(&sample), reserved.as_deref()] {
            let Some(base) = taken.and_then(|name| families.names.get(name)).cloned() else {
                continue;
            };
            let other = families.by_base[&base].clone();
            if same(&other) {
                return Ok(other);
            }
            if other.is_fresh(now) {
                return Err(Refusal::Conflict);
            }
            families.remove(&base);
        }
        if families.by_base.len() >= limits::FAMILIES {
            return Err(Refusal::Excess);
        }
        let family = Arc::new(Family {
            name,
            kind: decl.kind,
            help: decl.help.clone(),
            series: RwLock::default(),
        });
        families.insert(family.clone());
        Ok(family)
    }

    /// Drops what is stale and in nobody's use; to be called now and then.
    pub fn sweep(&self, now: Tick) {
        let empty: Vec<_> = self
            .families()
            .into_iter()
            .filter(|f| !f.sweep(now))
            .collect();
        let mut families = write(&self.families);
        for family in empty {
            // Whoever found the family before the lock may be adding to it: two references are the list's and ours.
            if Arc::strong_count(&family) == 2 && read(&family.series).len() == 0 {
                families.remove(family.name.base());
            }
        }
    }

    /// How many series are held, shown or not.
    pub fn len(&self) -> usize {
        self.families()
            .iter()
            .map(|family| read(&family.series).len())
            .sum()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
