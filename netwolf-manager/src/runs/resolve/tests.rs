//! Steps of a run that is tried anew.

use netwolf_wire::{
    Span,
    step::{StepAnswer, StepCommand},
};

use super::*;
use crate::testing;

fn program(platform: &str) -> Program {
    Program {
        platform: platform.into(),
        mode: None,
        mode_lines: ModeLines::default(),
        commands: Vec::new(),
        verify: None,
        login: None,
        deadline: Span::from_secs(60),
    }
}

fn spec(program: Program) -> Spec {
    let procedure = Procedure::check(
        "load",
        &netwolf_runs::procedure::raw::RawProcedure {
            commands: vec!["cat /proc/loadavg".into()],
            ..Default::default()
        },
    )
    .unwrap();
    Spec {
        name: procedure.name,
        procedure: None,
        requester: "somebody".into(),
        comment: None,
        changes: false,
        programs: vec![program],
        rollout: procedure.rollout,
        run_deadline: procedure.run_deadline,
        window: None,
        guards: Vec::new(),
        idempotency_key: None,
        body_sha256: None,
        retry_of: None,
    }
}

fn step(device: &str) -> StepSpec {
    StepSpec {
        device: device.parse().unwrap(),
        platform: "linux".into(),
        site: None,
        program: 0,
        credential: "monitoring".into(),
    }
}

fn book() -> Book {
    Book {
        inventory: Arc::new(testing::inventory([("a", 22), ("b", 22)])),
        ..Book::default()
    }
}

#[test]
fn devices_that_have_left_are_left_out_and_the_others_judged_anew() {
    let again = |devices: &[&str], program: Program| {
        let steps: Vec<_> = devices.iter().map(|device| step(device)).collect();
        resolve_again(&book(), &spec(program), &steps)
    };
    let resolved = again(&["a", "gone", "b"], program("linux")).unwrap();
    let left: Vec<_> = resolved.steps.iter().map(|it| it.device.as_str()).collect();
    assert_eq!(left, ["a", "b"]);
    assert_eq!(
        resolved.steps[0].site.as_deref(),
        Some("ams"),
        "as it is now"
    );
    let error = again(&["gone"], program("linux")).unwrap_err().error;
    assert_eq!(error, "none of its devices is there any more");
    let error = again(&["a"], program("cisco_ios")).unwrap_err().error;
    assert!(error.contains("is of platform \"linux\" now"), "{error}");
    let with_login = Program {
        login: Some(Login::named("changer")),
        ..program("linux")
    };
    let error = again(&["a"], with_login).unwrap_err().error;
    assert_eq!(error, "there is no credential \"changer\" any more");
}

/// With a device whose platform only reads by `cat`.
fn book_of_readers() -> Book {
    let mut inventory = testing::inventory([("a", 22)]);
    for plan in inventory.plans.values_mut() {
        let plan = Arc::make_mut(plan);
        Arc::make_mut(&mut plan.platform).reads = vec!["cat".into()];
    }
    Book {
        inventory: Arc::new(inventory),
        ..Book::default()
    }
}

/// A command that is answered where the device asks.
fn answered(text: &str, ask: &str, answer: &str) -> StepCommand {
    StepCommand {
        text: text.into(),
        timeout: Span::from_secs(5),
        expect: Vec::new(),
        reject: Vec::new(),
        answers: vec![StepAnswer {
            ask: ask.into(),
            answer: answer.into(),
            bare: false,
        }],
    }
}

/// As the agent would: a run that was taken in before is no reason to believe what it has.
#[test]
fn answers_to_a_verify_command_are_judged_as_those_to_others() {
    let book = book_of_readers();
    let judged = |answer: &str| {
        let mut program = program("linux");
        program.verify = Some(StepCommand {
            expect: vec!["ntp".into()],
            ..answered("cat /etc/ntp.conf", "more", answer)
        });
        resolve_again(&book, &spec(program), &[step("a")])
    };
    assert!(judged("y").is_ok());
    let refusal = judged("y\nreboot").unwrap_err();
    assert!(refusal.error.contains("the answer"), "{refusal}");
    // A verify command only reads, so its answers do, too.
    let refusal = judged("reboot").unwrap_err();
    assert_eq!(
        refusal.error,
        "the answer \"reboot\" to \"cat /etc/ntp.conf\" may do more than read, and the command only reads"
    );
    assert!(refusal.hint.unwrap().contains("`changes: true`"));
}

/// As it may stand in the journal of a manager that knew of no such rule.
#[test]
fn a_run_that_only_reads_is_not_tried_anew_with_answers_that_may_do_more() {
    let book = book_of_readers();
    let judged = |answer: &str| {
        let mut program = program("linux");
        program.commands = vec![answered("cat /proc/loadavg", ".", answer)];
        resolve_again(&book, &spec(program), &[step("a")])
    };
    for plain in ["", "y", "No"] {
        assert!(judged(plain).is_ok(), "{plain:?}");
    }
    let refusal = judged("hostname owned").unwrap_err();
    assert!(refusal.error.contains("\"hostname owned\""), "{refusal}");
}

#[test]
fn few_of_many_names_are_told() {
    assert_eq!(names(["a", "b"]), "a, b");
    let many = ["a", "b", "c", "d", "e", "f", "g"];
    assert_eq!(names(many), "a, b, c, d, e and 2 more");
}
