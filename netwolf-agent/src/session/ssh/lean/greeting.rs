//! The first words with a device, after which it is known which client goes on.
//!
//! Our version is sent, and nothing else before the device has made its offer. A device that waits for ours makes
//! none, and then it is the general client's turn, which is given what was read so far.

use std::time::{Duration, Instant};

use netwolf_ssh::Greeting;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::Cause;
use crate::session::{
    ssh::{stream::Stream, tuning::VERSION_LINE},
    traffic::Traffic,
};

/// A device that has said its version and makes no offer for so long waits for ours. It is a quarter of the time for the
/// greeting where that is shorter.
const PATIENCE: Duration = Duration::from_secs(2);
/// What is read at once: offers are some 1,500 bytes.
const READ_AT_ONCE: usize = 4096;

/// What came of it.
#[derive(Default)]
pub(in crate::session::ssh) struct Greeted {
    /// What the device said, where it has made an offer.
    pub(in crate::session::ssh) greeting: Option<Greeting>,
    /// Bytes that were sent.
    pub(in crate::session::ssh) said: usize,
    /// How long it took.
    pub(in crate::session::ssh) took: Duration,
    /// All that was read.
    pub(in crate::session::ssh) read: Vec<u8>,
}

/// Greets the device, which has until `deadline`. What is no greeting is left to the general client, too.
///
/// # Errors
/// The stream broke or ended.
pub(in crate::session::ssh) async fn greet(
    stream: &mut Stream,
    traffic: &Traffic,
    deadline: Duration,
) -> Result<Greeted, Cause> {
    let began = Instant::now();
    stream
        .write_all(VERSION_LINE.as_bytes())
        .await
        .map_err(Cause::Io)?;
    traffic.add_sent(VERSION_LINE.len());
    let mut read = Vec::with_capacity(READ_AT_ONCE);
    loop {
        let greeting = match Greeting::read(&read) {
            Ok(None) => None,
            Ok(Some(greeting)) => Some(Some(greeting)),
            Err(_) => Some(None),
        };
        if let Some(greeting) = greeting {
            return Ok(Greeted {
                greeting,
                said: VERSION_LINE.len(),
                took: began.elapsed(),
                read,
            });
        }
        let waits_for_us = Greeting::has_version(&read);
        read.reserve(READ_AT_ONCE);
        let reading = stream.read_buf(&mut read);
        let result = if waits_for_us {
            timeout(PATIENCE.min(deadline / 4), reading).await
        } else {
            Ok(reading.await)
        };
        match result {
            Ok(Ok(0)) => return Err(Cause::End),
            Ok(Ok(n)) => traffic.add_received(n),
            Ok(Err(error)) => return Err(Cause::Io(error)),
            Err(_) => {
                let greeting = None;
                return Ok(Greeted {
                    greeting,
                    said: VERSION_LINE.len(),
                    took: began.elapsed(),
                    read,
                });
            }
        }
    }
}
