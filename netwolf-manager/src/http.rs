//! The web port: metrics, health, reload, the API and a page that leads to them.
//!
//! | Path | |
//! |---|---|
//! | `/metrics` | [`metrics`]: text 0.0.4, or OpenMetrics where asked for; gzip; all of it or a part |
//! | `/probe` | [`probe`]: one device, in the words of `blackbox_exporter` |
//! | `/sd/devices`, `/sd/agents` | [`sd`]: targets for Prometheus |
//! | `/-/healthy` | 200 as soon as the program runs; 503 when its core has ended |
//! | `/-/ready` | 200 when devices have been placed; 503 with the reason before |
//! | `/-/reload` | POST or PUT: reads the configuration again; 500 with all faults when it has some |
//! | `/api/v1` | what is below it |
//! | `/api/v1/openapi.json` | `openapi`: all of this, for programs |
//! | `/api/v1/devices`, `/api/v1/devices/{name}` | [`api`]: the fleet, one device |
//! | `/api/v1/devices/{name}/output` | [`api`]: what the device answers just now |
//! | `/api/v1/credentials` | [`api`]: the breakers |
//! | `/api/v1/agents`, `/api/v1/status` | [`api`]: the shards, totals |
//! | `/api/v1/runs`, `/api/v1/procedures` | `runs`: automation |
//! | `/api/v1/backup` | `backup`: configurations that are kept |
//! | `/api/v1/invites`, `/api/v1/authorities`, `/api/v1/agents/{name}/revoke` | [`api::trust`]: who may be an agent |
//! | `/` | a plain page |
//!
//! What it takes to ask at a path stands beside it in [`PATHS`], and is demanded by `guard`; what is asked is read by
//! `asked`.
//!
//! Everything is read from the board and the series store; no request but a reload and that for outputs reaches
//! the core, and runs are asked of their engine.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    http::{HeaderMap, HeaderName, Method, StatusCode, Uri},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use netwolf_web::gate::Gate;
use serde::Serialize;

use self::readiness::Readiness;
use crate::{
    access::Role,
    exposition::put,
    reload::{ReloadError, ReloadHandle},
    state::State,
};

pub mod api;
mod asked;
mod backup;
pub(crate) mod guard;
mod landing;
pub mod metrics;
mod openapi;
pub mod probe;
mod readiness;
mod runs;
pub mod sd;

/// Connections at a time: a few Prometheus servers, people, and room to spare.
pub const MAX_CONNECTIONS: usize = 256;

/// What requests are answered from.
#[derive(Clone, Debug)]
pub struct Web {
    /// The shared parts.
    pub state: Arc<State>,
    /// The way to a reload.
    pub reload: ReloadHandle,
    /// Before it; counts what is refused.
    pub gate: Arc<Gate>,
    /// Which of the paths are served.
    pub part: Part,
}

/// Whether something can be read or done at a path.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PathInfo {
    /// `GET`, or how else it is asked.
    pub method: &'static str,
    /// The path; `{name}` stands for a device.
    pub path: &'static str,
    /// What is there.
    pub about: &'static str,
    /// What a token has to allow, where there are tokens; none where the web configuration alone decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

const fn path(
    method: &'static str,
    path: &'static str,
    role: Option<Role>,
    about: &'static str,
) -> PathInfo {
    PathInfo {
        method,
        path,
        about,
        role,
    }
}

const OPEN: Option<Role> = None;
const VIEW: Option<Role> = Some(Role::View);
const OPERATE: Option<Role> = Some(Role::Operate);
const ADMIN: Option<Role> = Some(Role::Admin);

/// Every path but `/`, for people who look for one, and what it takes to ask there.
pub const PATHS: [PathInfo; 35] = [
    path("GET", "/metrics", OPEN, "metrics for Prometheus"),
    path(
        "GET",
        "/probe?target={name}",
        OPEN,
        "metrics of one device, as of a probe",
    ),
    path("GET", "/sd/agents", OPEN, "targets: pages of the agents"),
    path("GET", "/sd/devices", OPEN, "targets: the devices"),
    path("GET", "/-/healthy", OPEN, "whether the program runs"),
    path("GET", "/-/ready", OPEN, "whether devices have been placed"),
    path("POST", "/-/reload", ADMIN, "reads the configuration again"),
    path("GET", "/api/v1", VIEW, "the paths of the API"),
    path(
        "GET",
        "/api/v1/openapi.json",
        VIEW,
        "the paths with their parameters and answers, as OpenAPI 3.1",
    ),
    path("GET", "/api/v1/status", VIEW, "totals"),
    path("GET", "/api/v1/agents", VIEW, "all agents"),
    path(
        "POST",
        "/api/v1/agents/{name}/drain",
        OPERATE,
        "gives an agent's devices to others and lets it end",
    ),
    path("GET", "/api/v1/devices", VIEW, "all devices"),
    path("GET", "/api/v1/devices/{name}", VIEW, "one device"),
    path(
        "GET",
        "/api/v1/devices/{name}/output",
        VIEW,
        "what its commands answer just now",
    ),
    path(
        "GET",
        "/api/v1/credentials",
        VIEW,
        "all credentials and their breakers",
    ),
    path("GET", "/api/v1/procedures", VIEW, "what can be run"),
    path("GET", "/api/v1/procedures/{name}", VIEW, "one procedure"),
    path("GET", "/api/v1/runs", VIEW, "runs, newest first"),
    path(
        "POST",
        "/api/v1/runs",
        OPERATE,
        "runs a procedure, or commands, on some devices",
    ),
    path("GET", "/api/v1/runs/{id}", VIEW, "one run"),
    path("GET", "/api/v1/runs/{id}/steps", VIEW, "its steps"),
    path(
        "GET",
        "/api/v1/runs/{id}/steps/{device}",
        VIEW,
        "a step and what was typed",
    ),
    path(
        "GET",
        "/api/v1/runs/{id}/events",
        VIEW,
        "what happens to a run, as it happens",
    ),
    path(
        "POST",
        "/api/v1/runs/{id}/cancel",
        OPERATE,
        "begins nothing more and types nothing more",
    ),
    path(
        "POST",
        "/api/v1/runs/{id}/pause",
        OPERATE,
        "begins nothing more for now",
    ),
    path("POST", "/api/v1/runs/{id}/resume", OPERATE, "goes on"),
    path(
        "POST",
        "/api/v1/runs/{id}/retry",
        OPERATE,
        "tries what did not succeed anew, as a new run",
    ),
    path(
        "POST",
        "/api/v1/runs/{id}/steps/{device}/settle",
        OPERATE,
        "decides what became of a step that is unknown",
    ),
    path("GET", "/api/v1/backup", VIEW, "backups of configurations"),
    path("POST", "/api/v1/backup", OPERATE, "begins one now"),
    path(
        "POST",
        "/api/v1/invites",
        ADMIN,
        "makes a token for an agent to join with",
    ),
    path(
        "POST",
        "/api/v1/agents/{name}/revoke",
        ADMIN,
        "takes an agent's certificates back and closes its links",
    ),
    path(
        "GET",
        "/api/v1/authorities",
        VIEW,
        "whose certificates are believed",
    ),
    path(
        "POST",
        "/api/v1/authorities/rotate",
        ADMIN,
        "begins to replace the authority",
    ),
];

/// What of the paths a port has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of them.
    All,
    /// Those that are scraped.
    Scraping,
    /// The API, the page for people, and what changes something.
    Api,
}

impl Part {
    /// Whether a path of the table is served.
    fn has(self, info: &PathInfo) -> bool {
        match self {
            Self::All => true,
            Self::Scraping => info.role.is_none(),
            Self::Api => info.role.is_some() || HEALTH.contains(&info.path),
        }
    }

    /// What of the table is served.
    fn paths(self) -> impl Iterator<Item = &'static PathInfo> {
        PATHS.iter().filter(move |info| self.has(info))
    }
}

/// Where health is told; every port does.
const HEALTH: [&str; 2] = ["/-/healthy", "/-/ready"];

/// The routes of a port.
pub fn router(web: Web) -> Router {
    let health = Router::new()
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready));
    let routes = match web.part {
        Part::All => health.merge(scraping()).merge(api()),
        Part::Scraping => health.merge(scraping()),
        Part::Api => health.merge(api()),
    };
    routes
        .fallback(unknown)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn_with_state(web.clone(), guard::guard))
        .with_state(web)
}

fn scraping() -> Router<Web> {
    Router::new()
        .route("/metrics", get(metrics::serve))
        .route("/probe", get(probe::serve))
        .route("/sd/agents", get(sd::agents))
        .route("/sd/devices", get(sd::devices))
}

fn api() -> Router<Web> {
    Router::new()
        .route("/", get(landing::page))
        .route("/-/reload", post(reload).put(reload))
        .route("/api/v1", get(api::index))
        .route("/api/v1/", get(api::index))
        .route("/api/v1/openapi.json", get(openapi::serve))
        .route("/api/v1/status", get(api::status))
        .route("/api/v1/agents", get(api::agents))
        .route("/api/v1/agents/{name}/drain", post(api::drain))
        .route("/api/v1/devices", get(api::devices))
        // A name may hold slashes.
        .route("/api/v1/devices/{*name}", get(api::device))
        .route("/api/v1/credentials", get(api::credentials))
        .route("/api/v1/procedures", get(runs::procedures))
        .route("/api/v1/procedures/{name}", get(runs::procedure))
        .route("/api/v1/runs", get(runs::list).post(runs::submit))
        .route("/api/v1/runs/{id}", get(runs::show))
        .route("/api/v1/runs/{id}/steps", get(runs::steps))
        .route(
            "/api/v1/runs/{id}/steps/{*device}",
            get(runs::step).post(runs::settle),
        )
        .route("/api/v1/runs/{id}/events", get(runs::events::events))
        .route("/api/v1/backup", get(backup::show).post(backup::begin))
        .route("/api/v1/runs/{id}/cancel", post(runs::cancel))
        .route("/api/v1/runs/{id}/pause", post(runs::pause))
        .route("/api/v1/runs/{id}/resume", post(runs::resume))
        .route("/api/v1/runs/{id}/retry", post(runs::retry))
        .route("/api/v1/invites", post(api::trust::invite))
        .route("/api/v1/agents/{name}/revoke", post(api::trust::revoke))
        .route("/api/v1/authorities", get(api::trust::authorities))
        .route("/api/v1/authorities/rotate", post(api::trust::rotate))
}

/// There is nothing at this path: says what there is.
async fn unknown(Shared(web): Shared<Web>, uri: Uri) -> Response {
    let path = uri.path();
    if is_api(path) {
        let problem = if web.part == Part::Scraping {
            api::Problem::new("the API is at another address")
                .hint("it is the one of --api.listen-address")
        } else {
            let error = format!("unknown path {path:?}; /api/v1 lists those that there are");
            api::Problem::new(error)
        };
        return problem.with(StatusCode::NOT_FOUND);
    }
    let mut text = String::from("404: there is nothing at this path. There is:\n\n");
    for PathInfo {
        method,
        path,
        about,
        ..
    } in web.part.paths()
    {
        put(
            &mut text,
            format_args!("  {method:<4}  {path:<29}  {about}\n"),
        );
    }
    (StatusCode::NOT_FOUND, text).into_response()
}

/// There is something at this path, and it cannot be asked for like this.
async fn not_allowed(method: Method, uri: Uri) -> Response {
    let path = uri.path();
    let way = guard::ways(path).join(" or ");
    let error = format!("{method} is not allowed at {path:?}; use {way}");
    if is_api(path) {
        return api::Problem::new(error).with(StatusCode::METHOD_NOT_ALLOWED);
    }
    (StatusCode::METHOD_NOT_ALLOWED, format!("405: {error}\n")).into_response()
}

fn is_api(path: &str) -> bool {
    path.starts_with("/api/") || path == "/api"
}

/// A header that lists things; several of one name mean the same as one with commas.
fn list(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let values = headers.get_all(name).iter();
    let texts: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}

async fn healthy(Shared(web): Shared<Web>) -> Response {
    if web.state.core.is_closed() {
        let text = "not healthy: the core has ended, so nothing is decided any more\n";
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    }
    "NetWolf manager is healthy.\n".into_response()
}

async fn ready(Shared(web): Shared<Web>) -> Response {
    let readiness = Readiness::of(&web.state);
    let status = if readiness.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, format!("{readiness}\n")).into_response()
}

async fn reload(Shared(web): Shared<Web>) -> Response {
    match web.reload.reload().await {
        Ok(summary) => format!("configuration reloaded: {summary}\n").into_response(),
        Err(error) => {
            let text = match error {
                ReloadError::Ending => format!("{error}\n"),
                _ => format!("{error}\nrefused credentials are tried again all the same\n"),
            };
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manager_without_its_core_is_not_healthy() {
        let (state, mailbox) = crate::testing::state();
        let (reload, _requests) = ReloadHandle::new();
        let gate = Arc::new(Gate::new(None).unwrap());
        let web = Web {
            state,
            reload,
            gate,
            part: Part::All,
        };
        let status = healthy(Shared(web.clone())).await.status();
        assert_eq!(status, StatusCode::OK);
        drop(mailbox);
        let status = healthy(Shared(web)).await.status();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }
}
