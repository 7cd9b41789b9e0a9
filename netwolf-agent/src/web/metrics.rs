//! What the agent's own page tells: of the process, and of the links of its shards.

use std::fmt;

use netwolf_exposition::{Format, process, text};
use netwolf_web::refusals::Refusals;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text::encode},
    metrics::{MetricType, gauge::ConstGauge, info::Info},
    registry::Registry,
};

use super::Trust;
use crate::links::Links;

/// The metrics of an agent's own page.
#[derive(Debug)]
pub(super) struct Metrics(Registry);

impl Metrics {
    pub(super) fn new(links: &Links, refusals: &Refusals, trust: Trust) -> Self {
        let mut registry = process::registry();
        registry.register(
            "netwolf_agent_build",
            "The program that serves this page",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        refusals.register(&mut registry);
        registry.register_collector(Box::new(LinkCollector(links.clone())));
        trust.register(&mut registry);
        Self(registry)
    }

    /// The page as it is now.
    pub(super) fn page(&self, format: Format) -> String {
        let mut page = String::new();
        encode(&mut page, &self.0).expect("text grows as needed");
        match format {
            Format::OpenMetrics => page,
            Format::Text => text::from_open_metrics(&page),
        }
    }
}

/// Whether each shard is linked.
#[derive(Debug)]
struct LinkCollector(Links);

impl Collector for LinkCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "netwolf_agent_link_up",
            "Whether the shard is linked to its manager.",
            None,
            MetricType::Gauge,
        )?;
        for (shard, is_up) in self.0.iter().enumerate() {
            let labels = [("shard", shard)];
            ConstGauge::new(i64::from(is_up)).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn metrics() -> Metrics {
        let links = Links::new(2);
        links.set(1, true);
        Metrics::new(&links, &Refusals::default(), Trust::default())
    }

    #[test]
    fn both_formats_tell_the_same() {
        let metrics = metrics();
        let text = metrics.page(Format::Text);
        for line in [
            "# TYPE netwolf_agent_build_info gauge",
            concat!(
                "netwolf_agent_build_info{version=\"",
                env!("CARGO_PKG_VERSION"),
                "\"} 1"
            ),
            "# HELP netwolf_agent_link_up Whether the shard is linked to its manager.",
            "netwolf_agent_link_up{shard=\"0\"} 0",
            "netwolf_agent_link_up{shard=\"1\"} 1",
            "# TYPE process_cpu_seconds_total counter",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in {text}");
        }
        let open = metrics.page(Format::OpenMetrics);
        assert!(open.ends_with("# EOF\n") && !text.contains("# EOF"));
        assert!(
            open.contains("\n# TYPE netwolf_agent_build info\n"),
            "{open}"
        );
    }

    #[test]
    fn docs_metrics_md_lists_every_family_and_no_other() {
        let page = metrics().page(Format::Text);
        let families = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let names: BTreeSet<_> = families.filter_map(|rest| rest.split(' ').next()).collect();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
        let docs = std::fs::read_to_string(path).unwrap();
        let (_, section) = docs.split_once("\n## Pages of agents\n").unwrap();
        let (section, _) = section.split_once("\n## ").unwrap();
        let listed: BTreeSet<_> = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .collect();
        assert_eq!(names, listed);
    }
}
