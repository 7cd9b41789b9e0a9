//! Guards: what must stay true of a device for a while after its step, read from the series that monitoring holds.
//!
//! A guard is looked at every [`LOOK`]. What counts are values that came in after the step's end: an older one tells
//! nothing of what the step has done. It is broken by one value of one series beyond its bound, and also where its
//! time is over and no value has been seen at all: a guard that sees nothing guards nothing.
//!
//! A guard is watched for its whole time, from when it is asked for: whoever asks late, or has forgotten after a restart,
//! has it watched no shorter. That all guards of a step have held is said too, for what nobody says did not happen.
//!
//! No session and no poll is made for it: what is read is what `/metrics` would show.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use netwolf_runs::{machine::BrokenBy, model::Guard};
use netwolf_wire::{DeviceName, step::RunId};

use crate::{
    clock::Tick,
    series::{DeviceLabels, Family, SeriesStore, escape_label},
};

/// From one look at all guards to the next: more often than values come.
pub(super) const LOOK: Duration = Duration::from_millis(250);

/// A step whose guards are watched.
#[derive(Clone, Debug)]
struct Watched {
    run: RunId,
    step: u32,
    device: DeviceName,
    /// Values of before are not looked at.
    since: Tick,
    guards: Vec<Guarded>,
}

/// One of its guards.
#[derive(Clone, Debug)]
struct Guarded {
    guard: Guard,
    until: Tick,
    has_seen: bool,
}

/// What became of the guards of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) run: RunId,
    pub(super) step: u32,
    /// By what one of them is broken, and that in words; nothing where all were watched to their end and have held.
    pub(super) broken: Option<(BrokenBy, String)>,
}

/// All guards that are watched.
#[derive(Debug, Default)]
pub(super) struct Guards {
    watched: Vec<Watched>,
}

impl Guards {
    /// Watches `guards` from `now` on, each for its whole time, on a device whose step had ended at `since`.
    pub(super) fn watch(
        &mut self,
        run: RunId,
        step: u32,
        device: &DeviceName,
        (since, now): (Tick, Tick),
        guards: &[Guard],
    ) {
        let guards = guards.iter().map(|guard| {
            let hold_ms = u64::try_from(guard.hold.get().as_millis()).unwrap_or(u64::MAX);
            Guarded {
                guard: guard.clone(),
                until: Tick(now.0.saturating_add(hold_ms)),
                has_seen: false,
            }
        });
        self.watched.push(Watched {
            run,
            step,
            device: device.clone(),
            since,
            guards: guards.collect(),
        });
    }

    /// Whether none is watched.
    pub(super) fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// Looks at all of them. A step of which there is a verdict is watched no more.
    pub(super) fn look(&mut self, store: &SeriesStore, tick: Tick) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        let families = store.families();
        self.watched.retain_mut(|watched| {
            let broken = watched.look(&families, tick);
            if broken.is_none() && !watched.guards.is_empty() {
                return true;
            }
            verdicts.push(Verdict {
                run: watched.run,
                step: watched.step,
                broken,
            });
            false
        });
        verdicts
    }
}

impl Watched {
    /// By what a guard is broken, if one is, and why. Those that have held to their end are taken out.
    fn look(&mut self, families: &[Arc<Family>], tick: Tick) -> Option<(BrokenBy, String)> {
        let mut why = None;
        let (device, since) = (&self.device, self.since);
        self.guards.retain_mut(|guarded| {
            let guard = &guarded.guard;
            match look(guard, device, families, (since, tick)) {
                Seen::Nothing => {}
                Seen::Within => guarded.has_seen = true,
                Seen::Beyond(series, value) => {
                    why.get_or_insert_with(|| (BrokenBy::Value, is_broken(guard, &series, value)));
                }
            }
            let is_over = tick >= guarded.until;
            if is_over && !guarded.has_seen {
                why.get_or_insert_with(|| (BrokenBy::NoValue, saw_nothing(guard)));
            }
            !is_over
        });
        why
    }
}

/// What has broken a guard. Of which device it is, is said by whoever tells it.
fn is_broken(guard: &Guard, series: &str, value: f64) -> String {
    let (word, bound) = match (guard.above, guard.below) {
        (Some(above), _) if value > above => ("above", above),
        (_, below) => ("below", below.unwrap_or_default()),
    };
    format!("{series} was {value}, {word} {bound}")
}

fn saw_nothing(guard: &Guard) -> String {
    let (metric, hold) = (&guard.metric, guard.hold);
    format!("no value of {metric} was seen for {hold}")
}

enum Seen {
    /// No series, or none with a value of after the step's end.
    Nothing,
    /// Values, none of them beyond the bound.
    Within,
    /// This series has this value.
    Beyond(String, f64),
}

fn look(
    guard: &Guard,
    device: &DeviceName,
    families: &[Arc<Family>],
    (since, tick): (Tick, Tick),
) -> Seen {
    let name_of_device = device.as_str();
    let device = DeviceLabels::of(name_of_device);
    let mut seen = Seen::Nothing;
    for family in families {
        let name = family.name.sample();
        if name != guard.metric && family.name.base() != guard.metric {
            continue;
        }
        let each = |labels: &str, value: f64| {
            if !fits(labels, guard) {
                return ControlFlow::Continue(());
            }
            let is_beyond = guard.above.is_some_and(|above| value > above)
                || guard.below.is_some_and(|below| value < below);
            if is_beyond {
                let labels = without_device(labels, name_of_device);
                return ControlFlow::Break(Seen::Beyond(format!("{name}{labels}"), value));
            }
            seen = Seen::Within;
            ControlFlow::Continue(())
        };
        let flow: ControlFlow<Seen> = family.walk_device_since(&device, since, tick, each);
        if let ControlFlow::Break(beyond) = flow {
            return beyond;
        }
    }
    seen
}

/// A rendered label set without the device's name, with which it begins.
fn without_device(labels: &str, device: &str) -> String {
    let mut first = "{device=\"".to_owned();
    escape_label(&mut first, device);
    first.push('"');
    match labels.strip_prefix(&first) {
        None => labels.to_owned(),
        Some(rest) => match rest.strip_prefix(',') {
            Some(others) => format!("{{{others}"),
            None => String::new(),
        },
    }
}

/// Whether a rendered label set has all labels of a guard. Quotes in values are escaped, so what looks like a label
/// is one.
fn fits(labels: &str, guard: &Guard) -> bool {
    guard.labels.iter().all(|(name, value)| {
        let mut label = format!("{name}=\"");
        escape_label(&mut label, value);
        label.push('"');
        labels.match_indices(&label).any(|(at, _)| {
            let before = labels.get(..at).and_then(|text| text.chars().next_back());
            matches!(before, Some('{' | ','))
        })
    })
}

#[cfg(test)]
mod tests;
