//! `show interfaces`: some thirty rows for each interface.

use std::fmt::Write as _;

use super::{INTERFACES, Interface, Kind, Traffic};
use crate::ios::View;

/// `show interfaces [NAME]`.
pub(in crate::ios) fn details(view: View<'_>, wanted: &str) -> String {
    let wanted = wanted.to_ascii_lowercase();
    let mut text = String::with_capacity(10_000);
    for interface in &INTERFACES {
        if wanted.is_empty() || interface.is_called(&wanted) {
            detail(interface, view, &mut text);
        }
    }
    if text.is_empty() {
        text.push_str("% Invalid interface name\n");
    }
    text
}

fn detail(interface: &Interface, view: View<'_>, text: &mut String) {
    let (status, protocol) = interface.status();
    let input = interface.traffic(view, 50);
    let output = interface.traffic(view, 60);
    let mut row = |line: std::fmt::Arguments<'_>| {
        writeln!(text, "{line}").expect("a string takes all");
    };
    row(format_args!(
        "{} is {status}, line protocol is {protocol} ",
        interface.name
    ));
    let (mtu, bandwidth, delay) = match interface.kind {
        Kind::Gigabit => {
            let mac = interface.mac(view);
            row(format_args!(
                "  Hardware is CN Gigabit Ethernet, address is {mac} (bia {mac})"
            ));
            (1_500, 1_000_000, 10)
        }
        Kind::Serial => {
            row(format_args!("  Hardware is GT96K Serial"));
            (1_500, 1_544, 20_000)
        }
        Kind::Loopback => {
            row(format_args!("  Hardware is Loopback"));
            (1_514, 8_000_000, 5_000)
        }
        Kind::Tunnel => {
            row(format_args!("  Hardware is Tunnel"));
            (17_916, 100, 50_000)
        }
    };
    if !interface.description.is_empty() {
        row(format_args!("  Description: {}", interface.description));
    }
    if let Some((address, length)) = interface.address(view) {
        row(format_args!("  Internet address is {address}/{length}"));
    }
    row(format_args!(
        "  MTU {mtu} bytes, BW {bandwidth} Kbit/sec, DLY {delay} usec, "
    ));
    let load =
        |traffic: &Traffic| (traffic.bits_per_second * 255 / (bandwidth * 1_000)).clamp(1, 255);
    row(format_args!(
        "     reliability 255/255, txload {}/255, rxload {}/255",
        load(&output),
        load(&input)
    ));
    media(interface, view, &mut row);
    let (last_input, last_output) = last_traffic(interface, view);
    row(format_args!(
        "  Last input {last_input}, output {last_output}, output hang never"
    ));
    row(format_args!(
        "  Last clearing of \"show interface\" counters never"
    ));
    row(format_args!(
        "  Input queue: 0/75/{}/0 (size/max/drops/flushes); Total output drops: {}",
        interface.rare(view, 70, 90_000),
        interface.rare(view, 71, 7_000),
    ));
    row(format_args!("  Queueing strategy: fifo"));
    let queue = if interface.kind == Kind::Gigabit {
        40
    } else {
        0
    };
    row(format_args!("  Output queue: 0/{queue} (size/max)"));
    for (name, traffic) in [("input", &input), ("output", &output)] {
        row(format_args!(
            "  5 minute {name} rate {} bits/sec, {} packets/sec",
            traffic.bits_per_second, traffic.packets_per_second
        ));
    }
    counters(interface, view, [&input, &output], &mut row);
}

/// The rows between load and last traffic, which depend on the medium.
fn media(interface: &Interface, view: View<'_>, row: &mut impl FnMut(std::fmt::Arguments<'_>)) {
    match interface.kind {
        Kind::Gigabit => {
            row(format_args!("  Encapsulation ARPA, loopback not set"));
            row(format_args!("  Keepalive set (10 sec)"));
            let mode = if interface.enabled {
                "Full Duplex, 1Gbps"
            } else {
                "Auto Duplex, Auto Speed"
            };
            row(format_args!("  {mode}, media type is RJ45"));
            row(format_args!(
                "  output flow-control is unsupported, input flow-control is unsupported"
            ));
            row(format_args!("  ARP type: ARPA, ARP Timeout 04:00:00"));
        }
        Kind::Serial => {
            row(format_args!("  Encapsulation HDLC, loopback not set"));
            row(format_args!("  Keepalive set (10 sec)"));
        }
        Kind::Loopback => {
            row(format_args!("  Encapsulation LOOPBACK, loopback not set"));
            row(format_args!("  Keepalive set (10 sec)"));
        }
        Kind::Tunnel => {
            row(format_args!("  Encapsulation TUNNEL, loopback not set"));
            row(format_args!("  Keepalive not set"));
            let source = &INTERFACES[0];
            if let Some((address, _)) = source.address(view) {
                row(format_args!(
                    "  Tunnel source {address} ({}), destination 192.0.2.1",
                    source.name
                ));
            }
            row(format_args!("  Tunnel protocol/transport GRE/IP"));
        }
    }
}

/// When something last came in and went out.
fn last_traffic(interface: &Interface, view: View<'_>) -> (&'static str, &'static str) {
    if interface.rates.1 == 0 {
        ("never", "never")
    } else if view.now.since_boot.as_secs().is_multiple_of(2) {
        ("00:00:00", "00:00:00")
    } else {
        ("00:00:01", "00:00:00")
    }
}

fn counters(
    interface: &Interface,
    view: View<'_>,
    [input, output]: [&Traffic; 2],
    row: &mut impl FnMut(std::fmt::Arguments<'_>),
) {
    let gigabit = interface.kind == Kind::Gigabit;
    let crc = interface.rare(view, 72, 40_000);
    row(format_args!(
        "     {} packets input, {} bytes, 0 no buffer",
        input.packets, input.bytes
    ));
    row(format_args!(
        "     Received {} broadcasts (0 IP multicasts)",
        input.packets / 900
    ));
    row(format_args!("     0 runts, 0 giants, 0 throttles "));
    let abort = if gigabit { "" } else { ", 0 abort" };
    row(format_args!(
        "     {crc} input errors, {crc} CRC, 0 frame, 0 overrun, 0 ignored{abort}"
    ));
    if gigabit {
        row(format_args!(
            "     0 watchdog, {} multicast, 0 pause input",
            input.packets / 1_300
        ));
    }
    row(format_args!(
        "     {} packets output, {} bytes, 0 underruns",
        output.packets, output.bytes
    ));
    let resets = if interface.enabled { 2 } else { 0 };
    row(format_args!(
        "     0 output errors, 0 collisions, {resets} interface resets"
    ));
    row(format_args!("     0 unknown protocol drops"));
    if gigabit {
        row(format_args!("     0 babbles, 0 late collision, 0 deferred"));
        row(format_args!(
            "     0 lost carrier, 0 no carrier, 0 pause output"
        ));
    }
    row(format_args!(
        "     0 output buffer failures, 0 output buffers swapped out"
    ));
    if interface.kind == Kind::Serial {
        row(format_args!("     1 carrier transitions"));
        row(format_args!("     DCD=up  DSR=up  DTR=up  RTS=up  CTS=up"));
        row(format_args!(""));
    }
}
