//! Names of families: what a family is called without its suffix, and what its samples are called.
//!
//! OpenMetrics names a counter `x` and its sample `x_total`; text 0.0.4 names both `x_total`. Info metrics
//! have `_info` in the same way. Agents declare the sample's name, as people write it in rules.

use netwolf_wire::series::Kind;

/// A family's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FamilyName {
    base: String,
    suffix: &'static str,
}

impl FamilyName {
    /// The family of metrics called `name`; `None` when Prometheus would not take the name.
    pub fn new(name: &str, kind: Kind) -> Option<Self> {
        let suffix = match kind {
            Kind::Gauge | Kind::StateSet => "",
            Kind::Counter => "_total",
            Kind::Info => "_info",
        };
        let base = name.strip_suffix(suffix).unwrap_or(name);
        is_metric_name(base).then(|| Self {
            base: base.into(),
            suffix,
        })
    }

    /// Without suffix.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A name that no other family may have although no sample has it: `OpenMetrics` keeps it for the time at
    /// which a counter was made.
    pub(super) fn reserved(&self) -> Option<String> {
        (self.suffix == "_total").then(|| format!("{}_created", self.base))
    }

    /// All names that no other family may have.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        let all = [
            Some(self.base.clone()),
            Some(self.sample()),
            self.reserved(),
        ];
        all.into_iter().flatten()
    }

    /// As samples are called.
    pub fn sample(&self) -> String {
        format!("{}{}", self.base, self.suffix)
    }
}

/// Whether Prometheus takes it as a metric's name.
fn is_metric_name(text: &str) -> bool {
    text.len() <= 256
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

/// Whether Prometheus takes it as a label's name, from outside.
pub fn is_label_name(text: &str) -> bool {
    is_metric_name(text) && !text.contains(':') && !text.starts_with("__")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_belongs_to_its_kind() {
        let check = |name: &str, kind, base: &str, sample: &str| {
            let family = FamilyName::new(name, kind).unwrap();
            assert_eq!((family.base(), family.sample().as_str()), (base, sample));
        };
        check("x_total", Kind::Counter, "x", "x_total");
        check("x", Kind::Counter, "x", "x_total");
        check("x_total", Kind::Gauge, "x_total", "x_total");
        check("device_info", Kind::Info, "device", "device_info");
    }

    #[test]
    fn names_that_prometheus_does_not_take_are_none() {
        for name in ["", "1x", "a-b", "a b", "ä", "_total"] {
            assert_eq!(FamilyName::new(name, Kind::Counter), None, "{name:?}");
        }
        assert!(is_label_name("a_1") && !is_label_name("a:b") && !is_label_name("__name__"));
    }
}
