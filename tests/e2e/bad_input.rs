//! Devices that cannot be reached or logged in to: each a clear state, and no harm to the others.

use std::{fs, io::Read, net::TcpListener, time::Duration};

use crate::lab::{self, Devices, Manager, PATIENCE, eventually, moved};

#[test]
fn each_kind_of_bad_device_has_its_own_clear_state_and_the_good_one_is_not_disturbed() {
    let folder = lab::folder();
    let devices = Devices::start(2);
    let (good, other) = (&devices.fleet().devices()[0], &devices.fleet().devices()[1]);
    let key = devices.fleet().host_key().to_owned();

    // A port that nobody listens on, and one that accepts and says nothing.
    let refused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let mute_port = mute.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in mute.incoming().flatten() {
            // Holds each connection until the other side gives up.
            std::thread::spawn(move || (&stream).read_to_end(&mut Vec::new()));
        }
    });

    let wrong = folder.path().join("wrong");
    fs::write(&wrong, "not-the-password").unwrap();
    let pin = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let (good_port, other_port) = (good.address().port(), other.address().port());
    let inventory = format!(
        "  wrong: {{ username: netwolf, password: \"file:{}\" }}\n\
         \x20 gone: {{ username: netwolf, password: \"file:{}/nothing\" }}\n\
         defaults_marker\n\
         devices:\n\
         \x20 - {{ name: good, address: 127.0.0.1, port: {good_port}, platform: cisco_ios, host_key: \"{key}\" }}\n\
         \x20 - {{ name: wrong-password, address: 127.0.0.1, port: {other_port}, platform: cisco_ios, credential: wrong, host_key: \"{key}\" }}\n\
         \x20 - {{ name: wrong-key, address: 127.0.0.1, port: {other_port}, platform: cisco_ios, host_key: \"{pin}\" }}\n\
         \x20 - {{ name: no-secret, address: 127.0.0.1, port: {other_port}, platform: cisco_ios, credential: gone, host_key: \"{key}\" }}\n\
         \x20 - {{ name: refused, address: 127.0.0.1, port: {refused}, platform: cisco_ios, host_key: accept-new }}\n\
         \x20 - {{ name: unknown-host, address: no-such-host.invalid, platform: cisco_ios, host_key: accept-new }}\n\
         \x20 - {{ name: mute, address: 127.0.0.1, port: {mute_port}, platform: cisco_ios, host_key: accept-new }}\n",
        wrong.display(),
        folder.path().display(),
    );
    let config = lab::configuration(folder.path(), &inventory.replace("defaults_marker\n", ""));
    let text = fs::read_to_string(&config)
        .unwrap()
        .replace("interval: 1s,", "interval: 1s, connect_timeout: 2s,");
    fs::write(&config, text).unwrap();
    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent("a1", 1, folder.path());

    for (name, reason, word) in [
        ("wrong-password", "auth_failed", "password"),
        ("wrong-key", "host_key_mismatch", "key"),
        ("no-secret", "secret_unavailable", "nothing"),
        ("refused", "refused", "refused"),
        ("unknown-host", "unknown_host", "no-such-host.invalid"),
        ("mute", "handshake_timeout", "SSH"),
    ] {
        let device = eventually(PATIENCE, &format!("{name} fails with {reason}"), || {
            let device = manager.device(name)?;
            if device["failure"]["reason"] == reason {
                Ok(device)
            } else {
                Err(device.to_string())
            }
        });
        let said = device["failure"].to_string();
        assert!(said.contains(word), "{name}: {said}");
        assert!(!said.contains("not-the-password"), "{said}");
        let page = manager.metrics().unwrap();
        assert_eq!(
            page.value(&format!("netwolf_device_up{{device=\"{name}\"}}")),
            Some(0.0)
        );
    }

    // The good device between them is polled as if it were alone.
    let before = manager.metrics().unwrap().cpu_by_device();
    assert_eq!(before.len(), 1, "{before:?}");
    eventually(
        Duration::from_secs(10),
        "a fresh load of the good device",
        || {
            let now = manager.metrics()?.cpu_by_device();
            if moved(&before, &now) == 1 {
                Ok(())
            } else {
                Err(format!("{now:?}"))
            }
        },
    );
    assert!(
        other.login_failures() <= 2,
        "a wrong password is not tried again and again"
    );
}

#[test]
fn a_peer_that_is_no_agent_is_turned_away_and_counted() {
    use std::io::Write;

    let folder = lab::folder();
    let config = lab::configuration(folder.path(), "devices: []\n");
    let manager = Manager::start(&config, folder.path());
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0, 0, 0, 2, b'{', b'}'],
        &[0xff; 64],
    ] {
        let mut stream = std::net::TcpStream::connect(&manager.agents).unwrap();
        stream.write_all(bytes).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The manager closes the connection; a reset is a close too.
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
    }
    eventually(PATIENCE, "all three are counted", || {
        let page = manager.metrics()?;
        let counted = page.sum("netwolf_manager_malformed_frames_total")
            + page.sum("netwolf_manager_refused_hellos_total");
        if counted >= 3.0 {
            Ok(())
        } else {
            Err(format!("{counted}"))
        }
    });
    assert!(lab::get(&manager.web, "/-/healthy", "").is_ok());
}
