//! One run of one program: its own process group, bounded in time and in what it says.

use std::{io, process::Stdio, time::Duration};

use netwolf_wire::secret::Program;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
    time::timeout,
};
use zeroize::Zeroizing;

use super::{ProgramError, shown};
use crate::{Secret, SecretError, file};

/// A program that asks a server over the network is done in a second or two, or never.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// So much of its standard error is listened to, in bytes; the rest is let go.
const MAX_HEARD: usize = 4096;

/// So much of it is told, in characters.
const MAX_TOLD: usize = 200;

/// A shorter line may be any word of a message.
const MIN_HIDDEN: usize = 4;

/// Kills a process and what it has started, unless it was waited for.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0
            && let Err(error) = kill_process_group(group, Signal::KILL)
        {
            tracing::debug!(%error, "a program could not be killed");
        }
    }
}

/// Runs `program` and takes what it prints for the secret.
pub(super) async fn run(program: &Program) -> Result<Secret, SecretError> {
    let mut child = Command::new(program.path())
        .args(program.arguments())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| cannot_run(program, &error))?;
    // Dropped before the child, whose number is its own as long as nobody has waited for it.
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    let mut group = Group(id.and_then(Pid::from_raw));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut printed = Buffer::new(file::MAX_SECRET + 1);
    let mut heard = Buffer::new(MAX_HEARD);
    let ran = timeout(TIMEOUT, async {
        let (read, listened) = tokio::join!(printed.fill(stdout, false), heard.fill(stderr, true));
        read?;
        listened?;
        if printed.is_full() {
            // It may go on for ever.
            return Ok(None);
        }
        let status = child.wait().await?;
        group.0 = None;
        Ok(Some(status))
    });
    let status = match ran.await {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => return Err(cannot_run(program, &error)),
        Err(_) => return Err(ProgramError::Late(shown(program)).into()),
    };
    match status {
        Some(status) if !status.success() => Err(ProgramError::Failed {
            program: shown(program),
            status: status.to_string(),
            said: said(heard.bytes(), printed.bytes()),
        }
        .into()),
        _ => file::text(printed.bytes(), || shown(program)),
    }
}

fn cannot_run(program: &Program, error: &io::Error) -> SecretError {
    ProgramError::Start {
        program: shown(program),
        error: error.to_string(),
    }
    .into()
}

/// What comes out of a program, in memory that does not grow and is wiped.
struct Buffer {
    bytes: Zeroizing<Vec<u8>>,
    len: usize,
}

impl Buffer {
    fn new(size: usize) -> Self {
        Self {
            bytes: Zeroizing::new(vec![0; size]),
            len: 0,
        }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn is_full(&self) -> bool {
        self.len == self.bytes.len()
    }

    /// Reads to the end of `from`, or until it is full; `to_the_end` lets go what does not fit.
    async fn fill(
        &mut self,
        from: Option<impl AsyncRead + Unpin>,
        to_the_end: bool,
    ) -> io::Result<()> {
        let Some(mut from) = from else {
            return Ok(());
        };
        let mut rest = Zeroizing::new([0; 512]);
        loop {
            let room = match self.bytes.get_mut(self.len..) {
                Some(room) if !room.is_empty() => room,
                _ if to_the_end => &mut rest[..],
                _ => return Ok(()),
            };
            let n_read = from.read(room).await?;
            if n_read == 0 {
                return Ok(());
            }
            self.len = (self.len + n_read).min(self.bytes.len());
        }
    }
}

/// The beginning of what a program `heard` says, in one line and without what it has `printed`.
fn said(heard: &[u8], printed: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(heard).into_owned();
    let printed = String::from_utf8_lossy(printed);
    let lines = printed.lines().map(str::trim);
    for line in lines.filter(|line| line.len() >= MIN_HIDDEN) {
        text = text.replace(line, "***");
    }
    let words: Vec<_> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .collect();
    let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return String::new();
    }
    let line: String = words.join(" ").chars().take(MAX_TOLD).collect();
    format!(": {line}")
}
