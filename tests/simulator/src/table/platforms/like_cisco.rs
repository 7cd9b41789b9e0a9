//! What may be configured where the command line is that of Cisco IOS, or made after it.

use crate::configuring::{Context, Grammar};

/// How lines at the top begin.
pub(super) const LINES: &[&str] = &[
    "aaa",
    "access-list",
    "alias",
    "arp",
    "banner",
    "boot",
    "cdp",
    "clock",
    "crypto",
    "dns",
    "enable",
    "errdisable",
    "event",
    "feature",
    "http",
    "ip",
    "ipv6",
    "key",
    "lldp",
    "logging",
    "login",
    "mac",
    "management",
    "monitor",
    "mpls",
    "mtu",
    "name",
    "names",
    "ntp",
    "object",
    "password",
    "privilege",
    "radius-server",
    "route",
    "service",
    "snmp-server",
    "sntp",
    "spanning-tree",
    "ssh",
    "system",
    "tacacs-server",
    "telemetry",
    "tftp-server",
    "timesync",
    "track",
    "username",
    "vtp",
];

pub(super) const INTERFACE: Context = Context {
    begins: "interface",
    words: 3,
    shown: "-if",
    lines: INTERFACE_LINES,
    contexts: &[],
};

/// What an interface is configured with.
pub(super) const INTERFACE_LINES: &[&str] = &[
    "bandwidth",
    "channel-group",
    "description",
    "duplex",
    "encapsulation",
    "ip",
    "ipv4",
    "ipv6",
    "lldp",
    "load-interval",
    "mtu",
    "name",
    "nameif",
    "negotiation",
    "security-level",
    "service-policy",
    "shutdown",
    "spanning-tree",
    "speed",
    "switchport",
    "vlan",
    "vrf",
];

pub(super) const LINE: Context = Context {
    begins: "line",
    words: 3,
    shown: "-line",
    lines: &[
        "access-class",
        "exec-timeout",
        "logging",
        "login",
        "session-limit",
        "session-timeout",
        "transport",
    ],
    contexts: &[],
};

/// Lines that lead further in.
pub(super) const CONTEXTS: &[Context] = &[
    INTERFACE,
    LINE,
    Context {
        begins: "vlan",
        words: 1,
        shown: "-vlan",
        lines: &["description", "name", "shutdown", "state"],
        contexts: &[],
    },
    Context {
        begins: "router",
        words: 3,
        shown: "-router",
        lines: &[
            "address-family",
            "bgp",
            "maximum-paths",
            "neighbor",
            "network",
            "passive-interface",
            "redistribute",
            "router-id",
        ],
        contexts: &[],
    },
    Context {
        begins: "ip access-list",
        words: 2,
        shown: "-ext-nacl",
        lines: &["deny", "permit", "remark"],
        contexts: &[],
    },
];

pub(super) const GRAMMAR: Grammar = Grammar {
    lines: LINES,
    contexts: CONTEXTS,
    ..Grammar::NONE
};
