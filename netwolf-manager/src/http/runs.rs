//! `/api/v1/runs` and `/api/v1/procedures`: automation.
//!
//! | Path | |
//! |---|---|
//! | `POST /api/v1/runs` | [`submit`]: takes a run in, or shows what it would do |
//! | `GET /api/v1/runs`, `/api/v1/runs/{id}` | [`list`], [`show`] |
//! | `GET /api/v1/runs/{id}/steps`, `.../steps/{device}` | [`steps`], [`step`]: with what was typed |
//! | `GET /api/v1/runs/{id}/events` | [`mod@events`]: news, as they come |
//! | `POST /api/v1/runs/{id}/cancel`, `pause`, `resume` | [`control`] |
//! | `POST /api/v1/runs/{id}/retry` | [`retry`]: a new run of what did not succeed |
//! | `POST /api/v1/runs/{id}/steps/{device}/settle` | [`settle`]: a person decides |
//! | `GET /api/v1/procedures`, `/api/v1/procedures/{name}` | [`procedures`], [`procedure`] |
//!
//! What is asked is read here, by [`super::asked`]; what it means is decided in [`crate::runs`].

use axum::{
    Extension, Json,
    extract::{Path, State as Shared},
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use netwolf_runs::{
    model::{RunState, StepState},
    submission::Submission,
};
use netwolf_wire::step::RunId;
use serde::{Deserialize, Serialize};

use super::{
    Web,
    api::Problem,
    asked::{Body, LARGEST, body, query, within},
    guard::Asker,
};
use crate::runs::{
    Control, Kind, Refusal,
    handle::{PAGE, Submitted},
    retrying, submitting,
};

pub(super) mod events;
mod procedures;

pub(super) use procedures::{procedure, procedures};

/// Runs or steps in an answer, where nobody says how many.
const LIMIT: usize = 100;

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self.kind {
            Kind::Bad => StatusCode::BAD_REQUEST,
            Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Full => StatusCode::INSUFFICIENT_STORAGE,
        };
        let problem = Problem {
            error: self.error,
            hint: self.hint,
        };
        problem.with(status)
    }
}

/// What a list of runs is asked for with.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Only runs in this state.
    state: Option<RunState>,
    /// So many at most.
    limit: Option<usize>,
    /// Only runs below this number.
    before: Option<u64>,
}

/// What a list of steps is asked for with.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepsQuery {
    /// Only steps in this state.
    state: Option<StepState>,
    /// So many at most.
    limit: Option<usize>,
    /// Only steps behind this one.
    after: Option<u32>,
}

/// The body of a retry.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RetryBody {
    /// Steps of which nobody knows whether they were carried out are carried out again.
    unknown: bool,
    /// A second retry with the same key is the same run.
    idempotency_key: Option<String>,
}

/// The body of a settlement.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettleBody {
    state: SettledState,
    #[serde(default)]
    comment: Option<String>,
}

/// What a person may decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SettledState {
    Succeeded,
    Failed,
}

/// How many entries a list is to have.
fn limit(asked: Option<usize>) -> Result<usize, Refusal> {
    Ok(within("limit", asked, 1..=PAGE)?.unwrap_or(LIMIT))
}

/// The number of a run in a path; each run has one path.
fn number(text: &str) -> Result<RunId, Refusal> {
    let id = text.parse().ok().filter(|RunId(id)| {
        let is_as_told = id.to_string() == text;
        is_as_told && (1..=LARGEST).contains(id)
    });
    id.ok_or_else(|| Refusal::no_run(format_args!("{text:?}")))
}

pub(super) async fn submit(
    Shared(web): Shared<Web>,
    Extension(asker): Extension<Asker>,
    bytes: Body,
) -> Result<Response, Refusal> {
    let submission: Submission = body(&bytes)?;
    match submitting::submit(&web.state, submission, asker).await? {
        submitting::Answer::Preview(preview) => Ok(Json(preview).into_response()),
        submitting::Answer::Run(submitted) => Ok(taken_in(*submitted)),
    }
}

/// The answer of a run that is new, or that is there already.
fn taken_in(submitted: Submitted) -> Response {
    let status = if submitted.was_there {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    (status, Json(submitted.run)).into_response()
}

pub(super) async fn list(Shared(web): Shared<Web>, uri: Uri) -> Result<Response, Refusal> {
    let asked: ListQuery = query(&uri)?;
    let before = within("before", asked.before, 1..=LARGEST)?.map(RunId);
    let runs = &web.state.runs;
    let page = runs.runs(asked.state, before, limit(asked.limit)?).await?;
    Ok(Json(page).into_response())
}

pub(super) async fn show(
    Shared(web): Shared<Web>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let run = web.state.runs.run(number(&id)?).await?;
    Ok(Json(run).into_response())
}

pub(super) async fn steps(
    Shared(web): Shared<Web>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let run = number(&id)?;
    let asked: StepsQuery = query(&uri)?;
    let runs = &web.state.runs;
    let page = runs
        .steps(run, asked.state, asked.after, limit(asked.limit)?)
        .await?;
    Ok(Json(page).into_response())
}

pub(super) async fn step(
    Shared(web): Shared<Web>,
    Path((id, device)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let transcript = web.state.runs.transcript(number(&id)?, &device).await?;
    Ok(Json(transcript).into_response())
}

pub(super) async fn cancel(
    web: Shared<Web>,
    asker: Extension<Asker>,
    path: Path<String>,
) -> Result<Response, Refusal> {
    control(web, asker, path, Control::Cancel).await
}

pub(super) async fn pause(
    web: Shared<Web>,
    asker: Extension<Asker>,
    path: Path<String>,
) -> Result<Response, Refusal> {
    control(web, asker, path, Control::Pause).await
}

pub(super) async fn resume(
    web: Shared<Web>,
    asker: Extension<Asker>,
    path: Path<String>,
) -> Result<Response, Refusal> {
    control(web, asker, path, Control::Resume).await
}

async fn control(
    Shared(web): Shared<Web>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    what: Control,
) -> Result<Response, Refusal> {
    let run = web.state.runs.control(number(&id)?, what, asker.name);
    Ok(Json(run.await?).into_response())
}

pub(super) async fn retry(
    Shared(web): Shared<Web>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
    bytes: Body,
) -> Result<Response, Refusal> {
    let run = number(&id)?;
    let RetryBody {
        unknown,
        idempotency_key: key,
    } = body(&bytes)?;
    let submitted = retrying::retry(&web.state, run, unknown, key, asker).await?;
    Ok(taken_in(submitted))
}

/// What is posted below a step: only `settle`. The name of a device may hold slashes.
pub(super) async fn settle(
    Shared(web): Shared<Web>,
    Extension(asker): Extension<Asker>,
    Path((id, rest)): Path<(String, String)>,
    bytes: Body,
) -> Result<Response, Refusal> {
    let run = number(&id)?;
    let Some(device) = rest.strip_suffix("/settle") else {
        let error =
            format!("nothing is done at a step but `/api/v1/runs/{run}/steps/{rest}/settle`");
        return Err(Refusal::new(Kind::NotFound, error));
    };
    let SettleBody { state, comment } = body(&bytes)?;
    let succeeded = state == SettledState::Succeeded;
    let runs = &web.state.runs;
    let step = runs
        .settle(run, device.into(), succeeded, comment, asker.name)
        .await?;
    Ok(Json(step).into_response())
}
