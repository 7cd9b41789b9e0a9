//! The SSH side of a device: what carries dialogues. The only place that knows russh.
//!
//! ```text
//!   listener ──> serve ──> Handler ──(nothing wrong)──> answers in the same packet
//!                             └─────(a fault, or a slow reader)──> Courier, a task of its own
//! ```
//!
//! Most polls are answered at once from russh's own task. A shell whose device has a fault is
//! handed to a [`courier`], for good: one sender at a time, so bytes never overtake each other.

mod courier;
mod handler;
mod socket;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::PublicKey;
use russh::server;
use russh::{MethodKind, MethodSet};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::device::{Device, LineGuard, Profile, Secret, count};
use crate::dialogue::{Around, Output, Outputs};
use handler::Handler;
use socket::SharedStream;

/// Time from connection to login, as `ip ssh time-out` sets it; its default is 120 s.
const LOGIN_DEADLINE: Duration = Duration::from_mins(1);
/// Rejected attempts a connection may make. IOS allows 3; clients that offer several keys first
/// need more.
const LOGIN_ATTEMPTS: usize = 6;
/// A rejection takes this long, so that a client that tries in a loop does not spin.
const REJECTION_DELAY: Duration = Duration::from_millis(50);
/// What a client may send ahead, in bytes: people type and pollers send lines.
const WINDOW: u32 = 16 * 1024;
/// The largest packet a client may send, in bytes.
const PACKET: u32 = 8 * 1024;

/// Who may log in.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) username: String,
    pub(crate) password: Secret,
    pub(crate) keys: Vec<PublicKey>,
}

impl Access {
    fn by_password(&self, user: &str, attempt: &[u8]) -> bool {
        user == self.username && self.password.matches(attempt)
    }

    fn by_key(&self, user: &str, key: &PublicKey) -> bool {
        user == self.username
            && self
                .keys
                .iter()
                .any(|known| known.key_data() == key.key_data())
    }

    fn methods(&self) -> MethodSet {
        let mut methods = MethodSet::empty();
        if !self.keys.is_empty() {
            methods.push(MethodKind::PublicKey);
        }
        if !self.password.is_empty() {
            methods.push(MethodKind::KeyboardInteractive);
            methods.push(MethodKind::Password);
        }
        methods
    }
}

/// What the connections of all devices of a fleet share.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) profile: Arc<Profile>,
    access: Access,
    /// Sent before login; empty for none.
    banner: String,
    ssh: Arc<server::Config>,
    /// Connections open now.
    live: watch::Sender<usize>,
}

impl Service {
    pub(crate) fn new(
        profile: Arc<Profile>,
        access: Access,
        banner: &str,
        key: russh::keys::PrivateKey,
        exec_timeout: Duration,
    ) -> Self {
        let ssh = server::Config {
            server_id: russh::SshId::Standard(Cow::Borrowed(profile.manner.ssh_identification())),
            methods: access.methods(),
            auth_rejection_time: REJECTION_DELAY,
            auth_rejection_time_initial: Some(Duration::ZERO),
            keys: vec![key],
            window_size: WINDOW,
            maximum_packet_size: PACKET,
            max_auth_attempts: LOGIN_ATTEMPTS,
            inactivity_timeout: Some(exec_timeout),
            nodelay: true,
            ..server::Config::default()
        };
        let banner = banner.replace('\n', "\r\n");
        Self {
            profile,
            access,
            banner,
            ssh: Arc::new(ssh),
            live: watch::Sender::new(0),
        }
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
}

impl Station {
    fn new(service: Arc<Service>, line: LineGuard) -> Arc<Self> {
        service.live.send_modify(|count| *count += 1);
        Arc::new(Self { service, line })
    }

    fn device(&self) -> &Arc<Device> {
        self.line.device()
    }

    /// Calls a dialogue with its device's surroundings, and does at once what concerns the device
    /// rather than the client: a second call must already see it.
    fn converse(&self, call: impl FnOnce(&Around<'_>, &mut Outputs)) -> Outputs {
        let device = self.device();
        let now = device.now();
        self.line.touch(now.unix);
        let mut outputs = Outputs::new();
        let around = Around {
            now,
            hostname: &device.hostname(),
            users: &|| self.line.users(),
        };
        call(&around, &mut outputs);
        for output in outputs.as_slice() {
            match output {
                Output::Answer => count(&device.counters.commands),
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
    if device.faults.borrow().mute {
        return say_nothing(&device, SharedStream::new(&socket)).await;
    }
    let (login, logged_in) = oneshot::channel();
    let handler = Handler::new(station, Arc::downgrade(&socket), login);
    let ssh = Arc::clone(&service.ssh);
    let stream = SharedStream::new(&socket);
    let until_login = async {
        // The session goes on by itself when what is returned here is dropped.
        let session = server::run_stream(ssh, stream, handler).await;
        match session {
            // An error means that the connection ended before a login.
            Ok(_) => drop(logged_in.await),
            Err(error) => tracing::debug!(device = %device.name, %error, "no SSH session"),
        }
    };
    if timeout(LOGIN_DEADLINE, until_login).await.is_err() {
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
