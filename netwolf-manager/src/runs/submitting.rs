//! A submission, from what was sent to a run that is taken in, or to what it would be.
//!
//! Order: the key (a run that is there already is the answer), the procedure, the devices, the judgement, and then
//! the journal. What is refused leaves nothing behind.

use std::sync::Arc;

use netwolf_runs::{
    model::Spec,
    procedure::{Fault, MAX_NAME, Procedure, raw::RawCommand},
    submission::Submission,
    view::{Preview, PreviewStep, Terms},
};
use netwolf_wire::unseen::unseen;

use super::{
    Kind, Refusal,
    book::{Book, Entry},
    handle::Submitted,
    resolve::{Resolved, resolve, select},
    words,
};
use crate::{
    access::{Digest, Role},
    config::suggest,
    http::guard::Asker,
    state::State,
};

mod narrowing;

pub(super) use narrowing::may_retry;

/// Bytes of an idempotency key.
pub const MAX_KEY: usize = 255;

/// Bytes of a comment, of a submission or a settlement: it stands with the run, in every list.
pub const MAX_COMMENT: usize = 4096;

/// What a submission is answered with.
pub(crate) enum Answer {
    /// What would be done.
    Preview(Preview),
    /// A run.
    Run(Box<Submitted>),
}

/// Takes a submission in.
pub(crate) async fn submit(
    state: &Arc<State>,
    submission: Submission,
    asker: Asker,
) -> Result<Answer, Refusal> {
    check_texts(&submission)?;
    let body = digest(&submission);
    if let Some(key) = submission
        .idempotency_key
        .as_ref()
        .filter(|_| !submission.preview)
        && let Some(run) = state.runs.by_key(key, &body).await?
    {
        return Ok(Answer::Run(Box::new(Submitted {
            run,
            was_there: true,
        })));
    }
    let (book, preview) = (state.book.load_full(), submission.preview);
    // Fifty thousand devices are looked at, and that takes a while.
    let resolving = move || run_of(&book, &submission, &asker, body);
    let resolved = tokio::task::spawn_blocking(resolving).await;
    let (spec, steps) = resolved.map_err(|_| Refusal::ending())??;
    if preview {
        return Ok(Answer::Preview(preview_of(&spec, &steps)));
    }
    let submitted = state.runs.submit(spec, steps).await?;
    Ok(Answer::Run(Box::new(submitted)))
}

/// The procedure of that name.
pub(crate) fn find<'a>(book: &'a Book, name: &str) -> Result<&'a Entry, Refusal> {
    let procedures = &book.prepared.procedures;
    let known = procedures.keys().map(String::as_str);
    procedures.get(name).map(|entry| &**entry).ok_or_else(|| {
        Refusal::new(Kind::NotFound, format!("unknown procedure {name:?}"))
            .maybe_hint(suggest::hint(name, "procedures", known))
    })
}

/// Why a procedure could not be run on a device, if it could not.
pub(crate) fn obstacle(
    book: &Book,
    procedure: &str,
    device: &str,
    asker: &Asker,
) -> Option<Refusal> {
    let submission = Submission {
        procedure: Some(procedure.to_owned()),
        devices: vec![device.to_owned()],
        ..Submission::default()
    };
    run_of(book, &submission, asker, String::new()).err()
}

/// What was asked for, in a form in which the same is the same.
fn digest(submission: &Submission) -> String {
    let text = serde_json::to_string(submission).unwrap_or_default();
    Digest::of(&text).to_string()
}

/// Whether an idempotency key may be one.
pub(super) fn check_key(key: &str) -> Result<(), Refusal> {
    if key.is_empty() || key.len() > MAX_KEY || unseen(key).is_some() {
        return Err(Refusal::bad(format!(
            "the idempotency key is empty, longer than {MAX_KEY} bytes, or has control or invisible characters in it"
        ))
        .hint("take a random one, such as a UUID"));
    }
    Ok(())
}

/// Whether a text for people may be one: it is shown in lists, on terminals, and in the audit log.
pub(super) fn check_text(what: &str, text: Option<&str>, most: usize) -> Result<(), Refusal> {
    let Some(text) = text else {
        return Ok(());
    };
    if text.len() > most {
        let length = text.len();
        return Err(Refusal::bad(format!(
            "the {what} has {length} bytes, and may have {most}"
        )));
    }
    if let Some(unseen) = unseen(text) {
        return Err(Refusal::bad(format!("the {what} has {unseen}")).hint(unseen.hint()));
    }
    Ok(())
}

fn check_texts(submission: &Submission) -> Result<(), Refusal> {
    if let Some(key) = &submission.idempotency_key {
        check_key(key)?;
    }
    check_text("name", submission.name.as_deref(), MAX_NAME)?;
    check_text("comment", submission.comment.as_deref(), MAX_COMMENT)
}

/// All faults of a procedure in one answer. A name that was made of the first command has that one's faults.
fn faulty(submission: &Submission, mut faults: Vec<Fault>) -> Refusal {
    if submission.name.is_none() && faults.iter().any(|fault| fault.key != "name") {
        faults.retain(|fault| fault.key != "name");
    }
    let said = |fault: &Fault| match fault.key.as_str() {
        "" => fault.message.clone(),
        key => format!("{}: {}", words::key(key), fault.message),
    };
    let all: Vec<_> = faults.iter().map(said).collect();
    let hint = faults.iter().find_map(|fault| fault.hint.clone());
    Refusal::bad(all.join("; ")).maybe_hint(hint)
}

/// What a submission means.
pub(super) fn run_of(
    book: &Book,
    submission: &Submission,
    asker: &Asker,
    body_sha256: String,
) -> Result<(Spec, Vec<netwolf_runs::model::StepSpec>), Refusal> {
    let named = match &submission.procedure {
        Some(name) => Some(find(book, name)?),
        None => None,
    };
    let procedure = Procedure::submitted(submission, named.map(|entry| &entry.procedure))
        .map_err(|faults| faulty(submission, faults))?;
    may_change(asker, procedure.changes, named.is_some())?;
    let selected = select(&book.inventory, submission)?;
    if let Some(entry) = named.filter(|_| procedure.changes && asker.role < Role::Admin) {
        let n_steps = u32::try_from(selected.len()).unwrap_or(u32::MAX);
        let bounds = narrowing::Bounds {
            rollout: procedure.rollout,
            window: procedure.window.as_ref(),
            guards: &procedure.guards,
        };
        narrowing::narrows(bounds, &entry.procedure, n_steps)?;
    }
    let Resolved { programs, steps } = resolve(book, &procedure, &selected)?;
    let has_own_login = programs.iter().any(|program| program.login.is_some());
    may_choose(asker, named.is_none() && has_own_login)?;
    let spec = Spec {
        name: procedure.name,
        procedure: submission.procedure.clone(),
        requester: asker.name.clone(),
        comment: submission.comment.clone(),
        changes: procedure.changes,
        programs,
        rollout: procedure.rollout,
        run_deadline: procedure.run_deadline,
        window: procedure.window,
        guards: procedure.guards,
        idempotency_key: submission.idempotency_key.clone(),
        body_sha256: Some(body_sha256),
        retry_of: None,
    };
    Ok((spec, steps))
}

/// Whether somebody may change devices: what is prepared may be run by whoever operates, and other commands only by
/// whoever may prepare them.
pub(super) fn may_change(asker: &Asker, changes: bool, is_prepared: bool) -> Result<(), Refusal> {
    if !changes || is_prepared || asker.role >= Role::Admin {
        return Ok(());
    }
    Err(Refusal::new(
        Kind::Forbidden,
        "commands of one's own that change devices take a token with the role \"admin\"",
    )
    .hint("prepare them as a procedure of the configuration, which the role \"operate\" may run"))
}

/// Whether somebody may choose the credential: one that is made for changes may read what that of monitoring may not.
pub(super) fn may_choose(asker: &Asker, chosen: bool) -> Result<(), Refusal> {
    if !chosen || asker.role >= Role::Admin {
        return Ok(());
    }
    Err(Refusal::new(
        Kind::Forbidden,
        "a credential of one's own choice takes a token with the role \"admin\"",
    )
    .hint("leave it out, or name it in a procedure of the configuration, which the role \"operate\" may run"))
}

/// What a run would do.
fn preview_of(spec: &Spec, steps: &[netwolf_runs::model::StepSpec]) -> Preview {
    let n_steps = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    let shown = (0..).zip(steps).map(|(no, step)| {
        let program = spec.program(step);
        let commands = program.commands.iter();
        PreviewStep {
            device: step.device.clone(),
            platform: step.platform.to_string(),
            batch: spec.rollout.batch_of(no, n_steps),
            mode: program.mode.clone(),
            commands: commands.map(RawCommand::from).collect(),
            verify: program.verify.as_ref().map(RawCommand::from),
            credential: step.credential.to_string(),
            deadline: program.deadline,
        }
    });
    Preview {
        steps: shown.collect(),
        changes: spec.changes,
        batches: spec.rollout.batches(n_steps),
        terms: Terms::from(spec),
    }
}

#[cfg(test)]
mod tests;
