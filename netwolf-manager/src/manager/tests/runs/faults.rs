//! Managers that are started again, agents that are lost, leases that move, disks that are full.

use netwolf_wire::step::RunId;

use super::*;
use crate::runs::submitting::MAX_COMMENT;

#[tokio::test]
async fn a_manager_that_is_started_again_goes_on_with_what_agents_hold() {
    let stage = Stage::prepared(&TWO).await;
    let agent = stage.worker(&TWO).await;
    stage
        .submit(&json!({"procedure": "ntp", "where": ["name=*"], "rollout": {"in_flight": 1}}))
        .await;
    let order = agent.step("sw-1", 1).await;
    let leases: Vec<_> = agent.seen().leases.values().cloned().collect();
    let stage = stage.restarted().await;
    assert_eq!(stage.read("/1/steps/sw-1").await["state"], "leased");
    let mut again = hello("a1", 1);
    again.running = leases
        .iter()
        .map(|lease| Running {
            device: lease.job.device.clone(),
            epoch: lease.epoch,
            job: lease.job.digest(),
        })
        .collect();
    let agent = FakeAgent::connect(stage.manager.agents_addr, again)
        .await
        .unwrap();
    agent.held(&[order.id]).await;
    agent.carry_out(&order, "ok\n", StepEnd::Succeeded).await;
    stage.reaches("/1/steps/sw-1", "succeeded").await;
    let second = agent.step("sw-2", 1).await;
    agent.carry_out(&second, "ok\n", StepEnd::Succeeded).await;
    stage.reaches("/1", "succeeded").await;
    assert_eq!(agent.seen().steps.len(), 1, "the first was not sent again");
    let audit = stage.folder.path().join("data/runs/audit");
    let report = netwolf_runs::audit::verify(&audit, None, None).unwrap();
    assert_eq!(report.records, 7, "{report:?}");
}

#[tokio::test]
async fn a_step_that_an_agents_former_life_had_is_unknown_and_verified() {
    let stage = Stage::prepared(&ONE).await;
    let agent = stage.worker(&ONE).await;
    stage
        .submit(&json!({"procedure": "ntp", "devices": ["sw-1"]}))
        .await;
    let order = agent.step("sw-1", 1).await;
    agent.tell(order.id, [StepNews::Started]).await;
    stage.reaches("/1/steps/sw-1", "running").await;
    drop(agent);
    let mut next = hello("a1", 1);
    next.incarnation = Incarnation(2);
    let agent = eventually("the next life", async || {
        let address = stage.manager.agents_addr;
        FakeAgent::connect(address, next.clone()).await.ok()
    })
    .await;
    agent.held(&[]).await;
    let step = stage.reaches("/1/steps/sw-1", "unknown").await;
    assert!(
        step["reason"].as_str().unwrap().contains("started again"),
        "{step}"
    );
    let verify = agent.step("sw-1", 2).await;
    assert!(verify.commands.is_empty() && !verify.changes);
    assert_eq!(verify.verify.as_ref().unwrap().text, "cat /etc/ntp.conf");
    agent
        .carry_out(&verify, "server 192.0.2.1\n", StepEnd::Succeeded)
        .await;
    let step = stage.reaches("/1/steps/sw-1", "succeeded").await;
    assert_eq!(step["settled_by"], "verify");
    stage.reaches("/1", "succeeded").await;
}

#[tokio::test]
async fn a_step_of_a_lost_agent_is_unknown_until_a_person_settles_it() {
    let stage = Stage::prepared(&ONE).await;
    let agent = stage.worker(&ONE).await;
    stage
        .submit(&json!({"procedure": "load", "devices": ["sw-1"]}))
        .await;
    let order = agent.step("sw-1", 1).await;
    agent.tell(order.id, [StepNews::Started]).await;
    stage.reaches("/1/steps/sw-1", "running").await;
    let (status, problem) = stage
        .act("/1/steps/sw-1/settle", &json!({"state": "succeeded"}))
        .await;
    assert_eq!(status, 409, "it is not unknown: {problem}");
    agent.cut();
    let step = stage.reaches("/1/steps/sw-1", "unknown").await;
    assert!(step["reason"].as_str().unwrap().contains("a1"), "{step}");
    stage.reaches("/1", "unknown").await;
    // What nobody knows is not tried again by itself.
    assert_eq!(stage.act("/1/retry", &json!({})).await.0, 409);
    // Neither is it after a restart, where the run is the journal's alone.
    let stage = stage.restarted().await;
    for comment in ["x".repeat(MAX_COMMENT + 1), "looked\nfailed".to_owned()] {
        let body = json!({ "state": "succeeded", "comment": comment });
        let (status, problem) = stage.act("/1/steps/sw-1/settle", &body).await;
        assert_eq!(status, 400, "{problem}");
    }
    let settled = json!({"state": "succeeded", "comment": "looked"});
    let (status, step) = stage.act("/1/steps/sw-1/settle", &settled).await;
    assert_eq!(
        (status, &step["state"]),
        (200, &json!("succeeded")),
        "{step}"
    );
    assert_eq!(step["settled_by"], "person");
    stage.reaches("/1", "succeeded").await;
    let (status, _) = stage.act("/1/steps/sw-9/settle", &settled).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn who_settles_a_step_of_a_run_that_has_ended_is_told_that_it_has() {
    let stage = Stage::prepared(&ONE).await;
    let agent = stage.worker(&ONE).await;
    stage
        .submit(&json!({"procedure": "load", "devices": ["sw-1"]}))
        .await;
    let order = agent.step("sw-1", 1).await;
    agent.carry_out(&order, "0.1\n", StepEnd::Succeeded).await;
    stage.reaches("/1", "succeeded").await;
    let settled = json!({"state": "failed"});
    // While it is still shown as live, and when it is the journal's alone.
    for _ in 0..2 {
        let (status, problem) = stage.act("/1/steps/sw-1/settle", &settled).await;
        assert_eq!(
            (status, &problem["error"]),
            (409, &json!("run 1 has ended")),
            "{problem}"
        );
        let (status, problem) = stage.act("/1/steps/sw-9/settle", &settled).await;
        assert_eq!(status, 404, "{problem}");
        eventually("that it is not live any more", async || {
            let live = stage.manager.state().runs.live();
            live.get(RunId(1)).is_none().then_some(())
        })
        .await;
    }
}

/// A run on `sw-1` that has ended, and nobody knows what became of its step; what it was sent.
async fn lost(stage: &Stage) -> StepOrder {
    let agent = stage.worker(&ONE).await;
    stage
        .submit(&json!({"procedure": "load", "devices": ["sw-1"]}))
        .await;
    let order = agent.step("sw-1", 1).await;
    agent.cut();
    stage.reaches("/1", "unknown").await;
    order
}

async fn forgotten(agent: &FakeAgent, order: &StepOrder) {
    eventually("leave to forget", async || {
        agent.seen().heard.contains(&order.id).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_told_of_a_run_of_before_the_start_is_in_its_transcript_and_the_audit_log() {
    let stage = Stage::prepared(&ONE).await;
    let order = lost(&stage).await;
    let stage = stage.restarted().await;
    let agent = stage.agent("a1").await;
    agent.held(&[order.id]).await;
    agent.carry_out(&order, "0.1\n", StepEnd::Succeeded).await;
    let step = stage.reaches("/1/steps/sw-1", "succeeded").await;
    assert_eq!(step["settled_by"], "agent");
    assert_eq!(step["transcript"][0]["output"], "0.1\n", "{step}");
    stage.reaches("/1", "succeeded").await;
    forgotten(&agent, &order).await;
    let audit = stage.folder.path().join("data/runs/audit");
    let report = netwolf_runs::audit::verify(&audit, None, None).unwrap();
    // The submission, the command that may have been typed, and what came of it.
    assert_eq!(report.records, 3, "{report:?}");
}

#[tokio::test]
async fn what_a_person_has_settled_stays_so_and_is_shown_though_the_disk_is_full_meanwhile() {
    let stage = Stage::prepared(&ONE).await;
    let order = lost(&stage).await;
    let agent = stage.agent("a1").await;
    agent.held(&[order.id]).await;
    let disk = stage.manager.state().runs.disk();
    disk.fill();
    let settled = json!({"state": "succeeded", "comment": "looked"});
    let (status, problem) = stage.act("/1/steps/sw-1/settle", &settled).await;
    assert_eq!(status, 507, "{problem}");
    // The machine is done with the run; what is read of it now is not what was decided.
    let end = StepEnd::Failed(failure(Reason::CommandRejected, "no"));
    agent.carry_out(&order, "0.1\n", end).await;
    // The engine looks at what is live once a second, and lets go of what has ended.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(agent.seen().heard.is_empty());
    disk.free();
    forgotten(&agent, &order).await;
    let step = stage.reaches("/1/steps/sw-1", "succeeded").await;
    assert_eq!(step["settled_by"], "person");
    stage
        .sees(r#"netwolf_run_steps_ended_total{state="succeeded"} 1"#)
        .await;
}

#[tokio::test]
async fn who_settles_a_run_of_before_while_the_disk_is_full_is_told_so_at_once() {
    let stage = Stage::prepared(&ONE).await;
    lost(&stage).await;
    let stage = stage.restarted().await;
    eventually("the journal", async || {
        let list = get(stage.manager.web_addr, "/api/v1/runs").await;
        (list.status == 200).then_some(())
    })
    .await;
    let disk = stage.manager.state().runs.disk();
    disk.fill();
    let body = json!({"procedure": "load", "devices": ["sw-1"]});
    assert_eq!(stage.act("", &body).await.0, 507);
    let settled = json!({"state": "succeeded"});
    assert_eq!(stage.act("/1/steps/sw-1/settle", &settled).await.0, 507);
    disk.free();
    eventually("the settlement", async || {
        let (status, _) = stage.act("/1/steps/sw-1/settle", &settled).await;
        (status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_step_is_not_typed_on_a_device_that_a_reload_has_made_another_one() {
    let stage = Stage::prepared(&ONE).await;
    stage
        .submit(&json!({"procedure": "load", "devices": ["sw-1"]}))
        .await;
    let path = stage.folder.path().join("netwolf.yml");
    let text = fs::read_to_string(&path).unwrap();
    let other = text.replace("platform: linux", "platform: cisco_ios");
    assert_ne!(text, other);
    fs::write(&path, other).unwrap();
    stage.manager.reloader().reload().await.unwrap();
    let agent = stage.worker(&ONE).await;
    let step = stage.reaches("/1/steps/sw-1", "failed").await;
    assert_eq!(
        step["reason"],
        "its platform is now cisco_ios, and the step was planned for linux"
    );
    assert!(agent.seen().steps.is_empty());
}

#[tokio::test]
async fn a_step_is_not_typed_in_a_mode_that_a_reload_has_given_other_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let platform = |enter: &str| {
        let text = format!(
            "name: linux\ntransport: shell\nprompts: {{ user: '\\A[a-z0-9-]+> ?\\z', config: '\\A[a-z0-9-]+# ?\\z' }}\nreads: [cat]\nmodes: {{ config: {{ enter: [{enter}], leave: [end] }} }}\n"
        );
        fs::create_dir_all(path.join("platforms")).unwrap();
        fs::write(path.join("platforms/linux.yml"), text).unwrap();
    };
    platform("configure");
    write_config(&path, &ONE);
    prepare(&path);
    let config = path.join("netwolf.yml");
    let text = fs::read_to_string(&config).unwrap();
    let own = text.replace(
        "  load:",
        "  lab: { changes: true, credential: changer, mode: config, commands: [ntp server 192.0.2.1] }\n  load:",
    );
    fs::write(&config, own + "library: { platforms: platforms }\n").unwrap();
    let manager = start(&path, "127.0.0.1:0").await;
    let stage = Stage { folder, manager };
    let body = json!({"procedure": "lab", "devices": ["sw-1"]});
    stage.submit(&body).await;
    platform("configure, configure exclusive");
    stage.manager.reloader().reload().await.unwrap();
    let agent = stage.worker(&ONE).await;
    let step = stage.reaches("/1/steps/sw-1", "failed").await;
    assert_eq!(
        step["reason"],
        "the lines that enter or leave the mode \"config\" of linux are no longer those that the step was planned for"
    );
    assert_eq!(step["hint"], "submit a new run for it");
    assert!(agent.seen().steps.is_empty());
    // A new one has the new lines.
    stage.submit(&body).await;
    agent.step("sw-1", 1).await;
}

#[tokio::test]
async fn a_step_whose_lease_has_moved_goes_out_again_under_the_new_one() {
    let stage = Stage::prepared(&ONE).await;
    let agent = stage.worker(&ONE).await;
    stage
        .submit(&json!({"procedure": "load", "devices": ["sw-1"]}))
        .await;
    let order = agent.step("sw-1", 1).await;
    write_config(stage.folder.path(), &[("sw-1", 2222)]);
    prepare(stage.folder.path());
    stage.manager.reloader().reload().await.unwrap();
    let lease = eventually("the new lease", async || {
        let lease = agent.seen().leases.get("sw-1").cloned()?;
        (lease.epoch > order.epoch).then_some(lease)
    })
    .await;
    let over = failure(Reason::Other, "the lease is another one");
    agent
        .tell(order.id, [StepNews::Ended(StepEnd::NotRun(over))])
        .await;
    let again = agent.step("sw-1", 2).await;
    assert_eq!(again.epoch, lease.epoch);
    agent.carry_out(&again, "0.1\n", StepEnd::Succeeded).await;
    let step = stage.reaches("/1/steps/sw-1", "succeeded").await;
    assert_eq!(step["attempt"], 2);
}

#[tokio::test]
async fn a_link_that_breaks_before_the_step_arrived_costs_nothing() {
    let stage = Stage::prepared(&ONE).await;
    let agent = stage.worker(&ONE).await;
    stage
        .submit(&json!({"procedure": "load", "devices": ["sw-1"]}))
        .await;
    let order = agent.step("sw-1", 1).await;
    let lease = agent.lease("sw-1").await;
    drop(agent);
    // The same life on another link, which has never had it.
    let mut again = hello("a1", 1);
    again.running = vec![Running {
        device: lease.job.device.clone(),
        epoch: lease.epoch,
        job: lease.job.digest(),
    }];
    let agent = FakeAgent::connect(stage.manager.agents_addr, again)
        .await
        .unwrap();
    agent.held(&[]).await;
    let second = agent.step("sw-1", 2).await;
    assert_eq!(second.id.step, order.id.step);
    agent.carry_out(&second, "0.1\n", StepEnd::Succeeded).await;
    stage.reaches("/1", "succeeded").await;
}

#[tokio::test]
async fn an_agent_of_before_steps_is_sent_none() {
    let stage = Stage::prepared(&ONE).await;
    let mut old = hello("a1", 1);
    old.protocol = Version { major: 1, minor: 1 };
    let agent = FakeAgent::connect(stage.manager.agents_addr, old)
        .await
        .unwrap();
    agent.lease("sw-1").await;
    stage
        .submit(&json!({"procedure": "load", "devices": ["sw-1"]}))
        .await;
    let step = eventually("the reason", async || {
        let step = stage.read("/1/steps/sw-1").await;
        step["reason"].is_string().then_some(step)
    })
    .await;
    assert!(
        step["reason"].as_str().unwrap().contains("knows no steps"),
        "{step}"
    );
    assert!(agent.seen().steps.is_empty());
}

#[tokio::test]
async fn a_full_disk_refuses_runs_with_507_and_monitoring_and_recovery_need_nobody() {
    let stage = Stage::prepared(&TWO).await;
    let agent = stage.worker(&TWO).await;
    let body = json!({"procedure": "load", "devices": ["sw-1"]});
    stage.submit(&body).await;
    let order = agent.step("sw-1", 1).await;

    let disk = stage.manager.state().runs.disk();
    disk.fill();
    let (status, problem) = stage.act("", &body).await;
    assert_eq!(status, 507);
    assert_eq!(
        problem["error"], "no room on the disk for the journal of runs",
        "once, and not in the words of each layer"
    );
    assert!(problem["hint"].is_string());
    for _ in 0..3 {
        assert_eq!(stage.act("", &body).await.0, 507);
    }
    stage.sees("netwolf_run_journal_failing 1").await;
    // What agents tell is gathered, and nothing of it is shown or forgotten.
    agent.carry_out(&order, "0.1\n", StepEnd::Succeeded).await;
    let lease = agent.lease("sw-2").await;
    agent.declare(&lease, &["load"]).await;
    agent.poll(&[("load", 0.25)]).await;
    stage.sees(r#"load{device="sw-2"} 0.25"#).await;
    assert_eq!(stage.read("/1").await["state"], "running");
    assert!(agent.seen().heard.is_empty());

    disk.free();
    stage.reaches("/1", "succeeded").await;
    stage.sees("netwolf_run_journal_failing 0").await;
    eventually("leave to forget", async || {
        agent.seen().heard.contains(&order.id).then_some(())
    })
    .await;
    // The one that found the disk full may have left its number in the audit log; the others took none.
    assert_eq!(stage.submit(&body).await["id"], 3);
}

#[tokio::test]
async fn a_journal_that_cannot_be_opened_is_told_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    write_config(folder.path(), &ONE);
    prepare(folder.path());
    fs::create_dir_all(folder.path().join("data")).unwrap();
    let in_the_way = folder.path().join("data/runs");
    fs::write(&in_the_way, "a file").unwrap();
    let manager = start(folder.path(), "127.0.0.1:0").await;
    let stage = Stage { folder, manager };
    let agent = stage.worker(&ONE).await;
    let body = json!({"procedure": "load", "devices": ["sw-1"]});
    let problem = eventually("the reason", async || {
        let (status, problem) = stage.act("", &body).await;
        (status == 507).then_some(problem)
    })
    .await;
    assert!(problem["hint"].is_string(), "{problem}");
    stage.sees("netwolf_run_journal_failing 1").await;
    assert_eq!(
        get(stage.manager.web_addr, "/api/v1/runs").await.status,
        503
    );
    fs::remove_file(&in_the_way).unwrap();
    eventually("a run", async || {
        (stage.act("", &body).await.0 == 201).then_some(())
    })
    .await;
    agent.step("sw-1", 1).await;
}
