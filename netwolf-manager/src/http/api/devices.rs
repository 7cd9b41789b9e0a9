//! `/api/v1/devices` and `/api/v1/devices/{name}`: the state of each device's session, and why it is not up.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State as Shared},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use netwolf_wire::{status::Failure, target::HostKey};
use serde::{Deserialize, Serialize};

use super::{Problem, output, time};
use crate::{
    board::device::{DeviceView, states},
    http::{Web, asked::query, readiness::Readiness},
};

/// `/api/v1/devices`.
#[derive(Clone, Debug, Serialize)]
pub struct Devices {
    /// Sorted by name.
    pub devices: Vec<Device>,
}

/// What `/api/v1/devices` may be asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Wanted {
    /// Only devices in this state.
    pub state: Option<String>,
    /// Only devices of this agent.
    pub agent: Option<String>,
}

/// One device of a list.
#[derive(Clone, Debug, Serialize)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// IP address or DNS name.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// The platform's name.
    pub platform: String,
    /// The group, if it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Labels of the inventory.
    pub labels: BTreeMap<String, String>,
    /// `connecting`, `up`, `idle`, `backoff`, `host_key_mismatch` or `unassigned`.
    pub state: &'static str,
    /// The session is up and results come in; absent after a restart until something is known of the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up: Option<bool>,
    /// The agent that has its lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The agent's shard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<u16>,
    /// Since when the session has been in its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// When the last whole output came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_success: Option<String>,
    /// Logins that failed in a row.
    pub failures: u32,
    /// When the next login is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<String>,
    /// Why the session is not up; `no_agent` where there is none because nobody has the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// `/api/v1/devices/{name}`.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceDetail {
    /// As in the list.
    #[serde(flatten)]
    pub device: Device,
    /// The collectors that run on it.
    pub collectors: Vec<String>,
    /// The credential that it is logged in to with.
    pub credential: String,
    /// Which host key is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_key: Option<HostKeyPolicy>,
    /// The machine that it is reached through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jump_host: Option<JumpHost>,
    /// SSH algorithms that are on because the configuration names them.
    pub legacy_algorithms: Vec<&'static str>,
    /// The number of its lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// How long the last login took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_seconds: Option<f64>,
    /// Commands whose last poll failed.
    pub failing: Vec<FailingCommand>,
}

/// Which host key is accepted.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "policy", rename_all = "snake_case")]
pub enum HostKeyPolicy {
    /// One.
    Pinned {
        /// As OpenSSH writes it.
        fingerprint: String,
    },
    /// Those of a file on the agent's machine.
    KnownHosts {
        /// The file.
        file: String,
    },
    /// The first one seen.
    AcceptNew,
}

impl From<&HostKey> for HostKeyPolicy {
    fn from(key: &HostKey) -> Self {
        match key.clone() {
            HostKey::Pinned(fingerprint) => Self::Pinned { fingerprint },
            HostKey::KnownHosts(file) => Self::KnownHosts { file },
            HostKey::AcceptNew => Self::AcceptNew,
        }
    }
}

/// The machine that a device is reached through.
#[derive(Clone, Debug, Serialize)]
pub struct JumpHost {
    /// IP address or DNS name.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// The credential that it is logged in to with.
    pub credential: String,
}

/// A command whose last poll failed.
#[derive(Clone, Debug, Serialize)]
pub struct FailingCommand {
    /// As it is typed.
    pub command: String,
    /// Why.
    #[serde(flatten)]
    pub failure: Failure,
}

impl Device {
    fn of(view: &DeviceView<'_>, readiness: &Readiness) -> Self {
        Self {
            name: view.name.to_string(),
            address: view.about.address.clone(),
            port: view.about.port,
            platform: view.about.platform.clone(),
            group: view.about.group.clone(),
            labels: view.about.labels.clone(),
            state: view.state(),
            up: view.is_known.then_some(view.up),
            agent: view.shard.map(|shard| shard.agent.to_string()),
            shard: view.shard.map(|shard| shard.index),
            since: view.status.map(|status| time(status.since_ms)),
            last_success: view.last_success_ms.map(time),
            failures: view.status.map_or(0, |status| status.failures),
            next_attempt: view.status.and_then(|s| s.next_attempt_ms).map(time),
            failure: readiness.failure_of(view),
        }
    }
}

impl DeviceDetail {
    fn of(view: &DeviceView<'_>, readiness: &Readiness) -> Self {
        let failing = view.status.map_or(&[][..], |status| &status.failing);
        Self {
            device: Device::of(view, readiness),
            collectors: view.about.collectors.clone(),
            credential: view.about.credential.clone(),
            host_key: view.about.host_key.as_ref().map(HostKeyPolicy::from),
            jump_host: view.about.jump.as_ref().map(|jump| JumpHost {
                address: jump.address.clone(),
                port: jump.port,
                credential: jump.credential.clone(),
            }),
            legacy_algorithms: view.about.legacy.iter().map(|l| l.as_str()).collect(),
            epoch: view.epoch.map(|epoch| epoch.0),
            login_seconds: view.status.and_then(|status| status.login_seconds),
            failing: failing
                .iter()
                .map(|failing| FailingCommand {
                    command: failing.command.clone(),
                    failure: failing.failure.clone(),
                })
                .collect(),
        }
    }
}

pub(in crate::http) async fn devices(Shared(web): Shared<Web>, uri: Uri) -> Response {
    let wanted: Wanted = match query(&uri) {
        Ok(wanted) => wanted,
        Err(refusal) => return refusal.into_response(),
    };
    if let Some(state) = &wanted.state
        && !states().any(|known| known == state)
    {
        let known: Vec<_> = states().collect();
        return Problem::new(format!("unknown state {state:?}"))
            .hint(format!("the states are {}", known.join(", ")))
            .with(StatusCode::BAD_REQUEST);
    }
    let now = web.state.clock.now();
    let slots = web.state.board.devices();
    let readiness = Readiness::of(&web.state);
    let fits = |device: &Device| {
        wanted
            .state
            .as_deref()
            .is_none_or(|state| state == device.state)
            && wanted
                .agent
                .as_ref()
                .is_none_or(|agent| Some(agent) == device.agent.as_ref())
    };
    let devices = slots
        .values()
        .map(|slot| slot.inspect(now, |view| Device::of(&view, &readiness)));
    Json(Devices {
        devices: devices.filter(fits).collect(),
    })
    .into_response()
}

pub(in crate::http) async fn device(
    Shared(web): Shared<Web>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Some(slot) = web.state.board.device(&name) {
        let (now, readiness) = (web.state.clock.now(), Readiness::of(&web.state));
        return Json(slot.inspect(now, |view| DeviceDetail::of(&view, &readiness))).into_response();
    }
    // A name may hold slashes, so that this comes second: a device may be called so.
    if let Some(name) = name.strip_suffix("/output")
        && let Some(slot) = web.state.board.device(name)
    {
        return match query(&uri) {
            Ok(wanted) => output::answer(&web.state, &slot, wanted, &headers).await,
            Err(refusal) => refusal.into_response(),
        };
    }
    let name = name.strip_suffix("/output").unwrap_or(&name);
    Problem::new(format!("unknown device {name:?}")).with(StatusCode::NOT_FOUND)
}
