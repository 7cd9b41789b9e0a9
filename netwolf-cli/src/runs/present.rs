//! Results in the form that is wanted, step by step, so that a fleet's outputs are never all in memory. Pure.

use std::collections::BTreeSet;

use anyhow::Context;
use serde_json::{Value, json};

use super::{
    answer::StepView,
    csv,
    form::Form,
    parsed::{Fleet, Reader},
};
use crate::{
    print::{self, put},
    table,
};

/// What `netwolf run --output csv` names its columns.
const COLUMNS: [&str; 12] = [
    "device",
    "platform",
    "state",
    "took_seconds",
    "reason",
    "command",
    "output",
    "truncated",
    "index",
    "verify",
    "failure",
    "command_seconds",
];

/// Takes steps and gives what is to be printed.
#[derive(Debug)]
pub(super) enum Sink {
    Table {
        rows: Vec<[String; 4]>,
        hints: BTreeSet<String>,
    },
    /// Everything of a step as soon as it has ended.
    Stream,
    Json {
        is_first: bool,
    },
    JsonLines,
    Csv {
        has_begun: bool,
    },
    Raw {
        are_several: bool,
    },
    Parsed(Fleet),
}

impl Sink {
    pub(super) fn new(form: Form, follow: bool, reader: Option<Reader>) -> Self {
        match (form, follow, reader) {
            (form, _, Some(reader)) => Self::Parsed(Fleet::new(reader, form)),
            (Form::Table, true, _) => Self::Stream,
            (Form::Json, true, _) => Self::JsonLines,
            (Form::Table, false, _) => Self::Table {
                rows: Vec::new(),
                hints: BTreeSet::new(),
            },
            (Form::Json, false, _) => Self::Json { is_first: true },
            (Form::Csv, ..) => Self::Csv { has_begun: false },
            // Until it is known that there is only one.
            (Form::Raw, ..) => Self::Raw { are_several: true },
        }
    }

    /// Which steps are shown with their transcripts.
    pub(super) fn wants(&self) -> fn(&Value) -> bool {
        match self {
            Self::Table { .. } | Self::Parsed(_) => |step| step["state"] == "succeeded",
            // A step that was never sent has none.
            _ => |step| !step["started"].is_null(),
        }
    }

    /// What stands before all steps, of which there are so many.
    pub(super) fn begin(&mut self, run: &Value, n_steps: usize) -> anyhow::Result<String> {
        match self {
            Self::Json { .. } => Ok(format!(
                "{{\"run\": {},\n \"steps\": [",
                serde_json::to_string(run)?
            )),
            Self::Raw { are_several } => {
                *are_several = n_steps > 1;
                Ok(String::new())
            }
            Self::Parsed(fleet) => {
                fleet.begin(run);
                Ok(String::new())
            }
            Self::Table { .. } | Self::Stream | Self::JsonLines | Self::Csv { .. } => {
                Ok(String::new())
            }
        }
    }

    /// What is printed of one step.
    pub(super) fn step(&mut self, told: &Value) -> anyhow::Result<String> {
        let step = || -> anyhow::Result<StepView> {
            serde_json::from_value(told.clone())
                .context("the manager told of a step what cannot be read")
        };
        Ok(match self {
            Self::Table { rows, hints } => {
                let step = step()?;
                hints.extend(step.hint.clone());
                rows.push(row(&step));
                String::new()
            }
            Self::Stream => raw(&step()?, true),
            Self::Json { is_first } => {
                let between = if std::mem::take(is_first) { "" } else { "," };
                format!("{between}\n  {}", whole(told)?)
            }
            Self::JsonLines => whole(told)? + "\n",
            Self::Csv { has_begun } => {
                let head = if std::mem::replace(has_begun, true) {
                    String::new()
                } else {
                    csv::record(COLUMNS)
                };
                head + &records(&step()?)
            }
            Self::Raw { are_several } => raw(&step()?, *are_several),
            Self::Parsed(fleet) => {
                fleet.step(&step()?);
                String::new()
            }
        })
    }

    /// What stands behind all steps.
    pub(super) fn end(&mut self) -> String {
        match self {
            Self::Table { rows, hints } => {
                let mut page = table::render(["DEVICE", "STATE", "TOOK", "OUTPUT"], rows);
                for hint in hints.iter() {
                    put(&mut page, format_args!("  hint: {}\n", print::plain(hint)));
                }
                page
            }
            Self::Json { .. } => "\n]}\n".into(),
            Self::Parsed(fleet) => fleet.end(),
            Self::Csv { has_begun: false } => csv::record(COLUMNS),
            Self::Stream | Self::JsonLines | Self::Csv { .. } | Self::Raw { .. } => String::new(),
        }
    }

    /// What could not be read, for standard error.
    pub(super) fn warnings(&self) -> Vec<String> {
        match self {
            Self::Parsed(fleet) => fleet.warnings(),
            _ => Vec::new(),
        }
    }
}

/// A step with its transcript, which is empty where nothing was typed: lists of steps have none.
fn whole(told: &Value) -> serde_json::Result<String> {
    let mut told = told.clone();
    if let Some(step) = told.as_object_mut() {
        step.entry("transcript").or_insert_with(|| json!([]));
    }
    serde_json::to_string(&told)
}

fn took(step: &StepView) -> String {
    step.took().map(print::took).unwrap_or_default()
}

/// Why a step has not done what it should; the empty text where it has.
fn reason(step: &StepView) -> &str {
    step.reason.as_deref().unwrap_or_default()
}

fn row(step: &StepView) -> [String; 4] {
    let text = match reason(step) {
        "" => step.first_line(),
        reason => reason,
    };
    [
        step.device.clone(),
        step.state.clone(),
        took(step),
        text.to_owned(),
    ]
}

/// A record for each command, and one for a step of which none was typed.
fn records(step: &StepView) -> String {
    let seconds = |seconds: Option<f64>| seconds.map(|it| format!("{it:.3}")).unwrap_or_default();
    let took = seconds(step.took().map(|took| took.as_secs_f64()));
    let record = |reason: &str, of_command: [&str; 7]| {
        let of_step = [&*step.device, &step.platform, &step.state, &took, reason];
        csv::record(of_step.into_iter().chain(of_command))
    };
    if step.transcript.is_empty() {
        return record(reason(step), [""; 7]);
    }
    let flag = |is: bool| if is { "true" } else { "false" };
    let entries = step.transcript.iter().map(|entry| {
        let failure = entry.failure().unwrap_or_default();
        let reason = entry.failure().unwrap_or(reason(step));
        let of_command = [
            &*entry.command,
            &entry.output,
            flag(entry.truncated),
            &entry.index.to_string(),
            flag(entry.verify),
            failure,
            &seconds(entry.took_seconds),
        ];
        record(reason, of_command)
    });
    entries.collect()
}

/// The outputs as the device sent them, as `tail` names files.
fn raw(step: &StepView, are_several: bool) -> String {
    let mut text = String::new();
    if are_several {
        let took = step.took().map(|took| format!(" in {}", print::took(took)));
        put(
            &mut text,
            format_args!(
                "==> {}: {}{} <==\n",
                step.device,
                step.state,
                took.unwrap_or_default()
            ),
        );
    }
    let commands = step.transcript.len();
    for entry in &step.transcript {
        if commands > 1 {
            put(&mut text, format_args!("--> {}\n", entry.command));
        }
        text += &entry.output;
        if !entry.output.is_empty() && !entry.output.ends_with('\n') {
            text.push('\n');
        }
        if entry.truncated {
            text += "[the rest is left out]\n";
        }
        if let Some(failure) = entry.failure() {
            put(&mut text, format_args!("[{failure}]\n"));
        }
    }
    let is_told = step
        .transcript
        .iter()
        .any(|entry| entry.failure().is_some());
    if !is_told && !reason(step).is_empty() {
        put(&mut text, format_args!("[{}]\n", reason(step)));
    }
    if are_several {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> [Value; 3] {
        [
            json!({
                "step": 0, "device": "r1", "platform": "cisco_ios", "state": "succeeded",
                "started": "2026-01-01T00:00:00Z", "ended": "2026-01-01T00:00:01.250Z",
                "transcript": [
                    { "command": "show clock", "output": "\n12:00, \"UTC\"\n", "truncated": false, "index": 0,
                      "took_seconds": 0.0204 },
                    { "command": "show log", "output": "a", "truncated": true, "index": 1, "verify": true,
                      "took_seconds": 1.2 },
                ],
            }),
            json!({
                "step": 1, "device": "r2", "platform": "cisco_ios", "state": "failed", "reason": "rejected: % Invalid",
                "hint": "is it a command there?",
                "started": "2026-01-01T00:00:00Z", "ended": "2026-01-01T00:00:00.010Z",
                "transcript": [
                    { "command": "show clock", "output": "% Invalid\n", "failure": { "message": "% Invalid" } },
                ],
            }),
            json!({ "step": 2, "device": "r3", "platform": "junos", "state": "cancelled", "reason": "cancelled",
                    "started": null }),
        ]
    }

    fn shown(form: Form, follow: bool) -> String {
        let mut sink = Sink::new(form, follow, None);
        let mut text = sink.begin(&json!({ "id": 17 }), 3).unwrap();
        for step in steps() {
            text += &sink.step(&step).unwrap();
        }
        text + &sink.end()
    }

    #[test]
    fn people_get_a_line_for_each_device() {
        assert_eq!(
            shown(Form::Table, false),
            "\
DEVICE  STATE      TOOK   OUTPUT
r1      succeeded  1.2 s  12:00, \"UTC\"
r2      failed     10 ms  rejected: % Invalid
r3      cancelled         cancelled
  hint: is it a command there?
"
        );
    }

    #[test]
    fn outputs_stand_under_their_devices() {
        let expected = "\
==> r1: succeeded in 1.2 s <==
--> show clock

12:00, \"UTC\"
--> show log
a
[the rest is left out]

==> r2: failed in 10 ms <==
% Invalid
[% Invalid]

==> r3: cancelled <==
[cancelled]

";
        assert_eq!(shown(Form::Raw, false), expected);
        assert_eq!(shown(Form::Table, true), expected);
        let mut one = Sink::new(Form::Raw, false, None);
        one.begin(&Value::Null, 1).unwrap();
        let step = json!({ "device": "r1", "state": "succeeded", "transcript": [{ "output": "12:00\n" }] });
        assert_eq!(
            one.step(&step).unwrap(),
            "12:00\n",
            "nothing but the output"
        );
    }

    #[test]
    fn programs_get_json_whole_or_in_lines() {
        let whole: Value = serde_json::from_str(&shown(Form::Json, false)).unwrap();
        let mut steps = steps();
        // It has one for each step, so that nobody has to ask whether it is there.
        steps[2]["transcript"] = json!([]);
        assert_eq!(whole, json!({ "run": { "id": 17 }, "steps": steps }));
        let lines = shown(Form::Json, true);
        let lines: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines, steps);
    }

    #[test]
    fn a_spreadsheet_gets_a_record_for_each_command() {
        assert_eq!(
            shown(Form::Csv, false),
            "\
device,platform,state,took_seconds,reason,command,output,truncated,index,verify,failure,command_seconds
r1,cisco_ios,succeeded,1.250,,show clock,\"
12:00, \"\"UTC\"\"
\",false,0,false,,0.020
r1,cisco_ios,succeeded,1.250,,show log,a,true,1,true,,1.200
r2,cisco_ios,failed,0.010,% Invalid,show clock,\"% Invalid
\",false,0,false,% Invalid,
r3,junos,cancelled,,cancelled,,,,,,,
"
        );
    }
}
