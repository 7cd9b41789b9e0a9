//! The web port: metrics, health, reload, the API and a page that leads to them.
//!
//! | Path | |
//! |---|---|
//! | `/metrics` | [`metrics`]: text 0.0.4, or OpenMetrics where asked for; gzip |
//! | `/-/healthy` | 200 as soon as the program runs |
//! | `/-/ready` | 200 when devices have been placed; 503 with the reason before |
//! | `/-/reload` | POST or PUT: reads the configuration again; 500 with all faults when it has some |
//! | `/api/v1/devices`, `/api/v1/devices/{name}` | [`api`]: the fleet, one device |
//! | `/api/v1/agents`, `/api/v1/status` | [`api`]: the shards, totals |
//! | `/` | a plain page |
//!
//! Everything is read from the board and the series store; no request but a reload reaches the core.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};

use crate::{reload::ReloadHandle, state::State};

pub mod api;
mod landing;
pub mod metrics;
pub mod server;

/// What requests are answered from.
#[derive(Clone, Debug)]
pub struct Web {
    /// The shared parts.
    pub state: Arc<State>,
    /// The way to a reload.
    pub reload: ReloadHandle,
}

/// All routes.
pub fn router(web: Web) -> Router {
    Router::new()
        .route("/", get(landing::page))
        .route("/metrics", get(metrics::serve))
        .route(
            "/-/healthy",
            get(|| async { "NetWolf manager is healthy.\n" }),
        )
        .route("/-/ready", get(ready))
        .route("/-/reload", post(reload).put(reload))
        .route("/api/v1/status", get(api::status))
        .route("/api/v1/agents", get(api::agents))
        .route("/api/v1/devices", get(api::devices))
        // A name may hold slashes.
        .route("/api/v1/devices/{*name}", get(api::device))
        .with_state(web)
}

async fn ready(Shared(web): Shared<Web>) -> Response {
    match web.state.board.core().waits_for {
        None => "NetWolf manager is ready.\n".into_response(),
        Some(reason) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not ready: {reason}\n"),
        )
            .into_response(),
    }
}

async fn reload(Shared(web): Shared<Web>) -> Response {
    match web.reload.reload().await {
        Ok(summary) => format!("configuration reloaded: {summary}\n").into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
