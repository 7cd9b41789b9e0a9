//! Which collectors run on a device.
//!
//! Who names a collector for a device or a group wants it, so its absence on the platform is a fault; the
//! defaults are for all platforms, and each device takes from them what its platform has.

use std::collections::{BTreeSet, HashSet};

use super::{
    Known,
    device::DeviceChecker,
    layer::Collectors,
    layers::{GroupLayer, Layers},
};
use crate::config::{fault::Fault, yaml::Field};

/// What every bundled platform can tell, and what the dashboards show. A collector of the user's own is run
/// only where it is named.
const DEFAULT_COLLECTORS: [&str; 4] = ["facts", "cpu", "memory", "interfaces"];

/// Collectors of groups that were reported as missing on a platform: group, collector, platform.
pub(super) type Reported = HashSet<(String, String, String)>;

/// Who wants which collectors on a device.
pub(super) enum Wanted<'a> {
    Device(&'a Collectors),
    Group(&'a str, &'a Collectors),
    Defaults(&'a Collectors),
    /// Nobody says anything.
    BuiltIn,
}

impl<'a> Wanted<'a> {
    /// None where the nearest layer that says something says nothing good.
    pub(super) fn of(layers: &Layers<'a>, group: Option<&'a str>) -> Option<Self> {
        let of_group = match layers.group {
            GroupLayer::Some(layer) => &layer.collectors,
            GroupLayer::None => &Field::Absent,
            GroupLayer::Spoilt => &Field::Spoilt,
        };
        match (
            &layers.device.collectors,
            of_group,
            &layers.defaults.collectors,
        ) {
            (Field::Value(collectors), ..) => Some(Self::Device(collectors)),
            (Field::Absent, Field::Value(collectors), _) => {
                Some(Self::Group(group.unwrap_or_default(), collectors))
            }
            (Field::Absent, Field::Absent, Field::Value(collectors)) => {
                Some(Self::Defaults(collectors))
            }
            (Field::Absent, Field::Absent, Field::Absent) => Some(Self::BuiltIn),
            _ => None,
        }
    }
}

impl DeviceChecker<'_> {
    /// The wanted collectors that the platform has; none where a fault keeps the device from being polled.
    pub(super) fn collectors(
        &mut self,
        known: &Known,
        wanted: &Wanted<'_>,
        platform: &str,
        reported: &mut Reported,
    ) -> Option<BTreeSet<String>> {
        let has = |name: &str| known.library.collector(platform, name).is_some();
        let (Wanted::Device(collectors)
        | Wanted::Group(_, collectors)
        | Wanted::Defaults(collectors)) = wanted
        else {
            let there = DEFAULT_COLLECTORS.into_iter().filter(|name| has(name));
            return self.some(known, there.map(str::to_owned).collect(), platform, false);
        };
        let mut there = BTreeSet::new();
        let mut has_spoilt = collectors.has_spoilt;
        let mut is_missing = false;
        for name in &collectors.names {
            if has(&name.value) {
                there.insert(name.value.clone());
                continue;
            }
            if known.library.is_spoilt(&name.value) {
                has_spoilt = true;
                continue;
            }
            let (file, of) = match wanted {
                Wanted::Device(_) => (self.file, String::new()),
                Wanted::Group(group, _) => {
                    is_missing = true;
                    let key = ((*group).to_owned(), name.value.clone(), platform.to_owned());
                    if !reported.insert(key) {
                        continue;
                    }
                    (self.main, format!(" of group {group:?}"))
                }
                Wanted::Defaults(_) | Wanted::BuiltIn => continue,
            };
            is_missing = true;
            let message = format!(
                "collector {:?}{of} has nothing for platform {platform:?} of {}",
                name.value, self.owner,
            );
            self.faults
                .push(Fault::new(file, name.at, message).hint(hint(known, platform)));
        }
        if is_missing {
            return None;
        }
        self.some(known, there, platform, has_spoilt)
    }

    /// `there`, unless it is nothing, which is a fault unless another one is the cause.
    fn some(
        &mut self,
        known: &Known,
        there: BTreeSet<String>,
        platform: &str,
        has_spoilt: bool,
    ) -> Option<BTreeSet<String>> {
        if there.is_empty() && !has_spoilt {
            let message = format!(
                "{} has no collector, so nothing would be polled",
                self.owner
            );
            self.fault(self.at, message, Some(hint(known, platform)));
        }
        (!there.is_empty()).then_some(there)
    }
}

fn hint(known: &Known, platform: &str) -> String {
    let names: Vec<&str> = known.library.collectors_of(platform).collect();
    if names.is_empty() {
        format!("the library has no collector for {platform}; add one by `library.collectors`")
    } else {
        format!("collectors for {platform}: {}", names.join(", "))
    }
}
