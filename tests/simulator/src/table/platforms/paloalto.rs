//! Palo Alto PAN-OS.

use crate::configuring::Grammar;
use crate::table::traits::{Command, Does, Mode, Pages, Traits, Uncommitted, Where, act};

const LINES: &[&str] = &[
    "set address",
    "set deviceconfig",
    "set mgt-config",
    "set network",
    "set profiles",
    "set rulebase",
    "set service",
    "set shared",
    "set tag",
    "set vsys",
    "set zone",
];

const COMMANDS: &[Command] = &[
    act("set cli scripting-mode on", Where::Exec, Does::Nothing, ""),
    act("set cli scripting-mode off", Where::Exec, Does::Nothing, ""),
    act("set cli pager off", Where::Exec, Does::PagerOff, ""),
    act("set cli pager on", Where::Exec, Does::PagerOn, ""),
    act("set cli terminal width <n>", Where::Exec, Does::Columns, ""),
    act("set cli terminal height <n>", Where::Exec, Does::Rows, ""),
    act(
        "configure",
        Where::Exec,
        Does::Configure(""),
        "Entering configuration mode\n",
    ),
    act(
        "set deviceconfig system hostname <w>",
        Where::Config,
        Does::Candidate,
        "",
    ),
    act(
        "commit",
        Where::Config,
        Does::Commit,
        "\nCommit job 7 is in progress. Use Ctrl+C to return to command prompt\n......55%98%.100%\nConfiguration committed successfully\n\n",
    ),
    act("top", Where::Config, Does::Top, ""),
    act(
        "exit",
        Where::Config,
        Does::EndConfigure,
        "Exiting configuration mode\n",
    ),
    act("exit", Where::Exec, Does::Logout, ""),
];

pub(super) const PANOS: Traits = Traits {
    identification: "SSH-2.0-OpenSSH_8.0",
    greeting: "Last login: {{stamp}} from 192.0.2.9\n\nNumber of failed attempts since last successful login: 0\n\n",
    acknowledgement: Some((
        "Do you accept and acknowledge the statement above ? (yes/no) : ",
        "yes",
    )),
    prompts: [
        "{{user}}@{{hostname}}(active)> ",
        "{{user}}@{{hostname}}(active)> ",
        "[edit]\n{{user}}@{{hostname}}(active)# ",
    ],
    start: Mode::User,
    pager: Some(Pages {
        mark: "\x1b[7m--more--\x1b[27m",
        wipe: "\r\x1b[K",
    }),
    unknown: "Unknown command: {{word}}\nInvalid syntax.\n",
    incomplete: "Invalid syntax.\n",
    commands: &[COMMANDS],
    answers: "paloalto_panos",
    configuration: &Grammar {
        lines: LINES,
        ..Grammar::NONE
    },
    uncommitted: Some(Uncommitted::GivenUp),
    ..Traits::COMMON
};
