//! What names of metrics and labels may be: Prometheus's rules, those of `OpenMetrics`, and the endings of each kind.

use netwolf_wire::{rule::Metric, series::Kind};

use super::unit;
use crate::error::Fault;

const COUNTER_SUFFIX: &str = "_total";
const INFO_SUFFIX: &str = "_info";

/// Endings that samples of other kinds have: a name with one could be taken for a part of such a family.
const SUFFIXES: [&str; 8] = [
    COUNTER_SUFFIX,
    INFO_SUFFIX,
    "_bucket",
    "_count",
    "_sum",
    "_created",
    "_gcount",
    "_gsum",
];

/// The metric's family in `OpenMetrics`, which names it without the ending of its kind.
pub(crate) fn family_name(name: &str, kind: Kind) -> &str {
    let suffix = own_suffix(kind).unwrap_or_default();
    name.strip_suffix(suffix).unwrap_or(name)
}

/// The ending that all names of a kind have.
const fn own_suffix(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Gauge | Kind::StateSet => None,
        Kind::Counter => Some(COUNTER_SUFFIX),
        Kind::Info => Some(INFO_SUFFIX),
    }
}

/// All faults of a metric's name, which Prometheus takes, but for its being taken.
pub(super) fn faults(metric: &Metric) -> impl Iterator<Item = Fault> {
    camel_case(metric, None)
        .into_iter()
        .chain(suffix(metric))
        .chain(type_in_name(metric))
        .chain(unit(metric))
}

fn suffix(metric: &Metric) -> Option<Fault> {
    let (name, kind) = (&metric.name, metric.kind);
    match own_suffix(kind) {
        Some(suffix) if name.ends_with(suffix) => None,
        Some(suffix) => Some(Fault::SuffixMissing {
            metric: name.clone(),
            kind,
            suffix,
        }),
        None => {
            let suffix = SUFFIXES.iter().find(|&suffix| name.ends_with(suffix))?;
            Some(Fault::SuffixWrong {
                metric: name.clone(),
                kind,
                suffix,
            })
        }
    }
}

/// The type among the words of a name, which is `gauge` for all kinds but counters.
fn type_in_name(metric: &Metric) -> Option<Fault> {
    let word = match metric.kind {
        Kind::Counter => "counter",
        Kind::Gauge | Kind::Info | Kind::StateSet => "gauge",
    };
    let name = metric.name.to_ascii_lowercase();
    let has_word = name.split('_').skip(1).any(|found| found == word);
    has_word.then(|| Fault::TypeInName {
        metric: metric.name.clone(),
        kind: metric.kind,
        word,
    })
}

/// A unit in the name of a number that is no base unit.
fn unit(metric: &Metric) -> Option<Fault> {
    let has_unit = matches!(metric.kind, Kind::Gauge | Kind::Counter);
    let found = unit::other_unit(family_name(&metric.name, metric.kind)).filter(|_| has_unit)?;
    Some(Fault::OtherUnit {
        metric: metric.name.clone(),
        unit: found.word,
        base: found.base,
        factor: found.factor.to_string(),
        offset: (found.offset != 0.0).then(|| found.offset.to_string()),
    })
}

/// Prometheus also takes colons, but keeps them for recording rules.
pub(super) fn is_metric_name(name: &str) -> bool {
    is_label_name(name)
}

pub(super) fn is_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The fault of words that are told apart by capitals, of a label or of the metric's own name.
pub(super) fn camel_case(metric: &Metric, label: Option<&str>) -> Option<Fault> {
    let name = label.unwrap_or(&metric.name);
    let mut pairs = name.as_bytes().windows(2);
    let is_camel_case =
        pairs.any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    is_camel_case.then(|| Fault::CamelCase {
        metric: metric.name.clone(),
        label: label.map(str::to_owned),
        snake_case: snake_case(name),
    })
}

/// The name with `_` between its words: `acmeCPULoad` is `acme_cpuload`, because nobody can tell where capitals in a row
/// begin another word.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut is_lower = false;
    for c in name.chars() {
        if is_lower && c.is_ascii_uppercase() {
            snake.push('_');
        }
        is_lower = c.is_ascii_lowercase();
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The faults of a metric's name.
    fn check(name: &str, kind: Kind, expected: &[&str]) {
        let metric = Metric::new(name, kind, "Help.");
        let faults: Vec<_> = faults(&metric).map(|fault| fault.to_string()).collect();
        assert_eq!(faults, expected, "{name:?}");
    }

    #[test]
    fn a_gauge_has_no_ending_of_another_kind() {
        for suffix in SUFFIXES {
            let name = format!("acme_routes{suffix}");
            let expected = format!(
                "the name of gauge metric {name:?} ends in {suffix:?}, which stands for another kind"
            );
            check(&name, Kind::Gauge, &[&expected]);
        }
        for name in ["acme_routes", "acme_bucket_routes", "acme_ratio", "acmesum"] {
            check(name, Kind::Gauge, &[]);
        }
        // Its own ending tells it apart.
        check("acme_routes_count_total", Kind::Counter, &[]);
    }

    #[test]
    fn a_name_leaves_the_type_out() {
        for (name, kind, told, word) in [
            ("acme_load_gauge", Kind::Gauge, "gauge", "gauge"),
            ("acme_gauge_ratio", Kind::Gauge, "gauge", "gauge"),
            ("acme_counter_total", Kind::Counter, "counter", "counter"),
            ("acme_gauge_info", Kind::Info, "info", "gauge"),
        ] {
            let expected =
                format!("the name of {told} metric {name:?} has the type {word:?} in it");
            check(name, kind, &[&expected]);
        }
        // As promtool takes them.
        check("gauge_pressure_pascals", Kind::Gauge, &[]);
        check("acme_gauges", Kind::Gauge, &[]);
        check("acme_counter", Kind::Gauge, &[]);
        check("acme_gauge_total", Kind::Counter, &[]);
    }

    #[test]
    fn words_are_told_apart_by_low_lines() {
        let camel_case = |name: &str| format!("the name of metric {name:?} is in camelCase");
        check("acmeX", Kind::Gauge, &[&camel_case("acmeX")]);
        let name = "acme_inOctets_total";
        check(name, Kind::Counter, &[&camel_case(name)]);
        check("acme_x", Kind::Gauge, &[]);
        for (name, snake) in [
            ("acmeX", "acme_x"),
            ("ifInOctets", "if_in_octets"),
            ("acmeCPULoad", "acme_cpuload"),
            ("acme_x", "acme_x"),
        ] {
            assert_eq!(snake_case(name), snake);
        }
    }
}
