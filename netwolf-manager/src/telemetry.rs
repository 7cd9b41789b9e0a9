//! What the manager exports besides the devices' own series: of itself, of its agents, of every device.
//!
//! | Families | From |
//! |---|---|
//! | `netwolf_manager_*`, counted | a prometheus-client registry, below |
//! | `netwolf_remote_write_*` | another one, of [`crate::remote_write`] |
//! | `netwolf_http_*` | another one, of the web port |
//! | `netwolf_run*` | another one, of [`crate::runs`] |
//! | `netwolf_manager_*`, derived; `netwolf_build_info` | [`manager`], a snapshot of the core |
//! | `netwolf_agent_*`, `netwolf_poll_seconds` | [`agents`], the heartbeats' counters |
//! | `process_*` | the operating system, by [`netwolf_exposition::process`] |
//! | `netwolf_agent_certificate_*`, `netwolf_manager_authority_*` | [`trust`], from the roll |
//! | `netwolf_storage_*` | [`storage`], the operating system |
//! | `netwolf_credential_*` | [`credentials`], every credential of the inventory |
//! | `netwolf_device_*` | [`devices`], every device of the inventory, always |
//!
//! Everything but the counters is built for each page from a snapshot, so that what has gone vanishes. Names
//! that devices must not have are kept in [`crate::series`].

use std::time::Duration;

use netwolf_exposition::process;
use netwolf_web::refusals::Refusals;
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::{
    clock::unix_ms,
    exposition::{self, OwnFamily},
    remote_write::Meters,
    series::Counters,
    trust::Refusal,
};

pub mod agents;
pub mod credentials;
pub mod devices;
pub mod manager;
pub mod storage;
pub mod trust;

pub use trust::ConnectionFault;

/// Upper bounds of the scrape histogram, in seconds: a page of 100,000 series takes milliseconds, and beyond
/// 10 s Prometheus has given up.
const SCRAPE_BUCKETS: [f64; 8] = [0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 10.0];

/// Why a shard was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalReason {
    /// It speaks another major version.
    Version,
    /// Another agent of its name is linked.
    Duplicate,
    /// It is not one of the shards that its agent has.
    Shard,
    /// It said something else first, or nothing in time.
    NoHello,
    /// It has no certificate, or one of another agent.
    Identity,
    /// Its certificate has been revoked.
    Revoked,
}

impl RefusalReason {
    const ALL: [Self; 6] = [
        Self::Version,
        Self::Duplicate,
        Self::Shard,
        Self::NoHello,
        Self::Identity,
        Self::Revoked,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Duplicate => "duplicate",
            Self::Shard => "shard",
            Self::NoHello => "no_hello",
            Self::Identity => "identity",
            Self::Revoked => "revoked",
        }
    }
}

impl EncodeLabelValue for RefusalReason {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> Result<(), std::fmt::Error> {
        self.as_str().encode(encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: RefusalReason,
}

/// The counters of the manager; everybody who has something to count holds a reference to this.
#[derive(Debug)]
pub struct Telemetry {
    registry: Registry,
    process: Registry,
    remote_registry: Registry,
    web_registry: Registry,
    /// Where the storage folder is.
    pub disk: storage::Disk,
    run_registry: Registry,
    /// What is sent to remotes.
    pub remotes: Meters,
    /// What the web port refuses.
    pub refusals: Refusals,
    /// What runs count.
    pub runs: crate::runs::Meters,
    /// What the series store counts.
    pub series: Counters,
    /// Connections on the agents' port that stand.
    pub links: Gauge,
    /// Connections closed because there were too many.
    pub links_over_cap: Counter,
    /// Failures to accept a connection.
    pub accept_errors: Counter,
    /// Links closed because what came was not a frame or not a message.
    pub malformed_frames: Counter,
    /// Links closed because the agent did not read what waited for it.
    pub link_overflows: Counter,
    refused_hellos: Family<ReasonLabel, Counter>,
    trust: trust::Meters,
    reloads: Counter,
    reload_failures: Counter,
    reload_ok: Gauge,
    reload_time: Gauge<f64, std::sync::atomic::AtomicU64>,
    scrape_seconds: Histogram,
}

impl Default for Telemetry {
    fn default() -> Self {
        let mut this = Self {
            registry: Registry::with_prefix("netwolf_manager"),
            process: process::registry(),
            remote_registry: Registry::with_prefix("netwolf_remote_write"),
            web_registry: Registry::default(),
            run_registry: Registry::default(),
            runs: crate::runs::Meters::default(),
            refusals: Refusals::default(),
            disk: storage::Disk::default(),
            remotes: Meters::default(),
            series: Counters::default(),
            links: Gauge::default(),
            links_over_cap: Counter::default(),
            accept_errors: Counter::default(),
            malformed_frames: Counter::default(),
            link_overflows: Counter::default(),
            refused_hellos: Family::default(),
            trust: trust::Meters::default(),
            reloads: Counter::default(),
            reload_failures: Counter::default(),
            reload_ok: Gauge::default(),
            reload_time: Gauge::default(),
            scrape_seconds: Histogram::new(SCRAPE_BUCKETS),
        };
        this.register_counters();
        this.register_others();
        this.remotes.register(&mut this.remote_registry);
        this.trust.register(&mut this.registry);
        this.refusals.register(&mut this.web_registry);
        this.runs.register(&mut this.run_registry);
        for reason in RefusalReason::ALL {
            // So that a first refusal is an increase and not a new series.
            drop(this.refused_hellos.get_or_create(&ReasonLabel { reason }));
        }
        this
    }
}

impl Telemetry {
    fn register_counters(&mut self) {
        let series = &self.series;
        let counters = [
            ("samples", "Samples taken in from agents", &series.samples),
            (
                "stale_polls",
                "Polls dropped because their lease is not in force",
                &series.stale_polls,
            ),
            (
                "late_samples",
                "Samples dropped because a newer one is held",
                &series.late_samples,
            ),
            (
                "invalid_samples",
                "Samples dropped because their type does not allow the value",
                &series.invalid_samples,
            ),
            (
                "future_polls",
                "Polls whose time was ahead of the clock and set to it",
                &series.future_polls,
            ),
            (
                "undeclared",
                "Samples and polls dropped because their number was never declared",
                &series.undeclared,
            ),
            (
                "conflicting_series",
                "Series left out because their name has another type",
                &series.conflicting_series,
            ),
            (
                "excess_series",
                "Series left out because a bound was reached",
                &series.excess_series,
            ),
            (
                "invalid_series",
                "Series left out because a name or label is invalid",
                &series.invalid_series,
            ),
            (
                "links_over_cap",
                "Connections of agents closed because there were too many",
                &self.links_over_cap,
            ),
            (
                "accept_errors",
                "Failures to accept a connection of an agent",
                &self.accept_errors,
            ),
            (
                "malformed_frames",
                "Links closed because of bytes that are not a message",
                &self.malformed_frames,
            ),
            (
                "link_overflows",
                "Links closed because the agent did not read",
                &self.link_overflows,
            ),
            (
                "config_reloads",
                "Attempts to read the configuration again",
                &self.reloads,
            ),
            (
                "config_reload_failures",
                "Configurations rejected; the one before stays in force",
                &self.reload_failures,
            ),
        ];
        for (name, help, counter) in counters {
            self.registry.register(name, help, counter.clone());
        }
    }

    fn register_others(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "refused_hellos",
            "Shards not let in, by reason",
            self.refused_hellos.clone(),
        );
        registry.register(
            "links",
            "Connections on the agents' port",
            self.links.clone(),
        );
        registry.register(
            "config_last_reload_successful",
            "Whether the configuration in the files is the one in force",
            self.reload_ok.clone(),
        );
        registry.register(
            "config_last_reload_success_timestamp_seconds",
            "When a configuration was last taken over",
            self.reload_time.clone(),
        );
        registry.register(
            "scrape_seconds",
            "Time to render a page of metrics",
            self.scrape_seconds.clone(),
        );
    }

    /// A shard was not let in.
    pub fn hello_refused(&self, reason: RefusalReason) {
        self.refused_hellos
            .get_or_create(&ReasonLabel { reason })
            .inc();
    }

    /// A connection to the agents' port was closed before its first message.
    pub fn connection_refused(&self, fault: ConnectionFault) {
        self.trust.connection_refused(fault);
    }

    /// An agent got a certificate, by joining or by renewing.
    pub fn certificate_issued(&self, joins: bool) {
        self.trust.certificate_issued(joins);
    }

    /// An agent got none.
    pub fn certificate_refused(&self, refusal: &Refusal) {
        self.trust.certificate_refused(refusal);
    }

    /// The configuration was read, at the start or again.
    pub fn config_loaded(&self, is_ok: bool, is_reload: bool) {
        if is_reload {
            self.reloads.inc();
        }
        self.reload_ok.set(is_ok.into());
        if is_ok {
            let seconds = Duration::from_millis(unix_ms()).as_secs_f64();
            self.reload_time.set(seconds);
        } else {
            self.reload_failures.inc();
        }
    }

    /// A page was rendered.
    pub fn rendered(&self, time: Duration) {
        self.scrape_seconds.observe(time.as_secs_f64());
    }

    /// The families of the registries, and what the operating system counts.
    pub fn counted(&self) -> Vec<OwnFamily> {
        let registries = [
            &self.registry,
            &self.remote_registry,
            &self.web_registry,
            &self.run_registry,
            &self.process,
        ];
        registries
            .into_iter()
            .flat_map(exposition::from_registry)
            .collect()
    }
}

#[cfg(test)]
mod tests;
