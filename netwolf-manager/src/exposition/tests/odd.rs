//! Whatever devices answer and agents declare, the page can be read, and what is sound is on it. The reader here is
//! strict, and shares nothing with the writer.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{prelude::*, sample::select};

use super::*;

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

/// A sample line: name, labels, value.
struct Sample<'a> {
    name: &'a str,
    labels: BTreeMap<&'a str, String>,
    value: f64,
}

/// What stands before the first character that is none of a name, and the rest.
fn word(text: &str) -> (&str, &str) {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let end = text.find(|c| !is_of_name(c)).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    assert!(
        !word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit()),
        "{text:?}"
    );
    (word, rest)
}

/// A text in quotes, and the rest.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.strip_prefix('"').unwrap().chars();
    loop {
        match chars.next().expect("a closing quote") {
            '"' => return (value, chars.as_str()),
            '\\' => value.push(match chars.next() {
                Some('n') => '\n',
                Some(c @ ('\\' | '"')) => c,
                other => panic!("escaped {other:?} in {text:?}"),
            }),
            c => value.push(c),
        }
    }
}

fn sample(line: &str) -> Sample<'_> {
    let (name, mut rest) = word(line);
    let mut labels = BTreeMap::new();
    if let Some(mut inner) = rest.strip_prefix('{') {
        loop {
            let (label, behind) = word(inner);
            let (value, behind) = quoted(behind.strip_prefix('=').unwrap());
            assert!(
                !label.contains(':') && labels.insert(label, value).is_none(),
                "{line:?}"
            );
            match behind.split_at(1) {
                (",", behind) => inner = behind,
                ("}", behind) => {
                    rest = behind;
                    break;
                }
                _ => panic!("{line:?}"),
            }
        }
    }
    let value = match rest.strip_prefix(' ').unwrap() {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        number => number.parse().unwrap_or_else(|_| panic!("{line:?}")),
    };
    Sample {
        name,
        labels,
        value,
    }
}

/// What may stand behind the name of a family in the names of its samples.
fn suffixes(format: Format, kind: &str) -> &'static [&'static str] {
    match (format, kind) {
        (_, "histogram") => &["_bucket", "_sum", "_count"],
        (Format::OpenMetrics, "counter") => &["_total"],
        (Format::OpenMetrics, "info") => &["_info"],
        (_, "gauge" | "counter") | (Format::OpenMetrics, "stateset") => &[""],
        other => panic!("{other:?}"),
    }
}

/// Reads a page to its end; gives its sample lines.
fn read(page: &str, format: Format) -> BTreeSet<String> {
    let page = match format {
        Format::Text => page,
        Format::OpenMetrics => page.strip_suffix("# EOF\n").expect("an end"),
    };
    let page = page.strip_suffix('\n').expect("an end of the last line");
    let mut names = BTreeMap::<String, &str>::new();
    let (mut series, mut lines) = (BTreeSet::new(), BTreeSet::new());
    let mut family = ("", "", true);
    for line in page.split('\n') {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(family.2, "{} has no samples", family.0);
            family = (word(rest).0, "", false);
            let former = names.insert(family.0.to_owned(), family.0);
            assert_eq!(former, None, "{} comes twice", family.0);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = word(rest);
            assert_eq!((name, family.1), (family.0, ""));
            family.1 = kind.trim_start();
        } else if let Some(rest) = line.strip_prefix("# UNIT ") {
            assert!(format == Format::OpenMetrics && word(rest).0 == family.0);
        } else {
            let Sample {
                name,
                labels,
                value,
            } = sample(line);
            let suffix = name
                .strip_prefix(family.0)
                .unwrap_or_else(|| panic!("{line:?} of {family:?}"));
            assert!(
                suffixes(format, family.1).contains(&suffix),
                "{line:?} of {family:?}"
            );
            match family.1 {
                "counter" => assert!(value >= 0.0, "{line:?}"),
                "info" => assert_eq!(value.to_bits(), 1.0f64.to_bits(), "{line:?}"),
                "stateset" => {
                    assert!(
                        value.to_bits() == 0 || value.to_bits() == 1.0f64.to_bits(),
                        "{line:?}"
                    );
                    assert!(labels.contains_key(family.0), "{line:?}");
                }
                _ => {}
            }
            let owner = names.entry(name.to_owned()).or_insert(family.0);
            assert_eq!(*owner, family.0, "{line:?}");
            family.2 = true;
            assert!(series.insert((name, labels)), "{line:?} comes twice");
            lines.insert(line.to_owned());
        }
    }
    lines
}

proptest! {
    #[test]
    fn nothing_that_is_told_spoils_the_page(
        odd in prop::collection::vec(told(), 0..12),
        also in prop::collection::vec(told(), 0..12),
    ) {
        let told = [odd, also];
        for format in [Format::Text, Format::OpenMetrics] {
            let lines = read(&page(&told, format), format);
            let is_there = lines.contains("good{device=\"sw-1\"} 1");
            prop_assert!(is_there);
        }
    }
}
