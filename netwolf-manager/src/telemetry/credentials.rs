//! The credentials of the inventory: whether they are tried, and what devices say to them.

use crate::{
    breaker::{CredentialView, view::BreakerState},
    exposition::{OwnFamily, Type},
};

/// Families of all credentials.
pub fn families(credentials: &[CredentialView]) -> Vec<OwnFamily> {
    let gauge = |name: &str, help| OwnFamily::new(name, Type::Gauge, help);
    let counter = |name: &str, help| OwnFamily::new(name, Type::Counter, help);
    let mut open = gauge(
        "netwolf_credential_breaker_open",
        "Whether nobody tries the credential because devices refused it.",
    );
    let mut waiting = gauge(
        "netwolf_credential_permits_waiting",
        "Devices that wait for their permit to log in.",
    );
    let mut refused = gauge(
        "netwolf_credential_devices_refused",
        "Devices that refused the credential when they were last offered it.",
    );
    let mut logins = counter(
        "netwolf_credential_logins",
        "Ends of logins that asked for a permit, by outcome.",
    );
    for view in credentials {
        let credential = ("credential", view.name.as_str());
        let is_open = view.state != BreakerState::Closed;
        open.add(&[credential], if is_open { 1.0 } else { 0.0 });
        waiting.count(&[credential], view.waiting as u64);
        refused.count(&[credential], view.n_refusals as u64);
        for (outcome, count) in view.totals.by_outcome() {
            logins.count(&[credential, ("outcome", outcome)], count);
        }
    }
    vec![open, waiting, refused, logins]
}
