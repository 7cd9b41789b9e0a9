//! One connection as russh calls it: authentication, session channels, their bytes.
//!
//! On most platforms a connection carries one session; when it ends, the connection ends soon
//! after. Where commands are usually run without a shell there may be several at a time, and the
//! connection stays.

use std::borrow::Cow;
use std::sync::{Arc, Weak};
use std::time::Duration;

use russh::server::{
    self, Auth, ChannelOpenHandle, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, Disconnect, MethodKind, Pty};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use super::Station;
use super::courier::{Courier, Input};
use crate::device::count;
use crate::dialogue::{Dialogue, Output, Outputs};

mod login;
mod places;

use places::{Place, Shell};

/// Packets that may wait for a busy shell. More are dropped and counted, as a terminal line
/// drops what does not fit its buffer.
const TYPED_AHEAD: usize = 64;
/// After its session a client has this long to end the connection itself.
const FAREWELL: Duration = Duration::from_secs(2);

/// One connection.
pub(super) struct Handler {
    station: Arc<Station>,
    socket: Weak<TcpStream>,
    /// Tells the one who waits that the login succeeded.
    login: Option<oneshot::Sender<()>>,
    /// Who logged in.
    user: String,
    /// Sessions; one or none on most platforms, so a list is quick.
    places: Vec<Place>,
    /// Whether there was a session ever.
    used: bool,
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
            user: String::new(),
            places: Vec::new(),
            used: false,
        }
    }

    fn new_dialogue(&mut self, channel: ChannelId) -> Box<dyn Dialogue> {
        let device = self.station.device();
        let mut dialogue = device
            .profile
            .manner
            .dialogue(&device.profile, device, &self.user);
        if let Some(place) = self.place(channel) {
            dialogue.resize(place.terminal.0, place.terminal.1);
        }
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
        let faulty = {
            let faults = self.station.device().faults.borrow();
            !faults.dribble.is_zero() || (outputs.has_answer() && faults.touch_answers())
        };
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
            self.put(channel, Shell::Away(inbox));
            return Ok(());
        }
        let mut bytes = Vec::new();
        let mut status = None;
        for output in outputs {
            match output {
                Output::Text(text) | Output::Prompt(text) if bytes.is_empty() => bytes = text,
                Output::Text(text) | Output::Prompt(text) => bytes.extend_from_slice(&text),
                Output::Close { status: exit } => status = Some(exit),
                Output::Answer
                | Output::Hostname(_)
                | Output::Shown
                | Output::Ran(_)
                | Output::Configured(_) => {}
            }
        }
        if !bytes.is_empty() {
            session.data(channel, bytes)?;
        }
        if let Some(status) = status {
            return self.end(channel, status, session);
        }
        self.put(channel, Shell::Here(dialogue));
        Ok(())
    }

    /// Ends the session of `channel`, and where it was the only one the connection too.
    fn end(&mut self, channel: ChannelId, status: u32, session: &mut Session) -> Result {
        session.exit_status_request(channel, status)?;
        session.eof(channel)?;
        session.close(channel)?;
        self.put(channel, Shell::Ended);
        self.say_goodbye(session);
        Ok(())
    }

    fn say_goodbye(&self, session: &Session) {
        if self.station.is_single() {
            tokio::spawn(farewell(session.handle(), self.socket.clone()));
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
        Ok(self.refuse())
    }

    async fn auth_password(
        &mut self,
        user: &str,
        password: &str,
    ) -> std::result::Result<Auth, Self::Error> {
        if !self.offers(MethodKind::Password) {
            return Ok(self.refuse());
        }
        let access = &self.station.service.access;
        let granted = access.by_password(self.station.device(), user, password.as_bytes());
        Ok(self.judge(user, granted))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> std::result::Result<Auth, Self::Error> {
        let acknowledgement = self.acknowledgement();
        let Some(mut response) = response else {
            let mut prompts = vec![(Cow::Borrowed("Password: "), false)];
            if let Some((question, _)) = acknowledgement {
                prompts.push((Cow::Borrowed(question), true));
            }
            return Ok(Auth::Partial {
                name: Cow::Borrowed(""),
                instructions: Cow::Borrowed(""),
                prompts: Cow::Owned(prompts),
            });
        };
        let answer = response.next().unwrap_or_default();
        let access = &self.station.service.access;
        let right = access.by_password(self.station.device(), user, &answer);
        let acknowledged = acknowledgement.is_none_or(|(_, wanted)| {
            response
                .next()
                .is_some_and(|said| *said == *wanted.as_bytes())
        });
        Ok(self.judge(user, right && acknowledged))
    }

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> std::result::Result<Auth, Self::Error> {
        if !self.offers(MethodKind::PublicKey) {
            return Ok(self.refuse());
        }
        let access = &self.station.service.access;
        if access.by_key(self.station.device(), user, offer.public_key) {
            return Ok(Auth::Accept);
        }
        Ok(self.judge(user, false))
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> std::result::Result<Auth, Self::Error> {
        let access = &self.station.service.access;
        let granted = access.by_key(self.station.device(), user, key.public_key);
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
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result {
        self.places.retain(|place| !place.shell.is_over());
        let traits = self.station.device().profile.manner.traits();
        let counters = &self.station.device().counters;
        let full = self.places.len() >= traits.channels;
        if full || (self.used && self.station.is_single()) {
            count(&counters.channels_refused);
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        count(&counters.channels_opened);
        self.used = true;
        self.places.push(Place {
            channel: channel.id(),
            terminal: (0, 0),
            shell: Shell::Opened,
        });
        reply.accept().await;
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
        self.resize(channel, columns, rows);
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
        self.resize(channel, columns, rows);
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
        if !self.is_opened(channel) {
            return session.channel_failure(channel);
        }
        session.channel_success(channel)?;
        let mut dialogue = self.new_dialogue(channel);
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
        let may = self.station.device().profile.manner.traits().exec;
        if !may || !self.is_opened(channel) {
            return session.channel_failure(channel);
        }
        session.channel_success(channel)?;
        let command = String::from_utf8_lossy(command);
        let mut dialogue = self.new_dialogue(channel);
        let outputs = self
            .station
            .converse(|around, out| dialogue.exec(&command, around, out));
        self.deliver(channel, dialogue, outputs, session)
    }

    async fn data(&mut self, channel: ChannelId, data: &[u8], session: &mut Session) -> Result {
        match self.take(channel) {
            Some(Shell::Here(mut dialogue)) => {
                let outputs = self
                    .station
                    .converse(|around, out| dialogue.handle_bytes(data, around, out));
                self.deliver(channel, dialogue, outputs, session)
            }
            Some(other) => {
                if let Shell::Away(inbox) = &other {
                    self.send_away(inbox, Input::Bytes(data.to_vec()));
                }
                self.put(channel, other);
                Ok(())
            }
            None => Ok(()),
        }
    }

    async fn channel_eof(&mut self, channel: ChannelId, session: &mut Session) -> Result {
        match self.place(channel).map(|place| &place.shell) {
            Some(Shell::Here(_)) => self.end(channel, 0, session),
            Some(Shell::Away(inbox)) => {
                let inbox = inbox.clone();
                self.send_away(&inbox, Input::End);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn channel_close(&mut self, channel: ChannelId, session: &mut Session) -> Result {
        // Dropping the shell ends its courier, if it has one.
        let Some(at) = self
            .places
            .iter()
            .position(|place| place.channel == channel)
        else {
            return Ok(());
        };
        let place = self.places.swap_remove(at);
        if !matches!(place.shell, Shell::Ended) {
            self.say_goodbye(session);
        }
        Ok(())
    }
}
