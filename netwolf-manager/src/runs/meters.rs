//! What is counted of runs, their journal and their audit log.

use std::{fmt, time::Duration};

use netwolf_runs::{
    machine::BrokenBy,
    model::{Counts, RunState, StepState},
};
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// Upper bounds of the histogram of steps, in seconds: from a command that is answered at once to the longest
/// deadline of a step.
const STEP_BUCKETS: [f64; 10] = [0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0];

/// Upper bounds of the histogram of commits, in seconds: from memory that a battery keeps to a disk that hangs.
const FSYNC_BUCKETS: [f64; 9] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Word(&'static str);

impl EncodeLabelValue for Word {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> Result<(), fmt::Error> {
        self.0.encode(encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByLabel {
    by: Word,
}

fn label(state: &'static str) -> StateLabel {
    StateLabel { state: Word(state) }
}

/// The families of runs; cheap to clone.
#[derive(Clone, Debug)]
pub struct Meters {
    runs: Family<StateLabel, Gauge>,
    ended_runs: Family<StateLabel, Counter>,
    steps: Family<StateLabel, Gauge>,
    ended_steps: Family<StateLabel, Counter>,
    step_seconds: Histogram,
    fsync_seconds: Histogram,
    journal_bytes: Gauge,
    journal_failing: Gauge,
    /// Transactions of the journal.
    pub commits: Counter,
    /// Lines of the audit log.
    pub audit_records: Counter,
    guards_broken: Family<ByLabel, Counter>,
    /// Events of steps that are not, or no more, what the journal has.
    pub stale_events: Counter,
}

impl Default for Meters {
    fn default() -> Self {
        let this = Self {
            runs: Family::default(),
            ended_runs: Family::default(),
            steps: Family::default(),
            ended_steps: Family::default(),
            step_seconds: Histogram::new(STEP_BUCKETS),
            fsync_seconds: Histogram::new(FSYNC_BUCKETS),
            journal_bytes: Gauge::default(),
            journal_failing: Gauge::default(),
            commits: Counter::default(),
            audit_records: Counter::default(),
            guards_broken: Family::default(),
            stale_events: Counter::default(),
        };
        // So that a first one is an increase and not a new series.
        for state in RunState::ALL {
            if state.is_end() {
                drop(this.ended_runs.get_or_create(&label(state.as_str())));
            } else {
                drop(this.runs.get_or_create(&label(state.as_str())));
            }
        }
        for state in StepState::ALL {
            drop(this.steps.get_or_create(&label(state.as_str())));
            if state.is_end() {
                drop(this.ended_steps.get_or_create(&label(state.as_str())));
            }
        }
        for by in BrokenBy::ALL {
            let by = Word(by.as_str());
            drop(this.guards_broken.get_or_create(&ByLabel { by }));
        }
        this
    }
}

impl Meters {
    /// Registers all.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "netwolf_runs",
            "Runs that have not ended, by state",
            self.runs.clone(),
        );
        registry.register(
            "netwolf_runs_ended",
            "Runs that have ended, by how",
            self.ended_runs.clone(),
        );
        registry.register(
            "netwolf_run_steps",
            "Steps of runs that have not ended, by state",
            self.steps.clone(),
        );
        registry.register(
            "netwolf_run_steps_ended",
            "Steps that have ended, by how; one that is settled later counts again",
            self.ended_steps.clone(),
        );
        registry.register(
            "netwolf_run_step_seconds",
            "From when a step was given to an agent to its end",
            self.step_seconds.clone(),
        );
        registry.register(
            "netwolf_run_journal_bytes",
            "Size of the journal of runs",
            self.journal_bytes.clone(),
        );
        registry.register(
            "netwolf_run_journal_fsync_seconds",
            "Time to commit a transaction of the journal, with the audit log",
            self.fsync_seconds.clone(),
        );
        registry.register(
            "netwolf_run_journal_commits",
            "Transactions of the journal",
            self.commits.clone(),
        );
        registry.register(
            "netwolf_run_journal_failing",
            "Whether the journal cannot be written, so that no run is taken in",
            self.journal_failing.clone(),
        );
        registry.register(
            "netwolf_run_audit_records",
            "Lines of the audit log",
            self.audit_records.clone(),
        );
        registry.register(
            "netwolf_run_guards_broken",
            "Steps whose guards were broken, by what",
            self.guards_broken.clone(),
        );
        registry.register(
            "netwolf_run_step_events_stale",
            "Events of attempts that are not in force any more",
            self.stale_events.clone(),
        );
    }

    /// What is live: runs by state, and all their steps.
    pub fn show(&self, runs: impl Iterator<Item = (RunState, Counts)>) {
        let mut by_state = [0_i64; RunState::ALL.len()];
        let mut steps = [0_i64; StepState::ALL.len()];
        for (state, counts) in runs {
            for (place, each) in RunState::ALL.iter().enumerate() {
                by_state[place] += i64::from(*each == state);
            }
            for (place, each) in StepState::ALL.iter().enumerate() {
                steps[place] += i64::from(counts.get(*each));
            }
        }
        for (state, count) in RunState::ALL.iter().zip(by_state) {
            if !state.is_end() {
                self.runs.get_or_create(&label(state.as_str())).set(count);
            }
        }
        for (state, count) in StepState::ALL.iter().zip(steps) {
            self.steps.get_or_create(&label(state.as_str())).set(count);
        }
    }

    /// A run has ended.
    pub fn run_ended(&self, state: RunState) {
        self.ended_runs.get_or_create(&label(state.as_str())).inc();
    }

    /// A step has ended, so long after it was given to an agent, if it was.
    pub fn step_ended(&self, state: StepState, took: Option<Duration>) {
        self.ended_steps.get_or_create(&label(state.as_str())).inc();
        if let Some(took) = took {
            self.step_seconds.observe(took.as_secs_f64());
        }
    }

    /// Guards of a step are broken.
    pub fn guard_broken(&self, by: BrokenBy) {
        let by = Word(by.as_str());
        self.guards_broken.get_or_create(&ByLabel { by }).inc();
    }

    /// A transaction is on the disk.
    pub fn committed(&self, took: Duration) {
        self.commits.inc();
        self.fsync_seconds.observe(took.as_secs_f64());
    }

    /// Whether the journal cannot be written.
    pub fn failing(&self, is_failing: bool) {
        self.journal_failing.set(is_failing.into());
    }

    /// How large the journal is.
    pub fn size(&self, bytes: u64) {
        self.journal_bytes
            .set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_live_is_shown_by_state_and_zeros_too() {
        let meters = Meters::default();
        let counts = |pending, running| Counts {
            pending,
            running,
            ..Counts::default()
        };
        let live = [
            (RunState::Running, counts(3, 2)),
            (RunState::Running, counts(0, 1)),
            (RunState::Paused, counts(5, 0)),
        ];
        meters.show(live.into_iter());
        let runs = |state| meters.runs.get_or_create(&label(state)).get();
        let steps = |state| meters.steps.get_or_create(&label(state)).get();
        assert_eq!(
            (runs("running"), runs("paused"), runs("waiting")),
            (2, 1, 0)
        );
        assert_eq!((steps("pending"), steps("running")), (8, 3));
        meters.show(std::iter::empty());
        assert_eq!((runs("running"), steps("pending")), (0, 0));
    }
}
