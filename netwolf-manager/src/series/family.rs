//! A metric family and its series, and what links have in their hands of it.
//!
//! A table is locked by itself: alone to declare, merge and sweep, shared to render and to take samples in. A message
//! of samples is of many families and locks each once ([`Tables`]).

use std::{
    ops::ControlFlow,
    ptr,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use foldhash::{HashMap, HashMapExt};
use netwolf_wire::{
    Epoch,
    series::{FamilyDecl, Kind},
};

use super::{
    Cell, FamilyName, Refusal,
    cell::Outcome,
    labels::{self, DeviceLabels},
    table::{Id, Table},
};
use crate::{
    board::DeviceSlot,
    clock::{Tick, unix_ms},
    remote_write::{Outlet, Written},
};

pub(super) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
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
    table: RwLock<Table>,
    /// Another family has its name now: links may hold series of it still.
    is_removed: AtomicBool,
}

impl Family {
    /// A family without series.
    pub(super) fn new(name: FamilyName, decl: &FamilyDecl) -> Self {
        Self {
            name,
            kind: decl.kind,
            help: decl.help.clone(),
            table: RwLock::default(),
            is_removed: AtomicBool::new(false),
        }
    }

    /// How many series it has.
    pub(super) fn len(&self) -> usize {
        read(&self.table).len()
    }

    /// Calls `f` with the labels and value of every series behind the label set `after` that is to be shown, sorted
    /// by labels, until it breaks. Keep it short: who declares a series waits for it.
    pub fn walk_fresh<B>(
        &self,
        after: &str,
        now: Tick,
        mut f: impl FnMut(&str, f64) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        read(&self.table).walk(after, |labels, cell| match cell.fresh(now) {
            Some(value) => f(labels, value),
            None => ControlFlow::Continue(()),
        })
    }

    /// As [`Self::walk_fresh`], of one device: its series stand together and are looked for, so that those of others
    /// cost nothing.
    pub fn walk_device<B>(
        &self,
        DeviceLabels(beginning): &DeviceLabels,
        after: &str,
        now: Tick,
        f: impl FnMut(&str, f64) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.walk_cells_of(beginning, after, |cell| cell.fresh(now), f)
    }

    /// As [`Self::walk_device`], of the values that came in after `since`.
    pub fn walk_device_since<B>(
        &self,
        DeviceLabels(beginning): &DeviceLabels,
        since: Tick,
        now: Tick,
        f: impl FnMut(&str, f64) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.walk_cells_of(beginning, "", |cell| cell.fresh_since(since, now), f)
    }

    fn walk_cells_of<B>(
        &self,
        beginning: &str,
        after: &str,
        value_of: impl Fn(&Cell) -> Option<f64>,
        mut f: impl FnMut(&str, f64) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        // What a label set begins with stands before it.
        let after = after.max(beginning);
        let flow = read(&self.table).walk(after, |labels, cell| {
            if !labels.starts_with(beginning) {
                return ControlFlow::Break(None);
            }
            match value_of(cell) {
                Some(value) => f(labels, value).map_break(Some),
                None => ControlFlow::Continue(()),
            }
        });
        match flow {
            ControlFlow::Break(Some(broken)) => ControlFlow::Break(broken),
            ControlFlow::Break(None) | ControlFlow::Continue(()) => ControlFlow::Continue(()),
        }
    }

    pub(super) fn is_fresh(&self, now: Tick) -> bool {
        self.walk_fresh("", now, |_, _| ControlFlow::Break(()))
            .is_break()
    }

    /// A hold on the series of a label set, made where there is none, under a lease and with an interval.
    pub(super) fn attach(
        self: Arc<Self>,
        labels: &str,
        device: &Arc<DeviceSlot>,
        (epoch, interval_ms): (Epoch, u32),
    ) -> Result<Handle, Refusal> {
        let mut table = write(&self.table);
        // A device that left the inventory and came back is another one: nothing of before is shown.
        let known = table
            .find(labels)
            .filter(|id| Arc::ptr_eq(table.cell(*id).device(), device));
        let id = if let Some(id) = known {
            id
        } else {
            let cell = Cell::new(device.clone()).ok_or(Refusal::Excess)?;
            table.insert(labels, cell)
        };
        table.cell(id).declare(epoch, interval_ms);
        table.hold(id);
        drop(table);
        Ok(Handle { family: self, id })
    }

    /// Drops series that are stale and that no link holds. Returns whether any is left.
    pub(super) fn sweep(&self, now: Tick) -> bool {
        let keep = |cell: &Cell| cell.fresh(now).is_some();
        // Nearly always there is nothing to do, and then nobody is kept waiting.
        let has_work = read(&self.table).has_other_than(keep);
        if has_work {
            write(&self.table).retain(keep);
        }
        self.len() > 0
    }

    /// Tells receivers of series that are not shown any more.
    pub(super) fn end_stale(&self, now: Tick, outlet: &Outlet) {
        let ended = read(&self.table).written_other_than(|cell| cell.fresh(now).is_some());
        outlet.end(ended.iter(), unix_ms());
    }

    /// Its name goes to another family, so that nothing of this one is sent any more.
    pub(super) fn remove(&self, outlet: Option<&Outlet>) {
        self.is_removed.store(true, Relaxed);
        if let Some(outlet) = outlet {
            self.end_all(outlet);
        }
    }

    /// Nothing is sent by `outlet` any more: all series end there.
    pub(super) fn end_all(&self, outlet: &Outlet) {
        let written = write(&self.table).take_written();
        outlet.end(written.iter(), u64::MAX);
    }
}

/// A link's hold on a series: it is not dropped while there is one.
#[derive(Debug)]
pub(super) struct Handle {
    family: Arc<Family>,
    id: Id,
}

impl Handle {
    /// Whether it is a series of the family that is declared so.
    pub(super) fn is_of(&self, decl: &FamilyDecl) -> bool {
        self.family.kind == decl.kind
            && FamilyName::new(&decl.name, decl.kind).as_ref() == Some(&self.family.name)
    }

    /// Its device has another lease. When it has come back to the inventory as another slot, the series must be
    /// attached anew: gives its labels and interval then.
    pub(super) fn renew(&self, device: &Arc<DeviceSlot>, epoch: Epoch) -> Option<(String, u32)> {
        let table = read(&self.family.table);
        let cell = table.cell(self.id);
        if Arc::ptr_eq(cell.device(), device) {
            cell.renew(epoch);
            return None;
        }
        Some((table.labels_of(self.id).to_owned(), cell.interval_ms()))
    }

    /// The series as the receivers of `outlet` know it, from now on at the latest; `None` where its family was removed.
    pub(super) fn write_to(&self, outlet: &Outlet) -> Option<Arc<Written>> {
        let mut table = write(&self.family.table);
        if self.family.is_removed.load(Relaxed) {
            return None;
        }
        if let Some(known) = table.written(self.id).filter(|known| known.is_of(outlet)) {
            return Some(known.clone());
        }
        let name = self.family.name.sample();
        let labels = labels::parse(table.labels_of(self.id));
        let written = Arc::new(Written::new(outlet, &name, labels));
        table.set_written(self.id, written.clone());
        Some(written)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        read(&self.family.table).release(self.id);
    }
}

/// Tables while samples are taken in: each is locked once, and nobody waits for one while others are locked.
#[derive(Debug)]
pub(super) struct Tables<'a>(HashMap<*const Family, RwLockReadGuard<'a, Table>>);

impl<'a> Tables<'a> {
    /// None yet.
    pub(super) fn new() -> Self {
        Self(HashMap::new())
    }

    /// Takes a sample in; see [`Cell::set`].
    pub(super) fn set(
        &mut self,
        Handle { family, id }: &'a Handle,
        value: f64,
        time_ms: u64,
        now: Tick,
    ) -> Outcome {
        let table = self.of(family);
        table.cell(*id).set(family.kind, value, time_ms, now)
    }

    /// The series as receivers know it, if it is sent.
    pub(super) fn written(&mut self, Handle { family, id }: &'a Handle) -> Option<&Arc<Written>> {
        self.of(family).written(*id)
    }

    fn of(&mut self, family: &'a Family) -> &Table {
        let key = ptr::from_ref(family);
        if !self.0.contains_key(&key) {
            let guard = match family.table.try_read() {
                Ok(guard) => guard,
                Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    // Two that wait for each other's tables would wait for ever.
                    self.0.clear();
                    read(&family.table)
                }
            };
            self.0.insert(key, guard);
        }
        &self.0[&key]
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use netwolf_wire::series::FamilyNo;

    use super::*;
    use crate::{board::Board, testing};

    #[test]
    fn nobody_waits_for_a_table_while_others_are_locked() {
        let board = Board::default();
        board.set_inventory(&testing::inventory([("sw-1", 22)]));
        let device = board.device("sw-1").unwrap();
        let [a, b] = ["a", "b"].map(|name| {
            let decl = FamilyDecl {
                no: FamilyNo(0),
                name: name.into(),
                kind: Kind::Gauge,
                help: String::new(),
            };
            Arc::new(Family::new(
                FamilyName::new(name, decl.kind).unwrap(),
                &decl,
            ))
        });
        let attach = |family: &Arc<Family>| {
            let lease = (Epoch(1), 1_000);
            family.clone().attach("{}", &device, lease).unwrap()
        };
        let (in_a, in_b) = (attach(&a), attach(&b));
        let mut tables = Tables::new();
        assert_eq!(tables.set(&in_a, 1.0, 1, Tick(1)), Outcome::Taken);
        let (locked, is_locked) = mpsc::channel();
        thread::scope(|scope| {
            // Gives `b` back only when it has had `a`.
            scope.spawn(|| {
                let table_b = write(&b.table);
                locked.send(()).unwrap();
                drop(write(&a.table));
                drop(table_b);
            });
            is_locked.recv().unwrap();
            assert_eq!(tables.set(&in_b, 1.0, 1, Tick(1)), Outcome::Taken);
        });
    }
}
