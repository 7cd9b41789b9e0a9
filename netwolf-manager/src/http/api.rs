//! `/api/v1`: the state of the fleet as JSON. Times are RFC 3339 in UTC, lengths of time are in seconds, and
//! what is not known is left out.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use axum::{
    Json,
    extract::{Path, Query, State as Shared},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use netwolf_wire::{stats::POLL_BUCKETS, status::Failure};
use serde::{Deserialize, Serialize};

use super::{PATHS, PathInfo, Web, readiness::Readiness};
use crate::{
    board::{AgentSlot, device::DeviceView},
    state::State,
};

/// `/api/v1/status`.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The manager's version.
    pub version: &'static str,
    /// What a start still waits for; absent when it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// Of the inventory.
    pub devices: DeviceCounts,
    /// Of agents.
    pub shards: ShardCounts,
    /// Series held.
    pub series: usize,
    /// Samples taken in since the start.
    pub samples_total: u64,
    /// Polls that the present agents have done since they were started.
    pub polls_total: u64,
    /// How long those took.
    pub poll_seconds: PollSeconds,
}

/// A histogram of poll times over all shards and collectors.
#[derive(Clone, Debug, Serialize)]
pub struct PollSeconds {
    /// Upper bounds in seconds.
    pub bounds: [f64; POLL_BUCKETS.len()],
    /// Polls at or under each bound, and last of all every poll.
    pub counts: Vec<u64>,
}

impl PollSeconds {
    fn of(agents: &[Arc<AgentSlot>]) -> Self {
        let mut buckets = [0_u64; POLL_BUCKETS.len() + 1];
        for slot in agents {
            slot.with_stats(|stats| {
                for histogram in stats.poll_seconds.values() {
                    let counted = histogram.buckets.iter().chain([&histogram.over]);
                    buckets
                        .iter_mut()
                        .zip(counted)
                        .for_each(|(sum, count)| *sum = sum.saturating_add(*count));
                }
            });
        }
        let counts = buckets.iter().scan(0_u64, |sum, count| {
            *sum = sum.saturating_add(*count);
            Some(*sum)
        });
        Self {
            bounds: POLL_BUCKETS,
            counts: counts.collect(),
        }
    }
}

/// How many devices there are.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DeviceCounts {
    /// In the inventory.
    pub total: usize,
    /// Whose session is up and whose results come in.
    pub up: usize,
    /// By the state of their session.
    pub states: BTreeMap<&'static str, usize>,
}

/// How many shards there are.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct ShardCounts {
    /// Whose link stands.
    pub linked: usize,
    /// That were lost in the last minutes.
    pub lost: usize,
}

impl Status {
    /// Counts everything.
    pub fn of(state: &State) -> Self {
        let now = state.clock.now();
        let mut devices = DeviceCounts::default();
        for slot in state.board.devices().values() {
            slot.inspect(now, |view| {
                devices.total += 1;
                devices.up += usize::from(view.up);
                *devices.states.entry(view.state()).or_default() += 1;
            });
        }
        let agents = state.board.agents(now);
        let linked = agents.iter().filter(|slot| slot.is_up()).count();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            waits_for: state.board.core().waits_for,
            devices,
            shards: ShardCounts {
                linked,
                lost: agents.len() - linked,
            },
            series: state.store.len(),
            samples_total: state.telemetry.series.samples.get(),
            polls_total: agents
                .iter()
                .map(|slot| slot.with_stats(|stats| stats.polls))
                .fold(0, u64::saturating_add),
            poll_seconds: PollSeconds::of(&agents),
        }
    }
}

/// `/api/v1/agents`.
#[derive(Clone, Debug, Serialize)]
pub struct Agents {
    /// Every shard that is linked or was not long ago, sorted.
    pub shards: Vec<Shard>,
}

/// One shard.
#[derive(Clone, Debug, Serialize)]
pub struct Shard {
    /// Its agent.
    pub agent: String,
    /// Its number there.
    pub shard: u16,
    /// Whether its link stands.
    pub up: bool,
    /// Since when it has stood, or stood last.
    pub linked_since: String,
    /// Where it comes from.
    pub peer: String,
    /// The agent's version.
    pub version: String,
    /// Devices that it holds leases of.
    pub devices: u64,
    /// Sessions that are up.
    pub sessions: u64,
    /// Polls since it was started.
    pub polls_total: u64,
    /// Polls that wait for the link.
    pub buffered_polls: u64,
    /// Polls dropped since it was started.
    pub dropped_polls_total: u64,
}

impl Shard {
    fn of(slot: &AgentSlot) -> Self {
        slot.with_stats(|stats| Self {
            agent: slot.shard.agent.to_string(),
            shard: slot.shard.index,
            up: slot.is_up(),
            linked_since: time(slot.linked_since_ms),
            peer: slot.peer.to_string(),
            version: slot.software.clone(),
            devices: stats.devices,
            sessions: stats.sessions,
            polls_total: stats.polls,
            buffered_polls: stats.buffered_polls,
            dropped_polls_total: stats.dropped_polls,
        })
    }
}

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
    /// `connecting`, `up`, `backoff` or `unassigned`.
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
    /// The number of its lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// How long the last login took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_seconds: Option<f64>,
    /// Commands whose last poll failed.
    pub failing: Vec<FailingCommand>,
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

/// What is answered when there is no such thing.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Problem {
    pub(super) error: String,
}

/// `/api/v1`.
#[derive(Clone, Debug, Serialize)]
pub struct Index {
    /// Everything that can be asked for.
    pub paths: Vec<PathInfo>,
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

/// Times beyond this cannot be written: the end of the year 9999.
const LAST_MS: u64 = 253_402_300_799_999;

fn time(unix_ms: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_millis(unix_ms.min(LAST_MS));
    humantime::format_rfc3339_millis(time).to_string()
}

pub(super) async fn index() -> Json<Index> {
    Json(Index {
        paths: PATHS.to_vec(),
    })
}

pub(super) async fn status(Shared(web): Shared<Web>) -> Json<Status> {
    Json(Status::of(&web.state))
}

pub(super) async fn agents(Shared(web): Shared<Web>) -> Json<Agents> {
    let slots = web.state.board.agents(web.state.clock.now());
    Json(Agents {
        shards: slots.iter().map(|slot| Shard::of(slot)).collect(),
    })
}

pub(super) async fn devices(
    Shared(web): Shared<Web>,
    Query(wanted): Query<Wanted>,
) -> Json<Devices> {
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
}

pub(super) async fn device(Shared(web): Shared<Web>, Path(name): Path<String>) -> Response {
    let Some(slot) = web.state.board.device(&name) else {
        let error = format!("unknown device {name:?}");
        return (StatusCode::NOT_FOUND, Json(Problem { error })).into_response();
    };
    let (now, readiness) = (web.state.clock.now(), Readiness::of(&web.state));
    Json(slot.inspect(now, |view| DeviceDetail::of(&view, &readiness))).into_response()
}
