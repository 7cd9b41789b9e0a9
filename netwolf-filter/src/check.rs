//! What names may be: Prometheus's rules, the endings of each kind, and the names that are taken.

mod unit;

use netwolf_wire::{
    rule::{Metric, Parse},
    series::Kind,
};

use crate::{
    error::Fault,
    limits::{MAX_LABEL_BYTES, MAX_STATES},
    own::is_own_name,
};

const COUNTER_SUFFIX: &str = "_total";
const INFO_SUFFIX: &str = "_info";

/// Labels that are added by NetWolf or have a meaning of their own in Prometheus.
const RESERVED_LABELS: [&str; 3] = ["device", "le", "quantile"];

/// All faults of a metric that can be seen without its rule's fields.
pub(crate) fn metric(metric: &Metric) -> Vec<Fault> {
    let name = || metric.name.clone();
    let mut faults = Vec::new();
    if is_metric_name(&metric.name) {
        faults.extend(suffix(metric));
        faults.extend(unit(metric));
        if is_own_name(&metric.name) {
            faults.push(Fault::OwnName { metric: name() });
        }
    } else {
        faults.push(Fault::MetricName { metric: name() });
    }
    if metric.help.trim().is_empty() {
        faults.push(Fault::NoHelp { metric: name() });
    }
    match (metric.kind, &metric.value) {
        (Kind::Info, Some(_)) => faults.push(Fault::InfoValue { metric: name() }),
        (Kind::Gauge | Kind::Counter | Kind::StateSet, None) => {
            faults.push(Fault::NoValue { metric: name() });
        }
        _ => {}
    }
    let numbers = [
        ("the scale", metric.scale.is_finite() && metric.scale != 0.0),
        ("the offset", metric.offset.is_finite()),
        (
            "the map",
            metric.map.values().all(|value| value.is_finite()),
        ),
    ];
    faults.extend(
        numbers
            .iter()
            .filter(|(_, usable)| !usable)
            .map(|(what, _)| Fault::BadNumber {
                metric: name(),
                what,
            }),
    );
    faults.extend(useless_keys(metric));
    if metric.kind == Kind::StateSet {
        faults.extend(states(metric));
    }
    for label in metric.labels.keys() {
        if !is_label_name(label) {
            faults.push(Fault::LabelName {
                metric: name(),
                label: label.clone(),
            });
        } else if metric.kind == Kind::StateSet && *label == metric.name {
            faults.push(Fault::StateLabel { metric: name() });
        } else if RESERVED_LABELS.contains(&label.as_str()) || label.starts_with("__") {
            faults.push(Fault::ReservedLabel {
                metric: name(),
                label: label.clone(),
            });
        }
    }
    faults
}

/// Keys that are there and do nothing: whoever wrote them expects something else.
fn useless_keys(metric: &Metric) -> impl Iterator<Item = Fault> {
    let has_number = matches!(metric.kind, Kind::Gauge | Kind::Counter);
    let has_states = metric.kind == Kind::StateSet;
    let has_scale = metric.scale.to_bits() != 1.0_f64.to_bits();
    let numbers = "a gauge or counter";
    let keys = [
        (
            "parse",
            numbers,
            metric.parse != Parse::Number && !has_number,
        ),
        ("map", numbers, !metric.map.is_empty() && !has_number),
        ("scale", numbers, has_scale && !has_number),
        ("offset", numbers, metric.offset != 0.0 && !has_number),
        (
            "states",
            "a stateset",
            !metric.states.is_empty() && !has_states,
        ),
        (
            "aliases",
            "a stateset",
            !metric.aliases.is_empty() && !has_states,
        ),
        (
            "absent",
            "a metric with a value",
            !metric.absent.is_empty() && metric.kind == Kind::Info,
        ),
        (
            "units",
            "`parse: number` of a gauge or counter",
            !metric.units.is_empty() && (!has_number || metric.parse != Parse::Number),
        ),
        (
            "times",
            "`parse: timestamp`",
            !metric.times.is_default() && metric.parse != Parse::Timestamp,
        ),
    ];
    let useless = keys.into_iter().filter(|(.., is_useless)| *is_useless);
    useless.map(|(key, needs, _)| Fault::UselessKey {
        metric: metric.name.clone(),
        key,
        needs,
    })
}

/// Faults of the states of a state set.
fn states(metric: &Metric) -> Vec<Fault> {
    let name = || metric.name.clone();
    let mut faults = Vec::new();
    if metric.states.is_empty() {
        faults.push(Fault::NoStates { metric: name() });
    }
    if metric.states.len() > MAX_STATES {
        faults.push(Fault::TooManyStates { metric: name() });
    }
    for (place, state) in metric.states.iter().enumerate() {
        let is_plain = state.trim() == state && !state.contains(char::is_control);
        let is_new = |known: &String| !known.eq_ignore_ascii_case(state);
        if state.is_empty() || state.len() > MAX_LABEL_BYTES || !is_plain {
            faults.push(Fault::BadState {
                metric: name(),
                state: state.clone(),
            });
        } else if !metric.states.iter().take(place).all(is_new) {
            faults.push(Fault::RepeatedState {
                metric: name(),
                state: state.clone(),
            });
        }
    }
    for (text, state) in &metric.aliases {
        if !metric.states.contains(state) {
            faults.push(Fault::UnknownState {
                metric: name(),
                text: text.clone(),
                state: state.clone(),
                known: metric.states.clone(),
            });
        }
    }
    faults
}

/// The metric's family in `OpenMetrics`, which names it without the ending of its kind.
pub(crate) fn family_name(name: &str, kind: Kind) -> &str {
    let suffix = match kind {
        Kind::Gauge | Kind::StateSet => "",
        Kind::Counter => COUNTER_SUFFIX,
        Kind::Info => INFO_SUFFIX,
    };
    name.strip_suffix(suffix).unwrap_or(name)
}

fn suffix(metric: &Metric) -> Option<Fault> {
    let ends_in = |suffix| metric.name.ends_with(suffix);
    let (name, kind) = (metric.name.clone(), metric.kind);
    match kind {
        Kind::Counter if !ends_in(COUNTER_SUFFIX) => Some(Fault::SuffixMissing {
            metric: name,
            kind,
            suffix: COUNTER_SUFFIX,
        }),
        Kind::Info if !ends_in(INFO_SUFFIX) => Some(Fault::SuffixMissing {
            metric: name,
            kind,
            suffix: INFO_SUFFIX,
        }),
        Kind::Gauge | Kind::StateSet if ends_in(COUNTER_SUFFIX) => Some(Fault::SuffixWrong {
            metric: name,
            kind,
            suffix: COUNTER_SUFFIX,
        }),
        Kind::Gauge | Kind::StateSet if ends_in(INFO_SUFFIX) => Some(Fault::SuffixWrong {
            metric: name,
            kind,
            suffix: INFO_SUFFIX,
        }),
        _ => None,
    }
}

/// A unit in the name of a number that is no base unit.
fn unit(metric: &Metric) -> Option<Fault> {
    let has_unit = matches!(metric.kind, Kind::Gauge | Kind::Counter);
    let found = unit::other_unit(family_name(&metric.name, metric.kind)).filter(|_| has_unit)?;
    Some(Fault::OtherUnit {
        metric: metric.name.clone(),
        unit: found.word,
        base: found.base,
        factor: found.factor,
    })
}

/// Prometheus also takes colons, but keeps them for recording rules.
fn is_metric_name(name: &str) -> bool {
    is_label_name(name)
}

fn is_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
