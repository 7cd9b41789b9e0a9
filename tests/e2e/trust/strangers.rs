//! A flood of strangers: what it costs the manager, and that agents do not feel it.

use super::*;

/// How many connections a second, and for how long.
const PER_SECOND: usize = 1000;
const SECONDS: usize = 10;

/// CPU seconds that a process has used.
fn cpu_seconds(manager: &Manager) -> f64 {
    let page = manager.metrics().unwrap();
    page.sum("process_cpu_seconds_total")
}

/// A client hello that a library wrote, whole, so that the manager would have to answer it.
fn client_hello() -> Vec<u8> {
    // TLS 1.3 with X25519 and ECDSA; the random values are as good as any.
    let extensions: &[&[u8]] = &[
        &[0, 43, 0, 3, 2, 3, 4],
        &[0, 10, 0, 4, 0, 2, 0, 0x1d],
        &[0, 13, 0, 4, 0, 2, 4, 3],
        &[0, 51, 0, 38, 0, 36, 0, 0x1d, 0, 32],
        &[9; 32],
    ];
    let extensions = extensions.concat();
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    let mut hello = vec![1, 0];
    hello.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    hello.extend(body);
    let mut record = vec![0x16, 3, 1];
    record.extend(u16::try_from(hello.len()).unwrap().to_be_bytes());
    record.extend(hello);
    record
}

/// Calls from an address that is no agent's, and hangs up.
fn call(port: std::net::SocketAddr, bytes: &[u8]) -> std::io::Result<()> {
    use socket2::{Domain, Socket, Type};

    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let from: std::net::SocketAddr = "127.0.0.2:0".parse().unwrap();
    socket.bind(&from.into())?;
    socket.connect_timeout(&port.into(), Duration::from_secs(1))?;
    let mut stream = TcpStream::from(socket);
    stream.set_nonblocking(true)?;
    stream.write_all(bytes)
}

#[test]
fn a_thousand_strangers_a_second_do_not_disturb_the_agents() {
    let devices = Devices::start(20);
    let scene = Scene::start(&devices.inventory());
    let _agent = scene.joined("a1");
    lab::wait_until_up(&scene.manager.web, 20.0);
    let port = scene.port.parse().unwrap();

    let quiet = measure(&scene, || {
        thread::park_timeout(Duration::from_secs(SECONDS as u64));
    });
    let hello = client_hello();
    let mut n_calls = 0_u32;
    let flood = measure(&scene, || {
        let start = Instant::now();
        for n in 0..PER_SECOND * SECONDS {
            let due = start + Duration::from_micros(n as u64 * 1_000_000 / PER_SECOND as u64);
            thread::park_timeout(due.saturating_duration_since(Instant::now()));
            let bytes = if n % 2 == 0 {
                &hello[..]
            } else {
                b"GET / HTTP/1.1\r\n\r\n"
            };
            n_calls += u32::from(call(port, bytes).is_ok());
        }
    });
    lab::say(&format!(
        "{n_calls} strangers in {:.1} s: the manager's CPU {:.1} ms/s, without them {:.1} ms/s; polls {:.1}/s, without \
         them {:.1}/s",
        flood.seconds,
        flood.cpu * 1000.0 / flood.seconds,
        quiet.cpu * 1000.0 / quiet.seconds,
        flood.polls / flood.seconds,
        quiet.polls / quiet.seconds,
    ));
    assert_eq!(flood.skipped, 0.0, "polls that were left out");
    assert_eq!(flood.links_lost, 0.0);
    lab::wait_until_up(&scene.manager.web, 20.0);
    let refused = scene.counter("netwolf_manager_refused_connections_total{reason=\"source\"}");
    assert!(refused > f64::from(n_calls) / 2.0, "{refused} of {n_calls}");
}

struct Measured {
    seconds: f64,
    cpu: f64,
    polls: f64,
    skipped: f64,
    links_lost: f64,
}

/// What happens meanwhile.
fn measure(scene: &Scene, work: impl FnOnce()) -> Measured {
    let look = || {
        let status = scene.manager.json("/api/v1/status").unwrap();
        let number = |key: &str| status[key].as_f64().unwrap();
        let agents = scene.manager.json("/api/v1/agents").unwrap();
        let since = agents["shards"][0]["linked_since"]
            .as_str()
            .unwrap()
            .to_owned();
        (number("polls_total"), number("polls_skipped_total"), since)
    };
    let (before, cpu, start) = (look(), cpu_seconds(&scene.manager), Instant::now());
    work();
    let (after, cpu, seconds) = (
        look(),
        cpu_seconds(&scene.manager) - cpu,
        start.elapsed().as_secs_f64(),
    );
    Measured {
        seconds,
        cpu,
        polls: after.0 - before.0,
        skipped: after.1 - before.1,
        links_lost: f64::from(u8::from(after.2 != before.2)),
    }
}
