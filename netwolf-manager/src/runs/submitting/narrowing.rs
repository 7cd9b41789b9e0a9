//! How far a run may depart from the procedure that it names.
//!
//! Whoever prepares a procedure that changes devices bounds what one mistake can do by its canary, its batches, its
//! stop rule, its window. Those are worth nothing if whoever runs it may set them aside, or may have done anew what
//! somebody else has set them aside for.
//!
//! Invariants, below the role `admin`: what begins together and what may fail is never more than the procedure allows,
//! as it is prepared now; what is tried anew is what a submission could ask for.

use netwolf_runs::{
    model::{Guard, Program, Spec},
    procedure::Procedure,
    rollout::{Amount, Rollout},
    window::Window,
};

use super::super::{Kind, Refusal, book::Book, words};
use crate::{access::Role, http::guard::Asker};

/// What bounds a run.
#[derive(Clone, Copy)]
pub(super) struct Bounds<'a> {
    pub(super) rollout: Rollout,
    pub(super) window: Option<&'a Window>,
    pub(super) guards: &'a [Guard],
}

/// Whether somebody may have a run tried anew on so many devices: of a procedure that changes, or that logs in with a
/// credential of its own, only what it is now, within what it bounds now.
pub(in super::super) fn may_retry(
    book: &Book,
    asker: &Asker,
    spec: &Spec,
    n_steps: usize,
) -> Result<(), Refusal> {
    let (Some(name), true) = (&spec.procedure, asker.role < Role::Admin) else {
        return Ok(());
    };
    let logs_in = spec.programs.iter().any(|program| program.login.is_some());
    if !spec.changes && !logs_in {
        return Ok(());
    }
    let prepared = book.prepared.procedures.get(name);
    let procedure = prepared.map(|entry| &entry.procedure);
    let is_same = |procedure: &&Procedure| {
        let mut programs = spec.programs.iter();
        procedure.changes == spec.changes && programs.all(|program| is_of(program, procedure))
    };
    let Some(procedure) = procedure.filter(is_same) else {
        return Err(Refusal::new(
            Kind::Forbidden,
            format!("the run did what the procedure {name:?} is not any more"),
        )
        .hint("submit a new run, or take a token with the role \"admin\""));
    };
    if !spec.changes {
        return Ok(());
    }
    let bounds = Bounds {
        rollout: spec.rollout,
        window: spec.window.as_ref(),
        guards: &spec.guards,
    };
    narrows(bounds, procedure, u32::try_from(n_steps).unwrap_or(u32::MAX)).map_err(|refusal| {
        refusal.hint("submit a new run, or take a token with the role \"admin\", which may loosen what is prepared")
    })
}

/// Whether a program is what a procedure has for its platform. How long a step may take is not bounded by it.
fn is_of(program: &Program, procedure: &Procedure) -> bool {
    let login = program.login.as_ref().map(|login| &login.credential);
    let has_login = login.is_none() || login == procedure.credential.as_ref();
    has_login
        && procedure.actions(&program.platform).is_some_and(|actions| {
            (&actions.mode, &actions.commands, &actions.verify)
                == (&program.mode, &program.commands, &program.verify)
        })
}

/// Whether what bounds a run on so many devices only narrows what its procedure says.
pub(super) fn narrows(
    asked: Bounds<'_>,
    procedure: &Procedure,
    n_steps: u32,
) -> Result<(), Refusal> {
    let mut faults = Vec::new();
    if let Some(written) = &procedure.window
        && asked.window != Some(written)
    {
        faults.push(format!("its {} is another one", words::key("window")));
    }
    if !procedure
        .guards
        .iter()
        .all(|guard| asked.guards.contains(guard))
    {
        faults.push(format!(
            "its {} lack one of the procedure",
            words::key("guards")
        ));
    }
    faults.extend(loosened(asked.rollout, procedure, n_steps));
    if faults.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(
        Kind::Forbidden,
        format!(
            "what the procedure bounds may only be narrowed: {}",
            faults.join("; ")
        ),
    )
    .hint(
        "leave it out, or take a token with the role \"admin\", which may loosen what is prepared",
    ))
}

/// Keys of a rollout that ask for more than is written. More than all of so few steps is no more than all.
fn loosened(asked: Rollout, procedure: &Procedure, n_steps: u32) -> Vec<String> {
    let Some(written) = procedure.raw().rollout else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    let least = written.canary.unwrap_or(0);
    // The canary is a batch, too: one of all devices would be no canary.
    let batch = written.batch.map(|batch| batch.of(n_steps));
    let most = match (least, batch) {
        (0, None) => u32::MAX,
        (least, batch) => least.max(batch.unwrap_or(0)),
    };
    let canary = asked.canary;
    let key = words::key("rollout.canary");
    if canary < least {
        faults.push(format!("{key} is {canary} and may not be below {least}"));
    } else if canary.min(n_steps) > most {
        faults.push(format!("{key} is {canary} and may not be above {most}"));
    }
    let count = |count: Option<u32>| count.map(Amount::Count);
    let amounts = [
        ("batch", asked.batch, written.batch, n_steps),
        ("stop_after", asked.stop_after, written.stop_after, n_steps),
        (
            "per_site",
            count(asked.per_site),
            count(written.per_site),
            u32::MAX,
        ),
        (
            "in_flight",
            Some(Amount::Count(asked.in_flight)),
            count(written.in_flight),
            u32::MAX,
        ),
    ];
    for (key, asked, written, all) in amounts {
        let Some(written) = written else {
            continue;
        };
        let key = words::key(&format!("rollout.{key}"));
        match asked {
            None => faults.push(format!("{key} is not there and may not be above {written}")),
            Some(asked) if asked.of(n_steps).min(all) > written.of(n_steps) => {
                faults.push(format!("{key} is {asked} and may not be above {written}"));
            }
            Some(_) => {}
        }
    }
    faults
}
