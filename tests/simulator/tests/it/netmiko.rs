//! netmiko, the library most network automation is built on, against a device.

use std::process::Stdio;

use tokio::process::Command;
use tokio::time::timeout;

use crate::client::{ENABLE, PASSWORD, USER, fleet};
use crate::{PATIENCE, left_out, tests_dir};

/// The Python to use: `NETWOLF_PYTHON`, else `python3`.
fn python() -> String {
    std::env::var("NETWOLF_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

#[tokio::test]
async fn netmiko_logs_in_and_uses_the_device() {
    let found = std::process::Command::new(python())
        .args(["-c", "import netmiko"])
        .stderr(Stdio::null())
        .status();
    if !found.is_ok_and(|status| status.success()) {
        return left_out("netmiko for Python");
    }
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    let run = Command::new(python())
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
