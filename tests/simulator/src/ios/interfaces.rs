//! The router's interfaces, their traffic, and what the short commands print of them.

use std::fmt::Write as _;
use std::time::Duration;

use super::View;
use crate::clock::Moment;
use crate::laws;

mod detail;

pub(super) use detail::details;

/// The kinds of interface that differ in what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Gigabit,
    Serial,
    Loopback,
    Tunnel,
}

/// One interface as it is configured; every device has the same set with its own values.
struct Interface {
    name: &'static str,
    short: &'static str,
    kind: Kind,
    description: &'static str,
    /// Administratively up. Everything that is, is up.
    enabled: bool,
    /// Third byte and length of the address in the device's own network, if it has one.
    network: Option<(u8, u8)>,
    /// Mean traffic in and out in bytes a second: the least and the most that a device may have.
    rates: (u64, u64),
    /// Mean packet in bytes.
    packet: u64,
}

const INTERFACES: [Interface; 6] = [
    Interface {
        name: "GigabitEthernet0/0",
        short: "Gi0/0",
        kind: Kind::Gigabit,
        description: "uplink to core",
        enabled: true,
        network: Some((1, 24)),
        rates: (200_000, 30_000_000),
        packet: 811,
    },
    Interface {
        name: "GigabitEthernet0/1",
        short: "Gi0/1",
        kind: Kind::Gigabit,
        description: "site LAN",
        enabled: true,
        network: Some((2, 24)),
        rates: (150_000, 20_000_000),
        packet: 643,
    },
    Interface {
        name: "GigabitEthernet0/2",
        short: "Gi0/2",
        kind: Kind::Gigabit,
        description: "",
        enabled: false,
        network: None,
        rates: (0, 0),
        packet: 64,
    },
    Interface {
        name: "Serial0/1/0",
        short: "Se0/1/0",
        kind: Kind::Serial,
        description: "backup line",
        enabled: true,
        network: Some((3, 30)),
        rates: (2_000, 110_000),
        packet: 227,
    },
    Interface {
        name: "Loopback0",
        short: "Lo0",
        kind: Kind::Loopback,
        description: "router id",
        enabled: true,
        network: Some((255, 32)),
        rates: (0, 0),
        packet: 64,
    },
    Interface {
        name: "Tunnel0",
        short: "Tu0",
        kind: Kind::Tunnel,
        description: "",
        enabled: true,
        network: Some((4, 30)),
        rates: (1_000, 60_000),
        packet: 390,
    },
];

/// Traffic of one direction of an interface at one time.
struct Traffic {
    bytes: u64,
    packets: u64,
    bits_per_second: u64,
    packets_per_second: u64,
}

impl Interface {
    fn key(&self, view: View<'_>, what: u64) -> u64 {
        let name = self
            .name
            .bytes()
            .fold(0, |hash, byte| laws::part(hash, u64::from(byte)));
        laws::part(view.facts.key ^ name, what)
    }

    fn address(&self, view: View<'_>) -> Option<(String, u8)> {
        let (third, length) = self.network?;
        // Devices in one fleet have networks of their own: 10.0.x to 10.255.x, then over again.
        let second = view.facts.index % 256;
        let host = 1 + view.facts.index / 256 % 250;
        Some((format!("10.{second}.{third}.{host}"), length))
    }

    /// `78da.6eaf.3b82`.
    fn mac(&self, view: View<'_>) -> String {
        let key = self.key(view, 40);
        format!("0c27.{:04x}.{:04x}", key >> 16 & 0xffff, key & 0xffff)
    }

    fn status(&self) -> (&'static str, &'static str) {
        if self.enabled {
            ("up", "up")
        } else {
            ("administratively down", "down")
        }
    }

    fn traffic(&self, view: View<'_>, direction: u64) -> Traffic {
        const WINDOW: Duration = Duration::from_mins(5);
        let (least, most) = self.rates;
        let rate = laws::pick(self.key(view, direction), least, most);
        let at =
            |moment: Moment| laws::grown(self.key(view, direction + 1), rate, moment.since_boot);
        let earlier = view.now.since_boot.saturating_sub(WINDOW);
        let bytes = at(view.now);
        let recent = bytes
            - at(Moment {
                since_boot: earlier,
                ..view.now
            });
        let span = view.now.since_boot.saturating_sub(earlier).as_secs().max(1);
        Traffic {
            bytes,
            packets: bytes / self.packet,
            // IOS rounds the rate to a thousand bits a second.
            bits_per_second: recent * 8 / span / 1_000 * 1_000,
            packets_per_second: recent / self.packet / span,
        }
    }

    /// Rare events such as errors: one in `every` seconds or so, while the interface is used.
    fn rare(&self, view: View<'_>, what: u64, every: u64) -> u64 {
        if self.rates.1 == 0 {
            return 0;
        }
        (view.now.since_boot.as_secs() + self.key(view, what) % every) / every
    }

    /// Whether `wanted` (lower case) names this interface: `gi0/0`, `GigabitEthernet0/0`, `lo0`.
    fn is_called(&self, wanted: &str) -> bool {
        let digits = |c: char| c.is_ascii_digit();
        let name = self.name.to_ascii_lowercase();
        let (Some(cut), Some(own_cut)) = (wanted.find(digits), name.find(digits)) else {
            return false;
        };
        let (kind, number) = wanted.split_at(cut);
        let (own_kind, own_number) = name.split_at(own_cut);
        own_kind.starts_with(kind.trim_end()) && number == own_number
    }
}

/// `show ip interface brief`.
pub(super) fn brief(view: View<'_>) -> String {
    let mut text = format!(
        "{:<26} {:<15} OK? Method {:<21} Protocol\n",
        "Interface", "IP-Address", "Status"
    );
    for interface in &INTERFACES {
        let (status, protocol) = interface.status();
        let address = match interface.address(view) {
            Some((address, _)) => address,
            None => "unassigned".to_owned(),
        };
        writeln!(
            text,
            "{:<26} {address:<15} YES NVRAM  {status:<21} {protocol:<8}",
            interface.name
        )
        .expect("a string takes all");
    }
    text
}

/// `show interfaces description`.
pub(super) fn descriptions() -> String {
    let mut text =
        String::from("Interface                      Status         Protocol Description\n");
    for interface in &INTERFACES {
        let (status, protocol) = interface.status();
        let status = if interface.enabled {
            status
        } else {
            "admin down"
        };
        writeln!(
            text,
            "{:<30} {status:<14} {protocol:<8} {}",
            interface.short, interface.description
        )
        .expect("a string takes all");
    }
    text
}

/// The interfaces' part of the configuration.
pub(super) fn configuration(view: View<'_>) -> String {
    let mut text = String::new();
    for interface in &INTERFACES {
        let mut row = |line: &str| {
            text.push_str(line);
            text.push('\n');
        };
        row(&format!("interface {}", interface.name));
        if !interface.description.is_empty() {
            row(&format!(" description {}", interface.description));
        }
        match interface.address(view) {
            Some((address, length)) => {
                let mask = std::net::Ipv4Addr::from(u32::MAX << (32 - u32::from(length)));
                row(&format!(" ip address {address} {mask}"));
            }
            None => row(" no ip address"),
        }
        if !interface.enabled {
            row(" shutdown");
        }
        row("!");
    }
    text
}
