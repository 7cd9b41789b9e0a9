//! `MikroTik` RouterOS 7. A user name may carry wishes for the terminal behind `+`.

use crate::configuring::Grammar;
use crate::table::traits::{Command, Does, Echo, Enter, Mode, Pages, Question, Traits, Where, act};

const MENUS: &[&str] = &[
    "/certificate",
    "/interface",
    "/ip",
    "/ipv6",
    "/queue",
    "/routing",
    "/snmp",
    "/system",
    "/tool",
    "/user",
];

const COMMANDS: &[Command] = &[
    act(
        "/system identity set <w>",
        Where::Always,
        Does::Hostname,
        "",
    ),
    act("/quit", Where::Always, Does::Logout, ""),
    act("quit", Where::Always, Does::Logout, ""),
];

pub(super) const ROUTEROS: Traits = Traits {
    identification: "SSH-2.0-ROSSSH",
    greeting: "\n\n  MikroTik RouterOS 7.12 (c) 1999-2023       https://www.mikrotik.com/\n\n\
               Press F1 for help\n\n",
    question: Some(Question {
        text: "Do you want to see the software license? [Y/n]: ",
        accept: "n",
        refuse: "",
        with_enter: false,
        always: false,
    }),
    prompts: [
        "[{{user}}@{{hostname}}] > ",
        "[{{user}}@{{hostname}}] > ",
        "[{{user}}@{{hostname}}] > ",
    ],
    start: Mode::User,
    pager: Some(Pages {
        mark: "-- [Q quit|D dump|down]",
        wipe: "\r\x1b[K",
    }),
    echo: Echo::Repaint,
    enter: Enter::Cr,
    channels: 10,
    exec: true,
    abbreviates: false,
    unknown: "bad command name {{word}} (line 1 column {{column}})\n",
    incomplete: "expected command name (line 1 column {{column}})\n",
    commands: &[COMMANDS],
    answers: "mikrotik_routeros",
    configuration: &Grammar {
        lines: MENUS,
        verbs: &["add", "disable", "enable", "remove", "set"],
        anywhere: true,
        ..Grammar::NONE
    },
    ..Traits::COMMON
};
