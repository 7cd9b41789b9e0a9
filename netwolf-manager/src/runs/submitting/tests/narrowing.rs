//! What whoever operates may set aside of what is prepared, in a submission and in a run that is tried anew.

use netwolf_runs::model::{Run, RunState, Step, StepState};
use netwolf_wire::step::RunId;

use super::{super::super::retrying, *};

#[test]
fn who_operates_may_only_narrow_what_a_procedure_that_changes_bounds() {
    let window = json!({"from": "22:00", "to": "04:00"});
    let wide = json!({"from": "00:00", "to": "23:59"});
    let guard = json!({"metric": "load", "above": 0.9, "for": "30s"});
    let rollout = |rollout: Value| json!({ "rollout": rollout });
    let narrower = [
        json!({}),
        rollout(
            json!({"canary": 2, "batch": 2, "stop_after": "5%", "per_site": 1, "in_flight": 1}),
        ),
        rollout(json!({"batch": "50%", "stop_after": 1})),
        json!({ "window": window }),
        json!({"guards": [guard]}),
        json!({"step_deadline": "2m", "run_deadline": "1h"}),
    ];
    let looser = [
        (
            rollout(json!({"canary": 0})),
            "`rollout.canary` (--canary) is 0 and may not be below 1",
        ),
        (
            rollout(json!({"canary": 3})),
            "`rollout.canary` (--canary) is 3 and may not be above 2",
        ),
        (
            rollout(json!({"batch": "75%"})),
            "`rollout.batch` (--batch) is 75% and may not be above 50%",
        ),
        (
            rollout(json!({"batch": 3})),
            "`rollout.batch` (--batch) is 3 and may not be above 50%",
        ),
        (
            rollout(json!({"stop_after": "100%"})),
            "`rollout.stop_after` (--stop-after) is 100% and may not be above 10%",
        ),
        (
            rollout(json!({"per_site": 3})),
            "`rollout.per_site` (--per-site) is 3 and may not be above 2",
        ),
        (
            rollout(json!({"in_flight": 11})),
            "`rollout.in_flight` (--in-flight) is 11 and may not be above 10",
        ),
        (
            json!({ "window": wide }),
            "its `window` (--window) is another one",
        ),
    ];
    let with = |more: &Value, procedure: &str| {
        let mut body = json!({"procedure": procedure, "devices": ["core-1", "sw-1", "sw-2"]});
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        body
    };
    for more in &narrower {
        let found = submitted(&with(more, "bounded"), Role::Operate);
        assert!(found.is_ok(), "{more}: {found:?}");
    }
    for (more, why) in &looser {
        let refusal = submitted(&with(more, "bounded"), Role::Operate).unwrap_err();
        assert_eq!(refusal.kind, Kind::Forbidden, "{more}");
        assert!(refusal.error.ends_with(why), "{more}: {}", refusal.error);
        assert!(refusal.hint.is_some());
        let by_admin = submitted(&with(more, "bounded"), Role::Admin);
        assert!(by_admin.is_ok(), "{more}: {by_admin:?}");
        // One that only reads may be spread as one likes.
        let reads = submitted(&with(more, "bounded_read"), Role::Operate);
        assert!(reads.is_ok(), "{more}: {reads:?}");
    }
}

/// A run of whoever has the role, none of whose steps has succeeded.
fn ended(body: &Value, role: Role) -> (Run, Vec<Step>) {
    let (spec, steps) = submitted(body, role).unwrap();
    let (mut run, mut steps) = Run::plan(RunId(1), spec, steps, 0);
    run.status.state = RunState::Failed;
    for step in &mut steps {
        step.status.state = StepState::Failed;
    }
    run.status.counts = steps.iter().map(|step| step.status.state).collect();
    (run, steps)
}

#[test]
fn what_somebody_else_has_loosened_is_not_tried_anew_by_who_operates() {
    let on = |more: Value| {
        let mut body = json!({"procedure": "bounded", "devices": ["core-1", "sw-1", "sw-2"]});
        body["rollout"] = more;
        body
    };
    let again = |book: &Book, (run, steps): &(Run, Vec<Step>), role| {
        retrying::run_of(book, run, steps, false, &asker(role))
    };
    let book = book();
    for rollout in [json!({}), json!({"batch": 2}), json!({"canary": 2})] {
        let run = ended(&on(rollout.clone()), Role::Operate);
        let (spec, steps) = again(&book, &run, Role::Operate).unwrap();
        assert_eq!(
            (spec.rollout, steps.len()),
            (run.0.spec.rollout, 3),
            "{rollout}"
        );
    }
    for (rollout, why) in [
        (
            json!({"batch": "100%"}),
            "`rollout.batch` (--batch) is 100% and may not be above 50%",
        ),
        (
            json!({"canary": 0}),
            "`rollout.canary` (--canary) is 0 and may not be below 1",
        ),
    ] {
        let run = ended(&on(rollout), Role::Admin);
        let refusal = again(&book, &run, Role::Operate).unwrap_err();
        assert_eq!(refusal.kind, Kind::Forbidden);
        assert!(refusal.error.ends_with(why), "{}", refusal.error);
        let hint = refusal.hint.unwrap_or_default();
        assert!(hint.starts_with("submit a new run"), "{hint}");
        assert!(again(&book, &run, Role::Admin).is_ok());
    }
    // Two of three at a time were half of them rounded up; of two that are left it is one.
    let (run, mut steps) = ended(&on(json!({"batch": 2})), Role::Operate);
    steps[0].status.state = StepState::Succeeded;
    let refusal = again(&book, &(run, steps), Role::Operate).unwrap_err();
    assert_eq!(refusal.kind, Kind::Forbidden, "{refusal:?}");
}

#[test]
fn what_is_not_prepared_any_more_is_not_tried_anew_by_who_operates() {
    let body = json!({"procedure": "bounded", "devices": ["sw-1"]});
    let (run, steps) = ended(&body, Role::Operate);
    let again =
        |config: &str, role| retrying::run_of(&book_of(config), &run, &steps, false, &asker(role));
    let bounded = CONFIG.find("  bounded:").unwrap();
    let change = |from: &str, to: &str| {
        let (before, behind) = CONFIG.split_at(bounded);
        let changed = behind.replacen(from, to, 1);
        assert_ne!(changed, behind, "{from:?} is there");
        before.to_owned() + &changed
    };
    let guard = "guards: [{ metric: load, above: 0.9, for: 30s }]";
    let later = [
        change("  bounded:", "  renamed:"),
        change("ntp server 192.0.2.1", "ntp server 192.0.2.2"),
        change("credential: changer", "credential: second"),
        change("batch: 50%", "batch: 50%, canary: 2").replacen(
            "canary: 1, batch: 50%, canary",
            "batch: 50%, canary",
            1,
        ),
        change("from: \"22:00\"", "from: \"23:00\""),
        change("commands: [ntp", &format!("{guard}\n    commands: [ntp")),
    ];
    assert!(again(CONFIG, Role::Operate).is_ok());
    for config in &later {
        let refusal = again(config, Role::Operate).unwrap_err();
        assert_eq!(refusal.kind, Kind::Forbidden, "{refusal:?}\n{config}");
        let by_admin = again(config, Role::Admin);
        assert!(by_admin.is_ok(), "{by_admin:?}\n{config}");
    }
}
