//! Guards on series whose values and times are made up.

use std::collections::BTreeMap;

use netwolf_wire::{
    Epoch, ShardId, Span,
    message::Declare,
    series::{DeviceDecl, DeviceNo, FamilyDecl, FamilyNo, Kind, Poll, SeriesDecl, SeriesNo, Value},
};

use super::*;
use crate::{board::Board, series::LinkTable, testing};

/// Unix time of [`BEGIN`], in milliseconds.
const UNIX: u64 = 1_800_000_000_000;

/// The tick at which a step ends.
const BEGIN: u64 = 100_000;

const RUN: RunId = RunId(7);

/// A device `a` with a series `load`, polled every second.
struct Stage {
    store: Arc<SeriesStore>,
    link: LinkTable,
    guards: Guards,
}

impl Stage {
    fn new() -> Self {
        let board = Arc::<Board>::default();
        board.set_inventory(&testing::inventory([("a", 22)]));
        let shard = ShardId {
            agent: "x".parse().unwrap(),
            index: 0,
        };
        let device = board.device("a").unwrap();
        device.set_lease(Some((shard, Epoch(1))));
        let store = Arc::<SeriesStore>::default();
        let mut link = LinkTable::new(store.clone(), board);
        let declare = Declare {
            devices: vec![DeviceDecl {
                no: DeviceNo(0),
                device: "a".parse().unwrap(),
                epoch: Epoch(1),
            }],
            families: vec![FamilyDecl {
                no: FamilyNo(0),
                name: "load".into(),
                kind: Kind::Gauge,
                help: "Load.".into(),
            }],
            series: vec![SeriesDecl {
                no: SeriesNo(0),
                device: DeviceNo(0),
                family: FamilyNo(0),
                labels: Vec::new(),
                interval_ms: 1_000,
            }],
        };
        link.declare(declare, Tick(1));
        Self {
            store,
            link,
            guards: Guards::default(),
        }
    }

    /// A value comes in so long after the beginning, in milliseconds; below 0 is before it.
    fn polled(&mut self, at_ms: i64, value: f64) {
        let (tick, unix_ms) = times(at_ms);
        let poll = Poll(DeviceNo(0), unix_ms, vec![(SeriesNo(0), Value(value))]);
        self.link.ingest(&[poll], tick, unix_ms);
    }
}

fn times(at_ms: i64) -> (Tick, u64) {
    let tick = BEGIN.checked_add_signed(at_ms).unwrap();
    (Tick(tick), UNIX.checked_add_signed(at_ms).unwrap())
}

/// `load` may not be above 1 for so long.
fn guard(hold: Span) -> Guard {
    Guard {
        metric: "load".into(),
        labels: BTreeMap::new(),
        above: Some(1.0),
        below: None,
        hold,
    }
}

impl Stage {
    /// Watched from `at_ms` on, which may be after the beginning.
    fn watch(&mut self, at_ms: i64, holds: &[Span]) {
        let device = "a".parse().unwrap();
        let guards: Vec<_> = holds.iter().copied().map(guard).collect();
        let times = (Tick(BEGIN), times(at_ms).0);
        self.guards.watch(RUN, 0, &device, times, &guards);
    }

    /// Each verdict: why a guard is broken, or that they have held.
    fn look(&mut self, at_ms: i64) -> Vec<String> {
        let verdicts = self.guards.look(&self.store, times(at_ms).0);
        let said = verdicts.into_iter().map(|verdict| {
            assert_eq!((verdict.run, verdict.step), (RUN, 0));
            verdict.broken.map_or_else(|| "held".into(), |(_, why)| why)
        });
        said.collect()
    }
}

#[test]
fn a_spike_from_before_the_steps_end_breaks_no_guard() {
    let mut stage = Stage::new();
    stage.polled(-100, 9.0);
    stage.watch(0, &[Span::from_secs(3)]);
    assert!(stage.look(500).is_empty());
    stage.polled(900, 0.5);
    assert!(stage.look(1_000).is_empty());
    stage.polled(1_900, 2.0);
    assert_eq!(stage.look(2_000), ["load was 2, above 1"]);
    assert!(stage.guards.is_empty());
}

#[test]
fn a_value_from_before_the_steps_end_is_none_that_was_seen() {
    let mut stage = Stage::new();
    stage.polled(-100, 0.5);
    stage.watch(0, &[Span::from_secs(3)]);
    assert!(stage.look(500).is_empty());
    assert_eq!(stage.look(3_000), ["no value of load was seen for 3s"]);
}

#[test]
fn a_series_is_told_without_the_device_that_everybody_knows_already() {
    for (labels, device, expected) in [
        (r#"{device="a"}"#, "a", ""),
        (r#"{device="a",window="5s"}"#, "a", r#"{window="5s"}"#),
        (r#"{device="ab",x="y"}"#, "a", r#"{device="ab",x="y"}"#),
        (r#"{device="a\"b",x="y"}"#, "a\"b", r#"{x="y"}"#),
    ] {
        assert_eq!(without_device(labels, device), expected);
    }
}

#[test]
fn that_guards_have_held_is_said_once_all_were_watched_to_their_end() {
    let mut stage = Stage::new();
    stage.watch(0, &[Span::from_secs(1), Span::from_secs(3)]);
    stage.polled(900, 0.5);
    assert!(stage.look(1_000).is_empty(), "one of the two goes on");
    assert!(stage.look(2_999).is_empty());
    assert_eq!(stage.look(3_000), ["held"]);
    assert!(stage.guards.is_empty());
    assert!(stage.look(3_250).is_empty());
}

#[test]
fn guards_that_are_asked_for_late_are_watched_no_shorter() {
    let mut stage = Stage::new();
    stage.polled(500, 0.5);
    stage.watch(2_000, &[Span::from_secs(3)]);
    assert!(stage.look(3_000).is_empty());
    assert!(stage.look(4_999).is_empty());
    stage.polled(4_999, 2.0);
    assert_eq!(stage.look(5_000), ["load was 2, above 1"]);
}
