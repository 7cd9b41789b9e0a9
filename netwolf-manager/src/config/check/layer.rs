//! Settings that devices take from their group and from `defaults`: each layer is checked once, where it
//! stands.

use std::{collections::BTreeMap, fmt, path::Path, sync::Arc};

use netwolf_wire::{Span, legacy::Legacy, target::HostKey};

use super::{Checker, Known, host_key, jump_host::NO_JUMP_HOST, legacy};
use crate::config::{
    fault::{Fault, Place},
    limits,
    raw::{self, Port},
    suggest,
    yaml::{Entries, Field, Spanned},
};

/// Label names that NetWolf and Prometheus keep for themselves.
const RESERVED_LABELS: [&str; 3] = ["device", "le", "quantile"];

/// Whose settings are checked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner<'a> {
    Defaults,
    Group(&'a str),
    Device(&'a str),
    /// A device whose name is missing or no good.
    Unnamed,
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Defaults => f.write_str("the defaults"),
            Self::Group(name) => write!(f, "group {name:?}"),
            Self::Device(name) => write!(f, "device {name:?}"),
            Self::Unnamed => f.write_str("a device"),
        }
    }
}

/// Checked settings; what is absent is looked for in the next layer.
#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) platform: Field<String>,
    pub(super) port: Field<u16>,
    pub(super) credential: Field<String>,
    pub(super) interval: Field<Span>,
    pub(super) timeout: Field<Span>,
    pub(super) connect_timeout: Field<Span>,
    pub(super) collectors: Field<Collectors>,
    pub(super) host_key: Field<HostKey>,
    pub(super) legacy: Field<Vec<Legacy>>,
    pub(super) max_age: Field<Span>,
    pub(super) exclusive: Field<bool>,
    pub(super) jump_host: Field<Way>,
    pub(super) labels: BTreeMap<String, String>,
}

/// How a connection goes, where somebody says so.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// Without a jump host, whatever the layers below say.
    Direct,
    /// Through the jump host of that name, which is there.
    Through(String),
}

/// Collectors by name.
#[derive(Debug, Default)]
pub(super) struct Collectors {
    /// The library has each of them for some platform.
    pub(super) names: Vec<Spanned<String>>,
    /// Others were named as well, which is reported.
    pub(super) has_spoilt: bool,
}

/// A layer while it is checked.
struct LayerChecker<'a> {
    file: &'a Arc<Path>,
    owner: Owner<'a>,
    known: &'a Known,
    faults: &'a mut Vec<Fault>,
}

impl Checker<'_> {
    /// Checks the settings of a layer in the main file.
    pub(super) fn layer(&mut self, known: &Known, owner: Owner<'_>, raw: raw::Settings) -> Layer {
        let file = self.file.clone();
        self.layer_in(&file, known, owner, raw)
    }

    /// Checks the settings of a layer in `file`.
    pub(super) fn layer_in(
        &mut self,
        file: &Arc<Path>,
        known: &Known,
        owner: Owner<'_>,
        raw: raw::Settings,
    ) -> Layer {
        LayerChecker {
            file,
            owner,
            known,
            faults: self.faults,
        }
        .check(raw)
    }
}

impl LayerChecker<'_> {
    fn fault(&mut self, at: Place, message: impl Into<String>, hint: Option<String>) {
        self.faults
            .push(Fault::new(self.file, at, message).maybe_hint(hint));
    }

    fn check(mut self, raw: raw::Settings) -> Layer {
        Layer {
            platform: raw.platform.and_then(|name| self.platform(name)),
            port: raw.port.and_then(|port| self.port(&port)),
            credential: raw.credential.and_then(|name| self.credential(name)),
            interval: raw
                .interval
                .and_then(|span| self.span(&span, limits::check_interval)),
            timeout: raw
                .timeout
                .and_then(|span| self.span(&span, limits::check_timeout)),
            connect_timeout: raw
                .connect_timeout
                .and_then(|span| self.span(&span, limits::check_timeout)),
            collectors: raw
                .collectors
                .and_then(|names| Some(self.collectors(names.value))),
            host_key: self.host_key(raw.host_key, raw.known_hosts),
            legacy: self.legacy(raw.legacy),
            max_age: raw
                .max_age
                .and_then(|span| self.span(&span, limits::check_max_age)),
            exclusive: raw.exclusive.and_then(|exclusive| Some(exclusive.value)),
            jump_host: raw.jump_host.and_then(|name| self.jump_host(name)),
            labels: self.labels(raw.labels),
        }
    }

    fn platform(&mut self, name: Spanned<String>) -> Option<String> {
        let Spanned { at, value: name } = name;
        let library = &self.known.library;
        if library.is_spoilt(&name) {
            return None;
        }
        if library.platform(&name).is_none() {
            let hint = suggest::hint(&name, "platforms", library.platforms());
            self.fault(
                at,
                format!("unknown platform {name:?} for {}", self.owner),
                hint,
            );
            return None;
        }
        Some(name)
    }

    fn port(&mut self, port: &Spanned<Port>) -> Option<u16> {
        let Port(number) = port.value;
        if number == 0 {
            self.fault(
                port.at,
                format!("port 0 for {} is not a port", self.owner),
                Some("ports are from 1 to 65535; SSH is on port 22 as a rule".into()),
            );
            return None;
        }
        Some(number)
    }

    fn credential(&mut self, name: Spanned<String>) -> Option<String> {
        let Spanned { at, value: name } = name;
        match self.known.credentials.get(&name) {
            Some(Some(_)) => Some(name),
            Some(None) => None,
            None => {
                let known = self.known.credentials.keys().map(String::as_str);
                let hint = suggest::hint(&name, "credentials", known);
                self.fault(
                    at,
                    format!("unknown credential {name:?} for {}", self.owner),
                    hint,
                );
                None
            }
        }
    }

    fn span(
        &mut self,
        span: &Spanned<Span>,
        check: fn(Span) -> Result<(), String>,
    ) -> Option<Span> {
        match check(span.value) {
            Ok(()) => Some(span.value),
            Err(message) => {
                self.fault(span.at, format!("{message}, for {}", self.owner), None);
                None
            }
        }
    }

    fn collectors(&mut self, names: Vec<Field<String>>) -> Collectors {
        let mut collectors = Collectors::default();
        for name in names {
            let Some(name) = name.into_spanned() else {
                collectors.has_spoilt = true;
                continue;
            };
            let library = &self.known.library;
            if library.collectors().any(|known| known == name.value) {
                collectors.names.push(name);
                continue;
            }
            collectors.has_spoilt = true;
            if !library.is_spoilt(&name.value) {
                let hint = suggest::hint(&name.value, "collectors", library.collectors());
                self.fault(
                    name.at,
                    format!("unknown collector {:?} for {}", name.value, self.owner),
                    hint,
                );
            }
        }
        collectors
    }

    fn host_key(&mut self, host_key: Field<String>, known_hosts: Field<String>) -> Field<HostKey> {
        host_key::check(host_key, known_hosts, |text, (message, hint)| {
            self.faults.push(
                Fault::new(self.file, text.at, format!("{message}, for {}", self.owner))
                    .maybe_hint(hint),
            );
        })
    }

    fn legacy(&mut self, legacy: Field<Vec<Field<Legacy>>>) -> Field<Vec<Legacy>> {
        legacy::check(legacy, |at, message| {
            let message = format!("{message}, for {}", self.owner);
            self.faults.push(Fault::new(self.file, at, message));
        })
    }

    fn jump_host(&mut self, name: Spanned<String>) -> Option<Way> {
        let Spanned { at, value: name } = name;
        if name == NO_JUMP_HOST {
            return Some(Way::Direct);
        }
        match self.known.jump_hosts.get(&name) {
            Some(Some(_)) => Some(Way::Through(name)),
            Some(None) => None,
            None => {
                let known = self.known.jump_hosts.keys().map(String::as_str);
                let hint = suggest::hint(&name, "jump hosts", known);
                self.fault(
                    at,
                    format!("unknown jump host {name:?} for {}", self.owner),
                    hint,
                );
                None
            }
        }
    }

    fn labels(&mut self, labels: Field<Entries<String>>) -> BTreeMap<String, String> {
        let labels = check_labels(labels, |name, problem, hint| {
            let message = format!("label name {:?} of {} {problem}", name.value, self.owner);
            self.fault(name.at, message, Some(hint.into()));
        });
        labels.collect()
    }
}

/// The labels whose names can be given; `report` is told of the others, with what is wrong and what to do.
pub(super) fn check_labels(
    labels: Field<Entries<String>>,
    mut report: impl FnMut(&Spanned<String>, &str, &str),
) -> impl Iterator<Item = (String, String)> {
    let labels = labels.into_spanned().map(|labels| labels.value.0);
    labels
        .into_iter()
        .flatten()
        .filter_map(move |(name, value)| {
            if let Some((problem, hint)) = problem_of_label(&name.value) {
                report(&name, problem, hint);
                return None;
            }
            Some((name.value, value.into_spanned()?.value))
        })
}

/// What is wrong with a label's name, and what to do.
fn problem_of_label(name: &str) -> Option<(&'static str, &'static str)> {
    if RESERVED_LABELS.contains(&name) || name.starts_with("__") {
        return Some((
            "is reserved",
            "choose another name; `device`, `le`, `quantile` and names that begin with `__` are taken",
        ));
    }
    let is_fit = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty()
        || name.starts_with(|c: char| c.is_ascii_digit())
        || !name.chars().all(is_fit)
    {
        return Some((
            "is not valid in Prometheus",
            "use letters, digits and `_`, and do not begin with a digit",
        ));
    }
    None
}
