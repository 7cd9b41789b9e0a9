//! Faults by a timetable, from a small file: which devices, when, for how long, how often.
//!
//! ```yaml
//! seed: 7
//! steps:
//!   - at: 5s
//!     devices: "sim-00*"
//!     fault: { latency: 200ms }
//!     for: 10s
//!   - at: 20s
//!     every: 30s
//!     devices: "*"
//!     pick: 3
//!     choose:
//!       - hang
//!       - { flood: 10MB }
//!       - { reboot: 5s }
//!     for: 5s
//! ```
//!
//! YAML, or JSON, which is YAML too. A step happens at `at`, and again each `every`, to the devices
//! whose names match the glob `devices`, or to `pick` of them. What happens is `fault`, or one of
//! `choose`, another choice each time. After `for` the fault is taken back; without it, it stays.
//!
//! Invariant: what happens follows from the file, the names of the devices and nothing else: the
//! same seed plays the same scenario.

mod read;
mod remedy;
mod timeline;

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::fleet::Fleet;

pub use read::ScenarioError;
pub use remedy::{Action, Change};
pub use timeline::{Event, Timeline};

/// A timetable of faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// From which all choices follow.
    pub seed: u64,
    /// What happens.
    pub steps: Vec<Step>,
}

/// One line of the timetable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When, after the begin.
    pub at: Duration,
    /// How often again; none for once.
    pub every: Option<Duration>,
    /// A glob over the devices' names: `*` stands for any text, `?` for one character.
    pub devices: String,
    /// So many of them, chosen each time; none for all.
    pub pick: Option<usize>,
    /// What happens: one of these, chosen each time. There is at least one.
    pub choose: Vec<Action>,
    /// After so long it is taken back; none for never.
    pub lasts: Option<Duration>,
}

impl Scenario {
    /// Reads the text of a scenario file.
    ///
    /// # Errors
    ///
    /// When it is not one; the message has line and key, and what may stand there.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        read::read(text)
    }

    /// Plays it on `fleet`, and tells each event as it happens. Ends when nothing is left to come;
    /// with a step that repeats, never.
    pub async fn play(&self, fleet: &Fleet, mut tell: impl FnMut(&Event)) {
        let names = fleet
            .devices()
            .iter()
            .map(|device| device.name().to_owned());
        let begin = Instant::now();
        for event in Timeline::new(self, names.collect()) {
            sleep_until(begin + event.at).await;
            if let Some(device) = fleet.devices().get(event.device) {
                tell(&event);
                event.change.apply(device);
            }
        }
    }
}
