//! Running the Python clients, where Python has what they need.

use std::process::Stdio;

use netwolf_simulator::{DeviceHandle, Fleet, Manner};
use tokio::process::Command;
use tokio::time::timeout;

use crate::client::{ENABLE, PASSWORD, USER, config};
use crate::{PATIENCE, tests_dir};

/// The Python to use: `NETWOLF_PYTHON`, else `python3`.
pub(crate) fn python() -> String {
    std::env::var("NETWOLF_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// Whether Python has `module`.
pub(crate) fn has(module: &str) -> bool {
    let found = std::process::Command::new(python())
        .args(["-c", &format!("import {module}")])
        .stderr(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

/// One device of each of `manners`.
pub(crate) async fn mixed(manners: &[Manner]) -> Fleet {
    let mut config = config(1);
    config.mix = manners.iter().map(|manner| (*manner, 1)).collect();
    Fleet::start(config).await.unwrap()
}

/// Runs one client of the tests' directory against `devices`, all of which it must like. The
/// secrets go into environment variables that begin with `prefix`.
pub(crate) async fn run(script: &str, prefix: &str, devices: &[DeviceHandle]) -> String {
    let named = devices
        .iter()
        .map(|device| format!("{}={}", device.platform(), device.address().port()));
    let run = Command::new(python())
        .arg(tests_dir().join(script))
        .args(["127.0.0.1", USER])
        .args(named)
        .env(format!("{prefix}_PASSWORD"), PASSWORD)
        .env(format!("{prefix}_SECRET"), ENABLE)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    // A few devices one after the other, with a client that waits a lot.
    let output = timeout(9 * PATIENCE, run)
        .await
        .expect("the client ends in time")
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    text
}
