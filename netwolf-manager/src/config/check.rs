//! From what was typed to what it means: names looked up, ranges proven, defaults filled in.
//!
//! Every check reports and goes on. A value that is no good becomes [`Field::Spoilt`], which later checks
//! pass over in silence, so that one mistake makes one fault.
//!
//! Order: library, credentials, jump hosts, layers (`defaults`, groups), devices. Each looks up only what came before.

mod address;
mod api;
mod backup;
mod collectors;
mod credential;
mod device;
mod host_key;
mod jump_host;
mod layer;
mod layers;
mod legacy;
mod procedures;
mod remote_write;
mod timing;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use netwolf_wire::target::{Jump, Login};

use super::{
    fault::{Fault, Place},
    glob, raw,
    sources::{Sources, describe},
    timing::Timing,
    yaml::{Document, Entries, Field, Spanned},
};
use crate::{
    access::Tokens,
    inventory::Inventory,
    library::{Library, UserDirectories},
    remote_write::Remotes,
    runs::book::Procedures,
};
use device::Devices;
use layer::{Layer, Owner};

/// A configuration that was read to its end, with or without faults.
pub(super) struct Checked {
    pub(super) timing: Timing,
    pub(super) remotes: Remotes,
    pub(super) tokens: Tokens,
    pub(super) inventory: Inventory,
    pub(super) library: Library,
    pub(super) logins: BTreeMap<String, Login>,
    pub(super) procedures: Procedures,
    pub(super) backup: Option<crate::backup::Settings>,
}

/// What the checks share.
pub(super) struct Checker<'a> {
    /// The main file.
    pub(super) file: Arc<Path>,
    pub(super) sources: &'a mut Sources,
    pub(super) faults: &'a mut Vec<Fault>,
    pub(super) warnings: &'a mut Vec<Fault>,
}

/// What names in settings may refer to.
struct Known {
    library: Library,
    /// None where the credential has faults.
    credentials: BTreeMap<String, Option<Login>>,
    /// None where the jump host has faults.
    jump_hosts: BTreeMap<String, Option<Jump>>,
}

/// A list of devices and the file that it stands in.
struct DeviceList {
    file: Arc<Path>,
    devices: Vec<Field<raw::Device>>,
}

impl Checker<'_> {
    /// Checks everything.
    pub(super) fn check(mut self, config: raw::Config) -> Checked {
        let library = self.library(config.library);
        let credentials = self.credentials(config.credentials);
        let jump_hosts = self.jump_hosts(config.jump_hosts, &credentials);
        let known = Known {
            library,
            credentials,
            jump_hosts,
        };
        let defaults = match config.defaults.into_spanned() {
            Some(mut defaults) => self.layer(&known, Owner::Defaults, defaults.value.settings()),
            None => Layer::default(),
        };
        let groups = self.groups(&known, config.groups);
        let is_absent = config.devices.is_absent() && config.inventories.is_absent();
        let mut lists = Vec::new();
        if let Some(devices) = config.devices.into_spanned() {
            lists.push(DeviceList {
                file: self.file.clone(),
                devices: devices.value,
            });
        }
        lists.extend(self.inventories(config.inventories));
        if is_absent || lists.iter().all(|list| list.devices.is_empty()) {
            let message = "there are no devices, so nothing is polled";
            self.warnings.push(
                Fault::new(&self.file, Place::default(), message)
                    .hint("list them under `devices`, or name files that do under `inventories`"),
            );
        }
        let mut devices = Devices::new(&known, &defaults, &groups);
        for list in lists {
            for device in list.devices {
                if let Some(device) = device.into_spanned() {
                    self.device(&mut devices, &list.file, device);
                }
            }
        }
        let inventory = devices.finish();
        let timing = self.timing(config.timing);
        let remotes = self.remotes(config.external_labels, config.remote_write);
        let tokens = self.tokens(config.api);
        let procedures = self.procedures(&known, config.procedures);
        let backup = self.backup(config.backup, &procedures);
        let logins = known.credentials.into_iter();
        let logins = logins.filter_map(|(name, login)| Some((name, login?)));
        Checked {
            timing,
            remotes,
            tokens,
            inventory,
            logins: logins.collect(),
            procedures,
            backup,
            library: known.library,
        }
    }

    fn fault(&mut self, at: Place, message: impl Into<String>, hint: Option<String>) {
        self.faults
            .push(Fault::new(&self.file, at, message).maybe_hint(hint));
    }

    /// A path in the configuration is relative to the main file.
    fn path(&self, path: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }

    fn library(&mut self, library: Field<raw::Library>) -> Library {
        let library = library
            .into_spanned()
            .map(|library| library.value)
            .unwrap_or_default();
        let directory = |path: Field<String>| {
            path.into_spanned().map(|path| Spanned {
                at: path.at,
                value: self.path(&path.value),
            })
        };
        let directories = UserDirectories {
            platforms: directory(library.platforms),
            collectors: directory(library.collectors),
            procedures: directory(library.procedures),
        };
        Library::load(&self.file, &directories, self.sources, self.faults)
    }

    /// None where the group has faults as a whole.
    fn groups(
        &mut self,
        known: &Known,
        groups: Field<Entries<raw::Group>>,
    ) -> BTreeMap<String, Option<Layer>> {
        let groups = groups
            .into_spanned()
            .map(|groups| groups.value.0)
            .unwrap_or_default();
        groups
            .into_iter()
            .map(|(name, group)| {
                let layer = match group {
                    Field::Value(mut group) => {
                        Some(self.layer(known, Owner::Group(&name.value), group.value.settings()))
                    }
                    Field::Absent => Some(Layer::default()),
                    Field::Spoilt => None,
                };
                (name.value, layer)
            })
            .collect()
    }

    fn inventories(
        &mut self,
        inventories: Field<Vec<Field<raw::InventoryFiles>>>,
    ) -> Vec<DeviceList> {
        let inventories = inventories
            .into_spanned()
            .map(|list| list.value)
            .unwrap_or_default();
        let mut read = BTreeSet::new();
        let mut lists = Vec::new();
        for entry in inventories.into_iter().filter_map(Field::into_spanned) {
            let Spanned { at, value: entry } = entry;
            if entry.file.is_absent() {
                self.fault(at, "an inventory needs a `file`", None);
            }
            let Some(file) = entry.file.into_spanned() else {
                continue;
            };
            for path in self.inventory_paths(&file) {
                // Two patterns may match the same file.
                if read.insert(path.clone()) {
                    lists.extend(self.inventory(&path));
                }
            }
        }
        lists
    }

    fn inventory_paths(&mut self, file: &Spanned<String>) -> Vec<PathBuf> {
        let path = self.path(&file.value);
        if !glob::is_pattern(&path) {
            // Remembered even if it is missing, so that a watcher sees it come.
            self.sources.files.insert(path.clone());
            if self.sources.has_file(&path) {
                return vec![path];
            }
            let what = if path.exists() {
                "is not a file"
            } else {
                "does not exist"
            };
            self.fault(
                file.at,
                format!("inventory file {:?} {what}", file.value),
                Some("paths are relative to the file that names them".into()),
            );
            return Vec::new();
        }
        match self.sources.expand(&path) {
            Ok(paths) => {
                if paths.is_empty() {
                    let message = format!("no file matches {:?}", file.value);
                    self.warnings.push(Fault::new(&self.file, file.at, message));
                }
                paths
            }
            Err(error) => {
                let message = format!("{:?} cannot be searched: {}", file.value, describe(&error));
                self.fault(file.at, message, None);
                Vec::new()
            }
        }
    }

    fn inventory(&mut self, path: &Path) -> Option<DeviceList> {
        let (file, text) = self.sources.read(path, self.faults)?;
        let document = Document::parse(&file, text, self.faults)?;
        let inventory: Field<raw::Inventory> = document.read(self.faults);
        let devices = inventory
            .into_spanned()?
            .value
            .devices
            .into_spanned()?
            .value;
        Some(DeviceList { file, devices })
    }
}
