//! The machine: what comes from the device goes in, what goes to it comes out.
//!
//! ```text
//!   greeting --> exchange of keys --> login (see `login`) --> channels (see `channels`)
//!                (see `exchanging`)                                |
//!                     ^                                            |
//!                     +------- keys are renewed, by either side ---+
//! ```
//!
//! Call order: [`Connection::new`] once the device has greeted, and [`Connection::handle_input`] for all that came
//! behind the greeting. After each call of any method there may be something to send, see
//! [`Connection::output`]. [`Connection::handle_timeout`] is due at [`Connection::poll_timeout`], and harmless
//! before. After an error the connection is of no use any more: nothing is heard, and nothing but a goodbye is sent.
//!
//! Invariants: nothing but an exchange of keys is sent between our offer and our new keys; nothing of a login is sent
//! before the device has proven who it is; where both sides know strict key exchange, nothing can be put in or taken
//! out before the first keys; a device that asks and does not read is ended before what it asks for takes much memory.

use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use self::exchanging::Exchanging;
use crate::{
    Handler,
    channels::Channels,
    codec::{Reader, Write},
    error::Error,
    greeting::Greeting,
    login::Login,
    negotiation::Preferences,
    numbers::{
        CHANNEL_FAILURE, CHANNEL_OPEN, DEBUG, DISCONNECT, EXT_INFO, GLOBAL_REQUEST, IGNORE,
        KEXINIT, LAST_OF_EXCHANGE, REQUEST_FAILURE, REQUEST_SUCCESS, SERVICE_ACCEPT, UNIMPLEMENTED,
        USERAUTH_INFO_RESPONSE, USERAUTH_REQUEST,
    },
    packet::{Incoming, Outgoing},
};

mod exchanging;

/// Keys are renewed after so many bytes, as RFC 4253 asks for.
const REKEY_BYTES: u64 = 1 << 30;
/// What a buffer may keep while nothing is in it: a fleet has thousands of them.
const KEPT_CAPACITY: usize = 512;
/// The most bytes of answers that wait for a device to read. One that only asks would grow them without end.
const MAX_UNREAD: usize = 1024 * 1024;
/// About what a packet adds to its payload.
const OVERHEAD: usize = 32;
/// `by application`, of RFC 4253, section 11.1.
const BY_APPLICATION: u32 = 11;

/// What a connection is to be like.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Our version, as it was sent: `SSH-2.0-...`, without the end of the line.
    pub version: &'static str,
    /// What may be used.
    pub preferences: Preferences,
    /// Bytes that the device may send ahead on a channel.
    pub window: u32,
    /// The most that it may send of a channel in one packet.
    pub max_packet: u32,
    /// A device that is silent for so long is asked for a sign of life.
    pub keepalive: Option<Duration>,
    /// So many signs of life may stay out.
    pub keepalive_max: u32,
    /// Keys are renewed after so long.
    pub rekey_after: Duration,
}

/// The client's side of one connection.
pub struct Connection {
    version: &'static str,
    device_version: Box<str>,
    /// Our offer, the same each time but for its cookie.
    offer: Box<[u8]>,
    rekey_after: Duration,
    /// Never, where that is further away than time goes.
    rekey_at: Option<Instant>,
    keepalive: Option<Duration>,
    keepalive_max: u32,
    heard_at: Instant,
    asked_at: Instant,
    unanswered: u32,
    sending: Outgoing,
    receiving: Incoming,
    /// The beginning of a packet whose end has not come.
    partial: Vec<u8>,
    /// Packets that are to be sent.
    out: Vec<u8>,
    exchanging: Option<Box<Exchanging>>,
    /// What waits until keys are exchanged: a payload, and what its length is rounded to.
    held: Vec<(Zeroizing<Vec<u8>>, usize)>,
    /// Bytes of answers that were put since all was sent.
    n_unread: usize,
    /// Why the connection is over.
    ended: Option<Error>,
    /// Hash of the first exchange, once it is done.
    session: Option<Box<[u8]>>,
    /// Hash of the host key.
    host_key: [u8; 32],
    strict: bool,
    /// The device uses keys.
    keyed: bool,
    pub(crate) login: Login,
    pub(crate) channels: Channels,
}

impl Connection {
    /// Goes on from a `greeting`, after our version was sent.
    ///
    /// # Errors
    /// The device offers nothing that is done here, or breaks the rules that it has agreed to.
    pub fn new(settings: &Settings, greeting: Greeting, now: Instant) -> Result<Self, Error> {
        let offer = greeting.offer()?;
        let strict = offer.is_strict();
        if strict && greeting.n_packets != 1 {
            return Err(Error::OutOfTurn(IGNORE));
        }
        let mut connection = Self {
            version: settings.version,
            device_version: greeting.version.into(),
            offer: settings.preferences.only_known().kexinit().into(),
            rekey_after: settings.rekey_after,
            rekey_at: now.checked_add(settings.rekey_after),
            keepalive: settings.keepalive,
            keepalive_max: settings.keepalive_max,
            heard_at: now,
            asked_at: now,
            unanswered: 0,
            sending: Outgoing::new(),
            receiving: Incoming::after(greeting.n_packets),
            partial: Vec::new(),
            out: Vec::new(),
            exchanging: None,
            held: Vec::new(),
            n_unread: 0,
            ended: None,
            session: None,
            host_key: [0; 32],
            strict,
            keyed: false,
            login: Login::default(),
            channels: Channels::new(settings.window, settings.max_packet),
        };
        connection.begin_exchange()?;
        connection.handle_offer(&greeting.kexinit, &offer)?;
        Ok(connection)
    }

    /// Whether the device has proven who it is, and both sides use keys.
    pub const fn is_keyed(&self) -> bool {
        self.keyed
    }

    /// What is to be sent. Whoever sends the first bytes of it takes them out by [`Self::sent`].
    pub fn output(&self) -> &[u8] {
        &self.out
    }

    /// The first `n` bytes of [`Self::output`] were sent.
    pub fn sent(&mut self, n: usize) {
        if n >= self.out.len() {
            self.out.clear();
            self.out.shrink_to(KEPT_CAPACITY);
            if self.held.is_empty() {
                self.n_unread = 0;
            }
        } else {
            self.out.drain(..n);
        }
    }

    /// Bytes came from the device. They are changed where they stand.
    ///
    /// # Errors
    /// Why the connection is over.
    pub fn handle_input(
        &mut self,
        bytes: &mut [u8],
        handler: &mut impl Handler,
        now: Instant,
    ) -> Result<(), Error> {
        self.live()?;
        let result = self.handle_bytes(bytes, handler, now);
        if let Err(error) = &result {
            self.ended = Some(error.clone());
        }
        result
    }

    /// Why the connection is over, if it is.
    pub(crate) fn live(&self) -> Result<(), Error> {
        self.ended.clone().map_or(Ok(()), Err)
    }

    fn handle_bytes(
        &mut self,
        bytes: &mut [u8],
        handler: &mut impl Handler,
        now: Instant,
    ) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.heard_at = now;
        self.unanswered = 0;
        if self.partial.is_empty() {
            let n = self.handle_packets(bytes, handler, now)?;
            self.partial.extend_from_slice(&bytes[n..]);
        } else {
            let mut all = std::mem::take(&mut self.partial);
            all.extend_from_slice(bytes);
            let n = self.handle_packets(&mut all, handler, now)?;
            if n > 0 {
                // Not while a packet is on its way, whose every piece would then be copied with those before it.
                all.drain(..n);
                all.shrink_to(KEPT_CAPACITY);
            }
            self.partial = all;
        }
        let n_bytes = self
            .sending
            .keys
            .n_bytes()
            .max(self.receiving.keys.n_bytes());
        if n_bytes >= REKEY_BYTES {
            self.renew_keys()?;
        }
        Ok(())
    }

    /// Handles all packets that are whole; tells how many bytes they are.
    fn handle_packets(
        &mut self,
        bytes: &mut [u8],
        handler: &mut impl Handler,
        now: Instant,
    ) -> Result<usize, Error> {
        let mut from = 0;
        while let Some(whole) = self.receiving.whole(&mut bytes[from..])? {
            let payload = self.receiving.open(&mut bytes[from..from + whole])?;
            self.handle_payload(payload, handler, now)?;
            from += whole;
        }
        Ok(from)
    }

    fn handle_payload(
        &mut self,
        payload: &[u8],
        handler: &mut impl Handler,
        now: Instant,
    ) -> Result<(), Error> {
        let number = *payload.first().ok_or(Error::Malformed)?;
        let of_exchange = (KEXINIT..=LAST_OF_EXCHANGE).contains(&number);
        if !self.keyed && !of_exchange {
            // What may be put in before there are keys is nothing that changes anything.
            let is_idle = matches!(number, DISCONNECT | IGNORE | UNIMPLEMENTED | DEBUG);
            if !is_idle || self.strict && number != DISCONNECT {
                return Err(Error::OutOfTurn(number));
            }
        }
        match number {
            CHANNEL_OPEN..=CHANNEL_FAILURE => self.handle_channel(payload, handler),
            DISCONNECT => Err(Error::of_goodbye(payload)),
            IGNORE | UNIMPLEMENTED | DEBUG | REQUEST_SUCCESS | REQUEST_FAILURE => Ok(()),
            KEXINIT..=LAST_OF_EXCHANGE => self.handle_exchange(payload, handler, now),
            SERVICE_ACCEPT | EXT_INFO | USERAUTH_REQUEST..=USERAUTH_INFO_RESPONSE => {
                self.handle_login(payload)
            }
            GLOBAL_REQUEST => {
                let mut reader = Reader::new(&payload[1..]);
                let _name = reader.string()?;
                if reader.boolean()? {
                    self.put_asked(&[REQUEST_FAILURE])?;
                }
                Ok(())
            }
            _ => {
                let mut answer = vec![UNIMPLEMENTED];
                answer.put_uint32(self.receiving.last());
                self.put_asked(&answer)
            }
        }
    }

    /// Sends what the device has asked for, unless it asks and does not read.
    pub(crate) fn put_asked(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.n_unread += payload.len() + OVERHEAD;
        if self.n_unread > MAX_UNREAD {
            return Err(Error::Unread);
        }
        self.put(payload)
    }

    /// Sends `payload`, as soon as may be.
    pub(crate) fn put(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.put_rounded(payload, 1)
    }

    /// The same, with its length rounded up.
    pub(crate) fn put_rounded(&mut self, payload: &[u8], rounded: usize) -> Result<(), Error> {
        self.live()?;
        let exchanges = self
            .exchanging
            .as_ref()
            .is_some_and(|exchanging| exchanging.holds_back());
        if exchanges {
            self.held.push((payload.to_vec().into(), rounded));
            return Ok(());
        }
        self.sending.put(payload, rounded, &mut self.out)
    }

    /// Hash of the first exchange, which names the session; empty before.
    pub(crate) fn session(&self) -> &[u8] {
        self.session.as_deref().unwrap_or_default()
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if !self.login.is_done() || self.ended.is_some() {
            return None;
        }
        let rekey = self.rekey_at.filter(|_| self.exchanging.is_none());
        let keepalive = self.keepalive_at();
        [rekey, keepalive].into_iter().flatten().min()
    }

    fn keepalive_at(&self) -> Option<Instant> {
        let last = self.heard_at.max(self.asked_at);
        last.checked_add(self.keepalive?)
    }

    /// Does what is due.
    ///
    /// # Errors
    /// [`Error::NoSignOfLife`].
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.live()?;
        if !self.login.is_done() {
            return Ok(());
        }
        if self.keepalive_at().is_some_and(|at| at <= now) {
            if self.unanswered >= self.keepalive_max {
                self.ended = Some(Error::NoSignOfLife);
                return Err(Error::NoSignOfLife);
            }
            self.unanswered += 1;
            self.asked_at = now;
            let mut payload = vec![GLOBAL_REQUEST];
            payload.put_string(b"keepalive@openssh.com");
            payload.put_boolean(true);
            self.put(&payload)?;
        }
        if self.rekey_at.is_some_and(|at| at <= now) {
            self.renew_keys()?;
        }
        Ok(())
    }

    /// Renews the keys, unless that is under way.
    ///
    /// # Errors
    /// The cryptography failed.
    pub fn renew_keys(&mut self) -> Result<(), Error> {
        self.live()?;
        match self.exchanging {
            Some(_) => Ok(()),
            None => self.begin_exchange(),
        }
    }

    /// Says goodbye.
    ///
    /// # Errors
    /// The cryptography failed.
    pub fn disconnect(&mut self) -> Result<(), Error> {
        let mut payload = vec![DISCONNECT];
        payload.put_uint32(BY_APPLICATION);
        payload.put_string(b"");
        payload.put_string(b"");
        // A goodbye does not wait for keys.
        self.sending.put(&payload, 1, &mut self.out)
    }
}

#[cfg(test)]
mod tests;
