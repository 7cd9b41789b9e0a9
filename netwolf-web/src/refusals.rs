//! What was refused, by reason: for `netwolf_http_refused_total`.

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// Why a connection or a request was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Its address has as many connections as it may.
    Connections,
    /// The TLS handshake failed, or took too long.
    Handshake,
    /// More requests than the web configuration allows.
    RateLimit,
    /// No user and no token where one is demanded.
    NoCredentials,
    /// A wrong password or token.
    Credentials,
    /// Too many wrong ones from this address, or too many to look at.
    Attempts,
    /// What was asked for takes another role.
    Role,
    /// What changes something, from elsewhere than this machine and without a token.
    Remote,
    /// A browser asks on behalf of another site.
    CrossSite,
    /// More is sent than anything here takes.
    Body,
    /// It was not sent, or not answered, in time.
    Timeout,
}

impl Reason {
    /// All there are.
    pub const ALL: [Self; 11] = [
        Self::Connections,
        Self::Handshake,
        Self::RateLimit,
        Self::NoCredentials,
        Self::Credentials,
        Self::Attempts,
        Self::Role,
        Self::Remote,
        Self::CrossSite,
        Self::Body,
        Self::Timeout,
    ];

    /// As it stands in the label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Handshake => "handshake",
            Self::RateLimit => "rate_limit",
            Self::NoCredentials => "no_credentials",
            Self::Credentials => "credentials",
            Self::Attempts => "attempts",
            Self::Role => "role",
            Self::Remote => "remote",
            Self::CrossSite => "cross_site",
            Self::Body => "body",
            Self::Timeout => "timeout",
        }
    }
}

impl EncodeLabelValue for Reason {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> Result<(), std::fmt::Error> {
        self.as_str().encode(encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: Reason,
}

/// Counts what was refused.
#[derive(Clone, Debug)]
pub struct Refusals(Family<ReasonLabel, Counter>);

impl Default for Refusals {
    fn default() -> Self {
        let family = Family::<ReasonLabel, Counter>::default();
        for reason in Reason::ALL {
            // So that a first refusal is an increase and not a new series.
            drop(family.get_or_create(&ReasonLabel { reason }));
        }
        Self(family)
    }
}

impl Refusals {
    /// Puts `netwolf_http_refused_total` on a page.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "netwolf_http_refused",
            "Connections and requests to the web port that were refused, by reason",
            self.0.clone(),
        );
    }

    /// One more.
    pub fn count(&self, reason: Reason) {
        self.0.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// How many there were.
    pub fn get(&self, reason: Reason) -> u64 {
        self.0.get_or_create(&ReasonLabel { reason }).get()
    }
}
