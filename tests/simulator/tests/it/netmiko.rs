//! netmiko, the library most network automation is built on, against a device.

use std::process::Stdio;

use netwolf_simulator::Manner;
use tokio::process::Command;
use tokio::time::timeout;

use crate::client::{ENABLE, PASSWORD, USER, fleet};
use crate::{PATIENCE, left_out, python, tests_dir};

#[tokio::test]
async fn netmiko_logs_in_and_uses_the_device() {
    if !python::has("netmiko") {
        return left_out("netmiko for Python");
    }
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let run = Command::new(python::python())
        .arg(tests_dir().join("netmiko_client.py"))
        .args([
            device.address().ip().to_string(),
            device.address().port().to_string(),
        ])
        .arg(USER)
        .env("NETMIKO_PASSWORD", PASSWORD)
        .env("NETMIKO_SECRET", ENABLE)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(3 * PATIENCE, run)
        .await
        .expect("netmiko ends in time")
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("netmiko: ok"),
        "{text}\n{errors}"
    );
    assert_eq!(device.logins(), 1);
    fleet.shutdown().await;
}

#[tokio::test]
async fn netmiko_uses_every_platform_with_its_own_class_for_it() {
    if !python::has("netmiko") {
        return left_out("netmiko for Python");
    }
    let manners: Vec<Manner> = Manner::ALL
        .iter()
        .copied()
        .filter(|manner| *manner != Manner::CiscoIos)
        .collect();
    // Some classes wait for seconds, so several clients run at a time.
    let fleet = python::mixed(&manners).await;
    let (first, second) = fleet.devices().split_at(manners.len() / 2);
    let (first, second) = tokio::join!(
        python::run("netmiko_platforms.py", "NETMIKO", first),
        python::run("netmiko_platforms.py", "NETMIKO", second),
    );
    let text = first + &second;
    for device in fleet.devices() {
        let platform = device.platform();
        let ok = text.contains(&format!("{platform}: ok"));
        assert!(
            ok || text.contains(&format!("{platform}: left out")),
            "{text}"
        );
        assert_eq!(device.logins(), u64::from(ok), "{platform}");
    }
    fleet.shutdown().await;
}
