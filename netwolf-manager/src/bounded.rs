//! What a shard tells is bounded on receipt, before it is kept or shown: it is text and numbers from outside.
//!
//! A shard that keeps to the protocol never meets these bounds. What is over them is cut or left out without
//! a word, because it is of no use to anybody.

use netwolf_wire::{
    Span,
    message::{Asks, Ended, Shown, ShownOutput, StepEvents, StepsHeld, ToManager},
    stats::ShardStats,
    status::{DeviceStatus, Failure},
    step::{MAX_ANSWERED, MAX_ANSWERED_TEXT, MAX_COMMAND, MAX_HELD, MAX_OUTPUT, StepEnd, StepNews},
};

/// Collectors of one shard whose poll times are shown: several times what any site has.
pub const COLLECTORS: usize = 256;

/// Bytes of a collector's name, which becomes a label.
pub const NAME: usize = 128;

/// Commands of one device that are shown as failing.
pub const FAILING: usize = 100;

/// Asks for permits, and ends of logins, in a message: more than a shard has devices.
pub const LOGINS: usize = 100_000;

/// Outputs in an answer: a plan has some dozens of commands.
pub const OUTPUTS: usize = 256;

/// A SHA-256 in hexadecimal digits.
const DIGEST: usize = 64;

/// Bytes of a message, a hint or a command.
pub const TEXT: usize = 1 << 10;

/// A shard's counters, bounded.
pub fn stats(mut stats: ShardStats) -> ShardStats {
    stats.poll_seconds.retain(|name, _| name.len() <= NAME);
    if let Some(first_over) = stats.poll_seconds.keys().nth(COLLECTORS).cloned() {
        drop(stats.poll_seconds.split_off(&first_over));
    }
    let own = [&mut stats.poll_delay_seconds];
    for histogram in stats.poll_seconds.values_mut().chain(own) {
        if !is_time(histogram.sum) {
            histogram.sum = 0.0;
        }
    }
    stats.busy_ratio = stats.busy_ratio.clamp(0.0, 1.0);
    if !is_time(stats.pacing_wait_seconds) {
        stats.pacing_wait_seconds = 0.0;
    }
    stats
}

/// A message for the core, bounded.
pub fn message(message: ToManager) -> ToManager {
    match message {
        ToManager::Statuses(mut told) => {
            told.statuses = told.statuses.into_iter().map(status).collect();
            told.into()
        }
        ToManager::Asks(told) => asks(told).into(),
        ToManager::Ended(told) => ended(told).into(),
        ToManager::Shown(told) => shown(told).into(),
        ToManager::StepsHeld(told) => held(told).into(),
        ToManager::StepEvents(told) => step_events(told).into(),
        other => other,
    }
}

/// Asks for permits, bounded.
pub fn asks(mut asks: Asks) -> Asks {
    asks.asks.retain(|ask| ask.credential.len() <= TEXT);
    asks.asks.truncate(LOGINS);
    asks
}

/// Ends of logins, bounded.
pub fn ended(mut ended: Ended) -> Ended {
    ended.logins.retain(|end| end.credential.len() <= TEXT);
    ended.logins.truncate(LOGINS);
    ended
}

/// What a device answered, bounded.
pub fn shown(mut shown: Shown) -> Shown {
    shown.outputs.truncate(OUTPUTS);
    for output in &mut shown.outputs {
        cut(&mut output.command);
        output.truncated |= output.text.len() > ShownOutput::MAX_TEXT;
        cut_at(&mut output.text, ShownOutput::MAX_TEXT);
        output.took = output.took.min(LONGEST);
        if let Some(failure) = &mut output.failure {
            cut_failure(failure);
        }
    }
    shown
}

/// Steps that a shard holds, bounded.
pub fn held(mut held: StepsHeld) -> StepsHeld {
    held.steps.truncate(MAX_HELD);
    held
}

/// What happened to steps, bounded.
pub fn step_events(mut told: StepEvents) -> StepEvents {
    for event in &mut told.events {
        match &mut event.what {
            StepNews::Command(done) => {
                done.truncated |= done.text.len() > MAX_OUTPUT;
                cut_at(&mut done.text, MAX_OUTPUT);
                cut_at(&mut done.sha256, DIGEST);
                done.answered.truncate(MAX_ANSWERED);
                for answer in &mut done.answered {
                    cut_at(answer, MAX_ANSWERED_TEXT);
                }
                done.took = done.took.min(LONGEST);
                if let Some(failure) = &mut done.failure {
                    cut_failure(failure);
                }
            }
            StepNews::Mode(line) => {
                cut_at(&mut line.text, MAX_COMMAND);
                if let Some(failure) = &mut line.failure {
                    cut_failure(failure);
                }
            }
            StepNews::Ended(
                StepEnd::Failed(failure)
                | StepEnd::TimedOut(failure)
                | StepEnd::NotRun(failure)
                | StepEnd::Unknown(failure),
            ) => cut_failure(failure),
            StepNews::Accepted
            | StepNews::Started
            | StepNews::Ended(StepEnd::Succeeded | StepEnd::Cancelled) => {}
        }
    }
    told
}

/// No command takes longer than a day.
const LONGEST: Span = Span::from_secs(86_400);

/// A session's state, bounded.
pub fn status(mut status: DeviceStatus) -> DeviceStatus {
    status.login_seconds = status.login_seconds.filter(|seconds| is_time(*seconds));
    if let Some(failure) = &mut status.failure {
        cut_failure(failure);
    }
    status.failing.truncate(FAILING);
    for failing in &mut status.failing {
        cut(&mut failing.command);
        cut_failure(&mut failing.failure);
    }
    status.failing.shrink_to_fit();
    status
}

fn is_time(seconds: f64) -> bool {
    seconds.is_finite() && seconds >= 0.0
}

fn cut_failure(failure: &mut Failure) {
    cut(&mut failure.message);
    if let Some(hint) = &mut failure.hint {
        cut(hint);
    }
}

fn cut(text: &mut String) {
    cut_at(text, TEXT);
}

fn cut_at(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use netwolf_wire::{
        Epoch,
        login::LoginAsk,
        stats::Histogram,
        status::{FailingCommand, Reason, SessionState},
        step::{Attempt, CommandDone, RunId, StepEvent},
    };

    use super::*;

    #[test]
    fn counters_are_bounded() {
        let endless = Histogram {
            sum: f64::INFINITY,
            ..Histogram::default()
        };
        let mut told = ShardStats {
            pacing_wait_seconds: f64::NAN,
            ..ShardStats::default()
        };
        for no in 0..1_000 {
            told.poll_seconds
                .insert(format!("{no:04}"), endless.clone());
        }
        told.poll_seconds.insert("!".repeat(NAME + 1), endless);
        let kept = stats(told);
        assert_eq!(kept.poll_seconds.len(), COLLECTORS);
        assert!(kept.pacing_wait_seconds.abs() < f64::EPSILON);
        assert_eq!(kept.poll_seconds.keys().next().unwrap(), "0000");
        let sums = kept.poll_seconds.values().map(|h| h.sum);
        assert!(sums.into_iter().all(|sum| sum == 0.0));
    }

    #[test]
    fn logins_and_outputs_are_bounded() {
        let ask = |credential: String| LoginAsk {
            device: "sw-1".parse().unwrap(),
            epoch: Epoch(1),
            credential,
        };
        let mut told = vec![ask("x".repeat(TEXT + 1))];
        told.resize(LOGINS + 2, ask("lab".into()));
        let kept = asks(Asks { asks: told }).asks;
        assert!(kept.len() == LOGINS && kept[0].credential == "lab");

        let output = ShownOutput {
            command: "y".repeat(TEXT + 1),
            unix_ms: 0,
            took: Span::from_secs(u64::MAX),
            text: "ü".repeat(ShownOutput::MAX_TEXT),
            truncated: false,
            failure: Some(Failure {
                reason: Reason::Other,
                message: "x".repeat(TEXT + 1),
                hint: None,
            }),
        };
        let told = Shown {
            request: 1,
            outputs: vec![output; OUTPUTS + 1],
        };
        let kept = shown(told).outputs;
        assert_eq!(kept.len(), OUTPUTS);
        assert!(kept[0].command.len() <= TEXT && kept[0].truncated && kept[0].took == LONGEST);
        assert!(kept[0].text.len() <= ShownOutput::MAX_TEXT);
        assert!(kept[0].failure.as_ref().unwrap().message.len() <= TEXT);
    }

    #[test]
    fn what_is_told_of_steps_is_bounded() {
        let id = Attempt {
            run: RunId(1),
            step: 0,
            attempt: 1,
        };
        let failure = Failure {
            reason: Reason::Other,
            message: "x".repeat(TEXT + 1),
            hint: None,
        };
        let done = CommandDone {
            index: 0,
            took: Span::from_secs(u64::MAX),
            text: "ü".repeat(MAX_OUTPUT),
            truncated: false,
            sha256: "a".repeat(DIGEST + 1),
            answered: vec!["y".repeat(MAX_ANSWERED_TEXT + 1); MAX_ANSWERED + 1],
            failure: Some(failure.clone()),
        };
        let news = [
            StepNews::Command(done),
            StepNews::Ended(StepEnd::Unknown(failure)),
        ];
        let event = |what| StepEvent {
            id,
            unix_ms: 0,
            what,
        };
        let told = StepEvents {
            events: news.map(event).into(),
        };
        let kept = step_events(told).events;
        let (StepNews::Command(done), StepNews::Ended(StepEnd::Unknown(why))) =
            (&kept[0].what, &kept[1].what)
        else {
            panic!("{kept:?}");
        };
        assert!(done.text.len() <= MAX_OUTPUT && done.truncated && done.took == LONGEST);
        assert_eq!(
            done.answered,
            vec!["y".repeat(MAX_ANSWERED_TEXT); MAX_ANSWERED]
        );
        assert!(done.sha256.len() == DIGEST && why.message.len() <= TEXT);
        assert!(done.failure.as_ref().unwrap().message.len() <= TEXT);
        let steps = vec![id; MAX_HELD + 1];
        assert_eq!(held(StepsHeld { steps }).steps.len(), MAX_HELD);
    }

    #[test]
    fn states_are_bounded() {
        let failure = Failure {
            reason: Reason::Other,
            message: "ü".repeat(TEXT),
            hint: Some("x".repeat(TEXT + 1)),
        };
        let failing = FailingCommand {
            command: "y".repeat(TEXT + 1),
            failure: failure.clone(),
        };
        for seconds in [f64::NAN, f64::INFINITY, -1.0] {
            let kept = status(DeviceStatus {
                device: "sw-1".parse().unwrap(),
                epoch: Epoch(1),
                state: SessionState::Backoff,
                since_ms: 0,
                failure: Some(failure.clone()),
                failures: 0,
                next_attempt_ms: None,
                login_seconds: Some(seconds),
                failing: vec![failing.clone(); FAILING + 1],
            });
            assert_eq!((kept.login_seconds, kept.failing.len()), (None, FAILING));
            let shown = &kept.failing[0];
            assert!(shown.command.len() <= TEXT);
            for failure in [&shown.failure, &kept.failure.unwrap()] {
                assert!(failure.message.len() <= TEXT && failure.message.starts_with('ü'));
                assert!(failure.hint.as_ref().unwrap().len() <= TEXT);
            }
        }
    }
}
