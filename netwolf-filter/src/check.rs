//! What metrics may be, as far as it can be seen without their rules' fields: names, keys that go together, states.

mod name;
mod repeated;
mod unit;

use netwolf_wire::{
    rule::{Metric, Parse},
    series::Kind,
};

pub(crate) use self::{name::family_name, repeated::repeated};
use crate::{
    error::Fault,
    limits::{MAX_LABEL_BYTES, MAX_STATES},
    own::is_own_name,
};

/// Labels that are added by NetWolf or have a meaning of their own in Prometheus.
const RESERVED_LABELS: [&str; 5] = ["device", "instance", "job", "le", "quantile"];

/// All faults of a metric that can be seen without its rule's fields.
pub(crate) fn metric(metric: &Metric) -> Vec<Fault> {
    let metric_name = || metric.name.clone();
    let mut faults = Vec::new();
    if name::is_metric_name(&metric.name) {
        faults.extend(name::faults(metric));
        if is_own_name(&metric.name) {
            faults.push(Fault::OwnName {
                metric: metric_name(),
            });
        }
    } else {
        faults.push(Fault::MetricName {
            metric: metric_name(),
        });
    }
    if metric.help.trim().is_empty() {
        faults.push(Fault::NoHelp {
            metric: metric_name(),
        });
    }
    match (metric.kind, &metric.value) {
        (Kind::Info, Some(_)) => faults.push(Fault::InfoValue {
            metric: metric_name(),
        }),
        (Kind::Gauge | Kind::Counter | Kind::StateSet, None) => {
            faults.push(Fault::NoValue {
                metric: metric_name(),
            });
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
                metric: metric_name(),
                what,
            }),
    );
    faults.extend(useless_keys(metric));
    if metric.kind == Kind::StateSet {
        faults.extend(states(metric));
    }
    for label in metric.labels.keys() {
        if !name::is_label_name(label) {
            faults.push(Fault::LabelName {
                metric: metric_name(),
                label: label.clone(),
            });
        } else if metric.kind == Kind::StateSet && *label == metric.name {
            faults.push(Fault::StateLabel {
                metric: metric_name(),
            });
        } else if RESERVED_LABELS.contains(&label.as_str()) || label.starts_with("__") {
            faults.push(Fault::ReservedLabel {
                metric: metric_name(),
                label: label.clone(),
            });
        } else {
            faults.extend(name::camel_case(metric, Some(label)));
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
