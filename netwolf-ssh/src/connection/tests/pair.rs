//! Both ends, and what lies between them.

use std::time::{Duration, Instant};

use super::device::{Device, Options};
use crate::{
    Connection, Error, Greeting, Handler, Preferences, Reply, Settings,
    codec::{Reader, Write},
    numbers::{
        CHANNEL_OPEN, CHANNEL_OPEN_CONFIRMATION, SERVICE_ACCEPT, SERVICE_REQUEST, USERAUTH_REQUEST,
        USERAUTH_SUCCESS,
    },
};

pub(super) const VERSION: &str = "SSH-2.0-NetWolf_test";
pub(super) const KEEPALIVE: Duration = Duration::from_secs(30);
pub(super) const REKEY: Duration = Duration::from_hours(1);
/// What our channels let a device send ahead.
pub(super) const WINDOW: u32 = 64 * 1024;

/// What the handler was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    HostKey,
    Data(u32, Vec<u8>),
    ErrorData(u32, Vec<u8>),
    Status(u32, u32),
    Signal(u32, String),
    Refused(u32),
    Closed(u32),
}

#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) events: Vec<Event>,
    pub(super) takes_key: bool,
    pub(super) key: Vec<u8>,
}

impl Handler for Recorder {
    fn host_key(&mut self, key: &[u8]) -> bool {
        self.events.push(Event::HostKey);
        self.key = key.to_vec();
        self.takes_key
    }

    fn data(&mut self, channel: u32, bytes: &[u8]) {
        self.events.push(Event::Data(channel, bytes.to_vec()));
    }

    fn error_data(&mut self, channel: u32, bytes: &[u8]) {
        self.events.push(Event::ErrorData(channel, bytes.to_vec()));
    }

    fn exit_status(&mut self, channel: u32, status: u32) {
        self.events.push(Event::Status(channel, status));
    }

    fn exit_signal(&mut self, channel: u32, name: &str) {
        self.events.push(Event::Signal(channel, name.to_owned()));
    }

    fn refused(&mut self, channel: u32) {
        self.events.push(Event::Refused(channel));
    }

    fn closed(&mut self, channel: u32) {
        self.events.push(Event::Closed(channel));
    }
}

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field<'a> {
    N(u32),
    S(&'a str),
    B(bool),
}

/// A message of this number with these fields.
pub(super) fn message(number: u8, fields: &[Field<'_>]) -> Vec<u8> {
    let mut out = vec![number];
    for field in fields {
        match field {
            Field::N(number) => out.put_uint32(*number),
            Field::S(text) => out.put_string(text.as_bytes()),
            Field::B(value) => out.put_boolean(*value),
        }
    }
    out
}

fn names(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

/// All that is done here, the algorithms of `exchanges` first.
pub(super) fn settings() -> Settings {
    Settings {
        version: VERSION,
        preferences: Preferences {
            exchanges: names(
                "mlkem768x25519-sha256,curve25519-sha256,curve25519-sha256@libssh.org,\
                 ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521",
            ),
            host_keys: names("ssh-ed25519"),
            ciphers: names(
                "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,\
                 aes128-ctr,aes192-ctr,aes256-ctr",
            ),
            macs: names(
                "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,\
                 hmac-sha2-512",
            ),
        },
        window: WINDOW,
        max_packet: 32 * 1024,
        keepalive: Some(KEEPALIVE),
        keepalive_max: 3,
        rekey_after: REKEY,
    }
}

pub(super) struct Pair {
    pub(super) connection: Connection,
    pub(super) device: Device,
    pub(super) recorder: Recorder,
    pub(super) now: Instant,
    /// How many bytes reach the client at once, in turn.
    pub(super) pieces: Vec<usize>,
    turn: usize,
}

impl Pair {
    /// Both have said their versions, and the device its offer.
    pub(super) fn greet(options: Options) -> Result<Self, Error> {
        Self::greet_with(Device::new(options), &settings())
    }

    pub(super) fn greet_with(mut device: Device, settings: &Settings) -> Result<Self, Error> {
        let greeting = Greeting::read(&device.out)?.expect("all of it is there");
        device.out.drain(..greeting.length());
        let now = Instant::now();
        Ok(Self {
            connection: Connection::new(settings, greeting, now)?,
            device,
            recorder: Recorder {
                events: Vec::new(),
                takes_key: true,
                key: Vec::new(),
            },
            now,
            pieces: vec![usize::MAX],
            turn: 0,
        })
    }

    /// Keys are exchanged.
    #[track_caller]
    pub(super) fn keyed(options: Options) -> Self {
        let mut pair = Self::greet(options).unwrap();
        pair.pump().unwrap();
        assert!(pair.connection.is_keyed());
        assert_eq!(pair.events(), [Event::HostKey]);
        pair
    }

    /// And somebody is logged in.
    #[track_caller]
    pub(super) fn logged_in(options: Options) -> Self {
        let mut pair = Self::keyed(options);
        pair.log_in();
        pair
    }

    #[track_caller]
    pub(super) fn log_in(&mut self) {
        self.connection.try_none("admin").unwrap();
        self.accept_service();
        assert_eq!(self.device.one()[0], USERAUTH_REQUEST);
        let reply = self.reply(&[USERAUTH_SUCCESS]);
        assert_eq!(reply, Ok(Some(Reply::Accepted)));
    }

    /// The device takes the request for the service.
    #[track_caller]
    pub(super) fn accept_service(&mut self) {
        self.pump().unwrap();
        let asked = message(SERVICE_REQUEST, &[Field::S("ssh-userauth")]);
        assert_eq!(self.device.one(), asked);
        let accepted = message(SERVICE_ACCEPT, &[Field::S("ssh-userauth")]);
        self.say(&accepted).unwrap();
    }

    /// What a message of the device is taken for as to the login.
    pub(super) fn reply(&mut self, payload: &[u8]) -> Result<Option<Reply>, Error> {
        self.say(payload)?;
        Ok(self.connection.poll_login())
    }

    /// A channel that the device has opened with this window, under the number of ours and 100.
    #[track_caller]
    pub(super) fn open(&mut self, window: u32, max: u32) -> u32 {
        let channel = self.connection.open_session().unwrap();
        assert_eq!(self.connection.poll_opened(channel), None);
        self.pump().unwrap();
        let asked = self.device.one();
        assert_eq!(asked[0], CHANNEL_OPEN);
        let mut reader = Reader::new(&asked[1..]);
        assert_eq!(reader.string(), Ok(&b"session"[..]));
        assert_eq!(reader.uint32(), Ok(channel));
        let confirmed = [channel, channel + 100, window, max].map(Field::N);
        self.say(&message(CHANNEL_OPEN_CONFIRMATION, &confirmed))
            .unwrap();
        assert_eq!(self.connection.poll_opened(channel), Some(Ok(())));
        channel
    }

    /// The device sends `payload`, and what follows from that is done.
    pub(super) fn say(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.device.send(payload);
        self.pump()
    }

    /// The same for fields that begin with the number of a channel.
    pub(super) fn say_on(
        &mut self,
        channel: u32,
        number: u8,
        fields: &[Field<'_>],
    ) -> Result<(), Error> {
        let mut all = vec![Field::N(channel)];
        all.extend_from_slice(fields);
        self.say(&message(number, &all))
    }

    /// Carries bytes until both are quiet.
    pub(super) fn pump(&mut self) -> Result<(), Error> {
        loop {
            let n_sent = self.carry();
            if self.device.out.is_empty() && n_sent == 0 {
                return Ok(());
            }
            self.deliver()?;
        }
    }

    /// What the client has to send reaches the device.
    pub(super) fn carry(&mut self) -> usize {
        let n = self.connection.output().len();
        self.device.receive(self.connection.output());
        self.connection.sent(n);
        n
    }

    /// What the device has sent reaches the client.
    pub(super) fn deliver(&mut self) -> Result<(), Error> {
        let mut bytes = std::mem::take(&mut self.device.out);
        let mut rest = bytes.as_mut_slice();
        while !rest.is_empty() {
            let n = self.pieces[self.turn % self.pieces.len()].clamp(1, rest.len());
            self.turn += 1;
            let (piece, others) = rest.split_at_mut(n);
            self.connection
                .handle_input(piece, &mut self.recorder, self.now)?;
            rest = others;
        }
        Ok(())
    }

    /// What the handler was told since the last call.
    pub(super) fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.recorder.events)
    }

    /// What came on `channel` since the last call, and nothing else did.
    #[track_caller]
    pub(super) fn data(&mut self, channel: u32) -> Vec<u8> {
        let mut all = Vec::new();
        for event in self.events() {
            match event {
                Event::Data(number, bytes) if number == channel => all.extend(bytes),
                other => panic!("{other:?}"),
            }
        }
        all
    }
}
