//! The leases that a shard holds: what it may run, and for how long without a manager. Pure.
//!
//! Invariants: of two leases of a device only the one with the higher epoch is held; a revocation ends
//! exactly the epoch that it names; when nobody renews, all leases end together, the exclusive ones before the others.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use netwolf_wire::{
    DeviceName, Epoch,
    hash::Digest,
    job::Job,
    message::{Lease, Running},
};

use crate::link::machine::Autonomy;

/// What a new lease means for its device.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Assigned {
    /// A higher epoch is held: the message is an old one.
    Stale,
    /// The device is new here.
    New,
    /// The device was here before, with this job.
    Replaced(Arc<Job>),
}

#[derive(Debug)]
struct Held {
    epoch: Epoch,
    job: Arc<Job>,
    digest: Digest,
}

/// The lease table.
#[derive(Debug, Default)]
pub(super) struct Leases {
    /// Sorted, so that equal histories give equal messages.
    held: BTreeMap<DeviceName, Held>,
    /// From when the leases run: the moment at which the heartbeat that was answered last was sent.
    renewed: Option<Instant>,
    autonomy: Autonomy,
    n_exclusive: usize,
}

impl Leases {
    /// Takes in a lease.
    pub(super) fn assign(&mut self, lease: Lease) -> Assigned {
        let Lease { epoch, job } = lease;
        let digest = job.digest();
        let device = job.device.clone();
        if self
            .held
            .get(&device)
            .is_some_and(|held| held.epoch > epoch)
        {
            return Assigned::Stale;
        }
        self.n_exclusive += usize::from(job.exclusive);
        match self.held.insert(device, Held { epoch, job, digest }) {
            Some(old) => {
                self.n_exclusive -= usize::from(old.job.exclusive);
                Assigned::Replaced(old.job)
            }
            None => Assigned::New,
        }
    }

    /// Ends the lease of `device` if it is the one of `epoch`. Tells whether it was.
    pub(super) fn revoke(&mut self, device: &DeviceName, epoch: Epoch) -> bool {
        let named = self.holds(device, epoch);
        if named && let Some(held) = self.held.remove(device) {
            self.n_exclusive -= usize::from(held.job.exclusive);
        }
        named
    }

    /// The manager renewed all leases with the answer to a heartbeat that was sent at `sent`.
    pub(super) fn renew(&mut self, sent: Instant, autonomy: Autonomy) {
        self.renewed = Some(self.renewed.map_or(sent, |renewed| renewed.max(sent)));
        self.autonomy = autonomy;
    }

    /// When the first leases end unless they are renewed.
    pub(super) fn expiry(&self) -> Option<Instant> {
        let lapse = self.lapse(self.n_exclusive > 0);
        lapse.filter(|_| !self.held.is_empty())
    }

    /// Whether a lease for `job` that came now would be over already.
    pub(super) fn has_lapsed(&self, job: &Job, now: Instant) -> bool {
        self.lapse(job.exclusive).is_some_and(|lapse| now >= lapse)
    }

    fn lapse(&self, exclusive: bool) -> Option<Instant> {
        let autonomy = if exclusive {
            self.autonomy.exclusive
        } else {
            self.autonomy.ordinary
        };
        Some(self.renewed? + autonomy)
    }

    /// Ends leases if the manager has been silent for too long, and tells which they were.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<(DeviceName, Epoch)> {
        if self.expiry().is_none_or(|expiry| now < expiry) {
            return Vec::new();
        }
        let lapses = [false, true].map(|exclusive| self.lapse(exclusive));
        let is_over = |held: &Held| lapses[usize::from(held.job.exclusive)] <= Some(now);
        let over: Vec<_> = self
            .held
            .extract_if(.., |_, held| is_over(held))
            .map(|(device, held)| (device, held.epoch))
            .collect();
        self.n_exclusive = self.held.values().filter(|held| held.job.exclusive).count();
        over
    }

    /// What is run, for the hello of the next link.
    pub(super) fn running(&self) -> Vec<Running> {
        let running = |(device, held): (&DeviceName, &Held)| Running {
            device: device.clone(),
            epoch: held.epoch,
            job: held.digest,
        };
        self.held.iter().map(running).collect()
    }

    /// Whether the lease of `device` is the one of `epoch`.
    pub(super) fn holds(&self, device: &DeviceName, epoch: Epoch) -> bool {
        self.held
            .get(device)
            .is_some_and(|held| held.epoch == epoch)
    }

    /// How many are held.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// The plans that held jobs name.
    pub(super) fn plans(&self) -> impl Iterator<Item = Digest> {
        self.held.values().map(|held| held.job.plan)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use netwolf_wire::{
        Span,
        target::{HostKey, Login, Target},
    };

    use super::*;

    fn lease(device: &str, epoch: u64, port: u16) -> Lease {
        let job = Job {
            device: DeviceName::new(device).unwrap(),
            target: Target {
                address: "192.0.2.1".into(),
                port,
                login: Login {
                    credential: "c".into(),
                    username: "u".into(),
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
            },
            plan: Digest::of(&"plan"),
            exclusive: false,
        };
        Lease {
            epoch: Epoch(epoch),
            job: Arc::new(job),
        }
    }

    fn name(device: &str) -> DeviceName {
        DeviceName::new(device).unwrap()
    }

    #[test]
    fn a_newer_epoch_replaces_and_an_older_one_does_not() {
        let mut leases = Leases::default();
        assert_eq!(leases.assign(lease("r1", 5, 22)), Assigned::New);
        assert_eq!(leases.assign(lease("r1", 4, 23)), Assigned::Stale);
        let old = lease("r1", 5, 22).job;
        assert_eq!(leases.assign(lease("r1", 6, 23)), Assigned::Replaced(old));
        assert_eq!(leases.running()[0].epoch, Epoch(6));
    }

    #[test]
    fn a_revocation_ends_only_the_epoch_that_it_names() {
        let mut leases = Leases::default();
        leases.assign(lease("r1", 6, 22));
        assert!(!leases.revoke(&name("r1"), Epoch(5)));
        assert_eq!(leases.len(), 1);
        assert!(leases.revoke(&name("r1"), Epoch(6)));
        assert!(!leases.revoke(&name("r1"), Epoch(6)));
        assert_eq!(leases.len(), 0);
    }

    #[test]
    fn leases_that_nobody_renews_end_after_the_autonomy_time() {
        let start = Instant::now();
        let autonomy = Autonomy {
            ordinary: Duration::from_mins(1),
            exclusive: Duration::from_secs(4),
        };
        let mut leases = Leases::default();
        leases.renew(start, autonomy);
        leases.assign(lease("r1", 1, 22));
        leases.assign(lease("r2", 2, 22));
        assert!(
            leases
                .expire(start + Duration::from_millis(59_999))
                .is_empty()
        );
        // An answer to a heartbeat counts from when the heartbeat was sent, in whatever order they come.
        leases.renew(start + Duration::from_secs(10), autonomy);
        leases.renew(start + Duration::from_secs(5), autonomy);
        assert!(leases.expire(start + Duration::from_secs(69)).is_empty());
        assert_eq!(leases.expire(start + Duration::from_secs(70)).len(), 2);
        assert_eq!(leases.len(), 0);
        assert_eq!(leases.expiry(), None);
    }

    #[test]
    fn exclusive_leases_end_before_the_others() {
        let start = Instant::now();
        let secs = |secs| start + Duration::from_secs(secs);
        let mut leases = Leases::default();
        leases.renew(
            start,
            Autonomy {
                ordinary: Duration::from_mins(1),
                exclusive: Duration::from_secs(4),
            },
        );
        let exclusive = |device, epoch| {
            let Lease { epoch, job } = lease(device, epoch, 22);
            let mut job = (*job).clone();
            job.exclusive = true;
            let job = Arc::new(job);
            Lease { epoch, job }
        };
        leases.assign(lease("r1", 1, 22));
        assert_eq!(leases.expiry(), Some(secs(60)));
        leases.assign(exclusive("r1", 2));
        leases.assign(exclusive("r2", 3));
        leases.assign(lease("r3", 4, 22));
        assert_eq!(leases.expiry(), Some(secs(4)));
        assert!(leases.has_lapsed(&exclusive("r4", 5).job, secs(4)));
        assert!(!leases.has_lapsed(&lease("r4", 5, 22).job, secs(4)));
        leases.revoke(&name("r1"), Epoch(2));
        assert_eq!(leases.expiry(), Some(secs(4)), "r2 is there still");
        assert_eq!(leases.expire(secs(4)), [(name("r2"), Epoch(3))]);
        assert_eq!(leases.expiry(), Some(secs(60)));
    }
}
