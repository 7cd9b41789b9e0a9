//! What is peculiar to a family of devices, as data: one [`Traits`] each, and its commands.
//!
//! Texts are templates; see [`super::values`] for what `{{name}}` may be.

use crate::configuring::Grammar;

/// What may be typed and what the prompt shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As a login begins where there is something above it.
    User,
    /// All commands that configure nothing.
    Privileged,
    /// Configuration.
    Config,
}

/// One family of devices.
#[derive(Debug)]
pub(crate) struct Traits {
    /// The SSH identification line, without line end.
    pub(crate) identification: &'static str,
    /// Printed after login, behind the fleet's message of the day.
    pub(crate) greeting: &'static str,
    /// Asked after the greeting.
    pub(crate) question: Option<Question>,
    /// Asked by keyboard-interactive beside the password: the question, and the one right answer.
    pub(crate) acknowledgement: Option<(&'static str, &'static str)>,
    /// Prompts of the modes [`Mode::User`], [`Mode::Privileged`], [`Mode::Config`]. Lines above the
    /// last one are printed with it.
    pub(crate) prompts: [&'static str; 3],
    /// Control characters sent before each prompt.
    pub(crate) before_prompt: &'static str,
    /// The mode in which a login begins.
    pub(crate) start: Mode,
    /// How to become privileged, where [`Mode::User`] is below it.
    pub(crate) enable: Option<Enable>,
    /// How long output is paged; none where it never is.
    pub(crate) pager: Option<Pages>,
    /// How typing is shown.
    pub(crate) echo: Echo,
    /// Ends lines of output.
    pub(crate) line_end: &'static str,
    /// What ends a typed line.
    pub(crate) enter: Enter,
    /// Whether a line with the time stands before each output.
    pub(crate) stamps: bool,
    /// Sessions that one connection may have at a time; more than one only where exec is usual.
    pub(crate) channels: usize,
    /// Whether a command may be run without a shell.
    pub(crate) exec: bool,
    /// Whether words may be shortened.
    pub(crate) abbreviates: bool,
    /// Told when a command is not known; with `{{pad}}` up to the place, `{{word}}` and `{{line}}`.
    pub(crate) unknown: &'static str,
    /// Told when words are missing.
    pub(crate) incomplete: &'static str,
    /// The exit status of an exec request that failed.
    pub(crate) failure_status: u32,
    /// Asked before a logout is carried out; `y` confirms.
    pub(crate) farewell: Option<&'static str>,
    /// What may be typed that does more than print.
    pub(crate) commands: &'static [&'static [Command]],
    /// The folder of `answers/` with all that prints.
    pub(crate) answers: &'static str,
    /// What may be configured, where the fleet remembers.
    pub(crate) configuration: &'static Grammar,
    /// What becomes of lines of configuration that wait for a commit when configuration is left; none where no line
    /// does.
    pub(crate) uncommitted: Option<Uncommitted>,
}

impl Traits {
    /// What most families share, to be overridden.
    pub(crate) const COMMON: Self = Self {
        identification: "SSH-2.0-OpenSSH_8.8",
        greeting: "",
        question: None,
        acknowledgement: None,
        prompts: ["{{hostname}}>", "{{hostname}}#", "{{hostname}}(config)#"],
        before_prompt: "",
        start: Mode::User,
        enable: None,
        pager: None,
        echo: Echo::Plain,
        line_end: "\r\n",
        enter: Enter::Any,
        stamps: false,
        channels: 1,
        exec: false,
        abbreviates: true,
        unknown: "{{pad}}^\n% Invalid input detected at '^' marker.\n",
        incomplete: "% Incomplete command.\n",
        failure_status: 1,
        farewell: None,
        commands: &[],
        answers: "",
        configuration: &Grammar::NONE,
        uncommitted: None,
    };
}

/// A question between login and first prompt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    /// What is asked.
    pub(crate) text: &'static str,
    /// Keys that let the login go on; empty for any.
    pub(crate) accept: &'static str,
    /// Keys that end it.
    pub(crate) refuse: &'static str,
    /// Whether the key must be followed by the line's end.
    pub(crate) with_enter: bool,
    /// Whether every login is asked, or only where the fleet asks questions.
    pub(crate) always: bool,
}

/// What happens to lines that wait for a commit when configuration is left.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Uncommitted {
    /// They are given up without a word.
    GivenUp,
    /// Configuration is not left, with these words.
    Kept(&'static str),
    /// It is asked whether to commit them: `yes`, `no` (gives them up), and anything else stays.
    AsksToCommit(&'static str),
    /// It is asked whether to give them up: `yes` or nothing does, anything else stays.
    AsksToGiveUp(&'static str),
}

/// How to become privileged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Enable {
    /// The question for the secret.
    pub(crate) question: &'static str,
    /// Told after a wrong one.
    pub(crate) refusal: &'static str,
}

/// How output is paged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pages {
    /// Shown when a page is full.
    pub(crate) mark: &'static str,
    /// Sent to take the mark away again.
    pub(crate) wipe: &'static str,
}

/// How typing is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    /// Each character; at the terminal's edge a blank and a backspace.
    Plain,
    /// As `Plain`; what is typed while the device is busy is shown at once and again later.
    Twice,
    /// At the line's end the line is painted once more, and prompts are painted twice.
    Repaint,
    /// Cursor moves around each character.
    Cursor,
    /// A blank and a step to the left behind each blank.
    Left,
}

/// What ends a typed line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Enter {
    /// CR, LF, or both.
    Any,
    /// CR; an LF is nothing.
    Cr,
}

/// Where a command is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    /// Everywhere.
    Always,
    /// Outside configuration.
    Exec,
    /// Outside configuration, when privileged.
    Privileged,
    /// In configuration.
    Config,
}

impl Where {
    pub(super) fn holds(self, mode: Mode) -> bool {
        match self {
            Self::Always => true,
            Self::Exec => mode != Mode::Config,
            Self::Privileged => mode == Mode::Privileged,
            Self::Config => mode == Mode::Config,
        }
    }
}

/// One thing that may be typed.
#[derive(Debug)]
pub(crate) struct Command {
    /// Its words. `<n>` stands for a number, `<w>` for a word, `<rest>` for all that follows.
    pub(crate) words: &'static str,
    /// Where it is known.
    pub(crate) known: Where,
    /// What it does beside printing.
    pub(crate) does: Does,
    /// What it prints.
    pub(crate) reply: &'static str,
}

/// What a command does beside printing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    /// Nothing.
    Nothing,
    /// The page's rows become the argument; 0 for no pager.
    Rows,
    /// The pager goes off.
    PagerOff,
    /// The pager goes on again.
    PagerOn,
    /// The terminal's columns become the argument.
    Columns,
    /// Become privileged.
    Enable,
    /// Become a plain user.
    Disable,
    /// Enter configuration; the text is the prompt's `{{context}}`.
    Configure(&'static str),
    /// As `Configure`, and lines wait for a commit.
    Session(&'static str),
    /// Enter configuration where this line leads, or take the argument as a line of it and stay outside.
    Line,
    /// Leave configuration, from whatever level.
    EndConfigure,
    /// The same, and what waits for a commit is given up.
    Abort,
    /// Leave the block that an `edit` or `config` began.
    EndBlock,
    /// Leave an `edit`.
    EndEdit,
    /// To the top of the configuration.
    Top,
    /// Name the device, at once.
    Hostname,
    /// Name the device at the next commit.
    Candidate,
    /// Put the candidate in force.
    Commit,
    /// The same, and leave configuration; nothing where nothing waits for a commit.
    CommitSession,
    /// Give the candidate up.
    Discard,
    /// Lines with the time on or off.
    Stamps(bool),
    /// One level up: out of configuration, or out of the device.
    Leave,
    /// Out of the device.
    Logout,
}

/// A command that does something.
pub(crate) const fn act(
    words: &'static str,
    known: Where,
    does: Does,
    reply: &'static str,
) -> Command {
    Command {
        words,
        known,
        does,
        reply,
    }
}
