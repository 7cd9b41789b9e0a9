//! One connection as russh calls it: authentication, one session channel, its bytes.
//!
//! As on IOS, a connection carries one session; when it ends, the connection ends soon after.

use std::borrow::Cow;
use std::sync::{Arc, Weak};
use std::time::Duration;

use russh::server::{
    self, Auth, ChannelOpenHandle, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, Disconnect, Pty};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use super::Station;
use super::courier::{Courier, Input};
use crate::device::count;
use crate::dialogue::{Dialogue, Output, Outputs};

/// Packets that may wait for a busy shell. More are dropped and counted, as a terminal line
/// drops what does not fit its buffer.
const TYPED_AHEAD: usize = 64;
/// After its session a client has this long to end the connection itself.
const FAREWELL: Duration = Duration::from_secs(2);

/// Where the session's dialogue is.
enum Shell {
    /// No session was opened.
    None,
    /// Opened; shell or command not asked for yet.
    Opened,
    /// Answered from here.
    Here(ChannelId, Box<dyn Dialogue>),
    /// Handed to a courier.
    Away(ChannelId, mpsc::Sender<Input>),
    /// Over.
    Ended,
}

/// One connection.
pub(super) struct Handler {
    station: Arc<Station>,
    socket: Weak<TcpStream>,
    /// Tells the one who waits that the login succeeded.
    login: Option<oneshot::Sender<()>>,
    /// Columns and rows; 0 if the client did not say.
    terminal: (usize, usize),
    shell: Shell,
}

type Result = std::result::Result<(), russh::Error>;

impl Handler {
    pub(super) fn new(
        station: Arc<Station>,
        socket: Weak<TcpStream>,
        login: oneshot::Sender<()>,
    ) -> Self {
        Self {
            station,
            socket,
            login: Some(login),
            terminal: (0, 0),
            shell: Shell::None,
        }
    }

    fn judge(&self, user: &str, granted: bool) -> Auth {
        if granted {
            self.station.line.log_in(user);
            return Auth::Accept;
        }
        count(&self.station.device().counters.login_failures);
        // All methods stay open: the next attempt may be right.
        Auth::Reject {
            proceed_with_methods: Some(self.station.service.access.methods()),
            partial_success: false,
        }
    }

    fn new_dialogue(&self) -> Box<dyn Dialogue> {
        let profile = &self.station.service.profile;
        let mut dialogue = profile.manner.dialogue(profile, self.station.device());
        dialogue.resize(self.terminal.0, self.terminal.1);
        dialogue
    }

    /// Carries out what a dialogue said: from here, or by a courier where that takes time.
    fn deliver(
        &mut self,
        channel: ChannelId,
        dialogue: Box<dyn Dialogue>,
        outputs: Outputs,
        session: &mut Session,
    ) -> Result {
        let faulty = outputs.has_answer() && self.station.device().faults.borrow().touch_answers();
        if faulty || session.has_pending_data(channel) {
            let (inbox, receiver) = mpsc::channel(TYPED_AHEAD);
            let courier = Courier::new(
                session.handle(),
                channel,
                Arc::clone(&self.station),
                self.socket.clone(),
                dialogue,
            );
            tokio::spawn(courier.run(outputs, receiver));
            self.shell = Shell::Away(channel, inbox);
            return Ok(());
        }
        let mut bytes = Vec::new();
        let mut status = None;
        for output in outputs {
            match output {
                Output::Text(text) | Output::Prompt(text) if bytes.is_empty() => bytes = text,
                Output::Text(text) | Output::Prompt(text) => bytes.extend_from_slice(&text),
                Output::Close { status: exit } => status = Some(exit),
                Output::Answer | Output::Hostname(_) => {}
            }
        }
        if !bytes.is_empty() {
            session.data(channel, bytes)?;
        }
        if let Some(status) = status {
            session.exit_status_request(channel, status)?;
            session.eof(channel)?;
            session.close(channel)?;
            self.shell = Shell::Ended;
            tokio::spawn(farewell(session.handle(), self.socket.clone()));
        } else {
            self.shell = Shell::Here(channel, dialogue);
        }
        Ok(())
    }

    /// Passes `input` to a courier. A full queue drops it, and counts.
    fn send_away(&self, inbox: &mpsc::Sender<Input>, input: Input) {
        if let Err(mpsc::error::TrySendError::Full(_)) = inbox.try_send(input) {
            count(&self.station.device().counters.input_dropped);
        }
    }

    fn resize(&mut self, columns: u32, rows: u32) {
        let characters = |count: u32| usize::try_from(count).unwrap_or(0);
        self.terminal = (characters(columns), characters(rows));
        match &mut self.shell {
            Shell::Here(_, dialogue) => dialogue.resize(self.terminal.0, self.terminal.1),
            Shell::Away(_, inbox) => {
                let inbox = inbox.clone();
                self.send_away(&inbox, Input::Resize(self.terminal.0, self.terminal.1));
            }
            _ => {}
        }
    }
}

/// Ends a connection whose session is over, unless the client does it first.
pub(super) async fn farewell(handle: server::Handle, socket: Weak<TcpStream>) {
    tokio::time::sleep(FAREWELL).await;
    let goodbye = handle.disconnect(Disconnect::ByApplication, String::new(), String::new());
    // An error, or a client that does not read, changes nothing: the socket is cut either way.
    drop(tokio::time::timeout(FAREWELL, goodbye).await);
    if let Some(socket) = socket.upgrade() {
        crate::device::cut(&socket);
    }
}

impl server::Handler for Handler {
    type Error = russh::Error;

    async fn authentication_banner(&mut self) -> std::result::Result<Option<String>, Self::Error> {
        let banner = &self.station.service.banner;
        Ok((!banner.is_empty()).then(|| banner.clone()))
    }

    async fn auth_none(&mut self, _: &str) -> std::result::Result<Auth, Self::Error> {
        // A question for the methods rather than an attempt, so it is not counted.
        Ok(Auth::Reject {
            proceed_with_methods: Some(self.station.service.access.methods()),
            partial_success: false,
        })
    }

    async fn auth_password(
        &mut self,
        user: &str,
        password: &str,
    ) -> std::result::Result<Auth, Self::Error> {
        let granted = self
            .station
            .service
            .access
            .by_password(user, password.as_bytes());
        Ok(self.judge(user, granted))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> std::result::Result<Auth, Self::Error> {
        let Some(mut response) = response else {
            return Ok(Auth::Partial {
                name: Cow::Borrowed(""),
                instructions: Cow::Borrowed(""),
                prompts: Cow::Borrowed(&[(Cow::Borrowed("Password: "), false)]),
            });
        };
        let answer = response.next().unwrap_or_default();
        let granted = self.station.service.access.by_password(user, &answer);
        Ok(self.judge(user, granted))
    }

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> std::result::Result<Auth, Self::Error> {
        if self.station.service.access.by_key(user, offer.public_key) {
            return Ok(Auth::Accept);
        }
        Ok(self.judge(user, false))
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> std::result::Result<Auth, Self::Error> {
        let granted = self.station.service.access.by_key(user, key.public_key);
        Ok(self.judge(user, granted))
    }

    async fn auth_succeeded(&mut self, _: &mut Session) -> Result {
        count(&self.station.device().counters.logins);
        if let Some(login) = self.login.take()
            && login.send(()).is_err()
        {
            tracing::debug!("the login came just after its deadline");
        }
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result {
        if matches!(self.shell, Shell::None) {
            self.shell = Shell::Opened;
            reply.accept().await;
        } else {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        columns: u32,
        rows: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result {
        self.resize(columns, rows);
        session.channel_success(channel)
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        columns: u32,
        rows: u32,
        _: u32,
        _: u32,
        session: &mut Session,
    ) -> Result {
        self.resize(columns, rows);
        session.channel_success(channel)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        _: &str,
        session: &mut Session,
    ) -> Result {
        session.channel_failure(channel)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        session: &mut Session,
    ) -> Result {
        session.channel_failure(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result {
        if !matches!(self.shell, Shell::Opened) {
            return session.channel_failure(channel);
        }
        session.channel_success(channel)?;
        let mut dialogue = self.new_dialogue();
        let outputs = self
            .station
            .converse(|around, out| dialogue.open(around, out));
        self.deliver(channel, dialogue, outputs, session)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result {
        if !matches!(self.shell, Shell::Opened) {
            return session.channel_failure(channel);
        }
        session.channel_success(channel)?;
        let command = String::from_utf8_lossy(command);
        let mut dialogue = self.new_dialogue();
        let outputs = self
            .station
            .converse(|around, out| dialogue.exec(&command, around, out));
        self.deliver(channel, dialogue, outputs, session)
    }

    async fn data(&mut self, channel: ChannelId, data: &[u8], session: &mut Session) -> Result {
        match std::mem::replace(&mut self.shell, Shell::Ended) {
            Shell::Here(own, mut dialogue) if own == channel => {
                let outputs = self
                    .station
                    .converse(|around, out| dialogue.handle_bytes(data, around, out));
                self.deliver(channel, dialogue, outputs, session)
            }
            other => {
                if let Shell::Away(own, inbox) = &other
                    && *own == channel
                {
                    self.send_away(inbox, Input::Bytes(data.to_vec()));
                }
                self.shell = other;
                Ok(())
            }
        }
    }

    async fn channel_eof(&mut self, channel: ChannelId, session: &mut Session) -> Result {
        match &self.shell {
            Shell::Here(own, _) if *own == channel => {
                session.exit_status_request(channel, 0)?;
                session.eof(channel)?;
                session.close(channel)?;
                self.shell = Shell::Ended;
                tokio::spawn(farewell(session.handle(), self.socket.clone()));
            }
            Shell::Away(own, inbox) if *own == channel => self.send_away(inbox, Input::End),
            _ => {}
        }
        Ok(())
    }

    async fn channel_close(&mut self, _: ChannelId, session: &mut Session) -> Result {
        // Dropping the shell ends its courier, if it has one.
        if !matches!(self.shell, Shell::Ended) {
            self.shell = Shell::Ended;
            tokio::spawn(farewell(session.handle(), self.socket.clone()));
        }
        Ok(())
    }
}
