//! Cisco: NX-OS, IOS-XR and ASA, and what a replayed IOS needs; live IOS has a grammar of its own.

use super::like_cisco;
use crate::configuring::{Context, Grammar};
use crate::table::traits::{
    Command, Does, Echo, Enable, Enter, Mode, Pages, Traits, Uncommitted, Where, act,
};

const CARET: &str = "{{pad}}^\n% Invalid input detected at '^' marker.\n\n";

/// Terminal settings that all Cisco families take.
const TERMINAL: &[Command] = &[
    act("terminal length <n>", Where::Always, Does::Rows, ""),
    act("terminal width <n>", Where::Always, Does::Columns, ""),
    act("end", Where::Config, Does::EndConfigure, ""),
    act("exit", Where::Always, Does::Leave, ""),
];

const ROUTING: &[Context] = &[Context {
    begins: "neighbor",
    words: 1,
    shown: "-bgp-nbr",
    lines: &[
        "address-family",
        "description",
        "remote-as",
        "shutdown",
        "update-source",
        "use",
    ],
    contexts: &[],
}];

const XR_CONTEXTS: &[Context] = &[
    like_cisco::INTERFACE,
    Context {
        begins: "ntp",
        words: 0,
        shown: "-ntp",
        lines: &["server", "source", "peer", "authenticate"],
        contexts: &[],
    },
    Context {
        begins: "router bgp",
        words: 1,
        shown: "-bgp",
        lines: &["address-family", "bgp"],
        contexts: ROUTING,
    },
    like_cisco::LINE,
];

pub(super) const IOS: Traits = Traits {
    identification: "SSH-2.0-Cisco-1.25",
    enable: Some(Enable {
        question: "Password: ",
        refusal: "% Bad secrets\n\n",
    }),
    pager: Some(Pages {
        mark: " --More-- ",
        wipe: "\x08\x08\x08\x08\x08\x08\x08\x08\x08        \x08\x08\x08\x08\x08\x08\x08\x08\x08",
    }),
    exec: true,
    unknown: CARET,
    incomplete: "% Incomplete command.\n\n",
    failure_status: 0,
    commands: &[
        TERMINAL,
        &[
            act(
                "configure terminal",
                Where::Privileged,
                Does::Configure(""),
                "Enter configuration commands, one per line.  End with CNTL/Z.\n",
            ),
            act("enable", Where::Exec, Does::Enable, ""),
            act("disable", Where::Exec, Does::Disable, ""),
            act("hostname <w>", Where::Config, Does::Hostname, ""),
            act("logout", Where::Exec, Does::Logout, ""),
            act(
                "write memory",
                Where::Privileged,
                Does::Nothing,
                "Building configuration...\n[OK]\n",
            ),
        ],
    ],
    answers: "cisco_ios",
    configuration: &like_cisco::GRAMMAR,
    ..Traits::COMMON
};

pub(super) const NXOS: Traits = Traits {
    identification: "SSH-2.0-OpenSSH_8.3",
    greeting: "Cisco Nexus Operating System (NX-OS) Software\n\
               TAC support: http://www.cisco.com/tac\n\
               This is a simulated device. It switches nothing.\n",
    prompts: [
        "{{hostname}}# ",
        "{{hostname}}# ",
        "{{hostname}}(config{{context}})# ",
    ],
    before_prompt: "\r",
    start: Mode::Privileged,
    pager: Some(Pages {
        mark: "\x1b[7m--More--\x1b[27m",
        wipe: "\r\x1b[K",
    }),
    line_end: "\r\r\n",
    channels: 10,
    exec: true,
    unknown: "{{pad}}^\n% Invalid command at '^' marker.\n",
    incomplete: "% Incomplete command at '^' marker.\n",
    commands: &[
        TERMINAL,
        &[
            act(
                "configure terminal",
                Where::Privileged,
                Does::Configure(""),
                "Enter configuration commands, one per line. End with CNTL/Z.\n",
            ),
            act("hostname <w>", Where::Config, Does::Hostname, ""),
            act(
                "copy running-config startup-config",
                Where::Exec,
                Does::Commit,
                "[########################################] 100%\nCopy complete.\n",
            ),
        ],
    ],
    answers: "cisco_nxos",
    configuration: &like_cisco::GRAMMAR,
    ..Traits::COMMON
};

pub(super) const IOSXR: Traits = Traits {
    identification: "SSH-2.0-Cisco-2.0",
    prompts: [
        "RP/0/RP0/CPU0:{{hostname}}#",
        "RP/0/RP0/CPU0:{{hostname}}#",
        "RP/0/RP0/CPU0:{{hostname}}(config{{context}})#",
    ],
    start: Mode::Privileged,
    pager: Some(Pages {
        mark: " --More-- ",
        wipe: "\r          \r",
    }),
    stamps: true,
    exec: true,
    unknown: "{{pad}}^\n% Invalid input detected at '^' marker.\n",
    commands: &[
        TERMINAL,
        &[
            act(
                "terminal exec prompt no-timestamp",
                Where::Exec,
                Does::Stamps(false),
                "",
            ),
            act(
                "terminal exec prompt timestamp",
                Where::Exec,
                Does::Stamps(true),
                "",
            ),
            act(
                "configure terminal",
                Where::Privileged,
                Does::Configure(""),
                "",
            ),
            act("hostname <w>", Where::Config, Does::Candidate, ""),
            act("commit", Where::Config, Does::Commit, ""),
            act("clear", Where::Config, Does::Discard, ""),
            act("root", Where::Config, Does::Top, ""),
            act(
                "configure exclusive",
                Where::Privileged,
                Does::Configure(""),
                "",
            ),
            act("abort", Where::Config, Does::Abort, ""),
        ],
    ],
    answers: "cisco_iosxr",
    configuration: &Grammar {
        lines: like_cisco::LINES,
        contexts: XR_CONTEXTS,
        ..Grammar::NONE
    },
    uncommitted: Some(Uncommitted::AsksToCommit(
        "Uncommitted changes found, commit them before exiting(yes/no/cancel)? [cancel]:",
    )),
    ..Traits::COMMON
};

pub(super) const ASA: Traits = Traits {
    identification: "SSH-2.0-Cisco-1.25",
    greeting: "User {{user}} logged in to {{hostname}}\nType help or '?' for a list of available commands.\n",
    prompts: [
        "{{hostname}}> ",
        "{{hostname}}# ",
        "{{hostname}}(config{{context}})# ",
    ],
    enable: Some(Enable {
        question: "Password: ",
        refusal: "Invalid password\n",
    }),
    pager: Some(Pages {
        mark: "<--- More --->",
        wipe: "\r              \r",
    }),
    echo: Echo::Plain,
    enter: Enter::Any,
    unknown: "{{pad}}^\nERROR: % Invalid input detected at '^' marker.\n",
    incomplete: "ERROR: % Incomplete command\n",
    commands: &[&[
        act("terminal pager <n>", Where::Always, Does::Rows, ""),
        act("terminal pager lines <n>", Where::Always, Does::Rows, ""),
        act("terminal width <n>", Where::Config, Does::Columns, ""),
        act("enable", Where::Exec, Does::Enable, ""),
        act("disable", Where::Exec, Does::Disable, ""),
        act(
            "configure terminal",
            Where::Privileged,
            Does::Configure(""),
            "",
        ),
        act("hostname <w>", Where::Config, Does::Hostname, ""),
        act("end", Where::Config, Does::EndConfigure, ""),
        act("exit", Where::Config, Does::Leave, ""),
        act("exit", Where::Exec, Does::Logout, "\nLogoff\n\n"),
        act(
            "write memory",
            Where::Privileged,
            Does::Commit,
            "Building configuration...\n[OK]\n",
        ),
    ]],
    answers: "cisco_asa",
    configuration: &like_cisco::GRAMMAR,
    ..Traits::COMMON
};
