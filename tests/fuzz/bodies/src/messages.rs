//! Messages of a link: what is read once is written and read again as the same.

use std::fmt::Debug;

use netwolf_wire::message::{ToAgent, ToManager};
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
        round::<ToManager>(json);
    } else {
        round::<ToAgent>(json);
    }
}

fn round<M: Serialize + DeserializeOwned + Debug>(json: &[u8]) {
    if let Ok(message) = serde_json::from_slice::<M>(json) {
        assert_survives(&message);
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
