//! Messages of a link: what is read once is written and read again as the same, and what an agent tells of steps is
//! within the manager's bounds once it has taken it in.

use std::fmt::Debug;

use netwolf_manager::bounded;
use netwolf_wire::{
    message::{ToAgent, ToManager},
    step::{MAX_ANSWERED, MAX_ANSWERED_TEXT, MAX_COMMAND, MAX_HELD, MAX_OUTPUT, StepNews},
};
use serde::{Serialize, de::DeserializeOwned};

/// Reads a message; the first byte says whose.
///
/// # Panics
/// When it does not survive being written.
pub fn run(data: &[u8]) {
    let Some((first, json)) = data.split_first() else {
        return;
    };
    // Letters, so that a corpus can be written by hand.
    if first & 1 == 0 {
        if let Some(message) = round(json) {
            take_in(message);
        }
    } else {
        round::<ToAgent>(json);
    }
}

fn round<M: Serialize + DeserializeOwned + Debug>(json: &[u8]) -> Option<M> {
    let message = serde_json::from_slice(json).ok()?;
    assert_survives(&message);
    Some(message)
}

/// What a manager keeps of what is told of steps: no more than it may, nothing cut unmarked, and the same when it is
/// bounded once more.
fn take_in(message: ToManager) {
    match message {
        ToManager::StepsHeld(held) => {
            let told = held.steps.len();
            let kept = bounded::held(held);
            assert_eq!(kept.steps.len(), told.min(MAX_HELD));
        }
        ToManager::StepEvents(told) => {
            let kept = bounded::step_events(told.clone());
            assert_eq!(kept.events.len(), told.events.len(), "no event is lost");
            for (kept, told) in kept.events.iter().zip(&told.events) {
                assert_eq!((kept.id, kept.unix_ms), (told.id, told.unix_ms));
                check_kept(&kept.what, &told.what);
            }
            assert_eq!(bounded::step_events(kept.clone()), kept);
            assert_survives(&ToManager::from(kept));
        }
        _ => {}
    }
}

fn check_kept(kept: &StepNews, told: &StepNews) {
    match (kept, told) {
        (StepNews::Command(kept), StepNews::Command(told)) => {
            assert!(kept.text.len() <= MAX_OUTPUT && told.text.starts_with(&kept.text));
            assert_eq!(
                kept.truncated,
                told.truncated || kept.text.len() < told.text.len()
            );
            assert!(kept.answered.len() <= MAX_ANSWERED);
            let mut answers = kept.answered.iter();
            assert!(answers.all(|answer| answer.len() <= MAX_ANSWERED_TEXT));
            assert_eq!(kept.index, told.index);
        }
        (StepNews::Mode(kept), StepNews::Mode(told)) => {
            assert!(kept.text.len() <= MAX_COMMAND);
            assert_eq!(kept.no, told.no);
        }
        (kept, told) => assert_eq!(
            std::mem::discriminant(kept),
            std::mem::discriminant(told),
            "it stays what it is"
        ),
    }
}

/// Writes, reads and writes a message. The texts are compared, because a NaN is not equal to itself.
///
/// # Panics
/// When the two are not the same.
pub fn assert_survives<M: Serialize + DeserializeOwned + Debug>(message: &M) {
    let write = |message: &M| serde_json::to_string(message).expect("what was read can be written");
    let written = write(message);
    let again: M = serde_json::from_str(&written)
        .unwrap_or_else(|error| panic!("{message:?} as {written}: {error}"));
    assert_eq!(written, write(&again));
}
