//! A run that has ended is tried anew: its steps that did not succeed, as a new run, judged by the configuration in
//! force, within what whoever asks may submit.

use std::sync::Arc;

use netwolf_runs::{
    model::{Run, Spec, Step, StepSpec},
    retry::{self, RetryError},
};
use netwolf_wire::step::RunId;

use super::{
    Kind, Refusal,
    book::Book,
    handle::Submitted,
    resolve::{Resolved, resolve_again},
    submitting::{check_key, may_change, may_choose, may_retry},
};
use crate::{access::Digest, http::guard::Asker, state::State};

/// Takes a new run in, of the steps of another one that did not succeed. Unknown ones are carried out again, and maybe
/// twice then, where `unknown` says so. With a `key` it is done once, however often it is asked for.
pub(crate) async fn retry(
    state: &Arc<State>,
    run: RunId,
    unknown: bool,
    key: Option<String>,
    asker: Asker,
) -> Result<Submitted, Refusal> {
    let body = Digest::of(&format!("retry of {run}, unknown {unknown}")).to_string();
    if let Some(key) = &key {
        check_key(key)?;
        if let Some(run) = state.runs.by_key(key, &body).await? {
            return Ok(Submitted {
                run,
                was_there: true,
            });
        }
    }
    let (run, steps) = state.runs.whole(run).await?;
    let (spec, steps) = run_of(&state.book.load(), &run, &steps, unknown, &asker)?;
    let spec = Spec {
        body_sha256: key.is_some().then_some(body),
        idempotency_key: key,
        ..spec
    };
    state.runs.submit(spec, steps).await
}

/// What a run comes to that is tried anew.
pub(super) fn run_of(
    book: &Book,
    run: &Run,
    steps: &[Step],
    unknown: bool,
    asker: &Asker,
) -> Result<(Spec, Vec<StepSpec>), Refusal> {
    may_change(asker, run.spec.changes, run.spec.procedure.is_some())?;
    let chosen = run.spec.programs.iter().any(|it| it.login.is_some());
    may_choose(asker, chosen && run.spec.procedure.is_none())?;
    let (spec, steps) =
        retry::retry(run, steps, unknown, &asker.name).map_err(|error| refuse(&error))?;
    let again = resolve_again(book, &spec, &steps)?;
    may_retry(book, asker, &spec, again.steps.len())?;
    let Resolved { programs, steps } = again;
    Ok((Spec { programs, ..spec }, steps))
}

fn refuse(error: &RetryError) -> Refusal {
    let text = error.to_string();
    match text.split_once("\n  hint: ") {
        Some((error, hint)) => Refusal::new(Kind::Conflict, error).hint(hint),
        None => Refusal::new(Kind::Conflict, text),
    }
}
