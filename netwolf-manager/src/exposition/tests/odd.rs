//! Whatever devices answer and agents declare, the page can be read, and what is sound is on it. The reader is that of
//! the fuzz target.

use std::collections::BTreeMap;

use proptest::{prelude::*, sample::select};

use super::*;

#[path = "../../../../tests/fuzz/bodies/src/page.rs"]
mod page;

/// What an agent says of one series.
type Told = ((String, Kind, String), Vec<(String, String)>, f64);

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[ -~\n\\\\\"]{0,12}"]
}

fn name(known: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![4 => select(known).prop_map(str::to_owned), 1 => text()]
}

fn told() -> impl Strategy<Value = Told> {
    const FAMILIES: &[&str] = &[
        "load",
        "load_total",
        "load_info",
        "load_created",
        "load_bucket",
        "good",
        "good_total",
        "netwolf_device_up",
        "netwolf_agent_logins",
        "process_open_fds",
        "probe_success",
        "1x",
        "a-b",
    ];
    const LABELS: &[&str] = &[
        "interface",
        "device",
        "load",
        "le",
        "__name__",
        "a:b",
        "1x",
        "",
    ];
    let kinds = select(vec![Kind::Gauge, Kind::Counter, Kind::Info, Kind::StateSet]);
    let labels = prop::collection::vec((name(LABELS), text()), 0..4);
    let value = prop_oneof![any::<f64>(), select(vec![0.0, 1.0, -1.0, f64::NAN])];
    ((name(FAMILIES), kinds, text()), labels, value)
}

/// Two agents, each with a device of its own, tell these things; a third device is sound.
fn page(told: &[Vec<Told>; 2], format: Format) -> String {
    let (store, board): (Arc<SeriesStore>, Arc<Board>) = Default::default();
    board.set_inventory(&testing::inventory([
        ("odd", 22),
        ("also", 22),
        ("sw-1", 22),
    ]));
    let good = (
        ("good".to_owned(), Kind::Gauge, "Is good.".to_owned()),
        Vec::new(),
        1.0,
    );
    let [odd, also] = told.clone();
    let lists = [("sw-1", vec![good]), ("odd", odd), ("also", also)];
    for (device, told) in lists {
        let shard = ShardId {
            agent: "x".parse().unwrap(),
            index: 0,
        };
        let slot = board.device(device).unwrap();
        slot.set_lease(Some((shard, Epoch(1))));
        let mut link = LinkTable::new(store.clone(), board.clone());
        let mut declare = Declare {
            devices: vec![DeviceDecl {
                no: DeviceNo(0),
                device: device.parse().unwrap(),
                epoch: Epoch(1),
            }],
            ..Declare::default()
        };
        let mut samples = Vec::new();
        for (no, ((name, kind, help), labels, value)) in (0..).zip(told) {
            declare.families.push(FamilyDecl {
                no: FamilyNo(no),
                name,
                kind,
                help,
            });
            declare.series.push(SeriesDecl {
                no: SeriesNo(no),
                device: DeviceNo(0),
                family: FamilyNo(no),
                labels,
                interval_ms: 1_000,
            });
            samples.push((SeriesNo(no), Value(value)));
        }
        link.declare(declare, NOW);
        link.ingest(&[Poll(DeviceNo(0), 1, samples)], NOW, 1);
    }
    render(format, own(), &store, NOW)
}

proptest! {
    #[test]
    fn nothing_that_is_told_spoils_the_page(
        odd in prop::collection::vec(told(), 0..12),
        also in prop::collection::vec(told(), 0..12),
    ) {
        let told = [odd, also];
        for format in [Format::Text, Format::OpenMetrics] {
            let good = page::Sample {
                name: "good".to_owned(),
                labels: BTreeMap::from([("device".to_owned(), "sw-1".to_owned())]),
                value: 1.0,
            };
            let samples = page::read(&page(&told, format), format);
            prop_assert!(samples.contains(&good));
        }
    }
}
