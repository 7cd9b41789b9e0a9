//! Binding devices and accepting connections.
//!
//! Invariant: an accept that fails is counted and waited out, so that a process without free
//! descriptors does not spin.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::config::{Bind, FleetError};
use crate::device::{Device, Faults, count};
use crate::ssh::{self, Service};

/// First and longest wait after an accept that failed.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));
/// How often a shared port is chosen anew when some address has it in use.
const SHARED_PORT_TRIES: usize = 16;

type Listeners = Vec<(TcpListener, SocketAddr)>;

/// Binds `devices` listeners, or none.
pub(super) async fn bind(bind: &Bind, devices: usize) -> Result<Listeners, FleetError> {
    match *bind {
        Bind::Ports {
            address,
            first_port,
        } => {
            let first = SocketAddr::new(address, first_port);
            let port = |index: usize| match first_port {
                0 => Some(0),
                _ => u16::try_from(index).ok()?.checked_add(first_port),
            };
            let at = |index| port(index).map(|port| SocketAddr::new(address, port));
            bind_all(first, devices, at).await
        }
        Bind::Addresses { first, port } => {
            let mut tries = SHARED_PORT_TRIES;
            loop {
                match bind_addresses(first, port, devices).await {
                    Err(FleetError::Bind { source, .. })
                        if port == 0 && tries > 1 && source.kind() == io::ErrorKind::AddrInUse =>
                    {
                        tries -= 1;
                    }
                    done => return done,
                }
            }
        }
    }
}

/// Binds one port on several addresses; port 0 is chosen with the first.
async fn bind_addresses(
    first: Ipv4Addr,
    port: u16,
    devices: usize,
) -> Result<Listeners, FleetError> {
    let first_at = SocketAddr::new(IpAddr::V4(first), port);
    let mut listeners = bind_all(first_at, 1, |_| Some(first_at)).await?;
    let port = listeners
        .first()
        .map_or(port, |(_, address)| address.port());
    let at = |index: usize| {
        let step = u32::try_from(index + 1).ok()?;
        let address = u32::from(first).checked_add(step)?;
        Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::from(address)), port))
    };
    listeners.extend(bind_all(first_at, devices - 1, at).await?);
    Ok(listeners)
}

async fn bind_all(
    first: SocketAddr,
    devices: usize,
    at: impl Fn(usize) -> Option<SocketAddr>,
) -> Result<Listeners, FleetError> {
    let mut listeners = Vec::with_capacity(devices);
    for index in 0..devices {
        let address = at(index).ok_or(FleetError::NoRoom { devices, first })?;
        let fault = |source| FleetError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(fault)?;
        let bound = listener.local_addr().map_err(fault)?;
        listeners.push((listener, bound));
    }
    Ok(listeners)
}

/// Accepts connections of one device, for ever; ended by aborting the task.
///
/// There is one of these for each of thousands of idle devices, so what rarely happens is boxed
/// to keep the task small.
pub(super) async fn listen(service: Arc<Service>, device: Arc<Device>, mut listener: TcpListener) {
    let mut faults = device.faults.subscribe();
    let mut wait = BACKOFF.0;
    loop {
        if faults.borrow_and_update().refuse || device.down_until().is_some() {
            // Only a closed listener makes the system refuse.
            drop(listener);
            match Box::pin(listen_again(&device, &mut faults)).await {
                Some(bound) => listener = bound,
                None => return,
            }
        }
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => {
                    wait = BACKOFF.0;
                    let (service, device) = (Arc::clone(&service), Arc::clone(&device));
                    tokio::spawn(ssh::serve(service, device, socket, peer));
                }
                Err(error) => {
                    tracing::debug!(device = %device.name, %error, "accept failed");
                    Box::pin(back_off(&device, &mut wait)).await;
                }
            },
            changed = faults.changed() => if changed.is_err() { return },
        }
    }
}

/// Waits until the device no longer refuses, then binds its address again. None when the device
/// is gone.
async fn listen_again(
    device: &Device,
    faults: &mut watch::Receiver<Faults>,
) -> Option<TcpListener> {
    loop {
        drop(faults.wait_for(|faults| !faults.refuse).await.ok()?);
        match device.down_until() {
            Some(until) => tokio::time::sleep_until(until).await,
            None => break,
        }
    }
    let mut wait = BACKOFF.0;
    loop {
        match TcpListener::bind(device.address).await {
            Ok(listener) => return Some(listener),
            Err(error) => {
                tracing::warn!(device = %device.name, %error, "cannot listen again, retrying");
                back_off(device, &mut wait).await;
            }
        }
    }
}

async fn back_off(device: &Device, wait: &mut Duration) {
    count(&device.counters.accept_errors);
    tokio::time::sleep(*wait).await;
    *wait = (*wait * 2).min(BACKOFF.1);
}
