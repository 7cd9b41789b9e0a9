//! The two ends of a link that stands: tasks that read and write frames, each behind a bounded queue.
//!
//! ```text
//!   control  (hello, heartbeat, statuses, revoked) --+ first
//!   samples  (declarations with their polls) --------+ second --> socket
//!   socket --> incoming
//! ```
//!
//! Policies when a queue is full: control, the link is stuck and is given up; samples, they stay in the
//! shard's buffer; incoming, the manager is not read from until the shard has caught up.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use netwolf_wire::{
    frame::{FrameError, FrameReader, FrameWriter},
    message::{ToAgent, ToManager},
    tls::stream::{Reading, Stream, Writing},
};
use rustls::ClientConfig;
use socket2::SockRef;
use tokio::{
    net::TcpStream,
    sync::mpsc::{self, error::TrySendError},
    task::JoinHandle,
    time::timeout_at,
};
use tokio_rustls::TlsConnector;

use super::machine::STEP_TIMEOUT;
use crate::{dial::dial, enrol::server_name, identity::Security};

/// Messages that overtake samples. A heartbeat a second and a handful of statuses is what it sees; word of
/// leases that are over waits for room, at most until the next heartbeat.
const CONTROL_DEPTH: usize = 256;
/// Batches of samples, each up to 500 polls.
const SAMPLES_DEPTH: usize = 4;
/// Messages of the manager that the shard has not looked at.
const INCOMING_DEPTH: usize = 64;
/// What was sent and not acknowledged for so long means that the path is gone.
const USER_TIMEOUT: Duration = Duration::from_secs(10);

/// Declarations and the polls that need them.
pub(crate) struct Batch {
    pub(crate) messages: Vec<ToManager>,
    /// The place in the buffer after the last of the polls.
    pub(crate) up_to: u64,
}

/// The control queue is full: the link does not move.
#[derive(Debug)]
pub(crate) struct Stuck;

/// A link that stands. Dropping it closes it at once.
pub(crate) struct Wires {
    control: mpsc::Sender<ToManager>,
    samples: mpsc::Sender<Batch>,
    incoming: mpsc::Receiver<Result<ToAgent, FrameError>>,
    written: Arc<AtomicU64>,
    _reader: Task,
    writer: Task,
}

/// A task that ends with its handle.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Connects to the manager at `address`, which is resolved anew each time, as `security` says.
///
/// # Errors
/// The operating system's, of the last address that was tried; or that of the handshake.
pub(crate) async fn connect(address: &str, security: &Security) -> io::Result<Stream> {
    match security {
        Security::Plaintext { .. } => {
            let deadline = Instant::now() + STEP_TIMEOUT;
            connect_tcp(address, deadline).await.map(Stream::Plain)
        }
        Security::Tls(credentials) => connect_tls(address, credentials.present().config())
            .await
            .map_err(explain),
    }
}

/// Says what an operator may make of a manager that is not believed.
fn explain(error: io::Error) -> io::Error {
    let fault = error.get_ref().and_then(|error| error.downcast_ref());
    match fault {
        Some(rustls::Error::InvalidCertificate(_)) => io::Error::other(format!(
            "{error}: is another manager at this address than the one that this agent has joined?"
        )),
        _ => error,
    }
}

/// Connects to the manager at `address` by TLS.
///
/// # Errors
/// As [`connect`].
pub(crate) async fn connect_tls(address: &str, config: Arc<ClientConfig>) -> io::Result<Stream> {
    let deadline = Instant::now() + STEP_TIMEOUT;
    let stream = connect_tcp(address, deadline).await?;
    let shaking = TlsConnector::from(config).connect(server_name(), stream);
    let stream = timeout_at(deadline.into(), shaking)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    Ok(Stream::Tls(Box::new(stream.into())))
}

async fn connect_tcp(address: &str, deadline: Instant) -> io::Result<TcpStream> {
    let addresses: Vec<_> = tokio::net::lookup_host(address).await?.collect();
    let stream = dial(&addresses, deadline, TcpStream::connect)
        .await
        .map_err(|last| {
            let no_address = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            last.map_or_else(no_address, |(_, error)| error)
        })?;
    stream.set_nodelay(true)?;
    if let Err(error) = SockRef::from(&stream).set_tcp_user_timeout(Some(USER_TIMEOUT)) {
        tracing::debug!(%error, "the user timeout was not set");
    }
    Ok(stream)
}

impl Wires {
    /// Starts reading and writing.
    pub(crate) fn start(stream: Stream) -> Self {
        let (read, write) = stream.into_split();
        let (control, control_queue) = mpsc::channel(CONTROL_DEPTH);
        let (samples, samples_queue) = mpsc::channel(SAMPLES_DEPTH);
        let (deliver, incoming) = mpsc::channel(INCOMING_DEPTH);
        let written = Arc::new(AtomicU64::new(0));
        Self {
            control,
            samples,
            incoming,
            _reader: Task(tokio::spawn(read_all(read, deliver))),
            writer: Task(tokio::spawn(write_all(
                write,
                control_queue,
                samples_queue,
                written.clone(),
            ))),
            written,
        }
    }

    /// Sends a message ahead of all samples.
    ///
    /// # Errors
    /// [`Stuck`] when the queue is full. A link that is already gone takes everything: its end is read soon.
    pub(crate) fn control(&self, message: impl Into<ToManager>) -> Result<(), Stuck> {
        match self.control.try_send(message.into()) {
            Ok(()) | Err(TrySendError::Closed(_)) => Ok(()),
            Err(TrySendError::Full(_)) => Err(Stuck),
        }
    }

    /// Whether a control message can be sent now, and one that cannot wait after it.
    pub(crate) fn has_control_room(&self) -> bool {
        self.control.capacity() > CONTROL_DEPTH / 2
    }

    /// Whether a batch of samples can be sent now.
    pub(crate) fn has_room(&self) -> bool {
        self.samples.capacity() > 0
    }

    /// Sends a batch, if [`Self::has_room`] said so.
    pub(crate) fn samples(&self, batch: Batch) {
        if self.samples.try_send(batch).is_err() {
            // The link is gone; the polls are still in the buffer and are replayed on the next one.
            tracing::trace!("a batch was not taken");
        }
    }

    /// Up to which place in the buffer polls were handed to the operating system.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// The next message; `None` when the manager closed the link.
    pub(crate) async fn next(&mut self) -> Option<Result<ToAgent, FrameError>> {
        self.incoming.recv().await
    }

    /// Writes what is queued and closes, within `bound`.
    pub(crate) async fn finish(self, bound: Duration) {
        let Self {
            control,
            samples,
            _reader,
            mut writer,
            ..
        } = self;
        drop((control, samples));
        if tokio::time::timeout(bound, &mut writer.0).await.is_err() {
            tracing::debug!("the link did not take the last messages in time");
        }
    }
}

async fn read_all(stream: Reading, deliver: mpsc::Sender<Result<ToAgent, FrameError>>) {
    let mut reader = FrameReader::new(stream);
    while let Some(result) = reader.next().await.transpose() {
        let over = result.is_err();
        if deliver.send(result).await.is_err() || over {
            return;
        }
    }
}

async fn write_all(
    stream: Writing,
    mut control: mpsc::Receiver<ToManager>,
    mut samples: mpsc::Receiver<Batch>,
    written: Arc<AtomicU64>,
) {
    let mut writer = FrameWriter::new(stream);
    let mut result = write_until_closed(&mut writer, &mut control, &mut samples, &written).await;
    if result.is_ok() {
        result = writer.close().await;
    }
    if let Err(error) = result {
        // The reader sees the end of the link, too, and tells the shard.
        tracing::debug!(error = %chain(&error), "the link could not be written to");
    }
}

async fn write_until_closed(
    writer: &mut FrameWriter<Writing, ToManager>,
    control: &mut mpsc::Receiver<ToManager>,
    samples: &mut mpsc::Receiver<Batch>,
    written: &AtomicU64,
) -> Result<(), FrameError> {
    loop {
        tokio::select! {
            biased;
            Some(message) = control.recv() => {
                writer.feed(&message).await?;
                while let Ok(message) = control.try_recv() {
                    writer.feed(&message).await?;
                }
                writer.flush().await?;
            }
            Some(batch) = samples.recv() => {
                for message in &batch.messages {
                    writer.feed(message).await?;
                }
                writer.flush().await?;
                written.store(batch.up_to, Ordering::Release);
            }
            else => return Ok(()),
        }
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
