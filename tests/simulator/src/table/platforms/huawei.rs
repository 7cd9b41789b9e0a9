//! Huawei VRP (a `CloudEngine` switch).

use crate::configuring::{Context, Grammar};
use crate::table::traits::{
    Command, Does, Echo, Mode, Pages, Question, Traits, Uncommitted, Where, act,
};

/// Lines that lead further in, here and on Comware.
pub(super) const CONTEXTS: &[Context] = &[
    Context {
        begins: "interface",
        words: 2,
        shown: "-{{arg}}",
        lines: &[
            "description",
            "ip",
            "ipv6",
            "mtu",
            "port",
            "shutdown",
            "speed",
        ],
        contexts: &[],
    },
    Context {
        begins: "vlan",
        words: 1,
        shown: "-vlan{{arg}}",
        lines: &["description", "name"],
        contexts: &[],
    },
    Context {
        begins: "bgp",
        words: 1,
        shown: "-bgp",
        lines: &["ipv4-family", "peer", "router-id"],
        contexts: &[],
    },
    Context {
        begins: "aaa",
        words: 0,
        shown: "-aaa",
        lines: &["authentication-scheme", "domain", "local-user"],
        contexts: &[],
    },
];

const LINES: &[&str] = &[
    "acl",
    "clock",
    "dns",
    "header",
    "info-center",
    "ip",
    "lldp",
    "ntp-service",
    "ntp",
    "snmp-agent",
    "ssh",
    "stp",
    "user-interface",
];

const COMMANDS: &[Command] = &[
    act(
        "screen-length 0 temporary",
        Where::Always,
        Does::PagerOff,
        "Info: The configuration takes effect on the current user terminal interface only.\n",
    ),
    act("screen-length <n>", Where::Always, Does::Rows, ""),
    act("screen-width <n>", Where::Always, Does::Columns, ""),
    act(
        "system-view",
        Where::Exec,
        Does::Configure(""),
        "Enter system view, return user view with Ctrl+Z.\n",
    ),
    act("sysname <w>", Where::Config, Does::Candidate, ""),
    act("commit", Where::Config, Does::Commit, ""),
    act(
        "clear configuration candidate",
        Where::Config,
        Does::Discard,
        "",
    ),
    act("return", Where::Config, Does::EndConfigure, ""),
    act("quit", Where::Always, Does::Leave, ""),
    act(
        "save",
        Where::Exec,
        Does::Commit,
        "Info: Save the configuration successfully.\n",
    ),
];

pub(super) const VRP: Traits = Traits {
    identification: "SSH-2.0-HUAWEI-1.5",
    greeting: "Info: The max number of VTY users is 21, the number of current VTY users online is 1, \
               and total number of terminal users online is 1.\n      \
               The current login time is {{iso}}.\n",
    question: Some(Question {
        text: "Warning: The initial password poses security risks.\n\
               The password needs to be changed. Change now? [Y/N]:",
        accept: "n",
        refuse: "y",
        with_enter: true,
        always: false,
    }),
    prompts: [
        "<{{hostname}}>",
        "<{{hostname}}>",
        "[{{mark_or_tilde}}{{hostname}}{{context}}]",
    ],
    start: Mode::User,
    pager: Some(Pages {
        mark: "  ---- More ----",
        wipe: "\x1b[42D                                          \x1b[42D",
    }),
    echo: Echo::Left,
    unknown: "{{pad}}^\nError: Unrecognized command found at '^' position.\n",
    incomplete: "{{pad}}^\nError:Incomplete command found at '^' position.\n",
    commands: &[COMMANDS],
    answers: "huawei_vrp",
    configuration: &Grammar {
        lines: LINES,
        contexts: CONTEXTS,
        ..Grammar::NONE
    },
    uncommitted: Some(Uncommitted::AsksToCommit(
        "Warning: Uncommitted configurations found. Are you sure to commit them before exiting? \
         [Y(yes)/N(no)/C(cancel)]:",
    )),
    ..Traits::COMMON
};
