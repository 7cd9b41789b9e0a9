//! OpenSSH's own client against a device: by key, as a command and as a shell.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use netwolf_simulator::{DeviceHandle, Fleet, Manner};
use russh::keys::ssh_key::LineEnding;
use russh::keys::{HashAlg, PublicKey};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use crate::client::{config, key};
use crate::{PATIENCE, left_out};

/// Whether `ssh` can be run.
fn has_ssh() -> bool {
    let found = std::process::Command::new("ssh")
        .arg("-V")
        .stderr(Stdio::null())
        .status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        left_out("OpenSSH's ssh");
    }
    found
}

async fn fleet_with_key(directory: &Path) -> Fleet {
    fleet_of(Manner::CiscoIos, directory).await
}

/// One device, whose host key `ssh` does not know yet.
async fn fleet_of(manner: Manner, directory: &Path) -> Fleet {
    let identity = directory.join("id");
    let key = key(9);
    fs::write(
        &identity,
        key.to_openssh(LineEnding::LF).unwrap().as_bytes(),
    )
    .unwrap();
    fs::set_permissions(&identity, fs::Permissions::from_mode(0o600)).unwrap();
    let mut config = config(1);
    config.manner = manner;
    config.authorized_keys = vec![key.public_key().to_openssh().unwrap()];
    Fleet::start(config).await.unwrap()
}

/// `ssh` that reads no configuration and asks nothing.
fn ssh(device: &DeviceHandle, directory: &Path) -> Command {
    let mut command = Command::new("ssh");
    let known_hosts = directory.join("known_hosts");
    command
        .args([
            "-F",
            "/dev/null",
            "-o",
            "BatchMode=yes",
            "-o",
            "IdentitiesOnly=yes",
        ])
        .args(["-o", "StrictHostKeyChecking=accept-new", "-i"])
        .arg(directory.join("id"))
        .arg("-o")
        .arg(format!("UserKnownHostsFile={}", known_hosts.display()))
        .args(["-p", &device.address().port().to_string()])
        .env_remove("SSH_AUTH_SOCK")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs `command` with `input` typed at it; gives its exit status, output and errors.
async fn run(mut command: Command, input: &str) -> (Option<i32>, String, String) {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = timeout(PATIENCE, child.wait_with_output())
        .await
        .expect("ssh ends in time");
    let output = output.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[tokio::test]
async fn ssh_runs_a_command_without_a_terminal() {
    if !has_ssh() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let fleet = fleet_with_key(directory.path()).await;
    let mut command = ssh(&fleet.devices()[0], directory.path());
    command.args(["-T", "netwolf@127.0.0.1", "show version"]);
    let (status, output, errors) = run(command, "").await;
    assert_eq!(status, Some(0), "{errors}");
    assert!(output.contains("sim-0001 uptime is "), "{output}");
    assert!(errors.contains("Simulated device."), "the banner: {errors}");
    // The key that ssh met is the one that the fleet tells.
    let known = fs::read_to_string(directory.path().join("known_hosts")).unwrap();
    let (_, met) = known.trim().split_once(' ').unwrap();
    let met = PublicKey::from_openssh(met)
        .unwrap()
        .fingerprint(HashAlg::Sha256);
    assert_eq!(met.to_string(), fleet.host_key());
    fleet.shutdown().await;
}

#[tokio::test]
async fn ssh_opens_a_shell_on_a_terminal() {
    if !has_ssh() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let fleet = fleet_with_key(directory.path()).await;
    let device = &fleet.devices()[0];
    let mut command = ssh(device, directory.path());
    command.args(["-tt", "netwolf@127.0.0.1"]);
    let typed = "term len 0\rshow ip int br\rshow processes cpu | include CPU\rbogus\rexit\r";
    let (status, output, errors) = run(command, typed).await;
    assert_eq!(status, Some(0), "{errors}");
    for part in [
        "sim-0001>show ip int br\r\nInterface                  IP-Address      OK? Method",
        "sim-0001>show processes cpu | include CPU\r\nCPU utilization for five seconds: ",
        "% Invalid input detected at '^' marker.\r\n\r\nsim-0001>exit\r\n",
    ] {
        assert!(output.contains(part), "{part:?} is not in {output:?}");
    }
    assert_eq!(device.commands(), 5);
    fleet.shutdown().await;
}

#[tokio::test]
async fn ssh_ends_when_its_input_does() {
    if !has_ssh() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let fleet = fleet_with_key(directory.path()).await;
    let mut command = ssh(&fleet.devices()[0], directory.path());
    command.args(["-T", "netwolf@127.0.0.1"]);
    let (status, output, errors) = run(command, "show clock\n").await;
    assert_eq!(status, Some(0), "{errors}");
    assert!(
        output.contains("show clock\r\n*") && output.ends_with("sim-0001>"),
        "{output}"
    );
    fleet.shutdown().await;
}

#[tokio::test]
async fn ssh_runs_commands_of_the_families_that_take_them() {
    if !has_ssh() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for (manner, command, expected, wrong) in [
        (
            Manner::JuniperJunos,
            "show version | display json",
            "\"host-name\"",
            1,
        ),
        (Manner::AristaEos, "show version | json", "\"uptime\"", 1),
        (Manner::CiscoNxos, "show version", "Kernel uptime is", 1),
        (
            Manner::MikrotikRouteros,
            "/system resource print",
            "cpu-load",
            1,
        ),
        (Manner::Linux, "cat /proc/meminfo", "MemTotal", 127),
    ] {
        let fleet = fleet_of(manner, directory.path()).await;
        let device = &fleet.devices()[0];
        let mut client = ssh(device, directory.path());
        client.args(["netwolf@127.0.0.1", command]);
        let (status, output, errors) = run(client, "").await;
        assert_eq!(status, Some(0), "{manner}: {errors}");
        assert!(output.contains(expected), "{manner}: {output}");
        let mut client = ssh(device, directory.path());
        client.args(["netwolf@127.0.0.1", "nothing"]);
        assert_eq!(run(client, "").await.0, Some(wrong), "{manner}");
        fleet.shutdown().await;
    }
}

#[tokio::test]
async fn ssh_gets_a_shell_of_families_that_have_nothing_else() {
    if !has_ssh() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for (manner, typed, expected) in [
        (Manner::HuaweiVrp, "display clock\rquit\r", "Time Zone(UTC)"),
        (Manner::NokiaSros, "show uptime\rlogout\r", "System Up Time"),
        (Manner::Vyos, "show system cpu\rexit\r", "CPU: "),
        (Manner::HpProcurve, " show cpu\rexit\ry", "percent busy"),
    ] {
        let fleet = fleet_of(manner, directory.path()).await;
        let mut client = ssh(&fleet.devices()[0], directory.path());
        client.args(["-tt", "netwolf@127.0.0.1"]);
        let (status, output, errors) = run(client, typed).await;
        assert_eq!(status, Some(0), "{manner}: {output} {errors}");
        assert!(output.contains(expected), "{manner}: {output}");
        fleet.shutdown().await;
    }
}
