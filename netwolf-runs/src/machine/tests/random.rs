//! Random sequences of everything that can happen; what must hold after each stands in [`super::play`].

use std::collections::BTreeMap;

use netwolf_wire::{Span, step::RunId};
use proptest::prelude::*;

use super::play::{DEVICES, Play, SHARDS};
use super::world::{shard, spec, steps_from, with_verify};
use crate::{
    machine::{BrokenBy, Settlement},
    model::Guard,
    rollout::{Amount, Rollout},
};

/// Something that happens; numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Happening {
    Submit {
        first: u32,
        n_steps: u32,
        rollout: Rollout,
        verify: bool,
        guard: bool,
        window: bool,
    },
    Types(usize),
    Ends(usize, u8),
    Tells(usize),
    Later(u64),
    Relink(u16),
    Restart(u16),
    Lost(u16),
    Unplace(u32),
    Place(u32, u16),
    LoseSends,
    ManagerRestart,
    Pause(u64),
    Resume(u64),
    Cancel(u64),
    Settle(u64, u32, bool),
    Guard(u64, u32),
    Held(u64, u32),
}

fn rollouts() -> impl Strategy<Value = Rollout> {
    (
        0_u32..3,
        prop::option::of(1_u32..4),
        prop::option::of(1_u32..4),
        prop::option::of(1_u32..3),
        1_u32..5,
    )
        .prop_map(|(canary, batch, stop_after, per_site, in_flight)| Rollout {
            canary,
            batch: batch.map(Amount::Count),
            stop_after: stop_after.map(Amount::Count),
            per_site,
            in_flight,
        })
}

fn happenings() -> impl Strategy<Value = Happening> {
    let shards = 0..SHARDS;
    prop_oneof![
        3 => (0..DEVICES, 1..DEVICES, rollouts(), any::<[bool; 3]>()).prop_map(
            |(first, n_steps, rollout, [verify, guard, window])| {
                Happening::Submit { first, n_steps, rollout, verify, guard, window }
            }
        ),
        8 => any::<usize>().prop_map(Happening::Types),
        8 => (any::<usize>(), 0_u8..8).prop_map(|(at, how)| Happening::Ends(at, how)),
        8 => any::<usize>().prop_map(Happening::Tells),
        4 => (0_u64..40_000).prop_map(Happening::Later),
        2 => shards.clone().prop_map(Happening::Relink),
        1 => shards.clone().prop_map(Happening::Restart),
        1 => shards.clone().prop_map(Happening::Lost),
        1 => (0..DEVICES).prop_map(Happening::Unplace),
        2 => (0..DEVICES, shards).prop_map(|(number, on)| Happening::Place(number, on)),
        1 => Just(Happening::LoseSends),
        1 => Just(Happening::ManagerRestart),
        1 => (1_u64..6).prop_map(Happening::Pause),
        1 => (1_u64..6).prop_map(Happening::Resume),
        1 => (1_u64..6).prop_map(Happening::Cancel),
        1 => (1_u64..6, 0..DEVICES, any::<bool>()).prop_map(|(run, step, ok)| Happening::Settle(run, step, ok)),
        1 => (1_u64..6, 0..DEVICES).prop_map(|(run, step)| Happening::Guard(run, step)),
        4 => (1_u64..6, 0..DEVICES).prop_map(|(run, step)| Happening::Held(run, step)),
    ]
}

impl Play {
    fn happen(&mut self, happening: &Happening) {
        let now = self.world.now;
        match *happening {
            Happening::Submit {
                first,
                n_steps,
                rollout,
                verify,
                guard,
                window,
            } => {
                if self.runs >= 5 {
                    return;
                }
                self.runs += 1;
                let first = first.min(DEVICES - 1);
                let n_steps = n_steps.min(DEVICES - first);
                let mut spec = spec(rollout);
                if verify {
                    spec = with_verify(spec);
                }
                if guard {
                    spec.guards.push(Guard {
                        metric: "x".into(),
                        labels: BTreeMap::new(),
                        above: Some(1.0),
                        below: None,
                        hold: Span::from_secs(5),
                    });
                }
                spec.run_deadline = Span::from_secs(600);
                if window {
                    // The world begins at 08:00.
                    let text = r#"{"from":"08:01","to":"08:04"}"#;
                    spec.window = Some(serde_json::from_str(text).unwrap());
                }
                // Effects of this are performed by the next `go`.
                let id = RunId(self.runs);
                let (run, steps) =
                    crate::model::Run::plan(id, spec, steps_from(first, n_steps), now);
                self.world.journal.insert(id, (run.clone(), steps.clone()));
                self.world.machine.adopt(run, steps, now);
            }
            Happening::Types(at) => self.types(at),
            Happening::Ends(at, how) => self.ends(at, how),
            Happening::Tells(at) => self.tells(at),
            Happening::Later(ms) => self.world.now += ms,
            Happening::Relink(on) => self.relink(on, false),
            Happening::Restart(on) => self.relink(on, true),
            Happening::Lost(on) => {
                let link = self.agents[usize::from(on)].link;
                self.world.machine.handle_shard_lost(&shard(on), link, now);
            }
            Happening::Unplace(number) => self.world.unplace(number),
            Happening::Place(number, on) => self.place(number, on),
            Happening::LoseSends => self.lose_sends = true,
            Happening::ManagerRestart => self.restart_manager(),
            Happening::Pause(run) => {
                let _refused = self.world.machine.pause(RunId(run), "anna", now);
            }
            Happening::Resume(run) => {
                let _refused = self.world.machine.resume(RunId(run), "anna", now);
            }
            Happening::Cancel(run) => {
                let _refused = self.world.machine.cancel(RunId(run), "anna", now);
            }
            Happening::Settle(run, step, succeeded) => {
                let settlement = Settlement {
                    succeeded,
                    requester: "anna".into(),
                    comment: None,
                };
                let _refused = self
                    .world
                    .machine
                    .settle(RunId(run), step, &settlement, now);
            }
            Happening::Guard(run, step) => {
                self.world.machine.handle_guard_broken(
                    RunId(run),
                    step,
                    BrokenBy::Value,
                    "above",
                    now,
                );
            }
            Happening::Held(run, step) => self.hold(RunId(run), step),
        }
        self.go();
    }
}

/// `PROPTEST_CASES` says otherwise.
fn cases() -> u32 {
    let wanted = std::env::var("PROPTEST_CASES").ok();
    wanted.and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn whatever_happens_no_command_is_typed_twice_and_every_run_ends(
        happenings in prop::collection::vec(happenings(), 1..120),
    ) {
        let mut play = Play::new();
        for happening in happenings {
            play.happen(&happening);
        }
        play.finish();
    }
}
