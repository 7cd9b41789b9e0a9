//! What must hold, looked at after every step.
//!
//! | Invariant | Where |
//! |---|---|
//! | a lease is granted elsewhere only when its holder has given it up or was not heard of for the grace, or after a start for the settle time; its number is a new one | [`World::check_lease`] |
//! | a shard has at most one task for a device | [`World::start_task`] |
//! | no session outlives the autonomy of its shard | [`World::check`] |
//! | with `autonomy` below `takeover` no device has two sessions, and one that is exclusive never has | [`World::check_sessions_of`] |
//! | no sample is exposed under a lease that its session has not run under | [`World::check_sample`] |
//! | once nothing is wrong any more every device is polled again within the bound, by one session, and every sample that a session has brought since it began has arrived | [`World::look`] |
//!
//! A process that stands still cannot close anything: its sessions count again when it has gone on for as long as
//! closing takes.

use super::*;
use crate::settings::STOP_GRACE;

/// Timers and tasks are late by so much.
const SLACK: Duration = Duration::from_millis(100);

impl World {
    /// Whether a shard's process runs, and has run for long enough to have closed what had lapsed.
    fn is_awake(&self, shard: &Shard) -> bool {
        let agent = &self.agents[shard.agent];
        self.now >= agent.paused_until && self.now > agent.resumed_at + STOP_GRACE + SLACK
    }

    /// No session outlives its shard's autonomy.
    pub(super) fn check(&mut self) {
        let closed = STOP_GRACE + SLACK;
        let over = self.shards.iter().find(|shard| {
            let is_over = |session: &Session| {
                let autonomy = self.settings.autonomy_of(&session.device);
                let lapses = shard.contact.map(|at| at + autonomy);
                // A lease that comes when it has lapsed already is begun, and given up at once.
                session.is_live()
                    && self.now > session.began + closed
                    && lapses.is_some_and(|at| self.now > at + closed)
            };
            shard.sessions.values().any(is_over) && self.is_awake(shard)
        });
        if let Some(shard) = over {
            self.wrong = Some(format!(
                "{} has sessions although what it said last and was answered is {:?} ago",
                shard.id,
                self.now - shard.contact.unwrap_or(self.now)
            ));
        }
    }

    /// A session begins: it may be the device's second one only where that is allowed.
    pub(super) fn check_sessions_of(&mut self, device: &DeviceName) {
        let has_session = |shard: &&Shard| {
            let mut sessions = shard.sessions.values();
            sessions.any(|session| session.device == *device && session.is_live())
        };
        let holders: Vec<_> = self.shards.iter().filter(has_session).collect();
        if holders.len() < 2 {
            return;
        }
        self.summary.doubles += 1;
        let is_one = self.settings.is_strict() || settings::is_exclusive(device);
        if is_one && holders.iter().all(|shard| self.is_awake(shard)) {
            let holders: Vec<_> = holders.iter().map(|shard| shard.id.to_string()).collect();
            self.wrong = Some(format!(
                "{device} has sessions of {}",
                holders.join(" and ")
            ));
        }
    }

    /// A lease is another one.
    pub(super) fn check_lease(&mut self, device: &DeviceName, lease: Option<(ShardId, Epoch)>) {
        let Some((shard, epoch)) = lease else {
            self.tell(format_args!("{device} has no lease"));
            self.leases.remove(device);
            return;
        };
        let is_granted = self.granted.insert((device.clone(), epoch));
        let word = if is_granted { "is granted" } else { "is" };
        self.tell(format_args!("{device} {word} to {shard} under {epoch}"));
        self.mix(epoch.0);
        self.leases.insert(device.clone(), (shard.clone(), epoch));
        let former = self.holders.insert(device.clone(), shard.clone());
        if !is_granted {
            self.summary.adoptions += 1;
            return;
        }
        self.summary.grants += 1;
        if epoch <= self.last_epoch {
            self.wrong = Some(format!(
                "{device} is leased under {epoch} after {}",
                self.last_epoch
            ));
        }
        self.last_epoch = epoch;
        // One that had lost it to others before was out of touch then, and is closing its session by now.
        let former = self.shards.iter().find(|other| {
            former.as_ref() == Some(&other.id)
                && other.id != shard
                && other.keeps_until.is_some_and(|until| self.now < until)
                && other.sessions.values().any(|s| s.device == *device)
        });
        if let Some(former) = former {
            self.wrong = Some(format!(
                "{device} is leased to {shard}, and {} still has it and might come back for another {:?}",
                former.id,
                former.keeps_until.map(|until| until - self.now)
            ));
        }
    }

    /// A sample has come to the manager.
    pub(super) fn check_sample(&mut self, value: f64, is_exposed: bool) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "values are indices"
        )]
        let sample = &mut self.samples[value as usize];
        sample.has_arrived = true;
        let (at, life, task) = (sample.at, sample.life, sample.task);
        let shard = &self.shards[sample.shard];
        if !is_exposed || shard.life != life {
            return;
        }
        let Some(session) = shard.sessions.get(&task) else {
            return;
        };
        let is_current = self
            .leases
            .get(&session.device)
            .is_some_and(|(holder, epoch)| *holder == shard.id && session.epochs.contains(epoch));
        if !is_current {
            self.wrong = Some(format!(
                "a sample of {} that {} polled under {:?} is exposed under {:?}",
                session.device,
                shard.id,
                session.epochs,
                self.leases.get(&session.device)
            ));
        } else if self.healed_at.is_some_and(|healed| at >= healed) {
            self.exposed.insert(session.device.clone());
        }
    }

    /// Ends the world when all is well, or when that takes too long.
    pub(super) fn look(&mut self) {
        let Some(healed_at) = self.healed_at else {
            return;
        };
        let since = self.now - healed_at;
        match self.trouble() {
            None => {
                self.summary.healed_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
                self.is_over = true;
            }
            Some(trouble) if since > self.settings.bound() => {
                self.wrong = Some(format!("{trouble}, {since:?} after all was well"));
            }
            Some(_) => self.after(Duration::from_millis(250), Event::Look),
        }
    }

    /// What is not well yet.
    fn trouble(&self) -> Option<String> {
        for index in 0..self.settings.devices {
            let device = settings::device_name(index);
            let sessions: Vec<_> = self
                .shards
                .iter()
                .flat_map(|shard| shard.sessions.values().map(move |session| (shard, session)))
                .filter(|(_, session)| session.device == device)
                .collect();
            if !self.inventory.devices.contains_key(&device) {
                if self.leases.contains_key(&device) || !sessions.is_empty() {
                    return Some(format!("{device} is in no inventory and is still polled"));
                }
                continue;
            }
            let Some((holder, epoch)) = self.leases.get(&device) else {
                return Some(format!("{device} has no lease"));
            };
            let [(shard, session)] = sessions.as_slice() else {
                return Some(format!("{device} has {} sessions", sessions.len()));
            };
            if shard.id != *holder || session.epochs.last() != Some(epoch) {
                return Some(format!(
                    "{device} is polled under another lease than the one in force"
                ));
            }
            if session.state != State::Up || !self.exposed.contains(&device) {
                return Some(format!("{device} is not polled"));
            }
        }
        let lost = self.samples.iter().find(|sample| {
            let shard = &self.shards[sample.shard];
            sample.at + 2 * INTERVAL < self.now
                && !sample.has_arrived
                && shard.life == sample.life
                && shard.sessions.contains_key(&sample.task)
        });
        lost.map(|sample| {
            let shard = &self.shards[sample.shard];
            let at = sample.at - self.start;
            let (id, device) = (&shard.id, &shard.sessions[&sample.task].device);
            format!("a sample of {device} that {id} took at {at:?} has not arrived")
        })
    }
}
