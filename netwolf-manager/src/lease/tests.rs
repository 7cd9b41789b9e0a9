//! The table against a model that knows, for every device, everyone who may believe that they run it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Epochs up to this one are believed.
const HIGHEST: Epoch = Epoch(1_000);

#[derive(Clone, Debug)]
enum Step {
    Grant {
        device: u8,
        holder: u32,
    },
    Revoke {
        device: u8,
    },
    /// The holder answers a revocation, now or late.
    Revoked {
        device: u8,
        holder: u32,
        nth: prop::sample::Index,
    },
    Gone {
        holder: u32,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (device, holder) = (0u8..4, 0u32..3);
    prop_oneof![
        4 => (device.clone(), holder.clone()).prop_map(|(device, holder)| Step::Grant { device, holder }),
        3 => device.clone().prop_map(|device| Step::Revoke { device }),
        3 => (device, holder.clone(), any::<prop::sample::Index>())
            .prop_map(|(device, holder, nth)| Step::Revoked { device, holder, nth }),
        1 => holder.prop_map(|holder| Step::Gone { holder }),
    ]
}

fn name(device: u8) -> DeviceName {
    format!("sw-{device}").parse().unwrap()
}

proptest! {
    #[test]
    fn a_device_has_at_most_one_live_lease_and_epochs_only_go_up(steps in prop::collection::vec(step(), 1..80)) {
        let mut table = LeaseTable::new(Epoch(100));
        // Who runs what, from the holders' side: the highest epoch that each was granted and has not given up.
        let mut running: BTreeMap<(u8, u32), Epoch> = BTreeMap::new();
        let mut granted: Vec<(u8, u32, Epoch)> = Vec::new();
        let mut last = Epoch(100);
        for step in steps {
            match step {
                Step::Grant { device, holder } => {
                    if let Ok(epoch) = table.grant(&name(device), MemberNo(holder)) {
                        prop_assert!(epoch > last);
                        last = epoch;
                        running.insert((device, holder), epoch);
                        granted.push((device, holder, epoch));
                    }
                }
                Step::Revoke { device } => {
                    let before = table.get(name(device).as_str());
                    let told = table.revoke(&name(device));
                    prop_assert_eq!(told.is_some(), before.is_some_and(|lease| !lease.revoking));
                }
                Step::Revoked { device, holder, nth } => {
                    let mine: Vec<_> =
                        granted.iter().filter(|(d, h, _)| (*d, *h) == (device, holder)).collect();
                    if mine.is_empty() {
                        continue;
                    }
                    let epoch = nth.get(&mine).2;
                    let ended = table.revoked(&name(device), MemberNo(holder), epoch).is_some();
                    let ran = running.get(&(device, holder)) == Some(&epoch);
                    prop_assert_eq!(ended, ran, "only the lease that runs ends");
                    if ran {
                        running.remove(&(device, holder));
                    }
                }
                Step::Gone { holder } => {
                    let released = table.release_all(MemberNo(holder));
                    let ran: Vec<_> =
                        running.keys().filter(|(_, h)| *h == holder).map(|(d, _)| name(*d)).collect();
                    prop_assert_eq!(released, ran);
                    running.retain(|(_, h), _| *h != holder);
                }
            }
            for device in 0..4 {
                let live: Vec<_> = running.iter().filter(|((d, _), _)| *d == device).collect();
                prop_assert!(live.len() <= 1, "{live:?}");
                let expected = live.first().map(|((_, holder), epoch)| (MemberNo(*holder), **epoch));
                let lease = table.get(name(device).as_str()).map(|lease| (lease.holder, lease.epoch));
                prop_assert_eq!(lease, expected);
            }
            let (held, revoking) = table.counts();
            prop_assert_eq!(held + revoking, running.len());
        }
    }
}

#[test]
fn a_lease_is_granted_elsewhere_only_after_it_was_given_up() {
    let mut table = LeaseTable::new(Epoch(0));
    let (device, a, b) = (name(1), MemberNo(1), MemberNo(2));
    let epoch = table.grant(&device, a).unwrap();
    assert!(table.grant(&device, b).is_err());
    table.revoke(&device).unwrap();
    assert!(
        table.grant(&device, b).is_err(),
        "the holder may still run it"
    );
    assert!(
        table.revoked(&device, b, epoch).is_none(),
        "it is not b's to give up"
    );
    assert!(table.revoked(&device, a, epoch).is_some());
    assert!(table.grant(&device, b).unwrap() > epoch);
}

#[test]
fn the_higher_epoch_is_in_force_when_two_shards_run_a_device() {
    let mut table = LeaseTable::new(Epoch(0));
    let (device, a, b) = (name(1), MemberNo(1), MemberNo(2));
    assert!(matches!(
        table.adopt(&device, a, Epoch(5), HIGHEST),
        Adoption::Held(_)
    ));
    assert_eq!(
        table.adopt(&device, b, Epoch(4), HIGHEST),
        Adoption::Outdated
    );
    let Adoption::Superseded { before: old, .. } = table.adopt(&device, b, Epoch(9), HIGHEST)
    else {
        panic!()
    };
    assert_eq!((old.holder, old.epoch), (a, Epoch(5)));
    assert!(
        table.grant(&device, b).unwrap() > Epoch(9),
        "above every epoch seen"
    );
}

#[test]
fn what_a_shard_says_it_runs_is_what_is_revoked() {
    let mut table = LeaseTable::new(Epoch(0));
    let (device, a) = (name(1), MemberNo(1));
    let first = table.grant(&device, a).unwrap();
    let second = table.grant(&device, a).unwrap();
    table.revoke(&device).unwrap();
    // The second grant and the revocation were lost with the link.
    let Adoption::Held(lease) = table.adopt(&device, a, first, HIGHEST) else {
        panic!()
    };
    assert_eq!((lease.epoch, lease.revoking), (first, true));
    assert!(table.revoked(&device, a, second).is_none());
    assert!(table.revoked(&device, a, first).is_some());
    assert!(table.grant(&device, a).unwrap() > second);
}

#[test]
fn an_epoch_that_nobody_can_have_granted_is_not_followed() {
    for claimed in [Epoch(HIGHEST.0 + 1), Epoch((1 << 53) - 1), Epoch(u64::MAX)] {
        let mut table = LeaseTable::new(Epoch(0));
        let (device, a, b) = (name(1), MemberNo(1), MemberNo(2));
        let Adoption::Held(lease) = table.adopt(&device, a, claimed, HIGHEST) else {
            panic!()
        };
        assert!(lease.revoking, "it is there only to be given up");
        assert_eq!(
            table.adopt(&device, b, claimed, HIGHEST),
            Adoption::Outdated
        );
        assert!(table.revoked(&device, a, claimed).is_some());
        assert_eq!(table.grant(&device, a).unwrap(), Epoch(1));
    }
}

#[test]
fn what_this_manager_granted_is_believed_although_its_clock_was_set_back() {
    let mut table = LeaseTable::new(Epoch(HIGHEST.0 * 2));
    let (device, a) = (name(1), MemberNo(1));
    let epoch = table.grant(&device, a).unwrap();
    let Adoption::Held(lease) = table.adopt(&device, a, epoch, HIGHEST) else {
        panic!()
    };
    assert!(!lease.revoking);
}

#[test]
fn a_clock_that_is_out_of_its_mind_leaves_epochs_to_grant() {
    let mut table = LeaseTable::new(first_epoch(u64::MAX));
    assert!(highest_epoch(u64::MAX) < Epoch(u64::MAX));
    assert!(table.grant(&name(1), MemberNo(1)).is_ok());
}

#[test]
fn epochs_are_reserved_before_they_run_out() {
    let mut table = LeaseTable::new(Epoch(0));
    let mut reserved = table.reserve().unwrap();
    assert_eq!(table.reserve(), None, "there are enough");
    // What a shard speaks of counts as granted.
    for epoch in [5, RESERVED / 2, RESERVED, 10 * RESERVED] {
        table.adopt(&name(1), MemberNo(1), Epoch(epoch), HIGHEST);
        reserved = table.reserve().unwrap_or(reserved);
        let granted = table.grant(&name(1), MemberNo(1)).unwrap();
        assert!(granted.0 + RESERVED / 4 < reserved.0);
    }
}

#[test]
fn a_manager_that_starts_again_is_above_its_past() {
    let (start, later) = (1_790_000_000_000, 1_790_000_001_000);
    let mut table = LeaseTable::new(first_epoch(start));
    let last = (0..100_000)
        .map(|_| table.grant(&name(1), MemberNo(1)).unwrap())
        .last()
        .unwrap();
    assert!(last < first_epoch(later));
    assert!(first_epoch(later).0 < 1 << 53, "a double holds it exactly");
}
