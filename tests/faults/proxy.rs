//! A TCP proxy that does to bytes what a network may do to them, while a test watches.
//!
//! ```text
//!            up: client to server, one mode
//!   client ====================================> server
//!          <====================================
//!            down: server to client, another mode
//! ```
//!
//! Each direction of each connection is a task of its own that asks for the mode of its direction before each
//! chunk; a mode that changes is in force at once, for connections that stand and for new ones.
//! What is random (jitter, which bits flip) follows from the seed and the number of the connection.
//!
//! Invariants: bytes leave in the order in which they came, and none is made up; in all modes but
//! [`Mode::Flip`] they leave as they came. Silence holds bytes and the ends of connections back as a cut cable
//! does, and what is still wanted at the healing arrives then.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    runtime::Runtime,
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

/// What is read at once, where the mode does not ask for less.
const CHUNK: usize = 16 << 10;

/// Chunks of one direction that are under way; who has more to send waits, as on a real road.
const ON_THE_ROAD: usize = 64;

/// What happens to the bytes of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They pass.
    Pass,
    /// They pass so much later, and up to `jitter` more.
    Delay { least: Duration, jitter: Duration },
    /// No more of them pass in a second.
    Bandwidth { bytes_per_second: u32 },
    /// None passes until the mode changes.
    Silence,
    /// So few are read at a time, with a pause in between, so that the sender's buffers fill.
    SlowReader { bytes: usize, pause: Duration },
    /// Of so many bytes one has a flipped bit.
    Flip { one_in: u32 },
}

/// A running proxy in front of one server; it ends, with all its connections, when it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    up: watch::Sender<Mode>,
    down: watch::Sender<Mode>,
    resets: watch::Sender<u64>,
    /// All tasks end with it; an `Option` so that nobody waits for that.
    runtime: Option<Runtime>,
}

impl Proxy {
    /// Listens on a port of the operating system's choice and passes everything to `server`.
    pub(crate) fn start(server: SocketAddr, seed: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (up, _) = watch::channel(Mode::Pass);
        let (down, _) = watch::channel(Mode::Pass);
        let (resets, _) = watch::channel(0);
        let (all_up, all_down, all_resets) = (up.clone(), down.clone(), resets.clone());
        runtime.spawn(async move {
            let mut connections = JoinSet::new();
            let mut seeds = Random(seed);
            while let Ok((client, _)) = listener.accept().await {
                let modes = (all_up.subscribe(), all_down.subscribe());
                let resets = all_resets.subscribe();
                connections.spawn(connection(client, server, modes, resets, seeds.next()));
                // Those that have ended are forgotten.
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            up,
            down,
            resets,
            runtime: Some(runtime),
        }
    }

    /// Where clients connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets what happens to bytes from clients.
    pub(crate) fn up(&self, mode: Mode) {
        self.up.send_replace(mode);
    }

    /// Sets what happens to bytes to clients.
    pub(crate) fn down(&self, mode: Mode) {
        self.down.send_replace(mode);
    }

    /// Sets both directions.
    pub(crate) fn both(&self, mode: Mode) {
        self.up(mode);
        self.down(mode);
    }

    /// Ends all connections by a TCP reset to both sides.
    pub(crate) fn reset(&self) {
        self.resets.send_modify(|resets| *resets += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn connection(
    mut client: TcpStream,
    server: SocketAddr,
    (up, down): (watch::Receiver<Mode>, watch::Receiver<Mode>),
    mut resets: watch::Receiver<u64>,
    seed: u64,
) {
    let Ok(mut server) = TcpStream::connect(server).await else {
        return;
    };
    for stream in [&client, &server] {
        // A proxy that lets bytes pass adds no time of its own.
        drop(stream.set_nodelay(true));
    }
    let was_reset = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let up = carry(from_client, to_server, up, Random(seed));
        let down = carry(from_server, to_client, down, Random(!seed));
        tokio::select! {
            changed = resets.changed() => changed.is_ok(),
            _ = async { tokio::join!(up, down) } => false,
        }
    };
    if was_reset {
        for stream in [&client, &server] {
            // Closing with no time to linger is a reset.
            drop(stream.set_zero_linger());
        }
    }
}

/// Carries one direction of one connection to its end, and hands that end on.
async fn carry(from: ReadHalf<'_>, to: WriteHalf<'_>, mode: watch::Receiver<Mode>, random: Random) {
    let (road, on_the_road) = mpsc::channel(ON_THE_ROAD);
    tokio::join!(
        take(from, road, mode.clone(), random),
        deliver(on_the_road, to, mode)
    );
}

/// Reads what the mode allows, changes it as the mode says, and tells when it is due at the other side.
async fn take(
    mut from: ReadHalf<'_>,
    road: mpsc::Sender<(Instant, Vec<u8>)>,
    mut mode: watch::Receiver<Mode>,
    mut random: Random,
) {
    let mut due = Instant::now();
    let mut buffer = vec![0; CHUNK];
    // The mode is asked for when there is something to read: it may have changed in the quiet before.
    while from.readable().await.is_ok()
        && let Ok(heard) = sound(&mut mode).await
    {
        let most = match heard {
            Mode::SlowReader { bytes, .. } => bytes.clamp(1, CHUNK),
            _ => CHUNK,
        };
        let Ok(length @ 1..) = from.read(&mut buffer[..most]).await else {
            return;
        };
        let mut bytes = buffer[..length].to_vec();
        match heard {
            Mode::Delay { least, jitter } => {
                // Whoever is overtaken waits: a stream has an order.
                due = due.max(Instant::now() + least + jitter.mul_f64(random.share()));
            }
            Mode::Bandwidth { bytes_per_second } => {
                let length = u32::try_from(length).expect("a chunk is short");
                sleep(Duration::from_secs(1) * length / bytes_per_second.max(1)).await;
            }
            Mode::SlowReader { pause, .. } => sleep(pause).await,
            Mode::Flip { one_in } => random.flip(&mut bytes, one_in),
            Mode::Pass | Mode::Silence => {}
        }
        if road.send((due, bytes)).await.is_err() {
            return;
        }
    }
}

/// Writes what has been taken when it is due, and nothing while there is silence.
async fn deliver(
    mut on_the_road: mpsc::Receiver<(Instant, Vec<u8>)>,
    mut to: WriteHalf<'_>,
    mut mode: watch::Receiver<Mode>,
) {
    while let Some((due, bytes)) = on_the_road.recv().await {
        sleep_until(due).await;
        if sound(&mut mode).await.is_err() || to.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // The other direction goes on: an end is told, not made.
    if sound(&mut mode).await.is_ok() {
        drop(to.shutdown().await);
    }
}

/// The mode in force, once it is not silence.
async fn sound(mode: &mut watch::Receiver<Mode>) -> Result<Mode, watch::error::RecvError> {
    mode.wait_for(|mode| *mode != Mode::Silence)
        .await
        .map(|mode| *mode)
}

/// Numbers that follow from a seed: `SplitMix64`.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        let bits = u32::try_from(self.next() >> 32).expect("32 bits are left");
        f64::from(bits) / f64::from(u32::MAX)
    }

    /// Flips a bit in each byte with a chance of one in `one_in`.
    fn flip(&mut self, bytes: &mut [u8], one_in: u32) {
        for byte in bytes {
            if self.next().is_multiple_of(u64::from(one_in.max(1))) {
                *byte ^= 1 << (self.next() % 8);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{ErrorKind, Read, Write},
        net::{TcpListener, TcpStream},
        thread,
    };

    use super::*;
    use crate::lab::PATIENCE;

    /// A server that says what it hears, and a proxy in front of it.
    fn echo(seed: u64) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            // It ends with the test's process; a connection ends with its proxy.
            for stream in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || {
                    let mut reader = stream.try_clone().unwrap();
                    drop(std::io::copy(&mut reader, &mut &stream));
                    drop(stream.shutdown(std::net::Shutdown::Write));
                });
            }
        });
        Proxy::start(address, seed)
    }

    fn client(proxy: &Proxy) -> TcpStream {
        let client = TcpStream::connect(proxy.address()).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client
    }

    /// Sends `bytes` and reads as many; what came and how long that took.
    fn exchange(client: &mut TcpStream, bytes: &[u8]) -> (Vec<u8>, Duration) {
        let started = std::time::Instant::now();
        client.write_all(bytes).unwrap();
        let mut heard = vec![0; bytes.len()];
        client.read_exact(&mut heard).unwrap();
        (heard, started.elapsed())
    }

    /// Whether nothing comes, which takes a time to be sure of.
    fn is_silent(client: &mut TcpStream) -> bool {
        client
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        let nothing = client.read(&mut [0; 1]);
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        nothing.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    #[test]
    fn what_passes_comes_whole_and_in_order_and_so_does_the_end() {
        let proxy = echo(1);
        let mut client = client(&proxy);
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let sender = client.try_clone().unwrap();
        let sent = bytes.clone();
        thread::spawn(move || {
            (&sender).write_all(&sent).unwrap();
            sender.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).unwrap();
        assert!(heard == bytes, "{} of {} bytes", heard.len(), bytes.len());
    }

    #[test]
    fn a_delay_holds_both_ways_and_a_bandwidth_is_a_bound() {
        let proxy = echo(2);
        let mut client = client(&proxy);
        let (least, jitter) = (Duration::from_millis(60), Duration::from_millis(20));
        proxy.both(Mode::Delay { least, jitter });
        let (heard, took) = exchange(&mut client, b"ping");
        assert_eq!(heard, b"ping");
        assert!(took >= 2 * least, "{took:?}");
        proxy.both(Mode::Pass);
        proxy.up(Mode::Bandwidth {
            bytes_per_second: 100_000,
        });
        let (_, took) = exchange(&mut client, &vec![7; 20_000]);
        assert!(took >= Duration::from_millis(190), "{took:?}");
    }

    #[test]
    fn silence_is_of_one_direction_and_what_was_held_comes_at_its_end() {
        let proxy = echo(3);
        let mut client = client(&proxy);
        exchange(&mut client, b"both ways");
        for silence in [Proxy::up, Proxy::down] {
            silence(&proxy, Mode::Silence);
            client.write_all(b"held").unwrap();
            assert!(is_silent(&mut client));
            proxy.both(Mode::Pass);
            let mut heard = [0; 4];
            client.read_exact(&mut heard).unwrap();
            assert_eq!(&heard, b"held");
        }
    }

    #[test]
    fn a_slow_reader_fills_the_buffers_of_the_sender() {
        let proxy = echo(4);
        let mut client = client(&proxy);
        proxy.up(Mode::SlowReader {
            bytes: 16,
            pause: Duration::from_millis(50),
        });
        client
            .set_write_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        let (bytes, mut written) = (vec![0; 1 << 16], 0);
        let stuck = loop {
            match client.write(&bytes) {
                Ok(length) => written += length,
                Err(error) => break error,
            }
            assert!(written < 64 << 20, "nobody reads that much");
        };
        assert_eq!(stuck.kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn a_reset_ends_connections_and_the_next_one_passes() {
        let proxy = echo(5);
        let mut broken = client(&proxy);
        exchange(&mut broken, b"before");
        proxy.reset();
        let error = broken.read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        exchange(&mut client(&proxy), b"after");
    }

    #[test]
    fn flipped_bits_follow_from_the_seed() {
        let flipped = |seed| {
            let proxy = echo(seed);
            proxy.up(Mode::Flip { one_in: 100 });
            exchange(&mut client(&proxy), &[0; 10_000]).0
        };
        let heard = flipped(6);
        let bits: u32 = heard.iter().map(|byte| byte.count_ones()).sum();
        assert!((50..200).contains(&bits), "{bits} bits");
        assert_eq!(heard, flipped(6));
        assert_ne!(heard, flipped(7));
    }
}
