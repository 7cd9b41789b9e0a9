//! Channels (RFC 4254): a shell, or one command after the other.

use zeroize::Zeroizing;

use crate::{
    Handler,
    codec::{Reader, Write},
    connection::Connection,
    error::Error,
    numbers::{
        CHANNEL_CLOSE, CHANNEL_DATA, CHANNEL_EOF, CHANNEL_EXTENDED_DATA, CHANNEL_FAILURE,
        CHANNEL_OPEN, CHANNEL_OPEN_CONFIRMATION, CHANNEL_OPEN_FAILURE, CHANNEL_REQUEST,
        CHANNEL_SUCCESS, CHANNEL_WINDOW_ADJUST,
    },
};

/// What a device that opens a channel to us is told: no.
const ADMINISTRATIVELY_PROHIBITED: u32 = 1;
/// The most that is sent at once: with it, a payload is as long as every device must take (RFC 4253, section 6.1),
/// whatever this one says.
const MAX_DATA: u32 = 32 * 1024 - 9;

/// One of ours. Not to be shown: what waits may be a password.
struct Channel {
    ours: u32,
    /// The device's number.
    theirs: u32,
    state: State,
    /// Bytes that the device may still send.
    window_in: u32,
    /// Bytes that it takes.
    window_out: u32,
    max_out: u32,
    /// What waits for its window.
    unsent: Zeroizing<Vec<u8>>,
    end: End,
    /// Requests that an answer is to come for.
    n_asked: u32,
}

/// Whether more is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    No,
    /// Nothing is to follow what waits.
    Waits,
    Sent,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Opening,
    /// We have closed it before the device has opened it.
    GivenUp,
    Open,
    Refused(String),
}

pub(crate) struct Channels {
    window: u32,
    max_packet: u32,
    next: u32,
    all: Vec<Channel>,
}

impl Channels {
    pub(crate) const fn new(window: u32, max_packet: u32) -> Self {
        Self {
            window,
            max_packet,
            next: 0,
            all: Vec::new(),
        }
    }

    fn get(&mut self, ours: u32) -> Option<&mut Channel> {
        self.all.iter_mut().find(|channel| channel.ours == ours)
    }

    fn open(&mut self, ours: u32) -> Option<&mut Channel> {
        self.get(ours)
            .filter(|channel| channel.state == State::Open)
    }

    #[cfg(test)]
    pub(crate) fn n_kept(&self) -> usize {
        self.all.len()
    }

    fn remove(&mut self, ours: u32) {
        self.all.retain(|channel| channel.ours != ours);
    }
}

impl Connection {
    /// Asks for a channel; returns its number.
    ///
    /// # Errors
    /// The cryptography failed.
    pub fn open_session(&mut self) -> Result<u32, Error> {
        let ours = self.channels.next;
        self.channels.next = ours.wrapping_add(1);
        let (window, max_packet) = (self.channels.window, self.channels.max_packet);
        self.channels.all.push(Channel {
            ours,
            theirs: 0,
            state: State::Opening,
            window_in: window,
            window_out: 0,
            max_out: 0,
            unsent: Zeroizing::default(),
            end: End::No,
            n_asked: 0,
        });
        let mut payload = vec![CHANNEL_OPEN];
        payload.put_string(b"session");
        payload.put_uint32(ours);
        payload.put_uint32(window);
        payload.put_uint32(max_packet);
        self.put(&payload)?;
        Ok(ours)
    }

    /// Whether the device has opened `channel`, once it has said; why not, otherwise. One that is closed already is not
    /// waited for either.
    pub fn poll_opened(&mut self, channel: u32) -> Option<Result<(), String>> {
        let state = self.channels.get(channel).map(|channel| &channel.state);
        let why = match state {
            Some(State::Opening) => return None,
            Some(State::Open) => return Some(Ok(())),
            Some(State::GivenUp) | None => return Some(Err("it was closed".to_owned())),
            Some(State::Refused(why)) => why.clone(),
        };
        self.channels.remove(channel);
        Some(Err(why))
    }

    /// A request for what the device is to do on `channel`; `rest` is what belongs to the request.
    fn request(
        &mut self,
        channel: u32,
        name: &str,
        want_reply: bool,
        rest: &[u8],
    ) -> Result<(), Error> {
        let Some(open) = self.channels.open(channel) else {
            return Ok(());
        };
        open.n_asked += u32::from(want_reply);
        let mut payload = vec![CHANNEL_REQUEST];
        payload.put_uint32(open.theirs);
        payload.put_string(name.as_bytes());
        payload.put_boolean(want_reply);
        payload.extend_from_slice(rest);
        self.put(&payload)
    }

    /// Asks for a terminal, which not every device answers for, so that no answer is wanted.
    ///
    /// # Errors
    /// The cryptography failed.
    pub fn request_terminal(
        &mut self,
        channel: u32,
        name: &str,
        columns: u32,
        rows: u32,
    ) -> Result<(), Error> {
        let mut rest = Vec::new();
        rest.put_string(name.as_bytes());
        for size in [columns, rows, 0, 0] {
            rest.put_uint32(size);
        }
        // No modes: their list has an end only.
        rest.put_string(&[0]);
        self.request(channel, "pty-req", false, &rest)
    }

    /// Asks for a shell.
    ///
    /// # Errors
    /// As above.
    pub fn request_shell(&mut self, channel: u32) -> Result<(), Error> {
        self.request(channel, "shell", true, &[])
    }

    /// Asks for `command` to be run.
    ///
    /// # Errors
    /// As above.
    pub fn request_exec(&mut self, channel: u32, command: &str) -> Result<(), Error> {
        let mut rest = Vec::new();
        rest.put_string(command.as_bytes());
        self.request(channel, "exec", true, &rest)
    }

    /// Tells the command of `channel` to stop.
    ///
    /// # Errors
    /// As above.
    pub fn send_signal(&mut self, channel: u32, name: &str) -> Result<(), Error> {
        let mut rest = Vec::new();
        rest.put_string(name.as_bytes());
        self.request(channel, "signal", false, &rest)
    }

    /// Nothing more will be sent on `channel` than what was.
    ///
    /// # Errors
    /// As above.
    pub fn send_eof(&mut self, channel: u32) -> Result<(), Error> {
        match self.channels.open(channel) {
            Some(open) if open.end == End::No => open.end = End::Waits,
            _ => return Ok(()),
        }
        self.send_more(channel)
    }

    /// Sends `bytes` on `channel`, as far as the device takes them, and the rest when it takes more. Behind the end that
    /// was said nothing is sent.
    ///
    /// # Errors
    /// As above.
    pub fn send(&mut self, channel: u32, bytes: &[u8]) -> Result<(), Error> {
        match self.channels.open(channel) {
            Some(open) if open.end == End::No => append(&mut open.unsent, bytes),
            _ => return Ok(()),
        }
        self.send_more(channel)
    }

    /// Whether the device has room for all that was sent on `channel`: it is on its way, or goes as soon as keys are
    /// exchanged.
    pub fn is_sent(&mut self, channel: u32) -> bool {
        self.channels
            .open(channel)
            .is_none_or(|open| open.unsent.is_empty())
    }

    fn send_more(&mut self, channel: u32) -> Result<(), Error> {
        while let Some(open) = self.channels.open(channel) {
            let n = open.window_out.min(open.max_out) as usize;
            let n = n.min(open.unsent.len());
            if n == 0 {
                break;
            }
            open.window_out -= u32::try_from(n).map_err(|_| Error::Length)?;
            // It may be a secret.
            let mut payload = Zeroizing::new(Vec::with_capacity(9 + n));
            payload.put_byte(CHANNEL_DATA);
            payload.put_uint32(open.theirs);
            payload.put_string(&open.unsent[..n]);
            open.unsent.drain(..n);
            if open.unsent.is_empty() {
                open.unsent = Zeroizing::default();
            }
            self.put(&payload)?;
        }
        match self.channels.open(channel) {
            Some(open) if open.end == End::Waits && open.unsent.is_empty() => {
                open.end = End::Sent;
                self.put_to(channel, CHANNEL_EOF)
            }
            _ => Ok(()),
        }
    }

    /// Closes `channel`, or will once the device has opened it. What still comes on it is passed over.
    ///
    /// # Errors
    /// As above.
    pub fn close(&mut self, channel: u32) -> Result<(), Error> {
        match self.channels.get(channel).map(|channel| &mut channel.state) {
            None | Some(State::GivenUp) => Ok(()),
            Some(state @ State::Opening) => {
                *state = State::GivenUp;
                Ok(())
            }
            // Nothing is kept of it: a device may never close it, and what still comes on it is for no channel.
            Some(State::Open | State::Refused(_)) => {
                let said = self.put_to(channel, CHANNEL_CLOSE);
                self.channels.remove(channel);
                said
            }
        }
    }

    /// Sends a message that says no more than its number, if `channel` is open.
    fn put_to(&mut self, channel: u32, number: u8) -> Result<(), Error> {
        let Some(open) = self.channels.open(channel) else {
            return Ok(());
        };
        let mut payload = vec![number];
        payload.put_uint32(open.theirs);
        self.put(&payload)
    }

    pub(crate) fn handle_channel(
        &mut self,
        payload: &[u8],
        handler: &mut impl Handler,
    ) -> Result<(), Error> {
        let number = payload[0];
        if !self.login.is_done() {
            return Err(Error::OutOfTurn(number));
        }
        let mut reader = Reader::new(&payload[1..]);
        if number == CHANNEL_OPEN {
            return self.refuse_channel(reader);
        }
        let ours = reader.uint32()?;
        match number {
            CHANNEL_DATA => {
                let bytes = reader.string()?;
                if self.take(ours, bytes.len())? {
                    handler.data(ours, bytes);
                }
            }
            CHANNEL_EXTENDED_DATA => {
                let _kind = reader.uint32()?;
                let bytes = reader.string()?;
                if self.take(ours, bytes.len())? {
                    handler.error_data(ours, bytes);
                }
            }
            CHANNEL_WINDOW_ADJUST => {
                let more = reader.uint32()?;
                if let Some(open) = self.channels.open(ours) {
                    open.window_out = open.window_out.saturating_add(more);
                    self.send_more(ours)?;
                }
            }
            CHANNEL_OPEN_CONFIRMATION => {
                let (theirs, window, max) = (reader.uint32()?, reader.uint32()?, reader.uint32()?);
                if let Some(channel) = self.opening(ours) {
                    channel.theirs = theirs;
                    channel.window_out = window;
                    // With none, nothing could ever be sent: it means that there is no bound.
                    channel.max_out = if max == 0 {
                        MAX_DATA
                    } else {
                        max.min(MAX_DATA)
                    };
                    let is_wanted = channel.state == State::Opening;
                    channel.state = State::Open;
                    if !is_wanted {
                        self.close(ours)?;
                    }
                }
            }
            CHANNEL_OPEN_FAILURE => {
                // Old servers leave out the words.
                let why = refusal(reader.uint32()?, &reader.words().unwrap_or_default());
                if let Some(channel) = self.opening(ours) {
                    if channel.state == State::GivenUp {
                        self.channels.remove(ours);
                    } else {
                        channel.state = State::Refused(why);
                    }
                }
            }
            CHANNEL_REQUEST => self.handle_request(ours, reader, handler)?,
            CHANNEL_SUCCESS | CHANNEL_FAILURE => {
                // Some answer what they were not asked to: that is no refusal of a command.
                let open = self.channels.open(ours);
                if let Some(open) = open.filter(|open| open.n_asked > 0) {
                    open.n_asked -= 1;
                    if number == CHANNEL_FAILURE {
                        handler.refused(ours);
                    }
                }
            }
            CHANNEL_CLOSE => {
                if self.channels.open(ours).is_some() {
                    self.put_to(ours, CHANNEL_CLOSE)?;
                    handler.closed(ours);
                }
                self.channels.remove(ours);
            }
            CHANNEL_EOF => {}
            _ => return Err(Error::OutOfTurn(number)),
        }
        Ok(())
    }

    fn opening(&mut self, ours: u32) -> Option<&mut Channel> {
        let is_opening = |state: &State| matches!(state, State::Opening | State::GivenUp);
        let channel = self.channels.get(ours);
        channel.filter(|channel| is_opening(&channel.state))
    }

    /// Counts `n` bytes that came on `ours`, and lets the device send more where it is near its bound. Tells whether
    /// anybody wants them.
    fn take(&mut self, ours: u32, n: usize) -> Result<bool, Error> {
        let window = self.channels.window;
        let Some(channel) = self.channels.get(ours) else {
            return Ok(false);
        };
        let n = u32::try_from(n).map_err(|_| Error::Length)?;
        channel.window_in = channel.window_in.saturating_sub(n);
        let (theirs, is_open) = (channel.theirs, channel.state == State::Open);
        if is_open && channel.window_in < window / 2 {
            let more = window - channel.window_in;
            channel.window_in = window;
            let mut payload = vec![CHANNEL_WINDOW_ADJUST];
            payload.put_uint32(theirs);
            payload.put_uint32(more);
            self.put(&payload)?;
        }
        Ok(is_open)
    }

    fn handle_request(
        &mut self,
        ours: u32,
        mut reader: Reader<'_>,
        handler: &mut impl Handler,
    ) -> Result<(), Error> {
        let name = reader.string()?;
        let want_reply = reader.boolean()?;
        if self.channels.open(ours).is_some() {
            match name {
                b"exit-status" => handler.exit_status(ours, reader.uint32()?),
                b"exit-signal" => handler.exit_signal(ours, &reader.words()?),
                _ => {}
            }
        }
        let Some(open) = self.channels.open(ours).filter(|_| want_reply) else {
            return Ok(());
        };
        let mut payload = vec![CHANNEL_FAILURE];
        payload.put_uint32(open.theirs);
        self.put_asked(&payload)
    }

    /// Nobody has a reason to open a channel to us.
    fn refuse_channel(&mut self, mut reader: Reader<'_>) -> Result<(), Error> {
        let _kind = reader.string()?;
        let mut payload = vec![CHANNEL_OPEN_FAILURE];
        payload.put_uint32(reader.uint32()?);
        payload.put_uint32(ADMINISTRATIVELY_PROHIBITED);
        payload.put_string(b"");
        payload.put_string(b"");
        self.put_asked(&payload)
    }
}

/// Puts `bytes` behind what waits, and leaves none of it behind where the buffer had to grow.
fn append(unsent: &mut Zeroizing<Vec<u8>>, bytes: &[u8]) {
    let length = unsent.len() + bytes.len();
    if length > unsent.capacity() {
        let room = length.max(2 * unsent.capacity());
        let mut longer = Zeroizing::new(Vec::with_capacity(room));
        longer.extend_from_slice(unsent);
        *unsent = longer;
    }
    unsent.extend_from_slice(bytes);
}

/// Why a channel was refused, in RFC 4254's words and the device's.
fn refusal(reason: u32, description: &str) -> String {
    let reason = match reason {
        1 => "administratively prohibited",
        2 => "connect failed",
        3 => "unknown channel type",
        4 => "resource shortage",
        _ => "for a reason without a name",
    };
    if description.is_empty() {
        reason.to_owned()
    } else {
        format!("{reason}: {description}")
    }
}
