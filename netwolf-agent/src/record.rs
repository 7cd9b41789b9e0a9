//! Records what a device says to a few commands, as a transcript that a simulated device can play.
//!
//! ```text
//!   request --> one login --> each command --> secrets out --> transcript
//! ```
//!
//! A transcript is how somebody without the device can work on its platform, so it is meant to be shown to
//! others. Passwords, keys and communities are taken out by [`crate::redact`], and the login's own secrets
//! wherever the device repeats them. Names, addresses and serial numbers stay: they are what rules are
//! written against, and only a person can tell which of them are nobody's business.

use std::time::Duration;

use netwolf_wire::{DeviceName, platform::Platform, status::Failure, target::Target};
use serde::{Deserialize, Serialize};

use crate::{
    redact::redact,
    session::once::{Once, Secrets},
};

mod count;

/// The version of the transcript's form that this writes.
pub const FORMAT: u32 = 1;

/// What one device said, free of secrets.
///
/// ```
/// let text = r#"{"format":1,"platform":"arista_eos","hostname":"leaf1","prompt":"leaf1#",
///     "before_prompt":"","commands":[{"command":"show clock","output":"12:00\n"}]}"#;
/// let transcript: netwolf_agent::record::Transcript = serde_json::from_str(text).unwrap();
/// assert_eq!(transcript.commands[0].command, "show clock");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the platform that it was recorded with.
    pub platform: String,
    /// What the device calls itself in its prompt, or its name in the inventory where there is no prompt.
    pub hostname: String,
    /// The literal prompt, with lines that stand above it; empty where commands run on channels of their own.
    pub prompt: String,
    /// What the device shows between the login and its first prompt.
    pub before_prompt: String,
    /// In the order in which they were run.
    pub commands: Vec<Recorded>,
}

/// One command of a transcript.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// As it was typed.
    pub command: String,
    /// As a terminal would show it, without echo and prompt.
    pub output: String,
}

/// What to record.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The device's name in the inventory.
    pub device: &'a DeviceName,
    /// Where it is and how to log in. Secrets are read on this machine.
    pub target: &'a Target,
    /// How it behaves.
    pub platform: &'a Platform,
    /// What to type, in this order.
    pub commands: &'a [String],
    /// Each command's output must be whole within this time.
    pub timeout: Duration,
}

/// How far the recording has come.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// Logged in; the device waits for commands.
    LoggedIn,
    /// A command is about to be run.
    Running(&'a str),
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What may be shown to others once somebody has read it.
    pub transcript: Transcript,
    /// Lines from which a secret was taken.
    pub removed: usize,
    /// Commands whose output was longer than the session's bound and was cut.
    pub cut: Vec<String>,
    /// Commands that are not in the transcript, and why.
    pub failed: Vec<(String, Failure)>,
}

/// Logs in once, runs the commands of `request` and takes the secrets out of what they show. A command that
/// the device refuses or does not end in time is left out and named; when the session breaks, so are those
/// after it.
///
/// # Errors
/// Why there was no login. It is not tried again.
pub async fn record(
    request: &Request<'_>,
    mut progress: impl FnMut(Progress<'_>),
) -> Result<Recording, Failure> {
    let secrets = Secrets::read(&request.target.login).await?;
    let mut session = Once::log_in(request.device, request.target, request.platform).await?;
    progress(Progress::LoggedIn);
    let mut removed = 0;
    let mut clean = |text: &str| {
        let hidden = redact(&secrets.hide_in(text));
        removed += count::changed_lines(text, &hidden);
        hidden
    };
    let (greeting, prompt) = session.welcome();
    let prompt = clean(&prompt);
    let mut transcript = Transcript {
        format: FORMAT,
        platform: request.platform.name.clone(),
        hostname: hostname(&prompt)
            .unwrap_or(request.device.as_str())
            .to_owned(),
        before_prompt: clean(&greeting),
        prompt,
        commands: Vec::new(),
    };
    let mut failed = Vec::new();
    let mut cut = Vec::new();
    let mut commands = request.commands.iter();
    for command in &mut commands {
        progress(Progress::Running(command));
        match session.run(command, request.timeout).await {
            Ok(Ok(output)) => {
                if output.truncated {
                    cut.push(command.clone());
                }
                transcript.commands.push(Recorded {
                    command: command.clone(),
                    output: clean(&output.text),
                });
            }
            Ok(Err(failure)) => failed.push((command.clone(), secrets.hide_in_failure(failure))),
            Err(failure) => {
                let failure = secrets.hide_in_failure(failure);
                failed.push((command.clone(), failure.clone()));
                failed.extend(commands.map(|command| (command.clone(), failure.clone())));
                break;
            }
        }
    }
    session.close().await;
    Ok(Recording {
        transcript,
        removed,
        cut,
        failed,
    })
}

/// What a device calls itself in `prompt`: the first word after a user's name, else after the processor's.
fn hostname(prompt: &str) -> Option<&str> {
    let prompt = prompt.lines().last()?;
    let (_, rest) = prompt
        .split_once('@')
        .or_else(|| prompt.rsplit_once(':'))
        .unwrap_or(("", prompt));
    rest.split(|c: char| !(c.is_alphanumeric() || "-_.".contains(c)))
        .find(|word| word.starts_with(char::is_alphanumeric))
}

#[cfg(test)]
mod tests;
