//! Devices of every manner over SSH, by a client made of russh.

use netwolf_simulator::{DeviceHandle, Fleet, FleetConfig, Manner, Transcript};
use russh::client::KeyboardInteractiveAuthResponse;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::PATIENCE;
use crate::client::{Connection, PASSWORD, Shell, USER, config};

/// How a family shows itself: its SSH identification, the prompt of a device called `NAME`, a
/// command and what stands in its output.
fn signs(manner: Manner) -> (&'static str, &'static str, &'static str, &'static str) {
    match manner {
        Manner::CiscoIos | Manner::CiscoIosxe => {
            ("SSH-2.0-Cisco-1.25", "NAME>", "show clock", " UTC ")
        }
        Manner::CiscoNxos => ("SSH-2.0-OpenSSH_8.3", "NAME# ", "show clock", "NTP"),
        Manner::CiscoIosxr => (
            "SSH-2.0-Cisco-2.0",
            "RP/0/RP0/CPU0:NAME#",
            "show clock",
            " UTC ",
        ),
        Manner::CiscoAsa => (
            "SSH-2.0-Cisco-1.25",
            "NAME> ",
            "show cpu usage",
            "5 minutes",
        ),
        Manner::AristaEos => ("SSH-2.0-OpenSSH_8.7", "NAME>", "show clock", "Timezone"),
        Manner::JuniperJunos => (
            "SSH-2.0-OpenSSH_7.5",
            "netwolf@NAME> ",
            "show version",
            "21.4R3",
        ),
        Manner::NokiaSros => ("SSH-2.0-OpenSSH_8.2", "A:NAME# ", "show uptime", "days"),
        Manner::NokiaSrosMd => (
            "SSH-2.0-OpenSSH_8.2",
            "A:netwolf@NAME# ",
            "show uptime",
            "days",
        ),
        Manner::MikrotikRouteros => (
            "SSH-2.0-ROSSSH",
            "[netwolf@NAME] > ",
            "/system resource print",
            "cpu-load",
        ),
        Manner::HuaweiVrp => ("SSH-2.0-HUAWEI-1.5", "<NAME>", "display clock", "Time Zone"),
        Manner::HpComware => (
            "SSH-2.0-Comware-7.1.070",
            "<NAME>",
            "display cpu-usage",
            "last 5 minutes",
        ),
        Manner::HpProcurve => (
            "SSH-2.0-Mocana SSH 6.3",
            "NAME> ",
            "show cpu",
            "percent busy",
        ),
        Manner::ArubaAoscx => (
            "SSH-2.0-OpenSSH_8.1",
            "NAME# ",
            "show version",
            "ArubaOS-CX",
        ),
        Manner::FortinetFortios => (
            "SSH-2.0-kg4",
            "NAME # ",
            "get system performance status",
            "CPU states",
        ),
        Manner::PaloaltoPanos => (
            "SSH-2.0-OpenSSH_8.0",
            "netwolf@NAME(active)> ",
            "show clock",
            " UTC",
        ),
        Manner::Vyos => (
            "SSH-2.0-OpenSSH_9.2p1",
            "netwolf@NAME:~$ ",
            "show system cpu",
            "CPU: ",
        ),
        Manner::DellOs10 => ("SSH-2.0-OpenSSH_7.9p1", "NAME# ", "show clock", "+0000"),
        Manner::Linux => (
            "SSH-2.0-OpenSSH_9.2p1",
            "netwolf@NAME:~$ ",
            "cat /proc/uptime",
            ".25 ",
        ),
        other => panic!("{other} has no signs here"),
    }
}

/// One device of each manner.
async fn all() -> Fleet {
    let mut config = config(1);
    config.mix = Manner::ALL.iter().map(|manner| (*manner, 1)).collect();
    Fleet::start(config).await.unwrap()
}

async fn fleet_of(manner: Manner, change: impl FnOnce(&mut FleetConfig)) -> Fleet {
    let mut config = config(1);
    config.manner = manner;
    change(&mut config);
    Fleet::start(config).await.unwrap()
}

/// Logs in and waits for the prompt; a question that is always asked is answered.
async fn log_in(device: &DeviceHandle, prompt: &str) -> (Connection, Shell) {
    let mut connection = Connection::open(device).await.unwrap();
    assert!(connection.by_password(PASSWORD).await.success());
    let mut shell = connection.shell().await;
    if device.platform() == "hp_procurve" {
        shell.until_holds("Press any key to continue").await;
        shell.type_text(" ").await;
    }
    shell.until_holds(prompt).await;
    (connection, shell)
}

#[tokio::test]
async fn every_manner_identifies_itself_and_answers() {
    let fleet = all().await;
    for (device, manner) in fleet.devices().iter().zip(Manner::ALL) {
        assert_eq!(device.platform(), manner.platform());
        let (identification, prompt, command, expected) = signs(*manner);
        let mut socket = TcpStream::connect(device.address()).await.unwrap();
        let mut shown = vec![0; identification.len()];
        timeout(PATIENCE, socket.read_exact(&mut shown))
            .await
            .expect("an identification in time")
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&shown), identification);
        drop(socket);

        let prompt = prompt.replace("NAME", device.name());
        let (connection, mut shell) = log_in(device, &prompt).await;
        shell.type_text(&format!("{command}\r")).await;
        shell.until_holds(expected).await;
        shell.until_holds(&prompt).await;
        assert_eq!((device.logins(), device.commands()), (1, 1), "{manner}");
        connection.close().await;
    }
    fleet.shutdown().await;
}

#[tokio::test]
async fn commands_run_side_by_side_on_one_connection_up_to_a_limit() {
    for (manner, command, expected) in [
        (
            Manner::JuniperJunos,
            "show version | display xml",
            "<rpc-reply",
        ),
        (Manner::AristaEos, "show version | json", "\"uptime\""),
        (
            Manner::CiscoNxos,
            "show version | json native",
            "\"host_name\"",
        ),
        (
            Manner::MikrotikRouteros,
            "/system resource print",
            "cpu-load",
        ),
        (Manner::Linux, "cat /proc/meminfo", "MemTotal"),
    ] {
        let fleet = fleet_of(manner, |_| {}).await;
        let device = &fleet.devices()[0];
        let mut connection = Connection::open(device).await.unwrap();
        assert!(connection.by_password(PASSWORD).await.success());
        for _ in 0..25 {
            let (output, status) = connection.exec(command).await;
            assert!(output.contains(expected), "{manner}: {output}");
            assert_eq!(status, Some(0), "{manner}");
        }
        let mut shells = Vec::new();
        for _ in 0..10 {
            shells.push(connection.handle.channel_open_session().await.unwrap());
        }
        assert!(
            connection.handle.channel_open_session().await.is_err(),
            "{manner}: too many"
        );
        assert_eq!(device.channels_refused(), 1);
        for shell in &shells {
            shell.close().await.unwrap();
        }
        let (_, status) = connection.exec(command).await;
        assert_eq!(status, Some(0), "{manner}: room again");
        assert_eq!((device.logins(), device.sessions()), (1, 1));
        fleet.shutdown().await;
    }
}

#[tokio::test]
async fn a_family_of_shells_refuses_commands_without_one() {
    let fleet = fleet_of(Manner::HuaweiVrp, |_| {}).await;
    let mut connection = Connection::open(&fleet.devices()[0]).await.unwrap();
    assert!(connection.by_password(PASSWORD).await.success());
    let channel = connection.handle.channel_open_session().await.unwrap();
    channel.exec(true, "display version").await.unwrap();
    let answer = timeout(PATIENCE, async {
        let mut channel = channel;
        loop {
            match channel.wait().await {
                Some(russh::ChannelMsg::Failure) => return true,
                Some(russh::ChannelMsg::Success) | None => return false,
                Some(_) => {}
            }
        }
    });
    assert!(
        answer.await.expect("an answer in time"),
        "it was not refused"
    );
    fleet.shutdown().await;
}

#[tokio::test]
async fn routeros_takes_wishes_for_the_terminal_in_the_user_name() {
    let fleet = fleet_of(Manner::MikrotikRouteros, |_| {}).await;
    let device = &fleet.devices()[0];
    let connection = Connection::open(device).await.unwrap();
    let mut connection = connection;
    let user = format!("{USER}+ct511w4098h");
    let login = connection
        .handle
        .authenticate_password(user, PASSWORD)
        .await
        .unwrap();
    assert!(login.success());
    let mut shell = connection.shell().await;
    shell.until_holds("[netwolf@sim-0001] > ").await;
    fleet.shutdown().await;
}

#[tokio::test]
async fn panos_wants_its_banner_acknowledged_in_the_login() {
    for (answer, granted) in [("yes", true), ("no", false)] {
        let fleet = fleet_of(Manner::PaloaltoPanos, |config| config.questions = true).await;
        let mut connection = Connection::open(&fleet.devices()[0]).await.unwrap();
        let first = connection
            .handle
            .authenticate_keyboard_interactive_start(USER, None)
            .await
            .unwrap();
        let KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } = first else {
            panic!("questions were expected, not {first:?}");
        };
        assert_eq!(prompts.len(), 2);
        assert!(prompts[1].prompt.contains("Do you accept"));
        let answers = vec![PASSWORD.to_owned(), answer.to_owned()];
        let outcome = connection
            .handle
            .authenticate_keyboard_interactive_respond(answers)
            .await
            .unwrap();
        let success = matches!(outcome, KeyboardInteractiveAuthResponse::Success);
        assert_eq!(success, granted, "{answer}");
        fleet.shutdown().await;
    }
}

#[tokio::test]
async fn a_transcript_is_played() {
    let text = r#"{"format": 1, "platform": "cisco_ios", "hostname": "lab-7", "prompt": "lab-7#",
        "before_prompt": "Welcome to the lab\n",
        "commands": [{"command": "show inventory", "output": "NAME: \"Chassis\"\n"}]}"#;
    let transcript = Transcript::parse(text).unwrap();
    let fleet = fleet_of(Manner::Linux, |config| {
        config.transcript = Some(std::sync::Arc::new(transcript));
    })
    .await;
    let device = &fleet.devices()[0];
    assert_eq!(device.platform(), "cisco_ios");
    let mut connection = Connection::open(device).await.unwrap();
    assert!(connection.by_password(PASSWORD).await.success());
    let mut shell = connection.shell().await;
    assert_eq!(shell.until("lab-7#").await, "Welcome to the lab\r\nlab-7#");
    let output = shell.command("show inventory", "lab-7#").await;
    assert_eq!(output, "NAME: \"Chassis\"\r\n");
    let output = shell.command("show version", "lab-7#").await;
    assert!(output.contains("% Invalid input detected"), "{output}");
    fleet.shutdown().await;
}
