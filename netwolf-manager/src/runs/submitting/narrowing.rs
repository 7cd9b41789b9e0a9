//! How far a submission may depart from the procedure that it names.
//!
//! Whoever prepares a procedure that changes devices bounds what one mistake can do by its canary, its batches, its
//! stop rule, its window. Those are worth nothing if whoever runs it may set them aside.
//!
//! Invariant: below the role `admin`, what begins together and what may fail is never more than the procedure allows.

use netwolf_runs::{
    procedure::raw::{RawProcedure, RawRollout},
    rollout::Amount,
    submission::Submission,
};

use super::super::{Kind, Refusal, words};

/// Whether a submission for so many devices only narrows what its procedure bounds.
pub(super) fn narrows(
    submission: &Submission,
    procedure: &RawProcedure,
    n_steps: u32,
) -> Result<(), Refusal> {
    let mut faults = Vec::new();
    if let (Some(asked), Some(written)) = (&submission.window, &procedure.window)
        && asked != written
    {
        faults.push(format!("its {} is another one", words::key("window")));
    }
    if let (Some(asked), Some(written)) = (submission.rollout, procedure.rollout) {
        faults.extend(loosened(asked, written, n_steps));
    }
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

/// Keys of a rollout that ask for more than is written.
fn loosened(asked: RawRollout, written: RawRollout, n_steps: u32) -> Vec<String> {
    let mut faults = Vec::new();
    if let Some(canary) = asked.canary {
        let least = written.canary.unwrap_or(0);
        // The canary is a batch, too: one of all devices would be no canary.
        let batch = written.batch.map(|batch| batch.of(n_steps));
        let most = match (least, batch) {
            (0, None) => u32::MAX,
            (least, batch) => least.max(batch.unwrap_or(0)),
        };
        let key = words::key("rollout.canary");
        if canary < least {
            faults.push(format!("{key} is {canary} and may not be below {least}"));
        } else if canary > most {
            faults.push(format!("{key} is {canary} and may not be above {most}"));
        }
    }
    let amounts = [
        ("batch", asked.batch, written.batch),
        ("stop_after", asked.stop_after, written.stop_after),
    ];
    let counts = [
        ("per_site", asked.per_site, written.per_site),
        ("in_flight", asked.in_flight, written.in_flight),
    ]
    .map(|(key, asked, written)| (key, asked.map(Amount::Count), written.map(Amount::Count)));
    for (key, asked, written) in amounts.into_iter().chain(counts) {
        if let (Some(asked), Some(written)) = (asked, written)
            && asked.of(n_steps) > written.of(n_steps)
        {
            let key = words::key(&format!("rollout.{key}"));
            faults.push(format!("{key} is {asked} and may not be above {written}"));
        }
    }
    faults
}
