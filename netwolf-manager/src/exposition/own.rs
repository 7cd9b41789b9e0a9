//! The manager's own families: built from a snapshot for each page, so that what has gone vanishes.

use netwolf_wire::stats::{Histogram, POLL_BUCKETS};
use prometheus_client::{encoding::text::encode_registry, registry::Registry};

use super::{Type, write_value};
use crate::series::escape_label;

/// Names and values of labels.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

/// A family with its sample lines, which are the same in both formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFamily {
    base: String,
    kind: Type,
    help: String,
    lines: String,
}

impl OwnFamily {
    /// A family without samples; `base` is its name without `_total` or `_info`.
    pub fn new(base: &str, kind: Type, help: &str) -> Self {
        Self {
            base: base.into(),
            kind,
            help: help.into(),
            lines: String::new(),
        }
    }

    /// Its name without suffix.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Its type.
    pub fn kind(&self) -> Type {
        self.kind
    }

    /// What people read about it.
    pub fn help(&self) -> &str {
        &self.help
    }

    /// Its samples.
    pub fn lines(&self) -> &str {
        &self.lines
    }

    /// Whether it has no samples.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Adds a sample.
    pub fn add(&mut self, labels: Labels<'_>, value: f64) {
        self.line(self.kind.suffix(), labels, None, value);
    }

    /// Adds a count.
    #[expect(
        clippy::cast_precision_loss,
        reason = "samples are doubles, as in Prometheus"
    )]
    pub fn count(&mut self, labels: Labels<'_>, value: u64) {
        self.add(labels, value as f64);
    }

    /// Adds the series of a histogram.
    #[expect(
        clippy::cast_precision_loss,
        reason = "samples are doubles, as in Prometheus"
    )]
    pub fn histogram(&mut self, labels: Labels<'_>, histogram: &Histogram) {
        let mut cumulative = 0_u64;
        for (bound, count) in POLL_BUCKETS.iter().zip(histogram.buckets) {
            cumulative = cumulative.saturating_add(count);
            // OpenMetrics wants bounds to be floats: `1.0`, as Debug writes them.
            self.line(
                "_bucket",
                labels,
                Some(&format!("{bound:?}")),
                cumulative as f64,
            );
        }
        let count = cumulative.saturating_add(histogram.over) as f64;
        self.line("_bucket", labels, Some("+Inf"), count);
        self.line("_sum", labels, None, histogram.sum);
        self.line("_count", labels, None, count);
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, bound: Option<&str>, value: f64) {
        self.lines.push_str(&self.base);
        self.lines.push_str(suffix);
        let mut separator = '{';
        for (name, value) in labels
            .iter()
            .copied()
            .chain(bound.map(|bound| ("le", bound)))
        {
            self.lines.push(separator);
            self.lines.push_str(name);
            self.lines.push_str("=\"");
            escape_label(&mut self.lines, value);
            self.lines.push('"');
            separator = ',';
        }
        if separator == ',' {
            self.lines.push('}');
        }
        self.lines.push(' ');
        write_value(&mut self.lines, value);
        self.lines.push('\n');
    }
}

/// The families of a registry. Its crate writes OpenMetrics only; the lines of samples are the same in text
/// 0.0.4, so it is enough to take the introductions off.
pub(crate) fn from_registry(registry: &Registry) -> Vec<OwnFamily> {
    let mut text = String::new();
    encode_registry(&mut text, registry).expect("text grows as needed");
    let mut families: Vec<OwnFamily> = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (base, help) = rest.split_once(' ').unwrap_or((rest, ""));
            families.push(OwnFamily::new(base, Type::Gauge, help));
        } else if let Some(family) = families.last_mut() {
            match line
                .strip_prefix("# TYPE ")
                .and_then(|rest| rest.split_once(' '))
            {
                Some((_, "counter")) => family.kind = Type::Counter,
                Some((_, "info")) => family.kind = Type::Info,
                Some((_, "histogram")) => family.kind = Type::Histogram,
                Some(_) => {}
                None => {
                    family.lines.push_str(line);
                    family.lines.push('\n');
                }
            }
        }
    }
    families
}
