//! One device tries a credential that nobody else may try.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use netwolf_wire::{DeviceName, message::Probe};

use super::{
    super::{Action, HOLD, PROBE_DEADLINE, PROBE_PAUSE, PROBES, Within},
    Credential, State,
};

/// After so many probes in a row that were offered the credential and said neither yes nor no, the pause between
/// them grows: the servers behind them may count each as a failure.
const UNCLEAR_PROBES: u32 = 3;

/// So many devices have far places.
const MANY: usize = 16;

impl Credential {
    /// Whether the device has been told to try, and nobody else has got the permit.
    pub(super) fn is_probing(&self, device: &DeviceName) -> bool {
        matches!(&self.state, State::HalfOpen { probes, .. } if probes.contains(device))
    }

    /// A device that was told to try decides nothing; tells whether it was. Others may have been told too.
    pub(super) fn lose_probe(&mut self, now: Instant, device: &DeviceName) -> bool {
        let is_probe = self.is_probing(device);
        if let State::HalfOpen { probes, .. } = &mut self.state {
            probes.retain(|probe| probe != device);
            if probes.is_empty() {
                self.probe_decided_nothing(now);
            }
        }
        is_probe
    }

    pub(super) fn probe_decided_nothing(&mut self, now: Instant) {
        if let State::HalfOpen {
            since, refused_at, ..
        } = self.state
        {
            let doublings = self.n_unclear.saturating_sub(UNCLEAR_PROBES).min(16);
            let pause: Duration = (PROBE_PAUSE * (1 << doublings)).min(HOLD);
            self.state = State::Open {
                since,
                refused_at,
                probe_at: now + pause,
            };
        }
    }

    /// Tells some devices to try, of which the first that asks gets the permit: those that did not refuse if there
    /// are such, each in its turn. One that refused is told only if an operator wants it, or if nobody is logged
    /// in who may need the credential later: it would refuse again and keep the breaker open for all.
    pub(super) fn probe(
        &mut self,
        now: Instant,
        within: &Within<'_>,
        actions: &mut VecDeque<Action>,
    ) {
        let State::Open {
            since, refused_at, ..
        } = self.state
        else {
            return;
        };
        let n = self.devices.len();
        let stride = stride(n);
        let in_turn = (0..n).map(|turn| (self.next_probe + turn * stride) % n);
        let (mut refusers, mut others) = (Vec::new(), Vec::new());
        let mut is_up = false;
        for at in in_turn {
            let device = &self.devices[at];
            if (within.is_up)(device) {
                is_up = true;
                continue;
            }
            let has_refused = self.refused.contains_key(device);
            if has_refused && refusers.len() >= PROBES {
                continue;
            }
            let Some((link, epoch)) = (within.reach)(device) else {
                continue;
            };
            if has_refused {
                refusers.push((at, link, epoch));
            } else {
                others.push((at, link, epoch));
                if others.len() >= PROBES {
                    break;
                }
            }
        }
        let may_refusers_try = self.is_asked || (now >= refused_at + HOLD && !is_up);
        let chosen = if others.is_empty() && may_refusers_try {
            refusers
        } else {
            others
        };
        let Some((last, ..)) = chosen.last() else {
            // Nobody needs the credential now who could say anything new.
            self.state = State::Open {
                since,
                refused_at,
                probe_at: now + PROBE_PAUSE,
            };
            return;
        };
        self.next_probe = last + stride;
        let mut probes = Vec::new();
        for (at, link, epoch) in chosen {
            let device = self.devices[at].clone();
            probes.push(device.clone());
            let credential = self.name().to_owned();
            let probe = Probe {
                device,
                epoch,
                credential,
            };
            actions.push_back(Action::Probe(link, probe));
        }
        self.state = State::HalfOpen {
            since,
            refused_at,
            probes,
            is_granted: false,
            until: now + PROBE_DEADLINE,
        };
    }
}

/// From the place of one probe to that of the next, among `n` devices in the order of their names: neighbours by name
/// share a site, a hand and a mistake, so one that refused says little of devices far away. It visits each once
/// in `n` turns, because it has no divisor in common with `n`.
fn stride(n: usize) -> usize {
    if n < MANY {
        return 1;
    }
    // The golden section, which keeps places apart whatever their number.
    (n * 618 / 1_000..n)
        .find(|stride| divisor(*stride, n) == 1)
        .expect("a number shares no divisor with the one before it")
}

/// The greatest common divisor.
fn divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_go_far_and_to_each_device_once() {
        for n in (1..200).chain([1_000, 1_024, 50_000]) {
            let stride = stride(n);
            let mut visited: Vec<_> = (0..n).map(|turn| turn * stride % n).collect();
            visited.sort_unstable();
            assert!(visited.into_iter().eq(0..n), "{n}");
            let is_far = (n / 2..n * 3 / 4).contains(&stride);
            assert!(n < MANY || is_far, "{n}: {stride}");
        }
    }
}
