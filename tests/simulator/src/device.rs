//! One simulated device: its facts, counters, lines and faults.
//!
//! [`DeviceHandle`] is what tests hold; `Device` is the shared state behind it, which the
//! listener and every login of the device use.

mod allowance;
mod faults;
mod gate;
mod lines;
mod memory;
mod secret;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::{Clock, Moment};
use crate::fleet::LastCommand;
use crate::laws;
use crate::manner::Manner;
use crate::transcript::Transcript;

pub use allowance::Allowance;
pub use faults::{Faults, HostKeyType, KeyExchange};
pub(crate) use gate::{Gate, Passage};
pub(crate) use lines::{LineGuard, Lines, cut};
pub(crate) use memory::{LIMIT as MEMORY_LIMIT, Memory};
pub use secret::Secret;

/// What all devices of a fleet that have one manner have in common.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) manner: Manner,
    /// Whether questions are asked between login and prompt where the family may ask one.
    pub(crate) questions: bool,
    /// What is played instead of invented values.
    pub(crate) transcript: Option<Arc<Transcript>>,
    pub(crate) privileged: bool,
    pub(crate) enable_secret: Option<Secret>,
    pub(crate) motd: String,
    /// Which commands are let through; all, where nothing is said.
    pub(crate) allowance: Option<Arc<Allowance>>,
    /// Whether what is executed is remembered, and lines of configuration put in force.
    pub(crate) remembers: bool,
}

impl Profile {
    /// Whether the account may run `line`, which is remembered where that is asked for.
    pub(crate) fn allows(&self, line: &str) -> bool {
        self.allowance
            .as_ref()
            .is_none_or(|allowance| allowance.take(line.trim()))
    }
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
    pub(crate) profile: Arc<Profile>,
    /// When the device was switched on, in nanoseconds since 1970.
    booted: AtomicU64,
    /// Until then nobody can connect: it boots.
    down_until: Mutex<Option<Instant>>,
    /// The password in force here, if it is not the fleet's.
    password: Mutex<Option<Secret>>,
    pub(crate) gate: Gate,
    clock: Arc<dyn Clock>,
    hostname: Mutex<Arc<str>>,
    pub(crate) faults: watch::Sender<Faults>,
    pub(crate) lines: Lines,
    pub(crate) counters: Counters,
    pub(crate) last_command: LastCommand,
    memory: Mutex<Memory>,
}

/// What happened to a device since its fleet started; every counter only grows.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connections: AtomicU64,
    pub(crate) logins: AtomicU64,
    pub(crate) login_failures: AtomicU64,
    pub(crate) commands: AtomicU64,
    pub(crate) shown: AtomicU64,
    pub(crate) accept_errors: AtomicU64,
    pub(crate) lines_exhausted: AtomicU64,
    pub(crate) input_dropped: AtomicU64,
    pub(crate) channels_opened: AtomicU64,
    pub(crate) channels_refused: AtomicU64,
}

/// Adds one. Relaxed: the counters order nothing.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What [`Device::new`] takes beside the device's number.
pub(crate) struct Origin {
    pub(crate) name: Arc<str>,
    pub(crate) address: SocketAddr,
    pub(crate) facts: Facts,
    pub(crate) profile: Arc<Profile>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) faults: Faults,
    pub(crate) line_count: usize,
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).expect("64 bits of nanoseconds last until 2554")
}

impl Device {
    pub(crate) fn new(origin: Origin) -> Self {
        let booted = origin
            .clock
            .now()
            .saturating_sub(origin.facts.uptime_at_start());
        let hostname = match &origin.profile.transcript {
            Some(transcript) => Arc::from(transcript.hostname.as_str()),
            None => Arc::clone(&origin.name),
        };
        let gate = Gate::default();
        gate.follow(&origin.faults);
        Self {
            hostname: Mutex::new(hostname),
            name: origin.name,
            address: origin.address,
            facts: origin.facts,
            profile: origin.profile,
            booted: AtomicU64::new(nanoseconds(booted)),
            down_until: Mutex::default(),
            password: Mutex::default(),
            gate,
            clock: origin.clock,
            faults: watch::Sender::new(origin.faults),
            lines: Lines::new(origin.line_count),
            counters: Counters::default(),
            last_command: LastCommand::default(),
            memory: Mutex::default(),
        }
    }

    /// The time, as this device sees it.
    pub(crate) fn now(&self) -> Moment {
        let unix = self.clock.now();
        Moment {
            unix,
            since_boot: unix
                .saturating_sub(Duration::from_nanos(self.booted.load(Ordering::Relaxed))),
        }
    }

    pub(crate) fn hostname(&self) -> Arc<str> {
        Arc::clone(&self.hostname.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_hostname(&self, hostname: Arc<str>) {
        *self.hostname.lock().unwrap_or_else(PoisonError::into_inner) = hostname;
    }

    /// What was executed, and what is in force.
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when nobody can connect; none when the device is up.
    pub(crate) fn down_until(&self) -> Option<Instant> {
        let until = *self
            .down_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        until.filter(|until| *until > Instant::now())
    }

    /// Whether `attempt` is the password in force; none where that is the fleet's affair.
    pub(crate) fn has_password(&self, attempt: &[u8]) -> Option<bool> {
        let own = self.password.lock().unwrap_or_else(PoisonError::into_inner);
        own.as_ref().map(|password| password.matches(attempt))
    }

    fn change_faults(&self, change: impl FnOnce(&mut Faults)) {
        self.faults.send_modify(|faults| {
            change(faults);
            self.gate.follow(faults);
        });
    }

    /// Cuts every connection.
    fn cut_all(&self) {
        self.lines.shut_down();
        // Readers at a closed gate do not watch their sockets.
        self.gate.wake();
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

    /// How often each command line was executed, where the fleet
    /// [remembers](crate::FleetConfig::remembers): wrong ones, those of a login's setup and lines of configuration
    /// included. What a device asked about before it did it stands there once more with ` (confirmed)` behind it.
    pub fn ran(&self) -> BTreeMap<String, u64> {
        self.device.memory().ran().clone()
    }

    /// How often `line` was executed, where the fleet [remembers](crate::FleetConfig::remembers).
    pub fn times_ran(&self, line: &str) -> u64 {
        self.device.memory().ran().get(line).copied().unwrap_or(0)
    }

    /// Lines of configuration in force, in the order in which they came, where the fleet
    /// [remembers](crate::FleetConfig::remembers); what is typed below another line stands below it, one blank further
    /// to the right.
    pub fn configuration(&self) -> Vec<String> {
        self.device.memory().configuration().to_vec()
    }

    /// `show` commands executed, in the IOS families: what monitoring polls, and no login's setup.
    pub fn shown(&self) -> u64 {
        self.device.counters.shown.load(Ordering::Relaxed)
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
        self.device.change_faults(|in_force| *in_force = faults);
    }

    /// Changes some faults and leaves the others.
    ///
    /// ```no_run
    /// # fn example(device: netwolf_simulator::DeviceHandle) {
    /// device.update_faults(|faults| faults.hang = true);
    /// # }
    /// ```
    pub fn update_faults(&self, change: impl FnOnce(&mut Faults)) {
        self.device.change_faults(change);
    }

    /// The name pollers know its platform by, as `cisco_ios`.
    pub fn platform(&self) -> &'static str {
        self.device.profile.manner.platform()
    }

    /// The hostname in force.
    pub fn hostname(&self) -> Arc<str> {
        self.device.hostname()
    }

    /// Renames the device, as an administrator would; prompts show it from the next on.
    pub fn set_hostname(&self, hostname: &str) {
        self.device.set_hostname(Arc::from(hostname));
    }

    /// From now on logins need this password here, whatever the fleet's is.
    pub fn set_password(&self, password: impl Into<Secret>) {
        let mut own = self
            .device
            .password
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *own = Some(password.into());
    }

    /// From now on logins need the fleet's password here again.
    pub fn clear_password(&self) {
        let mut own = self
            .device
            .password
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *own = None;
    }

    /// Cuts all connections, refuses new ones for `outage`, and comes back with an uptime of 0.
    pub fn reboot(&self, outage: Duration) {
        let device = &self.device;
        let back = device.clock.now() + outage;
        device.booted.store(nanoseconds(back), Ordering::Relaxed);
        *device
            .down_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + outage);
        // The listener looks when faults change.
        device.change_faults(|_| {});
        device.cut_all();
    }

    /// SSH channels that were opened.
    pub fn channels_opened(&self) -> u64 {
        self.device.counters.channels_opened.load(Ordering::Relaxed)
    }

    /// SSH channels that were refused because a connection had as many as it may.
    pub fn channels_refused(&self) -> u64 {
        self.device
            .counters
            .channels_refused
            .load(Ordering::Relaxed)
    }

    /// Closes every connection the device has now, without a word; the listener stays.
    pub fn drop_session(&self) {
        self.device.cut_all();
    }
}
