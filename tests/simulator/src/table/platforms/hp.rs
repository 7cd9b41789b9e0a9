//! HP and Aruba: Comware, `ProCurve`, AOS-CX.

use super::{huawei, like_cisco};
use crate::configuring::{Context, Grammar};
use crate::table::traits::{
    Command, Does, Echo, Enable, Enter, Mode, Pages, Question, Traits, Where, act,
};

const COMWARE_LINES: &[&str] = &[
    "acl",
    "clock",
    "dns",
    "domain",
    "header",
    "info-center",
    "ip",
    "irf",
    "lldp",
    "local-user",
    "ntp-service",
    "snmp-agent",
    "ssh",
    "stp",
];

const PROCURVE_CONTEXTS: &[Context] = &[
    Context {
        shown: "eth-{{arg}}",
        ..like_cisco::INTERFACE
    },
    Context {
        begins: "vlan",
        words: 1,
        shown: "vlan-{{arg}}",
        lines: &["ip", "name", "tagged", "untagged", "voice"],
        contexts: &[],
    },
];

const COMWARE_COMMANDS: &[Command] = &[
    act("screen-length disable", Where::Exec, Does::PagerOff, ""),
    act("undo screen-length disable", Where::Exec, Does::PagerOn, ""),
    act(
        "undo terminal monitor",
        Where::Exec,
        Does::Nothing,
        "The current terminal is disabled to display logs.\n",
    ),
    act(
        "system-view",
        Where::Exec,
        Does::Configure(""),
        "System View: return to User View with Ctrl+Z.\n",
    ),
    act("sysname <w>", Where::Config, Does::Hostname, ""),
    act("return", Where::Config, Does::EndConfigure, ""),
    act("quit", Where::Always, Does::Leave, ""),
    act(
        "save force",
        Where::Always,
        Does::Commit,
        "Saved the current configuration to mainboard device successfully.\n",
    ),
];

pub(super) const COMWARE: Traits = Traits {
    identification: "SSH-2.0-Comware-7.1.070",
    greeting: "******************************************************************************\n\
               * Copyright (c) 2010-2021 Hewlett Packard Enterprise Development LP          *\n\
               * Without the owner's prior written consent,                                 *\n\
               * no decompiling or reverse-engineering shall be allowed.                    *\n\
               ******************************************************************************\n\n",
    question: Some(Question {
        text: "Press Y or ENTER to continue, N to exit.",
        accept: "y\r\n",
        refuse: "n",
        with_enter: false,
        always: false,
    }),
    prompts: [
        "<{{hostname}}>",
        "<{{hostname}}>",
        "[{{hostname}}{{context}}]",
    ],
    before_prompt: "\0\x07",
    start: Mode::User,
    pager: Some(Pages {
        mark: "---- More ----",
        wipe: "\x1b[16D                \x1b[16D",
    }),
    unknown: "{{pad}}^\n % Unrecognized command found at '^' position.\n",
    incomplete: "{{pad}}^\n % Incomplete command found at '^' position.\n",
    commands: &[COMWARE_COMMANDS],
    answers: "hp_comware",
    configuration: &Grammar {
        lines: COMWARE_LINES,
        contexts: huawei::CONTEXTS,
        ..Grammar::NONE
    },
    ..Traits::COMMON
};

const PROCURVE_COMMANDS: &[Command] = &[
    act("no page", Where::Privileged, Does::PagerOff, ""),
    act("page", Where::Privileged, Does::PagerOn, ""),
    act("terminal width <n>", Where::Privileged, Does::Columns, ""),
    act("terminal length <n>", Where::Privileged, Does::Rows, ""),
    act("enable", Where::Exec, Does::Enable, ""),
    act(
        "configure",
        Where::Privileged,
        Does::Configure("config"),
        "",
    ),
    act(
        "configure terminal",
        Where::Privileged,
        Does::Configure("config"),
        "",
    ),
    act("hostname <w>", Where::Config, Does::Hostname, ""),
    act("end", Where::Config, Does::EndConfigure, ""),
    act("exit", Where::Config, Does::Leave, ""),
    act("exit", Where::Privileged, Does::Disable, ""),
    act("exit", Where::Exec, Does::Logout, ""),
    act("logout", Where::Always, Does::Logout, ""),
    act("write memory", Where::Always, Does::Commit, ""),
];

pub(super) const PROCURVE: Traits = Traits {
    identification: "SSH-2.0-Mocana SSH 6.3",
    greeting: "HP J9772A 2530-48G-PoEP Switch\nSoftware revision YA.16.11.0011\n\n\
               (C) Copyright 2023 Hewlett Packard Enterprise Development LP\n\n\n",
    question: Some(Question {
        text: "Press any key to continue",
        accept: "",
        refuse: "",
        with_enter: false,
        always: true,
    }),
    prompts: [
        "{{hostname}}> ",
        "{{hostname}}# ",
        "{{hostname}}({{context}})# ",
    ],
    enable: Some(Enable {
        question: "Password: ",
        refusal: "Invalid password\n",
    }),
    pager: Some(Pages {
        mark: "-- MORE --, next page: Space, next line: Enter, quit: Control-C",
        wipe: "\r\x1b[24;1H\x1b[2K\x1b[1;24r\x1b[24;1H",
    }),
    echo: Echo::Cursor,
    farewell: Some("Do you want to log out (y/n)? "),
    unknown: "Invalid input: {{word}}\n",
    incomplete: "Incomplete input: {{line}}\n",
    commands: &[PROCURVE_COMMANDS],
    answers: "hp_procurve",
    configuration: &Grammar {
        lines: like_cisco::LINES,
        contexts: PROCURVE_CONTEXTS,
        ..Grammar::NONE
    },
    ..Traits::COMMON
};

const AOSCX_COMMANDS: &[Command] = &[
    act("no page", Where::Always, Does::PagerOff, ""),
    act("page", Where::Always, Does::PagerOn, ""),
    act("page <n>", Where::Always, Does::Rows, ""),
    act("configure terminal", Where::Exec, Does::Configure(""), ""),
    act("hostname <w>", Where::Config, Does::Hostname, ""),
    act("end", Where::Config, Does::EndConfigure, ""),
    act("exit", Where::Always, Does::Leave, ""),
    act(
        "write memory",
        Where::Always,
        Does::Commit,
        "Copying configuration: [Success]\n",
    ),
];

pub(super) const AOSCX: Traits = Traits {
    identification: "SSH-2.0-OpenSSH_8.1",
    greeting: "Last login: {{iso}} from 192.0.2.9\nUser \"{{user}}\" has logged in 3 times in the past 30 days\n",
    prompts: [
        "{{hostname}}# ",
        "{{hostname}}# ",
        "{{hostname}}(config{{context}})# ",
    ],
    start: Mode::User,
    pager: Some(Pages {
        mark: "-- MORE --, next page: Space, next line: Enter, quit: q",
        wipe: "\r\x1b[K",
    }),
    enter: Enter::Cr,
    unknown: "Invalid input: {{word}}\n",
    incomplete: "% Command incomplete.\n",
    commands: &[AOSCX_COMMANDS],
    answers: "aruba_aoscx",
    configuration: &like_cisco::GRAMMAR,
    ..Traits::COMMON
};
