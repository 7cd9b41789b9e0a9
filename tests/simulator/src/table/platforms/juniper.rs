//! Juniper Junos: a virtual chassis, so `{master:0}` stands above the prompt.

use crate::configuring::Grammar;
use crate::table::traits::{Does, Mode, Pages, Traits, Uncommitted, Where, act};

/// A `delete` is written as the `set` that it takes out.
const LINES: &[&str] = &[
    "set access",
    "set chassis",
    "set class-of-service",
    "set event-options",
    "set firewall",
    "set forwarding-options",
    "set groups",
    "set interfaces",
    "set policy-options",
    "set protocols",
    "set routing-instances",
    "set routing-options",
    "set security",
    "set snmp",
    "set switch-options",
    "set system",
    "set vlans",
];

pub(super) const JUNOS: Traits = Traits {
    identification: "SSH-2.0-OpenSSH_7.5",
    greeting: "Last login: {{stamp}} from 192.0.2.9\n--- JUNOS 21.4R3-S5.4 Kernel 64-bit  JNPR-12.1-20230816\n",
    prompts: [
        "{master:0}\n{{user}}@{{hostname}}> ",
        "{master:0}\n{{user}}@{{hostname}}> ",
        "{master:0}[edit]\n{{user}}@{{hostname}}# ",
    ],
    start: Mode::User,
    pager: Some(Pages {
        mark: "---(more)---",
        wipe: "\r                                        \r",
    }),
    channels: 10,
    exec: true,
    unknown: "{{pad}}^\nunknown command.\n\n",
    incomplete: "{{pad}}^\nsyntax error, expecting <command>.\n\n",
    commands: &[&[
        act(
            "set cli screen-length <n>",
            Where::Exec,
            Does::Rows,
            "Screen length set to {{arg}}\n\n",
        ),
        act(
            "set cli screen-width <n>",
            Where::Exec,
            Does::Columns,
            "Screen width set to {{arg}}\n\n",
        ),
        act(
            "set cli complete-on-space off",
            Where::Exec,
            Does::Nothing,
            "Disabling complete-on-space\n\n",
        ),
        act("set cli timestamp disable", Where::Exec, Does::Nothing, ""),
        act(
            "configure",
            Where::Exec,
            Does::Configure(""),
            "Entering configuration mode\n\n",
        ),
        act(
            "configure exclusive",
            Where::Exec,
            Does::Configure(""),
            "Entering configuration mode\n\n",
        ),
        act(
            "configure private",
            Where::Exec,
            Does::Configure(""),
            "warning: uncommitted changes will be discarded on exit\nEntering configuration mode\n\n",
        ),
        act("top", Where::Config, Does::Top, ""),
        act(
            "set system host-name <w>",
            Where::Config,
            Does::Candidate,
            "\n",
        ),
        act(
            "commit",
            Where::Config,
            Does::Commit,
            "configuration check succeeds\ncommit complete\n\n",
        ),
        act(
            "commit check",
            Where::Config,
            Does::Nothing,
            "configuration check succeeds\n\n",
        ),
        act(
            "commit comment <rest>",
            Where::Config,
            Does::Commit,
            "configuration check succeeds\ncommit complete\n\n",
        ),
        act(
            "commit and-quit",
            Where::Config,
            Does::CommitSession,
            "configuration check succeeds\ncommit complete\nExiting configuration mode\n\n",
        ),
        act(
            "rollback",
            Where::Config,
            Does::Discard,
            "load complete\n\n",
        ),
        act(
            "rollback 0",
            Where::Config,
            Does::Discard,
            "load complete\n\n",
        ),
        act(
            "exit",
            Where::Config,
            Does::EndConfigure,
            "Exiting configuration mode\n\n",
        ),
        act(
            "exit configuration-mode",
            Where::Config,
            Does::EndConfigure,
            "Exiting configuration mode\n\n",
        ),
        act("exit", Where::Exec, Does::Logout, ""),
        act("quit", Where::Exec, Does::Logout, ""),
    ]],
    answers: "juniper_junos",
    configuration: &Grammar {
        lines: LINES,
        ..Grammar::NONE
    },
    uncommitted: Some(Uncommitted::AsksToGiveUp(
        "The configuration has been changed but not committed\n\
         Discard uncommitted changes? [yes,no] (yes) ",
    )),
    ..Traits::COMMON
};
