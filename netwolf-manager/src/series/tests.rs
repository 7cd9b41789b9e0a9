//! From declarations and polls to what is shown, with ticks made up.

use std::ops::ControlFlow;

use netwolf_wire::{
    Epoch, ShardId,
    message::Declare,
    series::{DeviceDecl, DeviceNo, FamilyDecl, FamilyNo, Kind, Poll, SeriesDecl, SeriesNo, Value},
};

use super::*;
use crate::{board::Board, clock::Tick, testing};

const UNIX: u64 = 1_790_000_000_000;

struct Stage {
    board: Arc<Board>,
    store: SharedStore,
}

impl Stage {
    fn new() -> Self {
        let stage = Self {
            board: Arc::default(),
            store: Arc::default(),
        };
        stage
            .board
            .set_inventory(&testing::inventory([("a", 22), ("b", 22)]));
        stage.lease("a", 1);
        stage.lease("b", 1);
        stage
    }

    fn lease(&self, device: &str, epoch: u64) {
        let shard = ShardId {
            agent: "x".parse().unwrap(),
            index: 0,
        };
        self.board
            .device(device)
            .unwrap()
            .set_lease(Some((shard, Epoch(epoch))));
    }

    fn link(&self) -> LinkTable {
        LinkTable::new(self.store.clone(), self.board.clone())
    }

    /// Everything that is shown at `now`, as text.
    fn shown(&self, now: u64) -> Vec<String> {
        let mut lines = Vec::new();
        for family in self.store.families() {
            let flow: ControlFlow<()> = family.walk_fresh("", Tick(now), |labels, value| {
                lines.push(format!("{}{labels} {value}", family.name.sample()));
                ControlFlow::Continue(())
            });
            assert!(flow.is_continue());
        }
        lines
    }
}

fn device(no: u32, name: &str, epoch: u64) -> Declare {
    let decl = DeviceDecl {
        no: DeviceNo(no),
        device: name.parse().unwrap(),
        epoch: Epoch(epoch),
    };
    Declare {
        devices: vec![decl],
        ..Declare::default()
    }
}

fn family(no: u32, name: &str, kind: Kind) -> Declare {
    let decl = FamilyDecl {
        no: FamilyNo(no),
        name: name.into(),
        kind,
        help: "Load.".into(),
    };
    Declare {
        families: vec![decl],
        ..Declare::default()
    }
}

fn series(no: u32, device: u32, family: u32, labels: &[(&str, &str)]) -> Declare {
    let labels = labels
        .iter()
        .map(|(n, v)| ((*n).into(), (*v).into()))
        .collect();
    let (device, family) = (DeviceNo(device), FamilyNo(family));
    let decl = SeriesDecl {
        no: SeriesNo(no),
        device,
        family,
        labels,
        interval_ms: 1_000,
    };
    Declare {
        series: vec![decl],
        ..Declare::default()
    }
}

fn poll(device: u32, time_ms: u64, samples: &[(u32, f64)]) -> Vec<Poll> {
    let samples = samples
        .iter()
        .map(|(no, value)| (SeriesNo(*no), Value(*value)))
        .collect();
    vec![Poll(DeviceNo(device), time_ms, samples)]
}

/// A link on which series 0 is `load{device="a"}`.
fn declared(stage: &Stage) -> LinkTable {
    let mut link = stage.link();
    for declare in [
        device(0, "a", 1),
        family(0, "load", Kind::Gauge),
        series(0, 0, 0, &[]),
    ] {
        link.declare(declare, Tick(1));
    }
    link
}

#[test]
fn a_sample_is_shown_with_its_device() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    link.declare(series(1, 0, 0, &[("cpu", "0/1")]), Tick(1));
    link.ingest(&poll(0, UNIX, &[(0, 0.5), (1, 2.0)]), Tick(10), UNIX);
    assert_eq!(
        stage.shown(10),
        [r#"load{device="a",cpu="0/1"} 2"#, r#"load{device="a"} 0.5"#]
    );
    assert_eq!(stage.store.counters.samples.get(), 2);
    let last = stage
        .board
        .device("a")
        .unwrap()
        .inspect(Tick(10), |view| view.last_success_ms);
    assert_eq!(last, Some(UNIX));
}

#[test]
fn series_of_a_device_are_found_among_those_of_all() {
    let stage = Stage::new();
    let names = ["a", "a-b", "a.b", "b"];
    let fleet = names.map(|name| (name, 22));
    stage.board.set_inventory(&testing::inventory(fleet));
    let mut link = stage.link();
    link.declare(family(0, "load", Kind::Gauge), Tick(1));
    for (no, name) in (0..).zip(names) {
        stage.lease(name, 1);
        link.declare(device(no, name, 1), Tick(1));
        let samples: Vec<(u32, f64)> = (0..40).map(|cpu| (no * 40 + cpu, 1.0)).collect();
        for (number, _) in &samples {
            let cpu = number.to_string();
            link.declare(series(*number, no, 0, &[("cpu", &cpu)]), Tick(1));
        }
        // The last of each device, and all of one, have not been heard of.
        let heard = if name == "a-b" { 0 } else { 39 };
        link.ingest(&poll(no, UNIX, &samples[..heard]), Tick(10), UNIX);
    }
    let all = stage.shown(10);
    let loads = stage.store.families().remove(0);
    for name in names {
        let (wanted, mut found) = (DeviceLabels::of(name), Vec::new());
        // Stopped and continued now and then, as by a scraper.
        let mut after = String::new();
        while let ControlFlow::Break(last) =
            loads.walk_device(&wanted, &after, Tick(10), |labels, value| {
                found.push(format!("load{labels} {value}"));
                if found.len().is_multiple_of(7) {
                    ControlFlow::Break(labels.to_owned())
                } else {
                    ControlFlow::Continue(())
                }
            })
        {
            after = last;
        }
        let label = format!("{{device=\"{name}\",");
        let expected: Vec<_> = all.iter().filter(|line| line.contains(&label)).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected);
        assert_eq!(found.len(), if name == "a-b" { 0 } else { 39 });
    }
}

#[test]
fn a_series_vanishes_when_it_is_stale_and_comes_back_without_a_declaration() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    link.ingest(&poll(0, UNIX, &[(0, 1.0)]), Tick(10), UNIX);
    assert_eq!(stage.shown(5_010).len(), 1, "never under 5 s");
    assert_eq!(stage.shown(5_011).len(), 0);
    stage.store.sweep(Tick(60_000));
    link.ingest(
        &poll(0, UNIX + 60_000, &[(0, 2.0)]),
        Tick(60_010),
        UNIX + 60_000,
    );
    assert_eq!(stage.shown(60_010), [r#"load{device="a"} 2"#]);
    drop(link);
    stage.store.sweep(Tick(120_000));
    assert!(
        stage.store.is_empty() && stage.store.families().is_empty(),
        "nobody can renew it"
    );
}

#[test]
fn a_long_interval_is_waited_for_three_times() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    let mut decl = series(1, 0, 0, &[("slow", "1")]);
    decl.series[0].interval_ms = 60_000;
    link.declare(decl, Tick(1));
    link.ingest(&poll(0, UNIX, &[(1, 1.0)]), Tick(1), UNIX);
    assert_eq!(
        (stage.shown(180_001).len(), stage.shown(180_002).len()),
        (1, 0)
    );
}

#[test]
fn an_old_sample_never_overwrites_a_newer_one() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    link.ingest(&poll(0, UNIX, &[(0, 2.0)]), Tick(10), UNIX);
    link.ingest(&poll(0, UNIX - 1, &[(0, 1.0)]), Tick(20), UNIX);
    assert_eq!(stage.shown(20), [r#"load{device="a"} 2"#]);
    assert_eq!(stage.store.counters.late_samples.get(), 1);
    assert!(stage.shown(5_011).is_empty(), "nor does it keep it alive");
}

#[test]
fn an_agent_whose_clock_was_set_back_is_heard_again() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    link.ingest(&poll(0, UNIX, &[(0, 2.0)]), Tick(10), UNIX);
    link.ingest(&poll(0, UNIX - 3_600_000, &[(0, 1.0)]), Tick(5_100), UNIX);
    assert_eq!(stage.shown(5_100), [r#"load{device="a"} 1"#]);
}

#[test]
fn a_sample_from_the_future_is_taken_as_of_now() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    link.ingest(&poll(0, UNIX + 3_600_000, &[(0, 1.0)]), Tick(10), UNIX);
    link.ingest(
        &poll(0, UNIX + 1_000, &[(0, 2.0)]),
        Tick(1_010),
        UNIX + 1_000,
    );
    assert_eq!(stage.shown(1_010), [r#"load{device="a"} 2"#]);
    assert_eq!(stage.store.counters.future_polls.get(), 1);
}

#[test]
fn polls_of_a_lease_that_is_not_in_force_are_counted_and_dropped() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    stage.lease("a", 2);
    link.ingest(&poll(0, UNIX, &[(0, 1.0)]), Tick(10), UNIX);
    assert!(stage.shown(10).is_empty());
    assert_eq!(stage.store.counters.stale_polls.get(), 1);
    link.declare(device(0, "a", 2), Tick(11));
    link.ingest(&poll(0, UNIX, &[(0, 1.0)]), Tick(12), UNIX);
    assert_eq!(
        stage.shown(12).len(),
        1,
        "the series need not be declared again"
    );
}

#[test]
fn a_device_that_moves_keeps_its_series() {
    let stage = Stage::new();
    let mut old = declared(&stage);
    old.ingest(&poll(0, UNIX + 3_000, &[(0, 1.0)]), Tick(10), UNIX + 3_000);
    stage.lease("a", 2);
    let mut new = stage.link();
    for declare in [
        device(7, "a", 2),
        family(3, "load", Kind::Gauge),
        series(9, 7, 3, &[]),
    ] {
        new.declare(declare, Tick(20));
    }
    assert_eq!(stage.shown(20), [r#"load{device="a"} 1"#]);
    // The other agent's clock is behind; its samples are newer all the same.
    new.ingest(&poll(7, UNIX, &[(9, 2.0)]), Tick(30), UNIX + 3_000);
    assert_eq!(stage.shown(30), [r#"load{device="a"} 2"#]);
    assert_eq!(stage.store.len(), 1);
}

#[test]
fn series_of_a_device_that_leaves_the_inventory_vanish_at_once_and_come_back_with_it() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    link.ingest(&poll(0, UNIX, &[(0, 1.0)]), Tick(10), UNIX);
    stage.board.set_inventory(&testing::inventory([("b", 22)]));
    assert!(stage.shown(10).is_empty());
    stage
        .board
        .set_inventory(&testing::inventory([("a", 22), ("b", 22)]));
    stage.lease("a", 3);
    assert!(stage.shown(11).is_empty(), "nothing of before");
    link.declare(device(0, "a", 3), Tick(12));
    link.ingest(&poll(0, UNIX, &[(0, 2.0)]), Tick(13), UNIX);
    assert_eq!(stage.shown(13), [r#"load{device="a"} 2"#]);
}

#[test]
fn a_series_does_not_follow_the_number_of_its_family() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    link.declare(family(0, "other", Kind::Gauge), Tick(1));
    link.ingest(&poll(0, UNIX, &[(0, 1.0)]), Tick(10), UNIX);
    assert_eq!(stage.shown(10), [r#"load{device="a"} 1"#]);
    stage.board.set_inventory(&testing::inventory([("b", 22)]));
    stage
        .board
        .set_inventory(&testing::inventory([("a", 22), ("b", 22)]));
    stage.lease("a", 3);
    link.declare(device(0, "a", 3), Tick(12));
    link.ingest(&poll(0, UNIX, &[(0, 2.0)]), Tick(13), UNIX);
    assert!(stage.shown(13).is_empty());
}

#[test]
fn series_of_a_device_that_is_not_there_yet_wait_for_it() {
    let stage = Stage::new();
    let mut link = stage.link();
    for declare in [
        device(0, "c", 5),
        family(0, "load", Kind::Gauge),
        series(0, 0, 0, &[]),
    ] {
        link.declare(declare, Tick(1));
    }
    stage.board.set_inventory(&testing::inventory([("c", 22)]));
    stage.lease("c", 6);
    link.declare(device(0, "c", 6), Tick(2));
    link.ingest(&poll(0, UNIX, &[(0, 1.0)]), Tick(3), UNIX);
    assert_eq!(stage.shown(3).len(), 1);
}

#[test]
fn the_first_kind_of_a_family_wins_while_it_lives() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    link.ingest(&poll(0, UNIX, &[(0, 1.0)]), Tick(10), UNIX);
    for declare in [
        device(1, "b", 1),
        family(1, "load_total", Kind::Counter),
        series(1, 1, 1, &[]),
    ] {
        link.declare(declare, Tick(10));
    }
    link.ingest(&poll(1, UNIX, &[(1, 7.0)]), Tick(11), UNIX);
    assert_eq!(
        stage.shown(11),
        [r#"load{device="a"} 1"#],
        "a counter `load` would share its name"
    );
    assert_eq!(stage.store.counters.conflicting_series.get(), 1);
    assert_eq!(stage.store.told_conflicts(), ["load_total"]);
    link.retry(Tick(6_000));
    link.ingest(&poll(1, UNIX, &[(1, 8.0)]), Tick(6_001), UNIX);
    assert_eq!(stage.shown(6_001), [r#"load_total{device="b"} 8"#]);
    assert_eq!(
        stage.store.counters.conflicting_series.get(),
        1,
        "counted once"
    );
}

#[test]
fn values_that_their_kind_does_not_allow_are_counted_and_dropped() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    for declare in [
        family(1, "x_total", Kind::Counter),
        series(1, 0, 1, &[]),
        family(2, "y_info", Kind::Info),
        series(2, 0, 2, &[]),
        family(3, "z", Kind::StateSet),
        series(3, 0, 3, &[("z", "on")]),
    ] {
        link.declare(declare, Tick(1));
    }
    let bad = [(1, f64::NAN), (1, -1.0), (2, 0.0), (3, 0.5), (0, f64::NAN)];
    link.ingest(&poll(0, UNIX, &bad), Tick(2), UNIX);
    assert_eq!(stage.store.counters.invalid_samples.get(), 4);
    assert_eq!(
        stage.shown(2),
        [r#"load{device="a"} NaN"#],
        "a gauge may be anything"
    );
}

#[test]
fn names_of_the_manager_itself_are_refused() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    let own = [
        ("netwolf_device_up", Kind::Gauge),
        ("netwolf_manager_x_total", Kind::Counter),
        ("netwolf_poll_seconds_count", Kind::Gauge),
        ("netwolf_build_info", Kind::Info),
    ];
    for (no, (name, kind)) in (1u32..).zip(own) {
        link.declare(family(no, name, kind), Tick(1));
        link.declare(series(no, 0, no, &[]), Tick(1));
    }
    assert_eq!(stage.store.counters.conflicting_series.get(), 4);
}

#[test]
fn what_was_not_declared_is_counted_and_harms_nobody() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    link.declare(series(1, 9, 0, &[]), Tick(1));
    link.declare(series(2, 0, 9, &[]), Tick(1));
    link.declare(device(1, "b", 1), Tick(1));
    link.ingest(&poll(9, UNIX, &[(0, 1.0)]), Tick(2), UNIX);
    link.ingest(&poll(0, UNIX, &[(3, 1.0), (u32::MAX, 1.0)]), Tick(2), UNIX);
    link.ingest(&poll(1, UNIX, &[(0, 1.0)]), Tick(2), UNIX);
    assert_eq!(
        stage.store.counters.undeclared.get(),
        6,
        "not b's series either"
    );
    assert!(stage.shown(2).is_empty());
}

#[test]
fn a_label_set_is_one_series_in_any_order() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    link.declare(series(1, 0, 0, &[("x", "1"), ("y", "2")]), Tick(1));
    link.declare(series(2, 0, 0, &[("y", "2"), ("x", "1")]), Tick(1));
    link.ingest(&poll(0, UNIX, &[(1, 1.0), (2, 2.0)]), Tick(2), UNIX);
    assert_eq!(stage.shown(2), [r#"load{device="a",x="1",y="2"} 2"#]);
}

#[test]
fn what_is_declared_is_checked_before_it_is_kept() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    link.declare(family(1, &"x".repeat(300), Kind::Gauge), Tick(1));
    link.declare(series(1, 0, 1, &[]), Tick(1));
    // A device that is not in the inventory: what is declared of it waits.
    link.declare(device(1, "c", 1), Tick(1));
    let long = "x".repeat(limits::LABELS);
    link.declare(series(2, 1, 0, &[("a", &long)]), Tick(1));
    let mut seldom = series(3, 0, 0, &[]);
    seldom.series[0].interval_ms = limits::INTERVAL_MS + 1;
    link.declare(seldom, Tick(1));
    assert_eq!(stage.store.counters.invalid_series.get(), 3);
    let mut wordy = family(4, "wordy", Kind::Gauge);
    wordy.families[0].help = "ü".repeat(limits::HELP);
    link.declare(wordy, Tick(1));
    link.declare(series(4, 0, 4, &[]), Tick(1));
    let families = stage.store.families();
    assert!(families.iter().all(|f| f.help.len() <= limits::HELP));
    assert_eq!(families.len(), 2);
}

#[test]
fn what_waits_is_bounded_and_so_are_families() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    link.declare(device(1, "c", 1), Tick(1));
    for no in 0..=limits::WAITING_PER_LINK {
        let no = u32::try_from(no).unwrap() + 1;
        link.declare(series(no, 1, 0, &[("i", &no.to_string())]), Tick(1));
    }
    assert_eq!(stage.store.counters.excess_series.get(), 1);
    for no in 0..=limits::FAMILIES {
        link.declare(
            family(u32::try_from(no).unwrap(), "f", Kind::Gauge),
            Tick(1),
        );
    }
    assert_eq!(stage.store.counters.excess_series.get(), 2);
    link.declare(family(0, "another", Kind::Gauge), Tick(1));
    link.declare(series(0, 0, 0, &[]), Tick(1));
    link.ingest(&poll(0, UNIX, &[(0, 1.0)]), Tick(2), UNIX);
    assert_eq!(
        stage.shown(2),
        [r#"another{device="a"} 1"#],
        "a number that is there may stand for another family"
    );
}

#[test]
fn a_high_number_costs_no_more_than_a_low_one() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    let no = limits::SERIES_PER_LINK - 1;
    link.declare(series(no, 0, 0, &[("i", "1")]), Tick(1));
    link.ingest(&poll(0, UNIX, &[(no, 1.0)]), Tick(2), UNIX);
    assert_eq!(stage.shown(2).len(), 1);
}

#[test]
fn the_time_of_a_counters_beginning_is_no_other_familys_name() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    for declare in [
        family(1, "x_total", Kind::Counter),
        series(1, 0, 1, &[]),
        family(2, "x_created", Kind::Gauge),
    ] {
        link.declare(declare, Tick(1));
    }
    link.ingest(&poll(0, UNIX, &[(1, 1.0)]), Tick(2), UNIX);
    link.declare(series(2, 0, 2, &[]), Tick(3));
    assert_eq!(stage.store.counters.conflicting_series.get(), 1);
    // The other way round.
    for declare in [
        family(3, "y_created", Kind::Gauge),
        series(3, 0, 3, &[]),
        family(4, "y_total", Kind::Counter),
    ] {
        link.declare(declare, Tick(3));
    }
    link.ingest(&poll(0, UNIX, &[(3, 1.0)]), Tick(4), UNIX);
    link.declare(series(4, 0, 4, &[]), Tick(5));
    assert_eq!(stage.store.counters.conflicting_series.get(), 2);
}

#[test]
fn bounds_hold() {
    let stage = Stage::new();
    let mut link = declared(&stage);
    for no in 1..=limits::SERIES_PER_DEVICE {
        link.declare(series(no, 0, 0, &[("i", &no.to_string())]), Tick(1));
    }
    assert_eq!(stage.store.counters.excess_series.get(), 1);
    link.declare(series(limits::SERIES_PER_LINK, 0, 0, &[]), Tick(1));
    assert_eq!(stage.store.counters.excess_series.get(), 2);
    drop(link);
    stage.store.sweep(Tick(10_000));
    let mut link = declared(&stage);
    link.declare(series(1, 0, 0, &[("i", "1")]), Tick(1));
    assert_eq!(
        stage.store.counters.excess_series.get(),
        2,
        "swept series make room"
    );
}
