//! A scenario unrolled: events in the order in which they happen. No clock, no IO.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::time::Duration;

use super::remedy::{Action, Change};
use super::{Scenario, Step};
use crate::laws;

/// Something that happens to one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, after the begin.
    pub at: Duration,
    /// To which device, as a number from 0.
    pub device: usize,
    /// The device's name.
    pub name: String,
    /// What.
    pub change: Change,
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at.as_secs_f64();
        write!(formatter, "t=+{seconds:.1}s {}: {}", self.name, self.change)
    }
}

/// What is due; ordered by time, then ends before begins, then by step and device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// A device's action is over.
    End {
        at: Duration,
        step: usize,
        device: usize,
        choice: usize,
    },
    /// A step's turn has come.
    Turn {
        at: Duration,
        step: usize,
        round: u64,
    },
}

/// Time; 0 for ends, which come first; step; device.
type Rank = (Duration, u8, usize, usize);

impl Due {
    fn rank(&self) -> Rank {
        match self {
            Self::End {
                at, step, device, ..
            } => (*at, 0, *step, *device),
            Self::Turn { at, step, .. } => (*at, 1, *step, 0),
        }
    }
}

/// The events of a scenario, in order; endless where a step repeats.
///
/// What waits is bounded by the number of devices and steps: a step's next round is only made when
/// the last one is told.
#[derive(Debug)]
pub struct Timeline {
    scenario: Scenario,
    names: Vec<String>,
    due: BinaryHeap<Reverse<(Rank, Due)>>,
    /// Events of the turn that was worked out last, the next one at the end.
    ready: Vec<Event>,
}

impl Timeline {
    /// The events that `scenario` means for devices of these names.
    pub fn new(scenario: &Scenario, names: Vec<String>) -> Self {
        let mut timeline = Self {
            scenario: scenario.clone(),
            names,
            due: BinaryHeap::new(),
            ready: Vec::new(),
        };
        for (step, at) in scenario.steps.iter().map(|step| step.at).enumerate() {
            timeline.push(Due::Turn { at, step, round: 0 });
        }
        timeline
    }

    fn push(&mut self, due: Due) {
        self.due.push(Reverse((due.rank(), due)));
    }

    fn event(&self, at: Duration, device: usize, change: Change) -> Event {
        let name = self.names.get(device).cloned().unwrap_or_default();
        Event {
            at,
            device,
            name,
            change,
        }
    }

    /// Works one turn of a step out.
    fn turn(&mut self, at: Duration, number: usize, round: u64) {
        let Some(step) = self.scenario.steps.get(number).cloned() else {
            return;
        };
        if let Some(every) = step.every {
            let at = at + every;
            let round = round + 1;
            self.push(Due::Turn {
                at,
                step: number,
                round,
            });
        }
        let place = u64::try_from(number).unwrap_or(u64::MAX);
        let key = laws::part(laws::part(laws::mix(self.scenario.seed), place), round);
        let choice = below(laws::part(key, 1), step.choose.len());
        let Some(action) = step.choose.get(choice) else {
            return;
        };
        for device in self.chosen(&step, key) {
            let begin = Change::Begin(action.clone());
            let event = self.event(at, device, begin);
            self.ready.push(event);
            if let Some(lasts) = step.lasts {
                self.push(Due::End {
                    at: at + lasts,
                    step: number,
                    device,
                    choice,
                });
            }
        }
        self.ready.reverse();
    }

    /// The devices that a step means this time, in order.
    fn chosen(&self, step: &Step, key: u64) -> Vec<usize> {
        let matching = self
            .names
            .iter()
            .enumerate()
            .filter(|(_, name)| fits(&step.devices, name))
            .map(|(device, _)| device);
        let mut devices: Vec<usize> = matching.collect();
        if let Some(pick) = step.pick {
            let rank = |device: usize| laws::part(key, u64::try_from(device + 2).unwrap_or(0));
            devices.sort_by_key(|device| rank(*device));
            devices.truncate(pick);
            devices.sort_unstable();
        }
        devices
    }

    fn action(&self, step: usize, choice: usize) -> Option<Action> {
        self.scenario.steps.get(step)?.choose.get(choice).cloned()
    }
}

impl Iterator for Timeline {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop() {
                return Some(event);
            }
            match self.due.pop()?.0.1 {
                Due::End {
                    at,
                    step,
                    device,
                    choice,
                } => {
                    if let Some(action) = self.action(step, choice) {
                        return Some(self.event(at, device, Change::End(action)));
                    }
                }
                Due::Turn { at, step, round } => self.turn(at, step, round),
            }
        }
    }
}

/// A number below `count` that follows from `key`; 0 where there is none.
fn below(key: u64, count: usize) -> usize {
    let count = u64::try_from(count).unwrap_or(u64::MAX).max(1);
    usize::try_from(key % count).unwrap_or(0)
}

/// Whether `name` fits `glob`, in which `*` stands for any text and `?` for one character.
fn fits(glob: &str, name: &str) -> bool {
    let (glob, name): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
    let (mut at, mut along) = (0, 0);
    // Where the last star stands, and how much of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    while along < name.len() {
        match glob.get(at) {
            Some('*') => {
                star = Some((at, along));
                at += 1;
            }
            Some(sign) if *sign == '?' || *sign == name[along] => {
                at += 1;
                along += 1;
            }
            _ => {
                let Some((place, taken)) = star else {
                    return false;
                };
                star = Some((place, taken + 1));
                at = place + 1;
                along = taken + 1;
            }
        }
    }
    glob.iter().skip(at).all(|sign| *sign == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (1..=count)
            .map(|number| format!("sim-{number:04}"))
            .collect()
    }

    #[track_caller]
    fn check(text: &str, devices: usize, count: usize, expected: &[&str]) {
        let scenario = Scenario::parse(text).unwrap();
        let timeline = Timeline::new(&scenario, names(devices));
        let told: Vec<String> = timeline
            .take(count)
            .map(|event| event.to_string())
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn steps_happen_in_order_and_are_taken_back() {
        check(
            "steps:\n\
             - { at: 5s, devices: \"sim-0002\", fault: hang, for: 2s }\n\
             - { at: 1s, devices: \"sim-*\", fault: { latency: 200ms }, for: 5s }\n",
            2,
            100,
            &[
                "t=+1.0s sim-0001: latency 200ms",
                "t=+1.0s sim-0002: latency 200ms",
                "t=+5.0s sim-0002: hang",
                "t=+6.0s sim-0001: latency is over",
                "t=+6.0s sim-0002: latency is over",
                "t=+7.0s sim-0002: hang is over",
            ],
        );
    }

    #[test]
    fn a_repeated_step_chooses_anew_by_the_seed() {
        let text = |seed: u64| {
            format!(
                "{{\"seed\": {seed}, \"steps\": [{{\"at\": \"1s\", \"every\": \"10s\", \
                 \"devices\": \"*\", \"pick\": 2, \
                 \"choose\": [\"hang\", \"drop\", {{\"flood\": \"1MB\"}}]}}]}}"
            )
        };
        let told = |seed: u64| -> Vec<String> {
            let scenario = Scenario::parse(&text(seed)).unwrap();
            let events = Timeline::new(&scenario, names(50)).take(40);
            events.map(|event| event.to_string()).collect()
        };
        assert_eq!(told(1), told(1));
        assert_ne!(told(1), told(2));
        let devices: std::collections::BTreeSet<String> = told(1)
            .iter()
            .map(|event| event.split(' ').nth(1).unwrap_or_default().to_owned())
            .collect();
        assert!(devices.len() > 10, "{devices:?}");
        for kind in ["hang", "drop", "flood"] {
            assert!(told(1).iter().any(|event| event.contains(kind)), "{kind}");
        }
    }

    #[test]
    fn globs_fit_whole_names() {
        assert!(fits("sim-*", "sim-0001") && fits("*1", "sim-0001") && fits("s?m-*0*", "sim-0001"));
        assert!(!fits("sim", "sim-0001") && !fits("*2", "sim-0001") && !fits("", "a"));
        assert!(fits("*", "") && fits("a*b*c", "aXbYbZc"));
    }
}
