//! Whole pages in both formats, pinned, and read by `promtool` where it is installed.

use std::sync::Arc;

use netwolf_wire::{
    Epoch, ShardId,
    message::Declare,
    series::{DeviceDecl, DeviceNo, FamilyDecl, FamilyNo, Poll, SeriesDecl, SeriesNo, Value},
    stats::Histogram,
};
use prometheus_client::registry::Registry;

use super::*;
use crate::{board::Board, series::LinkTable, testing};

mod odd;

const NOW: Tick = Tick(10);

fn store() -> Arc<SeriesStore> {
    let (store, board): (Arc<SeriesStore>, Arc<Board>) = Default::default();
    board.set_inventory(&testing::inventory([("sw-1", 22)]));
    let shard = ShardId {
        agent: "x".parse().unwrap(),
        index: 0,
    };
    board
        .device("sw-1")
        .unwrap()
        .set_lease(Some((shard, Epoch(1))));
    let family = |no, name: &str, kind, help: &str| FamilyDecl {
        no: FamilyNo(no),
        name: name.into(),
        kind,
        help: help.into(),
    };
    let series = |no, family, labels: &[(&str, &str)]| SeriesDecl {
        no: SeriesNo(no),
        device: DeviceNo(0),
        family: FamilyNo(family),
        labels: labels
            .iter()
            .map(|(n, v)| ((*n).into(), (*v).into()))
            .collect(),
        interval_ms: 1_000,
    };
    let state = |state| ("netwolf_bgp_session_state", state);
    let mut link = LinkTable::new(store.clone(), board.clone());
    let declare = Declare {
        devices: vec![DeviceDecl {
            no: DeviceNo(0),
            device: "sw-1".parse().unwrap(),
            epoch: Epoch(1),
        }],
        families: vec![
            family(
                0,
                "netwolf_cpu_utilization_ratio",
                Kind::Gauge,
                "From \"show\" \\ cpu\nnow.",
            ),
            family(
                1,
                "netwolf_interface_receive_bytes_total",
                Kind::Counter,
                "Octets.",
            ),
            family(2, "netwolf_device_info", Kind::Info, "From `show version`."),
            family(3, "netwolf_silent", Kind::Gauge, "Has no samples."),
            family(
                4,
                "netwolf_bgp_session_state",
                Kind::StateSet,
                "State of the session.",
            ),
        ],
        series: vec![
            series(0, 0, &[("window", "5s")]),
            series(1, 1, &[("interface", "Gi1")]),
            series(2, 1, &[("interface", "Gi0/\"0\"")]),
            series(3, 2, &[("version", "15.2(4)E")]),
            series(4, 3, &[]),
            series(5, 4, &[state("idle"), ("peer", "b")]),
            series(6, 4, &[state("established"), ("peer", "b")]),
            series(7, 4, &[state("idle"), ("peer", "a")]),
            series(8, 4, &[state("established"), ("peer", "a")]),
        ],
    };
    link.declare(declare, NOW);
    let samples = [
        (0, 0.07),
        (1, 1e15),
        (2, f64::INFINITY),
        (3, 1.0),
        (5, 1.0),
        (6, 0.0),
        (7, 0.0),
        (8, 1.0),
    ];
    let samples = samples
        .map(|(no, value)| (SeriesNo(no), Value(value)))
        .to_vec();
    link.ingest(&[Poll(DeviceNo(0), 1, samples)], NOW, 1);
    store
}

fn own() -> Vec<OwnFamily> {
    let mut up = OwnFamily::new("netwolf_device_up", Type::Gauge, "Whether it is up.");
    up.add(&[("device", "sw-1")], 1.0);
    let mut logins = OwnFamily::new("netwolf_agent_logins", Type::Counter, "Logins.");
    logins.count(&[("agent", "a"), ("shard", "0")], 3);
    let mut seconds = OwnFamily::new("netwolf_poll_seconds", Type::Histogram, "Poll times.");
    let mut histogram = Histogram::default();
    for seconds in [0.0015, 0.3, 9.0] {
        histogram.observe(seconds);
    }
    seconds.histogram(&[("collector", "cpu")], &histogram);
    let empty = OwnFamily::new("netwolf_agent_nothing", Type::Gauge, "Not there.");
    vec![up, logins, seconds, empty]
}

#[test]
fn text_page() {
    insta::assert_snapshot!(render(Format::Text, own(), &store(), NOW));
}

#[test]
fn open_metrics_page() {
    insta::assert_snapshot!(render(Format::OpenMetrics, own(), &store(), NOW));
}

#[test]
fn counts_from_outside_stop_at_the_end_of_numbers() {
    let mut family = OwnFamily::new("netwolf_poll_seconds", Type::Histogram, "Poll times.");
    let histogram = Histogram {
        over: u64::MAX,
        buckets: [u64::MAX; 12],
        sum: 1.0,
    };
    family.histogram(&[], &histogram);
    assert_eq!(family.lines().lines().count(), 15);
}

#[test]
fn a_registry_becomes_families() {
    let mut registry = Registry::default();
    let counter = prometheus_client::metrics::counter::Counter::<u64>::default();
    counter.inc();
    registry.register("netwolf_x", "Counts x", counter);
    registry.register(
        "netwolf_y",
        "Is y",
        prometheus_client::metrics::gauge::Gauge::<i64>::default(),
    );
    let families = from_registry(&registry);
    let x = &families[0];
    assert_eq!(
        (x.base(), x.kind(), x.help()),
        ("netwolf_x", Type::Counter, "Counts x.")
    );
    assert_eq!(x.lines(), "netwolf_x_total 1\n");
    assert_eq!(
        (families[1].kind(), families[1].lines()),
        (Type::Gauge, "netwolf_y 0\n")
    );
}

#[test]
fn promtool_accepts_the_text_page() {
    let page = render(Format::Text, own(), &store(), NOW);
    testing::promtool(&page);
}
