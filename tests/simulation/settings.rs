//! What a seed is made of: how large its world is, which times are kept and how long it is troubled.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use netwolf_manager::{
    config::Timing,
    inventory::{Device, Inventory},
};
use netwolf_wire::{
    DeviceName, Span,
    job::{Command, Job, Plan},
    platform::{Platform, Transport},
    rule::{Matches, Metric, RegexSource, Rule},
    series::Kind,
    target::{HostKey, Login, Target},
};

use crate::random::Random;

/// A device is polled so often.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// A task that was told to stop is cut off after so long.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(1);

/// The settings of one world.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) timing: Timing,
    /// How many shards each agent has.
    pub(crate) agents: Vec<u16>,
    pub(crate) devices: usize,
    /// Faults come for so long.
    pub(crate) troubled: Duration,
    /// From one fault to the next, at most.
    pub(crate) pause_ms: u64,
}

impl Settings {
    /// Those of a seed.
    pub(crate) fn draw(random: &mut Random) -> Self {
        let secs = Duration::from_secs;
        let is_strict = random.one_in(3);
        let takeover = random.number(3, 7);
        let autonomy = if is_strict {
            random.ms(2_000, takeover * 1000 - 500)
        } else {
            random.ms(takeover * 1000, 15_000)
        };
        let timing = Timing {
            heartbeat: Duration::from_millis([500, 1000][random.index(2)]),
            link_grace: random.ms(1_000, 2_500),
            takeover: secs(takeover),
            autonomy,
            settle: random.ms(1_000, 10_000),
        };
        let agents = match random.number(0, 3) {
            0 => vec![1, 1, 1],
            1 => vec![2, 1],
            2 => vec![2, 2],
            _ => vec![1, 2, 2],
        };
        Self {
            timing,
            agents,
            devices: if random.one_in(8) {
                random.index(31) + 30
            } else {
                random.index(9) + 4
            },
            troubled: secs(random.number(10, 40)),
            pause_ms: [700, 2_000, 5_000][random.index(3)],
        }
    }

    /// Whether no device may ever have two sessions.
    pub(crate) fn is_strict(&self) -> bool {
        self.timing.autonomy < self.timing.takeover
    }

    /// How long a shard polls a device without the manager.
    pub(crate) fn autonomy_of(&self, device: &DeviceName) -> Duration {
        let Timing {
            heartbeat,
            takeover,
            autonomy,
            ..
        } = self.timing;
        let exclusive = takeover.saturating_sub(Duration::from_millis(1_500));
        if is_exclusive(device) {
            autonomy.min(exclusive.max(2 * heartbeat))
        } else {
            autonomy
        }
    }

    /// Once nothing is wrong any more, every device is polled again after so long.
    pub(crate) fn bound(&self) -> Duration {
        let secs = Duration::from_secs;
        let Timing {
            heartbeat,
            link_grace,
            takeover,
            autonomy,
            settle,
        } = self.timing;
        let lapse = if self.is_strict() {
            autonomy + secs(2)
        } else {
            Duration::ZERO
        };
        let fence = (heartbeat * 2 + secs(2)).max(takeover);
        // A link that only looks alive is seen to be dead; an attempt to connect or to say hello may be stuck.
        let linked = takeover + heartbeat + secs(5) + secs(5) + 2 * secs(2);
        // Whoever does not come back is waited for, and after a restart all are.
        let placed =
            takeover.max(link_grace).max(lapse).max(fence) + settle.max(lapse).max(fence) + secs(2);
        // Sessions are closed where devices move, and logins are let through few at a time.
        let up = 2 * STOP_GRACE + secs(10);
        // A clock that went back keeps samples out until what is held is stale.
        linked + placed + up + secs(5) + 2 * INTERVAL
    }
}

/// The devices that a configuration names, those of `left_out` excepted; devices at another port have another job.
pub(crate) fn inventory(devices: usize, port_of: impl Fn(usize) -> Option<u16>) -> Arc<Inventory> {
    let plan = Arc::new(plan());
    let digest = plan.digest();
    let device = |index: usize| {
        let name = device_name(index);
        let job = Job {
            device: name.clone(),
            target: target(port_of(index)?),
            plan: digest,
            exclusive: is_exclusive(&name),
        };
        let device = Device {
            digest: job.digest(),
            job: Arc::new(job),
            platform: "linux".into(),
            group: None,
            labels: BTreeMap::new(),
            collectors: vec!["load".into()],
            interval: INTERVAL.into(),
        };
        Some((name, device))
    };
    Arc::new(Inventory {
        devices: (0..devices).filter_map(device).collect(),
        plans: BTreeMap::from([(digest, plan)]),
        catalogue: Arc::default(),
    })
}

/// Whether it may never have two sessions: every third or so.
pub(crate) fn is_exclusive(device: &DeviceName) -> bool {
    device.as_str().ends_with(['0', '3', '6', '9'])
}

/// Its name.
pub(crate) fn device_name(index: usize) -> DeviceName {
    let name = format!("d{index:02}");
    name.parse().expect("it is a good name")
}

fn target(port: u16) -> Target {
    Target {
        address: "192.0.2.1".into(),
        port,
        login: Login {
            credential: "monitoring".into(),
            username: "netwolf".into(),
            private_key: None,
            passphrase: None,
            password: None,
            enable_secret: None,
            ssh_agent: None,
            allow: Vec::new(),
        },
        host_key: HostKey::AcceptNew,
        connect_timeout: Span::from_secs(5),
        jump: None,
        legacy: Vec::new(),
        max_age: None,
    }
}

/// One command that shows one number.
fn plan() -> Plan {
    let rule = Rule {
        name: "load".into(),
        regex: Some(RegexSource {
            patterns: vec![r"(?P<value>\d+)".into()],
            matches: Matches::First,
            blocks: None,
        }),
        metrics: vec![Metric {
            value: Some("value".into()),
            ..Metric::new("netwolf_load", Kind::Gauge, "Load.")
        }],
        ..Rule::default()
    };
    Plan {
        platform: Arc::new(Platform::new("linux", Transport::Exec)),
        commands: vec![Command {
            text: "show load".into(),
            collectors: vec!["load".into()],
            interval: INTERVAL.into(),
            timeout: Span::from_secs(1),
            rules: vec![rule],
        }],
    }
}
