//! Misbehaviour that a test switches on while the fleet runs.

use std::time::Duration;

/// A kind of host key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HostKeyType {
    /// `ssh-ed25519`.
    #[default]
    Ed25519,
    /// `ecdsa-sha2-nistp256`.
    Ecdsa,
    /// `ssh-rsa`, of 2048 bits. It takes seconds to make one, once for a fleet.
    Rsa,
}

/// A way to exchange keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum KeyExchange {
    /// `curve25519-sha256`, which is quick.
    Curve25519,
    /// `diffie-hellman-group14-sha256`, which costs a client milliseconds.
    Group14,
}

/// What is wrong with a device. The default is nothing.
///
/// Faults of the answer work in this order: the echo goes out, then `latency` and `split` pass,
/// then `prompt_inside`, `garbage` and `flood` are sent, then `hang` holds, then the real output
/// follows, which `hang_after`, `drop_after` and `dribble` may have their way with.
///
/// Faults of the login (`slow_accept`, `refuse_logins`, host key, algorithms, methods, `rekey_*`)
/// hold for connections made while they are in force; all others for live ones too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each fault is on or off by itself"
)]
pub struct Faults {
    /// Time between a command and its answer. Ctrl-C or Ctrl-^ ends the wait and drops the answer.
    pub latency: Duration,
    /// Gap between echo and output, so that they come in separate packets as from slow devices.
    pub split: Duration,
    /// New connections are accepted and never hear a byte; ended when the fault ends.
    pub mute: bool,
    /// The listener is closed, so that connecting is refused; live sessions go on.
    pub refuse: bool,
    /// Commands are not answered and typing is not heard, though the shell stays open; the answer
    /// comes when the fault ends.
    pub hang: bool,
    /// This many bytes of text before each command's real output.
    pub flood: usize,
    /// A copy of the prompt stands inside each command's output.
    pub prompt_inside: bool,
    /// What is sent comes a byte at a time, with this pause between two.
    pub dribble: Duration,
    /// After this many bytes of an answer the device hangs, as with `hang`; the rest comes when
    /// the fault ends.
    pub hang_after: Option<usize>,
    /// After this many bytes of an answer the connection is cut without a word.
    pub drop_after: Option<usize>,
    /// This many bytes of binary garbage before each command's real output.
    pub garbage: usize,
    /// The next command is answered by an SSH disconnect with a message.
    pub disconnect: bool,
    /// Nothing is read and nothing is sent any more, on live connections too, though sockets stay
    /// open: all bytes vanish, and a connection that lost some never recovers.
    pub half_open: bool,
    /// What clients send is left unread, keepalives included, until the fault ends.
    pub deaf: bool,
    /// Output is paged although the pager was switched off.
    pub pager_always: bool,
    /// The prompt bears the mark of unsaved changes, on platforms that have one.
    pub mark: bool,
    /// The SSH identification comes so long after the connection.
    pub slow_accept: Duration,
    /// Every attempt to log in is refused, and counted.
    pub refuse_logins: bool,
    /// The host key is another one than before, of the same type.
    pub changed_host_key: bool,
    /// The host key is of this type instead of the fleet's.
    pub host_key_type: Option<HostKeyType>,
    /// Only `diffie-hellman-group14-sha1`, `aes128-cbc`, `hmac-sha1` and `ssh-rsa` are offered.
    pub legacy_only: bool,
    /// The one way to exchange keys, instead of all usual ones.
    pub key_exchange: Option<KeyExchange>,
    /// Only keyboard-interactive is offered for the login.
    pub keyboard_interactive_only: bool,
    /// The device renews keys after so many bytes, sent or received; 0 for SSH's own gigabyte.
    pub rekey_bytes: usize,
    /// The device renews keys so often; 0 for SSH's own hour.
    pub rekey_interval: Duration,
    /// A session in which nothing was typed for so long is closed; 0 for the fleet's own time.
    pub exec_timeout: Duration,
}

impl Faults {
    /// Whether answers to commands are touched.
    pub(crate) fn touch_answers(&self) -> bool {
        self.hang
            || self.prompt_inside
            || self.disconnect
            || self.flood > 0
            || self.garbage > 0
            || self.hang_after.is_some()
            || self.drop_after.is_some()
            || !self.latency.is_zero()
            || !self.split.is_zero()
            || !self.dribble.is_zero()
    }

    /// Whether a connection needs other SSH settings than its platform's.
    pub(crate) fn touch_ssh(&self) -> bool {
        self.changed_host_key
            || self.host_key_type.is_some()
            || self.legacy_only
            || self.key_exchange.is_some()
            || self.keyboard_interactive_only
            || self.rekey_bytes > 0
            || !self.rekey_interval.is_zero()
    }
}
