//! What the manager tells of runs and steps, as far as we look into it. A later manager may tell more. Pure.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

/// A run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct RunView {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) changes: bool,
    /// When its first step was sent.
    pub(crate) started: Option<String>,
    /// When it ended; none while it goes on.
    pub(crate) ended: Option<String>,
    /// Steps by their state.
    pub(crate) steps: BTreeMap<String, usize>,
    pub(crate) n_steps: usize,
    pub(crate) stopped_by: Option<String>,
    pub(crate) next_window: Option<String>,
}

impl RunView {
    /// Reads an answer.
    ///
    /// # Errors
    /// When it tells of no run.
    pub(crate) fn read(answer: &Value) -> anyhow::Result<Self> {
        let run: Self =
            serde_json::from_value(answer.clone()).context("the manager told of no run")?;
        anyhow::ensure!(run.id > 0, "the manager told of no run");
        Ok(run)
    }

    /// Whether nothing more happens to it.
    pub(crate) fn is_over(&self) -> bool {
        self.ended.is_some()
            || ["succeeded", "failed", "cancelled", "unknown"].contains(&self.state.as_str())
    }

    /// From the first step to the end of the last.
    pub(crate) fn took(&self) -> Option<Duration> {
        between(self.started.as_deref(), self.ended.as_deref())
    }

    /// Whether every step succeeded.
    pub(crate) fn has_succeeded(&self) -> bool {
        self.state == "succeeded" && self.in_state("succeeded") == self.n_steps
    }

    /// How many steps are in a state.
    pub(crate) fn in_state(&self, state: &str) -> usize {
        self.steps.get(state).copied().unwrap_or_default()
    }

    /// How many steps it has.
    pub(crate) const fn count(&self) -> usize {
        self.n_steps
    }

    /// How many steps a retry would have.
    pub(crate) fn to_retry(&self, with_unknown: bool) -> usize {
        let again = ["failed", "timed_out", "cancelled"].map(|state| self.in_state(state));
        let unknown = usize::from(with_unknown) * self.in_state("unknown");
        again.iter().sum::<usize>() + unknown
    }

    /// Whether it can be tried anew, as the manager would say it, so that nobody agrees to nothing.
    ///
    /// # Errors
    /// It has not ended, or has no step for a retry.
    pub(crate) fn check_retry(&self, with_unknown: bool) -> anyhow::Result<()> {
        let Self { id, state, .. } = self;
        anyhow::ensure!(
            self.is_over(),
            "run {id} is {state}\n  hint: wait for its end, or cancel it"
        );
        if self.to_retry(with_unknown) > 0 {
            return Ok(());
        }
        anyhow::ensure!(
            self.in_state("unknown") == 0,
            "run {id} has only unknown steps to try anew, which may have been carried out\n  \
             hint: settle them with `netwolf runs settle`, or take them, too, by --unknown"
        );
        anyhow::bail!("run {id} has no step that failed, was cancelled or was not done in time")
    }
}

/// A step.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct StepView {
    pub(crate) step: u64,
    pub(crate) device: String,
    pub(crate) platform: String,
    pub(crate) state: String,
    pub(crate) started: Option<String>,
    pub(crate) ended: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) hint: Option<String>,
    /// What came, where it was asked for.
    pub(crate) transcript: Vec<Entry>,
}

impl StepView {
    /// Whether the step has an end that only evidence could change.
    pub(crate) fn is_over(&self) -> bool {
        is_over(&self.state)
    }

    /// From the first key to the end.
    pub(crate) fn took(&self) -> Option<Duration> {
        between(self.started.as_deref(), self.ended.as_deref())
    }

    /// The first line that says something, of the first output that has one.
    pub(crate) fn first_line(&self) -> &str {
        let mut lines = self
            .transcript
            .iter()
            .flat_map(|entry| entry.output.lines());
        lines
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default()
    }
}

/// The time between two moments as they are told.
fn between(from: Option<&str>, to: Option<&str>) -> Option<Duration> {
    let time = |text: &str| humantime::parse_rfc3339(text).ok();
    time(to?)?.duration_since(time(from?)?).ok()
}

/// Whether a state of a step is an end.
pub(crate) fn is_over(state: &str) -> bool {
    ["succeeded", "failed", "timed_out", "cancelled", "unknown"].contains(&state)
}

/// One command of a step with its output.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Entry {
    pub(crate) command: String,
    pub(crate) output: String,
    pub(crate) truncated: bool,
    /// It was run to see whether the others had worked.
    pub(crate) verify: bool,
    /// Which of the commands it is, from 0.
    pub(crate) index: u32,
    /// From the first key to the prompt.
    pub(crate) took_seconds: Option<f64>,
    /// Why it does not count.
    failure: Value,
}

impl Entry {
    /// Why its output does not count, in words.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure
            .as_str()
            .or_else(|| self.failure["message"].as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_cannot_be_tried_anew_says_why() {
        let why = |state: &str, steps: &[(&str, usize)], with_unknown| {
            let steps = steps.iter().map(|(state, n)| ((*state).to_owned(), *n));
            let run = RunView {
                id: 5,
                state: state.into(),
                steps: steps.collect(),
                ..RunView::default()
            };
            run.check_retry(with_unknown).map_err(|why| why.to_string())
        };
        let done = why("succeeded", &[("succeeded", 2)], true).unwrap_err();
        assert_eq!(
            done,
            "run 5 has no step that failed, was cancelled or was not done in time"
        );
        let running = why("running", &[("failed", 1)], true).unwrap_err();
        assert!(
            running.starts_with("run 5 is running\n  hint: "),
            "{running}"
        );
        let unknown = why("unknown", &[("unknown", 1)], false).unwrap_err();
        assert!(unknown.contains("only unknown steps"), "{unknown}");
        assert_eq!(why("unknown", &[("unknown", 1)], true), Ok(()));
        assert_eq!(why("failed", &[("cancelled", 1)], false), Ok(()));
    }

    #[test]
    fn an_answer_of_a_later_manager_is_understood() {
        let run = RunView::read(&serde_json::json!({
            "id": 17, "name": "ntp", "state": "failed", "changes": true, "new": [1], "ended": "2026-01-01T00:00:00Z",
            "steps": { "pending": 0, "succeeded": 2, "failed": 1, "timed_out": 2, "unknown": 3, "melted": 1 },
            "n_steps": 9, "procedure": null, "next_window": null,
        }))
        .unwrap();
        assert!(run.is_over() && !run.has_succeeded());
        assert_eq!((run.to_retry(false), run.to_retry(true)), (3, 6));
        for bad in [serde_json::json!({}), serde_json::json!([]), Value::Null] {
            assert!(RunView::read(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_step_tells_its_time_and_first_line() {
        let step: StepView = serde_json::from_value(serde_json::json!({
            "device": "r1", "state": "succeeded", "started": "2026-01-01T00:00:00.500Z",
            "ended": "2026-01-01T00:00:02Z",
            "transcript": [
                { "command": "configure", "output": "\n", "failure": null },
                { "command": "x", "output": "\n \nhello\nworld", "failure": { "message": "no" } },
            ],
        }))
        .unwrap();
        assert_eq!(step.took(), Some(Duration::from_millis(1500)));
        assert_eq!(step.first_line(), "hello");
        assert_eq!(step.transcript[0].failure(), None);
        assert_eq!(step.transcript[1].failure(), Some("no"));
        assert_eq!(StepView::default().took(), None);
    }

    /// Our reading is looser than the manager's writing, so that a later one is understood; it must not be blind to
    /// what is written today.
    #[test]
    fn what_a_manager_of_this_version_writes_is_read_whole() {
        use netwolf_runs::model::{RunState, StepState};
        use netwolf_runs::view;

        let mut told = serde_json::json!({
            "id": 17, "procedure": "ntp", "name": "ntp", "state": "stopped", "changes": true, "requester": "ann",
            "comment": null, "created": "2026-01-01T00:00:00.000Z", "started": null,
            "ended": "2026-01-01T00:00:03.000Z", "deadline": "2026-01-01T01:00:00.000Z",
            "steps": { "pending": 1, "leased": 2, "running": 3, "succeeded": 4, "failed": 5, "timed_out": 6,
                       "cancelled": 7, "unknown": 8 },
            "n_steps": 36, "batch": 1, "batches": 2, "stopped_by": "a guard", "cancelled_by": null,
            "retry_of": 3, "next_window": "2026-01-01T22:00:00.000Z",
        });
        let typed: view::RunView = serde_json::from_value(told.clone()).unwrap();
        assert_eq!(
            serde_json::to_value(&typed).unwrap(),
            told,
            "as the manager writes it"
        );
        let read = RunView::read(&told).unwrap();
        assert_eq!((read.n_steps, read.in_state("timed_out")), (36, 6));
        assert_eq!(read.stopped_by.as_deref(), Some("a guard"));
        assert_eq!(
            read.next_window.as_deref(),
            Some("2026-01-01T22:00:00.000Z")
        );
        told["ended"] = Value::Null;
        for state in RunState::ALL {
            told["state"] = state.as_str().into();
            assert_eq!(
                RunView::read(&told).unwrap().is_over(),
                state.is_end(),
                "{state}"
            );
        }
        for state in StepState::ALL {
            assert_eq!(is_over(state.as_str()), state.is_end(), "{state}");
        }
    }
}
