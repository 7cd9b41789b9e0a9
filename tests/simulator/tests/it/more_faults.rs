//! Faults of the stream, of the connection and of its set-up, switched on while a client looks.

use std::time::{Duration, Instant};

use netwolf_simulator::{Fleet, HostKeyType, Manner};
use russh::keys::Algorithm;
use russh::{Limits, Preferred, cipher, client, kex, mac};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Connection, ENABLE, PASSWORD, Shell, config, fleet};
use crate::{PATIENCE, eventually};

const SILENCE: Duration = Duration::from_millis(300);
const PROMPT: &str = "sim-0001>";

#[tokio::test]
async fn dribble_sends_a_byte_at_a_time() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let (_connection, mut shell) = Shell::log_in(device).await;
    device.update_faults(|faults| faults.dribble = Duration::from_millis(1));
    shell.type_text("show clock\r").await;
    let mut text = String::new();
    let mut packets = 0;
    while !text.ends_with(PROMPT) {
        text.push_str(&shell.packet().await.expect("more output"));
        packets += 1;
    }
    assert!(
        text.starts_with("show clock\r\n*") && text.contains("UTC"),
        "{text}"
    );
    assert!(
        packets > text.len() / 2,
        "{packets} packets for {} bytes",
        text.len()
    );
    device.update_faults(|faults| faults.dribble = Duration::ZERO);
    assert!(shell.command("show clock", PROMPT).await.contains("UTC"));
    fleet.shutdown().await;
}

#[tokio::test]
async fn an_answer_may_hang_in_the_middle() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let (_connection, mut shell) = Shell::log_in(device).await;
    shell.command("terminal length 0", PROMPT).await;
    device.update_faults(|faults| faults.hang_after = Some(1_000));
    shell.type_text("show interfaces\r").await;
    let mut text = String::new();
    while text.len() < "show interfaces\r\n".len() + 1_000 {
        text.push_str(&shell.packet().await.expect("more output"));
    }
    assert_eq!(text.len(), "show interfaces\r\n".len() + 1_000);
    assert!(shell.is_silent(SILENCE).await);
    device.update_faults(|faults| faults.hang_after = None);
    let rest = shell.until(PROMPT).await;
    assert!(rest.contains("Tunnel0 is up"), "{rest}");
    // An answer shorter than that is whole.
    device.update_faults(|faults| faults.hang_after = Some(10_000));
    assert!(shell.command("show clock", PROMPT).await.contains("UTC"));
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_connection_may_be_cut_in_the_middle_of_an_answer() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let (_connection, mut shell) = Shell::log_in(device).await;
    device.update_faults(|faults| faults.drop_after = Some(100));
    shell.type_text("show interfaces\r").await;
    let mut length = 0;
    while let Some(packet) = shell.packet().await {
        length += packet.len();
    }
    assert_eq!(length, "show interfaces\r\n".len() + 100);
    eventually("gone", || device.sessions() == 0).await;
    fleet.shutdown().await;
}

#[tokio::test]
async fn garbage_comes_before_the_answer() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let (_connection, mut shell) = Shell::log_in(device).await;
    device.update_faults(|faults| faults.garbage = 5_000);
    let output = shell.command("show clock", PROMPT).await;
    assert!(output.contains('\u{fffd}') && output.contains("UTC"));
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_device_may_throw_its_client_out() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let (connection, mut shell) = Shell::log_in(device).await;
    device.update_faults(|faults| faults.disconnect = true);
    shell.type_text("show clock\r").await;
    assert_eq!(shell.end().await, None);
    eventually("closed", || connection.handle.is_closed()).await;
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_half_open_connection_swallows_everything() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let (connection, mut shell) = Shell::log_in(device).await;
    device.update_faults(|faults| faults.half_open = true);
    shell.type_text("show clock\r").await;
    assert!(shell.is_silent(SILENCE).await);
    assert!(!connection.handle.is_closed(), "the socket stays open");
    assert_eq!(device.commands(), 0);
    device.drop_session();
    assert_eq!(shell.end().await, None);
    eventually("gone", || device.sessions() == 0).await;
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_deaf_device_answers_no_keepalive_until_it_hears_again() {
    let fleet = fleet(2).await;
    let device = &fleet.devices()[0];
    let impatient = client::Config {
        keepalive_interval: Some(Duration::from_secs(1)),
        keepalive_max: 2,
        ..client::Config::default()
    };
    let connection = Connection::open_with(device, device.host_key(), impatient).await;
    let mut impatient = connection.unwrap();
    assert!(impatient.by_password(PASSWORD).await.success());
    let (_patient, mut shell) = Shell::log_in(device).await;
    device.update_faults(|faults| faults.deaf = true);
    shell.type_text("show clock\r").await;
    eventually("given up", || impatient.handle.is_closed()).await;
    assert_eq!(device.commands(), 0);
    device.update_faults(|faults| faults.deaf = false);
    assert!(shell.until(PROMPT).await.contains("UTC"), "heard late");

    // A deaf device can be shut down.
    let device = &fleet.devices()[1];
    Shell::log_in(device).await;
    device.update_faults(|faults| faults.deaf = true);
    device.drop_session();
    eventually("gone", || device.sessions() == 0).await;
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_pager_shows_up_although_it_was_switched_off() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let (_connection, mut shell) = Shell::log_in(device).await;
    shell.command("terminal length 0", PROMPT).await;
    device.update_faults(|faults| faults.pager_always = true);
    shell.type_text("show interfaces\r").await;
    shell.until(" --More-- ").await;
    shell.type_text("q").await;
    shell.until(PROMPT).await;
    device.update_faults(|faults| faults.pager_always = false);
    assert!(
        !shell
            .command("show interfaces", PROMPT)
            .await
            .contains("More")
    );
    fleet.shutdown().await;
}

#[tokio::test]
async fn prompts_change_while_one_is_logged_in() {
    let mut config = config(1);
    config.manner = Manner::NokiaSros;
    let fleet = Fleet::start(config).await.unwrap();
    let device = &fleet.devices()[0];
    let mut connection = Connection::open(device).await.unwrap();
    assert!(connection.by_password(PASSWORD).await.success());
    let mut shell = connection.shell().await;
    shell.until("\r\nA:sim-0001# ").await;
    device.update_faults(|faults| faults.mark = true);
    shell.type_text("\r").await;
    shell.until("\r\n*A:sim-0001# ").await;
    device.set_hostname("renamed");
    shell.type_text("\r").await;
    shell.until("\r\n*A:renamed# ").await;
    assert_eq!(
        (&*device.hostname(), device.name()),
        ("renamed", "sim-0001")
    );
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_slow_device_takes_its_time_to_greet() {
    const DELAY: Duration = Duration::from_millis(400);
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    device.update_faults(|faults| faults.slow_accept = DELAY);
    let begin = Instant::now();
    let mut socket = TcpStream::connect(device.address()).await.unwrap();
    let mut byte = [0];
    let read = timeout(PATIENCE, socket.read_exact(&mut byte)).await;
    read.expect("a greeting in time").unwrap();
    assert!(begin.elapsed() >= DELAY);
    fleet.shutdown().await;
}

#[tokio::test]
async fn host_keys_change_and_have_other_types() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    device.update_faults(|faults| faults.changed_host_key = true);
    let refused = Connection::open(device).await;
    assert!(refused.is_err(), "it is another key");
    device.update_faults(|faults| {
        faults.changed_host_key = false;
        faults.host_key_type = Some(HostKeyType::Ecdsa);
    });
    assert!(
        Connection::open(device).await.is_err(),
        "it is another type"
    );
    let ecdsa = fleet.host_key_of(HostKeyType::Ecdsa);
    let connection = Connection::open_with(device, &ecdsa, client::Config::default()).await;
    assert!(connection.unwrap().by_password(PASSWORD).await.success());
    device.update_faults(|faults| faults.host_key_type = None);
    Shell::log_in(device).await;
    fleet.shutdown().await;
}

#[tokio::test]
async fn an_old_device_offers_only_what_is_old() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    device.update_faults(|faults| faults.legacy_only = true);
    let rsa = fleet.host_key_of(HostKeyType::Rsa);
    let modern = Connection::open_with(device, &rsa, client::Config::default()).await;
    assert!(modern.is_err(), "nothing in common");
    let old = client::Config {
        preferred: Preferred {
            kex: [kex::DH_G14_SHA1].to_vec().into(),
            key: [Algorithm::Rsa { hash: None }].to_vec().into(),
            cipher: [cipher::AES_128_CBC].to_vec().into(),
            mac: [mac::HMAC_SHA1].to_vec().into(),
            ..Preferred::DEFAULT
        },
        ..client::Config::default()
    };
    let mut connection = Connection::open_with(device, &rsa, old).await.unwrap();
    assert!(connection.by_password(PASSWORD).await.success());
    let (output, _) = connection.exec("show clock").await;
    assert!(output.contains("UTC"), "{output}");
    fleet.shutdown().await;
}

#[tokio::test]
async fn keyboard_interactive_may_be_the_only_way_in() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    device.update_faults(|faults| faults.keyboard_interactive_only = true);
    let mut connection = Connection::open(device).await.unwrap();
    assert!(!connection.by_password(PASSWORD).await.success());
    let (_, outcome) = connection.by_questions(PASSWORD).await;
    assert!(matches!(
        outcome,
        client::KeyboardInteractiveAuthResponse::Success
    ));
    fleet.shutdown().await;
}

#[tokio::test]
async fn the_device_renews_keys_under_load() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    device.update_faults(|faults| {
        faults.rekey_bytes = 10_000;
        faults.rekey_interval = Duration::from_millis(100);
    });
    // The client would not renew by itself.
    let calm = client::Config {
        limits: Limits::new(1 << 30, 1 << 30, Duration::from_hours(1)),
        ..client::Config::default()
    };
    let mut connection = Connection::open_with(device, device.host_key(), calm)
        .await
        .unwrap();
    assert!(connection.by_password(PASSWORD).await.success());
    let mut shell = connection.shell().await;
    shell.until(PROMPT).await;
    shell.command("terminal length 0", PROMPT).await;
    let begin = Instant::now();
    let mut answers = 0;
    while begin.elapsed() < Duration::from_secs(1) || answers < 20 {
        let output = shell.command("show interfaces", PROMPT).await;
        assert!(output.contains("Tunnel0 is up"));
        answers += 1;
    }
    fleet.shutdown().await;
}

#[tokio::test]
async fn an_idle_session_is_closed_by_its_exec_timeout() {
    const LIMIT: Duration = Duration::from_secs(3);
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    device.update_faults(|faults| faults.exec_timeout = LIMIT);
    let (_connection, mut shell) = Shell::log_in(device).await;
    let typed = Instant::now();
    shell.command("enable", "Password: ").await;
    shell.type_text(&format!("{ENABLE}\r")).await;
    shell.until("sim-0001#").await;
    assert_eq!(shell.end().await, None, "without a word");
    assert!(typed.elapsed() >= LIMIT);
    eventually("gone", || device.sessions() == 0).await;
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_reboot_cuts_refuses_and_starts_the_uptime_anew() {
    const OUTAGE: Duration = Duration::from_millis(500);
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let (_connection, mut shell) = Shell::log_in(device).await;
    let version = shell.command("show version | include uptime", PROMPT).await;
    assert!(!version.contains("uptime is 0 minutes"), "{version}");
    let begin = Instant::now();
    device.reboot(OUTAGE);
    assert_eq!(shell.end().await, None);
    eventually("refused", || {
        std::net::TcpStream::connect(device.address()).is_err() || begin.elapsed() > OUTAGE
    })
    .await;
    eventually("back", || {
        std::net::TcpStream::connect(device.address()).is_ok() && begin.elapsed() >= OUTAGE
    })
    .await;
    let (_connection, mut shell) = Shell::log_in(device).await;
    let version = shell.command("show version | include uptime", PROMPT).await;
    assert!(version.contains("uptime is 0 minutes"), "{version}");
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_hundred_megabytes_are_streamed() {
    const BYTES: usize = 100_000_000;
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let (_connection, mut shell) = Shell::log_in(device).await;
    device.update_faults(|faults| faults.flood = BYTES);
    shell.type_text("show clock\r").await;
    // A tenth is enough to see that it comes as it is read; then the client gives up.
    let mut length = 0;
    while length < BYTES / 10 {
        length += shell.packet().await.expect("more of the flood").len();
    }
    shell.type_text("\x03").await;
    let rest = shell.until(PROMPT).await;
    assert!(length + rest.len() < BYTES);
    fleet.shutdown().await;
}
