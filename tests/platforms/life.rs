//! All platforms at once, polled by a manager and an agent in this process: every session is dropped once,
//! and every device is polled again after one more login.

use std::{collections::BTreeMap, fmt::Write as _, fs, sync::LazyLock, thread};

use netwolf_agent::{Agent, AgentConfig};
use netwolf_manager::{Manager, ManagerConfig, Source};
use netwolf_simulator::{Fleet, FleetConfig, Manner, Transcript};

use crate::{
    lab::{self, PASSWORD, PATIENCE, eventually},
    scene::transcript,
};

/// What each device is polled by, every second.
const COMMAND: &str = "show life";

/// Platform by platform, what became of it.
static LIFE: LazyLock<BTreeMap<String, Result<(), String>>> = LazyLock::new(live);

/// Fails unless the device of that platform came back.
#[track_caller]
pub(crate) fn came_back(platform: &str) {
    if let Err(why) = &LIFE[platform] {
        panic!("{platform}: {why}");
    }
}

fn played(manner: Manner) -> Transcript {
    let output = "temperature: 42\n".to_owned();
    transcript(manner.platform(), "", &[(COMMAND, output)])
}

fn live() -> BTreeMap<String, Result<(), String>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let folder = lab::folder();
    // A fleet plays one transcript, so there is one for each platform.
    let fleets: Vec<Fleet> = Manner::ALL
        .iter()
        .map(|manner| {
            let mut config = FleetConfig::new(1, "netwolf", PASSWORD);
            config.privileged = true;
            config.transcript = Some(std::sync::Arc::new(played(*manner)));
            runtime.block_on(Fleet::start(config)).unwrap()
        })
        .collect();
    let mut devices = String::from(
        "library: { collectors: collectors }\ndefaults: { collectors: [life], timeout: 20s, connect_timeout: 60s }\ndevices:\n",
    );
    for fleet in &fleets {
        let device = &fleet.devices()[0];
        let platform = device.platform();
        writeln!(
            devices,
            "  - {{ name: {platform}, address: {}, port: {}, platform: {platform}, credential: monitoring, \
             host_key: \"{}\" }}",
            device.address().ip(),
            device.address().port(),
            device.host_key(),
        )
        .unwrap();
    }
    let collectors = folder.path().join("collectors");
    fs::create_dir(&collectors).unwrap();
    let platforms: Vec<_> = Manner::ALL.iter().map(|manner| manner.platform()).collect();
    fs::write(
        collectors.join("life.yml"),
        format!(
            "name: life\nplatforms: [{}]\ncommands:\n  - command: {COMMAND}\n    interval: 1s\n    rules:\n      \
             - name: life\n        regex: {{ patterns: ['temperature: (?P<celsius>\\d+)'] }}\n        metrics:\n          \
             - {{ name: netwolf_life_celsius, kind: gauge, help: Alive., value: celsius }}\n",
            platforms.join(", ")
        ),
    )
    .unwrap();
    let password = folder.path().join("password");
    fs::write(&password, PASSWORD).unwrap();
    let config = folder.path().join("netwolf.yml");
    let credentials = format!(
        "credentials:\n  monitoring: {{ username: netwolf, password: \"file:{}\" }}\n",
        password.display()
    );
    fs::write(&config, credentials + &devices).unwrap();

    let (manager, agent) = runtime.block_on(async {
        let manager = Manager::start(ManagerConfig {
            web: "127.0.0.1:0".into(),
            api: None,
            web_config: None,
            agents: "127.0.0.1:0".into(),
            insecure_plaintext: false,
            storage: folder.path().join("data"),
            source: Source::File(config),
        })
        .await
        .unwrap();
        let agent = Agent::start(AgentConfig {
            shards: std::num::NonZeroU16::MIN,
            ..AgentConfig::new(manager.agents_addr.to_string(), "life".parse().unwrap())
        });
        (manager, agent.unwrap())
    });

    // Each in a thread of its own: all sessions are dropped at the same time, and a failure is one platform's.
    let outcomes = thread::scope(|scope| {
        let watched: Vec<_> = fleets
            .iter()
            .map(|fleet| {
                let device = &fleet.devices()[0];
                (device.platform(), scope.spawn(|| drop_and_wait(device)))
            })
            .collect();
        let outcomes = watched.into_iter().map(|(platform, watched)| {
            let outcome = watched.join().map_err(|panic| {
                let text = panic.downcast_ref::<String>().cloned();
                text.unwrap_or_else(|| "it did not come back".into())
            });
            (platform.to_owned(), outcome)
        });
        outcomes.collect()
    });
    runtime.block_on(async {
        agent.shutdown().await;
        manager.shutdown().await;
        for fleet in fleets {
            fleet.shutdown().await;
        }
    });
    outcomes
}

/// Waits for two polls, drops the session, and waits for two more after exactly one more login.
fn drop_and_wait(device: &netwolf_simulator::DeviceHandle) {
    let polled = |more: u64, since: u64| {
        eventually(
            PATIENCE,
            &format!("{more} polls of {}", device.name()),
            || {
                let commands = device.commands();
                if commands >= since + more {
                    Ok(commands)
                } else {
                    Err(format!("{commands} commands, {} logins", device.logins()))
                }
            },
        )
    };
    polled(2, 0);
    let logins = device.logins();
    assert_eq!(logins, 1, "one login is enough for its life");
    device.drop_session();
    eventually(PATIENCE, "a new login", || {
        if device.logins() > logins {
            Ok(())
        } else {
            Err("none".into())
        }
    });
    // Its set-up commands count, too; two polls come after those.
    polled(8, device.commands());
    assert_eq!(device.logins(), logins + 1, "one more login is enough");
}
