//! Procedures as people write them, and what is said of those that are wrong.

use super::*;
use crate::rollout::Amount;

fn raw(json: &str) -> RawProcedure {
    serde_json::from_str(json).unwrap()
}

fn faults(json: &str) -> Vec<String> {
    let faults = Procedure::check("ntp", &raw(json)).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

const NTP: &str = r#"{
    "description": "Sets the NTP server.",
    "changes": true,
    "credential": "changer",
    "mode": "config",
    "commands": [
        "ntp server 192.0.2.1",
        {
            "command": "reload in 10", "timeout": "20s", "expect": ["(?m)^Reload scheduled"],
            "reject": ["% Invalid"], "answers": [{"ask": "\\[confirm\\]$", "answer": ""}]
        }
    ],
    "verify": {"command": "show running-config | include ntp server", "expect": ["192\\.0\\.2\\.1"]},
    "platforms": {"juniper_junos": {"mode": "config", "commands": ["set system ntp server 192.0.2.1", "commit"]}},
    "guards": [{"metric": "netwolf_cpu_utilization_ratio", "above": 0.9, "for": "30s"}],
    "rollout": {"canary": 1, "batch": "10%", "stop_after": "5%", "per_site": 2, "in_flight": 50},
    "window": {"days": ["mon", "tue"], "from": "22:00", "to": "04:00", "utc_offset": "+01:00"}
}"#;

#[test]
fn a_procedure_is_taken_as_it_is_written() {
    let ntp = Procedure::check("ntp", &raw(NTP)).unwrap();
    let ios = ntp.program("cisco_ios").unwrap();
    assert_eq!(ios.mode.as_deref(), Some("config"));
    assert_eq!(ios.commands[0].timeout, DEFAULT_TIMEOUT);
    assert_eq!(ios.commands[1].timeout, Span::from_secs(20));
    assert_eq!(ios.commands[1].answers[0].ask, r"\[confirm\]$");
    assert_eq!(ios.deadline, Span::from_secs(30 + 20 + 30 + 30));
    let junos = ntp.program("juniper_junos").unwrap();
    assert_eq!(junos.commands.len(), 2);
    assert_eq!(
        junos.verify, None,
        "a platform of its own takes nothing from above"
    );
    assert_eq!(ntp.run_deadline, DEFAULT_RUN_DEADLINE);
    assert_eq!(ntp.rollout.batch, Some(Amount::Part(1_000)));
    assert_eq!(ntp.rollout.in_flight, 50);
}

#[test]
fn a_procedure_for_platforms_alone_does_nothing_on_others() {
    let one = r#"{"platforms":{"juniper_junos":{"commands":["show version"]}}}"#;
    let procedure = Procedure::check("version", &raw(one)).unwrap();
    assert!(procedure.program("juniper_junos").is_some());
    assert!(procedure.program("cisco_ios").is_none());
}

#[test]
fn every_fault_is_told_with_its_key() {
    let all = faults(
        r#"{
            "changes": true,
            "commands": ["show version\nreload", " ", {"command": "x", "expect": ["("], "timeout": "0s"}],
            "verify": "show ntp",
            "platforms": {"eos": {}},
            "step_deadline": "2h",
            "guards": [{"metric": "9lives", "for": "2h"}],
            "rollout": {"in_flight": 0}
        }"#,
    );
    let keys: Vec<_> = all
        .iter()
        .map(|fault| fault.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        keys,
        [
            "credential",
            "commands[0]",
            "commands[1]",
            "commands[2].timeout",
            "commands[2].expect[0]",
            "verify",
            "platforms.eos.commands",
            "step_deadline",
            "guards[0].metric",
            "guards[0]",
            "guards[0].for",
            "rollout.in_flight",
        ]
    );
    assert_eq!(
        all[1],
        "commands[0]: \"show version\\nreload\" has a control character in it, '\\n'\n  \
         hint: a command is one line; write several commands as several entries"
    );
    assert!(all[4].contains("unclosed group"), "{}", all[4]);
}

#[test]
fn nothing_to_type_is_a_fault() {
    assert_eq!(
        faults("{}"),
        ["commands: nothing is typed\n  hint: name the commands"]
    );
    let modes = faults(r#"{"mode":"config","platforms":{"eos":{"commands":["x"]}}}"#);
    assert!(modes[0].starts_with("mode: does nothing"), "{modes:?}");
}

#[test]
fn unknown_keys_are_refused_by_name() {
    let refused = |json: &str| {
        serde_json::from_str::<RawProcedure>(json)
            .unwrap_err()
            .to_string()
    };
    assert!(refused(r#"{"comands":[]}"#).contains("comands"));
    assert!(refused(r#"{"rollout":{"canaries":1}}"#).contains("canaries"));
    let command = refused(r#"{"commands":[{"command":"x","timeot":"1s"}]}"#);
    assert!(command.contains("`timeout`"), "{command}");
}

#[test]
fn a_procedure_of_yaml_is_written_back_as_it_was_read() {
    let ntp = raw(NTP);
    let again = serde_json::to_string(&ntp).unwrap();
    assert_eq!(raw(&again), ntp);
    assert_eq!(Procedure::check("ntp", &ntp).unwrap().raw(), &ntp);
}

fn submission(json: &str) -> Submission {
    serde_json::from_str(json).unwrap()
}

#[test]
fn a_submission_of_commands_is_a_procedure() {
    let submission =
        submission(r#"{"commands":["show version"],"where":["name=*"],"step_deadline":"5s"}"#);
    let procedure = Procedure::submitted(&submission, None).unwrap();
    assert_eq!(procedure.name, "show version");
    assert_eq!(
        procedure.program("any").unwrap().deadline,
        Span::from_secs(5)
    );
}

#[test]
fn a_submission_says_otherwise_of_a_procedure_key_by_key() {
    let ntp = Procedure::check("ntp", &raw(NTP)).unwrap();
    let submission = submission(r#"{"procedure":"ntp","rollout":{"batch":3},"run_deadline":"5m"}"#);
    let procedure = Procedure::submitted(&submission, Some(&ntp)).unwrap();
    assert_eq!(procedure.rollout.batch, Some(Amount::Count(3)));
    assert_eq!(procedure.rollout.canary, 1);
    assert_eq!(procedure.run_deadline, Span::from_secs(300));
    assert_eq!(procedure.guards, ntp.guards);
}

#[test]
fn a_submission_does_not_change_what_a_procedure_types() {
    let ntp = Procedure::check("ntp", &raw(NTP)).unwrap();
    let submission = submission(r#"{"procedure":"ntp","commands":["reload"],"credential":"x"}"#);
    let faults = Procedure::submitted(&submission, Some(&ntp)).unwrap_err();
    let keys: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(keys, ["commands", "credential"]);
}

#[test]
fn a_procedure_that_only_reads_answers_only_what_is_no_command() {
    let with = |changes: bool, answer: &str| {
        let text = format!(
            r#"{{"commands":["show clock",{{"command":"show version","answers":[{{"ask":".","answer":{answer:?}}}]}}]}}"#
        );
        let mut raw = raw(&text);
        if changes {
            (raw.changes, raw.credential) = (true, Some("changer".into()));
        }
        Procedure::check("version", &raw)
    };
    for plain in ["", "y", "N", "Yes", "no"] {
        assert!(with(false, plain).is_ok(), "{plain:?}");
    }
    let faults = with(false, "configure terminal").unwrap_err();
    let [fault] = faults.as_slice() else {
        panic!("{faults:?}")
    };
    assert_eq!(fault.key, "commands[1].answers[0].answer");
    assert_eq!(
        fault.message,
        "the answer \"configure terminal\" to \"show version\" may do more than read, and the command only reads"
    );
    assert!(fault.hint.as_ref().unwrap().contains("`changes: true`"));
    assert!(with(true, "configure terminal").is_ok());
}

#[test]
fn what_verifies_is_answered_as_what_only_reads() {
    let with = |answer: &str| {
        let text = format!(
            r#"{{"platforms":{{"lab_os":{{"commands":["ntp update"],
            "verify":{{"command":"show ntp","expect":["x"],"answers":[{{"ask":".","answer":{answer:?}}}]}}}}}}}}"#
        );
        let mut raw = raw(&text);
        (raw.changes, raw.credential) = (true, Some("changer".into()));
        Procedure::check("ntp", &raw)
    };
    assert!(with("y").is_ok());
    let faults = with("reload").unwrap_err();
    assert_eq!(faults[0].key, "platforms.lab_os.verify.answers[0].answer");
}

#[test]
fn nothing_that_people_do_not_see_is_typed_or_names_a_run() {
    let raw_of = |command: &str| raw(&serde_json::json!({ "commands": [command] }).to_string());
    let faults = Procedure::check("version", &raw_of("show \u{202e}noisrev")).unwrap_err();
    assert_eq!(faults[0].key, "commands[0]");
    assert!(
        faults[0]
            .message
            .ends_with("has an invisible character in it, U+202E"),
        "{faults:?}"
    );
    let faults = Procedure::check("ver\u{200b}sion", &raw_of("show version")).unwrap_err();
    assert_eq!(faults[0].key, "name");
}
