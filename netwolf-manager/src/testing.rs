//! What several tests of this crate need: small inventories, made without a file.

use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command as Program, Stdio},
    sync::Arc,
};

use netwolf_wire::{
    DeviceName, SecretRef, Span,
    job::{Command, Job, Plan},
    platform::{Platform, Transport},
    target::{HostKey, Login, Target},
};

use crate::{
    clock::unix_seconds,
    inventory::{Device, Inventory},
    state::{Mailboxes, State},
    trust::Trust,
};

/// A state of a manager whose agents connect to nowhere, and what comes out of the ways to its tasks.
pub(crate) fn state() -> (Arc<State>, Mailboxes) {
    let storage = tempfile::tempdir().unwrap();
    let trust = Arc::new(Trust::start(storage.path(), unix_seconds()).unwrap());
    State::new("127.0.0.1:1".parse().unwrap(), false, trust)
}

/// A plan whose command has this interval.
pub(crate) fn plan(interval: Span) -> Plan {
    let platform = Platform::new("linux", Transport::Exec);
    let command = Command {
        text: "cat /proc/loadavg".into(),
        collectors: vec!["load".into()],
        interval,
        timeout: Span::from_secs(5),
        rules: Vec::new(),
    };
    Plan {
        platform: Arc::new(platform),
        commands: vec![command],
    }
}

/// Devices by name and port, all of one plan; another port is another job.
pub(crate) fn inventory<'a>(devices: impl IntoIterator<Item = (&'a str, u16)>) -> Inventory {
    let plan = Arc::new(plan(Span::from_secs(1)));
    let digest = plan.digest();
    let device = |(name, port): (&str, u16)| {
        let name: DeviceName = name.parse().unwrap();
        let login = Login {
            credential: "monitoring".into(),
            username: "netwolf".into(),
            private_key: None,
            passphrase: None,
            password: Some(SecretRef::Env("NETWOLF_PASSWORD".into())),
            enable_secret: None,
            ssh_agent: None,
            allow: Vec::new(),
        };
        let target = Target {
            address: "127.0.0.1".into(),
            port,
            login,
            host_key: HostKey::AcceptNew,
            connect_timeout: Span::from_secs(5),
            jump: None,
            legacy: Vec::new(),
            max_age: None,
        };
        let job = Job {
            device: name.clone(),
            target,
            plan: digest,
            exclusive: false,
        };
        let device = Device {
            digest: job.digest(),
            job: Arc::new(job),
            platform: "linux".into(),
            group: None,
            labels: BTreeMap::from([("site".into(), "ams".into())]),
            collectors: vec!["load".into()],
            interval: Span::from_secs(1),
        };
        (name, device)
    };
    Inventory {
        devices: devices.into_iter().map(device).collect(),
        plans: BTreeMap::from([(digest, plan)]),
        catalogue: Arc::default(),
    }
}

/// Feeds a page to `promtool check metrics`; without that program the test says so, and fails under CI.
pub(crate) fn promtool(page: &str) {
    let spawned = Program::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            assert!(
                std::env::var_os("CI").is_none(),
                "promtool is needed under CI: {error}"
            );
            println!("left out: promtool is not installed ({error})");
            return;
        }
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(page.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}\n{page}");
}
