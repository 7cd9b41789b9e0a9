//! Which of the two clients logs in, and that a session is the same by either.

use netwolf_wire::platform::SshClient;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{sshd::Sshd, *};

/// Prints lines that tell which they are, and more of them than one window.
const MUCH: &str =
    "i=0; while [ $i -lt 9000 ]; do i=$((i+1)); printf '%d %060d\\n' $i $((i*7)); done";

fn much() -> String {
    use std::fmt::Write;

    (1..=9000).fold(String::new(), |mut text, line| {
        writeln!(text, "{line} {:060}", line * 7).unwrap();
        text
    })
}

/// Logs in to a device at `port`-like `target` of `platform`; runs a short command, a long one, one that fails and a
/// short one again. Tells whether it was by the lean client.
async fn session(target: &Target, platform: &Platform) -> bool {
    let shared = Shared::default();
    let connection = shared.connect(target, platform).await.0;
    let mut connection = connection.unwrap_or_else(|failure| panic!("{failure:?}"));
    let is_lean = connection.is_lean();
    assert_eq!(shared.traffic.general(), u64::from(!is_lean));
    connection.renew_keys().await;
    let mut live = live(connection, platform).await;
    for (command, expected) in [
        ("echo one", "one\n".to_owned()),
        (MUCH, much()),
        ("cat >&2 /dev/null; echo two; exit 3", "two\n".to_owned()),
    ] {
        match run(&mut live, command, PATIENCE).await {
            Ok(Outcome::Output(output)) => {
                assert!(output.text == expected, "{command}: {:.200}", output.text);
            }
            other => panic!("{command}: {other:?}"),
        }
    }
    live.close().await;
    assert_eq!(shared.traffic.general(), 0, "it is over");
    is_lean
}

/// Has a session with a device that offers only what `config` says; tells whether it was by the lean client.
async fn session_with(config: &str) -> Option<bool> {
    let sshd = Sshd::start(config).await?;
    Some(session(&sshd.target(), &linux()).await)
}

#[tokio::test]
async fn the_lean_client_does_what_devices_have_had_for_ten_years() {
    let etm = "hmac-sha2-256-etm@openssh.com";
    let configs = [
        "KexAlgorithms curve25519-sha256\nCiphers aes128-gcm@openssh.com".to_owned(),
        "KexAlgorithms curve25519-sha256@libssh.org\nCiphers aes256-gcm@openssh.com".to_owned(),
        "KexAlgorithms ecdh-sha2-nistp256\nCiphers chacha20-poly1305@openssh.com".to_owned(),
        "KexAlgorithms ecdh-sha2-nistp384\nCiphers aes128-ctr\nMACs hmac-sha2-256".to_owned(),
        "KexAlgorithms ecdh-sha2-nistp521\nCiphers aes192-ctr\nMACs hmac-sha2-512".to_owned(),
        format!("Ciphers aes256-ctr\nMACs {etm}"),
        "Ciphers aes128-ctr\nMACs hmac-sha2-512-etm@openssh.com".to_owned(),
        "HostKeyAlgorithms rsa-sha2-512".to_owned(),
        "HostKeyAlgorithms rsa-sha2-256".to_owned(),
    ];
    for config in configs {
        match session_with(&config).await {
            Some(is_lean) => assert!(is_lean, "{config}"),
            None => return,
        }
    }
}

#[tokio::test]
async fn the_general_client_takes_over_for_the_rest() {
    for config in [
        "KexAlgorithms diffie-hellman-group14-sha256",
        "KexAlgorithms diffie-hellman-group-exchange-sha256",
    ] {
        if let Some(is_lean) = session_with(config).await {
            assert!(!is_lean, "{config}");
        }
    }
    let Some(sshd) = Sshd::start("Ciphers aes128-cbc\nMACs hmac-sha1").await else {
        return;
    };
    let mut target = sshd.target();
    target.legacy = vec![Legacy::Aes128Cbc, Legacy::HmacSha1];
    assert!(!session(&target, &linux()).await);
}

#[tokio::test]
async fn a_platform_may_want_the_general_client() {
    let Some(sshd) = Sshd::start("").await else {
        return;
    };
    let mut platform = linux();
    assert!(session(&sshd.target(), &platform).await);
    platform.ssh_client = SshClient::General;
    assert!(!session(&sshd.target(), &platform).await);
}

/// A way to `port` that holds back what the device says after its version, until the other side has said more than its
/// own: as a device does that waits for an offer before it makes one.
async fn waiting_for_an_offer(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (near, _) = listener.accept().await.unwrap();
        let far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let ((mut from_near, mut to_near), (mut from_far, mut to_far)) =
            (near.into_split(), far.into_split());
        let (offered, mut is_offered) = tokio::sync::watch::channel(false);
        tokio::spawn(async move {
            let mut bytes = vec![0; 64 * 1024];
            let mut all = Vec::new();
            while let Ok(n @ 1..) = from_near.read(&mut bytes).await {
                all.extend_from_slice(&bytes[..n]);
                let end = all.iter().position(|byte| *byte == b'\n');
                if end.is_some_and(|end| all.len() > end + 1) {
                    offered.send_replace(true);
                }
                to_far.write_all(&bytes[..n]).await.unwrap();
            }
        });
        let mut byte = [0];
        while byte != *b"\n" {
            from_far.read_exact(&mut byte).await.unwrap();
            to_near.write_all(&byte).await.unwrap();
        }
        is_offered.wait_for(|offered| *offered).await.unwrap();
        tokio::io::copy(&mut from_far, &mut to_near).await.ok();
    });
    own
}

#[tokio::test]
async fn a_device_that_waits_for_our_offer_gets_one() {
    let Some(sshd) = Sshd::start("").await else {
        return;
    };
    let mut target = sshd.target();
    target.port = waiting_for_an_offer(target.port).await;
    assert!(!session(&target, &linux()).await);
}

#[tokio::test]
async fn a_session_that_stands_by_gives_signs_of_life() {
    for client in [SshClient::Lean, SshClient::General] {
        let Some(sshd) = Sshd::start("ClientAliveInterval 1\nClientAliveCountMax 2").await else {
            return;
        };
        let mut platform = linux();
        platform.ssh_client = client;
        let connection = Shared::default().connect(&sshd.target(), &platform).await.0;
        let mut live = live(connection.ok().unwrap(), &platform).await;
        // Longer than the device waits for them.
        let standing = timeout(Duration::from_secs(5), live.stand_by()).await;
        assert!(standing.is_err());
        match run(&mut live, "echo one", PATIENCE).await {
            Ok(Outcome::Output(output)) => assert_eq!(output.text, "one\n"),
            other => panic!("{client:?}: {other:?}"),
        }
        live.close().await;
    }
}
