//! What every manner of device offers to the SSH side: one login's conversation, without IO.
//!
//! The driver feeds bytes with [`Dialogue::handle_bytes`] and carries out the [`Output`]s in
//! order. A dialogue reads no clock and holds no socket: time, users and the hostname in force
//! come in as [`Around`]. The same bytes split at any point give the same outputs.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;

/// What a dialogue may know of the world at the time of one call.
pub struct Around<'a> {
    /// The time.
    pub now: Moment,
    /// The hostname in force, which another login may have changed.
    pub hostname: &'a Arc<str>,
    /// Who is logged in; asked for only by commands that show it.
    pub users: &'a dyn Fn() -> Vec<UserLine>,
    /// Lines of configuration that were put in force; asked for only by commands that show it.
    pub configuration: &'a dyn Fn() -> Vec<String>,
    /// Whether prompts bear the mark of unsaved changes, whatever the login knows.
    pub mark: bool,
    /// Whether output is paged although the pager was switched off.
    pub pager_forced: bool,
}

/// One occupied terminal line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserLine {
    /// The number of the line, from 0.
    pub number: usize,
    /// Whether it is the line of the one who asks.
    pub own: bool,
    /// The user's name; empty before login.
    pub user: String,
    /// Time since the user last sent something.
    pub idle: Duration,
    /// The address the user came from.
    pub location: String,
}

/// One thing for the driver to do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send these bytes.
    Text(Vec<u8>),
    /// A command was accepted and what follows answers it. The driver counts it, and places the
    /// device's faults (delay, flood, silence) here.
    Answer,
    /// The answer is what a `show` command of the IOS families shows; the driver counts it.
    Shown,
    /// Send this prompt: the answer is complete.
    Prompt(Vec<u8>),
    /// This line was executed; only where the device remembers.
    Ran(String),
    /// The last of these lines of configuration is now in force, below the others; only where the device remembers.
    Configured(Vec<String>),
    /// The device now has this name, for all its logins.
    Hostname(Arc<str>),
    /// End the session with this exit status.
    Close {
        /// The exit status for the client.
        status: u32,
    },
}

/// One login's conversation with one device.
///
/// Call [`open`](Dialogue::open) or [`exec`](Dialogue::exec) once, first. After an
/// [`Output::Close`] further calls do nothing.
pub trait Dialogue: Send + Sync {
    /// A shell begins: message of the day and first prompt.
    fn open(&mut self, around: &Around<'_>, out: &mut Outputs);

    /// One command instead of a shell: its output without echo, pager or prompt, then the end.
    fn exec(&mut self, command: &str, around: &Around<'_>, out: &mut Outputs);

    /// Bytes the user typed, cut anywhere.
    fn handle_bytes(&mut self, bytes: &[u8], around: &Around<'_>, out: &mut Outputs);

    /// What a busy device shows at once of bytes that it will handle later.
    fn echo_ahead(&self, bytes: &[u8]) -> Vec<u8> {
        let _ = bytes;
        Vec::new()
    }

    /// The terminal's size in characters; 0 means unknown.
    fn resize(&mut self, columns: usize, rows: usize);

    /// The prompt as it would be printed now.
    fn prompt(&self) -> String;
}

/// Outputs in order; neighbouring text is joined, so that it leaves in one packet.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outputs(Vec<Output>);

impl Outputs {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends `bytes`.
    pub fn text(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        if bytes.is_empty() {
            return;
        }
        if let Some(Output::Text(last)) = self.0.last_mut() {
            last.extend_from_slice(bytes);
        } else {
            self.0.push(Output::Text(bytes.to_vec()));
        }
    }

    /// Adds any other output.
    pub fn push(&mut self, output: Output) {
        self.0.push(output);
    }

    /// Whether some command was accepted.
    pub fn has_answer(&self) -> bool {
        self.0.contains(&Output::Answer)
    }

    /// The outputs so far.
    pub fn as_slice(&self) -> &[Output] {
        &self.0
    }

    /// All bytes for the client, prompts included, in order.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for output in &self.0 {
            if let Output::Text(text) | Output::Prompt(text) = output {
                bytes.extend_from_slice(text);
            }
        }
        bytes
    }
}

impl IntoIterator for Outputs {
    type Item = Output;
    type IntoIter = std::vec::IntoIter<Output>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
