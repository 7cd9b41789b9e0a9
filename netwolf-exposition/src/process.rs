//! What the operating system knows of this process, under the names that all Prometheus clients use. Linux only:
//! elsewhere there are no such metrics.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};
use rustix::{
    param::{clock_ticks_per_second, page_size},
    process::{Resource, getrlimit},
};

/// A registry with the metrics of this process and nothing else.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(ProcessCollector));
    registry
}

/// The metrics of this process, read anew for each page.
#[derive(Clone, Copy, Debug)]
pub struct ProcessCollector;

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut put = |name, help, metric: &dyn Metric| metric.put(&mut encoder, name, help);
        if let Some(books) = Books::read() {
            put(
                "process_cpu_seconds",
                "User and system time that the process has used.",
                &ConstCounter::new(books.cpu_seconds),
            )?;
            put(
                "process_resident_memory_bytes",
                "Memory of the process that is in RAM.",
                &ConstGauge::new(books.resident_bytes),
            )?;
            put(
                "process_virtual_memory_bytes",
                "Addresses that the process has mapped.",
                &ConstGauge::new(books.virtual_bytes),
            )?;
            if let Some(booted) = booted_seconds() {
                put(
                    "process_start_time_seconds",
                    "When the process was started, in Unix time.",
                    &ConstGauge::new(booted + books.started_seconds),
                )?;
            }
        }
        if let Some(open) = open_descriptors() {
            put(
                "process_open_fds",
                "File descriptors that are open.",
                &ConstGauge::new(open),
            )?;
        }
        if let Some(most) = getrlimit(Resource::Nofile).current {
            put(
                "process_max_fds",
                "File descriptors that may be open.",
                &ConstGauge::new(as_gauge(most)),
            )?;
        }
        Ok(())
    }
}

/// A metric that can be put on a page.
trait Metric {
    fn put(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str) -> fmt::Result;
}

impl<M: EncodeMetric> Metric for M {
    fn put(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str) -> fmt::Result {
        let metric = encoder.encode_descriptor(name, help, None, self.metric_type())?;
        self.encode(metric)
    }
}

/// `/proc/self/stat`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Books {
    cpu_seconds: f64,
    /// After the machine's start.
    started_seconds: f64,
    virtual_bytes: i64,
    resident_bytes: i64,
}

impl Books {
    fn read() -> Option<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        Self::parse(&stat, clock_ticks_per_second(), page_size())
    }

    /// Fields are counted behind the second one, a name in parentheses, which may hold anything.
    #[expect(clippy::cast_precision_loss, reason = "2^53 ticks are a million years")]
    fn parse(stat: &str, ticks_per_second: u64, page: usize) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        // `proc(5)` counts from 1, and the third field is our first.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let seconds = |ticks: u64| ticks as f64 / ticks_per_second as f64;
        Some(Self {
            cpu_seconds: seconds(field(14)? + field(15)?),
            started_seconds: seconds(field(22)?),
            virtual_bytes: as_gauge(field(23)?),
            resident_bytes: as_gauge(field(24)?.saturating_mul(page as u64)),
        })
    }
}

/// When the machine was started, in Unix time.
fn booted_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let booted = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    booted.trim().parse().ok()
}

/// The one that lists them is among them, and not counted.
fn open_descriptors() -> Option<i64> {
    let n_entries = std::fs::read_dir("/proc/self/fd").ok()?.count();
    Some(as_gauge(n_entries as u64).saturating_sub(1))
}

fn as_gauge(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let stat = "7 (a) R (b) S 1 1 1 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 300 8192 2 1";
        let books = Books::parse(stat, 100, 4096).unwrap();
        let expected = Books {
            cpu_seconds: 2.0,
            started_seconds: 3.0,
            virtual_bytes: 8192,
            resident_bytes: 8192,
        };
        assert_eq!(books, expected);
        assert_eq!(Books::parse("7 (a) S 1", 100, 4096), None);
    }

    #[test]
    fn this_process_has_all_of_them() {
        let mut page = String::new();
        encode(&mut page, &registry()).unwrap();
        let value = |name: &str| {
            let line = page.lines().find_map(|line| line.strip_prefix(name));
            let value = line.unwrap_or_else(|| panic!("no {name} in {page}"));
            value.trim().parse::<f64>().unwrap()
        };
        assert!(value("process_resident_memory_bytes ") > 100_000.0);
        assert!(value("process_virtual_memory_bytes ") > 100_000.0);
        assert!(value("process_cpu_seconds_total ") >= 0.0);
        let open = value("process_open_fds ");
        assert!(open >= 3.0 && open <= value("process_max_fds "));
        // Any time that this was built after, and none that is to come.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let start = value("process_start_time_seconds ");
        assert!((1.6e9..=now.unwrap().as_secs_f64() + 2.0).contains(&start));
    }
}
