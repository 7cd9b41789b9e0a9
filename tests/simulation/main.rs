//! The manager and its agents in a network of their own, in virtual time, with faults that follow from a seed.
//!
//! ```text
//!   seed --> settings, faults --> +-------------------------------------------------+
//!                                 | ManagerNode <== connections ==> ShardNode, ...  | --> checks after every step
//!                                 |   (dispatcher, board, series)    (mind), tasks  |
//!                                 +-------------------------------------------------+
//! ```
//!
//! The nodes are the real machines of `netwolf-manager` and `netwolf-agent` behind their feature `simulation`;
//! connections, tasks of devices and clocks are played ([`network`], [`session`], [`world`]). What goes wrong is in
//! `world/faults.rs`, what must hold all the same in `world/checks.rs`.
//!
//! A seed that fails says how to play it again: `NETWOLF_SEED=123 cargo test -p netwolf-simulation`.
//! `NETWOLF_SEEDS=100000` plays so many, for a long night; `NETWOLF_FIRST_SEED` says from where. `NETWOLF_STORY=2000`
//! tells more of what happened before a failure.
//!
//! Invariant: a seed is played the same everywhere and every time. Where the machines keep something in maps
//! without order, no order comes out of them: what is told is sorted, or goes to each device by itself. A test
//! plays seeds twice.

use std::{env, time::Instant};

use world::{Mutation, Summary, Violation, play};

mod network;
mod random;
mod session;
mod settings;
mod world;

/// So many seeds are played unless somebody asks for others.
const SEEDS: u64 = 2_000;

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("`{name}` is no number: {text}")),
    )
}

fn report(violation: &Violation) -> String {
    let Violation {
        seed,
        step,
        what,
        story,
    } = violation;
    let story = story.join("\n");
    format!(
        "seed {seed}, step {step}: {what}\n\nwhat happened before:\n{story}\n\n\
         seed {seed}, step {step}: {what}\n\
         again: NETWOLF_SEED={seed} cargo test -p netwolf-simulation whatever_goes_wrong\n"
    )
}

#[test]
fn whatever_goes_wrong_leases_hold_and_devices_are_polled_again() {
    let first = number("NETWOLF_SEED").or_else(|| number("NETWOLF_FIRST_SEED"));
    let first = first.unwrap_or(0);
    let n_seeds = match number("NETWOLF_SEED") {
        Some(_) => 1,
        None => number("NETWOLF_SEEDS").unwrap_or(SEEDS),
    };
    let seeds = first..first + n_seeds;
    let began = Instant::now();
    let mut total = Summary::default();
    for seed in seeds {
        match play(seed, None) {
            Ok(summary) => total = total.with(&summary),
            Err(violation) => panic!("{}", report(&violation)),
        }
    }
    println!("{n_seeds} seeds in {:?}: {total:?}", began.elapsed());
    if n_seeds >= 100 {
        assert!(total.doubles > 0 && total.adoptions > 0 && total.gone > 0);
    }
}

#[test]
fn a_seed_is_played_the_same_every_time() {
    for seed in 0..20 {
        assert_eq!(play(seed, None), play(seed, None), "seed {seed}");
    }
}

/// Plays seeds with a fault put in until the checks find it, and returns what they say.
fn found(mutation: Mutation) -> Violation {
    (0..300)
        .find_map(|seed| play(seed, Some(mutation)).err())
        .unwrap_or_else(|| panic!("{mutation:?} is not found out"))
}

#[test]
fn a_shard_that_ignores_revocations_is_found_out() {
    let violation = found(Mutation::RevokesAreIgnored);
    assert!(
        violation.what.contains("still has it"),
        "{}",
        report(&violation)
    );
    assert!(!violation.story.is_empty(), "what happened is told");
}

#[test]
fn samples_of_an_old_lease_are_found_out() {
    let violation = found(Mutation::OldEpochsPass);
    assert!(
        violation.what.contains("is exposed under"),
        "{}",
        report(&violation)
    );
}

#[test]
fn exclusive_devices_that_are_not_given_up_are_found_out() {
    let violation = found(Mutation::NothingIsExclusive);
    assert!(
        violation.what.contains("sessions"),
        "{}",
        report(&violation)
    );
}

#[test]
fn a_shard_that_never_gives_up_is_found_out() {
    let violation = found(Mutation::NothingAges);
    assert!(
        violation.what.contains("has sessions"),
        "{}",
        report(&violation)
    );
}
