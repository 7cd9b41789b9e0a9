//! All families and their series, by what they are called.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, RwLock},
};

use arc_swap::{ArcSwapOption, Guard};
use netwolf_filter::is_own_name;
use netwolf_wire::{Epoch, series::FamilyDecl};

use super::{
    Counters, Family, FamilyName,
    conflicts::Conflicts,
    family::{Handle, read, write},
    limits,
};
use crate::{board::DeviceSlot, clock::Tick, remote_write::Outlet};

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

/// All series.
#[derive(Debug, Default)]
pub struct SeriesStore {
    families: RwLock<Families>,
    /// What was taken in and left out.
    pub counters: Counters,
    /// Where samples go besides; usually nowhere.
    outlet: ArcSwapOption<Outlet>,
    conflicts: Conflicts,
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
        let names = family.name.names();
        self.names.extend(names.map(|name| (name, base.clone())));
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
            outlet: ArcSwapOption::empty(),
            conflicts: Conflicts::default(),
        }
    }

    /// All families, sorted by base name.
    pub fn families(&self) -> Vec<Arc<Family>> {
        read(&self.families).by_base.values().cloned().collect()
    }

    /// A hold on the series with rendered labels, made where there is none.
    pub(super) fn attach(
        &self,
        decl: &FamilyDecl,
        device: &Arc<DeviceSlot>,
        labels: &str,
        lease: (Epoch, u32),
        now: Tick,
    ) -> Result<Handle, Refusal> {
        self.family(decl, now)?.attach(labels, device, lease)
    }

    /// The family of a declaration: the first kind wins while it has series that are shown.
    fn family(&self, decl: &FamilyDecl, now: Tick) -> Result<Arc<Family>, Refusal> {
        let name = FamilyName::new(&decl.name, decl.kind).ok_or(Refusal::Invalid)?;
        if is_own_name(name.base()) || is_own_name(&name.sample()) {
            self.conflicts.tell(decl, None);
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
        for taken in name.names() {
            let Some(base) = families.names.get(&taken).cloned() else {
                continue;
            };
            let other = families.by_base[&base].clone();
            if same(&other) {
                return Ok(other);
            }
            if other.is_fresh(now) {
                self.conflicts.tell(decl, Some(&other));
                return Err(Refusal::Conflict);
            }
            other.remove(self.outlet().as_deref());
            families.remove(&base);
        }
        if families.by_base.len() >= limits::FAMILIES {
            return Err(Refusal::Excess);
        }
        let family = Arc::new(Family::new(name, decl));
        families.insert(family.clone());
        Ok(family)
    }

    /// Names of the metrics whose conflict the log has.
    #[cfg(test)]
    pub(super) fn told_conflicts(&self) -> Vec<String> {
        self.conflicts.told()
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
            if Arc::strong_count(&family) == 2 && family.len() == 0 {
                families.remove(family.name.base());
            }
        }
    }

    /// Where samples go besides.
    pub(crate) fn outlet(&self) -> Guard<Option<Arc<Outlet>>> {
        self.outlet.load()
    }

    /// Samples go by `outlet` from now on, or nowhere. All series end at the one before.
    pub(crate) fn set_outlet(&self, outlet: Option<Arc<Outlet>>) {
        if let Some(former) = self.outlet.swap(outlet) {
            self.families()
                .iter()
                .for_each(|family| family.end_all(&former));
        }
    }

    /// Tells receivers of series that are not shown any more; to be called often, and before [`Self::sweep`].
    pub fn end_stale(&self, now: Tick) {
        if let Some(outlet) = self.outlet().as_deref() {
            self.families()
                .iter()
                .for_each(|family| family.end_stale(now, outlet));
        }
    }

    /// How many series are held, shown or not.
    pub fn len(&self) -> usize {
        self.families().iter().map(|family| family.len()).sum()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
