//! `/api/v1/backup`: how backups of configurations stand, and one at once.

use axum::{
    Json,
    extract::State as Shared,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::Web;
use crate::{
    backup::view::BackupView,
    runs::{Kind, Refusal},
};

pub(super) async fn show(Shared(web): Shared<Web>) -> Json<BackupView> {
    Json(web.state.backup.view())
}

pub(super) async fn begin(Shared(web): Shared<Web>) -> Result<Response, Refusal> {
    match web.state.backup.begin().await {
        Ok(view) => Ok((StatusCode::ACCEPTED, Json(view)).into_response()),
        // The request is as it should be: it is the configuration that does not go with it.
        Err(refusal) => Err(match refusal.kind {
            Kind::Bad | Kind::NotFound | Kind::Forbidden => Refusal {
                kind: Kind::Conflict,
                ..refusal
            },
            _ => refusal,
        }),
    }
}
