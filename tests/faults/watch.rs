//! What the devices see of being polled: when, and how long they waited, each for itself.
//!
//! A thread looks at all devices every few milliseconds; that is how exact the times are.
//! The commands that set a session up after a login are no polls and are left out.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use netwolf_simulator::DeviceHandle;

use crate::lab::Devices;

/// From one look to the next.
const LOOK: Duration = Duration::from_millis(10);

/// How long ago a device may have been polled so that it counts as polled.
const FRESH: Duration = Duration::from_secs(2);

/// A wait of a device from one poll to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gap {
    pub(crate) length: Duration,
    /// When it was over, counted from the mark.
    pub(crate) end: Duration,
}

/// One device, as the thread sees it.
struct Pulse {
    device: DeviceHandle,
    polls: u64,
    last: Instant,
    gaps: Vec<Gap>,
}

struct Pulses {
    mark: Instant,
    devices: Vec<Pulse>,
}

/// The thread; it ends with this.
pub(crate) struct Watch {
    pulses: Arc<Mutex<Pulses>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Watches `devices`.
    pub(crate) fn start(devices: &Devices) -> Self {
        let now = Instant::now();
        let pulse = |device: &DeviceHandle| Pulse {
            device: device.clone(),
            polls: 0,
            last: now,
            gaps: Vec::new(),
        };
        let pulses = Arc::new(Mutex::new(Pulses {
            mark: now,
            devices: devices.fleet().devices().iter().map(pulse).collect(),
        }));
        let ends = Arc::new(AtomicBool::new(false));
        let (looks_at, told) = (pulses.clone(), ends.clone());
        let thread = thread::spawn(move || {
            while !told.load(Relaxed) {
                looks_at.lock().unwrap().look();
                thread::park_timeout(LOOK);
            }
        });
        Self {
            pulses,
            ends,
            thread: Some(thread),
        }
    }

    /// The share of the devices that were polled in the last two seconds.
    pub(crate) fn fresh(&self) -> f64 {
        self.n_fresh() as f64 / self.pulses.lock().unwrap().devices.len() as f64
    }

    /// How many devices were polled in the last two seconds.
    pub(crate) fn n_fresh(&self) -> usize {
        let pulses = self.pulses.lock().unwrap();
        let fresh = |pulse: &&Pulse| pulse.polls > 0 && pulse.last.elapsed() < FRESH;
        pulses.devices.iter().filter(fresh).count()
    }

    /// From now on gaps are counted; one that lasts belongs to them.
    pub(crate) fn mark(&self) {
        let mut pulses = self.pulses.lock().unwrap();
        pulses.look();
        pulses.mark = Instant::now();
        for pulse in &mut pulses.devices {
            pulse.gaps.clear();
        }
    }

    /// The gaps since the mark by device, those included that last.
    pub(crate) fn gaps(&self) -> Gaps {
        let mut pulses = self.pulses.lock().unwrap();
        pulses.look();
        let now = Instant::now();
        let end = now - pulses.mark;
        let gaps = |pulse: &Pulse| {
            let lasting = Gap {
                length: now - pulse.last,
                end,
            };
            let all = pulse.gaps.iter().copied().chain([lasting]).collect();
            (pulse.device.name().to_owned(), all)
        };
        Gaps(pulses.devices.iter().map(gaps).collect())
    }

    /// Polls of each device.
    pub(crate) fn counts(&self) -> Vec<u64> {
        let mut pulses = self.pulses.lock().unwrap();
        pulses.look();
        pulses.devices.iter().map(|pulse| pulse.polls).collect()
    }

    /// All polls of all devices.
    pub(crate) fn polls(&self) -> u64 {
        let mut pulses = self.pulses.lock().unwrap();
        pulses.look();
        pulses.devices.iter().map(|pulse| pulse.polls).sum()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ends.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Pulses {
    fn look(&mut self) {
        let now = Instant::now();
        for pulse in &mut self.devices {
            let polls = pulse.device.shown();
            if polls > pulse.polls {
                pulse.gaps.push(Gap {
                    length: now - pulse.last,
                    end: now.saturating_duration_since(self.mark),
                });
                pulse.polls = polls;
                pulse.last = now;
            }
        }
    }
}

/// Gaps by device; the last of each lasts.
#[derive(Clone, Debug)]
pub(crate) struct Gaps(BTreeMap<String, Vec<Gap>>);

impl Gaps {
    /// Those of the devices that `belongs` says.
    pub(crate) fn of(&self, belongs: impl Fn(&str) -> bool) -> Self {
        let some = self.0.iter().filter(|(device, _)| belongs(device));
        Self(
            some.map(|(name, gaps)| (name.clone(), gaps.clone()))
                .collect(),
        )
    }

    /// The time since the mark.
    pub(crate) fn span(&self) -> Duration {
        let last = self.0.values().filter_map(|gaps| gaps.last());
        last.map(|gap| gap.end).max().unwrap_or_default()
    }

    /// How many devices.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Devices that were not polled since the mark.
    pub(crate) fn silent(&self) -> usize {
        self.0.values().filter(|gaps| gaps.len() == 1).count()
    }

    /// Devices that never waited for longer than `bound`.
    pub(crate) fn regular(&self, bound: Duration) -> usize {
        self.worst().filter(|gap| gap.length < bound).count()
    }

    /// The devices that waited for longer than `bound`, with the longest wait of each.
    pub(crate) fn over(&self, bound: Duration) -> Vec<(&str, Gap)> {
        let longest = self.0.iter().filter_map(|(device, gaps)| {
            let longest = gaps.iter().max().copied();
            longest.map(|gap| (device.as_str(), gap))
        });
        longest.filter(|(_, gap)| gap.length >= bound).collect()
    }

    /// The longest gap of all.
    pub(crate) fn longest(&self) -> Duration {
        self.worst().map(|gap| gap.length).max().unwrap_or_default()
    }

    /// The longest gap of each device.
    fn worst(&self) -> impl Iterator<Item = Gap> {
        self.0
            .values()
            .filter_map(|gaps| gaps.iter().max().copied())
    }

    /// After the mark, when the longest gap was over: of `share` of the devices, the quickest first.
    pub(crate) fn polled_again(&self, share: f64) -> Duration {
        quantile(self.worst().map(|gap| gap.end).collect(), share)
    }

    /// The `share` quantile of all gaps that are over.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let over = self.0.values().flat_map(|gaps| &gaps[..gaps.len() - 1]);
        quantile(over.map(|gap| gap.length).collect(), share)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a length is a place in it"
)]
fn quantile(mut times: Vec<Duration>, share: f64) -> Duration {
    times.sort_unstable();
    let place = (times.len() as f64 * share).ceil() as usize;
    times
        .get(place.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}
