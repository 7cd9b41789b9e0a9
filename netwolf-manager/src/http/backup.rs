//! `/api/v1/backup`: how backups of configurations stand, and one at once.

use axum::{
    Json,
    extract::State as Shared,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{Web, api::Problem};
use crate::backup::view::BackupView;

pub(super) async fn show(Shared(web): Shared<Web>) -> Json<BackupView> {
    Json(web.state.backup.view())
}

pub(super) async fn begin(Shared(web): Shared<Web>) -> Response {
    if web.state.backup.begin() {
        let view = web.state.backup.view();
        return (StatusCode::ACCEPTED, Json(view)).into_response();
    }
    Problem::new("no backup is configured")
        .hint("say where to with `backup: { folder: ... }` in netwolf.yml")
        .with(StatusCode::CONFLICT)
}
