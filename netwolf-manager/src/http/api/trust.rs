//! Who may be an agent: invites, revocations, authorities.

use axum::{
    Json,
    extract::{Path, Query, State as Shared},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use netwolf_wire::{AgentName, Span};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use super::{Problem, Web, time};
use crate::{
    clock::unix_seconds,
    trust::{
        AuthorityView, Refusal, Rotating,
        invites::{TTL_DEFAULT, TTL_MAX},
    },
};

/// What an invite is asked for with.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// The one agent that may use it.
    name: Option<String>,
    /// How long it is to be good.
    ttl: Option<String>,
}

/// `/api/v1/invites`.
#[derive(Debug, Serialize)]
pub struct Invited {
    /// The token, told this once.
    pub token: String,
    /// The one agent that may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Until when it is good.
    pub expires: String,
    /// Where the manager takes agents, as it knows itself.
    pub agents_address: String,
}

/// `/api/v1/agents/{name}/revoke`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Revoked {
    /// Links that were closed.
    pub links: usize,
}

/// `/api/v1/authorities`.
#[derive(Debug, Serialize)]
pub struct Authorities {
    /// One, or two while a rotation is going on.
    pub authorities: Vec<Authority>,
}

/// An authority.
#[derive(Debug, Serialize)]
pub struct Authority {
    /// Its first digits.
    pub authority: String,
    /// SHA-256 of its public key, as it stands in tokens.
    pub pin: String,
    /// Whether it signs agents' certificates.
    pub signs: bool,
    /// Whether the manager's own certificate is of it.
    pub shown: bool,
    /// When its certificate ends.
    pub expires: String,
    /// When it is believed no more, if a rotation takes it away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends: Option<String>,
}

/// `/api/v1/authorities/rotate`.
#[derive(Debug, Serialize)]
pub struct Rotated {
    /// When the old authority is believed no more.
    pub ends: String,
}

fn at(unix_seconds: u64) -> String {
    time(unix_seconds.saturating_mul(1000))
}

fn bad(error: impl Into<String>, hint: &str) -> Response {
    Problem::new(error).hint(hint).with(StatusCode::BAD_REQUEST)
}

fn refused(refusal: &Refusal) -> Response {
    if let Refusal::Internal(error) = refusal {
        let error: &dyn std::error::Error = error;
        warn!(error, "what was asked of the authorities could not be done");
    }
    let status = match refusal {
        Refusal::TooMany => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Problem::new(refusal.to_string())
        .hint(refusal.hint())
        .with(status)
}

/// Runs what may wait for a disk.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

fn ending() -> Response {
    Problem::new("the manager is shutting down").with(StatusCode::SERVICE_UNAVAILABLE)
}

pub(in crate::http) async fn invite(
    Shared(web): Shared<Web>,
    wish: Result<Query<Wish>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Query(Wish { name, ttl })) = wish else {
        return bad(
            "an invite is asked for with `name` and `ttl`",
            "such as ?name=ams-1&ttl=15m",
        );
    };
    let name = match name.map(|name| name.parse::<AgentName>()).transpose() {
        Ok(name) => name,
        Err(error) => return bad(error.to_string(), "give the name that the agent will have"),
    };
    let ttl = match ttl.map(|ttl| ttl.parse::<Span>()).transpose() {
        Ok(ttl) => ttl.map_or(TTL_DEFAULT, |ttl| ttl.get().as_secs()),
        Err(error) => return bad(error.to_string(), "write a time such as 15m"),
    };
    if !(1..=TTL_MAX).contains(&ttl) {
        return bad(
            "`ttl` must be from 1s to 24h",
            "a token is for a join that is about to happen",
        );
    }
    let (trust, agent) = (web.state.trust.clone(), name.clone());
    match blocking(move || trust.invite(agent, ttl, unix_seconds())).await {
        Some(Ok((token, expires))) => {
            let name = name.as_ref().map(AgentName::as_str);
            info!(id = token.invite.id, agent = name, "an agent is invited");
            let invited = Invited {
                token: token.reveal(),
                name: name.map(str::to_owned),
                expires: at(expires),
                agents_address: web.state.agents_addr.to_string(),
            };
            (StatusCode::CREATED, Json(invited)).into_response()
        }
        Some(Err(refusal)) => refused(&refusal),
        None => ending(),
    }
}

pub(in crate::http) async fn revoke(
    Shared(web): Shared<Web>,
    Path(name): Path<String>,
) -> Response {
    let none = || {
        Problem::new(format!("no agent {name:?} has a certificate that holds"))
            .hint("/api/v1/agents has those that have one")
            .with(StatusCode::NOT_FOUND)
    };
    let Ok(agent) = name.parse::<AgentName>() else {
        return none();
    };
    let (trust, revoked) = (web.state.trust.clone(), agent.clone());
    let done = blocking(move || trust.revoke(&revoked, unix_seconds())).await;
    // Also where it could not be written down: until a restart it holds all the same.
    let links = web.state.standing.end(&agent);
    match done {
        Some(Ok(held)) if held || links > 0 => {
            warn!(%agent, links, "the certificates of an agent are revoked");
            Json(Revoked { links }).into_response()
        }
        Some(Ok(_)) => none(),
        Some(Err(refusal)) => refused(&refusal),
        None => ending(),
    }
}

pub(in crate::http) async fn authorities(Shared(web): Shared<Web>) -> Json<Authorities> {
    let view = |authority: AuthorityView| Authority {
        authority: authority.pin.short(),
        pin: authority.pin.to_string(),
        signs: authority.signs,
        shown: authority.shown,
        expires: at(authority.validity.to),
        ends: authority.ends.map(at),
    };
    let authorities = web.state.trust.authorities();
    Json(Authorities {
        authorities: authorities.into_iter().map(view).collect(),
    })
}

pub(in crate::http) async fn rotate(Shared(web): Shared<Web>) -> Response {
    let trust = web.state.trust.clone();
    match blocking(move || trust.rotate(unix_seconds())).await {
        Some(Ok(Ok(ends))) => {
            let ends = at(ends);
            (StatusCode::ACCEPTED, Json(Rotated { ends })).into_response()
        }
        Some(Ok(Err(Rotating { ends }))) => {
            let error = format!("a rotation is going on until {}", at(ends));
            Problem::new(error)
                .hint("agents learn of the new authority as they renew; the next rotation can begin then")
                .with(StatusCode::CONFLICT)
        }
        Some(Err(refusal)) => refused(&refusal),
        None => ending(),
    }
}
