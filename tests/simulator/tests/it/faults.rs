//! Faults switched on while a client looks.

use std::io::ErrorKind;
use std::time::Duration;

use netwolf_simulator::Faults;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Connection, PASSWORD, Shell, fleet};
use crate::{PATIENCE, eventually};

/// How long a test listens to make sure that nothing comes.
const SILENCE: Duration = Duration::from_millis(300);
const PROMPT: &str = "sim-0001>";

#[tokio::test]
async fn latency_delays_the_answer_but_not_the_echo_and_can_be_interrupted() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let (_connection, mut shell) = Shell::log_in(device).await;
    device.set_faults(Faults {
        latency: Duration::from_hours(1),
        ..Faults::default()
    });
    shell.type_text("show clock\r").await;
    shell.until("show clock\r\n").await;
    assert!(shell.is_silent(SILENCE).await);
    for interrupt in ["\x03", "\x1e"] {
        shell.type_text(interrupt).await;
        assert_eq!(shell.until(PROMPT).await, PROMPT, "the answer is dropped");
        shell.type_text("show clock\r").await;
        shell.until("show clock\r\n").await;
    }
    shell.type_text("\x03").await;
    shell.until(PROMPT).await;
    device.set_faults(Faults {
        latency: Duration::from_millis(50),
        ..Faults::default()
    });
    assert!(shell.command("show clock", PROMPT).await.contains("UTC"));
    device.set_faults(Faults::default());
    assert!(shell.command("show clock", PROMPT).await.contains("UTC"));
    assert_eq!(device.commands(), 5);
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_pager_that_is_interrupted_is_left() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let (_connection, mut shell) = Shell::log_in(device).await;
    device.set_faults(Faults {
        latency: Duration::from_hours(1),
        ..Faults::default()
    });
    shell.type_text("show interfaces\r").await;
    shell.until("show interfaces\r\n").await;
    shell.type_text("\x03").await;
    assert!(!shell.until(PROMPT).await.contains("More"));
    device.set_faults(Faults::default());
    assert!(shell.command("show clock", PROMPT).await.contains("UTC"));
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_device_that_hangs_answers_nothing_until_it_stops_hanging() {
    let fleet = fleet(2).await;
    let device = &fleet.devices()[0];
    let (_connection, mut shell) = Shell::log_in(device).await;
    let (_other_connection, mut other) = Shell::log_in(&fleet.devices()[1]).await;
    device.update_faults(|faults| faults.hang = true);
    shell.type_text("show clock\r").await;
    shell.until("show clock\r\n").await;
    shell.type_text("\x03more\r").await;
    assert!(shell.is_silent(SILENCE).await);
    assert_eq!(device.sessions(), 1, "the shell stays open");
    assert!(
        other
            .command("show clock", "sim-0002>")
            .await
            .contains("UTC"),
        "others are well"
    );
    device.update_faults(|faults| faults.hang = false);
    let answer = shell.until(PROMPT).await;
    assert!(
        answer.contains("UTC") && !answer.contains("more"),
        "{answer}"
    );
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_mute_device_accepts_and_says_nothing() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    device.update_faults(|faults| faults.mute = true);
    let mut socket = TcpStream::connect(device.address()).await.unwrap();
    eventually("accepted", || device.connections() == 1).await;
    let mut byte = [0];
    assert!(
        timeout(SILENCE, socket.read(&mut byte)).await.is_err(),
        "a byte came"
    );
    device.update_faults(|faults| faults.mute = false);
    let read = timeout(PATIENCE, socket.read(&mut byte))
        .await
        .expect("an end in time");
    assert_eq!(read.unwrap(), 0);
    Shell::log_in(device).await;
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_device_that_refuses_closes_its_port_and_opens_it_again() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let (_connection, mut shell) = Shell::log_in(device).await;
    device.update_faults(|faults| faults.refuse = true);
    let is_refused = |address| {
        std::net::TcpStream::connect(address)
            .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    };
    eventually("refused", || is_refused(device.address())).await;
    assert!(
        shell.command("show clock", PROMPT).await.contains("UTC"),
        "live sessions go on"
    );
    device.update_faults(|faults| faults.refuse = false);
    eventually("open again", || !is_refused(device.address())).await;
    Shell::log_in(device).await;
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_flood_comes_whole_and_is_followed_by_the_answer() {
    const BYTES: usize = 5_000_000;
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let (_connection, mut shell) = Shell::log_in(device).await;
    device.update_faults(|faults| faults.flood = BYTES);
    let output = shell.command("show clock", PROMPT).await;
    let answer = output.get(BYTES..).expect("all of the flood");
    assert!(
        answer.starts_with('*') && answer.contains("UTC"),
        "{answer}"
    );
    // An interrupt ends it early: no more than what was under way comes.
    device.update_faults(|faults| faults.flood = usize::MAX);
    shell.type_text("show clock\r").await;
    shell.packet().await;
    shell.type_text("\x03").await;
    let rest = shell.until(PROMPT).await;
    assert!(!rest.contains("UTC"));
    fleet.shutdown().await;
}

#[tokio::test]
async fn split_sends_echo_and_output_apart() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let (_connection, mut shell) = Shell::log_in(device).await;
    shell.type_text("show clock\r").await;
    let packet = shell.packet().await.expect("output");
    assert!(
        packet.starts_with("show clock\r\n*") && packet.ends_with(PROMPT),
        "{packet}"
    );
    device.update_faults(|faults| faults.split = Duration::from_millis(2));
    shell.type_text("show clock\r").await;
    assert_eq!(shell.packet().await.as_deref(), Some("show clock\r\n"));
    assert!(
        shell
            .packet()
            .await
            .is_some_and(|rest| rest.ends_with(PROMPT))
    );
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_prompt_may_stand_inside_the_output() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let (_connection, mut shell) = Shell::log_in(device).await;
    device.update_faults(|faults| faults.prompt_inside = true);
    shell.type_text("show clock\r").await;
    let mut text = String::new();
    while !(text.contains("UTC") && text.ends_with(PROMPT)) {
        text.push_str(&shell.packet().await.expect("more output"));
    }
    assert!(
        text.starts_with(&format!("show clock\r\n{PROMPT}\r\n*")),
        "{text}"
    );
    fleet.shutdown().await;
}

#[tokio::test]
async fn live_sessions_can_be_cut_and_come_back() {
    let fleet = fleet(2).await;
    let device = &fleet.devices()[0];
    let (_connection, mut shell) = Shell::log_in(device).await;
    let (_other_connection, mut other) = Shell::log_in(&fleet.devices()[1]).await;
    device.drop_session();
    assert_eq!(shell.end().await, None, "without a word");
    eventually("gone", || device.sessions() == 0).await;
    assert!(
        other
            .command("show clock", "sim-0002>")
            .await
            .contains("UTC"),
        "others are well"
    );
    Shell::log_in(device).await;
    assert_eq!((device.logins(), device.connections()), (2, 2));
    fleet.shutdown().await;
}

#[tokio::test]
async fn faults_hold_for_exec_requests_too() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    device.set_faults(Faults {
        split: Duration::from_millis(1),
        flood: 100_000,
        ..Faults::default()
    });
    let mut connection = Connection::open(device).await.unwrap();
    assert!(connection.by_password(PASSWORD).await.success());
    let (output, status) = connection.exec("show clock").await;
    assert!(output.len() > 100_000 && output.ends_with("\r\n") && output.contains("UTC"));
    assert_eq!(status, Some(0));
    fleet.shutdown().await;
}

#[tokio::test]
async fn shutting_down_closes_everything() {
    let fleet = fleet(3).await;
    let device = fleet.devices()[0].clone();
    let (_connection, mut shell) = Shell::log_in(&device).await;
    let mut mute = Vec::new();
    fleet.devices()[1].update_faults(|faults| faults.mute = true);
    mute.push(
        TcpStream::connect(fleet.devices()[1].address())
            .await
            .unwrap(),
    );
    fleet.shutdown().await;
    shell.end().await;
    assert_eq!(device.sessions(), 0);
    assert!(std::net::TcpStream::connect(device.address()).is_err());
}
