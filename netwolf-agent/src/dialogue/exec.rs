//! One command on an exec channel: its output ends when the device closes the channel. No IO.
//!
//! ```text
//!   Running --deadline--> Interrupting --2 s--> Stuck (the channel is closed under it)
//!      | close                | close
//!   Finished, Cut          TimedOut
//! ```
//!
//! A device that tells how commands end does so always: where it has not, or says that a signal ended the
//! command, the output is not whole. Many network devices never tell; their close is all there is.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use netwolf_secret::Outgoing;

use super::{
    Answer, Output,
    answering::{Answering, Due},
    cleaner::Cleaner,
    login::QUESTION_ENDS,
    manners::{Manners, excerpt},
    text_of,
};

/// What became of the command.
#[derive(Debug, PartialEq)]
pub enum Exec {
    /// The device closed the channel in time.
    Finished(Output),
    /// The device closed the channel in time, but the command had not come to its end; why.
    Cut(String),
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
pub struct ExecOutput {
    manners: Arc<Manners>,
    stdout: Cleaner,
    stderr: Cleaner,
    status: Option<u32>,
    /// What ended the command, if that was a signal.
    signal: Option<String>,
    /// This device tells how commands end.
    tells_status: bool,
    /// What the command may ask.
    answering: Answering,
    /// Answers that are to be sent.
    transmit: Outgoing,
    /// What stood there as a question when it was stopped.
    unanswered: Option<String>,
    /// What was asked so often that it was stopped.
    asked_too_often: Option<String>,
    state: State,
    interrupt: bool,
    outcome: Option<Exec>,
}

impl ExecOutput {
    /// A command that must be done at `deadline`.
    pub fn new(manners: Arc<Manners>, deadline: Instant) -> Self {
        Self {
            manners,
            stdout: Cleaner::new(super::MAX_OUTPUT),
            stderr: Cleaner::new(1024),
            status: None,
            signal: None,
            tells_status: false,
            answering: Answering::default(),
            transmit: Outgoing::default(),
            unanswered: None,
            asked_too_often: None,
            state: State::Running { deadline },
            interrupt: false,
            outcome: None,
        }
    }

    /// A command of a device that tells how commands end, as those before this one have shown.
    #[must_use]
    pub const fn telling_status(mut self, tells: bool) -> Self {
        self.tells_status = tells;
        self
    }

    /// A command that may ask something.
    #[must_use]
    pub fn answering(mut self, answers: Arc<[Answer]>) -> Self {
        self.answering = Answering::new(answers);
        self
    }

    /// Sends no answer any more, whatever the command asks.
    pub fn withhold_answers(&mut self) {
        self.answering.withhold();
    }

    /// The question that stood there when the command was past its deadline, if it looked like one.
    pub fn take_unanswered(&mut self) -> Option<String> {
        self.unanswered.take()
    }

    /// What the command asked again and again, however often it was answered, so that it was stopped.
    pub fn take_asked_too_often(&mut self) -> Option<String> {
        self.asked_too_often.take()
    }

    /// What was answered, without the key that ends a line.
    pub fn take_answered(&mut self) -> Vec<String> {
        self.answering.take_told()
    }

    /// Answers to be sent.
    pub fn poll_transmit(&mut self) -> Option<Outgoing> {
        (!self.transmit.is_empty()).then(|| std::mem::take(&mut self.transmit))
    }

    /// Whether the device has told how the command ended.
    pub const fn has_status(&self) -> bool {
        self.status.is_some() || self.signal.is_some()
    }

    /// Output came. Tells whether the driver must look: an answer is due, sooner or later.
    pub fn handle_data(&mut self, bytes: &[u8], now: Instant) -> bool {
        if !matches!(self.state, State::Running { .. }) {
            return false;
        }
        self.stdout.feed(bytes);
        self.answering.silence_ends();
        self.answering.hear(&self.stdout, now)
    }

    /// Complaints came.
    pub fn handle_stderr(&mut self, bytes: &[u8]) {
        self.stderr.feed(bytes);
    }

    /// The command ended with `status`; the channel's end follows.
    pub const fn handle_status(&mut self, status: u32) {
        self.status = Some(status);
    }

    /// The command was ended by the signal of this name; the channel's end follows.
    pub fn handle_signal(&mut self, name: &str) {
        self.signal = Some(excerpt(name));
    }

    /// The device does not run the command.
    pub fn handle_refused(&mut self) {
        if !matches!(self.state, State::Over) {
            self.outcome = Some(Exec::Refused);
            self.state = State::Over;
        }
    }

    /// The channel ended.
    pub fn handle_close(&mut self) {
        self.outcome = match self.state {
            State::Running { .. } => Some(match self.cut() {
                Some(why) => Exec::Cut(why),
                None => Exec::Finished(self.finish()),
            }),
            State::Interrupting { .. } => Some(Exec::TimedOut),
            State::Over => return,
        };
        self.state = State::Over;
    }

    /// Why the output is not whole, if it is not.
    fn cut(&self) -> Option<String> {
        match (&self.signal, self.status) {
            (Some(signal), _) => Some(format!("signal {signal} ended it")),
            (None, None) if self.tells_status => {
                Some("the channel was closed without an exit status".into())
            }
            _ => None,
        }
    }

    fn finish(&mut self) -> Output {
        let truncated = self.stdout.is_truncated();
        // A last line without end is as good as the others; with one, what some devices print above a prompt
        // may stand there although there is no prompt.
        let last = self.stdout.current_line().to_vec();
        let end = if last.is_empty() {
            self.manners.without_above(self.stdout.lines()).len()
        } else {
            self.stdout.lines().len()
        };
        let mut bytes = self.stdout.take(end);
        if !truncated {
            bytes.extend_from_slice(&last);
        }
        let text = text_of(bytes);
        let complaint = || {
            let said = String::from_utf8_lossy(self.stderr.lines()).into_owned()
                + &String::from_utf8_lossy(self.stderr.current_line());
            let line = said.lines().find(|line| !line.trim().is_empty());
            line.map(str::to_owned)
        };
        let rejected = match self.status {
            // Tools say by their status that they found nothing, after having said what they did find.
            Some(status) if status != 0 && (text.trim().is_empty() || status == 127) => {
                Some(complaint().unwrap_or_else(|| format!("exit status {status}")))
            }
            // A device's command line has the words that it has in a shell.
            _ => self.manners.refusal(&text).map(str::to_owned),
        };
        Output {
            text,
            truncated,
            rejected,
        }
    }

    /// Whether the command is to be told to stop, once.
    pub const fn poll_interrupt(&mut self) -> bool {
        std::mem::replace(&mut self.interrupt, false)
    }

    /// What became of the command, once.
    pub const fn poll_outcome(&mut self) -> Option<Exec> {
        self.outcome.take()
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Running { deadline } => Some(
                self.answering
                    .due_at()
                    .map_or(deadline, |at| at.min(deadline)),
            ),
            State::Interrupting { until } => Some(until),
            State::Over => None,
        }
    }

    /// Tells the device to stop what it does.
    fn stop(&mut self, now: Instant) {
        self.answering.withhold();
        self.stdout.clear();
        self.interrupt = true;
        self.state = State::Interrupting {
            until: now + super::INTERRUPT_GRACE,
        };
    }

    /// Time has passed. Harmless when nothing was due.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::Running { deadline } if now >= deadline => {
                let line = text_of(self.stdout.shown().to_vec());
                let is_question = line.ends_with(|end| QUESTION_ENDS.contains(end));
                self.unanswered = is_question.then(|| excerpt(&line));
                self.stop(now);
            }
            State::Running { .. } => match self.answering.take(&self.stdout, now) {
                None => {}
                Some(Due::Answer(answer)) => self.transmit.push(&answer),
                Some(Due::TooOften) => {
                    let line = text_of(self.stdout.shown().to_vec());
                    self.asked_too_often = Some(excerpt(&line));
                    self.stop(now);
                }
            },
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
pub const MAX_STUCK: u32 = 3;

/// russh remembers each channel that we closed first, so a connection serves so many of them and is rebuilt.
pub const MAX_CLOSED_FIRST: u32 = 500;

const _: () =
    assert!(MAX_STUCK >= 1 && super::INTERRUPT_GRACE.as_nanos() > Duration::ZERO.as_nanos());

#[cfg(test)]
mod tests {
    use netwolf_wire::platform::{Platform, Transport};

    use super::*;

    /// A command on a device of a platform like Juniper's.
    fn exec(deadline: Instant) -> ExecOutput {
        let mut platform = Platform::new("juniper_junos", Transport::Exec);
        platform.failures = vec!["^syntax error".into(), "^unknown command".into()];
        platform.above = Some(r"\{master:\d\}".into());
        let manners = Manners::compile(&platform).unwrap();
        ExecOutput::new(Arc::new(manners), deadline)
    }

    #[track_caller]
    fn check(stdout: &str, expected: &str, rejected: Option<&str>) {
        let mut exec = exec(Instant::now());
        exec.handle_data(stdout.as_bytes(), Instant::now());
        exec.handle_status(0);
        exec.handle_close();
        let Some(Exec::Finished(output)) = exec.poll_outcome() else {
            panic!()
        };
        assert_eq!(output.text, expected);
        assert_eq!(output.rejected.as_deref(), rejected);
    }

    #[test]
    fn a_refusal_is_known_by_the_platforms_words() {
        check(
            "          ^\r\nsyntax error, expecting <command>.\r\n",
            "          ^\nsyntax error, expecting <command>.\n",
            Some("syntax error, expecting <command>."),
        );
    }

    #[test]
    fn what_stands_above_a_prompt_is_no_output() {
        check("one\n\n{master:0}\n", "one\n", None);
        check("{master:0}\none\n\nlast", "{master:0}\none\n\nlast", None);
    }

    #[test]
    fn the_close_ends_the_output() {
        let now = Instant::now();
        let mut exec = exec(now + Duration::from_secs(5));
        exec.handle_data(b"0.10 0.20 0.30 1/100 42\r\nlast", Instant::now());
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
    fn output_of_a_command_that_did_not_end_by_itself_is_not_whole() {
        let mut killed = exec(Instant::now());
        killed.handle_data(b"half", Instant::now());
        killed.handle_signal("KILL");
        killed.handle_close();
        assert!(killed.has_status());
        assert!(matches!(killed.poll_outcome(), Some(Exec::Cut(why)) if why.contains("KILL")));
        for tells in [true, false] {
            let mut cut = exec(Instant::now()).telling_status(tells);
            cut.handle_data(b"half", Instant::now());
            cut.handle_close();
            assert!(!cut.has_status());
            assert_eq!(matches!(cut.poll_outcome(), Some(Exec::Cut(_))), tells);
        }
    }

    #[test]
    fn a_refusal_is_the_end_of_it() {
        let mut exec = exec(Instant::now());
        exec.handle_refused();
        assert_eq!(exec.poll_outcome(), Some(Exec::Refused));
        exec.handle_close();
        assert_eq!((exec.poll_outcome(), exec.poll_timeout()), (None, None));
    }

    #[test]
    fn a_failed_command_is_told_in_the_devices_words() {
        let mut exec = exec(Instant::now());
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
        let mut exec = exec(Instant::now());
        exec.handle_data(b"found\n", Instant::now());
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
        let mut exec = exec(now + Duration::from_secs(5));
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
    fn a_command_that_asks_is_answered_after_a_silence() {
        let now = Instant::now();
        let answer = Answer::new(r"\[y/N\]", "y\n".into()).unwrap();
        let mut asking = exec(now + Duration::from_secs(5)).answering([answer].into());
        assert!(!asking.handle_data(b"removing\n", now));
        assert!(
            asking.handle_data(b"really? [y/N] ", now),
            "the driver must look"
        );
        let due = asking.poll_timeout().unwrap();
        assert!(due > now && due < now + Duration::from_secs(5));
        asking.handle_timeout(due);
        assert_eq!(&*asking.poll_transmit().unwrap(), b"y\n");
        assert!(asking.poll_transmit().is_none());
        asking.handle_data(b"y\nand again? [y/N] ", due);
        asking.withhold_answers();
        let deadline = asking.poll_timeout().unwrap();
        asking.handle_timeout(deadline);
        assert!(asking.poll_transmit().is_none());
        assert_eq!(
            asking.take_unanswered().as_deref(),
            Some("and again? [y/N]")
        );
    }

    #[test]
    fn a_command_that_asks_again_and_again_is_stopped() {
        let now = Instant::now();
        let answer = Answer::new(r"\[y/N\]", "y\n".into()).unwrap();
        let mut asking = exec(now + Duration::from_secs(5)).answering([answer].into());
        for no in 0..9 {
            assert!(asking.handle_data(b"\nreally? [y/N] ", now));
            asking.handle_timeout(asking.poll_timeout().unwrap());
            assert_eq!(asking.poll_transmit().is_some(), no < 8, "{no}");
        }
        assert!(asking.poll_interrupt());
        assert_eq!(asking.take_answered(), ["y"; 8]);
        let asked = asking.take_asked_too_often().unwrap();
        assert_eq!(asked, "really? [y/N]");
        asking.handle_close();
        assert_eq!(asking.poll_outcome(), Some(Exec::TimedOut));
    }

    #[test]
    fn a_late_command_that_stops_when_told_is_a_timeout_only() {
        let now = Instant::now();
        let mut exec = exec(now);
        exec.handle_timeout(now);
        exec.handle_data(b"late output is dropped", Instant::now());
        exec.handle_close();
        assert_eq!(exec.poll_outcome(), Some(Exec::TimedOut));
    }
}
