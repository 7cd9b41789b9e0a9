//! A child process that is this same program with another verb: started, waited for until it says that it is
//! ready, asked, and ended.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::{Instant, timeout, timeout_at},
};

use crate::print;

/// Thousands of listeners on a loaded machine take seconds; past this something is wrong.
const READY: Duration = Duration::from_secs(30);

/// A running child. Its standard input is a pipe of ours: it ends when that is closed.
pub(crate) struct Part {
    name: String,
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
}

/// A part that ended instead of answering, and said why: its log has no more to tell.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SaidWhy(String);

impl Part {
    /// This executable again, with its standard error in a log of its own.
    pub(crate) fn command(name: &str, folder: &Path) -> anyhow::Result<Command> {
        let mut command =
            Command::new(std::env::current_exe().context("cannot find my own executable")?);
        let log = File::create(log_path(name, folder)).context("cannot write a log file")?;
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        // A process group of its own, so that Ctrl-C reaches only us and we choose the order of the end.
        command.process_group(0);
        Ok(command)
    }

    /// Starts `command` and waits for its line of JSON that says that it is ready.
    pub(crate) async fn start(
        name: &str,
        mut command: Command,
        folder: &Path,
    ) -> anyhow::Result<(Self, Value)> {
        command.args(["--announce", "--exit-with-parent"]);
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start the {name}"))?;
        let stdout = child
            .stdout
            .take()
            .context("a child without its standard output")?;
        let mut part = Self {
            name: name.into(),
            child,
            said: BufReader::new(stdout).lines(),
            log: log_path(name, folder),
        };
        let ready = part.hear("before it was ready").await?;
        Ok((part, ready))
    }

    /// Sends it a line and waits for the line of JSON that answers.
    pub(crate) async fn ask(&mut self) -> anyhow::Result<Value> {
        let stdin = self.child.stdin.as_mut().context("it was told to end")?;
        if stdin.write_all(b"\n").await.is_err() {
            bail!("{} has ended{}", self.name, self.last_words());
        }
        self.hear("before it answered").await
    }

    async fn hear(&mut self, when: &str) -> anyhow::Result<Value> {
        let name = &self.name;
        let line = timeout(READY, self.said.next_line())
            .await
            .with_context(|| format!("{name} said nothing in {READY:?}"))?;
        let Some(line) = line? else {
            let words = self.last_words();
            let message = format!("{name} ended {when}{words}");
            if words.is_empty() {
                bail!(message);
            }
            return Err(SaidWhy(message).into());
        };
        serde_json::from_str(&line).with_context(|| format!("{name} said {line:?}"))
    }

    /// Its process.
    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        let id = self.child.id();
        id.with_context(|| format!("{} has ended", self.name))
    }

    /// An error when the process has ended.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended ({status}){}", self.name, self.last_words());
        }
        Ok(())
    }

    /// Closes its standard input, which it takes as the wish to end.
    pub(crate) fn ask_to_end(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits for its end until `deadline`, then makes an end of it.
    pub(crate) async fn end_by(&mut self, deadline: Instant) {
        if timeout_at(deadline, self.child.wait()).await.is_err() {
            print::tell!("{} did not end in time and was killed", self.name);
            if let Err(error) = self.child.kill().await {
                print::tell!("{} could not be killed: {error}", self.name);
            }
        }
    }

    /// The last warnings and errors of its log, to stand behind an error.
    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let telling = |line: &&str| {
            ["WARN", "ERROR", "error:", "hint:"]
                .iter()
                .any(|word| line.contains(word))
        };
        let mut lines: Vec<_> = log.lines().filter(telling).rev().take(5).collect();
        lines.reverse();
        if lines.is_empty() {
            String::new()
        } else {
            format!(":\n{}", lines.join("\n"))
        }
    }
}

fn log_path(name: &str, folder: &Path) -> PathBuf {
    folder.join(format!("{name}.log"))
}

/// What a part told when it was ready.
pub(crate) fn told(ready: &serde_json::Value, key: &str) -> anyhow::Result<String> {
    let text = ready.get(key).and_then(serde_json::Value::as_str);
    text.map(str::to_owned)
        .with_context(|| format!("a part did not tell its {key:?}"))
}

/// Text that nobody guesses: the devices listen on loopback, where other users of the machine are too.
pub(crate) fn random_text() -> anyhow::Result<String> {
    use std::io::Read;

    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("no random bytes")?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// Writes a file that nobody else may read.
pub(crate) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};

    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(())
}
