//! What russh would do if it were let: wait for ever, and offer what nobody should take.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;

/// A packet that says which algorithms a server has, and no more.
fn kexinit() -> Vec<u8> {
    let lists = [
        "curve25519-sha256",
        "ssh-ed25519",
        "aes128-gcm@openssh.com",
        "aes128-gcm@openssh.com",
        "hmac-sha2-256",
        "hmac-sha2-256",
        "none",
        "none",
        "",
        "",
    ];
    let mut payload = vec![20];
    payload.extend_from_slice(&[7; 16]);
    for list in lists {
        payload.extend_from_slice(&u32::try_from(list.len()).unwrap().to_be_bytes());
        payload.extend_from_slice(list.as_bytes());
    }
    payload.extend_from_slice(&[0; 5]);
    let mut padding = 8 - (payload.len() + 5) % 8;
    if padding < 4 {
        padding += 8;
    }
    let length = u32::try_from(payload.len() + padding + 1).unwrap();
    let mut packet = length.to_be_bytes().to_vec();
    packet.push(u8::try_from(padding).unwrap());
    packet.extend_from_slice(&payload);
    packet.extend(vec![0; padding]);
    packet
}

/// A server that says `words` and then nothing more; gives what it was told until the client left.
async fn silent_after(words: Vec<u8>) -> (u16, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (mut stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        stream.write_all(&words).await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.ok();
        heard
    });
    (port, heard)
}

#[tokio::test]
async fn a_server_that_falls_silent_before_the_login_is_left_in_time() {
    let greeting = b"SSH-2.0-Silent\r\n".to_vec();
    let endless = b"one more line before the greeting\r\n".repeat(3);
    let mut mid_exchange = greeting.clone();
    mid_exchange.extend(kexinit());
    for (what, words) in [
        ("after connect", Vec::new()),
        ("in its banner", endless),
        ("after its greeting", greeting),
        ("in mid key exchange", mid_exchange),
    ] {
        let (port, heard) = silent_after(words).await;
        let mut target = target(port);
        target.connect_timeout = Span::from_millis(500);
        let shared = Shared::default();
        let failure = timeout(PATIENCE, shared.try_login(&target))
            .await
            .unwrap_or_else(|_| panic!("{what}: it waits for ever"))
            .unwrap_err();
        assert_eq!(
            failure.reason,
            Reason::HandshakeTimeout,
            "{what}: {failure:?}"
        );
        assert!(failure.message.contains("0.5 s"), "{failure:?}");
        let heard = timeout(PATIENCE, heard)
            .await
            .unwrap_or_else(|_| panic!("{what}: the connection stays open"));
        assert!(heard.unwrap().starts_with(b"SSH-2.0-NetWolf_"), "{what}");
    }
}

#[tokio::test]
async fn what_is_offered_has_the_names_of_extensions_and_no_sha_1() {
    for legacy in [Vec::new(), vec![Legacy::Group1Sha1]] {
        let (port, heard) = silent_after(b"SSH-2.0-Silent\r\n".to_vec()).await;
        let mut target = target(port);
        target.connect_timeout = Span::from_millis(500);
        target.legacy.clone_from(&legacy);
        Shared::default().try_login(&target).await.unwrap_err();
        let heard = String::from_utf8_lossy(&heard.await.unwrap()).into_owned();
        for name in ["ext-info-c", "kex-strict-c-v00@openssh.com", "rsa-sha2-512"] {
            assert!(
                heard.contains(name),
                "{name} is not offered with {legacy:?}"
            );
        }
        for name in Legacy::ALL {
            assert_eq!(
                heard.contains(name.as_str()),
                legacy.contains(name),
                "{name:?} with {legacy:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_shell_over_a_path_that_went_silent_is_given_up_within_ten_seconds_of_a_command() {
    let fleet = netwolf_simulator::Fleet::start(netwolf_simulator::FleetConfig::new(
        1, "netwolf", "secret",
    ))
    .await
    .unwrap();
    let relay = Relay::start(fleet.devices()[0].address().port()).await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("password"), "secret").unwrap();
    let mut target = target(relay.port());
    target.login.password = Some(SecretRef::File(dir.path().join("password")));
    let platform = Platform {
        prompts: [("user".into(), "[A-Za-z0-9-]+[>#]".into())].into(),
        setup: vec!["terminal length 0".into()],
        ..Platform::new("cisco_ios", Transport::Shell)
    };
    let connection = Shared::default().connect(&target, &platform).await.0;
    let mut live = live(connection.ok().unwrap(), &platform).await;
    run(&mut live, "show clock", PATIENCE).await.unwrap();
    relay.freeze();
    let begin = Instant::now();
    let failure = run(&mut live, "show clock", Duration::from_secs(5))
        .await
        .unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(10), "{failure:?}");
    live.close().await;
    fleet.shutdown().await;
}
