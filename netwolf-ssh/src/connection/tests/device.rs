//! A device: the server's side of SSH, as far as tests need it, with faults to order.

use aws_lc_rs::{
    digest::{Context, SHA256, digest},
    kem::{EncapsulationKey, ML_KEM_768},
    signature::{Ed25519KeyPair, KeyPair},
};

use super::pair::VERSION;
use crate::{
    cipher::{Cipher, Role},
    codec::{Reader, Write},
    exchange::Exchange,
    keys::{Secrets, Way},
    negotiation::{Kex, Offer, Preferences},
    numbers::{DEBUG, KEX_ECDH_INIT, KEX_ECDH_REPLY, KEXINIT, NEWKEYS},
    packet::{Incoming, Outgoing},
};

pub(super) const DEVICE_VERSION: &str = "SSH-2.0-Test_1.0";
const STRICT: &str = "kex-strict-s-v00@openssh.com";

/// What a device offers.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) exchanges: String,
    pub(super) ciphers: String,
    pub(super) macs: String,
    pub(super) strict: bool,
    /// It says that the first message of the exchange that it expects follows.
    pub(super) guesses: bool,
    /// And that message does follow.
    pub(super) sends_guess: bool,
    pub(super) fault: Fault,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            exchanges: "curve25519-sha256".into(),
            ciphers: "aes128-gcm@openssh.com".into(),
            macs: "hmac-sha2-256".into(),
            strict: true,
            guesses: false,
            sends_guess: false,
            fault: Fault::None,
        }
    }
}

/// What a device does wrong in its exchanges from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// It signs something else.
    Signature,
    /// It signs as it should, with another host key than before.
    OtherKey,
    /// Its share is no point.
    Share,
    /// It answers twice.
    TwoReplies,
    /// It does not answer, but uses keys.
    NoReply,
    /// It does not answer at all.
    Silence,
}

type Change = Box<dyn FnMut(usize, &mut Vec<u8>)>;

pub(super) struct Device {
    pub(super) options: Options,
    host: Ed25519KeyPair,
    input: Vec<u8>,
    /// What is on its way to the client.
    pub(super) out: Vec<u8>,
    sending: Outgoing,
    receiving: Incoming,
    /// The offers of the exchange that is under way.
    ours: Option<Vec<u8>>,
    theirs: Option<Vec<u8>>,
    /// We have told our share, and use new keys.
    has_new_keys: bool,
    next: Option<Cipher>,
    held: Vec<Vec<u8>>,
    session: Vec<u8>,
    strict: bool,
    /// What came but for exchanges, whole.
    received: Vec<Vec<u8>>,
    /// The numbers of all that came.
    pub(super) numbers: Vec<u8>,
    pub(super) n_exchanges: u32,
    /// Changes a payload on its way into a packet, by how many were sent before it.
    pub(super) changes: Option<Change>,
    n_sent: usize,
}

impl Device {
    /// Has its version and its offer on the way.
    pub(super) fn new(options: Options) -> Self {
        let mut device = Self {
            options,
            host: Ed25519KeyPair::generate().unwrap(),
            input: Vec::new(),
            out: format!("{DEVICE_VERSION}\r\n").into_bytes(),
            sending: Outgoing::new(),
            receiving: Incoming::after(0),
            ours: None,
            theirs: None,
            has_new_keys: false,
            next: None,
            held: Vec::new(),
            session: Vec::new(),
            strict: false,
            received: Vec::new(),
            numbers: Vec::new(),
            n_exchanges: 0,
            changes: None,
            n_sent: 0,
        };
        device.rekey();
        device
    }

    pub(super) fn host_key(&self) -> Vec<u8> {
        let mut key = Vec::new();
        key.put_string(b"ssh-ed25519");
        key.put_string(self.host.public_key().as_ref());
        key
    }

    /// What came since the last call, but for exchanges.
    pub(super) fn received(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.received)
    }

    /// The one message that came.
    #[track_caller]
    pub(super) fn one(&mut self) -> Vec<u8> {
        let mut all = self.received();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    /// Sends `payload`, once that may be.
    pub(super) fn send(&mut self, payload: &[u8]) {
        if self.ours.is_some() && !self.has_new_keys {
            self.held.push(payload.to_vec());
        } else {
            self.send_now(payload);
        }
    }

    /// Sends `payload`, whether or not that may be.
    pub(super) fn send_now(&mut self, payload: &[u8]) {
        let mut payload = payload.to_vec();
        if let Some(change) = &mut self.changes {
            change(self.n_sent, &mut payload);
        }
        self.n_sent += 1;
        self.sending.put(&payload, 1, &mut self.out).unwrap();
    }

    /// Lets `payload` vanish under way, as somebody in between would.
    pub(super) fn send_into_nowhere(&mut self, payload: &[u8]) {
        let n = self.out.len();
        self.send_now(payload);
        self.out.truncate(n);
    }

    /// Begins an exchange, unless one is under way.
    pub(super) fn rekey(&mut self) {
        if self.ours.is_some() {
            return;
        }
        let strict = if self.options.strict { STRICT } else { "" };
        let exchanges = format!("{},{strict}", self.options.exchanges);
        let mut offer = vec![KEXINIT];
        offer.extend_from_slice(&[7; 16]);
        offer.put_string(exchanges.trim_end_matches(',').as_bytes());
        offer.put_string(b"ssh-ed25519");
        for names in [&self.options.ciphers, &self.options.macs] {
            offer.put_string(names.as_bytes());
            offer.put_string(names.as_bytes());
        }
        for names in ["none", "none", "", ""] {
            offer.put_string(names.as_bytes());
        }
        offer.put_boolean(self.options.guesses);
        offer.put_uint32(0);
        self.send_now(&offer);
        if self.options.sends_guess {
            // Whatever it is, a client that takes it for its own exchange fails.
            self.send_now(&[KEX_ECDH_REPLY, 1, 2, 3]);
        }
        self.ours = Some(offer);
    }

    /// Takes all that the client has sent.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        let mut input = std::mem::take(&mut self.input);
        let mut from = 0;
        while let Some(whole) = self.receiving.whole(&mut input[from..]).unwrap() {
            let packet = &mut input[from..from + whole];
            let payload = self.receiving.open(packet).unwrap().to_vec();
            from += whole;
            self.handle(&payload);
        }
        input.drain(..from);
        self.input = input;
    }

    fn handle(&mut self, payload: &[u8]) {
        let number = payload[0];
        self.numbers.push(number);
        match number {
            KEXINIT => {
                assert!(self.theirs.is_none(), "an offer inside of an exchange");
                self.theirs = Some(payload.to_vec());
                self.rekey();
            }
            KEX_ECDH_INIT => self.handle_share(payload),
            NEWKEYS => {
                let cipher = self.next.take().expect("new keys come after an answer");
                self.receiving.keys.renew(cipher, self.strict);
                self.ours = None;
                self.theirs = None;
                self.has_new_keys = false;
                self.n_exchanges += 1;
            }
            _ => {
                assert!(
                    self.theirs.is_none() || number <= DEBUG,
                    "message {number} inside of an exchange"
                );
                self.received.push(payload.to_vec());
            }
        }
    }

    fn handle_share(&mut self, payload: &[u8]) {
        let theirs = self.theirs.clone().expect("a share comes after an offer");
        let ours = self.ours.clone().expect("it answers an offer");
        let offer = Offer::read(&ours).unwrap();
        let chosen = Preferences::of_kexinit(&theirs)
            .unwrap()
            .choose(&offer)
            .unwrap();
        if self.session.is_empty() {
            let asks = String::from_utf8_lossy(&theirs).contains("kex-strict-c-v00@openssh.com");
            self.strict = self.options.strict && asks;
        }
        match self.options.fault {
            Fault::NoReply => return self.send_now(&[NEWKEYS]),
            Fault::Silence => return,
            Fault::OtherKey => self.host = Ed25519KeyPair::generate().unwrap(),
            _ => {}
        }
        let their_share = Reader::new(&payload[1..]).string().unwrap();
        let Some((mut share, secret, exchange)) = agree(chosen.kex, their_share) else {
            assert!(self.changes.is_some(), "the client's share is none");
            return;
        };
        if self.options.fault == Fault::Share {
            share.fill(0);
        }
        let key = self.host_key();
        let mut context = Context::new(exchange.hash());
        for part in [
            VERSION.as_bytes(),
            DEVICE_VERSION.as_bytes(),
            &theirs,
            &ours,
            &key,
            their_share,
            &share,
        ] {
            let mut encoded = Vec::new();
            encoded.put_string(part);
            context.update(&encoded);
        }
        context.update(&secret);
        let hash = context.finish().as_ref().to_vec();
        let signature = match self.options.fault {
            Fault::Signature => self.host.sign(b"something else"),
            _ => self.host.sign(&hash),
        };
        let mut signed = Vec::new();
        signed.put_string(b"ssh-ed25519");
        signed.put_string(signature.as_ref());
        let mut reply = vec![KEX_ECDH_REPLY];
        reply.put_string(&key);
        reply.put_string(&share);
        reply.put_string(&signed);
        self.send_now(&reply);
        if self.options.fault == Fault::TwoReplies {
            self.send_now(&reply);
        }
        if self.session.is_empty() {
            self.session.clone_from(&hash);
        }
        let secrets = Secrets {
            hash: exchange.hash(),
            shared: &secret,
            exchange: &hash,
            session: &self.session,
        };
        // What the client sends with, we receive with.
        let from = Cipher::new(chosen.sending, Way::ToDevice, Role::Opens, &secrets).unwrap();
        let to = Cipher::new(chosen.receiving, Way::FromDevice, Role::Seals, &secrets).unwrap();
        self.send_now(&[NEWKEYS]);
        self.sending.keys.renew(to, self.strict);
        self.next = Some(from);
        self.has_new_keys = true;
        for payload in std::mem::take(&mut self.held) {
            self.send_now(&payload);
        }
    }
}

/// The server's half: its share, and the secret, encoded; with an exchange that knows the hash.
fn agree(kex: Kex, theirs: &[u8]) -> Option<(Vec<u8>, Vec<u8>, Exchange)> {
    if kex != Kex::MlKem768X25519 {
        let exchange = Exchange::begin(kex).unwrap();
        let secret = exchange.finish(theirs).ok()?.to_vec();
        return Some((exchange.share().to_vec(), secret, exchange));
    }
    let (kem, curve) = theirs.split_at_checked(1184)?;
    let (ciphertext, first) = EncapsulationKey::new(&ML_KEM_768, kem)
        .ok()?
        .encapsulate()
        .unwrap();
    let exchange = Exchange::begin(Kex::X25519).unwrap();
    let encoded = exchange.finish(curve).ok()?;
    let second = Reader::new(&encoded).magnitude().unwrap();
    let both = [first.as_ref(), &vec![0; 32 - second.len()], second].concat();
    let mut secret = Vec::new();
    secret.put_string(digest(&SHA256, &both).as_ref());
    let share = [ciphertext.as_ref(), exchange.share()].concat();
    Some((share, secret, exchange))
}
