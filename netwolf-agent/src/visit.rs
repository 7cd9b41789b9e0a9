//! One login at the wish of a person: what a device answers to a few commands, and how long each step took.
//!
//! ```text
//!   connect --> key exchange, host key --> login --> prompt --> a command --> a command --> goodbye
//! ```
//!
//! It is the session that polls have, with the target's host key, jump host, algorithms and enable secret, and without
//! schedule, pacing and breaker: who asks for this has said which device and how often. Nothing is tried twice.
//! What the device says is given as it is, but for the login's own secrets wherever it repeats them; for what is to
//! be shown to others there is [`crate::record`].

use std::time::{Duration, Instant};

use netwolf_wire::{DeviceName, platform::Platform, status::Failure, target::Target};

use crate::session::once::{Once, Secrets};

/// A device that is logged in to and waits for commands.
pub struct Visit {
    session: Once,
    secrets: Secrets,
    steps: Steps,
}

/// How long the steps of a login took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// TCP, or the way through a jump host with all that this takes.
    pub connect: Duration,
    /// Greetings, key exchange and the check of the host key.
    pub key_exchange: Duration,
    /// Until the credential was taken.
    pub login: Duration,
    /// Until the device took commands: its prompt was learned, it was enabled and set up. A shell is believed
    /// after a silence, which is in it.
    pub prompt: Duration,
}

/// What a command brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The output, without echo and prompt.
    pub output: String,
    /// It was longer than the session's bound, and its end is missing.
    pub is_cut: bool,
    /// From typing the command until its output was whole. A shell's prompt is believed after a silence
    /// when a command is run for the first time, which is in it.
    pub took: Duration,
}

impl Visit {
    /// Logs in to `device`, once.
    ///
    /// # Errors
    /// What failed, in words.
    pub async fn log_in(
        device: &DeviceName,
        target: &Target,
        platform: &Platform,
    ) -> Result<Self, Failure> {
        let secrets = Secrets::read(&target.login).await?;
        let began = Instant::now();
        let session = Once::log_in(device, target, platform).await?;
        let whole = began.elapsed();
        let took = session.took();
        let before_prompt = took.connect + took.key_exchange + took.login;
        Ok(Self {
            session,
            secrets,
            steps: Steps {
                connect: took.connect,
                key_exchange: took.key_exchange,
                login: took.login,
                prompt: whole.saturating_sub(before_prompt),
            },
        })
    }

    /// How long the login took.
    pub fn steps(&self) -> Steps {
        self.steps
    }

    /// Runs `command`, whose output must be whole within `timeout`. The inner error leaves the session as it is: the
    /// device refused the command, cut it short or did not end it in time.
    ///
    /// # Errors
    /// Why the session is over.
    pub async fn run(
        &mut self,
        command: &str,
        timeout: Duration,
    ) -> Result<Result<Answer, Failure>, Failure> {
        let began = Instant::now();
        match self.session.run(command, timeout).await {
            Ok(Ok(output)) => Ok(Ok(Answer {
                output: self.secrets.hide_in(&output.text),
                is_cut: output.truncated,
                took: began.elapsed(),
            })),
            Ok(Err(failure)) => Ok(Err(self.secrets.hide_in_failure(failure))),
            Err(failure) => Err(self.secrets.hide_in_failure(failure)),
        }
    }

    /// Closes the session.
    pub async fn close(self) {
        self.session.close().await;
    }
}
