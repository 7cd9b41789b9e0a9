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
//! What is asked is read here and nowhere else; what it means is decided in [`crate::runs`].

use axum::{
    Extension, Json,
    body::Bytes,
    extract::{
        Path, Query, State as Shared,
        rejection::{BytesRejection, QueryRejection},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
};
use netwolf_runs::{
    model::{RunState, StepState},
    submission::Submission,
};
use netwolf_wire::step::RunId;
use serde::{Deserialize, de::DeserializeOwned};

use super::{Web, api::Problem, guard::Asker};
use crate::runs::{Control, Kind, Refusal, handle::Submitted, retrying, submitting};

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
    before: Option<RunId>,
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
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RetryBody {
    /// Steps of which nobody knows whether they were carried out are carried out again.
    unknown: bool,
    /// A second retry with the same key is the same run.
    idempotency_key: Option<String>,
}

/// The body of a settlement.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettleBody {
    state: SettledState,
    #[serde(default)]
    comment: Option<String>,
}

/// What a person may decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SettledState {
    Succeeded,
    Failed,
}

type Asked<T> = Result<Query<T>, QueryRejection>;

/// The body of a request, or why there is none: too long, or broken off.
type Body = Result<Bytes, BytesRejection>;

/// The parameters of a request.
fn query<T>(asked: Asked<T>) -> Result<T, Refusal> {
    match asked {
        Ok(Query(query)) => Ok(query),
        Err(rejection) => Err(Refusal::bad(rejection.body_text())),
    }
}

/// The body of a request; nothing is as good as `{}` where everything in it may be left out.
fn body<T: DeserializeOwned>(bytes: &Body) -> Result<T, Refusal> {
    let bytes = bytes.as_ref().map_err(|rejection| {
        Refusal::bad(format!(
            "the body did not come whole: {}",
            rejection.body_text()
        ))
        .hint("select many devices by `where`, or --where of `netwolf run`, and not by their names")
    })?;
    let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
    serde_json::from_slice(bytes).map_err(|error| {
        Refusal::bad(format!("the body cannot be read: {error}"))
            .hint("it is JSON; docs/api.md lists its keys, and /api/v1/openapi.json has its schema")
    })
}

/// The number of a run in a path.
fn number(text: &str) -> Result<RunId, Refusal> {
    text.parse()
        .map_err(|_| Refusal::no_run(format_args!("{text:?}")))
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

pub(super) async fn list(
    Shared(web): Shared<Web>,
    asked: Asked<ListQuery>,
) -> Result<Response, Refusal> {
    let ListQuery {
        state,
        limit,
        before,
    } = query(asked)?;
    let runs = &web.state.runs;
    let page = runs.runs(state, before, limit.unwrap_or(LIMIT)).await?;
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
    asked: Asked<StepsQuery>,
) -> Result<Response, Refusal> {
    let run = number(&id)?;
    let StepsQuery {
        state,
        limit,
        after,
    } = query(asked)?;
    let runs = &web.state.runs;
    let page = runs
        .steps(run, state, after, limit.unwrap_or(LIMIT))
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
