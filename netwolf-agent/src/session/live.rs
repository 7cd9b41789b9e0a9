//! A session that is logged in: runs one command at a time over the platform's transport.
//!
//! The decisions are in [`crate::dialogue`]; this moves bytes, closes channels and minds the deadlines.

use std::{convert::Infallible, future::pending, sync::Arc, time::Instant};

use netwolf_secret::{Imprint, Secret};
use netwolf_wire::{
    platform::Transport,
    status::{Failure, Reason},
};

use tokio::time::timeout_at;

use super::{
    feed::{Feed, Tap},
    ssh::Connection,
};
use crate::dialogue::{
    Answer, Dialogue, Event, INTERRUPT_GRACE, Output,
    exec::{Exec, ExecOutput, MAX_CLOSED_FIRST, MAX_STUCK},
    manners::{Manners, excerpt},
};

/// What became of a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Output(Output),
    /// It was not done in time. The session goes on.
    TimedOut,
    /// The device does not run it. The session goes on.
    Refused,
    /// The device ended it before it was done, in these words. The session goes on.
    Cut(String),
}

/// A logged-in session.
pub(super) struct Live {
    connection: Connection,
    manners: Arc<Manners>,
    /// Not to be shown when the device says it; a shell's dialogue has typed it by then.
    enable_secret: Option<Imprint>,
    /// Exec channels that the device keeps taken by commands that did not stop.
    stuck: u32,
    closed_first: u32,
    /// The device has told how a command ended, so that it always does.
    tells_status: bool,
    /// The question at which the last command on a channel was stopped.
    unanswered: Option<String>,
    /// What the last command on a channel asked so often that it was stopped.
    asked_too_often: Option<String>,
    /// What the last command on a channel was answered with.
    answered: Vec<String>,
}

impl Live {
    #[cfg(test)]
    pub(super) const fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Takes `connection` to the point where the first command can be run.
    ///
    /// # Errors
    /// Why there was no prompt. The connection is closed then.
    pub(super) async fn open(
        mut connection: Connection,
        manners: &Arc<Manners>,
        enable_secret: Option<Secret>,
        step_timeout: std::time::Duration,
    ) -> Result<Self, Failure> {
        let transport = manners.transport;
        let imprint = enable_secret.as_ref().map(Secret::imprint);
        if transport == Transport::Shell {
            let dialogue =
                Dialogue::new(manners.clone(), enable_secret, step_timeout, Instant::now())
                    .hiding(connection.password().cloned());
            if let Err(failure) = connection
                .open_shell(manners.width, Tap::Shell(Box::new(dialogue)))
                .await
            {
                connection.close().await;
                return Err(failure);
            }
        }
        let mut live = Self {
            connection,
            manners: manners.clone(),
            enable_secret: imprint,
            stuck: 0,
            closed_first: 0,
            tells_status: false,
            unanswered: None,
            asked_too_often: None,
            answered: Vec::new(),
        };
        if transport == Transport::Shell
            && let Err(failure) = live.wait_until_ready().await
        {
            live.close().await;
            return Err(failure);
        }
        Ok(live)
    }

    /// Waits until [`Self::pump`] has something to look at. May be dropped at any time.
    pub(super) async fn woken(&mut self) {
        self.connection.woken().await;
    }

    /// The same, until `at` at most: both ends of the wait lead to the same look.
    pub(super) async fn woken_by(&mut self, at: Option<Instant>) {
        let Some(at) = at else {
            return self.woken().await;
        };
        if timeout_at(at.into(), self.woken()).await.is_err() {
            tracing::trace!("something is due on a session");
        }
    }

    /// Keeps the session while nobody has anything to do on it: the device is listened to, and answered where it asks for
    /// a sign of life or for new keys.
    pub(super) async fn stand_by(&mut self) -> Infallible {
        loop {
            self.connection.handle_timeout(Instant::now());
            if self.connection.is_over() {
                // Whoever has something to do will see it.
                return pending().await;
            }
            self.woken_by(self.connection.poll_timeout()).await;
        }
    }

    async fn wait_until_ready(&mut self) -> Result<(), Failure> {
        loop {
            self.connection.handle_timeout(Instant::now());
            match self.pump_shell().await? {
                Some(Event::Ready) => return Ok(()),
                Some(Event::Failed(failure)) => return Err(failure),
                Some(_) => {}
                None => self.woken_by(self.timeout()).await,
            }
        }
    }

    /// What the device said, without the secrets of the login.
    pub(super) fn without_secrets(&self, text: &str) -> String {
        let text = self.connection.without_password(text);
        match &self.enable_secret {
            Some(secret) => secret.hide_in(&text),
            None => text,
        }
    }

    pub(super) fn feed(&self) -> &Arc<Feed> {
        self.connection.feed()
    }

    /// Starts a command that must be done at `deadline`. None may be under way.
    ///
    /// # Errors
    /// Why the session is over.
    pub(super) async fn start(&mut self, text: &str, deadline: Instant) -> Result<(), Failure> {
        self.start_answering(text, deadline, &Arc::default()).await
    }

    /// As [`Self::start`], and `answers` are typed where the device asks for them meanwhile.
    ///
    /// # Errors
    /// Why the session is over.
    pub(super) async fn start_answering(
        &mut self,
        text: &str,
        deadline: Instant,
        answers: &Arc<[Answer]>,
    ) -> Result<(), Failure> {
        match self.manners.transport {
            Transport::Shell => {
                let transmit = match &mut self.feed().lock().tap {
                    Tap::Shell(dialogue) => {
                        dialogue.start_command_answering(text, deadline, answers.clone());
                        dialogue.poll_transmit()
                    }
                    _ => None,
                };
                match transmit {
                    Some(bytes) => self.connection.write(bytes).await,
                    None => Ok(()),
                }
            }
            Transport::Exec => {
                self.unanswered = None;
                self.asked_too_often = None;
                self.answered.clear();
                let output = ExecOutput::new(self.manners.clone(), deadline)
                    .telling_status(self.tells_status)
                    .answering(answers.clone());
                self.connection
                    .exec(text, Tap::Exec(Box::new(output)))
                    .await
            }
        }
    }

    /// Does what is due and tells what became of the command, if that is known.
    ///
    /// # Errors
    /// Why the session is over.
    pub(super) async fn pump(&mut self) -> Result<Option<Outcome>, Failure> {
        self.connection.handle_timeout(Instant::now());
        match self.manners.transport {
            Transport::Shell => loop {
                return match self.pump_shell().await? {
                    None => Ok(None),
                    Some(Event::Output(output)) => Ok(Some(Outcome::Output(output))),
                    Some(Event::TimedOut) => Ok(Some(Outcome::TimedOut)),
                    Some(Event::Ready) => continue,
                    Some(Event::Failed(failure)) => Err(failure),
                    Some(Event::Broken) => {
                        Err(could_not_stop("the device did not show its prompt again"))
                    }
                };
            },
            Transport::Exec => self.pump_exec().await,
        }
    }

    async fn pump_shell(&mut self) -> Result<Option<Event>, Failure> {
        loop {
            let (transmit, event, ended) = {
                let mut inner = self.feed().lock();
                let ended = inner.ended.clone();
                match &mut inner.tap {
                    Tap::Shell(dialogue) => {
                        let now = Instant::now();
                        if dialogue.poll_timeout().is_some_and(|at| at <= now) {
                            dialogue.handle_timeout(now);
                        }
                        (dialogue.poll_transmit(), dialogue.poll_event(), ended)
                    }
                    _ => (None, None, ended),
                }
            };
            // What was answered before the end still counts.
            match (event, ended) {
                (None, Some(failure)) => return Err(failure),
                (event, _) => {
                    let sent = transmit.is_some();
                    if let Some(bytes) = transmit {
                        self.connection.write(bytes).await?;
                    }
                    if event.is_some() || !sent {
                        return Ok(event);
                    }
                }
            }
        }
    }

    async fn pump_exec(&mut self) -> Result<Option<Outcome>, Failure> {
        let (interrupt, transmit, unanswered, outcome, tells_status, ended) = {
            let mut inner = self.connection.feed().lock();
            let ended = inner.ended.clone();
            match &mut inner.tap {
                Tap::Exec(exec) => {
                    exec.handle_timeout(Instant::now());
                    self.answered.extend(exec.take_answered());
                    if let Some(question) = exec.take_asked_too_often() {
                        self.asked_too_often = Some(question);
                    }
                    (
                        exec.poll_interrupt(),
                        exec.poll_transmit(),
                        exec.take_unanswered(),
                        exec.poll_outcome(),
                        exec.has_status(),
                        ended,
                    )
                }
                _ => (false, None, None, None, false, ended),
            }
        };
        self.tells_status |= tells_status;
        if unanswered.is_some() {
            self.unanswered = unanswered;
        }
        if interrupt {
            self.connection.interrupt().await;
        }
        if let Some(answer) = transmit {
            self.connection.write(answer).await?;
        }
        match outcome {
            Some(Exec::Finished(mut output)) => {
                output.rejected = output
                    .rejected
                    // In this order: a password that the excerpt cuts in two would not be found any more.
                    .map(|line| excerpt(&self.connection.without_password(&line)));
                self.connection.channel_is_closed();
                self.feed().lock().tap = Tap::None;
                Ok(Some(Outcome::Output(output)))
            }
            Some(Exec::Cut(why)) => {
                self.connection.channel_is_closed();
                self.feed().lock().tap = Tap::None;
                Ok(Some(Outcome::Cut(why)))
            }
            Some(Exec::TimedOut) => {
                self.connection.channel_is_closed();
                self.feed().lock().tap = Tap::None;
                self.closed_first += 1;
                self.still_good(Outcome::TimedOut)
            }
            Some(Exec::Refused) => {
                self.connection.close_channel().await;
                self.closed_first += 1;
                self.still_good(Outcome::Refused)
            }
            Some(Exec::Stuck) => {
                self.connection.close_channel().await;
                self.closed_first += 1;
                self.stuck += 1;
                self.still_good(Outcome::TimedOut)
            }
            None => ended.map_or(Ok(None), Err),
        }
    }

    /// `outcome`, unless too many channels are of no use any more.
    fn still_good(&self, outcome: Outcome) -> Result<Option<Outcome>, Failure> {
        if self.stuck >= MAX_STUCK {
            return Err(could_not_stop(
                "commands run on that the device does not stop",
            ));
        }
        if self.closed_first >= MAX_CLOSED_FIRST {
            return Err(Failure {
                reason: Reason::CommandTimeout,
                message: format!(
                    "{MAX_CLOSED_FIRST} commands were stopped or refused: the connection is made anew"
                ),
                hint: Some(
                    "are the commands right for this device, and long enough their `timeout`s?"
                        .into(),
                ),
            });
        }
        Ok(Some(outcome))
    }

    /// Whether commands are typed into a shell.
    pub(super) fn is_shell(&self) -> bool {
        self.manners.transport == Transport::Shell
    }

    /// Opens a shell on a session that runs each command on a channel of its own: for modes, which end with their
    /// channel. No command may be under way.
    ///
    /// # Errors
    /// Why the session is over.
    pub(super) async fn enter_shell(
        &mut self,
        manners: &Arc<Manners>,
        enable_secret: Option<Secret>,
        step_timeout: std::time::Duration,
    ) -> Result<(), Failure> {
        let dialogue = Dialogue::new(manners.clone(), enable_secret, step_timeout, Instant::now())
            .hiding(self.connection.password().cloned());
        let tap = Tap::Shell(Box::new(dialogue));
        self.connection.open_shell(manners.width, tap).await?;
        self.manners = manners.clone();
        self.wait_until_ready().await
    }

    /// Closes the shell of [`Self::enter_shell`]: `manners` are those of the channels again.
    pub(super) async fn leave_shell(&mut self, manners: &Arc<Manners>) {
        self.connection.close_channel().await;
        self.manners = manners.clone();
        self.closed_first += 1;
    }

    /// Nothing more that the device asks is answered; the command that runs is waited for.
    pub(super) fn withhold_answers(&self) {
        match &mut self.feed().lock().tap {
            Tap::None => {}
            Tap::Shell(dialogue) => dialogue.withhold_answers(),
            Tap::Exec(exec) => exec.withhold_answers(),
        }
    }

    /// The question that stood there when the command was stopped, if it looked like one.
    pub(super) fn take_unanswered(&self) -> Option<String> {
        match &mut self.feed().lock().tap {
            Tap::Shell(dialogue) => dialogue.take_unanswered(),
            Tap::None | Tap::Exec(_) => self.unanswered.clone(),
        }
    }

    /// What the last command asked again and again, so that it was stopped.
    pub(super) fn take_asked_too_often(&mut self) -> Option<String> {
        match &mut self.connection.feed().lock().tap {
            Tap::Shell(dialogue) => dialogue.take_asked_too_often(),
            Tap::None | Tap::Exec(_) => self.asked_too_often.take(),
        }
    }

    /// What was typed when the last command asked, the first of it.
    pub(super) fn take_answered(&mut self) -> Vec<String> {
        match &mut self.connection.feed().lock().tap {
            Tap::Shell(dialogue) => dialogue.take_answered(),
            Tap::None | Tap::Exec(_) => std::mem::take(&mut self.answered),
        }
    }

    /// The shell's literal prompt; empty where there is no shell.
    pub(super) fn prompt(&self) -> String {
        match &self.feed().lock().tap {
            Tap::Shell(dialogue) => dialogue.prompt(),
            Tap::None | Tap::Exec(_) => String::new(),
        }
    }

    /// Whether the device was sent the enable secret.
    pub(super) fn typed_enable_secret(&self) -> bool {
        match &self.feed().lock().tap {
            Tap::Shell(dialogue) => dialogue.enable_secret_typed(),
            Tap::None | Tap::Exec(_) => false,
        }
    }

    /// When [`Self::pump`] is due although nothing came.
    pub(super) fn timeout(&self) -> Option<Instant> {
        let of_command = match &self.feed().lock().tap {
            Tap::None => None,
            Tap::Shell(dialogue) => dialogue.poll_timeout(),
            Tap::Exec(exec) => exec.poll_timeout(),
        };
        let of_connection = self.connection.poll_timeout();
        [of_command, of_connection].into_iter().flatten().min()
    }

    /// How often the prompt had changed and was learned again; exec has none.
    pub(super) fn relearns(&self) -> u64 {
        match &self.feed().lock().tap {
            Tap::Shell(dialogue) => dialogue.relearns(),
            Tap::None | Tap::Exec(_) => 0,
        }
    }

    /// Closes the session.
    pub(super) async fn close(self) {
        self.connection.close().await;
    }
}

fn could_not_stop(what: &str) -> Failure {
    Failure {
        reason: Reason::CommandTimeout,
        message: format!(
            "{what} within {} s of an interrupt",
            INTERRUPT_GRACE.as_secs()
        ),
        hint: Some("is the command's `timeout` long enough for this device?".into()),
    }
}
