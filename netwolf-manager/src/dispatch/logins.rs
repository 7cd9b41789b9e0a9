//! Who may log in when: what shards ask for and tell goes to the [`Breakers`](crate::breaker::Breakers), and
//! what those decide goes to the links.

use std::time::{Duration, Instant};

use netwolf_wire::{
    DeviceName, Epoch,
    login::{LoginAsk, LoginEnd},
    status::{DeviceStatus, Reason, SessionState},
    target::Login,
};

use super::{Action, Dispatcher};
use crate::{
    breaker::{self, CredentialView},
    fleet::LinkNo,
};

impl Dispatcher {
    /// Keeps up with the wall clock, by which people are told of times.
    pub fn tell_time(&mut self, now: Instant, unix_ms: u64) {
        self.breakers.tell_time(now, unix_ms);
    }

    /// Shards want to log in to devices; one that does not hold the lease is about to be told so. The epoch may be
    /// an older one: a lease that is granted anew to its holder leaves a login that is under way alone.
    pub fn handle_asks(&mut self, now: Instant, link: LinkNo, asks: Vec<LoginAsk>) {
        for ask in asks {
            let lease = self.reach(&ask.device);
            if lease.is_some_and(|(holder, _)| holder == link) {
                self.breakers.handle_ask(now, link, ask);
            }
        }
        self.flush();
    }

    /// A step is about to log in to a device with this, and has ended after so long.
    pub fn lend(&mut self, now: Instant, login: &Login, device: &DeviceName, time: Duration) {
        self.breakers.lend(now, login, device.clone(), now + time);
    }

    /// Logins have ended. They count under whatever lease: the device has said what it said.
    pub fn handle_ended(&mut self, now: Instant, link: LinkNo, logins: &[LoginEnd]) {
        if self.fleet.member_of(link).is_none() {
            return;
        }
        for login in logins {
            self.breakers.handle_ended(now, link, login);
        }
        self.flush();
    }

    /// An operator has asked for a reload.
    pub fn handle_reload(&mut self, now: Instant) {
        self.breakers.handle_reload(now);
        self.handle_timeout(now);
    }

    /// A shard tells of its sessions; what it tells under a lease that is not in force is left out.
    pub fn handle_statuses(&mut self, now: Instant, link: LinkNo, statuses: Vec<DeviceStatus>) {
        let Some(member) = self.fleet.member_of(link) else {
            return;
        };
        for mut status in statuses {
            let lease = self.leases.get(status.device.as_str());
            if lease.is_none_or(|l| l.holder != member || l.epoch != status.epoch) {
                continue;
            }
            let is_up = status.state == SessionState::Up;
            let is_on_the_way =
                lease.is_some_and(|l| l.revoking) || status.state == SessionState::Connecting;
            if !is_on_the_way {
                self.moves.end(&status.device);
            }
            self.breakers.handle_status(link, &status.device, is_up);
            let is_late = |reason| reason == Reason::LoginTimeout;
            if status.failure.as_ref().is_some_and(|f| is_late(f.reason)) {
                // The agent knows that no permit came, and only the breaker knows why.
                let held = self.breakers.hold_of(now, &status.device);
                status.failure = held.or(status.failure);
            }
            self.actions.push_back(Action::Status(status));
        }
    }

    /// Where a device can be told something, and under which lease.
    pub fn reach(&self, device: &DeviceName) -> Option<(LinkNo, Epoch)> {
        let lease = self.leases.get(device.as_str())?;
        let link = self.fleet.link_of(lease.holder)?;
        (!lease.revoking).then_some((link, lease.epoch))
    }

    /// The credentials as they are shown; `None` where nothing has changed since the last call, or
    /// that was just now.
    pub fn take_credentials(&mut self, now: Instant) -> Option<Vec<CredentialView>> {
        self.breakers.take_views(now)
    }

    /// When [`Self::take_credentials`] has something.
    pub fn poll_credentials(&self) -> Option<Instant> {
        self.breakers.poll_views()
    }

    pub(super) fn handle_logins_due(&mut self, now: Instant) {
        let (leases, fleet) = (&self.leases, &self.fleet);
        let reach = |device: &DeviceName| {
            let lease = leases.get(device.as_str()).filter(|l| !l.revoking)?;
            Some((fleet.link_of(lease.holder)?, lease.epoch))
        };
        self.breakers.handle_timeout(now, &reach);
    }

    /// Puts what the breakers decided into the outboxes.
    pub(super) fn hand_out_logins(&mut self) {
        while let Some(action) = self.breakers.poll_action() {
            match action {
                breaker::Action::Permit(link, ask) => {
                    if let Some(outbox) = self.outboxes.get_mut(&link) {
                        outbox.permits.push(ask);
                    }
                }
                breaker::Action::Probe(link, probe) => {
                    if let Some(outbox) = self.outboxes.get_mut(&link) {
                        outbox.probes.push(probe);
                    }
                }
                breaker::Action::Tell(breaker) => {
                    for outbox in self.outboxes.values_mut() {
                        outbox.breakers.push(breaker.clone());
                    }
                }
            }
        }
    }
}
