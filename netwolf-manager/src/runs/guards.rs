//! Guards: what must stay true of a device for a while after its step, read from the series that monitoring holds.
//!
//! A guard is looked at every [`LOOK`]. It is broken by one value of one series beyond its bound, and also where its
//! time is over and no value has been seen at all: a guard that sees nothing guards nothing.
//!
//! No session and no poll is made for it: what is read is what `/metrics` would show.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use netwolf_runs::model::Guard;
use netwolf_wire::{DeviceName, step::RunId};

use crate::{
    clock::Tick,
    series::{DeviceLabels, Family, SeriesStore, escape_label},
};

/// From one look at all guards to the next: more often than values come.
pub(super) const LOOK: Duration = Duration::from_millis(250);

/// What is not seen by then is not seen in time: nobody listens when a guard's time is over.
const LAST_MS: u64 = 500;

/// A guard that is watched.
#[derive(Clone, Debug)]
struct Watched {
    run: RunId,
    step: u32,
    device: DeviceName,
    guard: Guard,
    until_ms: u64,
    has_seen: bool,
}

/// A guard that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) run: RunId,
    pub(super) step: u32,
    /// Why, in words.
    pub(super) why: String,
}

/// All guards that are watched.
#[derive(Debug, Default)]
pub(super) struct Guards {
    watched: Vec<Watched>,
}

impl Guards {
    /// Watches `guards` on a device whose step ended then.
    pub(super) fn watch(
        &mut self,
        run: RunId,
        step: u32,
        device: &DeviceName,
        from_ms: u64,
        guards: &[Guard],
    ) {
        for guard in guards {
            let hold_ms = u64::try_from(guard.hold.get().as_millis()).unwrap_or(u64::MAX);
            self.watched.push(Watched {
                run,
                step,
                device: device.clone(),
                guard: guard.clone(),
                until_ms: from_ms.saturating_add(hold_ms),
                has_seen: false,
            });
        }
    }

    /// Whether none is watched.
    pub(super) fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// Looks at all of them; those that are broken or over are watched no more.
    pub(super) fn look(&mut self, store: &SeriesStore, tick: Tick, now_ms: u64) -> Vec<Broken> {
        let mut broken = Vec::new();
        let families = store.families();
        self.watched.retain_mut(|watched| {
            let is_last = now_ms.saturating_add(LAST_MS) >= watched.until_ms;
            let why = match look(&watched.guard, &watched.device, &families, tick) {
                Seen::Nothing => {
                    (is_last && !watched.has_seen).then(|| watched.guard_saw_nothing())
                }
                Seen::Within => {
                    watched.has_seen = true;
                    None
                }
                Seen::Beyond(series, value) => Some(watched.guard_is_broken(&series, value)),
            };
            let is_over = now_ms >= watched.until_ms;
            let Some(why) = why else {
                return !is_over;
            };
            broken.push(Broken {
                run: watched.run,
                step: watched.step,
                why,
            });
            false
        });
        broken
    }
}

impl Watched {
    fn guard_is_broken(&self, series: &str, value: f64) -> String {
        let (word, bound) = match (self.guard.above, self.guard.below) {
            (Some(above), _) if value > above => ("above", above),
            (_, below) => ("below", below.unwrap_or_default()),
        };
        let device = &self.device;
        format!("guard on {device}: {series} was {value}, {word} {bound}")
    }

    fn guard_saw_nothing(&self) -> String {
        let (device, metric, hold) = (&self.device, &self.guard.metric, self.guard.hold);
        format!("guard on {device}: no value of {metric} was seen for {hold}")
    }
}

enum Seen {
    /// No series, or none that is fresh.
    Nothing,
    /// Values, none of them beyond the bound.
    Within,
    /// This series has this value.
    Beyond(String, f64),
}

fn look(guard: &Guard, device: &DeviceName, families: &[Arc<Family>], tick: Tick) -> Seen {
    let device = DeviceLabels::of(device.as_str());
    let mut seen = Seen::Nothing;
    for family in families {
        let name = family.name.sample();
        if name != guard.metric && family.name.base() != guard.metric {
            continue;
        }
        let flow: ControlFlow<Seen> = family.walk_device(&device, "", tick, |labels, value| {
            if !fits(labels, guard) {
                return ControlFlow::Continue(());
            }
            let is_beyond = guard.above.is_some_and(|above| value > above)
                || guard.below.is_some_and(|below| value < below);
            if is_beyond {
                return ControlFlow::Break(Seen::Beyond(format!("{name}{labels}"), value));
            }
            seen = Seen::Within;
            ControlFlow::Continue(())
        });
        if let ControlFlow::Break(beyond) = flow {
            return beyond;
        }
    }
    seen
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
