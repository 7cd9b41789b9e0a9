//! `/api/v1`: the state of the fleet as JSON. Times are RFC 3339 in UTC, lengths of time are in seconds, and
//! what is not known is left out.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use axum::{
    Json,
    extract::State as Shared,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use netwolf_wire::stats::{Histogram, POLL_BUCKETS, ShardStats};
use serde::Serialize;

use super::{PathInfo, Web};
use crate::{board::AgentSlot, clock::LAST_MS, remote_write::RemoteView, state::State};

pub mod agents;
pub mod credentials;
pub mod devices;
pub mod output;
pub mod trust;

pub(super) use agents::{agents, drain};
pub(super) use credentials::credentials;
pub(super) use devices::{device, devices};

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
    /// Polls that they left out.
    pub polls_skipped_total: u64,
    /// How long those took.
    pub poll_seconds: PollSeconds,
    /// How long after they were due they were done.
    pub poll_delay_seconds: PollSeconds,
    /// Where samples are sent, and how far that is; absent where they are sent nowhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remote_write: Vec<RemoteView>,
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
    /// Adds up what `read` finds in the stats of each shard.
    fn of(
        agents: &[Arc<AgentSlot>],
        read: impl for<'a> Fn(&'a ShardStats, &mut dyn FnMut(&'a Histogram)),
    ) -> Self {
        let mut buckets = [0_u64; POLL_BUCKETS.len() + 1];
        for slot in agents {
            slot.with_stats(|stats| {
                read(stats, &mut |histogram| {
                    let counted = histogram.buckets.iter().chain([&histogram.over]);
                    buckets
                        .iter_mut()
                        .zip(counted)
                        .for_each(|(sum, count)| *sum = sum.saturating_add(*count));
                });
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
            polls_total: total(&agents, |stats| stats.polls),
            polls_skipped_total: total(&agents, |stats| stats.polls_skipped),
            poll_seconds: PollSeconds::of(&agents, |stats, add| {
                stats.poll_seconds.values().for_each(add);
            }),
            poll_delay_seconds: PollSeconds::of(&agents, |stats, add| {
                add(&stats.poll_delay_seconds);
            }),
            remote_write: state.remote_writer.view(),
        }
    }
}

fn total(agents: &[Arc<AgentSlot>], read: impl Fn(&ShardStats) -> u64) -> u64 {
    let counts = agents.iter().map(|slot| slot.with_stats(&read));
    counts.fold(0, u64::saturating_add)
}

/// What is answered when there is nothing to be shown.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// Why.
    pub error: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    pub(super) fn new(error: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            hint: None,
        }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    pub(super) fn with(self, status: StatusCode) -> Response {
        (status, Json(self)).into_response()
    }
}

/// `/api/v1`.
#[derive(Clone, Debug, Serialize)]
pub struct Index {
    /// Everything that can be asked for.
    pub paths: Vec<PathInfo>,
}

fn time(unix_ms: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_millis(unix_ms.min(LAST_MS));
    humantime::format_rfc3339_millis(time).to_string()
}

pub(super) async fn index(Shared(web): Shared<Web>) -> Json<Index> {
    Json(Index {
        paths: web.part.paths().copied().collect(),
    })
}

pub(super) async fn status(Shared(web): Shared<Web>) -> Json<Status> {
    Json(Status::of(&web.state))
}
