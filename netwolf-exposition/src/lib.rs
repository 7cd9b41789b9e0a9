//! What the pages of metrics of manager and agent have in common: the choice of a format by what a scraper accepts
//! ([`accept`]), the older of the two formats ([`text`]), and what the operating system knows of the process
//! ([`process`]).
//!
//! Not here: the manager's page of a million series, which it writes itself, and HTTP.

pub mod accept;
pub mod process;
pub mod text;

/// The two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus text 0.0.4, for everybody who asks for nothing else.
    Text,
    /// OpenMetrics text 1.0.0, for those who ask for it.
    OpenMetrics,
}

impl Format {
    /// For the header `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}
