//! Huawei VRP (a `CloudEngine` switch).

use crate::table::traits::{Command, Does, Echo, Mode, Pages, Question, Traits, Where, act};

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
        "[{{mark_or_tilde}}{{hostname}}]",
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
    ..Traits::COMMON
};
