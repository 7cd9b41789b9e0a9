//! Every device of the inventory, whether anybody polls it or not.
//!
//! Invariant: a restart of the manager shows no healthy device as down. What is not known yet is left out.

use std::time::Duration;

use netwolf_wire::status::Reason;

use crate::{
    board::Devices,
    clock::Tick,
    exposition::{OwnFamily, Type},
    series::is_label_name,
};

/// Families of all devices.
pub fn families(devices: &Devices, now: Tick) -> Vec<OwnFamily> {
    let gauge = |name: &str, help| OwnFamily::new(name, Type::Gauge, help);
    let mut up = gauge(
        "netwolf_device_up",
        "Whether the session is up and results come in.",
    );
    let mut last = gauge(
        "netwolf_device_last_success_timestamp_seconds",
        "When the last whole output came in, by the agent's clock.",
    );
    let mut state = gauge(
        "netwolf_device_session_state",
        "1 for the state that the session is in.",
    );
    let mut login = gauge(
        "netwolf_device_login_seconds",
        "How long the last login took.",
    );
    let mut failure = OwnFamily::new(
        "netwolf_device_failure",
        Type::Info,
        "Why the session is not up.",
    );
    let mut mismatch = gauge(
        "netwolf_device_host_key_mismatch",
        "1 for a device whose SSH host key is not the one that was pinned or known.",
    );
    let mut legacy = OwnFamily::new(
        "netwolf_device_legacy_algorithm",
        Type::Info,
        "SSH algorithms that are on because the configuration names them.",
    );
    let mut labels = gauge(
        "netwolf_device_labels",
        "Labels of the inventory, to be joined by device; always 1.",
    );
    for (name, slot) in devices {
        let device = ("device", name.as_str());
        slot.inspect(now, |view| {
            if view.is_known {
                up.add(&[device], if view.up { 1.0 } else { 0.0 });
            }
            if let Some(ms) = view.last_success_ms {
                last.add(&[device], Duration::from_millis(ms).as_secs_f64());
            }
            if view.is_known || view.status.is_some() {
                state.add(&[device, ("state", view.state())], 1.0);
            }
            if let Some(seconds) = view.status.and_then(|status| status.login_seconds) {
                login.add(&[device], seconds);
            }
            if let Some(reason) = view
                .status
                .and_then(|s| s.failure.as_ref())
                .map(|f| f.reason)
            {
                failure.add(&[device, ("reason", reason.as_str())], 1.0);
                if reason == Reason::HostKeyMismatch {
                    mismatch.add(&[device], 1.0);
                }
            }
            for algorithm in &view.about.legacy {
                legacy.add(&[device, ("algorithm", algorithm.as_str())], 1.0);
            }
            let mut all = vec![device];
            let own = [("platform", view.about.platform.as_str())];
            let given = view
                .about
                .labels
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()));
            for (name, value) in given.chain(own) {
                if is_label_name(name) && all.iter().all(|(other, _)| *other != name) {
                    all.push((name, value));
                }
            }
            labels.add(&all, 1.0);
        });
    }
    vec![up, last, state, login, failure, mismatch, legacy, labels]
}
