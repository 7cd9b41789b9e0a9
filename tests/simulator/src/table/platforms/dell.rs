//! Dell OS10.

use super::like_cisco;
use crate::configuring::{Context, Grammar};
use crate::table::traits::{Command, Does, Mode, Pages, Traits, Where, act};

const CONTEXTS: &[Context] = &[
    Context {
        shown: "-if-{{arg}}",
        ..like_cisco::INTERFACE
    },
    Context {
        begins: "router bgp",
        words: 1,
        shown: "-router-bgp-{{arg}}",
        lines: &["address-family", "neighbor", "router-id"],
        contexts: &[],
    },
];

const COMMANDS: &[Command] = &[
    act("terminal length <n>", Where::Exec, Does::Rows, ""),
    act("terminal width <n>", Where::Exec, Does::Columns, ""),
    act("configure terminal", Where::Exec, Does::Configure("ig"), ""),
    act("hostname <w>", Where::Config, Does::Hostname, ""),
    act("end", Where::Config, Does::EndConfigure, ""),
    act("exit", Where::Always, Does::Leave, ""),
    act(
        "copy running-configuration startup-configuration",
        Where::Exec,
        Does::Commit,
        "Copy completed\n",
    ),
    act("write memory", Where::Exec, Does::Commit, ""),
];

pub(super) const OS10: Traits = Traits {
    identification: "SSH-2.0-OpenSSH_7.9p1 Debian-10+deb10u2",
    greeting: "Dell EMC Networking Operating System (OS10)\nLast login: {{stamp}} from 192.0.2.9\n",
    prompts: [
        "{{hostname}}# ",
        "{{hostname}}# ",
        "{{hostname}}(conf{{context}})# ",
    ],
    start: Mode::User,
    pager: Some(Pages {
        mark: "--More--",
        wipe: "\x08\x08\x08\x08\x08\x08\x08\x08        \x08\x08\x08\x08\x08\x08\x08\x08",
    }),
    unknown: "% Error: Unrecognized command.\n",
    incomplete: "% Error: Incomplete command.\n",
    commands: &[COMMANDS],
    answers: "dell_os10",
    configuration: &Grammar {
        lines: like_cisco::LINES,
        contexts: CONTEXTS,
        ..Grammar::NONE
    },
    ..Traits::COMMON
};
