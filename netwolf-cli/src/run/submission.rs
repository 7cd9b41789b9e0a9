//! From what was typed to what is submitted: checked as far as it can be without the manager. Pure.

use netwolf_runs::model::Guard;
use netwolf_wire::{
    Span,
    unseen::{Unseen, unseen},
};
use serde_json::{Map, Value, json};

use crate::{target, unknown::Unknown};

/// What is to be done, and on which devices.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
#[command(
    group(clap::ArgGroup::new("what").required(true).args(["commands", "procedure"])),
    group(clap::ArgGroup::new("who").required(true).multiple(true).args(["devices", "selections"])),
)]
pub(super) struct Wanted {
    /// What is typed on each device, one after the other; each quoted as one argument.
    #[arg(value_name = "COMMAND")]
    pub(super) commands: Vec<String>,

    /// Run this procedure of the manager's configuration; `netwolf procedures` lists them.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["changes", "credential", "mode", "verify", "verify_expect", "expect", "reject", "answer", "answer_key", "timeout", "name"])]
    procedure: Option<String>,

    /// A device by its name, or several by a pattern with `*` and `?`; may be given more than once.
    #[arg(long = "device", value_name = "NAME", help_heading = "Selection")]
    devices: Vec<String>,

    /// Devices of which all of these hold: `platform=cisco_ios,site=ams`. Keys are name, platform, group and labels;
    /// `!=` turns one round, values may have `*` and `?`, and `|` stands between alternatives. Given more than once,
    /// any may hold.
    #[arg(long = "where", value_name = "TERMS", help_heading = "Selection")]
    selections: Vec<String>,

    /// The commands change the device. Else only what the platform knows to only read is typed.
    #[arg(long, help_heading = "Commands")]
    changes: bool,

    /// Log in with this credential of the manager's configuration, for these commands alone.
    #[arg(long, value_name = "NAME", help_heading = "Commands")]
    credential: Option<String>,

    /// Type them in this mode of the platform, such as config; it is entered before and left behind.
    #[arg(long, value_name = "MODE", help_heading = "Commands")]
    mode: Option<String>,

    /// What each output must match, somewhere; may be given more than once.
    #[arg(long, value_name = "REGEX", help_heading = "Commands")]
    expect: Vec<String>,

    /// What no output may match.
    #[arg(long, value_name = "REGEX", help_heading = "Commands")]
    reject: Vec<String>,

    /// What is typed when a device asks: `\[confirm\]$=`, the question as a regular expression up to the last `=`, and
    /// the answer, which may be nothing but its newline. Without --changes only that, y, n, yes and no.
    #[arg(long, value_name = "REGEX=ANSWER", help_heading = "Commands")]
    answer: Vec<String>,

    /// As --answer, without a newline, for devices that take a single key.
    #[arg(long, value_name = "REGEX=KEY", help_heading = "Commands")]
    answer_key: Vec<String>,

    /// How long a command may take [default: 30s].
    #[arg(long, value_name = "TIME", help_heading = "Commands")]
    timeout: Option<Span>,

    /// Run after the commands, outside of the mode; it decides whether the step has succeeded, and settles steps of
    /// which nobody knows.
    #[arg(
        long,
        value_name = "COMMAND",
        requires = "verify_expect",
        help_heading = "Commands"
    )]
    verify: Option<String>,

    /// What its output must match.
    #[arg(
        long,
        value_name = "REGEX",
        requires = "verify",
        help_heading = "Commands"
    )]
    verify_expect: Vec<String>,

    /// What the run is called in lists [default: its first command].
    #[arg(long, value_name = "NAME", help_heading = "Commands")]
    name: Option<String>,

    /// So many devices first; the others only when these have succeeded.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Rollout")]
    canary: Option<u32>,

    /// So many devices at a time; the next ones when all of these have ended.
    #[arg(long, value_name = "N|N%", value_parser = amount, help_heading = "Rollout")]
    batch: Option<Value>,

    /// Stop when so many devices have failed: what has not begun never will.
    #[arg(long, value_name = "N|N%", value_parser = amount, help_heading = "Rollout")]
    stop_after: Option<Value>,

    /// So many devices of a site at a time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Rollout")]
    per_site: Option<u32>,

    /// So many devices at a time, of all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Rollout")]
    in_flight: Option<u32>,

    /// How long each device may take, from when its agent has the step.
    #[arg(long, value_name = "TIME", help_heading = "Rollout")]
    deadline: Option<Span>,

    /// How long all of it may take; what has not begun by then never will.
    #[arg(long, value_name = "TIME", help_heading = "Rollout")]
    run_deadline: Option<Span>,

    /// Begin steps only then: `mon,tue 22:00-04:00 +01:00`. The days are those on which it opens, all where none are
    /// named; the last part is the offset of the times from UTC, none where it is left out.
    #[arg(long, value_name = "WINDOW", value_parser = window, help_heading = "Rollout")]
    window: Option<Value>,

    /// What must stay true of each device after its step, or the run stops:
    /// `netwolf_cpu_utilization_ratio{window=5s} above 0.9 for 30s`, or `below`; may be given more than once, and goes
    /// beside the guards of the procedure.
    #[arg(long = "guard", value_name = "GUARD", help_heading = "Rollout")]
    guards: Vec<Guard>,

    /// Two submissions with the same key are one run [default: one of our own].
    #[arg(long, value_name = "KEY", help_heading = "Rollout")]
    idempotency_key: Option<String>,

    /// Why, for whoever reads the list of runs and the audit log.
    #[arg(long, value_name = "TEXT", help_heading = "Rollout")]
    comment: Option<String>,
}

impl Wanted {
    /// Whether somebody may have to agree: a procedure says itself whether it changes anything.
    pub(super) const fn may_change(&self) -> bool {
        self.changes || self.procedure.is_some()
    }

    /// The body of the request.
    ///
    /// # Errors
    /// The first thing that cannot be.
    pub(super) fn submission(&self) -> Result<Value, Unknown> {
        target::commands(self.commands.iter().chain(&self.verify))?;
        for pattern in self
            .expect
            .iter()
            .chain(&self.reject)
            .chain(&self.verify_expect)
        {
            regular(pattern)?;
        }
        let mut body = Map::new();
        if let Some(procedure) = &self.procedure {
            body.insert("procedure".into(), json!(procedure));
        } else {
            let answers = self.answers()?;
            let commands = self
                .commands
                .iter()
                .map(|text| self.command(text, &answers));
            body.insert("commands".into(), commands.collect());
            body.insert("changes".into(), json!(self.changes));
        }
        if let Some(verify) = &self.verify {
            let verify = json!({ "command": verify, "expect": self.verify_expect });
            body.insert("verify".into(), verify);
        }
        let texts = [
            ("credential", self.credential.clone()),
            ("mode", self.mode.clone()),
            ("name", self.name.clone()),
            ("step_deadline", self.deadline.map(|span| span.to_string())),
            (
                "run_deadline",
                self.run_deadline.map(|span| span.to_string()),
            ),
            ("idempotency_key", self.idempotency_key.clone()),
            ("comment", self.comment.clone()),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                body.insert(key.into(), text.into());
            }
        }
        for (key, names) in [("devices", &self.devices), ("where", &self.selections)] {
            if !names.is_empty() {
                body.insert(key.into(), json!(names));
            }
        }
        let rollout = self.rollout();
        if !rollout.is_empty() {
            body.insert("rollout".into(), rollout.into());
        }
        if let Some(window) = &self.window {
            body.insert("window".into(), window.clone());
        }
        if !self.guards.is_empty() {
            body.insert("guards".into(), json!(self.guards));
        }
        Ok(body.into())
    }

    /// One command, as short as it can be said.
    fn command(&self, text: &str, answers: &[Value]) -> Value {
        let mut command = Map::from_iter([("command".to_owned(), json!(text))]);
        if let Some(timeout) = self.timeout {
            command.insert("timeout".into(), json!(timeout));
        }
        for (key, patterns) in [("expect", &self.expect), ("reject", &self.reject)] {
            if !patterns.is_empty() {
                command.insert(key.into(), json!(patterns));
            }
        }
        if !answers.is_empty() {
            command.insert("answers".into(), json!(answers));
        }
        if command.len() == 1 {
            json!(text)
        } else {
            command.into()
        }
    }

    fn answers(&self) -> Result<Vec<Value>, Unknown> {
        let with_newline = self.answer.iter().map(|typed| (typed, false));
        let keys = self.answer_key.iter().map(|typed| (typed, true));
        let answers = with_newline.chain(keys).map(|(typed, bare)| {
            let (ask, answer) = typed.rsplit_once('=').ok_or_else(|| {
                let hint = "write the question, `=` and the answer: '\\[confirm\\]$='";
                Unknown::new(format!("{typed:?} has no `=`"), Some(hint.into()))
            })?;
            regular(ask)?;
            if let Some(unseen) = unseen(answer) {
                let hint = match unseen {
                    Unseen::Control(_) => "a newline is typed behind it by itself",
                    Unseen::Invisible(_) => unseen.hint(),
                };
                let message = format!("the answer {answer:?} has {unseen}");
                return Err(Unknown::new(message, Some(hint.into())));
            }
            Ok(json!({ "ask": ask, "answer": answer, "bare": bare }))
        });
        answers.collect()
    }

    fn rollout(&self) -> Map<String, Value> {
        let parts = [
            ("canary", self.canary.map(Value::from)),
            ("batch", self.batch.clone()),
            ("stop_after", self.stop_after.clone()),
            ("per_site", self.per_site.map(Value::from)),
            ("in_flight", self.in_flight.map(Value::from)),
        ];
        let given = parts
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)));
        given.collect()
    }
}

fn regular(pattern: &str) -> Result<(), Unknown> {
    match regex::Regex::new(pattern) {
        Ok(_) => Ok(()),
        Err(error) => Err(Unknown::new(
            format!("{pattern:?} is no regular expression: {error}"),
            Some("quote what it would read as a sign with a backslash: '\\['".into()),
        )),
    }
}

/// A number of devices, or a share of them: as the API takes both.
fn amount(text: &str) -> Result<Value, String> {
    if let Some(percent) = text.strip_suffix('%') {
        return match percent.parse::<u32>() {
            Ok(1..=100) => Ok(json!(text)),
            _ => Err("a share is from 1% to 100%".into()),
        };
    }
    match text.parse::<u32>() {
        Ok(n @ 1..) => Ok(json!(n)),
        _ => Err("write a number of devices, or a share of them such as 10%".into()),
    }
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// `[DAYS] FROM-TO [OFFSET]`.
fn window(text: &str) -> Result<Value, String> {
    let bad = || "write it as 'mon,tue 22:00-04:00 +01:00'".to_owned();
    let mut words = text.split_whitespace().peekable();
    let mut window = Map::new();
    if let Some(days) = words.next_if(|word| word.starts_with(char::is_alphabetic)) {
        let days: Vec<_> = days.split(',').map(str::to_lowercase).collect();
        if let Some(day) = days.iter().find(|day| !DAYS.contains(&day.as_str())) {
            return Err(format!("{day:?} is no day; there are {}", DAYS.join(", ")));
        }
        window.insert("days".into(), json!(days));
    }
    let (from, to) = words
        .next()
        .and_then(|word| word.split_once('-'))
        .ok_or_else(bad)?;
    for (key, time) in [("from", from), ("to", to)] {
        if !is_time(time) {
            return Err(format!("{time:?} is no time of day: {}", bad()));
        }
        window.insert(key.into(), json!(time));
    }
    if let Some(offset) = words.next() {
        if !offset.strip_prefix(['+', '-']).is_some_and(is_time) {
            return Err(format!("{offset:?} is no offset from UTC: {}", bad()));
        }
        window.insert("utc_offset".into(), json!(offset));
    }
    match words.next() {
        None => Ok(window.into()),
        Some(_) => Err(bad()),
    }
}

fn is_time(text: &str) -> bool {
    let two = |digits: &str, below: u8| {
        digits.len() == 2 && digits.parse::<u8>().is_ok_and(|number| number < below)
    };
    text.split_once(':')
        .is_some_and(|(hours, minutes)| two(hours, 24) && two(minutes, 60))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        wanted: Wanted,
    }

    fn typed(words: &[&str]) -> Wanted {
        Typed::parse_from([&["run"], words].concat()).wanted
    }

    #[track_caller]
    fn check(words: &[&str], expected: &Value) {
        let submission = typed(words).submission().unwrap();
        assert_eq!(submission, *expected, "{words:?}");
        // The manager's own reader takes it, and no key is lost on the way.
        let read: netwolf_runs::submission::Submission =
            serde_json::from_value(submission).unwrap();
        let keys = serde_json::to_value(&read).unwrap();
        for (key, value) in expected.as_object().unwrap() {
            assert!(!keys[key].is_null() || value == false, "{key}");
        }
    }

    #[test]
    fn what_is_typed_becomes_a_submission() {
        check(
            &["--where", "platform=cisco_ios,site=ams", "show version"],
            &json!({ "commands": ["show version"], "changes": false, "where": ["platform=cisco_ios,site=ams"] }),
        );
        check(
            &[
                "--device",
                "sw-*",
                "--device",
                "r1",
                "--procedure",
                "ntp",
                "--canary",
                "1",
                "--batch",
                "10%",
                "--stop-after",
                "5%",
                "--per-site",
                "2",
                "--in-flight",
                "50",
                "--deadline",
                "1m",
                "--run-deadline",
                "2h",
                "--guard",
                "netwolf_cpu_utilization_ratio{window=5s} above 0.9 for 30s",
                "--guard",
                "netwolf_interface_up below 1 for 1m",
                "--comment",
                "change 17",
            ],
            &json!({
                "procedure": "ntp", "devices": ["sw-*", "r1"], "step_deadline": "1m", "run_deadline": "2h",
                "rollout": { "canary": 1, "batch": "10%", "stop_after": "5%", "per_site": 2, "in_flight": 50 },
                "guards": [
                    { "metric": "netwolf_cpu_utilization_ratio", "labels": { "window": "5s" }, "above": 0.9, "for": "30s" },
                    { "metric": "netwolf_interface_up", "below": 1.0, "for": "1m" },
                ],
                "comment": "change 17",
            }),
        );
        check(
            &[
                "--where",
                "name=*",
                "--changes",
                "--credential",
                "changer",
                "--mode",
                "config",
                "--expect",
                "(?m)^ok",
                "--reject",
                "% Invalid",
                "--answer",
                r"\[confirm\]$=",
                "--answer-key",
                "a=b=y",
                "--timeout",
                "90s",
                "--verify",
                "show ntp",
                "--verify-expect",
                "192",
                "--window",
                "mon,SUN 22:00-04:00 +01:00",
                "reload",
            ],
            &json!({
                "commands": [{
                    "command": "reload", "timeout": "1m30s", "expect": ["(?m)^ok"], "reject": ["% Invalid"],
                    "answers": [
                        { "ask": r"\[confirm\]$", "answer": "", "bare": false },
                        { "ask": "a=b", "answer": "y", "bare": true },
                    ],
                }],
                "changes": true, "credential": "changer", "mode": "config", "where": ["name=*"],
                "verify": { "command": "show ntp", "expect": ["192"] },
                "window": { "days": ["mon", "sun"], "from": "22:00", "to": "04:00", "utc_offset": "+01:00" },
            }),
        );
    }

    #[test]
    fn what_cannot_be_is_refused_before_anything_is_sent() {
        for (words, message) in [
            (&["show version\nreload"][..], "is not a command"),
            (&["--expect", "(", "show version"], "no regular expression"),
            (&["--answer", "confirm", "reload"], "has no `=`"),
            (&["--answer", "(=y", "reload"], "no regular expression"),
            (&["--answer", "a=y\n", "reload"], "a control character"),
            (&["--answer", "a=\u{202e}y", "reload"], "U+202E"),
        ] {
            let words = [&["--device", "a"], words].concat();
            let unknown = typed(&words).submission().unwrap_err();
            assert!(unknown.message.contains(message), "{unknown:?}");
        }
    }

    #[test]
    fn what_is_no_guard_is_refused_with_the_form_of_one() {
        let typed = [
            "run",
            "--device",
            "a",
            "--guard",
            "m above x for 5s",
            "show clock",
        ];
        let error = Typed::try_parse_from(typed).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let said = error.to_string();
        assert!(
            said.contains("--guard") && said.contains("METRIC{label=value} above N for TIME"),
            "{said}"
        );
    }

    #[test]
    fn amounts_and_windows_are_understood_or_refused() {
        assert_eq!(amount("3"), Ok(json!(3)));
        assert_eq!(amount("100%"), Ok(json!("100%")));
        for bad in ["0", "-1", "0%", "101%", "x", "", "1.5"] {
            assert!(amount(bad).is_err(), "{bad}");
        }
        assert_eq!(
            window("22:00-04:00"),
            Ok(json!({ "from": "22:00", "to": "04:00" }))
        );
        for bad in [
            "",
            "mon",
            "moon 22:00-04:00",
            "22-4",
            "24:00-04:00",
            "22:00-04:00 CET",
            "22:00-04:00 +1",
            "22:00-04:00 +01:00 x",
        ] {
            assert!(window(bad).is_err(), "{bad}");
        }
    }
}
