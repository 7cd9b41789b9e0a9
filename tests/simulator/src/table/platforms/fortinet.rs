//! Fortinet `FortiOS`. Its pager can only be switched off by configuration.

use crate::table::traits::{Command, Does, Mode, Pages, Question, Traits, Where, act};

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
    act("end", Where::Config, Does::EndConfigure, ""),
    act("abort", Where::Config, Does::EndConfigure, ""),
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
    ..Traits::COMMON
};
