//! Runs, from a request to the agent and back, with the journal on the disk.

use netwolf_wire::{
    Incarnation,
    status::{Failure, Reason},
    step::{StepEnd, StepNews, StepOrder},
};
use serde_json::{Value, json};
use tokio::io::BufReader;

use super::*;
use crate::access::{Digest, Role};

mod backup;
mod control;
mod faults;
mod pages;

/// What is prepared: one that changes and can be verified, and one that only reads.
const PROCEDURES: &str = r#"
procedures:
  ntp:
    description: Sets the NTP server.
    changes: true
    credential: changer
    commands: [echo server 192.0.2.1, { command: service ntp restart, timeout: 5s }]
    verify: { command: cat /etc/ntp.conf, expect: ["192\\.0\\.2\\.1"] }
  load: { commands: [cat /proc/loadavg] }
"#;

const CHANGER: &str = "changer: { username: changer, password: env:CHANGER_PASSWORD }";

/// Adds procedures and their credential to the configuration.
fn prepare(folder: &Path) {
    let path = folder.join("netwolf.yml");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace(
        "credentials: { lab:",
        &format!("credentials: {{ {CHANGER}, lab:"),
    );
    fs::write(&path, text + PROCEDURES).unwrap();
}

impl Stage {
    async fn prepared(devices: &[(&str, u16)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_config(folder.path(), devices);
        prepare(folder.path());
        let manager = start(folder.path(), "127.0.0.1:0").await;
        Self { folder, manager }
    }

    /// An agent that has all leases, and no steps.
    async fn worker(&self, devices: &[(&str, u16)]) -> FakeAgent {
        let agent = self.agent("a1").await;
        agent.held(&[]).await;
        for (device, _) in devices {
            agent.lease(device).await;
        }
        agent
    }

    async fn submit(&self, body: &Value) -> Value {
        let answer = post_json(self.manager.web_addr, "/api/v1/runs", &[], body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    async fn read(&self, path: &str) -> Value {
        let answer = get(self.manager.web_addr, &format!("/api/v1/runs{path}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    async fn act(&self, path: &str, body: &Value) -> (u16, Value) {
        let path = format!("/api/v1/runs{path}");
        let answer = post_json(self.manager.web_addr, &path, &[], body).await;
        (answer.status, answer.json())
    }

    /// Waits until a run, or a step, is in a state.
    async fn reaches(&self, path: &str, state: &str) -> Value {
        eventually(&format!("{path} to be {state}"), async || {
            let found = self.read(path).await;
            (found["state"] == state).then_some(found)
        })
        .await
    }

    /// The same manager, started again on the same folder and port.
    async fn restarted(self) -> Self {
        let Self { folder, manager } = self;
        let address = manager.agents_addr.to_string();
        manager.shutdown().await;
        let manager = start(folder.path(), &address).await;
        Self { folder, manager }
    }
}

fn failure(reason: Reason, message: &str) -> Failure {
    Failure {
        reason,
        message: message.into(),
        hint: None,
    }
}

const ONE: [(&str, u16); 1] = [("sw-1", 22)];
const TWO: [(&str, u16); 2] = [("sw-1", 22), ("sw-2", 22)];

#[tokio::test]
async fn a_run_goes_to_the_agents_and_comes_to_its_end() {
    let stage = Stage::prepared(&TWO).await;
    let agent = stage.worker(&TWO).await;
    let run = stage
        .submit(&json!({"procedure": "ntp", "where": ["site=ams"], "comment": "CHG-7"}))
        .await;
    assert_eq!((&run["id"], &run["state"]), (&json!(1), &json!("running")));
    assert_eq!(run["requester"], "somebody on this machine");
    assert_eq!(run["n_steps"], 2);

    for device in ["sw-1", "sw-2"] {
        let order = agent.step(device, 1).await;
        assert_eq!(order.epoch, agent.seen().leases[device].epoch);
        let typed: Vec<_> = order.commands.iter().map(|c| c.text.as_str()).collect();
        assert_eq!(typed, ["echo server 192.0.2.1", "service ntp restart"]);
        assert!(order.changes && order.verify.is_some());
        assert_eq!(order.login.as_ref().unwrap().credential, "changer");
        agent
            .tell(order.id, [StepNews::Accepted, StepNews::Started])
            .await;
        stage
            .reaches(&format!("/1/steps/{device}"), "running")
            .await;
        agent
            .carry_out(&order, "server 192.0.2.1\n", StepEnd::Succeeded)
            .await;
        stage
            .reaches(&format!("/1/steps/{device}"), "succeeded")
            .await;
        eventually("leave to forget", async || {
            agent.seen().heard.contains(&order.id).then_some(())
        })
        .await;
    }
    let run = stage.reaches("/1", "succeeded").await;
    assert_eq!(run["steps"]["succeeded"], 2);
    assert!(run["ended"].is_string() && run["comment"] == "CHG-7");
    let step = stage.read("/1/steps/sw-1").await;
    let outputs = step["transcript"].as_array().unwrap();
    assert_eq!(outputs.len(), 3);
    assert_eq!(outputs[1]["command"], "service ntp restart");
    assert_eq!(outputs[1]["output"], "server 192.0.2.1\n");
    assert_eq!(outputs[2]["verify"], true);
    assert_eq!(
        (&step["agent"], &step["attempt"]),
        (&json!("a1"), &json!(1))
    );

    for line in [
        r#"netwolf_runs_ended_total{state="succeeded"} 1"#,
        r#"netwolf_run_steps_ended_total{state="succeeded"} 2"#,
        "netwolf_run_step_seconds_count 2",
        r#"netwolf_runs{state="running"} 0"#,
        "netwolf_run_journal_failing 0",
    ] {
        stage.sees(line).await;
    }
    testing::promtool(&stage.page().await);
    let audit = stage.folder.path().join("data/runs/audit");
    let report = netwolf_runs::audit::verify(&audit, None, None).unwrap();
    // One submission, and three commands on each of two devices.
    assert_eq!(report.records, 7, "{report:?}");
}

#[tokio::test]
async fn a_preview_shows_what_would_be_done_and_does_nothing() {
    let stage = Stage::prepared(&TWO).await;
    let body = json!({
        "procedure": "ntp", "devices": ["sw-2", "sw-*"], "preview": true,
        "rollout": {"canary": 1}, "idempotency_key": "k",
    });
    let answer = post_json(stage.manager.web_addr, "/api/v1/runs", &[], &body).await;
    assert_eq!(answer.status, 200);
    let step = |device: &str, batch| {
        json!({
            "device": device, "platform": "linux", "batch": batch, "mode": null,
            "commands": ["echo server 192.0.2.1", {"command": "service ntp restart", "timeout": "5s"}],
            "verify": {"command": "cat /etc/ntp.conf", "expect": ["192\\.0\\.2\\.1"]}, "credential": "changer", "deadline": "1m35s",
        })
    };
    let expected = json!({
        "steps": [step("sw-2", 1), step("sw-1", 2)], "changes": true, "batches": 2,
        "rollout": {"canary": 1, "in_flight": 500}, "guards": [], "window": null, "run_deadline": "1h",
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(stage.read("").await["runs"], json!([]));
}

#[tokio::test]
async fn the_same_key_is_the_same_run_and_another_body_a_mistake() {
    let stage = Stage::prepared(&ONE).await;
    let body = json!({"procedure": "load", "devices": ["sw-1"], "idempotency_key": "k-1"});
    let web = stage.manager.web_addr;
    let (one, two) = tokio::join!(
        post_json(web, "/api/v1/runs", &[], &body),
        post_json(web, "/api/v1/runs", &[], &body)
    );
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201]);
    assert_eq!(one.json()["id"], two.json()["id"]);
    let other = json!({"procedure": "load", "where": ["name=*"], "idempotency_key": "k-1"});
    let (status, problem) = stage.act("", &other).await;
    assert_eq!(status, 409);
    assert!(
        problem["error"].as_str().unwrap().contains("run 1"),
        "{problem}"
    );

    let stage = stage.restarted().await;
    let (status, again) = stage.act("", &body).await;
    assert_eq!((status, &again["id"]), (200, &json!(1)));
    assert_eq!(stage.act("", &other).await.0, 409);
    assert_eq!(stage.read("").await["runs"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn who_may_only_view_submits_nothing_and_who_operates_runs_what_is_prepared() {
    let stage = Stage::prepared(&ONE).await;
    let path = stage.folder.path().join("netwolf.yml");
    let mut text = fs::read_to_string(&path).unwrap();
    text += "api:\n  tokens:\n";
    for role in Role::ALL {
        let digest = Digest::of(role.as_str());
        let line = format!("    - {{ name: {role}, role: {role}, sha256: {digest} }}\n");
        text.push_str(&line);
    }
    fs::write(&path, text).unwrap();
    stage.manager.reloader().reload().await.unwrap();
    let web = stage.manager.web_addr;
    let prepared = json!({"procedure": "ntp", "devices": ["sw-1"]});
    let reads = json!({"commands": ["cat /proc/loadavg"], "devices": ["sw-1"]});
    let own = json!({
        "commands": ["reboot"], "changes": true, "credential": "changer", "devices": ["sw-1"],
    });
    for (role, statuses) in [
        ("view", [403, 403, 403]),
        ("operate", [201, 201, 403]),
        ("admin", [201, 201, 201]),
    ] {
        let token = format!("Bearer {role}");
        let headers = [("Authorization", token.as_str())];
        let mut found = [0; 3];
        for (place, body) in [&prepared, &reads, &own].into_iter().enumerate() {
            let answer = post_json(web, "/api/v1/runs", &headers, body).await;
            found[place] = answer.status;
        }
        assert_eq!(found, statuses, "{role}");
        let list = get_with(web, "/api/v1/runs", &headers).await;
        assert_eq!(list.status, 200);
    }
    let view = [("Authorization", "Bearer view")];
    for path in ["cancel", "pause", "resume", "retry", "steps/sw-1/settle"] {
        let path = format!("/api/v1/runs/1/{path}");
        let answer = post_json(web, &path, &view, &json!({})).await;
        assert_eq!(answer.status, 403, "{path}");
    }
    let admin = [("Authorization", "Bearer admin")];
    let run = get_with(web, "/api/v1/runs/1", &admin).await.json();
    assert_eq!(run["requester"], "operate", "the token's name");
    assert_eq!(get(web, "/api/v1/runs/1").await.status, 401);
}
