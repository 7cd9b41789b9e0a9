//! Jump hosts: SSH servers that open the way to devices behind them. They are no devices: nothing is polled on
//! them, and they take no settings from `defaults` or groups.

use std::collections::BTreeMap;

use netwolf_wire::target::{HostKey, Jump, Login};

use super::{Checker, address, host_key, legacy};
use crate::config::{
    fault::Fault,
    raw, suggest,
    yaml::{Entries, Field, Spanned},
};

/// What a device says that goes without the jump host of its group.
pub(super) const NO_JUMP_HOST: &str = "none";

/// The port of SSH.
const DEFAULT_PORT: u16 = 22;

impl Checker<'_> {
    /// By name; none where a jump host has faults.
    pub(super) fn jump_hosts(
        &mut self,
        jump_hosts: Field<Entries<raw::JumpHost>>,
        credentials: &BTreeMap<String, Option<Login>>,
    ) -> BTreeMap<String, Option<Jump>> {
        let jump_hosts = jump_hosts
            .into_spanned()
            .map(|jump_hosts| jump_hosts.value.0)
            .unwrap_or_default();
        jump_hosts
            .into_iter()
            .map(|(name, jump_host)| {
                let jump = match jump_host {
                    Field::Absent => self.jump_host(&name, raw::JumpHost::default(), credentials),
                    Field::Spoilt => None,
                    Field::Value(raw) => self.jump_host(&name, raw.value, credentials),
                };
                (name.value, jump)
            })
            .collect()
    }

    fn jump_host(
        &mut self,
        name: &Spanned<String>,
        raw: raw::JumpHost,
        credentials: &BTreeMap<String, Option<Login>>,
    ) -> Option<Jump> {
        let Spanned { at, value: name } = name;
        let owner = format!("jump host {name:?}");
        let n_faults = self.faults.len();
        if name == NO_JUMP_HOST {
            let message = format!("a jump host cannot be called {NO_JUMP_HOST:?}");
            let hint = "that is what a device says which goes without one: choose another name";
            self.fault(*at, message, Some(hint.into()));
        }
        if raw.address.is_absent() {
            let hint = "give its IP address or DNS name";
            self.fault(*at, format!("{owner} has no `address`"), Some(hint.into()));
        }
        let address = raw
            .address
            .and_then(|text| match address::check(&text.value) {
                Ok(()) => Some(text.value),
                Err((message, hint)) => {
                    self.fault(text.at, format!("{message}, for {owner}"), hint);
                    None
                }
            });
        let port = raw.port.and_then(|port| {
            if port.value.0 == 0 {
                let hint = "ports are from 1 to 65535; SSH is on port 22 as a rule";
                self.fault(
                    port.at,
                    format!("port 0 for {owner} is not a port"),
                    Some(hint.into()),
                );
            }
            Some(port.value.0)
        });
        if raw.credential.is_absent() {
            let hint = "name one of `credentials`: a jump host takes nothing from `defaults`";
            self.fault(
                *at,
                format!("{owner} has no `credential`"),
                Some(hint.into()),
            );
        }
        let login = raw.credential.and_then(|credential| {
            if let Some(login) = credentials.get(&credential.value) {
                return login.clone();
            }
            let known = credentials.keys().map(String::as_str);
            let hint = suggest::hint(&credential.value, "credentials", known);
            let message = format!("unknown credential {:?} for {owner}", credential.value);
            self.fault(credential.at, message, hint);
            None
        });
        let host_key = host_key::check(raw.host_key, raw.known_hosts, |text, (message, hint)| {
            let fault = Fault::new(&self.file, text.at, format!("{message}, for {owner}"));
            self.faults.push(fault.maybe_hint(hint));
        });
        let legacy = legacy::check(raw.legacy, |at, message| {
            let message = format!("{message}, for {owner}");
            self.faults.push(Fault::new(&self.file, at, message));
        });
        if self.faults.len() > n_faults {
            return None;
        }
        Some(Jump {
            address: address.into_spanned()?.value,
            port: or(port, DEFAULT_PORT)?,
            login: login.into_spanned()?.value,
            host_key: or(
                host_key,
                HostKey::KnownHosts(host_key::DEFAULT_KNOWN_HOSTS.into()),
            )?,
            legacy: or(legacy, Vec::new())?,
        })
    }
}

/// What was typed, or `default` where nothing was; none where it is no good.
fn or<T>(field: Field<T>, default: T) -> Option<T> {
    match field {
        Field::Absent => Some(default),
        Field::Spoilt => None,
        Field::Value(value) => Some(value.value),
    }
}
