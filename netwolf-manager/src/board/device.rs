//! One device as it is shown, shared by the core, the link of its shard and every series of it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
};

use netwolf_wire::{
    DeviceName, Epoch, Incarnation, ShardId,
    job::Plan,
    legacy::Legacy,
    platform::Platform,
    status::{DeviceStatus, Reason, SessionState},
    target::HostKey,
};

use super::lock;
use crate::{
    clock::{Tick, patience_ms},
    inventory::Device,
};

/// A device of the inventory.
#[derive(Debug)]
pub struct DeviceSlot {
    /// Its name.
    pub name: DeviceName,
    /// The lease in force, 0 without one: results of any other are dropped.
    epoch: AtomicU64,
    last_poll: AtomicU64,
    last_success_ms: AtomicU64,
    interval_ms: AtomicU64,
    left: AtomicBool,
    n_series: AtomicU32,
    /// Until this tick nothing has to be known of it, 0 once something is: see [`DeviceView::is_known`].
    unknown_until: AtomicU64,
    shown: Mutex<Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    about: About,
    plan: Option<Arc<Plan>>,
    shard: Option<ShardId>,
    life: Option<Incarnation>,
    status: Option<DeviceStatus>,
}

/// What the inventory says of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// IP address or DNS name.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// The platform's name.
    pub platform: String,
    /// The group, if it is in one.
    pub group: Option<String>,
    /// The collectors that run on it.
    pub collectors: Vec<String>,
    /// For people and for joins in Prometheus.
    pub labels: BTreeMap<String, String>,
    /// The credential that it is logged in to with.
    pub credential: String,
    /// Which host key is accepted; `None` before anything is known.
    pub host_key: Option<HostKey>,
    /// The machine that it is reached through.
    pub jump: Option<JumpHost>,
    /// Algorithms that are on because they are named for it.
    pub legacy: Vec<Legacy>,
}

/// The machine that a device is reached through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JumpHost {
    /// IP address or DNS name.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// The credential that it is logged in to with.
    pub credential: String,
}

/// A device at one moment.
#[derive(Clone, Copy, Debug)]
pub struct DeviceView<'a> {
    /// Its name.
    pub name: &'a DeviceName,
    /// What the inventory says.
    pub about: &'a About,
    /// Who has its lease.
    pub shard: Option<&'a ShardId>,
    /// The lease.
    pub epoch: Option<Epoch>,
    /// What the agent told last, under the present holder.
    pub status: Option<&'a DeviceStatus>,
    /// Unix time in milliseconds of the last result that counted.
    pub last_success_ms: Option<u64>,
    /// The session is up and results come in.
    pub up: bool,
    /// Whether [`Self::up`] means anything: after a restart of the manager devices are polled as before, and
    /// until their shard is back and tells so, "not up" would be a false alarm.
    pub is_known: bool,
}

impl DeviceView<'_> {
    /// The session's state, or that there is nobody to have one.
    pub fn state(&self) -> &'static str {
        match (self.shard, self.status) {
            (None, _) => UNASSIGNED,
            // Leased, and nothing told yet: the agent is about to log in.
            (Some(_), None) => SessionState::Connecting.as_str(),
            (Some(_), Some(status)) if is_mismatch(status) => HOST_KEY_MISMATCH,
            (Some(_), Some(status)) => status.state.as_str(),
        }
    }
}

/// The state of a device that no shard has.
pub const UNASSIGNED: &str = "unassigned";

/// The state of a device that is not logged in to because its SSH host key is another one: unlike in any other
/// backoff, somebody may be listening in.
pub const HOST_KEY_MISMATCH: &str = "host_key_mismatch";

fn is_mismatch(status: &DeviceStatus) -> bool {
    let reason = status.failure.as_ref().map(|failure| failure.reason);
    status.state == SessionState::Backoff && reason == Some(Reason::HostKeyMismatch)
}

/// Every state that a device can be in, as it is written.
pub fn states() -> impl Iterator<Item = &'static str> {
    let sessions = SessionState::ALL.iter().map(|state| state.as_str());
    sessions.chain([HOST_KEY_MISMATCH, UNASSIGNED])
}

impl DeviceSlot {
    pub(super) fn new(name: DeviceName) -> Self {
        Self {
            name,
            epoch: AtomicU64::new(0),
            last_poll: AtomicU64::new(0),
            last_success_ms: AtomicU64::new(0),
            interval_ms: AtomicU64::new(0),
            left: AtomicBool::new(false),
            n_series: AtomicU32::new(0),
            unknown_until: AtomicU64::new(0),
            shown: Mutex::default(),
        }
    }

    pub(super) fn set_about(&self, device: &Device, plan: Option<&Arc<Plan>>) {
        let interval = u64::try_from(device.interval.get().as_millis()).unwrap_or(u64::MAX);
        self.interval_ms.store(interval, Relaxed);
        let target = &device.job.target;
        let mut shown = lock(&self.shown);
        shown.plan = plan.cloned();
        shown.about = About {
            address: target.address.clone(),
            port: target.port,
            platform: device.platform.clone(),
            group: device.group.clone(),
            collectors: device.collectors.clone(),
            labels: device.labels.clone(),
            credential: target.login.credential.clone(),
            host_key: Some(target.host_key.clone()),
            jump: target.jump.as_ref().map(|jump| JumpHost {
                address: jump.address.clone(),
                port: jump.port,
                credential: jump.login.credential.clone(),
            }),
            legacy: target.legacy.clone(),
        };
    }

    /// The commands that are polled.
    pub fn commands(&self) -> Vec<String> {
        let plan = lock(&self.shown).plan.clone();
        let commands = plan.iter().flat_map(|plan| &plan.commands);
        commands.map(|command| command.text.clone()).collect()
    }

    pub(super) fn leave(&self) {
        self.left.store(true, Relaxed);
        self.epoch.store(0, Relaxed);
    }

    /// Whether it is no longer in the inventory.
    pub fn has_left(&self) -> bool {
        self.left.load(Relaxed)
    }

    /// Another lease is in force. Under another holder, nothing is known of the session until it tells.
    pub fn set_lease(&self, lease: Option<(ShardId, Epoch)>) {
        let (shard, epoch) = lease.unzip();
        // Both under the lock, so that whoever asks for the lease finds what belongs together.
        let mut shown = lock(&self.shown);
        self.epoch.store(epoch.map_or(0, |epoch| epoch.0), Relaxed);
        if shown.shard != shard {
            shown.shard = shard;
            shown.status = None;
        }
    }

    /// Nothing is known of it until it is heard of or [`Self::gathered`].
    pub(super) fn await_news(&self) {
        self.unknown_until.store(u64::MAX, Relaxed);
    }

    /// The shards of before are back, or are not waited for any more. Nobody polls a device that no shard has;
    /// the others have until their next results to be heard of.
    pub(super) fn gathered(&self, now: Tick) {
        let has_shard = lock(&self.shown).shard.is_some();
        let until = if has_shard {
            now.0 + patience_ms(self.interval_ms.load(Relaxed))
        } else {
            0
        };
        // Never later than it is, which may be 0 already.
        self.unknown_until.fetch_min(until, Relaxed);
    }

    /// The agent told of the session, under the lease in force.
    pub fn set_status(&self, status: DeviceStatus) {
        // A session that is up is polled: whether with success is known at the next result.
        if !status.state.is_well() {
            self.unknown_until.store(0, Relaxed);
        }
        lock(&self.shown).status = Some(status);
    }

    /// Which life of its shard has the lease: a later one does not, until it is granted anew.
    pub fn set_life(&self, life: Option<Incarnation>) {
        lock(&self.shown).life = life;
    }

    /// The lease in force, who has it, and which life of theirs, where that is known.
    pub fn lease(&self) -> Option<(ShardId, Epoch, Option<Incarnation>)> {
        let shown = lock(&self.shown);
        let epoch = self.epoch.load(Relaxed);
        let shard = shown.shard.clone().filter(|_| epoch != 0)?;
        Some((shard, Epoch(epoch), shown.life))
    }

    /// Its platform, and the credential of its session; `None` before anything is known.
    pub fn typed_on(&self) -> Option<(Arc<Platform>, String)> {
        let shown = lock(&self.shown);
        let platform = shown.plan.as_ref()?.platform.clone();
        Some((platform, shown.about.credential.clone()))
    }

    /// Whether `epoch` is in force; then results under it count.
    pub fn accepts(&self, epoch: Epoch) -> bool {
        epoch.0 != 0 && self.epoch.load(Relaxed) == epoch.0
    }

    /// A result came in at `now` that was whole at `time_ms`, Unix time.
    pub fn polled(&self, now: Tick, time_ms: u64) {
        self.last_poll.store(now.0, Relaxed);
        self.unknown_until.store(0, Relaxed);
        self.last_success_ms.fetch_max(time_ms, Relaxed);
    }

    /// Counts a new series of the device; refuses it when there are `most` already.
    pub fn add_series(&self, most: u32) -> bool {
        let add = |n: u32| (n < most).then_some(n + 1);
        self.n_series.fetch_update(Relaxed, Relaxed, add).is_ok()
    }

    /// A series of the device is gone.
    pub fn remove_series(&self) {
        self.n_series.fetch_sub(1, Relaxed);
    }

    /// Calls `f` with the device at this moment; `f` should be short, since the core waits for it.
    pub fn inspect<R>(&self, now: Tick, f: impl FnOnce(DeviceView<'_>) -> R) -> R {
        let shown = lock(&self.shown);
        let (epoch, last) = (self.epoch.load(Relaxed), self.last_success_ms.load(Relaxed));
        let is_up = shown.status.as_ref().is_some_and(|s| s.state.is_well());
        let patience = patience_ms(self.interval_ms.load(Relaxed));
        f(DeviceView {
            name: &self.name,
            about: &shown.about,
            shard: shown.shard.as_ref(),
            epoch: (epoch != 0).then_some(Epoch(epoch)),
            status: shown.status.as_ref(),
            last_success_ms: (last != 0).then_some(last),
            up: is_up && Tick(self.last_poll.load(Relaxed)).is_within(patience, now),
            is_known: now.0 >= self.unknown_until.load(Relaxed),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_key_mismatch_is_a_state_of_its_own() {
        let status = |state, reason| DeviceStatus {
            device: "sw-1".parse().unwrap(),
            epoch: Epoch(1),
            state,
            since_ms: 0,
            failure: Some(netwolf_wire::status::Failure {
                reason,
                message: String::new(),
                hint: None,
            }),
            failures: 1,
            next_attempt_ms: None,
            login_seconds: None,
            failing: Vec::new(),
        };
        assert!(is_mismatch(&status(
            SessionState::Backoff,
            Reason::HostKeyMismatch
        )));
        assert!(!is_mismatch(&status(
            SessionState::Connecting,
            Reason::HostKeyMismatch
        )));
        assert!(!is_mismatch(&status(
            SessionState::Backoff,
            Reason::AuthFailed
        )));
        assert!(states().any(|state| state == HOST_KEY_MISMATCH));
    }
}
