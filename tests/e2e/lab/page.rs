//! A page of metrics, read.

use std::collections::BTreeMap;

/// A page of metrics: value by series as written.
#[derive(Debug, PartialEq)]
pub(crate) struct Page(BTreeMap<String, f64>);

impl Page {
    /// Reads a page of text 0.0.4.
    pub(crate) fn parse(text: &str) -> Self {
        let series = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        Self(
            series
                .map(|line| {
                    let (name, value) = line
                        .rsplit_once(' ')
                        .unwrap_or_else(|| panic!("not a sample: {line:?}"));
                    let value = value.replace("Inf", "inf").parse();
                    (
                        name.to_owned(),
                        value.unwrap_or_else(|error| panic!("{line:?}: {error}")),
                    )
                })
                .collect(),
        )
    }

    /// The value of a series, written as on the page.
    pub(crate) fn value(&self, series: &str) -> Option<f64> {
        self.0.get(series).copied()
    }

    /// The series of `family` that hold all of `labels`, such as `window="5s"`.
    pub(crate) fn series<'a>(
        &'a self,
        family: &'a str,
        labels: &'a [&'a str],
    ) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.iter().filter_map(move |(series, value)| {
            let rest = series.strip_prefix(family)?;
            let whole = rest.is_empty() || rest.starts_with('{');
            (whole && labels.iter().all(|label| rest.contains(label)))
                .then_some((series.as_str(), *value))
        })
    }

    /// The five-second CPU load of each device.
    pub(crate) fn cpu_by_device(&self) -> BTreeMap<String, f64> {
        self.series("netwolf_cpu_utilization_ratio", &["window=\"5s\""])
            .map(|(series, value)| {
                (
                    label(series, "device").expect("a device label").to_owned(),
                    value,
                )
            })
            .collect()
    }

    /// The sum over a family.
    pub(crate) fn sum(&self, family: &str) -> f64 {
        self.series(family, &[]).map(|(_, value)| value).sum()
    }
}

/// The value of a label of a series; enough for values without escapes.
pub(crate) fn label<'a>(series: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = series.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// Devices whose CPU load has changed since `before`.
pub(crate) fn moved(before: &BTreeMap<String, f64>, now: &BTreeMap<String, f64>) -> usize {
    now.iter()
        .filter(|(device, value)| before.get(*device).is_some_and(|before| before != *value))
        .count()
}
