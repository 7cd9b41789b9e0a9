//! One child process of the demo: started, waited for until it says that it is ready, and ended.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::{Instant, timeout, timeout_at},
};

/// Thousands of listeners on a loaded machine take seconds; past this something is wrong.
const READY: Duration = Duration::from_secs(30);

/// A running child. Its standard input is a pipe of ours: it ends when that is closed.
pub(super) struct Part {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Part {
    /// This executable again, with its standard error in a log of its own.
    pub(super) fn command(name: &str, folder: &Path) -> anyhow::Result<Command> {
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
    pub(super) async fn start(
        name: &str,
        mut command: Command,
        folder: &Path,
    ) -> anyhow::Result<(Self, Value)> {
        command.args(["--announce", "--exit-with-parent"]);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start the {name}"))?;
        let mut part = Self {
            name: name.into(),
            child,
            log: log_path(name, folder),
        };
        let stdout = part
            .child
            .stdout
            .take()
            .context("a child without its standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = timeout(READY, lines.next_line())
            .await
            .with_context(|| format!("{name} was not ready in {READY:?}"))?;
        match line? {
            Some(line) => {
                let ready =
                    serde_json::from_str(&line).with_context(|| format!("{name} said {line:?}"))?;
                Ok((part, ready))
            }
            None => bail!("{name} ended before it was ready{}", part.last_words()),
        }
    }

    /// An error when the process has ended.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended ({status}){}", self.name, self.last_words());
        }
        Ok(())
    }

    /// Closes its standard input, which it takes as the wish to end.
    pub(super) fn ask_to_end(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits for its end until `deadline`, then makes an end of it.
    pub(super) async fn end_by(&mut self, deadline: Instant) {
        if timeout_at(deadline, self.child.wait()).await.is_err() {
            eprintln!("{} did not end in time and was killed", self.name);
            if let Err(error) = self.child.kill().await {
                eprintln!("{} could not be killed: {error}", self.name);
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
