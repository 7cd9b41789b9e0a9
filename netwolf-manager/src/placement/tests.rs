//! Each sentence of the header as a test; the figures hold for every fleet, not for a chosen one.

use proptest::prelude::*;

use super::*;

fn devices(count: usize) -> Vec<DeviceKey> {
    (0..count)
        .map(|i| DeviceKey::of(&DeviceName::new(&format!("sw-{i}")).unwrap()))
        .collect()
}

fn shards(count: usize, seed: u16) -> Vec<Shard> {
    (0..count)
        .map(|i| {
            let agent = format!("agent-{seed}-{}", i / 4).parse().unwrap();
            let index = u16::try_from(i % 4).unwrap();
            Shard::of(&ShardId { agent, index }, 1)
        })
        .collect()
}

fn fresh(devices: &[DeviceKey], shards: &[Shard]) -> Vec<Option<usize>> {
    solve(devices, shards, &vec![None; devices.len()])
}

fn loads(placed: &[Option<usize>], shards: usize) -> Vec<usize> {
    let mut loads = vec![0; shards];
    for shard in placed.iter().flatten() {
        loads[*shard] += 1;
    }
    loads
}

fn moved(before: &[Option<usize>], after: &[Option<usize>]) -> usize {
    before
        .iter()
        .zip(after)
        .filter(|(before, after)| before != after)
        .count()
}

/// One nth of the devices and 5 % of them, rounded up.
fn bound(devices: usize, shards: usize) -> usize {
    devices.div_ceil(shards) + devices.div_ceil(20)
}

/// A fleet with at least 20 devices a shard: below that, rounding up is more than 5 %.
fn fleet() -> impl Strategy<Value = (usize, usize, u16)> {
    (2usize..=12, any::<u16>())
        .prop_flat_map(|(shards, seed)| (20 * shards..=20 * shards + 400, Just(shards), Just(seed)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_shard_holds_more_than_1_25_times_the_mean(
        count in 0usize..300, n in 1usize..12, seed: u16, previous in prop::collection::vec(any::<Option<u8>>(), 300)
    ) {
        let (devices, shards) = (devices(count), shards(n, seed));
        let previous: Vec<_> = previous[..count].iter().map(|p| p.map(|p| usize::from(p) % n)).collect();
        let placed = solve(&devices, &shards, &previous);
        let bound = (5 * count).div_ceil(4 * n);
        prop_assert!(loads(&placed, n).into_iter().all(|load| load <= bound));
    }

    #[test]
    fn no_device_is_without_a_shard_while_there_is_one(
        count in 0usize..300, n in 0usize..12, seed: u16, previous in prop::collection::vec(any::<Option<u8>>(), 300)
    ) {
        let (devices, shards) = (devices(count), shards(n, seed));
        let previous: Vec<_> =
            previous[..count].iter().map(|p| p.filter(|_| n > 0).map(|p| usize::from(p) % n)).collect();
        let placed = solve(&devices, &shards, &previous);
        prop_assert!(placed.iter().all(|shard| shard.is_some() == (n > 0)));
    }

    #[test]
    fn the_heaviest_of_all_is_found(n in 1usize..40, seed: u16) {
        let shards: Vec<_> = shards(n, seed).iter().map(|shard| shard.key).collect();
        for device in devices(20) {
            let weights: Vec<_> = shards.iter().map(|shard| weight(device, *shard)).collect();
            prop_assert_eq!(weights[heaviest(device, &shards)], *weights.iter().max().unwrap());
        }
    }

    #[test]
    fn equal_input_gives_equal_output((count, n, seed) in fleet()) {
        let (devices, shards) = (devices(count), shards(n, seed));
        prop_assert_eq!(fresh(&devices, &shards), fresh(&devices, &shards));
    }

    #[test]
    fn nothing_moves_when_nothing_changed((count, n, seed) in fleet()) {
        let (devices, shards) = (devices(count), shards(n, seed));
        let placed = fresh(&devices, &shards);
        prop_assert_eq!(&solve(&devices, &shards, &placed), &placed);
    }

    #[test]
    fn moves_at_most_one_nth_and_5_percent_when_a_shard_joins((count, n, seed) in fleet(), at: prop::sample::Index) {
        let devices = devices(count);
        let all = shards(n + 1, seed);
        let joins = at.index(n + 1);
        let mut before_shards = all.clone();
        before_shards.remove(joins);
        let before: Vec<_> = fresh(&devices, &before_shards)
            .into_iter()
            .map(|shard| shard.map(|s| if s >= joins { s + 1 } else { s }))
            .collect();
        let after = solve(&devices, &all, &before);
        prop_assert!(moved(&before, &after) <= bound(count, n + 1), "{} of {count}", moved(&before, &after));
        prop_assert!(loads(&after, n + 1)[joins] >= count / (n + 1), "the newcomer gets its share");
    }

    #[test]
    fn moves_at_most_one_nth_and_5_percent_when_a_shard_leaves((count, n, seed) in fleet(), at: prop::sample::Index) {
        let (devices, all) = (devices(count), shards(n, seed));
        let leaves = at.index(n);
        let before = fresh(&devices, &all);
        let mut left = all.clone();
        left.remove(leaves);
        let kept: Vec<_> = before
            .iter()
            .map(|shard| match shard {
                Some(s) if *s == leaves => None,
                Some(s) if *s > leaves => Some(s - 1),
                other => *other,
            })
            .collect();
        let after = solve(&devices, &left, &kept);
        prop_assert!(moved(&kept, &after) <= bound(count, n));
        for (kept, after) in kept.iter().zip(&after) {
            prop_assert!(kept.is_none() || kept == after, "only devices of the shard that left move");
        }
    }

    #[test]
    fn a_change_of_the_inventory_moves_no_other_device(
        count in 0usize..300, n in 1usize..12, seed: u16, previous in prop::collection::vec(any::<Option<u8>>(), 300)
    ) {
        let (devices, shards) = (devices(count), shards(n, seed));
        let previous: Vec<_> = previous[..count].iter().map(|p| p.map(|p| usize::from(p) % n)).collect();
        let placed = extend(&devices, &shards, &previous);
        prop_assert!(placed.iter().all(Option::is_some));
        prop_assert!(previous.iter().zip(&placed).all(|(before, after)| before.is_none() || before == after));
        let bound = capacity(count, 1, n);
        for (before, after) in loads(&previous, n).into_iter().zip(loads(&placed, n)) {
            prop_assert!(after <= before.max(bound), "only what was overfull is");
        }
    }
}

#[test]
fn a_placement_is_the_same_in_every_version() {
    // Pinned: a change of these indices would move devices of running fleets at an upgrade.
    let placed = fresh(&devices(8), &shards(3, 7));
    let indices: Vec<_> = placed.into_iter().map(Option::unwrap).collect();
    insta::assert_compact_debug_snapshot!(indices, @"[2, 1, 2, 1, 0, 1, 1, 2]");
}

#[test]
fn a_large_fleet_is_placed() {
    let (devices, shards) = (devices(100_000), shards(64, 1));
    let placed = fresh(&devices, &shards);
    assert!(
        loads(&placed, 64)
            .into_iter()
            .all(|load| load > 1_200 && load <= 1_954)
    );
}

/// Sizes of shards, one of them three times the others.
fn sized(n: usize, seed: u16, large: usize) -> Vec<Shard> {
    let mut shards = shards(n, seed);
    shards[large].size = 3;
    shards
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_large_shard_is_bounded_by_its_size((count, n, seed) in fleet(), at: prop::sample::Index) {
        let large = at.index(n);
        let (devices, shards) = (devices(count), sized(n, seed, large));
        let placed = fresh(&devices, &shards);
        let loads = loads(&placed, n);
        for (shard, load) in loads.iter().enumerate() {
            let size = if shard == large { 3 } else { 1 };
            prop_assert!(*load <= capacity(count, size, n + 2), "{loads:?}");
        }
        prop_assert_eq!(&solve(&devices, &shards, &placed), &placed, "nothing moves when nothing changed");
    }
}

#[test]
fn a_shard_of_size_3_takes_three_times_as_many() {
    let placed = fresh(&devices(7_000), &sized(5, 1, 2));
    let loads = loads(&placed, 5);
    assert!((2_700..3_300).contains(&loads[2]), "{loads:?}");
}

#[test]
fn a_thousand_joins_and_leaves_keep_all_bounds() {
    const DEVICES: usize = 3_000;
    let (devices, pool) = (devices(DEVICES), shards(40, 9));
    // A generator of its own, so that the same changes come in every run.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let mut present: Vec<usize> = (0..32).collect();
    let mut absent: Vec<usize> = (32..40).collect();
    // By place in the pool, which stays when others come and go.
    let mut at = vec![None; DEVICES];
    for change in 0..1_000 {
        let joins = absent.len() > random(16);
        if joins {
            present.push(absent.swap_remove(random(absent.len())));
        } else {
            absent.push(present.swap_remove(random(present.len())));
        }
        let shards: Vec<_> = present.iter().map(|shard| pool[*shard]).collect();
        let index = |shard: usize| present.iter().position(|present| *present == shard);
        let previous: Vec<_> = at
            .iter()
            .map(|shard: &Option<usize>| index((*shard)?))
            .collect();
        let placed = solve(&devices, &shards, &previous);
        let n = shards.len();
        let most = loads(&placed, n).into_iter().max().unwrap();
        assert!(most <= capacity(DEVICES, 1, n), "change {change}");
        let after: Vec<_> = placed
            .iter()
            .map(|shard| Some(present[(*shard)?]))
            .collect();
        assert!(after.iter().all(Option::is_some), "change {change}");
        let bound = bound(DEVICES, if joins { n } else { n + 1 });
        let moved = moved(&at, &after);
        assert!(
            change == 0 || moved <= bound,
            "change {change}: {moved} moved"
        );
        at = after;
    }
}
