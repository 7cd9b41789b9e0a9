//! Whatever an agent declares, the page can be read, and label values come out of it as they were told.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use netwolf_exposition::Format;
use netwolf_manager::{
    board::Board,
    clock::Tick,
    exposition::render,
    fuzzing,
    inventory::Inventory,
    series::{LinkTable, SeriesStore},
};
use netwolf_wire::{
    Epoch, ShardId,
    message::Declare,
    series::{DeviceDecl, DeviceNo, FamilyDecl, FamilyNo, Kind, Poll, SeriesDecl, SeriesNo, Value},
};

use crate::{page, parts::END};

const NOW: Tick = Tick(10);

/// Series of one input.
const MAX_SERIES: usize = 64;

/// Bytes of a value that is sure to be taken: with both labels and all escapes it is under the bound of a label set.
const SURE: usize = 500;

/// The device whose series are sound.
const SOUND: &str = "r1";
/// The device that tells whatever it likes.
const ODD: &str = "r2";

/// Reads the input as series, four parts each: kind and name, help, label, its value. They are declared as they are by
/// one device; of another, only help and label value are theirs, and must be on the page.
///
/// # Panics
/// When the page cannot be read, or lacks a sound series.
pub fn run(data: &[u8]) {
    let texts: Vec<_> = data
        .split(|byte| *byte == END)
        .map(String::from_utf8_lossy)
        .collect();
    let told: Vec<Told> = texts.chunks(4).take(MAX_SERIES).map(Told::of).collect();
    let store = store(&told);
    for format in [Format::Text, Format::OpenMetrics] {
        let samples = page::read(&render(format, Vec::new(), &store, NOW), format);
        for (number, told) in told.iter().enumerate().filter(|(_, told)| told.is_sure()) {
            let labels = sound_labels(number, told)
                .into_iter()
                .filter(|(_, value)| !value.is_empty());
            let device = [("device".to_owned(), SOUND.to_owned())];
            let labels: BTreeMap<_, _> = device.into_iter().chain(labels).collect();
            let mut found = samples
                .iter()
                .filter(|sample| sample.name == "sound" && sample.labels == labels);
            let sample = found
                .next()
                .unwrap_or_else(|| panic!("{labels:?} is not on the page"));
            let is_same = sample.value.to_bits() == told.number.to_bits();
            assert!(
                is_same || (sample.value.is_nan() && told.number.is_nan()),
                "{sample:?} of {told:?}"
            );
        }
    }
}

/// A series as an agent tells of it.
#[derive(Debug)]
struct Told {
    kind: Kind,
    name: String,
    help: String,
    label: String,
    text: String,
    number: f64,
}

impl Told {
    fn of(texts: &[std::borrow::Cow<'_, str>]) -> Self {
        let text = |index: usize| {
            texts
                .get(index)
                .map_or_else(String::new, ToString::to_string)
        };
        let name = text(0);
        let mut rest = name.chars();
        let kind = match rest.next() {
            Some('c') => Kind::Counter,
            Some('i') => Kind::Info,
            Some('s') => Kind::StateSet,
            _ => Kind::Gauge,
        };
        let help = text(1);
        Self {
            kind,
            name: rest.collect(),
            label: text(2),
            text: text(3),
            number: help.parse().unwrap_or(1.0),
            help,
        }
    }

    fn is_sure(&self) -> bool {
        self.text.len() <= SURE
    }
}

fn sound_labels(number: usize, told: &Told) -> [(String, String); 2] {
    [
        ("number".into(), number.to_string()),
        ("text".into(), told.text.clone()),
    ]
}

fn store(told: &[Told]) -> Arc<SeriesStore> {
    static INVENTORY: LazyLock<Inventory> = LazyLock::new(|| fuzzing::inventory(&[SOUND, ODD]));
    let (store, board): (Arc<SeriesStore>, Arc<Board>) = Default::default();
    board.set_inventory(&INVENTORY);
    let sound = told.iter().enumerate().map(|(number, told)| {
        let family = ("sound".to_owned(), Kind::Gauge, told.help.clone());
        (family, sound_labels(number, told).to_vec(), told.number)
    });
    tell(&store, &board, SOUND, sound);
    let odd = told.iter().map(|told| {
        let family = (told.name.clone(), told.kind, told.help.clone());
        (
            family,
            vec![(told.label.clone(), told.text.clone())],
            told.number,
        )
    });
    tell(&store, &board, ODD, odd);
    store
}

/// Name, kind and help of a family, labels, a value.
type Series = ((String, Kind, String), Vec<(String, String)>, f64);

/// An agent of its own tells the series of a device.
fn tell(
    store: &Arc<SeriesStore>,
    board: &Arc<Board>,
    device: &str,
    series: impl Iterator<Item = Series>,
) {
    let shard = ShardId {
        agent: "a".parse().expect("a name"),
        index: 0,
    };
    let slot = board.device(device).expect("it is in the inventory");
    slot.set_lease(Some((shard, Epoch(1))));
    let mut declare = Declare {
        devices: vec![DeviceDecl {
            no: DeviceNo(0),
            device: device.parse().expect("a name"),
            epoch: Epoch(1),
        }],
        ..Declare::default()
    };
    let mut samples = Vec::new();
    for (no, ((name, kind, help), labels, value)) in (0..).zip(series) {
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
    let mut link = LinkTable::new(store.clone(), board.clone());
    link.declare(declare, NOW);
    link.ingest(&[Poll(DeviceNo(0), 1, samples)], NOW, 1);
}
