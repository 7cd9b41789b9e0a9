//! Arista EOS.

use super::like_cisco;
use crate::configuring::{Context, Grammar};
use crate::table::traits::{Does, Echo, Enable, Pages, Traits, Where, act};

const CONTEXTS: &[Context] = &[
    Context {
        shown: "-if-{{short}}",
        ..like_cisco::INTERFACE
    },
    Context {
        begins: "vlan",
        words: 1,
        shown: "-vlan-{{arg}}",
        lines: &["name", "state"],
        contexts: &[],
    },
    Context {
        begins: "router bgp",
        words: 1,
        shown: "-router-bgp",
        lines: &[
            "address-family",
            "bgp",
            "maximum-paths",
            "neighbor",
            "network",
            "router-id",
        ],
        contexts: &[],
    },
];

pub(super) const EOS: Traits = Traits {
    identification: "SSH-2.0-OpenSSH_8.7",
    greeting: "Last login: {{stamp}} from 192.0.2.9\n",
    prompts: [
        "{{hostname}}>",
        "{{hostname}}#",
        "{{hostname}}(config{{context}})#",
    ],
    enable: Some(Enable {
        question: "Password: ",
        refusal: "% Bad secrets\n",
    }),
    pager: Some(Pages {
        mark: " --More-- ",
        wipe: "\r\x1b[K",
    }),
    echo: Echo::Twice,
    channels: 10,
    exec: true,
    unknown: "% Invalid input\n",
    incomplete: "% Incomplete command\n",
    commands: &[&[
        act(
            "terminal length <n>",
            Where::Always,
            Does::Rows,
            "Pagination disabled.\n",
        ),
        act(
            "terminal width <n>",
            Where::Always,
            Does::Columns,
            "Width set to {{arg}} columns.\n",
        ),
        act("enable", Where::Exec, Does::Enable, ""),
        act("disable", Where::Exec, Does::Disable, ""),
        act(
            "configure terminal",
            Where::Privileged,
            Does::Configure(""),
            "",
        ),
        act("hostname <w>", Where::Config, Does::Hostname, ""),
        act("configure", Where::Privileged, Does::Configure(""), ""),
        act(
            "configure session",
            Where::Privileged,
            Does::Session("-s-sess-1"),
            "",
        ),
        act("commit", Where::Config, Does::CommitSession, ""),
        act("abort", Where::Config, Does::Abort, ""),
        act("end", Where::Config, Does::EndConfigure, ""),
        act("exit", Where::Always, Does::Leave, ""),
        act("logout", Where::Exec, Does::Logout, ""),
        act(
            "write memory",
            Where::Privileged,
            Does::Commit,
            "Copy completed successfully.\n",
        ),
    ]],
    answers: "arista_eos",
    configuration: &Grammar {
        lines: like_cisco::LINES,
        contexts: CONTEXTS,
        ..Grammar::NONE
    },
    ..Traits::COMMON
};
