//! Submissions on a small fleet: what they come to, and every way in which they are refused.

use std::fmt::Write as _;

use netwolf_runs::model::StepSpec;
use serde_json::{Value, json};

use super::*;
use crate::config;

mod narrowing;

const CONFIG: &str = r#"
defaults: { credential: monitoring, host_key: accept-new, collectors: [cpu] }
credentials:
  monitoring: { username: netwolf, password: env:A, allow: [show, display, cat, uname] }
  second: { username: second, password: env:B }
  changer: { username: changer, password: env:C, allow: [ntp, configure, show] }
groups:
  access: { platform: cisco_ios, labels: { role: access } }
devices:
  - { name: core-1, address: 192.0.2.1, platform: cisco_iosxe, labels: { site: ams, role: core } }
  - { name: sw-1, address: 192.0.2.2, group: access, labels: { site: ams } }
  - { name: sw-2, address: 192.0.2.3, group: access, labels: { site: fra }, credential: second }
  - { name: web-1, address: 192.0.2.4, platform: linux }
procedures:
  ntp:
    changes: true
    credential: changer
    mode: config
    commands: [ntp server 192.0.2.1]
    verify: { command: "show running-config", expect: [ntp] }
    rollout: { canary: 1, batch: 50% }
    run_deadline: 2h
  bounded:
    changes: true
    credential: changer
    commands: [ntp server 192.0.2.1]
    rollout: { canary: 1, batch: 50%, stop_after: 10%, per_site: 2, in_flight: 10 }
    window: { from: "22:00", to: "04:00" }
  bounded_read:
    commands: [show version]
    rollout: { canary: 1, batch: 50%, stop_after: 10%, per_site: 2, in_flight: 10 }
    window: { from: "22:00", to: "04:00" }
  juniper: { platforms: { juniper_junos: { commands: [show version] } } }
"#;

fn book() -> Book {
    book_of(CONFIG)
}

fn book_of(config: &str) -> Book {
    let loaded = config::parse("netwolf.yml".as_ref(), config);
    let loaded = loaded.unwrap_or_else(|faults| panic!("{faults}"));
    Book {
        inventory: Arc::new(loaded.inventory),
        prepared: loaded.prepared,
    }
}

fn asker(role: Role) -> Asker {
    Asker {
        name: "somebody".into(),
        role,
    }
}

fn submitted(body: &Value, role: Role) -> Result<(Spec, Vec<StepSpec>), Refusal> {
    let submission: Submission = serde_json::from_value(body.clone()).unwrap();
    check_texts(&submission)?;
    run_of(&book(), &submission, &asker(role), digest(&submission))
}

fn devices(body: &Value) -> Vec<String> {
    let (_, steps) = submitted(body, Role::Admin).unwrap();
    steps.iter().map(|step| step.device.to_string()).collect()
}

#[test]
fn devices_come_as_they_are_named_and_then_by_name() {
    let check = |devices_of: Value, expected: &[&str]| {
        let mut body = json!({"commands": ["show version"]});
        for (key, value) in devices_of.as_object().unwrap() {
            body[key] = value.clone();
        }
        assert_eq!(devices(&body), expected, "{devices_of}");
    };
    check(
        json!({"devices": ["sw-2", "core-1", "sw-2"]}),
        &["sw-2", "core-1"],
    );
    check(json!({"devices": ["sw-*"]}), &["sw-1", "sw-2"]);
    check(
        json!({"devices": ["sw-2"], "where": ["role=core", "site=ams"]}),
        &["sw-2", "core-1", "sw-1"],
    );
    check(json!({"where": ["group=access,site!=fra"]}), &["sw-1"]);
}

#[test]
fn a_run_holds_all_that_its_steps_need() {
    let body = json!({
        "procedure": "ntp", "where": ["platform=cisco_*"], "comment": "CHG-7",
        "rollout": {"batch": 1}, "idempotency_key": "k",
    });
    let (spec, steps) = submitted(&body, Role::Operate).unwrap();
    assert_eq!(
        (spec.rollout.canary, spec.run_deadline.get().as_secs()),
        (1, 7200)
    );
    assert_eq!(spec.rollout.batch.unwrap().to_string(), "1", "key by key");
    assert_eq!(
        spec.programs.len(),
        2,
        "one a platform: {:?}",
        spec.programs
    );
    for step in &steps {
        let program = spec.program(step);
        assert_eq!(program.platform, *step.platform);
        assert_eq!(program.login.as_ref().unwrap().credential, "changer");
        assert_eq!(&*step.credential, "changer");
        assert_eq!(program.mode.as_deref(), Some("config"));
        assert_eq!(program.mode_lines.enter, ["configure terminal"]);
        assert_eq!(program.mode_lines.leave, ["end"]);
    }
    assert_eq!(steps[0].site.as_deref(), Some("ams"));
}

#[test]
fn a_credential_that_the_session_has_is_not_logged_in_with_once_more() {
    let body =
        json!({"commands": ["show version"], "credential": "second", "devices": ["sw-1", "sw-2"]});
    let (spec, steps) = submitted(&body, Role::Admin).unwrap();
    let logins: Vec<_> = steps
        .iter()
        .map(|step| spec.program(step).login.is_some())
        .collect();
    assert_eq!(logins, [true, false]);
    assert!(steps.iter().all(|step| &*step.credential == "second"));
}

#[test]
fn the_same_body_has_the_same_digest_however_it_is_written() {
    let of = |body: &str| digest(&serde_json::from_str(body).unwrap());
    let one = of(r#"{"commands": ["show version"], "devices": ["sw-1"], "changes": false}"#);
    assert_eq!(
        one,
        of(r#"{"devices":["sw-1"],"commands":["show version"]}"#)
    );
    assert_ne!(
        one,
        of(r#"{"devices":["sw-2"],"commands":["show version"]}"#)
    );
}

fn show(devices: &Value) -> Value {
    json!({"commands": ["show version"], "devices": devices})
}

fn on_sw_1(mut more: Value) -> Value {
    more["devices"] = json!(["sw-1"]);
    more
}

/// Selections that select nothing.
fn wrong_selections() -> Vec<(&'static str, Value)> {
    vec![
        ("no devices", json!({"commands": ["show version"]})),
        ("an unknown device", show(&json!(["sw-11"]))),
        ("a pattern that fits nothing", show(&json!(["rt-*"]))),
        ("no pattern", show(&json!(["sw-[1"]))),
        (
            "no selection",
            json!({"commands": ["show version"], "where": ["sw-1"]}),
        ),
        (
            "an empty selection",
            json!({"commands": ["show version"], "where": [" "]}),
        ),
        (
            "a label that nobody has",
            json!({"commands": ["show version"], "where": ["sit=ams"]}),
        ),
        (
            "nobody",
            json!({"commands": ["show version"], "where": ["site=ams,role=edge"]}),
        ),
    ]
}

/// Things that cannot be done.
fn wrong_deeds() -> Vec<(&'static str, Value)> {
    vec![
        ("nothing to type", on_sw_1(json!({}))),
        (
            "an unknown procedure",
            on_sw_1(json!({"procedure": "ntpp"})),
        ),
        (
            "a procedure with commands",
            on_sw_1(json!({"procedure": "ntp", "commands": ["show version"], "changes": true})),
        ),
        (
            "a platform without commands",
            on_sw_1(json!({"procedure": "juniper"})),
        ),
        (
            "two faults",
            on_sw_1(json!({"commands": [{"command": "show version", "expect": ["("]}, " "]})),
        ),
        (
            "a newline",
            on_sw_1(json!({"commands": ["show version\nreload"]})),
        ),
        (
            "a command that changes",
            on_sw_1(json!({"commands": ["reload"]})),
        ),
        (
            "a read that writes",
            on_sw_1(json!({"commands": ["show version | redirect flash:x"]})),
        ),
        (
            "what the credential may not type",
            json!({"commands": ["ping 192.0.2.9"], "devices": ["core-1"]}),
        ),
        (
            "a change without a credential",
            on_sw_1(json!({"commands": ["reload"], "changes": true})),
        ),
        (
            "an unknown credential",
            on_sw_1(json!({"commands": ["reload"], "changes": true, "credential": "changr"})),
        ),
        (
            "what the changing credential may not type",
            on_sw_1(json!({"commands": ["reload"], "changes": true, "credential": "changer"})),
        ),
        (
            "an unknown mode",
            on_sw_1(json!({
                "commands": ["ntp server 192.0.2.1"], "changes": true, "credential": "changer", "mode": "conf",
            })),
        ),
        (
            "a verify command that changes",
            on_sw_1(json!({
                "commands": ["ntp server 192.0.2.1"], "changes": true, "credential": "changer",
                "verify": {"command": "ntp update", "expect": ["x"]},
            })),
        ),
        (
            "an answer of two lines",
            on_sw_1(json!({"commands": [
                {"command": "show version", "answers": [{"ask": "x", "answer": "y\nreload"}]},
            ]})),
        ),
        (
            "a deadline without end",
            on_sw_1(json!({"commands": ["show version"], "step_deadline": "2h"})),
        ),
        (
            "an empty key",
            on_sw_1(json!({"commands": ["show version"], "idempotency_key": ""})),
        ),
        (
            "a long comment",
            on_sw_1(json!({"commands": ["show version"], "comment": "x".repeat(MAX_COMMENT + 1)})),
        ),
        (
            "a comment of two lines",
            on_sw_1(json!({"commands": ["show version"], "comment": "CHG-7\nsucceeded"})),
        ),
        (
            "a long name",
            on_sw_1(json!({"commands": ["show version"], "name": "x".repeat(MAX_NAME + 1)})),
        ),
        (
            "a name that a terminal obeys",
            on_sw_1(json!({"commands": ["show version"], "name": "\u{1b}[2J"})),
        ),
        (
            "a name of a procedure's run that a terminal obeys",
            on_sw_1(json!({"procedure": "ntp", "name": "\u{1b}[2J"})),
        ),
    ]
}

/// What is written to be read otherwise, or to be typed otherwise.
fn wrong_texts() -> Vec<(&'static str, Value)> {
    vec![
        (
            "an answer that may be a command",
            on_sw_1(json!({"commands": [
                {"command": "show version", "answers": [{"ask": ".", "answer": "configure terminal"}]},
            ]})),
        ),
        (
            "an answer to a verify command that may be one",
            on_sw_1(json!({
                "commands": ["ntp server 192.0.2.1"], "changes": true, "credential": "changer",
                "verify": {"command": "show ntp", "expect": ["x"], "answers": [{"ask": ".", "answer": "reload"}]},
            })),
        ),
        (
            "an answer that turns what is shown",
            on_sw_1(json!({"commands": [
                {"command": "show version", "answers": [{"ask": "x", "answer": "\u{202e}y"}]},
            ]})),
        ),
        (
            "a command with a character that is not shown",
            on_sw_1(json!({"commands": ["show\u{200b} version"]})),
        ),
        (
            "a comment that turns what is shown",
            on_sw_1(json!({"commands": ["show version"], "comment": "for \u{2066}CHG-7"})),
        ),
        (
            "a name with a separator of lines",
            on_sw_1(json!({"commands": ["show version"], "name": "a\u{2028}b"})),
        ),
    ]
}

#[test]
fn every_refusal_says_why_and_what_to_do() {
    let cases = wrong_selections()
        .into_iter()
        .chain(wrong_deeds())
        .chain(wrong_texts());
    let mut text = String::new();
    for (case, body) in cases {
        let refusal = submitted(&body, Role::Admin).unwrap_err();
        let Refusal { kind, error, hint } = refusal;
        writeln!(text, "{case}: {kind:?}\n  {error}").unwrap();
        if let Some(hint) = hint {
            writeln!(text, "  hint: {hint}").unwrap();
        }
    }
    let own = json!({
        "commands": ["ntp server 192.0.2.1"], "changes": true, "credential": "changer", "devices": ["sw-1"],
    });
    let refusal = submitted(&own, Role::Operate).unwrap_err();
    writeln!(
        text,
        "own commands that change, by who operates: {refusal:?}"
    )
    .unwrap();
    let chosen =
        json!({ "commands": ["show clock"], "credential": "changer", "devices": ["sw-1"] });
    let refusal = submitted(&chosen, Role::Operate).unwrap_err();
    writeln!(text, "another credential, by who operates: {refusal:?}").unwrap();
    assert!(submitted(&chosen, Role::Admin).is_ok());
    insta::assert_snapshot!(text);
}

#[test]
fn all_that_may_not_be_typed_is_named_with_its_devices() {
    let refused = |commands: &[&str], devices: &[&str]| {
        let body = json!({"commands": commands, "devices": devices});
        submitted(&body, Role::Admin).unwrap_err().error
    };
    assert_eq!(
        refused(
            &["show version", "reload", "write"],
            &["sw-1", "sw-2", "core-1"]
        ),
        "\"reload\" is not known to only read on platform \"cisco_ios\" (on sw-1, sw-2); \
         \"write\" is not known to only read on platform \"cisco_ios\" (on sw-1, sw-2); \
         \"reload\" is not known to only read on platform \"cisco_iosxe\" (on core-1); \
         \"write\" is not known to only read on platform \"cisco_iosxe\" (on core-1)"
    );
    assert_eq!(
        refused(&["ping 192.0.2.9"], &["sw-1", "sw-2"]),
        "credential \"monitoring\" may not type \"ping 192.0.2.9\" (on sw-1)",
        "the other one has a credential that says nothing"
    );
    assert_eq!(
        refused(&["reload"], &["sw-1", "sw-2"]),
        "\"reload\" is not known to only read on platform \"cisco_ios\" (on all 2 devices)"
    );
    let many: Vec<_> = (0..7).map(|no| format!("reload {no}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let error = refused(&many, &["sw-1"]);
    assert!(error.ends_with("; and 2 more"), "{error}");
    assert_eq!(error.matches("is not known").count(), 5, "{error}");
}

#[test]
fn an_idempotency_key_is_short() {
    let body = |length| json!({"commands": ["show version"], "devices": ["sw-1"], "idempotency_key": "k".repeat(length)});
    assert!(submitted(&body(MAX_KEY), Role::Admin).is_ok());
    assert_eq!(
        submitted(&body(MAX_KEY + 1), Role::Admin).unwrap_err().kind,
        Kind::Bad
    );
}

/// A library for people who have just begun: it reads on every platform that there is.
#[test]
fn the_bundled_procedures_may_be_run_on_every_bundled_platform() {
    let library = crate::library::Library::bundled().unwrap();
    let login = netwolf_wire::target::Login::named("monitoring");
    let mut n_procedures = 0;
    for file in library.procedures() {
        let procedure = Procedure::check(&file.name, &file.raw).unwrap();
        assert!(procedure.credential.is_none(), "{}", file.name);
        n_procedures += 1;
        for platform in library.platforms() {
            let Some(program) = procedure.program(platform) else {
                // It has no configuration of its own.
                let left_out = (file.name.as_str(), platform) == ("backup", "linux");
                assert!(left_out, "{} does nothing on {platform}", file.name);
                continue;
            };
            let judge = netwolf_wire::allow::Judge::new(library.platform(platform).unwrap());
            for command in &program.commands {
                let judged = judge.judge(&login, procedure.changes, None, &command.text);
                judged.unwrap_or_else(|refused| panic!("{}: {refused}", file.name));
            }
        }
    }
    assert!(n_procedures > 0);
}
