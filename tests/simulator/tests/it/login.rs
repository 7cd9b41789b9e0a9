//! Ways in, ways out, and a poll.

use std::sync::Arc;
use std::time::Duration;

use netwolf_simulator::{Bind, Clock as _, Fleet, FleetError, ManualClock};
use russh::client::KeyboardInteractiveAuthResponse;

use crate::client::Connection;
use crate::client::{ENABLE, PASSWORD, Shell, USER, config, fleet, key};
use crate::eventually;

#[tokio::test]
async fn a_password_logs_in_and_a_wrong_one_does_not() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let mut connection = Connection::open(device).await.unwrap();
    assert!(!connection.by_password("wrong").await.success());
    assert!(!connection.by_password("").await.success());
    assert_eq!((device.logins(), device.login_failures()), (0, 2));
    assert_eq!(device.sessions(), 0);
    // The right one is still taken afterwards, as on a device that allows several tries.
    assert!(connection.by_password(PASSWORD).await.success());
    assert_eq!(
        (device.logins(), device.sessions(), device.connections()),
        (1, 1, 1)
    );
    assert!(connection.banner().contains("Simulated device"));
    connection.close().await;
    eventually("the session is gone", || device.sessions() == 0).await;
    fleet.shutdown().await;
}

#[tokio::test]
async fn questions_log_in_too() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let mut connection = Connection::open(device).await.unwrap();
    let (question, outcome) = connection.by_questions("wrong").await;
    assert_eq!(question, "Password: ");
    assert!(matches!(
        outcome,
        KeyboardInteractiveAuthResponse::Failure { .. }
    ));
    let (_, outcome) = connection.by_questions(PASSWORD).await;
    assert!(matches!(outcome, KeyboardInteractiveAuthResponse::Success));
    assert_eq!((device.logins(), device.login_failures()), (1, 1));
    fleet.shutdown().await;
}

#[tokio::test]
async fn an_authorised_key_logs_in_and_another_does_not() {
    let mut config = config(1);
    config.authorized_keys = vec![
        "# keys".to_owned(),
        key(1).public_key().to_openssh().unwrap(),
        String::new(),
    ];
    let fleet = Fleet::start(config).await.unwrap();
    let device = &fleet.devices()[0];
    let mut connection = Connection::open(device).await.unwrap();
    assert!(!connection.by_key(key(2)).await.success());
    assert_eq!(device.login_failures(), 1);
    assert!(connection.by_key(key(1)).await.success());
    assert_eq!(device.logins(), 1);
    fleet.shutdown().await;
}

#[tokio::test]
async fn an_unknown_user_is_refused() {
    let fleet = fleet(1).await;
    let mut connection = Connection::open(&fleet.devices()[0]).await.unwrap();
    let outcome = connection
        .handle
        .authenticate_password(format!("{USER}x"), PASSWORD)
        .await;
    assert!(!outcome.unwrap().success());
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_poll_gives_values_that_move() {
    let clock = Arc::new(ManualClock::new(Duration::from_secs(1_700_000_000)));
    let mut config = config(2);
    config.clock = clock.clone();
    let fleet = Fleet::start(config).await.unwrap();
    let device = &fleet.devices()[1];
    let (_connection, mut shell) = Shell::log_in(device).await;
    let prompt = "sim-0002>";
    assert_eq!(shell.command("terminal length 0", prompt).await, "");
    let mut before = String::new();
    for _ in 0..20 {
        let load = shell
            .command("show processes cpu | include CPU", prompt)
            .await;
        assert!(
            load.starts_with("CPU utilization for five seconds: "),
            "{load}"
        );
        let five_seconds = load.split('%').next().unwrap_or_default().to_owned();
        assert_ne!(five_seconds, before, "the same value twice in a row");
        before = five_seconds;
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(device.commands(), 21);
    assert_eq!(fleet.devices()[0].commands(), 0);
    let interfaces = shell.command("show interfaces", prompt).await;
    assert!(interfaces.contains("packets input") && !interfaces.contains("More"));
    let time = shell.command("show clock", prompt).await;
    assert_eq!(time, "*22:13:40.000 UTC Tue Nov 14 2023\r\n");
    assert_eq!(clock.now(), Duration::from_secs(1_700_000_020));
    fleet.shutdown().await;
}

#[tokio::test]
async fn enable_and_exit_work_over_the_wire() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let (_connection, mut shell) = Shell::log_in(device).await;
    shell.type_text("enable\r").await;
    shell.until("Password: ").await;
    shell.type_text(&format!("{ENABLE}\r")).await;
    assert_eq!(shell.until("#").await, "\r\nsim-0001#");
    shell.type_text("exit\r").await;
    assert_eq!(shell.end().await, Some(0));
    eventually("the connection ends", || device.sessions() == 0).await;
    fleet.shutdown().await;
}

#[tokio::test]
async fn an_exec_request_runs_one_command_and_ends() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let mut connection = Connection::open(device).await.unwrap();
    assert!(connection.by_password(PASSWORD).await.success());
    let (output, status) = connection.exec("show version").await;
    assert!(output.contains("sim-0001 uptime is "), "{output}");
    assert_eq!(status, Some(0));
    assert_eq!(device.commands(), 1);
    // As on the real thing, the connection is used up.
    assert!(connection.handle.channel_open_session().await.is_err());
    fleet.shutdown().await;
}

#[tokio::test]
async fn users_see_each_other_and_lines_run_out() {
    let mut config = config(1);
    config.vty_lines = 2;
    let fleet = Fleet::start(config).await.unwrap();
    let device = &fleet.devices()[0];
    let (_first, mut shell) = Shell::log_in(device).await;
    let (second, _other_shell) = Shell::log_in(device).await;
    let users = shell.command("show users", "sim-0001>").await;
    assert!(users.contains("*  2 vty 0     netwolf    idle                 00:00:00   127.0.0.1"));
    assert!(users.contains("   3 vty 1     netwolf    idle "), "{users}");
    assert!(Connection::open(device).await.is_err());
    assert_eq!(device.lines_exhausted(), 1);
    second.close().await;
    eventually("a line is free", || device.sessions() == 1).await;
    let (_third, _its_shell) = Shell::log_in(device).await;
    assert_eq!(fleet.totals().logins, 3);
    fleet.shutdown().await;
}

#[tokio::test]
async fn one_seed_gives_one_host_key_and_one_set_of_values() {
    let start = |seed| async move {
        let mut config = config(1);
        config.seed = seed;
        config.clock = Arc::new(ManualClock::new(Duration::from_secs(1_700_000_000)));
        Fleet::start(config).await.unwrap()
    };
    let [one, again, other] = [start(5).await, start(5).await, start(6).await];
    assert_eq!(one.host_key(), again.host_key());
    assert_ne!(one.host_key(), other.host_key());
    let mut outputs = Vec::new();
    for fleet in [&one, &again, &other] {
        let mut connection = Connection::open(&fleet.devices()[0]).await.unwrap();
        assert!(connection.by_password(PASSWORD).await.success());
        outputs.push(connection.exec("show interfaces").await.0);
    }
    assert_eq!(outputs[0], outputs[1]);
    assert_ne!(outputs[0], outputs[2]);
}

#[tokio::test]
async fn devices_may_share_a_port_on_addresses_of_their_own() {
    let mut config = config(300);
    config.bind = Bind::Addresses {
        first: [127, 1, 0, 1].into(),
        port: 0,
    };
    config.name_prefix = "edge-".to_owned();
    let fleet = match Fleet::start(config).await {
        Ok(fleet) => fleet,
        Err(FleetError::Bind { .. }) if cfg!(not(target_os = "linux")) => {
            crate::left_out("addresses like 127.1.0.1");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let port = fleet.devices()[0].address().port();
    assert_ne!(port, 0);
    let last = fleet.device("edge-0300").expect("the last device");
    assert_eq!(last.address().to_string(), format!("127.1.1.44:{port}"));
    let (_connection, mut shell) = Shell::log_in(last).await;
    assert!(
        shell
            .command("show clock", "edge-0300>")
            .await
            .contains("UTC")
    );
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_faulty_configuration_is_refused_with_a_way_out() {
    let refusal = |change: fn(&mut netwolf_simulator::FleetConfig)| async move {
        let mut config = config(1);
        change(&mut config);
        let error = Fleet::start(config).await.expect_err("this must not start");
        (error.to_string(), error.hint())
    };
    let (text, hint) = refusal(|config| config.name_prefix = "1-".to_owned()).await;
    assert_eq!(text, "name prefix \"1-\" is no begin of a hostname");
    assert!(hint.is_some());
    let (text, _) = refusal(|config| config.devices = 0).await;
    assert_eq!(text, "a fleet needs at least one device");
    let (text, hint) = refusal(|config| config.password = "".into()).await;
    assert!(text.starts_with("nobody could log in") && hint.is_some());
    let (text, hint) = refusal(|config| config.authorized_keys = vec!["nonsense".into()]).await;
    assert!(text == "authorised key number 1 cannot be read" && hint.is_some());
    let (text, _) = refusal(|config| {
        config.devices = 3;
        config.bind = Bind::Ports {
            address: [127, 0, 0, 1].into(),
            first_port: 65_534,
        };
    })
    .await;
    assert!(
        text.contains("do not fit") || text.contains("cannot listen"),
        "{text}"
    );

    let running = fleet(1).await;
    let taken = running.devices()[0].address();
    let mut config = config(1);
    config.bind = Bind::Ports {
        address: taken.ip(),
        first_port: taken.port(),
    };
    let error = Fleet::start(config).await.expect_err("the port is taken");
    assert_eq!(error.to_string(), format!("cannot listen on {taken}"));
    assert!(error.hint().is_some_and(|hint| hint.contains("first port")));
}
