//! Metrics of a rule that another one of it always takes the place of.
//!
//! Of several samples with the same labels in one output the first counts. So a name may be there more than once, as
//! `up` and `down` of which a record has one or the other; but not where the second one never has a turn.

use netwolf_wire::rule::Metric;

use crate::error::Fault;

/// Those of `metrics`, each with its place in the rule, that an earlier one always takes the place of.
/// `comes_with(field, other)` tells whether each record that has `field` has `other`, too.
pub(crate) fn repeated(
    metrics: &[(usize, &Metric)],
    comes_with: impl Fn(&str, &str) -> bool,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, (place, metric)) in metrics.iter().enumerate() {
        let mut earlier = metrics.iter().take(index);
        if earlier.any(|(_, first)| covers(first, metric, &comes_with)) {
            faults.push(Fault::RepeatedMetric {
                metric: metric.name.clone(),
                place: *place,
            });
        }
    }
    faults
}

/// Whether `first` makes a sample or a problem of each record of which `second` would make the same series.
fn covers(first: &Metric, second: &Metric, comes_with: impl Fn(&str, &str) -> bool) -> bool {
    let is_unconditional = |metric: &Metric| metric.when.is_empty() && metric.unless.is_empty();
    // Another kind is a fault of its own.
    let is_same = first.name == second.name
        && first.kind == second.kind
        && first.labels == second.labels
        && is_unconditional(first)
        && is_unconditional(second);
    // The label with the state tells series of different states apart.
    let has_all_series = second
        .states
        .iter()
        .all(|state| first.states.contains(state));
    is_same && has_all_series && has_value_with(first, second, comes_with)
}

/// Whether `first` has a value, good or not, wherever `second` has one.
fn has_value_with(
    first: &Metric,
    second: &Metric,
    comes_with: impl Fn(&str, &str) -> bool,
) -> bool {
    match (&first.value, &second.value) {
        (None, None) => true,
        (Some(field), Some(other)) if field == other => reads_what(first, second),
        // A text that stands for no value there may leave it to the other field.
        (Some(field), Some(other)) => first.absent.is_empty() && comes_with(other, field),
        _ => false,
    }
}

/// Whether `first` reads every text of their field that `second` does.
fn reads_what(first: &Metric, second: &Metric) -> bool {
    first.parse == second.parse
        && first.units == second.units
        && first.times == second.times
        && first.absent == second.absent
        && first.map.keys().eq(second.map.keys())
        && first.aliases.keys().eq(second.aliases.keys())
}
