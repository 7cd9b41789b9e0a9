//! `VyOS`.

use crate::configuring::Grammar;
use crate::table::traits::{Command, Does, Mode, Pages, Traits, Uncommitted, Where, act};

const LINES: &[&str] = &[
    "set firewall",
    "set high-availability",
    "set interfaces",
    "set nat",
    "set policy",
    "set protocols",
    "set qos",
    "set service",
    "set system",
    "set vpn",
    "set vrf",
];

const COMMANDS: &[Command] = &[
    act("set terminal length <n>", Where::Exec, Does::Rows, ""),
    act("set terminal width <n>", Where::Exec, Does::Columns, ""),
    act("configure", Where::Exec, Does::Configure(""), ""),
    act(
        "set system host-name <w>",
        Where::Config,
        Does::Candidate,
        "[edit]\n",
    ),
    act("commit", Where::Config, Does::Commit, "[edit]\n"),
    act(
        "save",
        Where::Config,
        Does::Nothing,
        "Saving configuration to '/config/config.boot'...\nDone\n[edit]\n",
    ),
    act("exit", Where::Config, Does::EndConfigure, "exit\n"),
    act("top", Where::Config, Does::Top, ""),
    act("exit discard", Where::Config, Does::Abort, "exit\n"),
    act(
        "discard",
        Where::Config,
        Does::Discard,
        "Changes have been discarded\n",
    ),
    act("exit", Where::Exec, Does::Logout, "logout\n"),
];

pub(super) const VYOS: Traits = Traits {
    identification: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3",
    greeting: "Welcome to VyOS!\n\nLast login: {{stamp}} from 192.0.2.9\n",
    prompts: [
        "{{user}}@{{hostname}}:~$ ",
        "{{user}}@{{hostname}}:~$ ",
        "[edit]\n{{user}}@{{hostname}}# ",
    ],
    start: Mode::User,
    pager: Some(Pages {
        mark: ":",
        wipe: "\r\x1b[K",
    }),
    unknown: "\n  Invalid command: [{{word}}]\n\n",
    incomplete: "\n  Incomplete command: {{line}}\n\n",
    commands: &[COMMANDS],
    answers: "vyos",
    configuration: &Grammar {
        lines: LINES,
        ..Grammar::NONE
    },
    uncommitted: Some(Uncommitted::Kept(
        "Cannot exit: configuration modified.\n\
         Use 'exit discard' to discard the changes and exit.\n",
    )),
    ..Traits::COMMON
};
