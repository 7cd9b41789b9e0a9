//! `netwolf run`, `netwolf runs`, `netwolf procedures`: what they ask of a manager, what they make of its answers, and
//! how they end when it goes away.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    fake_manager::{Asked, FakeManager, Reply},
    lab::{self, PATIENCE, eventually, netwolf},
};

/// A run of three devices: one does, one does not, one is not known.
struct Scene {
    states: [&'static str; 3],
}

const FAILING: Scene = Scene {
    states: ["succeeded", "failed", "unknown"],
};
const FINE: Scene = Scene {
    states: ["succeeded", "succeeded", "succeeded"],
};

impl Scene {
    fn run(&self, is_over: bool) -> Value {
        let state = match (is_over, self.states) {
            (false, _) => "running",
            (true, ["succeeded", "succeeded", "succeeded"]) => "succeeded",
            (true, _) => "failed",
        };
        let count = |wanted| self.states.iter().filter(|state| **state == wanted).count();
        let steps = if is_over {
            json!({ "pending": 0, "leased": 0, "running": 0, "succeeded": count("succeeded"),
                    "failed": count("failed"), "timed_out": 0, "cancelled": 0, "unknown": count("unknown") })
        } else {
            json!({ "pending": 3, "leased": 0, "running": 0, "succeeded": 0, "failed": 0, "timed_out": 0,
                    "cancelled": 0, "unknown": 0 })
        };
        json!({
            "id": 17, "procedure": null, "name": "show clock", "state": state, "changes": false, "requester": "ann",
            "comment": null, "created": "2026-01-01T00:00:00.000Z", "started": "2026-01-01T00:00:00.100Z",
            "ended": if is_over { json!("2026-01-01T00:00:03.000Z") } else { Value::Null },
            "deadline": "2026-01-01T01:00:00.000Z", "steps": steps, "n_steps": 3, "batch": 1, "batches": 1,
            "stopped_by": null, "cancelled_by": null, "retry_of": null, "next_window": null,
        })
    }

    fn step(&self, no: usize) -> Value {
        let state = self.states[no];
        let reason = match state {
            "failed" => json!("the device refused the command"),
            "unknown" => json!("the session ended under a command"),
            _ => Value::Null,
        };
        json!({
            "step": no, "device": format!("ams/r{no}"), "platform": "cisco_ios", "state": state, "batch": 1,
            "attempt": 1, "agent": "a1", "epoch": 7, "leased": "2026-01-01T00:00:00.100Z",
            "started": "2026-01-01T00:00:00.200Z", "ended": "2026-01-01T00:00:00.450Z", "reason": reason,
            "hint": if state == "failed" { json!("is it a command of the platform?") } else { Value::Null },
            "settled_by": null,
        })
    }

    fn transcript(&self, no: usize) -> Value {
        let mut step = self.step(no);
        let failure = if self.states[no] == "failed" {
            json!({ "reason": "command_rejected", "message": "the device refused the command" })
        } else {
            Value::Null
        };
        step["transcript"] = json!([{
            "attempt": 1, "index": 0, "verify": false, "command": "show clock", "output": format!("\n12:0{no} UTC\n"),
            "truncated": false, "took_seconds": 0.25, "time": "2026-01-01T00:00:00.450Z", "failure": failure,
            "sha256": "00",
        }]);
        step
    }

    fn events(&self) -> Vec<(&'static str, Value)> {
        let mut events = vec![("run", self.run(false))];
        events.extend((0..3).map(|no| ("step", self.step(no))));
        events.push(("run", self.run(true)));
        events.push(("end", json!({})));
        events
    }

    /// What a manager answers that does everything right.
    fn answer(&self, asked: &Asked) -> Reply {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let step = |no: &str| no.parse::<usize>().unwrap();
        match (asked.method.as_str(), path) {
            ("POST", "/api/v1/runs") if asked.body["preview"] == true => {
                let changes = asked.body["changes"] == true || asked.body["procedure"] == "ntp";
                let step = |no: usize| {
                    json!({ "device": format!("ams/r{no}"), "platform": "cisco_ios", "batch": 1, "mode": null,
                            "commands": ["show clock"], "verify": null, "credential": "monitoring",
                            "deadline": "1m" })
                };
                Reply::Json(
                    200,
                    json!({ "steps": [step(0), step(1), step(2)], "changes": changes, "batches": 1,
                            "rollout": { "in_flight": 500 }, "guards": [], "window": null, "run_deadline": "1h" }),
                )
            }
            ("POST", "/api/v1/runs") => Reply::Json(201, self.run(false)),
            ("GET", "/api/v1/runs") => {
                Reply::Json(200, json!({ "runs": [self.run(true)], "next": null }))
            }
            ("GET", "/api/v1/runs/17/events") => Reply::Events(self.events()),
            // In pages of two.
            ("GET", "/api/v1/runs/17/steps") if query.contains("after=1") => {
                Reply::Json(200, json!({ "steps": [self.step(2)], "next": null }))
            }
            ("GET", "/api/v1/runs/17/steps") => Reply::Json(
                200,
                json!({ "steps": [self.step(0), self.step(1)], "next": 1 }),
            ),
            ("GET", "/api/v1/runs/17")
            | (
                "POST",
                "/api/v1/runs/17/cancel" | "/api/v1/runs/17/pause" | "/api/v1/runs/17/resume",
            ) => Reply::Json(200, self.run(true)),
            ("POST", "/api/v1/runs/17/retry") => {
                let mut run = self.run(false);
                run["id"] = 18.into();
                run["retry_of"] = 17.into();
                Reply::Json(201, run)
            }
            ("GET", "/api/v1/procedures") => Reply::Json(
                200,
                json!({ "procedures": [{ "name": "ntp", "changes": true, "description": "Sets the NTP server." }] }),
            ),
            ("POST", path) if path.ends_with("/settle") => Reply::Json(200, self.step(2)),
            ("GET", path) => match path.strip_prefix("/api/v1/runs/17/steps/ams%2Fr") {
                Some(no) => Reply::Json(200, self.transcript(step(no))),
                None => Reply::Json(
                    404,
                    json!({ "error": format!("nothing at {path}"), "hint": "look elsewhere" }),
                ),
            },
            _ => Reply::Json(405, json!({ "error": "not so" })),
        }
    }

    fn manager(&'static self) -> FakeManager {
        FakeManager::start(|asked, _| self.answer(asked))
    }
}

/// Runs `netwolf` against `manager`.
fn typed(manager: &FakeManager, words: &[&str]) -> (i32, String, String) {
    netwolf(&[words, &["--manager.url", &manager.url]].concat())
}

const RUN: [&str; 4] = ["run", "--where", "site=ams", "show clock"];

#[test]
fn a_run_that_succeeds_ends_with_its_outputs_and_0() {
    let manager = FINE.manager();
    let (code, out, err) = typed(&manager, &RUN);
    assert_eq!(code, 0, "{err}");
    assert_eq!(
        out,
        "DEVICE  STATE      TOOK    OUTPUT\n\
         ams/r0  succeeded  250 ms  12:00 UTC\n\
         ams/r1  succeeded  250 ms  12:01 UTC\n\
         ams/r2  succeeded  250 ms  12:02 UTC\n"
    );
    assert!(err.contains("run 17: show clock on 3 devices"), "{err}");
    assert!(err.contains("run 17: 3 succeeded in"), "{err}");
    let [submitted] = manager.posted("/api/v1/runs").try_into().unwrap();
    let key = submitted["idempotency_key"].as_str().unwrap();
    let expected = json!({
        "commands": ["show clock"], "changes": false, "where": ["site=ams"], "idempotency_key": key,
    });
    assert_eq!(submitted, expected);
}

#[test]
fn a_run_ends_as_its_steps_did_where_nobody_reads_what_is_said_of_it() {
    let manager = FINE.manager();
    let (_, closed) = std::io::pipe().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf"));
    command.args(RUN).args(["--manager.url", &manager.url]);
    let output = command.stderr(closed).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(table.lines().count(), 4, "{table}");
}

#[test]
fn a_run_that_fails_says_why_and_what_to_do_and_ends_with_1() {
    let manager = FAILING.manager();
    let (code, out, err) = typed(&manager, &RUN);
    assert_eq!(code, 1, "{err}");
    assert_eq!(
        out,
        "DEVICE  STATE      TOOK    OUTPUT\n\
         ams/r0  succeeded  250 ms  12:00 UTC\n\
         ams/r1  failed     250 ms  the device refused the command\n\
         ams/r2  unknown    250 ms  the session ended under a command\n  \
         hint: is it a command of the platform?\n"
    );
    assert!(err.contains("1 succeeded, 1 failed, 1 unknown"), "{err}");
    assert!(err.contains("netwolf runs settle 17 DEVICE"), "{err}");
    assert!(err.contains("netwolf runs retry 17"), "{err}");
}

#[test]
fn results_come_in_the_form_that_is_wanted() {
    let manager = FAILING.manager();
    let form = |form: &str, more: &[&str]| {
        let words = [&RUN[..], &["--output", form], more].concat();
        let (code, out, err) = typed(&manager, &words);
        assert_eq!(code, 1, "{err}");
        out
    };
    let json: Value = serde_json::from_str(&form("json", &[])).unwrap();
    assert_eq!(json["run"], FAILING.run(true));
    assert_eq!(
        json["steps"],
        json!([
            FAILING.transcript(0),
            FAILING.transcript(1),
            FAILING.transcript(2)
        ])
    );
    let csv = form("csv", &[]);
    assert!(
        csv.contains("ams/r1,cisco_ios,failed,0.250,the device refused the command,show clock,\"\n12:01 UTC\n\",false,0,false,the device refused the command,0.250\n"),
        "{csv}"
    );
    let raw = form("raw", &[]);
    assert!(
        raw.starts_with("==> ams/r0: succeeded in 250 ms <==\n\n12:00 UTC\n\n"),
        "{raw}"
    );
    // As they come, and each once, though the list of steps is read at the end.
    assert_eq!(form("table", &["--follow"]), raw);
    let lines = form("json", &["--follow"]);
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            FAILING.transcript(0),
            FAILING.transcript(1),
            FAILING.transcript(2)
        ]
    );
}

#[test]
fn what_was_missed_while_the_manager_was_away_is_shown_at_the_end() {
    let manager = FakeManager::start(|asked, before| match (asked.path.as_str(), before) {
        // It breaks off, is not there, does not know yet, and then tells how it is.
        ("/api/v1/runs/17/events", 0) => {
            Reply::Events(vec![("run", FINE.run(false)), ("step", FINE.step(0))])
        }
        ("/api/v1/runs/17/events", 1)
        | ("/api/v1/runs/17" | "/api/v1/runs/17/steps/ams%2Fr2", 0) => Reply::Nothing,
        ("/api/v1/runs/17/events", 2) => {
            Reply::Json(503, json!({ "error": "the manager is starting" }))
        }
        ("/api/v1/runs/17/events", _) => Reply::Events(vec![("run", FINE.run(true))]),
        _ => FINE.answer(asked),
    });
    let words = [&RUN[..], &["--follow", "--output", "json"]].concat();
    let (code, out, err) = typed(&manager, &words);
    assert_eq!(code, 0, "{err}");
    let lines: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines,
        [FINE.transcript(0), FINE.transcript(1), FINE.transcript(2)]
    );
    assert!(
        err.contains("asking again") && err.contains("is there again"),
        "{err}"
    );
    assert_eq!(manager.posted("/api/v1/runs").len(), 1);
}

#[test]
fn a_lost_answer_to_a_submission_makes_no_second_run() {
    let manager = FakeManager::start(|asked, before| match (asked.path.as_str(), before) {
        ("/api/v1/runs", 0 | 1) => Reply::Nothing,
        _ => FINE.answer(asked),
    });
    let (code, _, err) = typed(&manager, &[&RUN[..], &["--detach"]].concat());
    assert_eq!(code, 0, "{err}");
    let keys: Vec<_> = manager.posted("/api/v1/runs");
    assert_eq!(keys.len(), 3);
    assert!(
        keys.iter()
            .all(|body| *body == keys[0] && body["idempotency_key"].is_string())
    );
}

#[test]
fn a_refusal_is_told_with_its_hint() {
    let refused = |status: u16| {
        let manager = FakeManager::start(move |_, _| {
            Reply::Json(
                status,
                json!({ "error": "no such thing", "hint": "do it otherwise" }),
            )
        });
        let (code, out, err) = typed(&manager, &RUN);
        assert_eq!(
            (out.as_str(), err.as_str()),
            ("", "error: no such thing\n  hint: do it otherwise\n")
        );
        assert_eq!(manager.asked().len(), 1);
        code
    };
    // What was typed, and what was not.
    assert_eq!([400, 404].map(refused), [2, 2]);
    assert_eq!([403, 409, 429, 507].map(refused), [1, 1, 1, 1]);
    // A manager that is not there is not waited for.
    let address = lab::free_address();
    let (code, _, err) = netwolf(&["run", "--device", "a", "x", "--manager.url", &address]);
    assert!(
        code == 1 && err.contains("cannot connect to the manager"),
        "{code} {err}"
    );
}

#[test]
fn a_change_is_submitted_only_after_a_yes() {
    let manager = FINE.manager();
    let change = [
        "run",
        "--changes",
        "--credential",
        "c",
        "--device",
        "*",
        "reload",
    ];
    for words in [&change[..], &["run", "--procedure", "ntp", "--device", "*"]] {
        let (code, _, err) = typed(&manager, words);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains("--yes"), "{err}");
    }
    let posted = manager.posted("/api/v1/runs");
    assert!(
        posted.iter().all(|body| body["preview"] == true),
        "{posted:?}"
    );
    let (code, _, err) = typed(&manager, &[&change[..], &["--yes"]].concat());
    assert_eq!(code, 0, "{err}");
    // A procedure that only reads needs none.
    let (code, _, err) = typed(&manager, &["run", "--procedure", "clock", "--device", "*"]);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn a_preview_does_nothing() {
    let manager = FINE.manager();
    let (code, out, err) = typed(&manager, &[&RUN[..], &["--preview"]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("On all devices:\n  show clock\n"), "{out}");
    assert!(
        out.contains("\nrollout        all devices in one batch\n")
            && out.contains("\nrun deadline   1h\n"),
        "{out}"
    );
    assert!(
        out.contains("3 devices would be read; nothing was done"),
        "{out}"
    );
    assert_eq!(manager.asked().len(), 1);
    let (_, out, _) = typed(
        &manager,
        &[&RUN[..], &["--preview", "--output", "json"]].concat(),
    );
    let preview: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(preview["steps"].as_array().unwrap().len(), 3);
}

#[test]
fn whoever_leaves_is_told_how_to_come_back() {
    let manager = FINE.manager();
    let (code, out, err) = typed(&manager, &[&RUN[..], &["--detach"]].concat());
    assert_eq!((code, out.as_str()), (0, "17\n"));
    assert!(
        err.contains("netwolf runs follow 17") && err.contains("netwolf runs cancel 17"),
        "{err}"
    );

    let manager = FakeManager::start(|asked, _| match asked.path.as_str() {
        "/api/v1/runs/17/events" => Reply::Endless(vec![("run", FINE.run(false))]),
        _ => FINE.answer(asked),
    });
    let mut child = Command::new(env!("CARGO_BIN_EXE_netwolf"))
        .args(RUN)
        .args(["--manager.url", &manager.url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    // The line about its progress: it listens to events, and to the keyboard.
    let mut line = String::new();
    while !line.starts_with("0/3: ") {
        line.clear();
        assert_ne!(err.read_line(&mut line).unwrap(), 0, "it ended");
    }
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    let status = eventually(PATIENCE, "the end after Ctrl-C", || {
        child.try_wait().unwrap().ok_or_else(|| "it runs".into())
    });
    assert_eq!(status.code(), Some(1));
    let mut rest = String::new();
    err.read_to_string(&mut rest).unwrap();
    assert!(
        rest.contains("left: run 17 goes on") && rest.contains("netwolf runs cancel 17"),
        "{rest}"
    );
    assert!(manager.posted("/api/v1/runs/17/cancel").is_empty());
}

#[test]
fn outputs_are_read_into_one_table() {
    let manager = FAILING.manager();
    let folder = lab::folder();
    let template = folder.path().join("clock.textfsm");
    fs::write(
        &template,
        "Value TIME (\\S+)\n\nStart\n  ^${TIME} UTC -> Record\n",
    )
    .unwrap();
    let template = template.to_str().unwrap();
    let (code, out, err) = typed(&manager, &[&RUN[..], &["--parse", template]].concat());
    assert_eq!(code, 1, "{err}");
    assert_eq!(out, "DEVICE  TIME\nams/r0  12:00\n1 row\n");
    assert!(
        err.contains("warning: ams/r1: failed: the device refused the command"),
        "{err}"
    );
    let (_, out, _) = typed(
        &manager,
        &[&RUN[..], &["--parse", template, "--output", "csv"]].concat(),
    );
    assert_eq!(out, "device,time\nams/r0,12:00\n");
}

#[test]
fn a_bad_parse_is_told_before_anything_is_asked() {
    let manager = FINE.manager();
    let folder = lab::folder();
    let bad = folder.path().join("bad.textfsm");
    fs::write(&bad, "no template").unwrap();
    for (parse, message) in [
        (bad.to_str().unwrap(), "is no template"),
        ("/nowhere/x.textfsm", "cannot read"),
        ("cpuu", "unknown collector \"cpuu\""),
        ("interfaces", "reads the output of none of these commands"),
    ] {
        let (code, _, err) = typed(&manager, &[&RUN[..], &["--parse", parse]].concat());
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(message), "{err}");
    }
    let (code, _, err) = typed(
        &manager,
        &[&RUN[..], &["--parse", "cpu", "--output", "raw"]].concat(),
    );
    assert!(code == 2 && err.contains("not raw"), "{code} {err}");
    let (code, _, err) = typed(&manager, &["run", "--device", "a", "--expect", "(", "x"]);
    assert!(
        code == 2 && err.contains("no regular expression"),
        "{code} {err}"
    );
    assert_eq!(manager.asked(), []);
}

#[test]
fn runs_are_listed_shown_and_steered() {
    let manager = FAILING.manager();
    let (code, out, _) = typed(&manager, &["runs", "--state", "failed"]);
    assert!(
        code == 0 && out.contains("17  show clock  failed  3"),
        "{code} {out}"
    );
    assert_eq!(
        manager.asked().pop().unwrap().path,
        "/api/v1/runs?limit=50&state=failed"
    );
    let (code, out, _) = typed(&manager, &["runs", "show", "17"]);
    assert!(
        code == 0 && out.contains("requester    ann"),
        "{code} {out}"
    );
    assert!(
        out.contains("ams/r2") && out.contains("the session ended under a command"),
        "{out}"
    );
    let (_, out, _) = typed(&manager, &["runs", "show", "17", "--output", "json"]);
    let shown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(shown["steps"].as_array().unwrap().len(), 3);
    let (code, out, _) = typed(&manager, &["runs", "transcript", "17", "ams/r0"]);
    assert_eq!(
        (code, out.as_str()),
        (0, "==> show clock (250 ms) <==\n\n12:00 UTC\n")
    );
    for verb in ["cancel", "pause", "resume"] {
        let (code, out, _) = typed(&manager, &["runs", verb, "17"]);
        assert_eq!((code, out.as_str()), (0, "run 17 is failed\n"), "{verb}");
        assert_eq!(
            manager.posted(&format!("/api/v1/runs/17/{verb}")),
            [Value::Null]
        );
    }
    let retry = ["runs", "retry", "17", "--unknown", "--detach"];
    let (code, out, err) = typed(&manager, &retry);
    assert_eq!((code, out.as_str()), (0, "18\n"));
    assert!(
        err.contains("run 18 has 3 steps of run 17\n") && err.contains("netwolf runs follow 18"),
        "{err}"
    );
    let mut retried = manager.posted("/api/v1/runs/17/retry");
    let key = retried[0]
        .as_object_mut()
        .unwrap()
        .remove("idempotency_key");
    assert_eq!(retried, [json!({ "unknown": true })]);
    let key = key.expect("said twice, it is done once");
    assert_eq!(key.as_str().unwrap().len(), 32);
    let settle = [
        "runs",
        "settle",
        "17",
        "ams/r2",
        "succeeded",
        "--comment",
        "looked",
    ];
    let (code, out, _) = typed(&manager, &settle);
    assert_eq!(
        (code, out.as_str()),
        (0, "ams/r2 of run 17 is settled as succeeded\n")
    );
    let settled = manager.posted("/api/v1/runs/17/steps/ams%2Fr2/settle");
    assert_eq!(
        settled,
        [json!({ "state": "succeeded", "comment": "looked" })]
    );
    let (code, out, _) = typed(&manager, &["runs", "follow", "17", "--output", "raw"]);
    assert!(
        code == 1 && out.contains("==> ams/r2: unknown"),
        "{code} {out}"
    );
    let (code, out, _) = typed(&manager, &["procedures"]);
    assert!(
        code == 0 && out.contains("ntp   the devices"),
        "{code} {out}"
    );
    let (code, _, err) = typed(&manager, &["procedures", "nope"]);
    assert_eq!(
        (code, err.as_str()),
        (
            1,
            "error: nothing at /api/v1/procedures/nope\n  hint: look elsewhere\n"
        )
    );
    let (code, _, err) = typed(&manager, &["runs", "show", "18"]);
    assert!(
        code == 1 && err.contains("hint: look elsewhere"),
        "{code} {err}"
    );
}

#[test]
fn an_audit_log_is_verified_without_a_manager() {
    use netwolf_runs::audit::{Action, Head, Log, Outcome, Record, file_name};
    use netwolf_wire::step::RunId;

    let folder = lab::folder();
    let audit = folder.path().join("audit");
    let mut log = Log::open(&audit, None).unwrap().log;
    let mut append = |n: u64| {
        let mut record = Record::new(n, Action::Command, RunId(n), "ann", Outcome::Succeeded);
        record.command = Some(format!("show clock {n}"));
        log.append([&record]).unwrap();
        log.head()
    };
    let heads: [Head; 3] = [1, 2, 3].map(&mut append);
    let verify = |more: &[&str]| {
        let words = ["audit", "verify", audit.to_str().unwrap()];
        netwolf(&[&words[..], more].concat())
    };
    let (code, out, err) = verify(&[]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("records         3\n") && out.contains("every record is as it was written"),
        "{out}"
    );
    assert!(
        out.contains(&format!("last record     {}\n", heads[2])),
        "{out}"
    );
    let (code, out, _) = verify(&["--head", &heads[0].to_string(), "--output", "json"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &told["records"], &told["ahead"]),
        (0, &json!(3), &json!(2))
    );

    // What somebody would rather not have typed.
    let file = audit.join(file_name(1));
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("show clock 2", "show clock 9")).unwrap();
    let (code, out, err) = verify(&[]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.contains("audit-000001.jsonl:2 was changed") && err.contains("hint:"),
        "{err}"
    );
    // An end that is cut off is whole by itself, and is found by whoever has kept a head.
    let two: String = text.split_inclusive('\n').take(2).collect();
    fs::write(&file, two).unwrap();
    let (code, out, _) = verify(&[]);
    assert!(
        code == 0 && out.contains("an end that was cut off cannot be seen here"),
        "{code} {out}"
    );
    let (code, _, err) = verify(&["--head", &heads[2].to_string()]);
    assert!(
        code == 1 && err.contains("1 record is missing at the end"),
        "{code} {err}"
    );

    let (code, _, err) = verify(&["--head", "x"]);
    assert!(code == 2 && err.contains("SEQ:FILE:HASH"), "{code} {err}");
    let (code, _, err) = netwolf(&["audit", "verify", folder.path().to_str().unwrap()]);
    assert!(
        code == 1 && err.contains("holds no audit log"),
        "{code} {err}"
    );
}

#[test]
fn nobody_is_asked_to_agree_to_a_retry_of_nothing() {
    for (scene, code, said) in [
        (&FINE, 1, "error: run 17 has no step that failed"),
        (&FAILING, 2, "nobody is here to agree"),
    ] {
        let manager = FakeManager::start(|asked, _| match scene.answer(asked) {
            Reply::Json(status, mut run) => {
                run["changes"] = true.into();
                Reply::Json(status, run)
            }
            other => other,
        });
        let (found, out, err) = typed(&manager, &["runs", "retry", "17"]);
        assert_eq!((found, out.as_str()), (code, ""), "{err}");
        assert!(err.contains(said), "{err}");
        assert_eq!(manager.posted("/api/v1/runs/17/retry"), [Value::Null; 0]);
    }
}

#[test]
fn an_option_of_the_list_before_a_verb_is_told_where_it_belongs() {
    let (code, _, err) = netwolf(&["runs", "--output", "json", "show", "17"]);
    assert_eq!(code, 2);
    assert_eq!(
        err,
        "error: --output before a verb is for the list of runs\n  hint: write it behind `show`\n"
    );
}
