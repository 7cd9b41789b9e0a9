//! The frames of a link, in whatever reads.

use std::{
    fmt::Debug,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use netwolf_wire::{
    frame::{FrameError, FrameReader, FrameWriter, MAX_FRAME},
    message::{ToAgent, ToManager},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, ReadBuf};

use crate::messages;

/// Whose messages they are.
const OF_MANAGER: u8 = 1;
/// What follows is the payload of one frame.
const PAYLOAD: u8 = 2;
/// What follows is inflated, and to be compressed first.
const INFLATED: u8 = 4;

/// Reads frames. The first byte says what the rest is, the second how long the reads are.
///
/// # Panics
/// When messages depend on how they are cut into reads, or do not survive being written.
pub fn run(data: &[u8]) {
    let [what, step, rest @ ..] = data else {
        return;
    };
    let bytes = match what & (PAYLOAD | INFLATED) {
        0 => rest.to_vec(),
        PAYLOAD => framed(rest),
        _ => framed(&zstd::bulk::compress(rest, 1).expect("memory takes everything")),
    };
    let step = usize::from(*step) + 1;
    if what & OF_MANAGER == 0 {
        check::<ToManager>(&bytes, step);
    } else {
        check::<ToAgent>(&bytes, step);
    }
}

fn framed(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("inputs are short");
    [&length.to_be_bytes(), payload].concat()
}

fn check<M: Serialize + DeserializeOwned + Debug + Unpin>(bytes: &[u8], step: usize) {
    let (messages, end) = read::<M>(bytes, step);
    let (whole, whole_end) = read::<M>(bytes, bytes.len().max(1));
    let text =
        |messages: &[M]| serde_json::to_string(messages).expect("what was read can be written");
    assert_eq!(text(&messages), text(&whole), "reads do not matter");
    assert_eq!(
        format!("{end:?}"),
        format!("{whole_end:?}"),
        "reads do not matter"
    );
    for message in &messages {
        messages::assert_survives(message);
    }
    let written = write(&messages);
    assert!(written.len() <= messages.len() * (MAX_FRAME + 4));
    let (again, end) = read::<M>(&written, step);
    assert!(end.is_none(), "{end:?}");
    assert_eq!(text(&again), text(&messages));
}

/// The messages in `bytes`, and why they end, unless it is the end of the stream.
fn read<M: DeserializeOwned + Unpin>(bytes: &[u8], step: usize) -> (Vec<M>, Option<FrameError>) {
    let mut reader = FrameReader::<_, M>::new(Reads { bytes, step });
    let mut messages = Vec::new();
    loop {
        match at_once(reader.next()) {
            Ok(Some(message)) => messages.push(message),
            Ok(None) => return (messages, None),
            Err(error) => return (messages, Some(error)),
        }
    }
}

fn write<M: Serialize>(messages: &[M]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = FrameWriter::new(&mut bytes);
    for message in messages {
        at_once(writer.send(message)).expect("what was read can be sent");
    }
    bytes
}

/// Runs what never waits: there is no runtime here, which would cost more than all the rest.
fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("memory makes nobody wait"),
    }
}

/// A stream that gives so many bytes at a time.
struct Reads<'a> {
    bytes: &'a [u8],
    step: usize,
}

impl AsyncRead for Reads<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let n = self.step.min(self.bytes.len()).min(buf.remaining());
        let (now, later) = self.bytes.split_at(n);
        buf.put_slice(now);
        self.bytes = later;
        Poll::Ready(Ok(()))
    }
}
