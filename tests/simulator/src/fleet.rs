//! Many devices in one process: configuration, start, totals, shutdown.
//!
//! One listener task per device on the caller's tokio runtime, and nothing else until somebody
//! connects; no thread per device.

mod config;
mod listener;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{HashAlg, PrivateKey, PublicKey};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::device::{Device, DeviceHandle, Facts, Profile};
use crate::laws;
use crate::ssh::{Access, Service};

pub use config::{Bind, FleetConfig, FleetError};

/// How long [`Fleet::shutdown`] waits for connections that were cut to be gone.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(1);

/// Running devices. Dropping it closes them too, without waiting.
#[derive(Debug)]
pub struct Fleet {
    devices: Vec<DeviceHandle>,
    host_key: Arc<str>,
    service: Arc<Service>,
    listeners: JoinSet<()>,
}

/// Sums over all devices of a fleet; see [`DeviceHandle`] for what each counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
        let key = host_key(config.seed);
        let fingerprint: Arc<str> =
            Arc::from(key.public_key().fingerprint(HashAlg::Sha256).to_string());
        let listeners = listener::bind(&config.bind, config.devices).await?;
        let profile = Arc::new(Profile {
            manner: config.manner,
            privileged: config.privileged,
            enable_secret: config.enable_secret.filter(|secret| !secret.is_empty()),
            motd: config.motd,
        });
        let access = Access {
            username: config.username,
            password: config.password,
            keys,
        };
        let service = Arc::new(Service::new(
            profile,
            access,
            &config.banner,
            key,
            config.exec_timeout,
        ));
        let mut fleet = Self {
            devices: Vec::with_capacity(config.devices),
            host_key: fingerprint,
            service,
            listeners: JoinSet::new(),
        };
        let digits = config.devices.to_string().len().max(4);
        for (index, (listener, address)) in listeners.into_iter().enumerate() {
            let device = Arc::new(Device::new(
                Arc::from(format!("{}{:0digits$}", config.name_prefix, index + 1)),
                address,
                Facts::new(config.seed, index),
                Arc::clone(&config.clock),
                config.faults,
                config.vty_lines,
            ));
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

    /// The name pollers know the devices' platform by, as `cisco_ios`.
    pub fn platform(&self) -> &'static str {
        self.service.profile.manner.platform()
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
        }
        totals
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

/// The host key of all fleets with this seed. Anybody can compute it: it is for simulation only.
fn host_key(seed: u64) -> PrivateKey {
    let mut bytes = [0; 32];
    for (number, chunk) in (1..).zip(bytes.chunks_exact_mut(8)) {
        chunk.copy_from_slice(&laws::part(laws::mix(seed), number << 32).to_be_bytes());
    }
    PrivateKey::from(Ed25519Keypair::from_seed(&bytes))
}

/// Reads one line of an `authorized_keys` file.
fn public_key(line: &str) -> Result<PublicKey, russh::keys::ssh_key::Error> {
    PublicKey::from_openssh(line)
}
