//! What the API shows of runs: the JSON that the manager writes and the command line reads.
//!
//! Views are made from [`Run`] and [`Step`], so that a live run and one from the journal look the same.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, UNIX_EPOCH},
};

use netwolf_wire::{AgentName, DeviceName, Epoch, Span, status::Failure, step::RunId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    model::{Counts, Guard, Output, Run, RunState, SettledBy, Spec, Step, StepState},
    procedure::{Procedure, raw::RawCommand},
    rollout::Rollout,
    window::Window,
};

/// A moment, in Unix milliseconds; written as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Time(pub u64);

/// A run as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunView {
    /// Its number.
    pub id: RunId,
    /// The procedure's name; none where the commands were submitted.
    pub procedure: Option<String>,
    /// For people.
    pub name: String,
    /// Where it stands.
    pub state: RunState,
    /// Whether its commands may change devices.
    pub changes: bool,
    /// Who asked.
    pub requester: String,
    /// Why, in their words.
    pub comment: Option<String>,
    /// When it was submitted.
    pub created: Time,
    /// When its first step was sent.
    pub started: Option<Time>,
    /// When its last step had ended.
    pub ended: Option<Time>,
    /// Nothing is begun after this.
    pub deadline: Time,
    /// Steps by state.
    pub steps: Counts,
    /// All of them.
    pub n_steps: u32,
    /// The batch that is under way, from 1.
    pub batch: u32,
    /// How many batches there are.
    pub batches: u32,
    /// The stop rule or guard that has stopped it, in words.
    pub stopped_by: Option<String>,
    /// Who has cancelled it.
    #[serde(default)]
    pub cancelled_by: Option<String>,
    /// The run whose steps are tried anew.
    pub retry_of: Option<RunId>,
    /// When its window opens next, while it waits for that.
    pub next_window: Option<Time>,
}

/// A run's part on one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// Its place in the run, from 0.
    pub step: u32,
    /// The device.
    pub device: DeviceName,
    /// Its platform.
    pub platform: String,
    /// Where it stands.
    pub state: StepState,
    /// Its batch, from 1.
    pub batch: u32,
    /// Attempts that were made, those that only verify among them.
    pub attempt: u32,
    /// The agent of the last one that was to type the commands, as is what follows, up to the start.
    pub agent: Option<AgentName>,
    /// The lease that it was sent under.
    pub epoch: Option<Epoch>,
    /// When it was given to that agent.
    pub leased: Option<Time>,
    /// When the first key was typed.
    pub started: Option<Time>,
    /// When it had ended.
    pub ended: Option<Time>,
    /// Why it stands where it does.
    pub reason: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// What decided, where it had been unknown.
    pub settled_by: Option<SettledBy>,
}

/// One command of a step, and what it brought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputView {
    /// Of which attempt.
    #[serde(default)]
    pub attempt: u32,
    /// Which of its commands, from 0.
    pub index: u32,
    /// Whether it is the verify command.
    #[serde(default)]
    pub verify: bool,
    /// What was typed.
    pub command: String,
    /// What the device said, without secrets.
    pub output: String,
    /// The output was cut.
    pub truncated: bool,
    /// How long it took.
    pub took_seconds: f64,
    /// When its output was whole.
    pub time: Time,
    /// Why it does not count.
    pub failure: Option<Failure>,
    /// SHA-256 of the output before it was cut, in hexadecimal digits; empty where no output came.
    pub sha256: String,
    /// What was typed when the device asked, without secrets.
    #[serde(default)]
    pub answered: Vec<String>,
}

/// A step with all that was typed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TranscriptView {
    /// The step.
    #[serde(flatten)]
    pub step: StepView,
    /// In the order of typing.
    pub transcript: Vec<OutputView>,
}

/// Answers a list of runs, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunsPage {
    /// The runs.
    pub runs: Vec<RunView>,
    /// Ask with `before` this for more.
    pub next: Option<RunId>,
}

/// Answers a list of steps, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepsPage {
    /// The steps.
    pub steps: Vec<StepView>,
    /// Ask with `after` this for more.
    pub next: Option<u32>,
}

/// How a run goes about its steps, with what nobody said filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// How many at a time, and when it stops.
    pub rollout: Rollout,
    /// What is watched after each step.
    pub guards: Vec<Guard>,
    /// When steps may begin; at any time where there is none.
    pub window: Option<Window>,
    /// What has not begun by then never will.
    pub run_deadline: Span,
}

/// Answers a submission that only wants to see what would be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// Each step, in the order of the rollout.
    pub steps: Vec<PreviewStep>,
    /// Whether they may change devices.
    pub changes: bool,
    /// How many batches they make.
    pub batches: u32,
    /// How it would go about them.
    #[serde(flatten)]
    pub terms: Terms,
}

/// What would be done on one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewStep {
    /// The device.
    pub device: DeviceName,
    /// Its platform.
    pub platform: String,
    /// Its batch, from 1.
    pub batch: u32,
    /// The mode that the commands are typed in.
    pub mode: Option<String>,
    /// Exactly what would be typed: each command with all that it would be answered, and what is expected of it.
    pub commands: Vec<RawCommand>,
    /// What would verify it.
    pub verify: Option<RawCommand>,
    /// As whom.
    pub credential: String,
    /// From when it is sent until it has ended.
    pub deadline: Span,
}

impl From<&Spec> for Terms {
    fn from(spec: &Spec) -> Self {
        Self {
            rollout: spec.rollout,
            guards: spec.guards.clone(),
            window: spec.window.clone(),
            run_deadline: spec.run_deadline,
        }
    }
}

impl From<&Procedure> for Terms {
    fn from(procedure: &Procedure) -> Self {
        Self {
            rollout: procedure.rollout,
            guards: procedure.guards.clone(),
            window: procedure.window.clone(),
            run_deadline: procedure.run_deadline,
        }
    }
}

impl From<&Run> for RunView {
    fn from(run: &Run) -> Self {
        let (spec, status) = (&run.spec, &run.status);
        Self {
            id: run.id,
            procedure: spec.procedure.clone(),
            name: spec.name.clone(),
            state: status.state,
            changes: spec.changes,
            requester: spec.requester.clone(),
            comment: spec.comment.clone(),
            created: Time(run.created_ms),
            started: status.started_ms.map(Time),
            ended: status.ended_ms.map(Time),
            deadline: Time(status.deadline_ms),
            steps: status.counts,
            n_steps: run.n_steps,
            batch: status.batch,
            batches: status.batches,
            stopped_by: status.stopped_by.clone(),
            cancelled_by: status.cancelled_by.clone(),
            retry_of: spec.retry_of,
            next_window: status.next_window_ms.map(Time),
        }
    }
}

impl From<&Step> for StepView {
    fn from(step: &Step) -> Self {
        let status = &step.status;
        // Where the commands went is of interest, whoever verifies them later: the transcript tells attempts apart.
        let sent = status.sent.as_ref();
        Self {
            step: step.step,
            device: step.spec.device.clone(),
            platform: step.spec.platform.to_string(),
            state: status.state,
            batch: step.batch,
            attempt: status.attempt,
            agent: sent.map(|sent| sent.shard.agent.clone()),
            epoch: sent.map(|sent| sent.epoch),
            leased: sent.map(|sent| Time(sent.leased_ms)),
            started: sent.and_then(|sent| sent.started_ms).map(Time),
            ended: status.ended_ms.map(Time),
            reason: status.reason.clone(),
            hint: status.hint.clone(),
            settled_by: status.settled_by,
        }
    }
}

impl From<&Output> for OutputView {
    fn from(output: &Output) -> Self {
        let done = output.done.clone();
        Self {
            attempt: output.id.attempt,
            index: done.index,
            verify: output.verify,
            command: output.command.clone(),
            output: done.text,
            truncated: done.truncated,
            took_seconds: done.took.get().as_secs_f64(),
            time: Time(output.time_ms),
            failure: done.failure,
            sha256: done.sha256,
            answered: done.answered,
        }
    }
}

/// The last moment of the year 9999: what comes later cannot be written.
const LAST_MS: u64 = 253_402_300_799_999;

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = UNIX_EPOCH + Duration::from_millis(self.0.min(LAST_MS));
        humantime::format_rfc3339_millis(time).fmt(f)
    }
}

impl FromStr for Time {
    type Err = humantime::TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let time = humantime::parse_rfc3339(text)?;
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|error| de::Error::custom(format_args!("{text:?} is not a time: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StepSpec;

    fn keys(value: &serde_json::Value) -> Vec<&str> {
        let object = value.as_object().unwrap();
        object.keys().map(String::as_str).collect()
    }

    /// Programs of others read these: a key that is renamed breaks them.
    #[test]
    fn the_keys_of_the_views_are_those_that_are_documented() {
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
            idempotency_key: None,
            body_sha256: None,
            retry_of: None,
        };
        let step = StepSpec {
            device: DeviceName::new("sw-1").unwrap(),
            platform: "cisco_ios".into(),
            site: None,
            program: 0,
            credential: "monitoring".into(),
        };
        let (run, steps) = Run::plan(RunId(17), spec, vec![step], 1_796_040_000_000);
        let run = serde_json::to_value(RunView::from(&run)).unwrap();
        let mut expected = [
            "id",
            "procedure",
            "name",
            "state",
            "changes",
            "requester",
            "comment",
            "created",
            "started",
            "ended",
            "deadline",
            "steps",
            "n_steps",
            "batch",
            "batches",
            "stopped_by",
            "cancelled_by",
            "retry_of",
            "next_window",
        ];
        expected.sort_unstable();
        assert_eq!(keys(&run), expected);
        assert_eq!(run["deadline"], "2026-11-30T12:01:00.000Z");
        let view = StepView::from(&steps[0]);
        let step = serde_json::to_value(&view).unwrap();
        let mut expected = [
            "step",
            "device",
            "platform",
            "state",
            "batch",
            "attempt",
            "agent",
            "epoch",
            "leased",
            "started",
            "ended",
            "reason",
            "hint",
            "settled_by",
        ];
        expected.sort_unstable();
        assert_eq!(keys(&step), expected);
        let with_transcript = TranscriptView {
            step: view,
            transcript: Vec::new(),
        };
        let text = serde_json::to_string(&with_transcript).unwrap();
        let read: TranscriptView = serde_json::from_str(&text).unwrap();
        assert_eq!(read, with_transcript);
    }

    #[test]
    fn times_are_written_in_utc_and_read_back() {
        let text = serde_json::to_string(&Time(1_796_040_000_123)).unwrap();
        assert_eq!(text, r#""2026-11-30T12:00:00.123Z""#);
        assert_eq!(
            serde_json::from_str::<Time>(&text).unwrap(),
            Time(1_796_040_000_123)
        );
        assert!(
            Time(u64::MAX)
                .to_string()
                .starts_with("9999-12-31T23:59:59")
        );
    }
}
