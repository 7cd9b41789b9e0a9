//! Cancel, pause, resume, retry, batches.

use super::*;

#[tokio::test]
async fn what_is_cancelled_before_it_is_sent_never_is() {
    let stage = Stage::prepared(&TWO).await;
    let agent = stage.worker(&TWO).await;
    stage
        .submit(&json!({"procedure": "ntp", "where": ["name=*"], "rollout": {"in_flight": 1}}))
        .await;
    let order = agent.step("sw-1", 1).await;
    let (status, run) = stage.act("/1/cancel", &json!({})).await;
    assert_eq!((status, &run["state"]), (200, &json!("cancelling")));
    let step = stage.reaches("/1/steps/sw-2", "cancelled").await;
    assert_eq!(step["attempt"], 0);
    eventually("the cancel", async || {
        agent.seen().cancelled.contains(&order.id).then_some(())
    })
    .await;
    agent
        .tell(order.id, [StepNews::Ended(StepEnd::Cancelled)])
        .await;
    let run = stage.reaches("/1", "cancelled").await;
    assert_eq!(run["steps"]["cancelled"], 2);
    assert_eq!(run["cancelled_by"], "somebody on this machine");
    assert_eq!(agent.seen().steps.len(), 1, "nothing else was sent");
    let (status, problem) = stage.act("/1/cancel", &json!({})).await;
    assert_eq!(status, 409, "{problem}");
    assert_eq!(stage.act("/7/cancel", &json!({})).await.0, 404);
}

#[tokio::test]
async fn a_paused_run_begins_nothing_until_it_is_resumed() {
    let stage = Stage::prepared(&TWO).await;
    let agent = stage.worker(&TWO).await;
    stage
        .submit(&json!({"procedure": "load", "where": ["name=*"], "rollout": {"batch": 1}}))
        .await;
    let order = agent.step("sw-1", 1).await;
    let (status, run) = stage.act("/1/pause", &json!({})).await;
    assert_eq!((status, &run["state"]), (200, &json!("paused")));
    agent.carry_out(&order, "0.1\n", StepEnd::Succeeded).await;
    stage.reaches("/1/steps/sw-1", "succeeded").await;
    // A second run is not held up by it.
    stage
        .submit(&json!({"procedure": "load", "devices": ["sw-1"]}))
        .await;
    eventually("the step of the second run", async || {
        (agent.seen().steps.len() == 2).then_some(())
    })
    .await;
    assert_eq!(stage.read("/1/steps/sw-2").await["state"], "pending");
    let (_, run) = stage.act("/1/resume", &json!({})).await;
    assert_eq!(run["state"], "running");
    let order = agent.step("sw-2", 1).await;
    agent.carry_out(&order, "0.1\n", StepEnd::Succeeded).await;
    let run = stage.reaches("/1", "succeeded").await;
    assert_eq!((&run["batch"], &run["batches"]), (&json!(2), &json!(2)));
}

#[tokio::test]
async fn a_failed_canary_stops_the_run_and_a_retry_takes_what_did_not_succeed() {
    let stage = Stage::prepared(&TWO).await;
    let agent = stage.worker(&TWO).await;
    stage
        .submit(&json!({"procedure": "ntp", "where": ["name=*"], "rollout": {"canary": 1}}))
        .await;
    assert_eq!(
        stage.act("/1/retry", &json!({})).await.0,
        409,
        "it is running"
    );
    let order = agent.step("sw-1", 1).await;
    let refused = failure(Reason::CommandRejected, "the device refused the command");
    agent
        .carry_out(&order, "% Invalid\n", StepEnd::Failed(refused))
        .await;
    let run = stage.reaches("/1", "failed").await;
    assert!(run["stopped_by"].is_string(), "{run}");
    let step = stage.read("/1/steps/sw-1").await;
    assert_eq!(step["reason"], "the device refused the command");
    assert_eq!(stage.read("/1/steps/sw-2").await["state"], "cancelled");

    let once = json!({"idempotency_key": "again"});
    for status in [201, 200] {
        let (found, run) = stage.act("/1/retry", &once).await;
        assert_eq!(
            (found, &run["id"], &run["retry_of"]),
            (status, &json!(2), &json!(1)),
            "said twice, it is done once"
        );
    }
    let other = json!({"idempotency_key": "again", "unknown": true});
    assert_eq!(stage.act("/1/retry", &other).await.0, 409);
    let none = json!({"idempotency_key": ""});
    assert_eq!(stage.act("/1/retry", &none).await.0, 400);
    for device in ["sw-1", "sw-2"] {
        let order = eventually("a step of the retry", async || {
            let seen = agent.seen();
            let of = |order: &&StepOrder| order.id.run.0 == 2 && order.device.as_str() == device;
            seen.steps.iter().find(of).cloned()
        })
        .await;
        agent.carry_out(&order, "ok\n", StepEnd::Succeeded).await;
    }
    stage.reaches("/2", "succeeded").await;
    let (status, problem) = stage.act("/2/retry", &json!({})).await;
    assert_eq!(status, 409, "{problem}");
}

/// A run of one device after the other with a guard, as far as the end of the first step.
async fn guarded(stage: &Stage, agent: &FakeAgent, guard: Value) {
    let body = json!({
        "procedure": "load", "where": ["name=*"], "rollout": {"batch": 1}, "guards": [guard],
    });
    stage.submit(&body).await;
    let order = agent.step("sw-1", 1).await;
    agent.carry_out(&order, "0.1\n", StepEnd::Succeeded).await;
}

#[tokio::test]
async fn a_guard_that_is_broken_fails_its_step_and_stops_the_run() {
    let stage = Stage::prepared(&TWO).await;
    let agent = stage.worker(&TWO).await;
    let lease = agent.lease("sw-1").await;
    agent.declare(&lease, &["load"]).await;
    agent.poll(&[("load", 0.95)]).await;
    stage.sees(r#"load{device="sw-1"} 0.95"#).await;
    let guard = json!({"metric": "load", "above": 0.9, "for": "30s"});
    guarded(&stage, &agent, guard).await;
    // What was so before the step's end is not what the step has done.
    stage.reaches("/1/steps/sw-1", "succeeded").await;
    agent.poll(&[("load", 0.97)]).await;
    let step = stage.reaches("/1/steps/sw-1", "failed").await;
    assert_eq!(
        step["reason"],
        "a guard is broken: load was 0.97, above 0.9"
    );
    let run = stage.reaches("/1", "failed").await;
    assert_eq!(
        run["stopped_by"],
        "a guard is broken on sw-1: load was 0.97, above 0.9"
    );
    assert_eq!(stage.read("/1/steps/sw-2").await["state"], "cancelled");
    stage
        .sees(r#"netwolf_run_guards_broken_total{by="value"} 1"#)
        .await;
}

#[tokio::test]
async fn a_guard_that_holds_lets_the_run_go_on_and_one_that_sees_nothing_does_not() {
    let stage = Stage::prepared(&TWO).await;
    let agent = stage.worker(&TWO).await;
    let lease = agent.lease("sw-1").await;
    agent.declare(&lease, &["load"]).await;
    agent.poll(&[("load", 0.5)]).await;
    stage.sees(r#"load{device="sw-1"} 0.5"#).await;
    guarded(
        &stage,
        &agent,
        json!({"metric": "load", "above": 0.9, "for": "1500ms"}),
    )
    .await;
    let polls = async {
        loop {
            agent.poll(&[("load", 0.5)]).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let order = tokio::select! {
        order = agent.step("sw-2", 1) => order,
        never = polls => never,
    };
    agent.carry_out(&order, "0.1\n", StepEnd::Succeeded).await;
    // Nobody has told of the load of the second one.
    let step = stage.reaches("/1/steps/sw-2", "failed").await;
    let reason = step["reason"].as_str().unwrap();
    assert!(reason.contains("no value of load was seen"), "{reason}");
    for (by, times) in [("value", 0), ("no_value", 1), ("unwatched", 0)] {
        let line = format!("netwolf_run_guards_broken_total{{by=\"{by}\"}} {times}");
        stage.sees(&line).await;
    }
    assert_eq!(stage.read("/1/steps/sw-1").await["state"], "succeeded");
}
