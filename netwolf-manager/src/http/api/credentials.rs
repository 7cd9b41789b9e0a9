//! `/api/v1/credentials`: who may be logged in to with what, and who refused it.

use axum::{Json, extract::State as Shared};
use netwolf_wire::status::Failure;
use serde::Serialize;

use super::time;
use crate::{
    breaker::{CredentialView, view::RefusalView},
    http::Web,
};

/// `/api/v1/credentials`.
#[derive(Clone, Debug, Serialize)]
pub struct Credentials {
    /// Those that devices or their jump hosts use, sorted by name.
    pub credentials: Vec<Credential>,
}

/// One credential. What it is made of is not told.
#[derive(Clone, Debug, Serialize)]
pub struct Credential {
    /// Its name.
    pub name: String,
    /// `closed`, `open` or `half_open`.
    pub state: &'static str,
    /// When the breaker opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// When a device is to try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_probe: Option<String>,
    /// The device that tries now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<String>,
    /// Why nobody may try it, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Devices that use it.
    pub devices: usize,
    /// Devices that refused it when it was last offered.
    pub refused: usize,
    /// The latest of those.
    pub refusals: Vec<Refusal>,
    /// Devices that log in just now.
    pub permits: usize,
    /// Devices that may log in at a time.
    pub window: usize,
    /// Devices that wait for their permit.
    pub waiting: usize,
    /// What devices said since the manager's start.
    pub logins: Logins,
}

/// A device that refused a credential.
#[derive(Clone, Debug, Serialize)]
pub struct Refusal {
    /// The device.
    pub device: String,
    /// When.
    pub at: String,
    /// It is not tried again before; absent after a reload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_until: Option<String>,
}

/// How logins ended.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Logins {
    /// The device took the credential.
    pub accepted_total: u64,
    /// It refused it.
    pub refused_total: u64,
    /// It said neither.
    pub unclear_total: u64,
    /// It was not offered after all.
    pub unused_total: u64,
}

impl From<&RefusalView> for Refusal {
    fn from(view: &RefusalView) -> Self {
        Self {
            device: view.device.to_string(),
            at: time(view.at_ms),
            held_until: view.held_until_ms.map(time),
        }
    }
}

impl From<&CredentialView> for Credential {
    fn from(view: &CredentialView) -> Self {
        Self {
            name: view.name.clone(),
            state: view.state.as_str(),
            since: view.since_ms.map(time),
            next_probe: view.next_probe_ms.map(time),
            probe: view.probe.as_ref().map(ToString::to_string),
            failure: view.failure.clone(),
            devices: view.n_devices,
            refused: view.n_refusals,
            refusals: view.refusals.iter().map(Refusal::from).collect(),
            permits: view.permits,
            window: view.window,
            waiting: view.waiting,
            logins: Logins {
                accepted_total: view.totals.accepted,
                refused_total: view.totals.refused,
                unclear_total: view.totals.unclear,
                unused_total: view.totals.unused,
            },
        }
    }
}

pub(in crate::http) async fn credentials(Shared(web): Shared<Web>) -> Json<Credentials> {
    let views = web.state.board.credentials();
    Json(Credentials {
        credentials: views.iter().map(Credential::from).collect(),
    })
}
