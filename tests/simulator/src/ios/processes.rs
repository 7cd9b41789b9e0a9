//! `show processes cpu` and `show processes memory`.

use std::fmt::Write as _;

use super::View;
use crate::laws::{self, Cpu};

/// Names of processes and their share of the load, in thousandths of it.
const PROCESSES: [(&str, u64); 28] = [
    ("Chunk Manager", 0),
    ("Load Meter", 8),
    ("Connection Mgr", 0),
    ("Check heaps", 140),
    ("Pool Manager", 4),
    ("Timers", 0),
    ("ARP Input", 31),
    ("ARP Background", 3),
    ("AAA_SERVER_DEADT", 0),
    ("Policy Manager", 0),
    ("Entity MIB API", 0),
    ("IPC Dynamic Cach", 2),
    ("IPC Periodic Tim", 5),
    ("IPC Deferred Por", 5),
    ("Net Background", 12),
    ("Logger", 6),
    ("TTY Background", 7),
    ("Per-Second Jobs", 44),
    ("Per-minute Jobs", 9),
    ("Net Input", 62),
    ("Compute load avg", 13),
    ("SSH Process", 58),
    ("IP Input", 270),
    ("CEF: IPv4 proces", 48),
    ("TCP Timer", 11),
    ("OSPF-1 Hello", 37),
    ("BGP Router", 85),
    ("SNMP ENGINE", 140),
];

/// Bytes of the two memory pools; the first is about the size that `show version` tells.
const PROCESSOR_POOL: u64 = 425_041_920;
const IO_POOL: u64 = 46_137_344;

fn process_number(index: usize) -> u64 {
    u64::try_from(index).expect("a small number fits") + 1
}

/// With the rows of those processes whose names are `wanted`.
pub(super) fn cpu(view: View<'_>, wanted: impl Fn(&str) -> bool) -> String {
    let law = Cpu::new(view.facts.key);
    let second = view.now.since_boot.as_secs();
    let five_seconds = law.five_seconds(second);
    let interrupts = law.interrupts(second);
    let minute = law.mean(second, 60);
    let five_minutes = law.mean(second, 300);
    let mut text = String::with_capacity(80 * (PROCESSES.len() + 2));
    writeln!(
        text,
        "CPU utilization for five seconds: {five_seconds}%/{interrupts}%; \
         one minute: {minute}%; five minutes: {five_minutes}%"
    )
    .expect("a string takes all");
    text.push_str(" PID Runtime(ms)   Invoked      uSecs   5Sec   1Min   5Min TTY Process \n");
    for (index, (name, share)) in PROCESSES.into_iter().enumerate() {
        if !wanted(name) {
            continue;
        }
        let number = process_number(index);
        // Both follow the share of a typical load: some milliseconds for each invocation.
        let own = laws::part(view.facts.key, 100 + number);
        let worked = laws::grown(own, share, view.now.since_boot);
        let (runtime, invoked) = (worked / 4, 1 + worked / 32);
        push_right(&mut text, number, 4);
        push_right(&mut text, runtime, 12);
        push_right(&mut text, invoked, 10);
        push_right(&mut text, runtime * 1_000 / invoked, 11);
        for load in [five_seconds, minute, five_minutes] {
            let hundredths = load.saturating_sub(interrupts) * share / 10;
            push_right(&mut text, hundredths / 100, 3);
            text.push('.');
            text.push_str(if hundredths % 100 < 10 { "0" } else { "" });
            push_right(&mut text, hundredths % 100, 0);
            text.push('%');
        }
        text.push_str("   0 ");
        text.push_str(name);
        // The name's column is 16 wide, and a blank ends the row.
        text.extend(std::iter::repeat_n(
            ' ',
            17_usize.saturating_sub(name.len()),
        ));
        text.push('\n');
    }
    text
}

/// Adds `value` in decimal, with blanks before it up to `width`. This table is what most polls
/// ask for, and the formatting machinery would take most of their time.
fn push_right(text: &mut String, mut value: u64, width: usize) {
    let mut digits = [b' '; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + u8::try_from(value % 10).expect("a digit");
        value /= 10;
        if value == 0 {
            break;
        }
    }
    let begin = first.min(digits.len().saturating_sub(width));
    text.push_str(std::str::from_utf8(&digits[begin..]).expect("digits and blanks are ASCII"));
}

pub(super) fn memory(view: View<'_>) -> String {
    let key = view.facts.key;
    let second = view.now.since_boot.as_secs();
    let used = laws::level(
        laws::part(key, 30),
        second,
        PROCESSOR_POOL / 4,
        PROCESSOR_POOL * 3 / 5,
    );
    let io_used = laws::level(laws::part(key, 31), second, IO_POOL / 3, IO_POOL / 2);
    let mut text = String::with_capacity(80 * (PROCESSES.len() + 6));
    for (name, total, used) in [
        ("Processor", PROCESSOR_POOL, used),
        ("I/O", IO_POOL, io_used),
    ] {
        let free = total - used;
        writeln!(
            text,
            "{name:>9} Pool Total: {total:>10} Used: {used:>10} Free: {free:>10}"
        )
        .expect("a string takes all");
    }
    text.push_str("\n PID TTY  Allocated      Freed    Holding    Getbufs    Retbufs Process\n");
    // What the system itself holds is what the processes leave of the pool in use.
    let shares: u64 = PROCESSES.iter().map(|(_, share)| share + 1).sum();
    let mut row = |number: u64, allocated: u64, freed: u64, holding: u64, name: &str| {
        writeln!(
            text,
            "{number:>4}   0 {allocated:>10} {freed:>10} {holding:>10} {:>10} {:>10} {name:<16}",
            0, 0
        )
        .expect("a string takes all");
    };
    let own_part = used / 2;
    let holdings = PROCESSES.map(|(_, share)| own_part * (share + 1) / shares);
    let held_by_system = used - holdings.iter().sum::<u64>();
    row(0, held_by_system + 4_096, 4_096, held_by_system, "*Init*");
    for (index, (name, _)) in PROCESSES.into_iter().enumerate() {
        let number = process_number(index);
        let freed = laws::grown(laws::part(key, 200 + number), number, view.now.since_boot);
        row(
            number,
            freed + holdings[index],
            freed,
            holdings[index],
            name,
        );
    }
    writeln!(text, "\n{used:>10} Total").expect("a string takes all");
    text
}
