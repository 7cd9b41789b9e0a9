//! The SSH side of a device: what carries dialogues. The only place that knows russh.
//!
//! ```text
//!   listener ──> serve ──> Handler ──(nothing wrong)──> answers in the same packet
//!                             └─────(a fault, or a slow reader)──> Courier, a task of its own
//! ```
//!
//! Most polls are answered at once from russh's own task. A shell whose device has a fault is
//! handed to a [`courier`], for good: one sender at a time, so bytes never overtake each other.

mod access;
mod courier;
mod handler;
mod keyring;
mod settings;
mod socket;
mod timeout;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::server;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::device::{Device, Faults, HostKeyType, LineGuard, count};
use crate::dialogue::{Around, Output, Outputs};
use crate::fleet::Rhythm;
use crate::manner::Manner;
use handler::Handler;
use settings::Basis;
use socket::SharedStream;

pub(crate) use access::Access;
pub use access::Lockout;
pub(crate) use keyring::Keyring;

/// Time from connection to login, as `ip ssh time-out` sets it; its default is 120 s.
const LOGIN_DEADLINE: Duration = Duration::from_mins(1);

/// What the connections of all devices of a fleet share.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) access: Access,
    /// Sent before login; empty for none.
    banner: String,
    basis: Basis,
    /// How regularly the devices are polled.
    pub(crate) rhythm: Rhythm,
    /// Settings without faults: the same for all connections of one manner.
    usual: Mutex<HashMap<Manner, Arc<server::Config>>>,
    /// Connections open now.
    live: watch::Sender<usize>,
}

impl Service {
    pub(crate) fn new(
        access: Access,
        banner: &str,
        keyring: Keyring,
        host_key_type: HostKeyType,
        exec_timeout: Duration,
    ) -> Self {
        let basis = Basis {
            keyring,
            host_key_type,
            methods: access.methods(),
            exec_timeout,
        };
        Self {
            access,
            banner: banner.replace('\n', "\r\n"),
            basis,
            rhythm: Rhythm::new(),
            usual: Mutex::default(),
            live: watch::Sender::new(0),
        }
    }

    /// The keys of the fleet.
    pub(crate) fn keyring(&self) -> &Keyring {
        &self.basis.keyring
    }

    fn config(&self, manner: Manner, faults: &Faults) -> Arc<server::Config> {
        if faults.touch_ssh() {
            return Arc::new(self.basis.config(manner, faults));
        }
        let mut usual = self.usual.lock().unwrap_or_else(PoisonError::into_inner);
        let config = usual
            .entry(manner)
            .or_insert_with(|| Arc::new(self.basis.config(manner, faults)));
        Arc::clone(config)
    }

    /// Waits until no connection is left.
    pub(crate) async fn idle(&self) {
        let mut live = self.live.subscribe();
        // The sender is ours, so the only way for this to end is that the count is 0.
        drop(live.wait_for(|count| *count == 0).await);
    }
}

/// One connection's place in its device, free again when the last holder drops it.
#[derive(Debug)]
struct Station {
    service: Arc<Service>,
    line: LineGuard,
    born: Instant,
    /// When something was typed last, in nanoseconds since `born`.
    typed: AtomicU64,
    /// Bytes that the kernel took.
    written: Arc<AtomicU64>,
}

impl Station {
    fn new(service: Arc<Service>, line: LineGuard) -> Arc<Self> {
        service.live.send_modify(|count| *count += 1);
        Arc::new(Self {
            service,
            line,
            born: Instant::now(),
            typed: AtomicU64::new(0),
            written: Arc::default(),
        })
    }

    fn device(&self) -> &Arc<Device> {
        self.line.device()
    }

    /// Time since something was typed last.
    fn idle(&self) -> Duration {
        let typed = Duration::from_nanos(self.typed.load(Ordering::Relaxed));
        self.born.elapsed().saturating_sub(typed)
    }

    /// Whether a connection ends with its one session.
    fn is_single(&self) -> bool {
        self.device().profile.manner.traits().channels == 1
    }

    /// Calls a dialogue with its device's surroundings, and does at once what concerns the device
    /// rather than the client: a second call must already see it.
    fn converse(&self, call: impl FnOnce(&Around<'_>, &mut Outputs)) -> Outputs {
        let device = self.device();
        let now = device.now();
        self.line.touch(now.unix);
        let typed = u64::try_from(self.born.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.typed.store(typed, Ordering::Relaxed);
        let (mark, pager_forced) = {
            let faults = device.faults.borrow();
            (faults.mark, faults.pager_always)
        };
        let mut outputs = Outputs::new();
        let around = Around {
            now,
            hostname: &device.hostname(),
            users: &|| self.line.users(),
            configuration: &|| device.memory().configuration().to_vec(),
            mark,
            pager_forced,
        };
        call(&around, &mut outputs);
        for output in outputs.as_slice() {
            match output {
                Output::Answer => {
                    count(&device.counters.commands);
                    self.service.rhythm.beat(&device.last_command);
                }
                Output::Shown => count(&device.counters.shown),
                Output::Ran(line) => device.memory().run(line),
                Output::Configured(path) => device.memory().configure(path),
                Output::Hostname(name) => device.set_hostname(Arc::clone(name)),
                _ => {}
            }
        }
        outputs
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        self.service.live.send_modify(|count| *count -= 1);
    }
}

/// Serves one accepted connection until login; after that russh's task carries it on.
pub(crate) async fn serve(
    service: Arc<Service>,
    device: Arc<Device>,
    socket: TcpStream,
    peer: SocketAddr,
) {
    count(&device.counters.connections);
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(device = %device.name, %error, "nodelay refused");
    }
    let socket = Arc::new(socket);
    let Some(line) = LineGuard::take(&device, &socket, peer.ip()) else {
        count(&device.counters.lines_exhausted);
        return;
    };
    let station = Station::new(Arc::clone(&service), line);
    let faults = *device.faults.borrow();
    if faults.mute {
        return say_nothing(
            &device,
            SharedStream::new(&socket, &device, &station.written),
        )
        .await;
    }
    if !faults.slow_accept.is_zero() {
        tokio::time::sleep(faults.slow_accept).await;
    }
    if !faults.exec_timeout.is_zero() {
        let station = Arc::downgrade(&station);
        let socket = Arc::downgrade(&socket);
        tokio::spawn(timeout::watch(station, socket, faults.exec_timeout));
    }
    let (login, logged_in) = oneshot::channel();
    let ssh = service.config(device.profile.manner, &faults);
    let stream = SharedStream::new(&socket, &device, &station.written);
    let handler = Handler::new(station, Arc::downgrade(&socket), login);
    let until_login = async {
        // The session goes on by itself when what is returned here is dropped.
        let session = server::run_stream(ssh, stream, handler).await;
        match session {
            // An error means that the connection ended before a login.
            Ok(_) => drop(logged_in.await),
            Err(error) => tracing::debug!(device = %device.name, %error, "no SSH session"),
        }
    };
    if tokio::time::timeout(LOGIN_DEADLINE, until_login)
        .await
        .is_err()
    {
        tracing::debug!(device = %device.name, client.addr = %peer, "no login in time");
        crate::device::cut(&socket);
    }
}

/// Holds a connection without a byte until the client leaves or the fault ends.
async fn say_nothing(device: &Device, mut stream: SharedStream) {
    let mut faults = device.faults.subscribe();
    let mut heard = [0; 256];
    loop {
        tokio::select! {
            read = stream.read(&mut heard) => match read {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            },
            changed = faults.wait_for(|faults| !faults.mute) => {
                drop(changed);
                return;
            }
        }
    }
}
