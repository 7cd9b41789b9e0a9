//! Where the bytes of a session go: straight from the SSH callback into the machine that understands them,
//! without a task or a queue between. The device's task is woken only when it has something to do.

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

/// Shared by the SSH callback and the device's task.
#[derive(Debug, Default)]
pub(super) struct Feed {
    inner: Mutex<Inner>,
    /// One waiter: the device's task.
    pub(super) wake: Notify,
}

impl Feed {
    /// For one short look; nothing waits inside.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
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
    pub(super) fn data(&self, channel: u32, bytes: &[u8]) {
        let mut inner = self.lock();
        if inner.channel != Some(channel) {
            return;
        }
        if let Some(start) = &mut inner.start {
            start.extend(bytes.iter().take(MAX_START.saturating_sub(start.len())));
        }
        let wake = match &mut inner.tap {
            Tap::None => false,
            Tap::Shell(dialogue) => dialogue.handle_data(bytes, Instant::now()),
            Tap::Exec(exec) => exec.handle_data(bytes, Instant::now()),
        };
        drop(inner);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Bytes came on the error stream of `channel`.
    pub(super) fn stderr(&self, channel: u32, bytes: &[u8]) {
        let mut inner = self.lock();
        if inner.channel != Some(channel) {
            return;
        }
        match &mut inner.tap {
            Tap::Exec(exec) => exec.handle_stderr(bytes),
            // A terminal has one stream only; a device that uses two means the same by both.
            Tap::Shell(_) => {
                drop(inner);
                self.data(channel, bytes);
            }
            Tap::None => {}
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
    pub(super) fn refused(&self, channel: u32, failure: impl FnOnce() -> Failure) {
        let mut inner = self.lock();
        if inner.channel != Some(channel) {
            return;
        }
        if let Tap::Exec(exec) = &mut inner.tap {
            exec.handle_refused();
        } else {
            inner.ended.get_or_insert_with(failure);
        }
        drop(inner);
        self.wake.notify_one();
    }

    /// `channel` is closed; `failure` is what that means for a shell.
    pub(super) fn closed(&self, channel: u32, failure: impl FnOnce() -> Failure) {
        let mut inner = self.lock();
        if inner.channel != Some(channel) {
            return;
        }
        inner.channel = None;
        if let Tap::Exec(exec) = &mut inner.tap {
            exec.handle_close();
        } else {
            inner.ended.get_or_insert_with(failure);
        }
        drop(inner);
        self.wake.notify_one();
    }

    /// The session ended. The first reason counts.
    pub(super) fn end(&self, failure: impl FnOnce() -> Failure) {
        self.lock().ended.get_or_insert_with(failure);
        self.wake.notify_one();
    }
}
