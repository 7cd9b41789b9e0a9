//! The simulator from outside: a russh client in this process, OpenSSH, netmiko, scrapli, the program.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod client;
mod faults;
mod lockout;
mod login;
mod manners;
mod more_faults;
mod netmiko;
mod openssh;
mod program;
mod python;
mod scenario;
mod scrapli;

use std::io::Write as _;
use std::time::{Duration, Instant};

/// How long a test waits for what must happen; generous, for machines under load.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `condition` holds, and fails with `what` if it never does.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Says that a test is left out for want of `tool`, where the test runner does not hide it.
/// Where everything is supposed to be there, that is a failure.
pub(crate) fn left_out(tool: &str) {
    let complete = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(
        !complete,
        "{tool} is missing, and CI=true says that nothing may be left out"
    );
    let note = format!("left out: a test that needs {tool}, which is not here\n");
    std::io::stderr().write_all(note.as_bytes()).unwrap();
}

/// The directory of this crate's tests.
pub(crate) fn tests_dir() -> &'static std::path::Path {
    std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests"))
}
