//! Many devices in one process: configuration, start, totals, shutdown.
//!
//! One listener task per device on the caller's tokio runtime, and nothing else until somebody
//! connects; no thread per device.

mod config;
mod listener;
mod rhythm;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use russh::keys::PublicKey;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::device::{Device, DeviceHandle, Facts, Origin, Profile, Secret};
use crate::manner::Manner;
use crate::ssh::{Access, Keyring, Service};

pub use crate::ssh::Lockout;
pub use config::{Bind, FleetConfig, FleetError};
pub use rhythm::Gaps;
pub(crate) use rhythm::{LastCommand, Rhythm};

/// How long [`Fleet::shutdown`] waits for connections that were cut to be gone.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(1);

/// Running devices. Dropping it closes them too, without waiting.
#[derive(Debug)]
pub struct Fleet {
    devices: Vec<DeviceHandle>,
    host_key: Arc<str>,
    service: Arc<Service>,
    listeners: JoinSet<()>,
    /// When [`Fleet::take_gaps`] was called last.
    gaps_taken: Mutex<Instant>,
}

/// Sums over all devices of a fleet; see [`DeviceHandle`] for what each counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetTotals {
    /// TCP connections accepted.
    pub connections: u64,
    /// Logins that succeeded.
    pub logins: u64,
    /// Authentication attempts refused.
    pub login_failures: u64,
    /// Logged-in sessions open now.
    pub sessions: u64,
    /// Command lines executed.
    pub commands: u64,
    /// Times the system refused to accept a connection.
    pub accept_errors: u64,
    /// Connections closed because all terminal lines were taken.
    pub lines_exhausted: u64,
    /// SSH channels opened.
    pub channels_opened: u64,
    /// SSH channels refused.
    pub channels_refused: u64,
}

impl Fleet {
    /// Binds every device and starts to listen; when this returns, all of them can be reached.
    ///
    /// # Errors
    ///
    /// When the configuration contradicts itself or an address cannot be had; no device is left
    /// running then.
    pub async fn start(config: FleetConfig) -> Result<Self, FleetError> {
        let keys = config.checked_keys()?;
        let mix = config.mix()?;
        let devices = mix.iter().map(|(_, count)| count).sum();
        let keyring = Keyring::new(config.seed);
        let fingerprint: Arc<str> = Arc::from(keyring.fingerprint(config.host_key_type));
        let listeners = listener::bind(&config.bind, devices).await?;
        let profiles = profiles(&config, &mix);
        let access = Access::new(config.username, config.password, keys, config.lockout);
        let service = Arc::new(Service::new(
            access,
            &config.banner,
            keyring,
            config.host_key_type,
            config.exec_timeout,
        ));
        let mut fleet = Self {
            devices: Vec::with_capacity(devices),
            host_key: fingerprint,
            service,
            listeners: JoinSet::new(),
            gaps_taken: Mutex::new(Instant::now()),
        };
        let digits = devices.to_string().len().max(4);
        for ((index, (listener, address)), profile) in
            listeners.into_iter().enumerate().zip(profiles)
        {
            let device = Arc::new(Device::new(Origin {
                name: Arc::from(format!("{}{:0digits$}", config.name_prefix, index + 1)),
                address,
                facts: Facts::new(config.seed, index),
                profile,
                clock: Arc::clone(&config.clock),
                faults: config.faults,
                line_count: config.vty_lines,
            }));
            fleet.listeners.spawn(listener::listen(
                Arc::clone(&fleet.service),
                Arc::clone(&device),
                listener,
            ));
            fleet.devices.push(DeviceHandle {
                device,
                host_key: Arc::clone(&fleet.host_key),
            });
        }
        Ok(fleet)
    }

    /// The devices, in the order of their numbers.
    pub fn devices(&self) -> &[DeviceHandle] {
        &self.devices
    }

    /// The device called `name`.
    pub fn device(&self, name: &str) -> Option<&DeviceHandle> {
        self.devices.iter().find(|device| device.name() == name)
    }

    /// Where the first device listens.
    pub fn first_address(&self) -> Option<SocketAddr> {
        self.devices.first().map(DeviceHandle::address)
    }

    /// The fingerprint of the host key that all devices share: `SHA256:...`.
    pub fn host_key(&self) -> &str {
        &self.host_key
    }

    /// The name pollers know the first device's platform by, as `cisco_ios`; in a mixed fleet
    /// [`DeviceHandle::platform`] tells each device's.
    pub fn platform(&self) -> &'static str {
        self.devices
            .first()
            .map_or("", |device| device.device.profile.manner.platform())
    }

    /// From now on logins need this password, everywhere but where
    /// [`DeviceHandle::set_password`] set another.
    pub fn set_password(&self, password: impl Into<Secret>) {
        self.service.access.set_password(password.into());
    }

    /// Whether refusals have locked the account, so that nobody gets in.
    pub fn account_locked(&self) -> bool {
        self.service.access.is_locked()
    }

    /// Times the account was locked.
    pub fn lockouts(&self) -> u64 {
        self.service.access.lockouts()
    }

    /// The fingerprint of the fleet's key of type `kind`, as a device with the fault
    /// [`host_key_type`](crate::Faults::host_key_type) shows it.
    pub fn host_key_of(&self, kind: crate::HostKeyType) -> String {
        self.service.keyring().fingerprint(kind)
    }

    /// Sums over all devices, now.
    pub fn totals(&self) -> FleetTotals {
        let mut totals = FleetTotals::default();
        for device in &self.devices {
            totals.connections += device.connections();
            totals.logins += device.logins();
            totals.login_failures += device.login_failures();
            totals.sessions += u64::try_from(device.sessions()).unwrap_or(u64::MAX);
            totals.commands += device.commands();
            totals.accept_errors += device.accept_errors();
            totals.lines_exhausted += device.lines_exhausted();
            totals.channels_opened += device.channels_opened();
            totals.channels_refused += device.channels_refused();
        }
        totals
    }

    /// The gaps between commands of the same device since the last call, or since the start.
    pub fn take_gaps(&self) -> Gaps {
        let mut taken = self
            .gaps_taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let since = std::mem::replace(&mut *taken, Instant::now());
        let lasts = self
            .devices
            .iter()
            .map(|handle| &handle.device.last_command);
        self.service.rhythm.take(lasts, since)
    }

    /// Closes all listeners and connections, and waits up to a second until they are gone.
    pub async fn shutdown(mut self) {
        self.listeners.shutdown().await;
        self.cut_all();
        if timeout(SHUTDOWN_DEADLINE, self.service.idle())
            .await
            .is_err()
        {
            tracing::warn!("some sessions did not end in time");
        }
    }

    fn cut_all(&self) {
        for handle in &self.devices {
            handle.drop_session();
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.listeners.abort_all();
        self.cut_all();
    }
}

/// The profile of each device in turn; one for each manner.
fn profiles(
    config: &FleetConfig,
    mix: &[(Manner, usize)],
) -> impl Iterator<Item = Arc<Profile>> + use<> {
    let secret = config
        .enable_secret
        .clone()
        .filter(|secret| !secret.is_empty());
    let profile = |manner| {
        Arc::new(Profile {
            manner,
            questions: config.questions,
            transcript: config.transcript.clone(),
            privileged: config.privileged,
            enable_secret: secret.clone(),
            motd: config.motd.clone(),
            allowance: config.allowance.clone(),
            remembers: config.remembers,
        })
    };
    let profiles: Vec<_> = mix
        .iter()
        .map(|(manner, count)| (profile(*manner), *count))
        .collect();
    profiles
        .into_iter()
        .flat_map(|(profile, count)| std::iter::repeat_n(profile, count))
}

/// Reads one line of an `authorized_keys` file.
fn public_key(line: &str) -> Result<PublicKey, russh::keys::ssh_key::Error> {
    PublicKey::from_openssh(line)
}
