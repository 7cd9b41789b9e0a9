//! Devices: from a name and an address, and the layers below, to a job.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
};

use netwolf_wire::{
    DeviceName, Span,
    job::Job,
    target::{HostKey, Jump, Target},
};

use super::{
    Checker, Known, address,
    collectors::{Reported, Wanted},
    host_key::DEFAULT_KNOWN_HOSTS,
    layer::{Layer, Owner, Way},
    layers::{Found, GroupLayer, Layers, Spoilt},
};
use crate::{
    config::{
        fault::{Fault, Place},
        raw, suggest,
        yaml::{Field, Spanned},
    },
    inventory::{Catalogue, Device, Inventory, PlanKey, Planner},
};

/// The port of SSH.
const DEFAULT_PORT: u16 = 22;

/// Fresh values every second are what a fleet is watched for.
const DEFAULT_INTERVAL: Span = Span::from_secs(1);

/// A `show interfaces` of a loaded chassis takes two or three seconds.
const DEFAULT_TIMEOUT: Span = Span::from_secs(5);

/// Old devices need several seconds for a key exchange, and AAA servers have timeouts of their own.
const DEFAULT_CONNECT_TIMEOUT: Span = Span::from_secs(10);

/// The devices that were found so far.
pub(super) struct Devices<'a> {
    known: &'a Known,
    defaults: &'a Layer,
    groups: &'a BTreeMap<String, Option<Layer>>,
    planner: Planner<'a>,
    /// Where each name was first seen.
    seen: HashMap<DeviceName, (Arc<Path>, Place)>,
    reported: Reported,
    good: BTreeMap<DeviceName, Device>,
}

impl<'a> Devices<'a> {
    pub(super) fn new(
        known: &'a Known,
        defaults: &'a Layer,
        groups: &'a BTreeMap<String, Option<Layer>>,
    ) -> Self {
        Self {
            known,
            defaults,
            groups,
            planner: Planner::new(&known.library),
            seen: HashMap::new(),
            reported: Reported::new(),
            good: BTreeMap::new(),
        }
    }

    /// The inventory of all devices without faults.
    pub(super) fn finish(self) -> Inventory {
        let plans = self.planner.finish();
        let used = self.good.values().flat_map(|device| {
            let collectors = device.collectors.iter().map(String::as_str);
            collectors.map(move |name| (name, device.platform.as_str()))
        });
        let catalogue = Catalogue::of(&self.known.library, &used.collect());
        Inventory {
            catalogue: Arc::new(catalogue),
            devices: self.good,
            plans,
        }
    }
}

impl Devices<'_> {
    /// The jump host of a device, if it has one.
    fn jump(&self, layers: &Layers<'_>) -> Result<Option<Box<Jump>>, Spoilt> {
        let Some(Way::Through(name)) = layers.option(|layer| &layer.jump_host)? else {
            return Ok(None);
        };
        match self.known.jump_hosts.get(&name) {
            Some(Some(jump)) => Ok(Some(Box::new(jump.clone()))),
            _ => Err(Spoilt),
        }
    }
}

/// Collects the faults of one device.
pub(super) struct DeviceChecker<'a> {
    /// Where groups stand.
    pub(super) main: &'a Arc<Path>,
    /// Where the device stands.
    pub(super) file: &'a Arc<Path>,
    pub(super) at: Place,
    pub(super) owner: Owner<'a>,
    pub(super) faults: &'a mut Vec<Fault>,
}

impl Checker<'_> {
    /// Checks one device and adds it to `all`, unless it has faults.
    pub(super) fn device(
        &mut self,
        all: &mut Devices<'_>,
        file: &Arc<Path>,
        device: Spanned<raw::Device>,
    ) {
        let Spanned { at, value: mut raw } = device;
        let typed = std::mem::take(&mut raw.name);
        let owner = typed
            .value()
            .map_or(Owner::Unnamed, |name| Owner::Device(name));
        let layer = self.layer_in(file, all.known, owner, raw.settings());
        let mut checker = DeviceChecker {
            main: &self.file,
            file,
            at,
            owner,
            faults: self.faults,
        };
        let name = checker.name(&typed, &mut all.seen);
        let address = checker.address(raw.address);
        let (group, group_layer) = checker.group(raw.group, all.groups);
        let layers = Layers {
            device: &layer,
            group: group_layer,
            defaults: all.defaults,
        };
        let platform = checker.needed(&layers.find(|layer| &layer.platform), "platform");
        let credential = checker.needed(&layers.find(|layer| &layer.credential), "credential");
        let collectors = platform.and_then(|platform| {
            let wanted = Wanted::of(&layers, group.as_deref())?;
            checker.collectors(all.known, &wanted, platform, &mut all.reported)
        });
        let (Some(name), Some(address), Some(platform), Some(collectors)) =
            (name, address, platform, collectors)
        else {
            return;
        };
        let login = credential.and_then(|name| all.known.credentials.get(name)?.clone());
        let (Some(login), Some(port), Some(connect_timeout), Some(host_key)) = (
            login,
            layers.or(DEFAULT_PORT, |layer| &layer.port),
            layers.or(DEFAULT_CONNECT_TIMEOUT, |layer| &layer.connect_timeout),
            layers.or(HostKey::KnownHosts(DEFAULT_KNOWN_HOSTS.into()), |layer| {
                &layer.host_key
            }),
        ) else {
            return;
        };
        let (Some(mut legacy), Some(exclusive), Ok(max_age), Ok(jump)) = (
            layers.or(Vec::new(), |layer| &layer.legacy),
            layers.or(false, |layer| &layer.exclusive),
            layers.option(|layer| &layer.max_age),
            all.jump(&layers),
        ) else {
            return;
        };
        if let Some(platform) = all.known.library.platform(platform) {
            legacy.extend(&platform.legacy);
        }
        legacy.sort_unstable();
        legacy.dedup();
        let (Some(interval), Some(timeout)) = (
            layers.or(DEFAULT_INTERVAL, |layer| &layer.interval),
            layers.or(DEFAULT_TIMEOUT, |layer| &layer.timeout),
        ) else {
            return;
        };
        let key = PlanKey {
            platform: platform.clone(),
            collectors: collectors.clone(),
            interval,
            timeout,
        };
        let Some(planned) = all.planner.plan(&key) else {
            return;
        };
        let target = Target {
            address,
            port,
            login,
            host_key,
            connect_timeout,
            jump,
            legacy,
            max_age,
        };
        let job = Job {
            device: name.clone(),
            target,
            plan: planned.digest,
            exclusive,
        };
        let device = Device {
            digest: job.digest(),
            job: Arc::new(job),
            platform: platform.clone(),
            group,
            labels: layers.labels(),
            collectors: collectors.into_iter().collect(),
            interval: planned.interval,
        };
        all.good.insert(name, device);
    }
}

impl DeviceChecker<'_> {
    pub(super) fn fault(&mut self, at: Place, message: impl Into<String>, hint: Option<String>) {
        self.faults
            .push(Fault::new(self.file, at, message).maybe_hint(hint));
    }

    fn name(
        &mut self,
        name: &Field<String>,
        seen: &mut HashMap<DeviceName, (Arc<Path>, Place)>,
    ) -> Option<DeviceName> {
        if name.is_absent() {
            self.fault(self.at, "a device needs a `name`", None);
        }
        let Spanned { at, value: name } = name.spanned()?;
        let name = match DeviceName::new(name) {
            Ok(name) => name,
            Err(error) => {
                self.fault(*at, format!("invalid device name {name:?}: {error}"), None);
                return None;
            }
        };
        if let Some((file, first)) = seen.get(&name) {
            let message = format!(
                "duplicate device name {:?}: the first is at {}:{}:{}",
                name.as_str(),
                file.display(),
                first.line,
                first.column,
            );
            self.fault(
                *at,
                message,
                Some("a name stands for one device: rename or remove one of them".into()),
            );
            return None;
        }
        seen.insert(name.clone(), (self.file.clone(), *at));
        Some(name)
    }

    fn address(&mut self, address: Field<String>) -> Option<String> {
        if address.is_absent() {
            let message = format!("{} has no `address`", self.owner);
            self.fault(
                self.at,
                message,
                Some("give its IP address or DNS name".into()),
            );
        }
        let Spanned { at, value: address } = address.into_spanned()?;
        match address::check(&address) {
            Ok(()) => Some(address),
            Err((message, hint)) => {
                self.fault(at, format!("{message}, for {}", self.owner), hint);
                None
            }
        }
    }

    fn group<'g>(
        &mut self,
        group: Field<String>,
        groups: &'g BTreeMap<String, Option<Layer>>,
    ) -> (Option<String>, GroupLayer<'g>) {
        let Spanned { at, value: name } = match group {
            Field::Absent => return (None, GroupLayer::None),
            Field::Spoilt => return (None, GroupLayer::Spoilt),
            Field::Value(group) => group,
        };
        match groups.get(&name) {
            Some(Some(layer)) => (Some(name), GroupLayer::Some(layer)),
            Some(None) => (Some(name), GroupLayer::Spoilt),
            None => {
                let hint = suggest::hint(&name, "groups", groups.keys().map(String::as_str));
                self.fault(
                    at,
                    format!("unknown group {name:?} for {}", self.owner),
                    hint,
                );
                (None, GroupLayer::Spoilt)
            }
        }
    }

    fn needed<'v>(&mut self, found: &Found<'v, String>, what: &str) -> Option<&'v String> {
        match found {
            Found::Value(value) => Some(value),
            Found::Spoilt => None,
            Found::Nowhere => {
                let message = format!("{} has no `{what}`", self.owner);
                let hint = format!("set `{what}` on the device, on its group or in `defaults`");
                self.fault(self.at, message, Some(hint));
                None
            }
        }
    }
}
