//! One simulated device of a platform, and recordings of it by the session engine.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use netwolf_agent::record::{Progress, Recording, Request, record};
use netwolf_manager::library::Library;
use netwolf_simulator::{
    DeviceHandle, Fleet, FleetConfig, Manner, Transcript, transcript::Recorded,
};
use netwolf_wire::{
    DeviceName, SecretRef, Span,
    platform::{Platform, Transport},
    status::Failure,
    target::{HostKey, Login, Target},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::lab::{self, PASSWORD};

/// The user of every simulated device.
const USER: &str = "netwolf";
/// What `enable` asks for.
pub(crate) const ENABLE: &str = "battery-staple";
/// Generous, because the machine may be loaded.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The bundled library.
pub(crate) static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::bundled().unwrap());

/// The bundled platform of that name.
pub(crate) fn bundled(name: &str) -> Platform {
    Platform::clone(LIBRARY.platform(name).unwrap())
}

/// The platform with a kept shell, as a file of the user's own makes it; shells have most of the manners.
pub(crate) fn with_shell(name: &str) -> Platform {
    Platform {
        transport: Transport::Shell,
        ..bundled(name)
    }
}

/// What a device says to `commands`, and before its first prompt.
pub(crate) fn transcript(
    platform: &str,
    greeting: &str,
    commands: &[(&str, String)],
) -> Transcript {
    Transcript {
        format: 1,
        platform: platform.into(),
        hostname: "sim-0001".into(),
        // No prompt of a transcript's own: the device then has its platform's prompts, in all modes.
        prompt: String::new(),
        before_prompt: greeting.into(),
        commands: commands
            .iter()
            .map(|(command, output)| Recorded {
                command: (*command).into(),
                output: output.clone(),
            })
            .collect(),
    }
}

/// A device, and a folder with its secrets.
pub(crate) struct Scene {
    runtime: Runtime,
    fleet: Option<Fleet>,
    /// How the session engine is told that the device behaves.
    pub(crate) platform: Platform,
    /// How it is told to log in.
    pub(crate) target: Target,
    _folder: TempDir,
}

impl Scene {
    /// A device that plays `transcript` with the manners of `platform`.
    pub(crate) fn play(platform: Platform, transcript: Transcript) -> Self {
        Self::start(platform, |config| {
            config.transcript = Some(Arc::new(transcript));
        })
    }

    /// A device of `platform`, with whatever `change` makes of it.
    pub(crate) fn start(platform: Platform, change: impl FnOnce(&mut FleetConfig)) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let mut config = FleetConfig::new(1, USER, PASSWORD);
        config.manner = platform.name.parse::<Manner>().unwrap();
        config.privileged = true;
        change(&mut config);
        let fleet = runtime.block_on(Fleet::start(config)).unwrap();
        let folder = lab::folder();
        let secret = |name: &str, value: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, value).unwrap();
            Some(SecretRef::File(path))
        };
        let device = &fleet.devices()[0];
        let target = Target {
            address: device.address().ip().to_string(),
            port: device.address().port(),
            login: Login {
                credential: "lab".into(),
                username: USER.into(),
                private_key: None,
                passphrase: None,
                ssh_agent: None,
                password: secret("password", PASSWORD),
                enable_secret: secret("enable", ENABLE),
                allow: Vec::new(),
            },
            host_key: HostKey::Pinned(device.host_key().to_owned()),
            connect_timeout: Span::from_secs(30),
            jump: None,
            legacy: platform.legacy.clone(),
            max_age: None,
        };
        Self {
            runtime,
            fleet: Some(fleet),
            platform,
            target,
            _folder: folder,
        }
    }

    /// The device.
    pub(crate) fn device(&self) -> &DeviceHandle {
        &self.fleet.as_ref().unwrap().devices()[0]
    }

    /// Logs in once and runs `commands`; `before` is told of each before it is typed.
    pub(crate) fn record_with(
        &self,
        commands: &[&str],
        timeout: Duration,
        mut before: impl FnMut(&str),
    ) -> Result<Recording, Failure> {
        let commands: Vec<String> = commands.iter().map(|command| (*command).into()).collect();
        let request = Request {
            device: &DeviceName::new("sim-0001").unwrap(),
            target: &self.target,
            platform: &self.platform,
            commands: &commands,
            timeout,
        };
        self.runtime.block_on(record(&request, |progress| {
            if let Progress::Running(command) = progress {
                before(command);
            }
        }))
    }

    /// Logs in once and runs `commands`, all of which must do.
    #[track_caller]
    pub(crate) fn record(&self, commands: &[&str]) -> Recording {
        let recording = self.record_with(commands, PATIENCE, |_| {}).unwrap();
        assert!(recording.failed.is_empty(), "{:?}", recording.failed);
        recording
    }

    /// Logs in once, and demands that `commands` show exactly what they should.
    #[track_caller]
    pub(crate) fn expect(&self, commands: &[(&str, String)]) -> Recording {
        let typed: Vec<&str> = commands.iter().map(|(command, _)| *command).collect();
        let recording = self.record(&typed);
        for (recorded, (command, expected)) in recording.transcript.commands.iter().zip(commands) {
            same(command, &recorded.output, expected);
        }
        assert_eq!(self.device().logins(), 1);
        recording
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(fleet) = self.fleet.take() {
            self.runtime.block_on(fleet.shutdown());
        }
    }
}

/// Demands that what was shown is what the device had to say, line by line.
#[track_caller]
pub(crate) fn same(command: &str, shown: &str, expected: &str) {
    let (shown, expected): (Vec<_>, Vec<_>) = (shown.lines().collect(), expected.lines().collect());
    let odd = shown.iter().zip(&expected).position(|(a, b)| a != b);
    if let Some(at) =
        odd.or((shown.len() != expected.len()).then_some(shown.len().min(expected.len())))
    {
        panic!(
            "\"{command}\" showed {} lines instead of {}; line {at} is {:?} instead of {:?}",
            shown.len(),
            expected.len(),
            shown.get(at),
            expected.get(at),
        );
    }
}

/// `count` lines that differ from each other.
pub(crate) fn lines(count: usize) -> String {
    (0..count).fold(String::new(), |text, n| {
        text + &format!(
            "Vlan{n:<6} 192.0.2.{:<3} up    {:>12} packets input\n",
            n % 256,
            n * 7919
        )
    })
}
