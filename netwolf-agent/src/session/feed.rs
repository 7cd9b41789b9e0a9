//! Where the bytes of a session go: straight from the SSH client into the machine that understands them, without a
//! task or a queue between. Each call tells whether the device's task has something to do now, and only then is it
//! woken.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use netwolf_wire::status::Failure;
use tokio::sync::Notify;

use crate::dialogue::{Dialogue, exec::ExecOutput};

/// A banner and a message of the day together are some KiB.
const MAX_START: usize = 64 * 1024;

/// What the bytes of the current channel are fed to.
#[derive(Debug, Default)]
pub(super) enum Tap {
    /// Nothing is open.
    #[default]
    None,
    /// A kept shell.
    Shell(Box<Dialogue>),
    /// One command.
    Exec(Box<ExecOutput>),
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    /// Bytes of any other channel are left over from an earlier command.
    pub(super) channel: Option<u32>,
    pub(super) tap: Tap,
    /// Why the session ended, once it has.
    pub(super) ended: Option<Failure>,
    /// The first bytes of the shell as they came, where somebody wants them.
    start: Option<Vec<u8>>,
}

/// Shared by the SSH client and the device's task.
#[derive(Debug, Default)]
pub(super) struct Feed {
    inner: Mutex<Inner>,
    /// One waiter: the device's task, where the SSH client runs in another one.
    wake: Notify,
}

impl Feed {
    /// For one short look; nothing waits inside.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the device's task, if there is something for it `to_do`.
    pub(super) fn notify(&self, to_do: bool) {
        if to_do {
            self.wake.notify_one();
        }
    }

    /// Waits for the next [`Self::notify`].
    pub(super) async fn notified(&self) {
        self.wake.notified().await;
    }

    /// From now on the first [`MAX_START`] bytes that come are kept for [`Self::start`].
    pub(super) fn keep_start(&self) {
        self.lock().start = Some(Vec::new());
    }

    /// The first bytes that came, where [`Self::keep_start`] asked for them.
    pub(super) fn start(&self) -> Vec<u8> {
        self.lock().start.clone().unwrap_or_default()
    }

    /// Bytes came on `channel`.
    #[must_use]
    pub(super) fn data(&self, channel: u32, bytes: &[u8]) -> bool {
        let mut inner = self.lock();
        if inner.channel != Some(channel) {
            return false;
        }
        if let Some(start) = &mut inner.start {
            start.extend(bytes.iter().take(MAX_START.saturating_sub(start.len())));
        }
        match &mut inner.tap {
            Tap::None => false,
            Tap::Shell(dialogue) => dialogue.handle_data(bytes, Instant::now()),
            Tap::Exec(exec) => exec.handle_data(bytes, Instant::now()),
        }
    }

    /// Bytes came on the error stream of `channel`.
    #[must_use]
    pub(super) fn stderr(&self, channel: u32, bytes: &[u8]) -> bool {
        let mut inner = self.lock();
        if inner.channel != Some(channel) {
            return false;
        }
        match &mut inner.tap {
            Tap::Exec(exec) => {
                exec.handle_stderr(bytes);
                false
            }
            // A terminal has one stream only; a device that uses two means the same by both.
            Tap::Shell(_) => {
                drop(inner);
                self.data(channel, bytes)
            }
            Tap::None => false,
        }
    }

    /// The command on `channel` ended with `status`.
    pub(super) fn status(&self, channel: u32, status: u32) {
        let mut inner = self.lock();
        if inner.channel == Some(channel)
            && let Tap::Exec(exec) = &mut inner.tap
        {
            exec.handle_status(status);
        }
    }

    /// The command on `channel` was ended by the signal of this name.
    pub(super) fn signal(&self, channel: u32, name: &str) {
        let mut inner = self.lock();
        if inner.channel == Some(channel)
            && let Tap::Exec(exec) = &mut inner.tap
        {
            exec.handle_signal(name);
        }
    }

    /// What was asked to run on `channel` was refused; `failure` is what that means for a shell.
    #[must_use]
    pub(super) fn refused(&self, channel: u32, failure: impl FnOnce() -> Failure) -> bool {
        let mut inner = self.lock();
        if inner.channel != Some(channel) {
            return false;
        }
        if let Tap::Exec(exec) = &mut inner.tap {
            exec.handle_refused();
        } else {
            inner.ended.get_or_insert_with(failure);
        }
        true
    }

    /// `channel` is closed; `failure` is what that means for a shell.
    #[must_use]
    pub(super) fn closed(&self, channel: u32, failure: impl FnOnce() -> Failure) -> bool {
        let mut inner = self.lock();
        if inner.channel != Some(channel) {
            return false;
        }
        inner.channel = None;
        if let Tap::Exec(exec) = &mut inner.tap {
            exec.handle_close();
        } else {
            inner.ended.get_or_insert_with(failure);
        }
        true
    }

    /// The session ended, which is always something to do. The first reason counts.
    pub(super) fn end(&self, failure: impl FnOnce() -> Failure) {
        self.lock().ended.get_or_insert_with(failure);
    }
}
