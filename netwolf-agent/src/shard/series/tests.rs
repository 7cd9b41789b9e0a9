use netwolf_wire::series::Value;

use super::*;

fn family(name: &str) -> Family {
    Family {
        name: name.into(),
        kind: Kind::Gauge,
        help: "Help.".into(),
    }
}

fn labels(value: &str) -> Arc<Labels> {
    [("interface".into(), value.into())].into()
}

struct Bench {
    table: SeriesTable,
    device: DeviceNo,
    family: FamilyNo,
    now: Instant,
    seq: Seq,
}

impl Bench {
    fn new() -> Self {
        let mut table = SeriesTable::default();
        table.new_link();
        let device = table.add_device(DeviceName::new("r1").unwrap(), Epoch(1));
        let family = table.family(&family("netwolf_up"));
        Self {
            table,
            device,
            family,
            now: Instant::now(),
            seq: 0,
        }
    }

    fn number(&mut self, label: &str, guess: Option<SeriesNo>) -> Option<SeriesNo> {
        let poll = PollContext {
            device: self.device,
            seq: self.seq,
            interval: Duration::from_secs(1),
            now: self.now,
        };
        self.table.number(poll, self.family, labels(label), guess)
    }

    fn poll(&mut self, label: &str) -> Poll {
        let no = self.number(label, None).unwrap();
        self.seq += 1;
        Poll(self.device, 0, vec![(no, Value(1.0))])
    }

    fn declared(&mut self, polls: &[Poll]) -> (usize, usize, usize) {
        let mut messages = Vec::new();
        self.table.declare(polls, &mut messages);
        messages.iter().fold((0, 0, 0), |(d, f, s), message| {
            (
                d + message.devices.len(),
                f + message.families.len(),
                s + message.series.len(),
            )
        })
    }
}

#[test]
fn a_series_keeps_its_number_and_a_wrong_guess_is_noticed() {
    let mut bench = Bench::new();
    let first = bench.number("Gi1", None).unwrap();
    let second = bench.number("Gi2", None).unwrap();
    assert_ne!(first, second);
    assert_eq!(bench.number("Gi1", Some(first)), Some(first));
    assert_eq!(bench.number("Gi1", Some(second)), Some(first));
    assert_eq!(bench.number("Gi1", Some(SeriesNo(99))), Some(first));
}

#[test]
fn numbers_are_declared_once_a_link() {
    let mut bench = Bench::new();
    let polls = [bench.poll("Gi1"), bench.poll("Gi2")];
    assert_eq!(bench.declared(&polls), (1, 1, 2));
    assert_eq!(bench.declared(&polls), (0, 0, 0));
    bench.table.new_link();
    assert_eq!(bench.declared(&polls), (1, 1, 2));
}

#[test]
fn a_new_lease_declares_the_device_again_and_its_series_when_they_are_seen() {
    let mut bench = Bench::new();
    let polls = [bench.poll("Gi1")];
    bench.declared(&polls);
    bench.table.renew_device(bench.device, Epoch(2));
    let polls = [bench.poll("Gi1")];
    assert_eq!(bench.declared(&polls), (1, 0, 1));
}

#[test]
fn one_device_cannot_have_all_the_series_in_the_world() {
    let mut bench = Bench::new();
    for n in 0..MAX_SERIES_OF_A_DEVICE {
        assert!(bench.number(&n.to_string(), None).is_some());
    }
    assert_eq!(bench.number("one more", None), None);
    assert!(bench.number("0", None).is_some());
}

#[test]
fn long_declarations_are_split() {
    let mut bench = Bench::new();
    let polls: Vec<_> = (0..3000)
        .map(|n| bench.poll(&format!("{n:01000}")))
        .collect();
    let mut messages = Vec::new();
    bench.table.declare(&polls, &mut messages);
    assert!(messages.len() >= 3, "{}", messages.len());
    for message in &messages {
        assert!(serde_json::to_vec(message).unwrap().len() < 2 * MAX_DECLARE_BYTES);
    }
    assert_eq!(
        messages
            .iter()
            .map(|message| message.series.len())
            .sum::<usize>(),
        3000
    );
}

#[test]
fn a_number_that_a_buffered_poll_refers_to_is_not_used_again() {
    let mut bench = Bench::new();
    let poll = bench.poll("Gi1");
    let late = bench.now + Duration::from_hours(1);
    bench.table.sweep(late, 0);
    assert_eq!(
        bench.number("Gi1", None),
        Some(poll.2[0].0),
        "the poll waits still"
    );

    bench.table.retire_device(bench.device, bench.seq);
    assert!(!bench.table.is_live(bench.device));
    bench.table.sweep(late, 0);
    let other = bench
        .table
        .add_device(DeviceName::new("r2").unwrap(), Epoch(1));
    assert_ne!(other, bench.device);
    bench.table.sweep(late, bench.seq);
    let another = bench
        .table
        .add_device(DeviceName::new("r3").unwrap(), Epoch(1));
    assert_eq!(
        another, bench.device,
        "nothing refers to the number any more"
    );
}

#[test]
fn a_series_that_is_not_seen_for_long_gives_its_number_back() {
    let mut bench = Bench::new();
    let gone = bench.poll("Gi1").2[0].0;
    bench.now += FORGET_AFTER + Duration::from_secs(1);
    let kept = bench.poll("Gi2").2[0].0;
    bench.table.sweep(bench.now, bench.seq);
    assert_eq!(bench.number("Gi2", None), Some(kept));
    assert_eq!(bench.number("Gi3", None), Some(gone));
    let polls = [Poll(bench.device, 0, vec![(gone, Value(1.0))])];
    assert_eq!(
        bench.declared(&polls),
        (1, 1, 1),
        "it is declared as what it is now"
    );
}
