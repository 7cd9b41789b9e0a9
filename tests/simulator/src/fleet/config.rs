//! What a fleet is made of, and what can be wrong with that.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use russh::keys::PublicKey;

use crate::clock::{Clock, SystemClock};
use crate::device::{Allowance, Faults, HostKeyType, Secret};
use crate::manner::{Manner, UnknownManner};
use crate::ssh::Lockout;
use crate::transcript::Transcript;

/// Sent before login, as `banner login` is.
const BANNER: &str = "\nSimulated device. Unauthorised access is pointless but prohibited.\n\n";
/// Printed after login, as `banner motd` is. Its signs are those of prompts on purpose: a poller
/// that takes a `#` for a prompt fails here rather than in the field.
const MOTD: &str = "\n\
    ######################################################\n\
    #  {hostname}: for people with business here only    #\n\
    #  > all sessions are recorded, see intranet>noc#    #\n\
    ######################################################\n\n";
/// Terminal lines of a router with `line vty 0 4` and `line vty 5 15`.
const VTY_LINES: usize = 16;
/// `exec-timeout 10 0`, IOS's own default.
const EXEC_TIMEOUT: Duration = Duration::from_mins(10);

/// Where devices listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    /// One address, a port for each device.
    Ports {
        /// The address of all devices.
        address: IpAddr,
        /// The port of the first device, counted up from there; 0 means that the system chooses
        /// each.
        first_port: u16,
    },
    /// One port, an address for each device, counted up.
    Addresses {
        /// The address of the first device.
        first: Ipv4Addr,
        /// The port of all; 0 means that the system chooses one that is then shared.
        port: u16,
    },
}

/// What a fleet is made of. Start from [`FleetConfig::new`] and change what should differ.
///
/// ```
/// use netwolf_simulator::{Bind, FleetConfig};
///
/// let mut config = FleetConfig::new(200, "netwolf", "secret");
/// config.bind = Bind::Addresses { first: [127, 1, 0, 1].into(), port: 2200 };
/// config.enable_secret = Some("more secret".into());
/// ```
#[derive(Clone, Debug)]
pub struct FleetConfig {
    /// How many.
    pub devices: usize,
    /// Begin of their names, before a number of four or more digits from `0001`.
    pub name_prefix: String,
    /// From which all their values and their host key follow.
    pub seed: u64,
    /// Where they listen.
    pub bind: Bind,
    /// How they talk.
    pub manner: Manner,
    /// How many of each manner, in order; where it is not empty, it stands for `devices` and
    /// `manner`.
    pub mix: Vec<(Manner, usize)>,
    /// A recorded device that all of them play; its platform stands for `manner` and `mix`.
    pub transcript: Option<Arc<Transcript>>,
    /// Whether logins are asked what their platform may ask: a licence, a banner to acknowledge,
    /// a password to change. What a platform always asks is asked in any case.
    pub questions: bool,
    /// The type of their host key.
    pub host_key_type: HostKeyType,
    /// When refused logins lock the account, on all devices together.
    pub lockout: Option<Lockout>,
    /// The one user there is.
    pub username: String,
    /// That user's password; empty to allow keys only.
    pub password: Secret,
    /// Lines of an `authorized_keys` file; empty to allow the password only.
    pub authorized_keys: Vec<String>,
    /// The secret that `enable` asks for; without one, `enable` is refused.
    pub enable_secret: Option<Secret>,
    /// Whether a login begins at `#` rather than `>`.
    pub privileged: bool,
    /// The commands that are let through, and memory of what was typed; all are, where nothing is said.
    pub allowance: Option<Arc<Allowance>>,
    /// Whether they remember what they execute, and take the lines of configuration that their family knows and show
    /// them in their running configuration: 1 MiB of text a device at most, more is dropped. Off, because a fleet that
    /// is polled for days need not.
    pub remembers: bool,
    /// Text before login; empty for none.
    pub banner: String,
    /// Text after login, in which `{hostname}` is replaced; empty for none.
    pub motd: String,
    /// What is wrong with all of them from the start.
    pub faults: Faults,
    /// Connections that each device takes at a time.
    pub vty_lines: usize,
    /// A connection from which nothing came for this long is closed.
    pub exec_timeout: Duration,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

impl FleetConfig {
    /// `devices` routers named `sim-0001` and so on, on ports of 127.0.0.1 that the system
    /// chooses, without faults.
    pub fn new(devices: usize, username: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self {
            devices,
            name_prefix: "sim-".to_owned(),
            seed: 1,
            bind: Bind::Ports {
                address: IpAddr::V4(Ipv4Addr::LOCALHOST),
                first_port: 0,
            },
            manner: Manner::default(),
            mix: Vec::new(),
            transcript: None,
            questions: false,
            host_key_type: HostKeyType::default(),
            lockout: None,
            username: username.into(),
            password: password.into(),
            authorized_keys: Vec::new(),
            enable_secret: None,
            privileged: false,
            allowance: None,
            remembers: false,
            banner: BANNER.to_owned(),
            motd: MOTD.to_owned(),
            faults: Faults::default(),
            vty_lines: VTY_LINES,
            exec_timeout: EXEC_TIMEOUT,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// How many of each manner, in order.
    pub(super) fn mix(&self) -> Result<Vec<(Manner, usize)>, FleetError> {
        let mixed: usize = self.mix.iter().map(|(_, count)| count).sum();
        let devices = if self.mix.is_empty() {
            self.devices
        } else {
            mixed
        };
        if devices == 0 {
            return Err(FleetError::NoDevices);
        }
        Ok(match &self.transcript {
            Some(transcript) => vec![(transcript.manner()?, devices)],
            None if self.mix.is_empty() => vec![(self.manner, devices)],
            None => self.mix.clone(),
        })
    }

    /// Checks what can be checked before anything is bound, and gives the keys out.
    pub(super) fn checked_keys(&self) -> Result<Vec<PublicKey>, FleetError> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let begins_well = self
            .name_prefix
            .starts_with(|c: char| c.is_ascii_alphabetic());
        if !begins_well || self.name_prefix.len() > 40 || !self.name_prefix.chars().all(legal) {
            return Err(FleetError::NamePrefix {
                prefix: self.name_prefix.clone(),
            });
        }
        let mut keys = Vec::with_capacity(self.authorized_keys.len());
        for (number, line) in (1..).zip(&self.authorized_keys) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = super::public_key(line)
                .map_err(|source| FleetError::AuthorizedKey { number, source })?;
            keys.push(key);
        }
        if self.password.is_empty() && keys.is_empty() {
            return Err(FleetError::NoCredential);
        }
        Ok(keys)
    }
}

/// Why a fleet did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// A fleet of nothing.
    #[error("a fleet needs at least one device")]
    NoDevices,
    /// A transcript of a platform that is not known.
    #[error(transparent)]
    Transcript(#[from] UnknownManner),
    /// Names would not be hostnames.
    #[error("name prefix \"{prefix}\" is no begin of a hostname")]
    NamePrefix {
        /// What was given.
        prefix: String,
    },
    /// Neither a password nor a key.
    #[error("nobody could log in: there is neither a password nor an authorised key")]
    NoCredential,
    /// A line of the authorised keys is not a key.
    #[error("authorised key number {number} cannot be read")]
    AuthorizedKey {
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        source: russh::keys::ssh_key::Error,
    },
    /// Ports or addresses run out.
    #[error("{devices} devices do not fit from {first} on")]
    NoRoom {
        /// How many were asked for.
        devices: usize,
        /// Where the first would have been.
        first: SocketAddr,
    },
    /// An address cannot be had.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

impl FleetError {
    /// What one can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoDevices | Self::Transcript(_) => None,
            Self::NamePrefix { .. } => {
                Some("begin with a letter, and use letters, digits, '-', '_' and '.', at most 40")
            }
            Self::NoCredential => Some("set a password, or give an authorised key"),
            Self::AuthorizedKey { .. } => {
                Some("give lines as in OpenSSH's authorized_keys, without options before the key")
            }
            Self::NoRoom { .. } => Some("use fewer devices or a lower first port or address"),
            Self::Bind { source, .. } => match source.kind() {
                io::ErrorKind::AddrInUse => {
                    Some("stop what listens there, or choose another first port (0: any free one)")
                }
                io::ErrorKind::AddrNotAvailable => {
                    Some("use addresses of this machine; Linux has all of 127.0.0.0/8")
                }
                io::ErrorKind::PermissionDenied => Some("use ports from 1024 on"),
                // EMFILE has no kind of its own.
                _ if source.raw_os_error() == Some(24) => {
                    Some("each device needs a file descriptor: raise the limit with 'ulimit -n'")
                }
                _ => None,
            },
        }
    }
}
