//! What the agent's own page tells of its identity.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::Counter, gauge::ConstGauge},
    registry::Registry,
};

use crate::identity::Security;

/// How an agent's links are kept from others, for its page.
#[derive(Clone, Debug)]
pub struct Trust {
    /// How.
    pub security: Security,
    /// Attempts to renew its certificate that failed.
    pub renewal_failures: Counter,
}

impl Default for Trust {
    /// Plain links to a manager on the same machine.
    fn default() -> Self {
        Self {
            security: Security::Plaintext { insecure: false },
            renewal_failures: Counter::default(),
        }
    }
}

impl Trust {
    pub(super) fn register(self, registry: &mut Registry) {
        registry.register(
            "netwolf_agent_certificate_renewal_failures",
            "Attempts to renew the agent's certificate that failed",
            self.renewal_failures.clone(),
        );
        registry.register_collector(Box::new(self));
    }
}

impl Collector for Trust {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (insecure, expires) = match &self.security {
            Security::Plaintext { insecure } => (*insecure, 0),
            Security::Tls(credentials) => (false, credentials.present().expires()),
        };
        let gauges = [
            (
                "netwolf_agent_insecure_plaintext",
                "Whether links to a manager on another machine go without TLS.",
                u64::from(insecure),
            ),
            (
                "netwolf_agent_own_certificate_expiry_timestamp_seconds",
                "When the agent's certificate ends; 0 where it has none.",
                expires,
            ),
        ];
        for (name, help, value) in gauges {
            let encoder = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            // Far beyond any time that a certificate can tell.
            ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(encoder)?;
        }
        Ok(())
    }
}
