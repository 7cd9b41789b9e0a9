//! A run's steps that did not succeed, as a new run.

use netwolf_wire::step::RunId;
use thiserror::Error;

use crate::model::{Run, RunState, Spec, Step, StepSpec, StepState};

/// Why a run is not tried anew.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RetryError {
    /// Its steps may still succeed.
    #[error("run {run} is {state}\n  hint: wait for its end, or cancel it")]
    NotEnded {
        /// The run.
        run: RunId,
        /// Where it stands.
        state: RunState,
    },
    /// All have succeeded.
    #[error("run {0} has no step that failed, was cancelled or was not done in time")]
    Nothing(RunId),
    /// All others are unknown.
    #[error(
        "run {0} has only unknown steps to try anew, which may have been carried out\n  hint: settle them with `netwolf runs settle`, or take them, too, by `unknown`, or --unknown of `netwolf runs retry`"
    )]
    OnlyUnknown(RunId),
}

/// What a new run does that takes the failed, timed out and cancelled steps of one that has ended, and its unknown
/// ones only where somebody who knows the commands says so: they may be carried out twice then.
///
/// # Errors
/// When the run has not ended, or there is nothing to try.
pub fn retry<'a>(
    run: &Run,
    steps: impl IntoIterator<Item = &'a Step>,
    unknown: bool,
    requester: &str,
) -> Result<(Spec, Vec<StepSpec>), RetryError> {
    let state = run.status.state;
    if !state.is_end() {
        return Err(RetryError::NotEnded { run: run.id, state });
    }
    let again: Vec<_> = steps
        .into_iter()
        .filter(|step| match step.status.state {
            StepState::Failed | StepState::TimedOut | StepState::Cancelled => true,
            StepState::Unknown => unknown,
            StepState::Pending | StepState::Leased | StepState::Running | StepState::Succeeded => {
                false
            }
        })
        .map(|step| step.spec.clone())
        .collect();
    if again.is_empty() {
        return Err(if run.status.counts.unknown > 0 {
            RetryError::OnlyUnknown(run.id)
        } else {
            RetryError::Nothing(run.id)
        });
    }
    let spec = Spec {
        requester: requester.to_owned(),
        idempotency_key: None,
        body_sha256: None,
        retry_of: Some(run.id),
        ..(*run.spec).clone()
    };
    Ok((spec, again))
}

#[cfg(test)]
mod tests {
    use netwolf_wire::{DeviceName, Span};

    use super::*;
    use crate::rollout::Rollout;

    fn ended(states: &[StepState]) -> (Run, Vec<Step>) {
        let spec = Spec {
            name: "ntp".into(),
            procedure: None,
            requester: "anna".into(),
            comment: None,
            changes: false,
            programs: Vec::new(),
            rollout: Rollout::default(),
            run_deadline: Span::from_secs(60),
            window: None,
            guards: Vec::new(),
            idempotency_key: Some("monday".into()),
            body_sha256: None,
            retry_of: None,
        };
        let steps = (0..states.len()).map(|number| StepSpec {
            device: DeviceName::new(&format!("sw-{number}")).unwrap(),
            platform: "cisco_ios".into(),
            site: None,
            program: 0,
            credential: "monitoring".into(),
        });
        let (mut run, mut steps) = Run::plan(RunId(7), spec, steps.collect(), 0);
        for (step, state) in steps.iter_mut().zip(states) {
            step.status.state = *state;
        }
        run.status.counts = states.iter().copied().collect();
        run.status.state = RunState::Failed;
        (run, steps)
    }

    fn devices(steps: &[StepSpec]) -> Vec<&str> {
        steps.iter().map(|step| step.device.as_str()).collect()
    }

    #[test]
    fn what_did_not_succeed_is_tried_anew_and_unknown_only_when_asked_for() {
        let (run, steps) = ended(&[
            StepState::Succeeded,
            StepState::Failed,
            StepState::TimedOut,
            StepState::Cancelled,
            StepState::Unknown,
        ]);
        let (spec, again) = retry(&run, &steps, false, "bert").unwrap();
        assert_eq!(devices(&again), ["sw-1", "sw-2", "sw-3"]);
        assert_eq!(
            (spec.requester.as_str(), spec.retry_of),
            ("bert", Some(RunId(7)))
        );
        assert_eq!(spec.idempotency_key, None, "it is another run");
        let (_, again) = retry(&run, &steps, true, "bert").unwrap();
        assert_eq!(devices(&again), ["sw-1", "sw-2", "sw-3", "sw-4"]);
    }

    #[test]
    fn there_may_be_nothing_to_try() {
        let (run, steps) = ended(&[StepState::Succeeded]);
        assert_eq!(
            retry(&run, &steps, true, "bert"),
            Err(RetryError::Nothing(RunId(7)))
        );
        let (run, steps) = ended(&[StepState::Unknown]);
        assert_eq!(
            retry(&run, &steps, false, "bert"),
            Err(RetryError::OnlyUnknown(RunId(7)))
        );
        let (mut run, steps) = ended(&[StepState::Failed]);
        run.status.state = RunState::Paused;
        let refused = retry(&run, &steps, false, "bert").unwrap_err();
        assert!(
            refused.to_string().starts_with("run 7 is paused"),
            "{refused}"
        );
    }
}
