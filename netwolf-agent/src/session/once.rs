//! One login at the wish of a person: a few commands one after the other, then goodbye.
//!
//! The same connect, login and dialogue as a polled session has, without schedule, pacing and backoff: who
//! asks for this has said which device and how often.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use netwolf_secret::{Imprint, Secret};
use netwolf_wire::{
    DeviceName,
    platform::Platform,
    status::{Failure, Reason},
    target::{Login as Account, Target},
};

use super::{
    gate::Gate,
    known_hosts::KnownKeys,
    live::{Live, Outcome},
    ssh::{self, Login, Took, jump::JumpHosts},
};
use crate::dialogue::{self, Output, manners::Manners};

/// A session that one person asked for.
pub(crate) struct Once {
    live: Live,
    manners: Arc<Manners>,
    took: Took,
}

/// The secrets of a login, to be hidden wherever a device repeats them.
pub(crate) struct Secrets(Vec<Imprint>);

impl Secrets {
    /// Reads the password and the enable secret of `account`.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub(crate) async fn read(account: &Account) -> Result<Self, Failure> {
        let mut secrets = Vec::new();
        for reference in [&account.password, &account.enable_secret] {
            let secret = ssh::read_secret(account, reference.as_ref()).await?;
            secrets.extend(secret.as_ref().map(Secret::imprint));
        }
        Ok(Self(secrets))
    }

    /// `text` without them.
    pub(crate) fn hide_in(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_owned(), |text, secret| secret.hide_in(&text))
    }

    /// `failure` in words that are without them.
    pub(crate) fn hide_in_failure(&self, failure: Failure) -> Failure {
        Failure {
            message: self.hide_in(&failure.message),
            ..failure
        }
    }
}

impl Once {
    /// Logs in to `device`, once, and waits until it takes commands.
    ///
    /// # Errors
    /// What failed, in words.
    pub(crate) async fn log_in(
        device: &DeviceName,
        target: &Target,
        platform: &Platform,
    ) -> Result<Self, Failure> {
        let manners = Manners::compile(platform).map_err(|error| Failure {
            reason: Reason::Other,
            message: error.to_string(),
            hint: None,
        })?;
        let manners = Arc::new(manners);
        let account = &target.login;
        let enable_secret = ssh::read_secret(account, account.enable_secret.as_ref()).await?;
        let connection = ssh::connect(Login {
            device,
            target,
            platform,
            accepted: &Arc::default(),
            jumps: &JumpHosts::default(),
            gate: &Gate::free(),
            traffic: &Arc::default(),
        })
        .await?;
        connection.feed().keep_start();
        let took = connection.took();
        let live = Live::open(
            connection,
            &manners,
            enable_secret,
            target.connect_timeout.get(),
        )
        .await?;
        Ok(Self {
            live,
            manners,
            took,
        })
    }

    /// How long it took to log in, up to the first prompt.
    pub(crate) fn took(&self) -> Took {
        self.took
    }

    /// Runs `command`, whose output must be whole within `timeout`. The inner error leaves the session as it is.
    ///
    /// # Errors
    /// Why the session is over.
    pub(crate) async fn run(
        &mut self,
        command: &str,
        timeout: Duration,
    ) -> Result<Result<Output, Failure>, Failure> {
        self.live.start(command, Instant::now() + timeout).await?;
        loop {
            if let Some(outcome) = self.live.pump().await? {
                return Ok(judge(command, timeout, outcome));
            }
            self.live.woken_by(self.live.timeout()).await;
        }
    }

    /// What the device showed between the login and its first prompt, and its prompt with whatever stands
    /// above it. Both are empty where commands run on channels of their own.
    pub(crate) fn welcome(&self) -> (String, String) {
        let prompt = self.live.prompt();
        let text = dialogue::shown(&self.live.feed().start());
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let end = lines
            .iter()
            .position(|line| line.trim_end() == prompt)
            // The prompt was another one before the device became privileged.
            .or_else(|| lines.iter().position(|line| self.manners.is_prompt(line)))
            .unwrap_or(lines.len());
        let before = lines.iter().take(end).copied().collect::<String>();
        let greeting = self.manners.without_above(before.as_bytes()).len();
        let (greeting, above) = before.split_at_checked(greeting).unwrap_or((&before, ""));
        // A prompt is learned without the blanks at its end, which belong to it all the same.
        let blanks = lines.get(end).map_or("", |line| {
            let line = line.trim_end_matches(['\r', '\n']);
            line.strip_prefix(line.trim_end()).unwrap_or_default()
        });
        if above.trim().is_empty() {
            (before.clone(), prompt + blanks)
        } else {
            (greeting.to_owned(), format!("{above}{prompt}{blanks}"))
        }
    }

    /// Closes the session.
    pub(crate) async fn close(self) {
        self.live.close().await;
    }
}

fn judge(command: &str, timeout: Duration, outcome: Outcome) -> Result<Output, Failure> {
    let rejected = |message| {
        Failure {
        reason: Reason::CommandRejected,
        message,
        hint: Some("does this device know the command, and may the user run it? `netwolf collectors privileges` tells what an account needs".into()),
    }
    };
    match outcome {
        Outcome::Output(output) => match &output.rejected {
            Some(line) => Err(rejected(format!(
                "the device refused \"{command}\": \"{line}\""
            ))),
            None => Ok(output),
        },
        Outcome::Refused => Err(rejected(format!(
            "the device does not run \"{command}\" on a channel"
        ))),
        Outcome::Cut(why) => Err(Failure {
            reason: Reason::ClosedByDevice,
            message: format!("\"{command}\" was cut short by the device: {why}"),
            hint: None,
        }),
        Outcome::TimedOut => Err(Failure {
            reason: Reason::CommandTimeout,
            message: format!(
                "\"{command}\" was not done within {} s and was stopped",
                timeout.as_secs_f64()
            ),
            hint: Some("does it ask something, or does it need more time?".into()),
        }),
    }
}

/// What the `known_hosts` file at `path` says of the device at `address` and `port`.
///
/// # Errors
/// When it cannot be read.
pub(crate) async fn known_keys(path: &str, address: &str, port: u16) -> Result<KnownKeys, Failure> {
    ssh::known_keys(path, address, port).await
}
