//! From what was written to what can be run. Every fault is found in one go, and names its key.

use netwolf_wire::{
    Span,
    allow::{self, Refused},
    step::{MAX_COMMAND, MAX_COMMANDS, StepAnswer, StepCommand},
    unseen::{Unseen, unseen},
};
use regex::RegexBuilder;

use super::{
    Actions, DEFAULT_RUN_DEADLINE, DEFAULT_TIMEOUT, Fault, MAX_NAME, MAX_RUN_DEADLINE,
    MAX_STEP_DEADLINE, Procedure,
    raw::{RawAnswer, RawCommand, RawProcedure, RawProgram, RawRollout},
};
use crate::{
    model::Guard,
    rollout::{DEFAULT_IN_FLIGHT, Rollout},
    submission::Submission,
};

/// Patterns of a command are for one output: what compiles to more than this is a mistake.
const MAX_REGEX_BYTES: usize = 1 << 20;
/// Patterns and answers of one command.
const MAX_PATTERNS: usize = 64;
/// Guards of one procedure.
const MAX_GUARDS: usize = 16;
/// A guard is watched for so long at most.
const MAX_HOLD: Span = Span::from_secs(60 * 60);

struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, key: impl Into<String>, message: impl Into<String>) -> &mut Fault {
        self.0.push(Fault {
            key: key.into(),
            message: message.into(),
            hint: None,
        });
        self.0.last_mut().expect("one was just added")
    }
}

impl Fault {
    fn hint(&mut self, hint: impl Into<String>) {
        self.hint = Some(hint.into());
    }
}

pub(super) fn check(name: &str, raw: &RawProcedure) -> Result<Procedure, Vec<Fault>> {
    let mut faults = Faults(Vec::new());
    check_name(name, &mut faults);
    if raw.changes && raw.credential.is_none() {
        faults
            .add(
                "credential",
                "a procedure that changes devices names its credential",
            )
            .hint("name one of `credentials` that may change them, by `credential`, or --credential of `netwolf run`");
    }
    let general = general(raw, &mut faults);
    let mut platforms = std::collections::BTreeMap::new();
    for (platform, program) in &raw.platforms {
        let key = format!("platforms.{platform}");
        if program.commands.is_empty() {
            faults
                .add(format!("{key}.commands"), "nothing is typed")
                .hint("name the commands, or leave the platform out");
        }
        let actions = actions(&format!("{key}."), program, raw.changes, &mut faults);
        platforms.insert(platform.clone(), actions);
    }
    if raw.commands.is_empty() && raw.platforms.is_empty() {
        faults
            .add("commands", "nothing is typed")
            .hint("name the commands");
    }
    span(
        "step_deadline",
        raw.step_deadline,
        MAX_STEP_DEADLINE,
        &mut faults,
    );
    span(
        "run_deadline",
        raw.run_deadline,
        MAX_RUN_DEADLINE,
        &mut faults,
    );
    if raw.guards.len() > MAX_GUARDS {
        faults.add("guards", format!("there are at most {MAX_GUARDS}"));
    }
    for (index, guard) in raw.guards.iter().enumerate() {
        check_guard(&format!("guards[{index}]"), guard, &mut faults);
    }
    let rollout = rollout(raw.rollout.unwrap_or_default(), &mut faults);
    if !faults.0.is_empty() {
        return Err(faults.0);
    }
    Ok(Procedure {
        name: name.to_owned(),
        description: raw.description.clone(),
        changes: raw.changes,
        credential: raw.credential.clone(),
        general,
        platforms,
        step_deadline: raw.step_deadline,
        run_deadline: raw.run_deadline.unwrap_or(DEFAULT_RUN_DEADLINE),
        guards: raw.guards.clone(),
        rollout,
        window: raw.window.clone(),
        raw: raw.clone(),
    })
}

/// A submission that names a procedure has no commands of its own.
pub(super) fn own_keys(submission: &Submission, faults: &mut Vec<Fault>) {
    let own = [
        ("commands", !submission.commands.is_empty()),
        ("changes", submission.changes),
        ("credential", submission.credential.is_some()),
        ("mode", submission.mode.is_some()),
        ("verify", submission.verify.is_some()),
    ];
    for (key, there) in own {
        if there {
            faults.push(Fault {
                key: key.to_owned(),
                message: "a run of a procedure takes this from the procedure".to_owned(),
                hint: Some(format!("leave `procedure` or `{key}` out")),
            });
        }
    }
}

fn check_name(name: &str, faults: &mut Faults) {
    if name.trim().is_empty() {
        faults.add("name", "the name is empty");
    } else if name.len() > MAX_NAME {
        faults.add("name", format!("the name has more than {MAX_NAME} bytes"));
    } else if let Some(unseen) = unseen(name) {
        faults
            .add("name", format!("{name:?} has {unseen}"))
            .hint(unseen.hint());
    }
}

fn general(raw: &RawProcedure, faults: &mut Faults) -> Option<Actions> {
    if raw.commands.is_empty() {
        for (key, there) in [
            ("mode", raw.mode.is_some()),
            ("verify", raw.verify.is_some()),
        ] {
            if there {
                faults
                    .add(key, "does nothing without `commands` beside it")
                    .hint("move it to the platforms that it is for");
            }
        }
        return None;
    }
    let program = RawProgram {
        mode: raw.mode.clone(),
        commands: raw.commands.clone(),
        verify: raw.verify.clone(),
    };
    Some(actions("", &program, raw.changes, faults))
}

fn actions(key: &str, raw: &RawProgram, changes: bool, faults: &mut Faults) -> Actions {
    // One place is for the verify command.
    if raw.commands.len() >= MAX_COMMANDS {
        faults.add(
            format!("{key}commands"),
            format!("there are at most {}", MAX_COMMANDS - 1),
        );
    }
    let commands = raw.commands.iter().enumerate();
    let commands = commands
        .map(|(index, raw)| command(&format!("{key}commands[{index}]"), raw, changes, faults))
        .collect();
    let verify = raw.verify.as_ref().map(|raw| {
        let key = format!("{key}verify");
        // It may be typed again, so it only reads.
        let verify = command(&key, raw, false, faults);
        if verify.expect.is_empty() && verify.reject.is_empty() {
            faults
                .add(key, "verifies nothing, because it expects nothing")
                .hint("say by `expect` or `reject`, or --verify-expect of `netwolf run`, what its output must show");
        }
        verify
    });
    if let Some(mode) = &raw.mode
        && (mode.trim().is_empty() || unseen(mode).is_some())
    {
        faults.add(format!("{key}mode"), format!("{mode:?} is not a mode"));
    }
    Actions {
        mode: raw.mode.clone(),
        commands,
        verify,
    }
}

fn command(key: &str, raw: &RawCommand, changes: bool, faults: &mut Faults) -> StepCommand {
    let full = raw.full();
    let text = full.command.trim();
    line(key, text, faults);
    if text.is_empty() {
        faults.add(key, "the command is empty");
    }
    span(
        &format!("{key}.timeout"),
        full.timeout,
        MAX_STEP_DEADLINE,
        faults,
    );
    for (name, patterns) in [("expect", &full.expect), ("reject", &full.reject)] {
        if patterns.len() > MAX_PATTERNS {
            faults.add(
                format!("{key}.{name}"),
                format!("there are at most {MAX_PATTERNS}"),
            );
        }
        for (index, pattern) in patterns.iter().enumerate() {
            compiles(&format!("{key}.{name}[{index}]"), pattern, faults);
        }
    }
    if full.answers.len() > MAX_PATTERNS {
        faults.add(
            format!("{key}.answers"),
            format!("there are at most {MAX_PATTERNS}"),
        );
    }
    let answers = full.answers.iter().enumerate();
    let answers = answers
        .map(|(index, raw)| {
            let key = format!("{key}.answers[{index}]");
            answer(&key, raw, (changes, text), faults)
        })
        .collect();
    StepCommand {
        text: text.to_owned(),
        timeout: full.timeout.unwrap_or(DEFAULT_TIMEOUT),
        expect: full.expect,
        reject: full.reject,
        answers,
    }
}

/// An answer to `command`, which may change the device or not.
fn answer(
    key: &str,
    raw: &RawAnswer,
    (changes, command): (bool, &str),
    faults: &mut Faults,
) -> StepAnswer {
    if raw.ask.is_empty() {
        faults
            .add(format!("{key}.ask"), "nothing is asked")
            .hint(r"write a pattern for the end of the question, such as `\[confirm\]$`");
    }
    compiles(&format!("{key}.ask"), &raw.ask, faults);
    line(&format!("{key}.answer"), &raw.answer, faults);
    let answer = StepAnswer {
        ask: raw.ask.clone(),
        answer: raw.answer.clone(),
        bare: raw.bare,
    };
    if let Err(refused @ Refused::AnswerDoesMore { .. }) =
        allow::check_answer(changes, command, &answer)
    {
        let fault = faults.add(format!("{key}.answer"), refused.to_string());
        fault.hint = refused.hint();
    }
    answer
}

/// What is typed is one line.
fn line(key: &str, text: &str, faults: &mut Faults) {
    if let Some(unseen) = unseen(text) {
        let hint = match unseen {
            Unseen::Control(_) => {
                "a command is one line; write several commands as several entries"
            }
            Unseen::Invisible(_) => unseen.hint(),
        };
        faults.add(key, format!("{text:?} has {unseen}")).hint(hint);
    }
    if text.len() > MAX_COMMAND {
        faults.add(key, format!("has more than {MAX_COMMAND} bytes"));
    }
}

fn compiles(key: &str, pattern: &str, faults: &mut Faults) {
    let compiled = RegexBuilder::new(pattern)
        .size_limit(MAX_REGEX_BYTES)
        .build();
    if let Err(error) = compiled {
        // The library draws the place over several lines; the last one says what is wrong.
        let error = error.to_string();
        let last = error.lines().last().unwrap_or("").trim();
        let last = last.strip_prefix("error: ").unwrap_or(last);
        faults
            .add(key, format!("{pattern:?} is not a pattern: {last}"))
            .hint("patterns are regular expressions as Rust's regex crate has them, without look-around");
    }
}

fn span(key: &str, span: Option<Span>, longest: Span, faults: &mut Faults) {
    let Some(span) = span else { return };
    if span.is_zero() {
        faults
            .add(key, "no time is left")
            .hint("write a time above zero");
    } else if span > longest {
        faults.add(key, format!("\"{span}\" is longer than {longest}"));
    }
}

fn check_guard(key: &str, guard: &Guard, faults: &mut Faults) {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let begins = guard.metric.starts_with(|c: char| !c.is_ascii_digit());
    if !begins || !guard.metric.chars().all(word) {
        faults.add(
            format!("{key}.metric"),
            format!("{:?} is not the name of a metric", guard.metric),
        );
    }
    let bounds = [("above", guard.above), ("below", guard.below)];
    if bounds.iter().all(|(_, bound)| bound.is_none()) {
        faults
            .add(key, "nothing breaks it")
            .hint("say `above` or `below`, with a value");
    }
    for (name, bound) in bounds {
        if bound.is_some_and(|bound| !bound.is_finite()) {
            faults.add(format!("{key}.{name}"), "is not a number");
        }
    }
    span(&format!("{key}.for"), Some(guard.hold), MAX_HOLD, faults);
}

fn rollout(raw: RawRollout, faults: &mut Faults) -> Rollout {
    for (key, number) in [("per_site", raw.per_site), ("in_flight", raw.in_flight)] {
        if number == Some(0) {
            faults
                .add(
                    format!("rollout.{key}"),
                    "with none at a time nothing is ever done",
                )
                .hint("write a number above 0, or leave it out");
        }
    }
    Rollout {
        canary: raw.canary.unwrap_or(0),
        batch: raw.batch,
        stop_after: raw.stop_after,
        per_site: raw.per_site,
        in_flight: raw.in_flight.unwrap_or(DEFAULT_IN_FLIGHT),
    }
}
