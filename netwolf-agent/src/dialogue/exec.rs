//! One command on an exec channel: its output ends when the device closes the channel. No IO.
//!
//! ```text
//!   Running --deadline--> Interrupting --2 s--> Stuck (the channel is closed under it)
//!      | close                | close
//!   Finished               TimedOut
//! ```

use std::time::{Duration, Instant};

use super::{Output, cleaner::Cleaner, manners::excerpt, text_of};

/// What became of the command.
#[derive(Debug, PartialEq)]
pub(crate) enum Exec {
    /// The device closed the channel in time.
    Finished(Output),
    /// The deadline passed and the device closed the channel when it was told to.
    TimedOut,
    /// The device did not run the command; its channel is still open.
    Refused,
    /// The deadline passed and the device let the command run on: its channel stays taken.
    Stuck,
}

#[derive(Debug)]
enum State {
    Running { deadline: Instant },
    Interrupting { until: Instant },
    Over,
}

/// A command that runs.
#[derive(Debug)]
pub(crate) struct ExecOutput {
    stdout: Cleaner,
    stderr: Cleaner,
    status: Option<u32>,
    state: State,
    interrupt: bool,
    outcome: Option<Exec>,
}

impl ExecOutput {
    /// A command that must be done at `deadline`.
    pub(crate) const fn new(deadline: Instant) -> Self {
        Self {
            stdout: Cleaner::new(super::MAX_OUTPUT),
            stderr: Cleaner::new(1024),
            status: None,
            state: State::Running { deadline },
            interrupt: false,
            outcome: None,
        }
    }

    /// Output came.
    pub(crate) fn handle_data(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Running { .. }) {
            self.stdout.feed(bytes);
        }
    }

    /// Complaints came.
    pub(crate) fn handle_stderr(&mut self, bytes: &[u8]) {
        self.stderr.feed(bytes);
    }

    /// The command ended with `status`; the channel's end follows.
    pub(crate) const fn handle_status(&mut self, status: u32) {
        self.status = Some(status);
    }

    /// The device does not run the command.
    pub(crate) fn handle_refused(&mut self) {
        if !matches!(self.state, State::Over) {
            self.outcome = Some(Exec::Refused);
            self.state = State::Over;
        }
    }

    /// The channel ended.
    pub(crate) fn handle_close(&mut self) {
        self.outcome = match self.state {
            State::Running { .. } => Some(Exec::Finished(self.finish())),
            State::Interrupting { .. } => Some(Exec::TimedOut),
            State::Over => return,
        };
        self.state = State::Over;
    }

    fn finish(&mut self) -> Output {
        // A last line without end is as good as the others.
        let mut bytes = self.stdout.lines().to_vec();
        bytes.extend_from_slice(self.stdout.current_line());
        let text = text_of(&bytes);
        let rejected = match self.status {
            // Tools say by their status that they found nothing, after having said what they did find.
            Some(status) if status != 0 && (text.trim().is_empty() || status == 127) => {
                let complaint = String::from_utf8_lossy(self.stderr.lines()).into_owned()
                    + &String::from_utf8_lossy(self.stderr.current_line());
                let line = complaint.lines().find(|line| !line.trim().is_empty());
                Some(line.map_or_else(|| format!("exit status {status}"), excerpt))
            }
            _ => None,
        };
        Output {
            text,
            truncated: self.stdout.is_truncated(),
            rejected,
        }
    }

    /// Whether the command is to be told to stop, once.
    pub(crate) const fn poll_interrupt(&mut self) -> bool {
        std::mem::replace(&mut self.interrupt, false)
    }

    /// What became of the command, once.
    pub(crate) const fn poll_outcome(&mut self) -> Option<Exec> {
        self.outcome.take()
    }

    /// When [`Self::handle_timeout`] is due.
    pub(crate) const fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Running { deadline } => Some(deadline),
            State::Interrupting { until } => Some(until),
            State::Over => None,
        }
    }

    /// Time has passed. Harmless when nothing was due.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::Running { deadline } if now >= deadline => {
                self.stdout.clear();
                self.interrupt = true;
                self.state = State::Interrupting {
                    until: now + super::INTERRUPT_GRACE,
                };
            }
            State::Interrupting { until } if now >= until => {
                self.outcome = Some(Exec::Stuck);
                self.state = State::Over;
            }
            _ => {}
        }
    }
}

/// Sooner or later the device has no channel left: after so many that stay taken the session is rebuilt.
///
/// OpenSSH grants ten to a connection; devices grant five and more.
pub(crate) const MAX_STUCK: u32 = 3;

/// russh remembers each channel that we closed first, so a connection serves so many of them and is rebuilt.
pub(crate) const MAX_CLOSED_FIRST: u32 = 500;

const _: () =
    assert!(MAX_STUCK >= 1 && super::INTERRUPT_GRACE.as_nanos() > Duration::ZERO.as_nanos());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_close_ends_the_output() {
        let now = Instant::now();
        let mut exec = ExecOutput::new(now + Duration::from_secs(5));
        exec.handle_data(b"0.10 0.20 0.30 1/100 42\r\nlast");
        assert_eq!(exec.poll_outcome(), None);
        exec.handle_status(0);
        exec.handle_close();
        let Some(Exec::Finished(output)) = exec.poll_outcome() else {
            panic!()
        };
        assert_eq!(output.text, "0.10 0.20 0.30 1/100 42\nlast");
        assert_eq!(output.rejected, None);
        assert_eq!(exec.poll_outcome(), None);
    }

    #[test]
    fn a_refusal_is_the_end_of_it() {
        let mut exec = ExecOutput::new(Instant::now());
        exec.handle_refused();
        assert_eq!(exec.poll_outcome(), Some(Exec::Refused));
        exec.handle_close();
        assert_eq!((exec.poll_outcome(), exec.poll_timeout()), (None, None));
    }

    #[test]
    fn a_failed_command_is_told_in_the_devices_words() {
        let mut exec = ExecOutput::new(Instant::now());
        exec.handle_stderr(b"sh: 1: shwo: not found\n");
        exec.handle_status(127);
        exec.handle_close();
        let Some(Exec::Finished(output)) = exec.poll_outcome() else {
            panic!()
        };
        assert_eq!(output.rejected.as_deref(), Some("sh: 1: shwo: not found"));
    }

    #[test]
    fn a_status_after_output_is_no_refusal() {
        let mut exec = ExecOutput::new(Instant::now());
        exec.handle_data(b"found\n");
        exec.handle_status(1);
        exec.handle_close();
        assert!(matches!(
            exec.poll_outcome(),
            Some(Exec::Finished(Output { rejected: None, .. }))
        ));
    }

    #[test]
    fn a_late_command_is_interrupted_once_and_then_given_up() {
        let now = Instant::now();
        let mut exec = ExecOutput::new(now + Duration::from_secs(5));
        let deadline = exec.poll_timeout().unwrap();
        exec.handle_timeout(now);
        assert!(!exec.poll_interrupt());
        exec.handle_timeout(deadline);
        assert!(exec.poll_interrupt());
        assert!(!exec.poll_interrupt());
        let until = exec.poll_timeout().unwrap();
        exec.handle_timeout(until);
        assert_eq!(exec.poll_outcome(), Some(Exec::Stuck));
        exec.handle_close();
        assert_eq!(exec.poll_outcome(), None);
    }

    #[test]
    fn a_late_command_that_stops_when_told_is_a_timeout_only() {
        let now = Instant::now();
        let mut exec = ExecOutput::new(now);
        exec.handle_timeout(now);
        exec.handle_data(b"late output is dropped");
        exec.handle_close();
        assert_eq!(exec.poll_outcome(), Some(Exec::TimedOut));
    }
}
