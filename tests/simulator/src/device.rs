//! One simulated device: its manner, facts, counters, lines and faults.
//!
//! [`DeviceHandle`] is what tests hold; `Device` is the shared state behind it, which the
//! listener and every login of the device use.

mod faults;
mod lines;
mod secret;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::{Clock, Moment};
use crate::dialogue::Dialogue;
use crate::ios;
use crate::laws;

pub use faults::Faults;
pub(crate) use lines::{LineGuard, Lines, cut};
pub use secret::Secret;

/// How a family of devices talks. Another family is another variant and another [`Dialogue`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Manner {
    /// A Cisco IOS router (an ISR of the 2900 series).
    #[default]
    CiscoIos,
}

impl Manner {
    /// The name pollers know the platform by, as `cisco_ios`.
    pub fn platform(self) -> &'static str {
        match self {
            Self::CiscoIos => "cisco_ios",
        }
    }

    /// The SSH identification line, without line end.
    pub(crate) fn ssh_identification(self) -> &'static str {
        match self {
            Self::CiscoIos => "SSH-2.0-Cisco-1.25",
        }
    }

    /// A new login's conversation on line `line`.
    pub(crate) fn dialogue(self, profile: &Arc<Profile>, device: &Device) -> Box<dyn Dialogue> {
        match self {
            Self::CiscoIos => Box::new(ios::IosDialogue::new(
                Arc::clone(profile),
                device.facts,
                device.hostname(),
            )),
        }
    }
}

/// What all devices of a fleet have in common.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) manner: Manner,
    pub(crate) privileged: bool,
    pub(crate) enable_secret: Option<Secret>,
    pub(crate) motd: String,
}

/// What a device is, from which all its values follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Scattered from the fleet's seed and the device's number.
    pub(crate) key: u64,
    /// The device's number, from 0.
    pub(crate) index: usize,
}

impl Facts {
    pub(crate) fn new(seed: u64, index: usize) -> Self {
        let number = u64::try_from(index).expect("a number of devices fits in 64 bits");
        Self {
            key: laws::part(laws::mix(seed), number),
            index,
        }
    }

    /// How long the device had been up when its fleet started: an hour to 400 days, for a fleet
    /// in which uptimes differ.
    pub(crate) fn uptime_at_start(self) -> Duration {
        Duration::from_secs(laws::pick(laws::part(self.key, 6), 3_600, 400 * 86_400))
    }
}

/// The state of one device that its listener, its logins and its handle share.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) name: Arc<str>,
    pub(crate) address: SocketAddr,
    pub(crate) facts: Facts,
    /// When the device was switched on, since 1970.
    booted: Duration,
    clock: Arc<dyn Clock>,
    hostname: Mutex<Arc<str>>,
    pub(crate) faults: watch::Sender<Faults>,
    pub(crate) lines: Lines,
    pub(crate) counters: Counters,
}

/// What happened to a device since its fleet started; every counter only grows.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connections: AtomicU64,
    pub(crate) logins: AtomicU64,
    pub(crate) login_failures: AtomicU64,
    pub(crate) commands: AtomicU64,
    pub(crate) accept_errors: AtomicU64,
    pub(crate) lines_exhausted: AtomicU64,
    pub(crate) input_dropped: AtomicU64,
}

/// Adds one. Relaxed: the counters order nothing.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Device {
    pub(crate) fn new(
        name: Arc<str>,
        address: SocketAddr,
        facts: Facts,
        clock: Arc<dyn Clock>,
        faults: Faults,
        line_count: usize,
    ) -> Self {
        Self {
            hostname: Mutex::new(Arc::clone(&name)),
            name,
            address,
            facts,
            booted: clock.now().saturating_sub(facts.uptime_at_start()),
            clock,
            faults: watch::Sender::new(faults),
            lines: Lines::new(line_count),
            counters: Counters::default(),
        }
    }

    /// The time, as this device sees it.
    pub(crate) fn now(&self) -> Moment {
        let unix = self.clock.now();
        Moment {
            unix,
            since_boot: unix.saturating_sub(self.booted),
        }
    }

    pub(crate) fn hostname(&self) -> Arc<str> {
        Arc::clone(&self.hostname.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_hostname(&self, hostname: Arc<str>) {
        *self.hostname.lock().unwrap_or_else(PoisonError::into_inner) = hostname;
    }
}

/// A running device, for tests: where it is, what happened to it, and its faults.
#[derive(Clone, Debug)]
pub struct DeviceHandle {
    pub(crate) device: Arc<Device>,
    pub(crate) host_key: Arc<str>,
}

impl DeviceHandle {
    /// The device's name in the fleet, which is also its first hostname.
    pub fn name(&self) -> &str {
        &self.device.name
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.device.address
    }

    /// The fingerprint of its host key, as OpenSSH prints it: `SHA256:...`.
    pub fn host_key(&self) -> &str {
        &self.host_key
    }

    /// TCP connections accepted.
    pub fn connections(&self) -> u64 {
        self.device.counters.connections.load(Ordering::Relaxed)
    }

    /// Logins that succeeded.
    pub fn logins(&self) -> u64 {
        self.device.counters.logins.load(Ordering::Relaxed)
    }

    /// Authentication attempts that were refused: each wrong password, each wrong answer to
    /// `Password: `, each key that is not authorised. One connection can bring several.
    pub fn login_failures(&self) -> u64 {
        self.device.counters.login_failures.load(Ordering::Relaxed)
    }

    /// Logged-in sessions open now.
    pub fn sessions(&self) -> usize {
        self.device.lines.logged_in()
    }

    /// Command lines executed, wrong ones included; empty lines and passwords are not commands.
    pub fn commands(&self) -> u64 {
        self.device.counters.commands.load(Ordering::Relaxed)
    }

    /// Times the system refused to accept a connection, as for want of file descriptors.
    pub fn accept_errors(&self) -> u64 {
        self.device.counters.accept_errors.load(Ordering::Relaxed)
    }

    /// Connections closed at once because all terminal lines were taken.
    pub fn lines_exhausted(&self) -> u64 {
        self.device.counters.lines_exhausted.load(Ordering::Relaxed)
    }

    /// Packets typed ahead of a busy device and dropped because its queue was full.
    pub fn input_dropped(&self) -> u64 {
        self.device.counters.input_dropped.load(Ordering::Relaxed)
    }

    /// The faults in force.
    pub fn faults(&self) -> Faults {
        *self.device.faults.borrow()
    }

    /// Puts `faults` in force, in place of all others, for live sessions too.
    pub fn set_faults(&self, faults: Faults) {
        self.device.faults.send_replace(faults);
    }

    /// Changes some faults and leaves the others.
    ///
    /// ```no_run
    /// # fn example(device: netwolf_simulator::DeviceHandle) {
    /// device.update_faults(|faults| faults.hang = true);
    /// # }
    /// ```
    pub fn update_faults(&self, change: impl FnOnce(&mut Faults)) {
        self.device.faults.send_modify(change);
    }

    /// Closes every connection the device has now, without a word; the listener stays.
    pub fn drop_session(&self) {
        self.device.lines.shut_down();
    }
}
