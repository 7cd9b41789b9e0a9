//! Fortinet `FortiOS`. Its pager can only be switched off by configuration.

use crate::configuring::{Context, Grammar};
use crate::table::traits::{Command, Does, Mode, Pages, Question, Traits, Where, act};

/// In a block, and in what an `edit` of it begins.
const SETTINGS: &[&str] = &["append", "delete", "select", "set", "unselect", "unset"];

const EDIT: &[Context] = &[Context {
    begins: "edit",
    words: 1,
    shown: "{{last}}",
    lines: SETTINGS,
    contexts: &[],
}];

/// A block within a block, as `config ntpserver` of `config system ntp`.
const INNER: Context = Context {
    begins: "config",
    words: 2,
    shown: "{{last}}",
    lines: SETTINGS,
    contexts: EDIT,
};

const fn block(begins: &'static str) -> Context {
    Context {
        begins,
        words: 3,
        shown: "{{last}}",
        lines: SETTINGS,
        contexts: &[
            INNER,
            Context {
                begins: "edit",
                words: 1,
                shown: "{{last}}",
                lines: SETTINGS,
                contexts: &[INNER],
            },
        ],
    }
}

const BLOCKS: &[Context] = &[
    block("config firewall"),
    block("config log"),
    block("config router"),
    block("config system"),
    block("config user"),
    block("config vpn"),
];

const COMMANDS: &[Command] = &[
    act("config global", Where::Exec, Does::Configure("global"), ""),
    act(
        "config system console",
        Where::Exec,
        Does::Configure("console"),
        "",
    ),
    act(
        "config system global",
        Where::Exec,
        Does::Configure("global"),
        "",
    ),
    act("set output standard", Where::Config, Does::PagerOff, ""),
    act("set output more", Where::Config, Does::PagerOn, ""),
    act("set hostname <w>", Where::Config, Does::Hostname, ""),
    act("config <rest>", Where::Exec, Does::Line, ""),
    act("next", Where::Config, Does::EndEdit, ""),
    act("end", Where::Config, Does::EndBlock, ""),
    act("abort", Where::Config, Does::EndBlock, ""),
    act("exit", Where::Exec, Does::Logout, ""),
];

pub(super) const FORTIOS: Traits = Traits {
    identification: "SSH-2.0-kg4",
    question: Some(Question {
        text: "\n(Press 'a' to accept):",
        accept: "a",
        refuse: "",
        with_enter: false,
        always: false,
    }),
    prompts: [
        "{{hostname}} # ",
        "{{hostname}} # ",
        "{{hostname}} ({{context}}) # ",
    ],
    start: Mode::User,
    pager: Some(Pages {
        mark: "--More-- ",
        wipe: "\r         \r",
    }),
    abbreviates: false,
    unknown: "Unknown action 0\nCommand fail. Return code -1\n",
    incomplete: "incomplete command in the end\nCommand fail. Return code -160\n",
    commands: &[COMMANDS],
    answers: "fortinet_fortios",
    configuration: &Grammar {
        lines: SETTINGS,
        contexts: BLOCKS,
        ..Grammar::NONE
    },
    ..Traits::COMMON
};
