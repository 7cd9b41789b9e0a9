//! Metrics of all collectors by name, so that no two of them exclude each other on the page.
//!
//! The rules of one command are compared when they are compiled. What different commands make, and different collectors on
//! whatever platform, meets only on the page, where a family has one kind: all series of the other one would be left out
//! there. So they are compared here, by the names that they take there.
//!
//! Which help text is shown is no conflict, and units follow from names.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use netwolf_wire::series::Kind;

use crate::{
    config::fault::{Fault, Place},
    series::FamilyName,
};

/// A metric, and where a collector has it.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) file: Arc<Path>,
    pub(super) at: Place,
    /// The command in its collector; those of one are compared elsewhere.
    pub(super) command: usize,
}

/// Tells of every metric that excludes one before it, of another command.
pub(super) fn check<'d>(metrics: impl Iterator<Item = &'d Declared>, faults: &mut Vec<Fault>) {
    let mut taken: BTreeMap<String, (FamilyName, &Declared)> = BTreeMap::new();
    for metric in metrics {
        // Other names are at fault themselves.
        let Some(family) = FamilyName::new(&metric.name, metric.kind) else {
            continue;
        };
        let other = family.names().find_map(|name| {
            let (other, of) = taken.get(&name)?;
            let is_same = *other == family && of.kind == metric.kind;
            (!is_same).then_some(*of)
        });
        match other {
            Some(other) if other.file == metric.file && other.command == metric.command => {}
            Some(other) => faults.push(fault(metric, other)),
            None => {
                for name in family.names() {
                    taken
                        .entry(name)
                        .or_insert_with(|| (family.clone(), metric));
                }
            }
        }
    }
}

fn fault(metric: &Declared, other: &Declared) -> Fault {
    let (file, at) = (other.file.display(), other.at);
    let there = format!("{} at {file}:{}:{}", a(other.kind), at.line, at.column);
    let message = if metric.name == other.name {
        format!(
            "metric {:?} is {} here and {there}",
            metric.name,
            a(metric.kind)
        )
    } else {
        format!(
            "metric {:?} cannot be on the page beside {:?}, {there}",
            metric.name, other.name
        )
    };
    Fault::new(&metric.file, metric.at, message).hint(
        "a metric has one kind on all devices: give both the same, or one of them another name",
    )
}

/// The kind, for sentences.
const fn a(kind: Kind) -> &'static str {
    match kind {
        Kind::Gauge => "a gauge",
        Kind::Counter => "a counter",
        Kind::Info => "an info metric",
        Kind::StateSet => "a stateset",
    }
}
