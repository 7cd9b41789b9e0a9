//! Keys are renewed while commands run: by the device, by us, and by both at once.

use super::{sshd::Sshd, *};

/// Commands of a session; each brings more than the device lets pass under one pair of keys.
const COMMANDS: usize = 60;
/// Lines of each command's output, about 40 KiB.
const LINES: usize = 600;

/// What the commands print: lines that tell which they are, so that a lost or doubled packet shows.
fn expected(command: usize) -> String {
    use std::fmt::Write;

    (1..=LINES).fold(String::new(), |mut text, line| {
        writeln!(text, "{command} {line} {:060}", line * command).unwrap();
        text
    })
}

/// Runs commands on a session with a device that renews its keys as `extra` says, while we renew ours at every
/// `ours`th command; tells how often sshd saw new keys.
async fn poll_through(extra: &str, ours: usize) -> Option<usize> {
    let sshd = Sshd::start(&format!("LogLevel DEBUG1\n{extra}")).await?;
    let connection = Shared::default().connect(&sshd.target(), &linux()).await.0;
    let mut live = live(connection.ok().unwrap(), &linux()).await;
    for command in 1..=COMMANDS {
        if ours > 0 && command % ours == 0 {
            live.connection().renew_keys().await;
        }
        let text = format!(
            "i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); printf '%d %d %060d\\n' {command} $i $((i*{command})); done"
        );
        match run(&mut live, &text, PATIENCE).await {
            Ok(Outcome::Output(output)) => assert!(
                output.text == expected(command),
                "command {command} came out otherwise: {:.200}",
                output.text
            ),
            other => panic!("command {command}: {other:?}"),
        }
    }
    live.close().await;
    assert_eq!(sshd.logged("Accepted publickey"), 1, "one login for all");
    Some(sshd.logged("set_newkeys: rekeying in"))
}

#[tokio::test]
async fn a_device_that_renews_its_keys_all_the_time_costs_no_byte() {
    if let Some(renewals) = poll_through("RekeyLimit 16K", 0).await {
        assert!(renewals >= COMMANDS, "{renewals}");
    }
}

#[tokio::test]
async fn keys_that_we_renew_under_load_cost_no_byte() {
    if let Some(renewals) = poll_through("RekeyLimit 1G", 1).await {
        assert!(renewals >= COMMANDS / 2, "{renewals}");
    }
}

#[tokio::test]
async fn keys_that_both_renew_at_once_cost_no_byte() {
    if let Some(renewals) = poll_through("RekeyLimit 16K", 2).await {
        assert!(renewals >= COMMANDS, "{renewals}");
    }
}
