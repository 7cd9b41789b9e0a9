//! What is known of runs, in rows and lines for people. Pure: the time comes in.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use super::answer::{RunView, StepView};
use crate::{
    devices::with_distance,
    print::{self, put},
    table,
};

/// A line for each run, the latest first.
pub(super) fn list(answer: &Value, now: SystemTime) -> String {
    let runs = answer["runs"].as_array().map_or(&[][..], Vec::as_slice);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows: Vec<_> = runs
        .iter()
        .map(|run| {
            let steps = |states: &[&str]| -> String {
                let counts = states
                    .iter()
                    .filter_map(|state| run["steps"][state].as_u64());
                counts.sum::<u64>().to_string()
            };
            [
                run["id"].to_string(),
                text(&run["name"]),
                text(&run["state"]),
                run["n_steps"].to_string(),
                steps(&["succeeded"]),
                steps(&["failed", "timed_out"]),
                steps(&["unknown"]),
                text(&run["requester"]),
                with_distance(run["created"].as_str().unwrap_or_default(), now),
            ]
        })
        .collect();
    let mut page = table::render(
        [
            "ID", "NAME", "STATE", "STEPS", "OK", "FAILED", "UNKNOWN", "BY", "CREATED",
        ],
        &rows,
    );
    writeln!(page, "{}", print::count(rows.len(), "run")).expect("a string takes all");
    if let Some(next) = answer["next"].as_u64() {
        writeln!(page, "there are older ones than {next}; --limit shows more")
            .expect("a string takes all");
    }
    page
}

/// A run with its steps.
pub(super) fn one(run: &Value, steps: &[Value], now: SystemTime) -> String {
    let text = |key: &str| run[key].as_str().map(str::to_owned);
    let time = |key: &str| run[key].as_str().map(|at| with_distance(at, now));
    let number = |key: &str| run[key].as_u64().map(|number| number.to_string());
    let batches = match (run["batch"].as_u64(), run["batches"].as_u64()) {
        (Some(batch), Some(batches)) if batches > 1 => Some(format!("{batch} of {batches}")),
        _ => None,
    };
    let changes = match run["changes"].as_bool() {
        Some(true) => Some("the devices".to_owned()),
        Some(false) => Some("nothing".to_owned()),
        None => None,
    };
    let counts = run["steps"].as_object().map(|steps| {
        let counts = steps
            .iter()
            .filter(|(_, count)| count.as_u64() != Some(0))
            .map(|(state, count)| format!("{count} {state}"));
        counts.collect::<Vec<_>>().join(", ")
    });
    let mut page = table::pairs(&[
        ("run", number("id")),
        ("name", text("name")),
        ("procedure", text("procedure")),
        ("state", text("state")),
        ("stopped by", text("stopped_by")),
        ("changes", changes),
        ("requester", text("requester")),
        ("comment", text("comment")),
        ("retry of", number("retry_of")),
        ("created", time("created")),
        ("started", time("started")),
        ("ended", time("ended")),
        ("deadline", time("deadline")),
        ("next window", time("next_window")),
        ("batch", batches),
        ("steps", counts),
    ]);
    page.push('\n');
    let rows: Vec<_> = steps
        .iter()
        .map(|told| {
            let step: StepView = serde_json::from_value(told.clone()).unwrap_or_default();
            let settled = told["settled_by"]
                .as_str()
                .map(|by| format!(" (settled by {by})"));
            let count = |key: &str| {
                told[key]
                    .as_u64()
                    .map(|n| n.to_string())
                    .unwrap_or_default()
            };
            [
                step.device.clone(),
                format!("{}{}", step.state, settled.unwrap_or_default()),
                count("batch"),
                count("attempt"),
                told["agent"].as_str().unwrap_or_default().to_owned(),
                step.took().map(print::took).unwrap_or_default(),
                step.reason.unwrap_or_default(),
            ]
        })
        .collect();
    page += &table::render(
        [
            "DEVICE", "STATE", "BATCH", "ATTEMPT", "AGENT", "TOOK", "REASON",
        ],
        &rows,
    );
    page
}

/// What was asked of a run, and what it came to.
pub(super) fn state(run: &RunView) -> String {
    let why = run.stopped_by.as_ref().map(|why| format!(" ({why})"));
    format!(
        "run {} is {}{}\n",
        run.id,
        print::plain(&run.state),
        print::plain(&why.unwrap_or_default())
    )
}

/// The last line of a run that was watched.
pub(super) fn summary(run: &RunView, elapsed: Duration) -> String {
    let counts = [
        ("succeeded", "succeeded"),
        ("failed", "failed"),
        ("timed_out", "timed out"),
        ("cancelled", "cancelled"),
        ("unknown", "unknown"),
    ];
    let told = counts
        .into_iter()
        .map(|(state, words)| (run.in_state(state), words))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"));
    let mut text = format!(
        "run {}: {} in {}",
        run.id,
        told.collect::<Vec<_>>().join(", "),
        print::took(elapsed)
    );
    if let Some(why) = &run.stopped_by {
        put(&mut text, format_args!("\nstopped: {}", print::plain(why)));
    }
    let id = run.id;
    if run.in_state("unknown") > 0 {
        put(
            &mut text,
            format_args!(
                "\n  hint: of unknown steps nobody knows whether they were done: look, then `netwolf runs settle {id} DEVICE succeeded|failed`"
            ),
        );
    }
    if run.to_retry(false) > 0 {
        put(
            &mut text,
            format_args!(
                "\n  hint: `netwolf runs show {id}` tells why, `netwolf runs retry {id}` tries those that failed again"
            ),
        );
    }
    text
}

/// What a device answered.
pub(super) fn transcript(answer: &Value) -> String {
    let mut text = String::new();
    let entries = answer["transcript"].as_array();
    for entry in entries.into_iter().flatten() {
        let gap = if text.is_empty() { "" } else { "\n" };
        let command = entry["command"].as_str().unwrap_or_default();
        let took = entry["took_seconds"].as_f64();
        let took = took
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .map(|took| format!(" ({})", print::took(took)));
        put(
            &mut text,
            format_args!("{gap}==> {command}{} <==\n", took.unwrap_or_default()),
        );
        let output = entry["output"].as_str().unwrap_or_default();
        text += output;
        if !output.is_empty() && !output.ends_with('\n') {
            text.push('\n');
        }
        if entry["truncated"] == true {
            text += "[the rest is left out]\n";
        }
        let answers = entry["answered"].as_array().into_iter().flatten();
        for answer in answers.filter_map(Value::as_str) {
            put(&mut text, format_args!("[answered {answer:?}]\n"));
        }
        let failure = &entry["failure"];
        if let Some(failure) = failure.as_str().or_else(|| failure["message"].as_str()) {
            put(&mut text, format_args!("[{failure}]\n"));
        }
    }
    let state = answer["state"].as_str().unwrap_or_default();
    let reason = answer["reason"]
        .as_str()
        .map(|reason| format!(": {reason}"));
    if text.is_empty() || reason.is_some() {
        put(
            &mut text,
            format_args!("[{state}{}]\n", reason.unwrap_or_default()),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run() -> Value {
        json!({
            "id": 17, "procedure": "ntp", "name": "ntp", "state": "failed", "changes": true, "requester": "ann",
            "comment": null, "created": "2026-01-01T00:00:00Z", "started": "2026-01-01T00:00:00Z",
            "ended": "2026-01-01T00:00:09Z", "deadline": "2026-01-01T01:00:00Z",
            "steps": { "pending": 0, "succeeded": 1, "failed": 1, "timed_out": 1, "unknown": 1 }, "n_steps": 4,
            "batch": 2, "batches": 3, "stopped_by": "2 of 4 steps have failed", "retry_of": null, "next_window": null,
        })
    }

    fn now() -> SystemTime {
        humantime::parse_rfc3339("2026-01-01T00:10:00Z").unwrap()
    }

    #[test]
    fn the_list_has_a_line_for_each_run() {
        let answer = json!({ "runs": [run()], "next": 17 });
        assert_eq!(
            list(&answer, now()),
            "\
ID  NAME  STATE   STEPS  OK  FAILED  UNKNOWN  BY   CREATED
17  ntp   failed  4      1   2       1        ann  2026-01-01T00:00:00Z (10m ago)
1 run
there are older ones than 17; --limit shows more
"
        );
    }

    #[test]
    fn a_run_is_shown_with_its_steps() {
        let steps = [
            json!({ "step": 0, "device": "r1", "state": "succeeded", "batch": 0, "attempt": 2, "agent": "a1",
                    "started": "2026-01-01T00:00:00Z", "ended": "2026-01-01T00:00:01Z", "settled_by": "verify" }),
            json!({ "step": 1, "device": "r2", "state": "failed", "batch": 1, "attempt": 1, "agent": "a1",
                    "reason": "% Invalid" }),
        ];
        assert_eq!(
            one(&run(), &steps, now()),
            "\
run          17
name         ntp
procedure    ntp
state        failed
stopped by   2 of 4 steps have failed
changes      the devices
requester    ann
created      2026-01-01T00:00:00Z (10m ago)
started      2026-01-01T00:00:00Z (10m ago)
ended        2026-01-01T00:00:09Z (9m ago)
deadline     2026-01-01T01:00:00Z (in 50m)
batch        2 of 3
steps        1 failed, 1 succeeded, 1 timed_out, 1 unknown

DEVICE  STATE                          BATCH  ATTEMPT  AGENT  TOOK   REASON
r1      succeeded (settled by verify)  0      2        a1     1.0 s
r2      failed                         1      1        a1            % Invalid
"
        );
    }

    #[test]
    fn the_end_is_told_with_what_to_do() {
        let run = RunView::read(&run()).unwrap();
        assert_eq!(
            summary(&run, Duration::from_secs(9)),
            "run 17: 1 succeeded, 1 failed, 1 timed out, 1 unknown in 9.0 s\n\
             stopped: 2 of 4 steps have failed\n  \
             hint: of unknown steps nobody knows whether they were done: look, then `netwolf runs settle 17 DEVICE succeeded|failed`\n  \
             hint: `netwolf runs show 17` tells why, `netwolf runs retry 17` tries those that failed again"
        );
        assert_eq!(state(&run), "run 17 is failed (2 of 4 steps have failed)\n");
    }

    #[test]
    fn a_transcript_is_what_the_device_said() {
        let answer = json!({
            "device": "r1", "state": "failed", "reason": "% Invalid",
            "transcript": [
                { "command": "show clock", "output": "12:00\n", "took_seconds": 0.02, "truncated": false,
                  "answered": [] },
                { "command": "reload in 10", "output": "Proceed? [confirm]", "took_seconds": 0.03,
                  "truncated": false, "answered": ["no", "", "<removed>"] },
                { "command": "shw log", "output": "% Invalid", "took_seconds": 0.01, "truncated": false,
                  "failure": { "reason": "command_rejected", "message": "refused" } },
            ],
        });
        assert_eq!(
            transcript(&answer),
            "==> show clock (20 ms) <==\n12:00\n\n\
             ==> reload in 10 (30 ms) <==\nProceed? [confirm]\n\
             [answered \"no\"]\n[answered \"\"]\n[answered \"<removed>\"]\n\n\
             ==> shw log (10 ms) <==\n% Invalid\n[refused]\n[failed: % Invalid]\n"
        );
        let nothing = json!({ "state": "pending", "transcript": [] });
        assert_eq!(transcript(&nothing), "[pending]\n");
    }
}
