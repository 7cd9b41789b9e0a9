//! What of the page a scraper asks for: `?collect[]=COLLECTOR` and `?device=NAME`, each as often as is wanted.

use std::{collections::BTreeSet, fmt, sync::Arc};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use netwolf_wire::DeviceName;

use crate::{
    board::{Board, DeviceSlot, Devices},
    config::suggest,
    exposition::Content,
    inventory::catalogue::OWN,
    series::{DeviceLabels, Family, FamilyName, SeriesStore},
};

/// Names and values of a query, in its order.
pub(in crate::http) type Query = Vec<(String, String)>;

/// What `/metrics` may be asked for.
const KNOWN: &str = "`collect[]`, a collector, and `device`, a device's name";

/// A part of the page, or all of it.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Scope {
    collect: Option<Collect>,
    devices: Option<Devices>,
}

/// Families by who makes them.
#[derive(Clone, Debug, Default)]
struct Collect {
    own: bool,
    families: BTreeSet<FamilyName>,
}

/// A query that cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) struct Refusal {
    pub(in crate::http) status: StatusCode,
    pub(in crate::http) error: String,
    pub(in crate::http) hint: Option<String>,
}

impl Refusal {
    /// The query means nothing.
    pub(in crate::http) fn bad(error: impl Into<String>, hint: impl Into<Option<String>>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error: error.into(),
            hint: hint.into(),
        }
    }

    /// The inventory has no such device.
    pub(in crate::http) fn unknown_device(name: &str, devices: &Devices) -> Self {
        let known = devices.keys().map(DeviceName::as_str);
        Self {
            status: StatusCode::NOT_FOUND,
            error: format!("unknown device {name:?}"),
            hint: suggest::hint(name, "devices", known),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status.as_u16(), self.error)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, format!("{self}\n")).into_response()
    }
}

impl Scope {
    /// What a query asks `/metrics` for.
    pub(super) fn of(query: Query, board: &Board) -> Result<Self, Refusal> {
        let mut scope = Self::default();
        for (key, value) in query {
            match key.as_str() {
                "collect[]" | "collect" => scope.add_collectors(&value, board)?,
                "device" => {
                    let slot = board
                        .device(&value)
                        .ok_or_else(|| Refusal::unknown_device(&value, &board.devices()))?;
                    scope.add_device(slot);
                }
                _ => {
                    let error = format!("unknown parameter {key:?}");
                    return Err(Refusal::bad(error, format!("there are {KNOWN}")));
                }
            }
        }
        Ok(scope)
    }

    /// Everything that is of one device.
    pub(in crate::http) fn of_device(slot: Arc<DeviceSlot>) -> Self {
        let mut scope = Self::default();
        scope.add_device(slot);
        scope
    }

    /// Adds families to those that are shown: of collectors, or of the manager.
    pub(in crate::http) fn add_collectors(
        &mut self,
        names: &str,
        board: &Board,
    ) -> Result<(), Refusal> {
        let catalogue = board.catalogue();
        let collect = self.collect.get_or_insert_default();
        for name in names.split(',') {
            if name == OWN {
                collect.own = true;
                continue;
            }
            let families = catalogue.families_of(name).ok_or_else(|| {
                let known: Vec<_> = catalogue.collectors().chain([OWN]).collect();
                let hint = format!("there are {}", known.join(", "));
                Refusal::bad(format!("no device has a collector {name:?}"), hint)
            })?;
            collect.families.extend(families.iter().cloned());
        }
        Ok(())
    }

    fn add_device(&mut self, slot: Arc<DeviceSlot>) {
        let devices = self.devices.get_or_insert_default();
        devices.insert(slot.name.clone(), slot);
    }

    /// Whether it is the whole page.
    pub(super) fn is_whole(&self) -> bool {
        self.collect.is_none() && self.devices.is_none()
    }

    /// The devices, unless it is all.
    pub(super) fn devices(&self) -> Option<&Devices> {
        self.devices.as_ref()
    }

    /// Whether families of the manager are shown.
    pub(super) fn has_own(&self) -> bool {
        self.collect.as_ref().is_none_or(|collect| collect.own)
    }

    fn has(&self, family: &Family) -> bool {
        let collect = self.collect.as_ref();
        collect.is_none_or(|collect| collect.families.contains(&family.name))
    }

    /// What stands on the page, the manager's own families aside.
    pub(in crate::http) fn content(&self, store: &SeriesStore, board: &Board) -> Content {
        let families = store.families().into_iter();
        let devices = self.devices.as_ref().map(|devices| {
            let mut labels: Vec<_> = devices
                .keys()
                .map(|name| DeviceLabels::of(name.as_str()))
                .collect();
            labels.sort_unstable();
            labels
        });
        Content {
            own: Vec::new(),
            families: families.filter(|family| self.has(family)).collect(),
            devices,
            catalogue: board.catalogue(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn board() -> Board {
        let text = "
credentials: { lab: { username: netwolf, password: env:LAB_PASSWORD } }
defaults: { credential: lab, host_key: accept-new, collectors: [cpu, memory] }
devices:
  - { name: core-1, address: 192.0.2.1, platform: cisco_ios }
  - { name: web-1, address: 192.0.2.2, platform: linux, collectors: [cpu] }
";
        let loaded = config::parse("netwolf.yml".as_ref(), text).unwrap();
        let board = Board::default();
        board.set_inventory(&loaded.inventory);
        board
    }

    fn scope(query: &[(&str, &str)]) -> Result<Scope, String> {
        let query = query
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()));
        Scope::of(query.collect(), &board()).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn collectors_are_named_one_by_one_or_together() {
        let families = |query: &[(&str, &str)]| scope(query).unwrap().collect.unwrap().families;
        let both = families(&[("collect[]", "cpu"), ("collect[]", "memory")]);
        assert_eq!(both, families(&[("collect", "memory,cpu")]));
        let cpu = families(&[("collect[]", "cpu")]);
        assert!(cpu.len() < both.len() && cpu.is_subset(&both));
    }

    #[test]
    fn own_families_are_shown_where_they_are_asked_for() {
        let has_own = |query: &[(&str, &str)]| scope(query).unwrap().has_own();
        assert!(has_own(&[]) && has_own(&[("device", "core-1")]));
        assert!(has_own(&[("collect[]", "netwolf")]) && !has_own(&[("collect[]", "cpu")]));
        assert!(
            scope(&[]).unwrap().is_whole() && !scope(&[("device", "core-1")]).unwrap().is_whole()
        );
    }

    #[test]
    fn what_there_is_not_is_told_with_what_there_is() {
        let check = |query: (&str, &str), expected: &str| {
            assert_eq!(scope(&[query]).unwrap_err(), expected);
        };
        check(
            ("collect[]", "bgp"),
            "400: no device has a collector \"bgp\"\n  hint: there are cpu, memory, netwolf",
        );
        check(
            ("collect[]", ""),
            "400: no device has a collector \"\"\n  hint: there are cpu, memory, netwolf",
        );
        check(
            ("device", "core1"),
            "404: unknown device \"core1\"\n  hint: did you mean \"core-1\"?",
        );
        check(
            ("devices", "core-1"),
            "400: unknown parameter \"devices\"\n  hint: there are `collect[]`, a collector, and `device`, a device's name",
        );
    }
}
