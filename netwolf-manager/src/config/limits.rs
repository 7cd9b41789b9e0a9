//! Bounds of what can be configured, each with its reason.

use std::time::Duration;

use netwolf_wire::Span;

/// Devices answer in tens of milliseconds; anything faster polls one answer while the next is due.
pub(crate) const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// Licences and inventories change in days. Longer times are a slip of the unit, and would only be found by
/// waiting for them.
pub(crate) const MAX_INTERVAL: Duration = Duration::from_hours(7 * 24);

/// The slowest command that is worth waiting for, such as a support dump of a chassis.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_hours(1);

/// A login takes a second of a device's control plane; more of them than one a minute would be a burden.
pub(crate) const MIN_MAX_AGE: Duration = Duration::from_mins(1);

/// No site keeps an authorisation for longer; a longer time is a slip of the unit.
pub(crate) const MAX_MAX_AGE: Duration = Duration::from_hours(30 * 24);

/// Whether `interval` is a time between two polls.
pub(crate) fn check_interval(interval: Span) -> Result<(), String> {
    between(interval, MIN_INTERVAL, MAX_INTERVAL, "an interval")
}

/// Whether `timeout` is a time to wait for a device.
pub(crate) fn check_timeout(timeout: Span) -> Result<(), String> {
    between(timeout, Duration::from_millis(1), MAX_TIMEOUT, "a timeout")
}

/// Whether `age` is a time after which a session is made anew.
pub(crate) fn check_max_age(age: Span) -> Result<(), String> {
    between(age, MIN_MAX_AGE, MAX_MAX_AGE, "the age of a session")
}

/// Whether `span` is neither too short nor too long for `what`.
pub(crate) fn between(
    span: Span,
    lowest: Duration,
    highest: Duration,
    what: &str,
) -> Result<(), String> {
    if (lowest..=highest).contains(&span.get()) {
        return Ok(());
    }
    let (lowest, highest) = (Span::from(lowest), Span::from(highest));
    Err(format!("{what} is from {lowest} to {highest}, not {span}"))
}
