//! Trust: connections that were turned away, certificates, authorities.

use std::fmt;

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use crate::{
    exposition::{OwnFamily, Type},
    state::State,
    trust::Refusal,
};

/// Why a connection to the agents' port was closed before its first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionFault {
    /// It came without TLS.
    Plaintext,
    /// It came with something else.
    Protocol,
    /// The handshake failed.
    Handshake,
    /// Nothing came in time.
    Deadline,
    /// Too many came from its address.
    Source,
    /// Too many came from addresses that are not known.
    Strangers,
    /// Too many of those are at their handshake.
    Pending,
}

impl ConnectionFault {
    const ALL: [Self; 7] = [
        Self::Plaintext,
        Self::Protocol,
        Self::Handshake,
        Self::Deadline,
        Self::Source,
        Self::Strangers,
        Self::Pending,
    ];

    /// The label of its metric.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Protocol => "protocol",
            Self::Handshake => "handshake",
            Self::Deadline => "deadline",
            Self::Source => "source",
            Self::Strangers => "strangers",
            Self::Pending => "pending",
        }
    }

    /// What an operator may make of it.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Plaintext => {
                "an agent of another machine has to join: `netwolf agents invite` prints how"
            }
            Self::Protocol | Self::Deadline => "not a NetWolf agent? this port is for agents only",
            Self::Handshake => {
                "an agent whose certificate has expired, or that belongs to another manager, has to join again"
            }
            Self::Source | Self::Strangers | Self::Pending => {
                "agents that are linked are not affected; is somebody scanning this port?"
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Word(&'static str);

impl EncodeLabelValue for Word {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> Result<(), fmt::Error> {
        self.0.encode(encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: Word,
}

/// What is counted.
#[derive(Debug, Default)]
pub(super) struct Meters {
    refused_connections: Family<Reason, Counter>,
    certificates: Family<Kind, Counter>,
    refused_certificates: Family<Reason, Counter>,
}

const fn reason(word: &'static str) -> Reason {
    Reason { reason: Word(word) }
}

const fn kind(joins: bool) -> Kind {
    let word = if joins { "join" } else { "renewal" };
    Kind { kind: Word(word) }
}

impl Meters {
    /// Registers all, each reason with its zero, so that a first refusal is an increase and not a new series.
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "refused_connections",
            "Connections to the agents' port closed before their first message, by reason",
            self.refused_connections.clone(),
        );
        registry.register(
            "certificates",
            "Certificates given to agents, by why they asked",
            self.certificates.clone(),
        );
        registry.register(
            "refused_certificates",
            "Certificates not given, by reason",
            self.refused_certificates.clone(),
        );
        for fault in ConnectionFault::ALL {
            drop(
                self.refused_connections
                    .get_or_create(&reason(fault.as_str())),
            );
        }
        for word in Refusal::REASONS {
            drop(self.refused_certificates.get_or_create(&reason(word)));
        }
        for joins in [true, false] {
            drop(self.certificates.get_or_create(&kind(joins)));
        }
    }

    pub(super) fn connection_refused(&self, fault: ConnectionFault) {
        let counter = self
            .refused_connections
            .get_or_create(&reason(fault.as_str()));
        counter.inc();
    }

    pub(super) fn certificate_issued(&self, joins: bool) {
        self.certificates.get_or_create(&kind(joins)).inc();
    }

    pub(super) fn certificate_refused(&self, refusal: &Refusal) {
        let counter = self
            .refused_certificates
            .get_or_create(&reason(refusal.reason()));
        counter.inc();
    }
}

/// Families of who is trusted, from the present state.
pub fn families(state: &State) -> [OwnFamily; 3] {
    let mut insecure = OwnFamily::new(
        "netwolf_manager_insecure_plaintext",
        Type::Gauge,
        "Whether agents of other machines are taken without TLS.",
    );
    insecure.count(&[], state.insecure_plaintext.into());
    let mut authorities = OwnFamily::new(
        "netwolf_manager_authority_expiry_timestamp_seconds",
        Type::Gauge,
        "When an authority's certificate ends, or when a rotation ends the authority.",
    );
    for authority in state.trust.authorities() {
        let ends = authority.ends.unwrap_or(authority.validity.to);
        authorities.count(&[("authority", &authority.pin.short())], ends);
    }
    let mut agents = OwnFamily::new(
        "netwolf_agent_certificate_expiry_timestamp_seconds",
        Type::Gauge,
        "When the last certificate that an agent got ends; none of agents that are revoked.",
    );
    for (agent, expires, revoked) in state.trust.agents() {
        if !revoked {
            agents.count(&[("agent", agent.as_str())], expires);
        }
    }
    [insecure, authorities, agents]
}
