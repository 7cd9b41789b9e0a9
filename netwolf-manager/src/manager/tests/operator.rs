//! What people see who run a manager: nothing false after a restart, and a way out when something is missing.

use super::*;

/// Ends a manager and starts another on the same folder and agents' port.
async fn restart(stage: Stage) -> Stage {
    let Stage { folder, manager } = stage;
    let address = manager.agents_addr.to_string();
    manager.shutdown().await;
    let manager = start(folder.path(), &address).await;
    Stage { folder, manager }
}

#[tokio::test]
async fn a_restart_shows_no_healthy_device_as_down() {
    const DOWN: &str = r#"netwolf_device_up{device="sw-1"} 0"#;
    let stage = Stage::new(&[("sw-1", 22), ("sw-2", 22)]).await;
    let agent = stage.agent("a1").await;
    let leases = [agent.lease("sw-1").await, agent.lease("sw-2").await];
    agent.declare(&leases[0], &["load"]).await;
    agent.status_up(&leases[0]).await;
    agent.poll(&[("load", 1.0)]).await;
    stage.sees(r#"netwolf_device_up{device="sw-1"} 1"#).await;

    let stage = restart(stage).await;
    let page = stage.page().await;
    assert!(
        !page.contains("netwolf_device_up") && !page.contains("netwolf_device_session_state"),
        "{page}"
    );
    let device = get(stage.manager.web_addr, "/api/v1/devices/sw-1")
        .await
        .json();
    assert_eq!(device["failure"]["reason"], "no_agent");
    assert!(device.get("up").is_none(), "{device}");

    let mut again = hello("a1", 1);
    let running = |lease: &netwolf_wire::message::Lease| Running {
        device: lease.job.device.clone(),
        epoch: lease.epoch,
        job: lease.job.digest(),
    };
    again.running = leases.iter().map(running).collect();
    let agent = FakeAgent::connect(stage.manager.agents_addr, again)
        .await
        .unwrap();
    let sees = async |line: &str| {
        eventually(line, async || {
            let page = stage.page().await;
            assert!(!page.contains(DOWN), "{page}");
            page.contains(line).then_some(())
        })
        .await;
    };
    sees("netwolf_manager_lease_adoptions_total 2").await;
    agent.status_up(&leases[0]).await;
    agent.status_refused(&leases[1]).await;
    sees(r#"netwolf_device_session_state{device="sw-1",state="up"} 1"#).await;
    sees(r#"netwolf_device_up{device="sw-2"} 0"#).await;
    agent.declare(&leases[0], &["load"]).await;
    agent.poll(&[("load", 2.0)]).await;
    sees(r#"netwolf_device_up{device="sw-1"} 1"#).await;
}

#[tokio::test]
async fn without_an_agent_everything_says_so() {
    let stage = Stage::new(&[("sw-1", 22), ("sw-2", 22)]).await;
    let (web, agents) = (stage.manager.web_addr, stage.manager.agents_addr);
    let command = format!("netwolf-agent --manager.address {agents}");
    let failure = get(web, "/api/v1/devices/sw-1").await.json()["failure"].clone();
    assert_eq!(failure["reason"], "no_agent");
    assert_eq!(failure["message"], "no agent is connected");
    assert!(failure["hint"].as_str().unwrap().contains(&command));
    stage
        .sees(r#"netwolf_device_session_state{device="sw-1",state="unassigned"} 1"#)
        .await;
    let ready = get(web, "/-/ready").await;
    assert!(ready.status == 503 && ready.text().contains(&command));

    let agent = stage.agent("a1").await;
    agent.lease("sw-1").await;
    eventually("readiness", async || {
        (get(web, "/-/ready").await.text() == "ready\n").then_some(())
    })
    .await;
    let device = get(web, "/api/v1/devices/sw-1").await.json();
    assert!(device.get("failure").is_none(), "{device}");
    let landing = get(web, "/").await.text();
    assert!(
        landing.contains("<tr><th>a1</th><td>1</td><td>0</td>"),
        "{landing}"
    );
    agent.cut();
    let text = eventually("the loss", async || {
        let ready = get(web, "/-/ready").await;
        assert_eq!(ready.status, 200, "it was ready once");
        let text = ready.text();
        text.contains("unassigned").then_some(text)
    })
    .await;
    assert!(
        text.starts_with("ready; no agent is connected: 2 devices are unassigned\n")
            && text.contains(&command),
        "{text}"
    );
    let landing = get(web, "/").await.text();
    for part in [
        "no agent is connected: 2 devices are unassigned",
        "unassigned 2",
        "<th>sw-1</th><td>unassigned</td><td>no_agent</td>",
        "http-equiv=\"refresh\" content=\"5\"",
    ] {
        assert!(landing.contains(part), "{part}: {landing}");
    }
}

#[tokio::test]
async fn two_managers_do_not_share_a_folder() {
    let stage = Stage::new(&[("sw-1", 22)]).await;
    let second = Manager::start(ManagerConfig {
        web: "127.0.0.1:0".into(),
        api: None,
        web_config: None,
        agents: "127.0.0.1:0".into(),
        insecure_plaintext: false,
        storage: stage.folder.path().join("data"),
        source: Source::File(stage.folder.path().join("netwolf.yml")),
    });
    let error = second.await.unwrap_err();
    assert_eq!(error.exit_code(), 1);
    let text = error.to_string();
    assert!(
        text.contains("/data") && text.contains("--storage.path"),
        "{text}"
    );
    // It is free as soon as the first has ended.
    restart(stage).await.manager.shutdown().await;
}

#[test]
fn docs_api_md_lists_every_path() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api.md");
    let docs = fs::read_to_string(path).unwrap();
    for http::PathInfo { method, path, .. } in http::PATHS {
        let listed = docs.lines().any(|line| {
            line.starts_with(&format!("| {method}")) && line.contains(&format!("| `{path}` |"))
        });
        assert!(listed, "{method} {path}");
    }
}

#[tokio::test]
async fn a_path_that_leads_nowhere_names_those_that_lead_somewhere() {
    let stage = Stage::new(&[]).await;
    let web = stage.manager.web_addr;
    let nothing = get(web, "/nothing").await;
    assert_eq!(nothing.status, 404);
    for info in http::PATHS {
        assert!(nothing.text().contains(info.path), "{}", nothing.text());
    }
    for path in ["/api/v1/nothing", "/api/v2", "/api"] {
        let nothing = get(web, path).await;
        assert_eq!(nothing.status, 404);
        let error = nothing.json()["error"].clone();
        assert!(error.as_str().unwrap().contains(path), "{error}");
    }
    for path in ["/api/v1", "/api/v1/"] {
        let index = get(web, path).await.json();
        let paths = index["paths"].as_array().unwrap();
        assert!(
            paths
                .iter()
                .any(|entry| entry["path"] == "/api/v1/devices/{name}"),
            "{index}"
        );
    }
    for info in http::PATHS {
        if info.method == "GET" && !info.path.contains('{') && info.path != "/-/ready" {
            assert_eq!(get(web, info.path).await.status, 200, "{}", info.path);
        }
    }
}
