//! Numbers, units and dates as devices print them: one text, read in all ways that there are.

use std::sync::LazyLock;

use netwolf_filter::Filter;
use netwolf_wire::{
    rule::{Matches, Metric, Parse, RegexSource, Rule, Times},
    series::Kind,
};

use crate::extraction;

/// Reads a value.
///
/// # Panics
/// When what is made of it is not sound.
pub fn run(data: &[u8]) {
    static FILTER: LazyLock<Filter> =
        LazyLock::new(|| Filter::compile(&[rule()]).unwrap_or_else(|errors| panic!("{errors:?}")));
    extraction::apply(&FILTER, &String::from_utf8_lossy(data));
}

/// The whole output is one field, and each metric reads it in another way.
fn rule() -> Rule {
    let parses = [
        ("number", Parse::Number),
        ("hex", Parse::Hex),
        ("ratio", Parse::Percent),
        ("length_seconds", Parse::Duration),
        ("bytes", Parse::Bytes),
        ("bytes_per_second", Parse::BitRate),
        ("timestamp_seconds", Parse::Timestamp),
    ];
    let gauge = |name: &str| Metric {
        value: Some("v".into()),
        ..Metric::new(format!("fuzz_{name}"), Kind::Gauge, "A value.")
    };
    let mut metrics: Vec<_> = parses
        .into_iter()
        .map(|(name, parse)| Metric {
            parse,
            ..gauge(name)
        })
        .collect();
    let formats = [
        "%d %b %Y %H:%M:%S %Z",
        "%m/%d/%y",
        "%Y %b %e %I:%M %p",
        "%s",
    ];
    metrics.push(Metric {
        parse: Parse::Timestamp,
        times: Times {
            formats: formats.map(str::to_owned).to_vec(),
            zone: Some("+01:00".into()),
            zones: [("CET".into(), "+01:00".into())].into(),
        },
        ..gauge("written_timestamp_seconds")
    });
    metrics.push(Metric {
        units: vec!["dBm".into()],
        absent: vec!["N/A".into()],
        map: [("up".into(), 1.0)].into(),
        scale: 0.001,
        offset: -1.0,
        ..gauge("mapped")
    });
    metrics.push(Metric {
        labels: [("text".into(), "<${v}>".into())].into(),
        ..Metric::new("fuzz_info", Kind::Info, "The text.")
    });
    Rule {
        name: "values".into(),
        regex: Some(RegexSource {
            patterns: vec![r"(?s)\A(?P<v>.*)\z".into()],
            matches: Matches::First,
            blocks: None,
        }),
        metrics,
        ..Rule::default()
    }
}
