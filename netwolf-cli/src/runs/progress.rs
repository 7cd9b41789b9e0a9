//! How far a run has come: counted from what is told of its steps, and shown on one line. Pure: the time comes in.
//!
//! At first every step that is not pending is told, and then each that changes, so the steps make the counts; the run
//! is told on its own way, and what it counts is believed only when it has ended.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use super::answer::{RunView, StepView, is_over};

/// Signs of the bar.
const WIDTH: usize = 20;
/// No line is longer, so that no terminal breaks it.
const MAX_LINE: usize = 100;

/// The counts.
#[derive(Debug)]
pub(super) struct Progress {
    run: RunView,
    /// What was told last of each step; the others are pending.
    states: HashMap<u64, String>,
    /// How many of them are in each state.
    counts: BTreeMap<String, usize>,
}

impl Progress {
    pub(super) fn of(run: RunView) -> Self {
        Self {
            run,
            states: HashMap::new(),
            counts: BTreeMap::new(),
        }
    }

    /// The run was told.
    pub(super) fn run(&mut self, run: RunView) {
        self.run = run;
    }

    /// A step was told. Whether it is in another state than what was told before.
    pub(super) fn step(&mut self, step: &StepView) -> bool {
        let before = self.states.insert(step.step, step.state.clone());
        if before.as_ref() == Some(&step.state) {
            return false;
        }
        if let Some(count) = before.and_then(|before| self.counts.get_mut(&before)) {
            *count -= 1;
        }
        *self.counts.entry(step.state.clone()).or_default() += 1;
        true
    }

    pub(super) fn view(&self) -> &RunView {
        &self.run
    }

    fn counts(&self) -> &BTreeMap<String, usize> {
        if self.run.is_over() {
            &self.run.steps
        } else {
            &self.counts
        }
    }

    fn count(&self, state: &str) -> usize {
        self.counts().get(state).copied().unwrap_or_default()
    }

    fn done(&self) -> usize {
        let over = self.counts().iter().filter(|(state, _)| is_over(state));
        let done: usize = over.map(|(_, count)| count).sum();
        done.min(self.run.n_steps)
    }

    /// For a terminal.
    pub(super) fn bar(&self, elapsed: Duration) -> String {
        let (done, all) = (self.done(), self.run.n_steps);
        let full = (done * WIDTH).checked_div(all).unwrap_or(WIDTH);
        let bar = format!("[{:<WIDTH$}]", "=".repeat(full));
        let line = format!("{bar} {}", self.text(elapsed));
        line.chars().take(MAX_LINE).collect()
    }

    /// For a log.
    pub(super) fn text(&self, elapsed: Duration) -> String {
        let failed = self.count("failed") + self.count("timed_out");
        let mut parts = vec![
            format!("{} ok", self.count("succeeded")),
            format!("{failed} failed"),
            format!("{} unknown", self.count("unknown")),
        ];
        if self.count("cancelled") > 0 {
            parts.push(format!("{} cancelled", self.count("cancelled")));
        }
        parts.push(format!(
            "{} running",
            self.count("leased") + self.count("running")
        ));
        let RunView { state, n_steps, .. } = &self.run;
        let state = match (state.as_str(), &self.run.next_window) {
            ("running", _) => String::new(),
            ("waiting", Some(window)) => format!(", waiting until {window}"),
            (state, _) => format!(", {state}"),
        };
        format!(
            "{}/{n_steps}: {}, {}{state}",
            self.done(),
            parts.join(", "),
            clock(elapsed)
        )
    }
}

/// `12 s`, `3:07`, `1:00:07`.
fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes}:{:02}", seconds % 60),
        (hours, minutes) => format!("{hours}:{minutes:02}:{:02}", seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(state: &str, steps: &[(&str, usize)]) -> RunView {
        RunView {
            id: 1,
            state: state.into(),
            steps: steps
                .iter()
                .map(|(state, n)| ((*state).into(), *n))
                .collect(),
            n_steps: steps.iter().map(|(_, n)| n).sum(),
            ..RunView::default()
        }
    }

    fn step(step: u64, state: &str) -> StepView {
        StepView {
            step,
            state: state.into(),
            ..StepView::default()
        }
    }

    #[test]
    fn steps_move_from_count_to_count_and_the_run_has_the_last_word() {
        let mut progress = Progress::of(run("running", &[("pending", 40)]));
        let at = Duration::from_secs(12);
        assert!(progress.step(&step(0, "leased")));
        assert!(progress.step(&step(0, "running")));
        assert!(!progress.step(&step(0, "running")), "told twice");
        assert!(progress.step(&step(0, "succeeded")));
        assert!(progress.step(&step(1, "running")));
        assert!(progress.step(&step(1, "timed_out")));
        assert!(progress.step(&step(2, "running")));
        assert_eq!(
            progress.bar(at),
            "[=                   ] 2/40: 1 ok, 1 failed, 0 unknown, 1 running, 12 s"
        );
        // The run's own counts are told at another time than the steps'.
        progress.run(run("cancelling", &[("succeeded", 9), ("running", 31)]));
        assert_eq!(
            progress.text(at),
            "2/40: 1 ok, 1 failed, 0 unknown, 1 running, 12 s, cancelling"
        );
        let mut ended = run(
            "cancelled",
            &[("succeeded", 38), ("unknown", 1), ("cancelled", 1)],
        );
        ended.ended = Some("2026-01-01T00:00:00Z".into());
        progress.run(ended);
        assert_eq!(
            progress.bar(Duration::from_secs(187)),
            "[====================] 40/40: 38 ok, 0 failed, 1 unknown, 1 cancelled, 0 running, 3:07, cancelled"
        );
    }

    #[test]
    fn an_end_without_a_beginning_is_counted_once() {
        let mut progress = Progress::of(run("running", &[("pending", 2), ("running", 1)]));
        progress.step(&step(7, "succeeded"));
        progress.step(&step(8, "succeeded"));
        assert_eq!(
            progress.text(Duration::from_secs(3607)),
            "2/3: 2 ok, 0 failed, 0 unknown, 0 running, 1:00:07"
        );
    }

    #[test]
    fn a_run_that_waits_says_until_when() {
        let mut waiting = run("waiting", &[("pending", 1)]);
        waiting.next_window = Some("2026-01-01T22:00:00Z".into());
        let line = Progress::of(waiting).text(Duration::ZERO);
        assert!(
            line.ends_with("0 s, waiting until 2026-01-01T22:00:00Z"),
            "{line}"
        );
    }
}
