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
//! | `/api/v1/devices`, `/api/v1/devices/{name}` | [`api`]: the fleet, one device |
//! | `/api/v1/devices/{name}/output` | [`api`]: what the device answers just now |
//! | `/api/v1/credentials` | [`api`]: the breakers |
//! | `/api/v1/agents`, `/api/v1/status` | [`api`]: the shards, totals |
//! | `/api/v1/invites`, `/api/v1/authorities`, `/api/v1/agents/{name}/revoke` | [`api::trust`]: who may be an agent |
//! | `/` | a plain page |
//!
//! Everything is read from the board and the series store; no request but a reload and that for outputs reaches
//! the core.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    http::{HeaderMap, HeaderName, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use serde::Serialize;

use self::readiness::Readiness;
use crate::{
    exposition::put,
    reload::{ReloadError, ReloadHandle},
    state::State,
};

pub mod api;
mod landing;
pub mod metrics;
pub mod probe;
mod readiness;
pub mod sd;
pub mod server;

/// What requests are answered from.
#[derive(Clone, Debug)]
pub struct Web {
    /// The shared parts.
    pub state: Arc<State>,
    /// The way to a reload.
    pub reload: ReloadHandle,
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
}

const fn path(method: &'static str, path: &'static str, about: &'static str) -> PathInfo {
    PathInfo {
        method,
        path,
        about,
    }
}

/// Every path but `/`, for people who look for one.
pub const PATHS: [PathInfo; 19] = [
    path("GET", "/metrics", "metrics for Prometheus"),
    path(
        "GET",
        "/probe?target={name}",
        "metrics of one device, as of a probe",
    ),
    path("GET", "/sd/agents", "targets: pages of the agents"),
    path("GET", "/sd/devices", "targets: the devices"),
    path("GET", "/-/healthy", "whether the program runs"),
    path("GET", "/-/ready", "whether devices have been placed"),
    path("POST", "/-/reload", "reads the configuration again"),
    path("GET", "/api/v1", "the paths of the API"),
    path("GET", "/api/v1/status", "totals"),
    path("GET", "/api/v1/agents", "all agents"),
    path(
        "POST",
        "/api/v1/agents/{name}/drain",
        "gives an agent's devices to others and lets it end",
    ),
    path("GET", "/api/v1/devices", "all devices"),
    path("GET", "/api/v1/devices/{name}", "one device"),
    path(
        "GET",
        "/api/v1/devices/{name}/output",
        "what its commands answer just now",
    ),
    path(
        "GET",
        "/api/v1/credentials",
        "all credentials and their breakers",
    ),
    path(
        "POST",
        "/api/v1/invites",
        "makes a token for an agent to join with",
    ),
    path(
        "POST",
        "/api/v1/agents/{name}/revoke",
        "takes an agent's certificates back and closes its links",
    ),
    path(
        "GET",
        "/api/v1/authorities",
        "whose certificates are believed",
    ),
    path(
        "POST",
        "/api/v1/authorities/rotate",
        "begins to replace the authority",
    ),
];

/// All routes.
pub fn router(web: Web) -> Router {
    Router::new()
        .route("/", get(landing::page))
        .route("/metrics", get(metrics::serve))
        .route("/probe", get(probe::serve))
        .route("/sd/agents", get(sd::agents))
        .route("/sd/devices", get(sd::devices))
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready))
        .route("/-/reload", post(reload).put(reload))
        .route("/api/v1", get(api::index))
        .route("/api/v1/", get(api::index))
        .route("/api/v1/status", get(api::status))
        .route("/api/v1/agents", get(api::agents))
        .route("/api/v1/agents/{name}/drain", post(api::drain))
        .route("/api/v1/devices", get(api::devices))
        // A name may hold slashes.
        .route("/api/v1/devices/{*name}", get(api::device))
        .route("/api/v1/credentials", get(api::credentials))
        .route("/api/v1/invites", post(api::trust::invite))
        .route("/api/v1/agents/{name}/revoke", post(api::trust::revoke))
        .route("/api/v1/authorities", get(api::trust::authorities))
        .route("/api/v1/authorities/rotate", post(api::trust::rotate))
        .fallback(unknown)
        .method_not_allowed_fallback(not_allowed)
        .with_state(web)
}

/// There is nothing at this path: says what there is.
async fn unknown(uri: Uri) -> Response {
    let path = uri.path();
    if is_api(path) {
        let error = format!("unknown path {path:?}; /api/v1 lists those that there are");
        return api::Problem::new(error).with(StatusCode::NOT_FOUND);
    }
    let mut text = String::from("404: there is nothing at this path. There is:\n\n");
    for PathInfo {
        method,
        path,
        about,
    } in PATHS
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
    let way = match PATHS.iter().find(|info| info.path == path) {
        Some(PathInfo { method: "POST", .. }) => "POST or PUT",
        _ => "GET",
    };
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
        let web = Web { state, reload };
        let status = healthy(Shared(web.clone())).await.status();
        assert_eq!(status, StatusCode::OK);
        drop(mailbox);
        let status = healthy(Shared(web)).await.status();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }
}
