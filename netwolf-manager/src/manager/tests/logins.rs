//! Permits, breakers and outputs over real sockets.

use netwolf_wire::{
    Span,
    login::LoginOutcome,
    message::{Shown, ShownOutput},
    status::Reason,
};
use tokio::task::JoinHandle;

use super::{client::Answer, *};

#[tokio::test]
async fn a_credential_that_devices_refuse_is_held_until_a_probe_or_a_reload() {
    let stage = Stage::new(&[("sw-1", 22), ("sw-2", 22), ("sw-3", 22)]).await;
    let web = stage.manager.web_addr;
    let agent = stage.agent("a1").await;
    let (one, two) = (agent.lease("sw-1").await, agent.lease("sw-2").await);
    stage
        .sees(r#"netwolf_credential_breaker_open{credential="lab"} 0"#)
        .await;
    for lease in [&one, &two] {
        agent.permitted(lease).await;
        agent.ended(lease, LoginOutcome::Refused).await;
    }
    let held = eventually("the breaker", async || {
        agent.seen().held.get("lab").cloned()
    })
    .await;
    assert_eq!(held.reason, Reason::CredentialHeld);
    assert!(held.message.contains("sw-1") && held.message.contains("sw-2"));
    for line in [
        r#"netwolf_credential_breaker_open{credential="lab"} 1"#,
        r#"netwolf_credential_devices_refused{credential="lab"} 2"#,
        r#"netwolf_credential_logins_total{credential="lab",outcome="refused"} 2"#,
        r#"netwolf_credential_permits_waiting{credential="lab"} 0"#,
    ] {
        stage.sees(line).await;
    }
    testing::promtool(&stage.page().await);
    let shown = get(web, "/api/v1/credentials").await.json()["credentials"][0].clone();
    assert_eq!(
        (&shown["name"], &shown["state"]),
        (&"lab".into(), &"open".into())
    );
    assert_eq!(shown["refusals"][1]["device"], "sw-1");
    assert_eq!(shown["logins"]["refused_total"], 2);
    assert_eq!(shown["failure"]["message"], held.message.as_str());
    assert!(shown["since"].is_string() && shown["next_probe"].is_string());
    let landing = get(web, "/").await.text();
    assert!(landing.contains("nobody else tries it"), "{landing}");

    // Another shard is told as soon as it comes, and a file that is written anew changes nothing.
    let other = stage.agent("a2").await;
    eventually("the breaker", async || {
        other.seen().held.contains_key("lab").then_some(())
    })
    .await;
    write_config(
        stage.folder.path(),
        &[("sw-1", 22), ("sw-2", 22), ("sw-3", 22), ("sw-4", 22)],
    );
    stage.sees(r#"netwolf_device_up{device="sw-4"} 0"#).await;
    assert!(agent.seen().probes.is_empty() && other.seen().probes.is_empty());

    // Secrets are in no configuration, so a faulty one does not keep them from being tried.
    std::fs::write(stage.folder.path().join("netwolf.yml"), "devices: 7\n").unwrap();
    let answer = post(web, "/-/reload").await;
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("tried again"), "{}", answer.text());
    // Shown a moment after it was told; of several that were told, one is shown.
    let shown = eventually("the probe to be shown", async || {
        let shown = get(web, "/api/v1/credentials").await.json()["credentials"][0].clone();
        let device = shown["probe"].as_str()?.to_owned();
        (shown["state"] == "half_open").then_some(device)
    })
    .await;
    let (prober, device) = eventually("the probe", async || {
        [&agent, &other].into_iter().find_map(|agent| {
            let seen = agent.seen();
            let mut probes = seen.probes.iter();
            let device = probes.find(|device| device.as_str() == shown)?;
            Some((agent, device.clone()))
        })
    })
    .await;
    assert!(
        !["sw-1", "sw-2"].contains(&device.as_str()),
        "one that did not refuse"
    );
    let lease = prober.lease(device.as_str()).await;
    prober.permitted(&lease).await;
    prober.ended(&lease, LoginOutcome::Accepted).await;
    eventually("the end of the hold", async || {
        let is_held = |agent: &FakeAgent| agent.seen().held.contains_key("lab");
        (!is_held(&agent) && !is_held(&other)).then_some(())
    })
    .await;
    stage
        .sees(r#"netwolf_credential_breaker_open{credential="lab"} 0"#)
        .await;
}

/// The command of the collector that the device has, and how it stands in a query.
const COMMAND: &str = "cat /proc/loadavg && grep '^cpu' /proc/stat";
const ENCODED: &str = "?command=cat+/proc/loadavg+%26%26%20grep%20%27%5Ecpu%27%20/proc/stat";

/// Asks for an output, in another task because somebody has to answer.
fn ask(stage: &Stage, query: &'static str, accept: &'static str) -> JoinHandle<Answer> {
    let (web, path) = (
        stage.manager.web_addr,
        format!("/api/v1/devices/a/b/output{query}"),
    );
    tokio::spawn(async move { get_with(web, &path, &[("Accept", accept)]).await })
}

#[tokio::test]
async fn an_output_is_shown_to_whoever_asks() {
    let stage = Stage::new(&[("a/b", 22)]).await;
    let web = stage.manager.web_addr;
    let agent = stage.agent("a1").await;
    let lease = agent.lease("a/b").await;
    let output = "/api/v1/devices/a/b/output";
    let refused = get(web, output).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.json()["error"].as_str().unwrap().contains("not up"));
    assert_eq!(get(web, "/api/v1/devices/b/output").await.status, 404);
    let unknown = get(web, &format!("{output}?command=reload")).await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.json()["hint"].as_str().unwrap().contains(COMMAND));

    agent.status_up(&lease).await;
    eventually("the state", async || {
        let device = get(web, "/api/v1/devices/a/b").await.json();
        (device["state"] == "up").then_some(())
    })
    .await;
    let shown = ShownOutput {
        command: COMMAND.into(),
        unix_ms: 1_790_000_000_000,
        took: Span::from_millis(250),
        text: "cpu 1 2 3".into(),
        truncated: false,
        failure: None,
    };
    let asked = async |no: usize| {
        eventually("a request", async || agent.seen().shows.get(no).cloned()).await
    };
    let answer = async |no: usize, outputs: Vec<ShownOutput>| {
        let request = asked(no).await.request;
        agent.send(Shown { request, outputs }).await;
    };

    let waiting = ask(&stage, ENCODED, "*/*");
    assert_eq!(asked(0).await.command.unwrap(), COMMAND);
    answer(0, vec![shown.clone()]).await;
    let json = waiting.await.unwrap().json();
    assert_eq!(json["device"], "a/b");
    assert_eq!(json["outputs"][0]["text"], "cpu 1 2 3");
    assert_eq!(json["outputs"][0]["seconds"], 0.25);
    assert_eq!(json["outputs"][0]["at"], "2026-09-21T14:13:20.000Z");

    let waiting = ask(&stage, "", "text/plain");
    assert_eq!(asked(1).await.command, None);
    answer(1, vec![shown]).await;
    let plain = waiting.await.unwrap();
    assert_eq!(plain.text(), "cpu 1 2 3\n");
    assert_eq!(
        plain.header("content-type"),
        Some("text/plain; charset=utf-8")
    );

    let waiting = ask(&stage, "", "*/*");
    answer(2, Vec::new()).await;
    assert_eq!(waiting.await.unwrap().status, 409, "it ended meanwhile");

    let waiting = ask(&stage, "", "*/*");
    asked(3).await;
    agent.cut();
    assert_eq!(waiting.await.unwrap().status, 503);
}

#[tokio::test]
async fn an_output_that_does_not_come_is_told_of() {
    let stage = Stage::new(&[("a/b", 22)]).await;
    let agent = stage.agent("a1").await;
    let lease = agent.lease("a/b").await;
    agent.status_up(&lease).await;
    stage
        .sees(r#"netwolf_device_session_state{device="a/b",state="up"} 1"#)
        .await;
    let late = ask(&stage, "", "*/*").await.unwrap();
    assert_eq!(late.status, 504);
    assert!(
        late.json()["error"]
            .as_str()
            .unwrap()
            .contains("within 10 s")
    );
    assert!(agent.seen().shows.len() == 1);
}
