//! `/api/v1/agents`: who is there, how loaded, since when; and the wish that one of them leaves.

use axum::{
    Json,
    extract::{Path, State as Shared},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use netwolf_wire::AgentName;
use serde::Serialize;
use tokio::sync::oneshot;

use super::{Problem, Web, time};
use crate::{board::AgentSlot, core::Event};

/// `/api/v1/agents`.
#[derive(Clone, Debug, Serialize)]
pub struct Agents {
    /// Every shard that is linked or was not long ago, sorted.
    pub shards: Vec<Shard>,
    /// Every agent that has a certificate, or had one not long ago.
    pub certificates: Vec<Certificate>,
}

/// An agent's last certificate.
#[derive(Clone, Debug, Serialize)]
pub struct Certificate {
    /// The agent.
    pub agent: String,
    /// When it ends.
    pub expires: String,
    /// Whether it was taken back.
    pub revoked: bool,
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
    /// Whether it wants to leave, so that its devices go elsewhere.
    pub leaving: bool,
    /// Since when it has stood, or stood last.
    pub linked_since: String,
    /// The site that it was started for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Where it comes from.
    pub peer: String,
    /// Where its agent's own page is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web: Option<String>,
    /// The agent's version.
    pub version: String,
    /// Devices that it holds leases of; like what follows, as it told last, where it is not up.
    pub devices: u64,
    /// Sessions that are up.
    pub sessions: u64,
    /// The share of its core's time that it worked of late, from 0 to 1.
    pub busy_ratio: f64,
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
            leaving: slot.is_leaving(),
            linked_since: time(slot.linked_since_ms),
            site: slot.site.clone(),
            peer: slot.peer.to_string(),
            web: slot.web.map(|web| web.to_string()),
            version: slot.software.clone(),
            devices: stats.devices,
            sessions: stats.sessions,
            busy_ratio: stats.busy_ratio,
            polls_total: stats.polls,
            buffered_polls: stats.buffered_polls,
            dropped_polls_total: stats.dropped_polls,
        })
    }
}

/// `/api/v1/agents/{name}/drain`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Drained {
    /// Shards that were asked to leave. `/api/v1/agents` tells when they have.
    pub shards: usize,
}

pub(in crate::http) async fn agents(Shared(web): Shared<Web>) -> Json<Agents> {
    let slots = web.state.board.agents(web.state.clock.now());
    Json(Agents {
        shards: slots.iter().map(|slot| Shard::of(slot)).collect(),
        certificates: web
            .state
            .trust
            .agents()
            .into_iter()
            .map(certificate)
            .collect(),
    })
}

fn certificate((agent, expires, revoked): (AgentName, u64, bool)) -> Certificate {
    Certificate {
        agent: agent.to_string(),
        expires: time(expires.saturating_mul(1000)),
        revoked,
    }
}

pub(in crate::http) async fn drain(Shared(web): Shared<Web>, Path(name): Path<String>) -> Response {
    let none = || {
        Problem::new(format!("no agent {name:?} is linked"))
            .hint("/api/v1/agents has those that are")
            .with(StatusCode::NOT_FOUND)
    };
    let Ok(agent) = name.parse::<AgentName>() else {
        return none();
    };
    let (done, told) = oneshot::channel();
    let asking = async {
        web.state.core.send(Event::Drain(agent, done)).await.ok()?;
        told.await.ok()
    };
    match asking.await {
        Some(0) => none(),
        Some(shards) => (StatusCode::ACCEPTED, Json(Drained { shards })).into_response(),
        None => Problem::new("the manager is shutting down").with(StatusCode::SERVICE_UNAVAILABLE),
    }
}
