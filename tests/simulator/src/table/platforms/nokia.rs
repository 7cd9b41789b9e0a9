//! Nokia SR OS: the classic command line, and the model-driven one.

use crate::configuring::{Context, Grammar};
use crate::table::traits::{Command, Does, Mode, Pages, Traits, Uncommitted, Where, act};

/// How lines of both command lines begin.
const LINES: &[&str] = &[
    "card",
    "filter",
    "lag",
    "log",
    "policy-options",
    "port",
    "qos",
    "router",
    "service",
    "system",
];

const CLASSIC_CONTEXTS: &[Context] = &[
    Context {
        begins: "system",
        words: 0,
        shown: ">system",
        lines: &["contact", "location", "security", "snmp", "time"],
        contexts: &[Context {
            begins: "time",
            words: 0,
            shown: ">system>time",
            lines: &["ntp", "sntp", "zone"],
            contexts: &[],
        }],
    },
    Context {
        begins: "router",
        words: 0,
        shown: ">router",
        lines: &[
            "autonomous-system",
            "bgp",
            "ospf",
            "router-id",
            "static-route-entry",
        ],
        contexts: &[Context {
            begins: "interface",
            words: 1,
            shown: ">router>if",
            lines: &["address", "description", "mtu", "port", "shutdown"],
            contexts: &[],
        }],
    },
    Context {
        begins: "port",
        words: 1,
        shown: ">port",
        lines: &["description", "ethernet", "shutdown"],
        contexts: &[],
    },
];

/// In configuration the words of it may stand before a line, as they must outside.
const MODEL_LINES: &[&str] = &[
    "configure card",
    "configure filter",
    "configure lag",
    "configure log",
    "configure policy-options",
    "configure port",
    "configure qos",
    "configure router",
    "configure service",
    "configure system",
];

const SHOWS: &[Command] = &[];

pub(super) const CLASSIC: Traits = Traits {
    identification: "SSH-2.0-OpenSSH_8.2",
    greeting: "SR OS Software\nCopyright (c) Nokia 2020.  All Rights Reserved.\n\n",
    prompts: [
        "{{mark}}A:{{hostname}}# ",
        "{{mark}}A:{{hostname}}# ",
        "{{mark}}A:{{hostname}}>config{{context}}# ",
    ],
    start: Mode::User,
    pager: Some(Pages {
        mark: "Press any key to continue (Q to quit)",
        wipe: "\r                                     \r",
    }),
    unknown: "{{pad}}^\nError: Bad command.\n",
    incomplete: "{{pad}}^\nError: Missing parameter\n",
    commands: &[
        SHOWS,
        &[
            act("environment no more", Where::Always, Does::PagerOff, ""),
            act("environment more", Where::Always, Does::PagerOn, ""),
            act("configure", Where::Exec, Does::Configure(""), ""),
            act("configure system name <w>", Where::Exec, Does::Hostname, ""),
            act("configure <rest>", Where::Exec, Does::Line, ""),
            act("system name <w>", Where::Config, Does::Hostname, ""),
            act("exit", Where::Config, Does::Leave, ""),
            act("exit all", Where::Always, Does::EndConfigure, ""),
            act(
                "admin save",
                Where::Always,
                Does::Commit,
                "Writing configuration to cf3:\\config.cfg\nSaving configuration ... OK\nCompleted.\n",
            ),
            act("logout", Where::Always, Does::Logout, ""),
        ],
    ],
    answers: "nokia_sros",
    configuration: &Grammar {
        lines: LINES,
        contexts: CLASSIC_CONTEXTS,
        ..Grammar::NONE
    },
    ..Traits::COMMON
};

pub(super) const MODEL_DRIVEN: Traits = Traits {
    identification: "SSH-2.0-OpenSSH_8.2",
    greeting: "SR OS Software\nCopyright (c) Nokia 2020.  All Rights Reserved.\n\n",
    prompts: [
        "\n[/]\nA:{{user}}@{{hostname}}# ",
        "\n[/]\nA:{{user}}@{{hostname}}# ",
        "\n{{mark}}(ex)[/]\nA:{{user}}@{{hostname}}# ",
    ],
    start: Mode::User,
    pager: Some(Pages {
        mark: "Press Q to quit, Enter to print next line or any other key to print next page.",
        wipe: "\r                                                                              \r",
    }),
    unknown: "{{pad}}^^^^\nMINOR: MGMT_CORE #2201: Unknown element - '{{word}}'\n",
    incomplete: "MINOR: MGMT_CORE #2203: Invalid element - missing element\n",
    commands: &[
        SHOWS,
        &[
            act("environment more false", Where::Always, Does::PagerOff, ""),
            act("environment more true", Where::Always, Does::PagerOn, ""),
            act(
                "//environment no more",
                Where::Always,
                Does::PagerOff,
                "INFO: CLI #2051: Switching to the classic CLI engine\nINFO: CLI #2052: Switching to the MD-CLI engine\n",
            ),
            act(
                "environment console width <n>",
                Where::Always,
                Does::Columns,
                "",
            ),
            act(
                "environment console length <n>",
                Where::Always,
                Does::Rows,
                "",
            ),
            act(
                "environment command-completion space false",
                Where::Always,
                Does::Nothing,
                "",
            ),
            act(
                "edit-config exclusive",
                Where::Exec,
                Does::Configure(""),
                "INFO: CLI #2060: Entering exclusive configuration mode\nINFO: CLI #2061: Uncommitted changes are discarded on configuration mode exit\n",
            ),
            act(
                "edit-config private",
                Where::Exec,
                Does::Configure(""),
                "INFO: CLI #2070: Entering private configuration mode\nINFO: CLI #2061: Uncommitted changes are discarded on configuration mode exit\n",
            ),
            act(
                "configure exclusive",
                Where::Exec,
                Does::Configure(""),
                "INFO: CLI #2060: Entering exclusive configuration mode\nINFO: CLI #2061: Uncommitted changes are discarded on configuration mode exit\n",
            ),
            act(
                "configure system name <w>",
                Where::Config,
                Does::Candidate,
                "",
            ),
            act("system name <w>", Where::Config, Does::Candidate, ""),
            act("commit", Where::Config, Does::Commit, ""),
            act("discard", Where::Config, Does::Discard, ""),
            act("exit all", Where::Always, Does::Top, ""),
            act(
                "quit-config",
                Where::Config,
                Does::EndConfigure,
                "INFO: CLI #2064: Exiting exclusive configuration mode\n",
            ),
            act("admin save", Where::Always, Does::Nothing, ""),
            act("logout", Where::Always, Does::Logout, ""),
        ],
    ],
    answers: "nokia_sros",
    configuration: &Grammar {
        lines: MODEL_LINES,
        ..Grammar::NONE
    },
    uncommitted: Some(Uncommitted::AsksToGiveUp(
        "INFO: CLI #2063: Uncommitted changes - changes are present in the candidate configuration. \
         Exiting exclusive configuration mode will discard those changes.\n\
         Discard uncommitted changes? [y,n] ",
    )),
    ..Traits::COMMON
};
