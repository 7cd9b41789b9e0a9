//! Real input: Debian's OpenSSH server as a device of platform `linux`, beside simulated IOS devices.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::lab::{self, Devices, Manager, PATIENCE, Process, eventually};

/// An OpenSSH server with its own configuration, host key and user key.
struct Sshd {
    _process: Process,
    port: u16,
    user: String,
    user_key: PathBuf,
    host_key: String,
}

impl Sshd {
    /// `None` where there is no OpenSSH server.
    fn start(folder: &Path) -> Option<Self> {
        let program = lab::have("sshd", "openssh-server")?;
        let keygen = lab::have("ssh-keygen", "openssh-client")?;
        let key = |name: &str| {
            let path = folder.join(name);
            let made = Command::new(&keygen)
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(&path)
                .status()
                .unwrap();
            assert!(made.success());
            path
        };
        let (server_key, user_key) = (key("host_key"), key("user_key"));
        let authorized = folder.join("authorized_keys");
        fs::copy(user_key.with_extension("pub"), &authorized).unwrap();
        fs::set_permissions(&authorized, fs::Permissions::from_mode(0o600)).unwrap();

        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = folder.join("sshd_config");
        let text = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nLogLevel VERBOSE\n",
            server_key.display(),
            authorized.display(),
        );
        fs::write(&config, text).unwrap();
        // Debian's package makes this folder only when the service starts.
        if fs::create_dir_all("/run/sshd").is_err() {
            lab::leave_out("/run/sshd is missing and cannot be made");
            return None;
        }
        let mut command = Command::new(program);
        command
            .arg("-D")
            .arg("-e")
            .arg("-f")
            .arg(&config)
            .stdout(Stdio::null());
        let process = Process::spawn("sshd", command, folder);
        eventually(PATIENCE, "sshd listens", || {
            TcpStream::connect(("127.0.0.1", port))
                .map(drop)
                .map_err(|error| error.to_string())
        });

        let output = Command::new(keygen)
            .arg("-lf")
            .arg(server_key.with_extension("pub"))
            .output()
            .unwrap();
        let host_key = String::from_utf8(output.stdout)
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .to_owned();
        let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout)
            .unwrap()
            .trim()
            .to_owned();
        Some(Self {
            _process: process,
            port,
            user,
            user_key,
            host_key,
        })
    }
}

#[test]
fn a_real_openssh_server_is_polled_every_second_beside_simulated_devices() {
    let folder = lab::folder();
    let Some(sshd) = Sshd::start(folder.path()) else {
        return;
    };
    let devices = Devices::start(3);
    let mut inventory = devices.inventory();
    writeln!(
        inventory,
        "  - {{ name: server-1, address: 127.0.0.1, port: {}, platform: linux, credential: server, \
         collectors: [facts, cpu, memory], host_key: \"{}\" }}",
        sshd.port, sshd.host_key
    )
    .unwrap();
    let config = lab::configuration(folder.path(), &inventory);
    let text = fs::read_to_string(&config).unwrap();
    let credential = format!(
        "  server: {{ username: {}, private_key: \"file:{}\" }}\n",
        sshd.user,
        sshd.user_key.display()
    );
    fs::write(
        &config,
        text.replace("devices:", &format!("{credential}devices:")),
    )
    .unwrap();

    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent("a1", 1, folder.path());
    let uptime = || -> Result<f64, String> {
        manager
            .metrics()?
            .value("netwolf_device_uptime_seconds{device=\"server-1\"}")
            .ok_or_else(|| "no uptime".into())
    };
    let first = eventually(PATIENCE, "the server's uptime", &uptime);

    // The load, CPU time and memory of the machine that this test runs on, over its own sshd.
    let page = manager.metrics().unwrap();
    let server = ["device=\"server-1\""];
    for family in [
        "netwolf_load_average",
        "netwolf_cpu_seconds_total",
        "netwolf_memory_total_bytes",
    ] {
        assert!(
            page.series(family, &server).count() > 0,
            "no {family} of the server"
        );
    }
    let total = page
        .series("netwolf_memory_total_bytes", &server)
        .map(|(_, value)| value)
        .sum::<f64>();
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap();
    let kib: f64 = meminfo
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        (total - kib * 1024.0).abs() < 1.0,
        "{total} against {kib} KiB"
    );

    // Five seconds of polls: the CPU time moves with each of them.
    let start = Instant::now();
    let mut seen = BTreeSet::new();
    eventually(PATIENCE, "five polls in five different seconds", || {
        let page = manager.metrics()?;
        let key = format!(
            "netwolf_device_last_success_timestamp_seconds{{{}}}",
            server[0]
        );
        if let Some(time) = page.value(&key) {
            seen.insert(format!("{time:.1}"));
        }
        if seen.len() >= 5 && start.elapsed() >= Duration::from_secs(4) {
            Ok(())
        } else {
            Err(format!("{seen:?}"))
        }
    });
    assert!(manager.device("server-1").unwrap()["state"] == "up");
    assert_eq!(
        manager.metrics().unwrap().sum("netwolf_device_up"),
        4.0,
        "the simulated devices beside it are up as well"
    );
    assert!(uptime().unwrap() >= first);
}
