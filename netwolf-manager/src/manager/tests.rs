//! A whole manager over real sockets, with agents that are no more than their wire protocol.

mod agent;
mod client;
mod logins;
mod operator;
mod pages;
mod runs;
mod tokens;

use std::{fs, path::Path, time::Instant};

use netwolf_wire::{
    Incarnation,
    frame::{FrameReader, FrameWriter},
    message::{Hello, Running, ToAgent, ToManager},
    version::Version,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use self::{
    agent::{FakeAgent, hello},
    client::{get, get_with, post, post_json, post_with},
};
use super::*;
use crate::testing;

/// Longer than anything takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` gives something.
async fn eventually<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A manager with a configuration file of its own.
struct Stage {
    folder: TempDir,
    manager: Manager,
}

fn write_config(folder: &Path, devices: &[(&str, u16)]) {
    let mut text = String::from(
        "timing: { heartbeat: 200ms, link_grace: 500ms, takeover: 10s, settle: 10s }\n\
         defaults: { credential: lab, platform: linux, host_key: accept-new, collectors: [cpu] }\n\
         credentials: { lab: { username: netwolf, password: env:LAB_PASSWORD } }\n\
         devices:\n",
    );
    for (name, port) in devices {
        let device = format!("name: {name}, address: 127.0.0.1, port: {port}");
        text.extend(["  - { ", &device, ", labels: { site: ams } }\n"]);
    }
    fs::write(folder.join("netwolf.yml"), text).unwrap();
}

async fn start(folder: &Path, agents: &str) -> Manager {
    Manager::start(ManagerConfig {
        web: "127.0.0.1:0".into(),
        api: None,
        web_config: None,
        agents: agents.into(),
        insecure_plaintext: false,
        storage: folder.join("data"),
        source: Source::File(folder.join("netwolf.yml")),
    })
    .await
    .unwrap()
}

impl Stage {
    async fn new(devices: &[(&str, u16)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_config(folder.path(), devices);
        let manager = start(folder.path(), "127.0.0.1:0").await;
        Self { folder, manager }
    }

    async fn agent(&self, name: &str) -> FakeAgent {
        FakeAgent::connect(self.manager.agents_addr, hello(name, 1))
            .await
            .unwrap()
    }

    async fn page(&self) -> String {
        get(self.manager.web_addr, "/metrics").await.text()
    }

    /// Waits until a line is on the page.
    async fn sees(&self, line: &str) {
        eventually(line, async || {
            self.page().await.lines().any(|l| l == line).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn values_of_an_agent_are_on_the_page() {
    let stage = Stage::new(&[("sw-1", 22)]).await;
    let agent = stage.agent("a1").await;
    let lease = agent.lease("sw-1").await;
    agent.declare(&lease, &["load"]).await;
    agent.status_up(&lease).await;
    agent.poll(&[("load", 0.25)]).await;
    stage.sees(r#"load{device="sw-1"} 0.25"#).await;
    agent.poll(&[("load", 0.5)]).await;
    stage.sees(r#"load{device="sw-1"} 0.5"#).await;
    for line in [
        r#"netwolf_device_up{device="sw-1"} 1"#,
        r#"netwolf_device_session_state{device="sw-1",state="up"} 1"#,
        r#"netwolf_device_labels{device="sw-1",site="ams",platform="linux"} 1"#,
        r#"netwolf_agent_up{agent="a1",shard="0"} 1"#,
        r#"netwolf_agent_polls_total{agent="a1",shard="0"} 7"#,
        r#"netwolf_manager_leases{state="held"} 1"#,
        "netwolf_manager_config_last_reload_successful 1",
    ] {
        stage.sees(line).await;
    }
    assert!(agent.seen().renewed > 0, "heartbeats are answered");
    testing::promtool(&stage.page().await);
}

#[tokio::test]
async fn when_a_part_dies_the_manager_ends_and_says_so() {
    let stage = Stage::new(&[("sw-1", 22)]).await;
    let agent = stage.agent("a1").await;
    let (web, manager) = (stage.manager.web_addr, stage.manager);
    let part = manager
        .alarm
        .clone()
        .guard("core", async { panic!("a test's") });
    manager.tasks.spawn(part);
    let died = timeout(PATIENCE, manager.died()).await.unwrap();
    assert_eq!(died, Died("core"));
    eventually("the end of the links", async || {
        agent.seen().closed.then_some(())
    })
    .await;
    manager.shutdown().await;
    assert!(TcpStream::connect(web).await.is_err(), "nobody listens");
}

#[tokio::test]
async fn what_ends_because_it_was_asked_to_raises_no_alarm() {
    let stage = Stage::new(&[("sw-1", 22)]).await;
    let died = stage.manager.alarm.died.subscribe();
    stage.manager.shutdown().await;
    assert_eq!(*died.borrow(), None);
}

#[tokio::test]
async fn a_shard_that_its_agent_does_not_have_is_refused() {
    let stage = Stage::new(&[("sw-1", 22)]).await;
    for (shard, shards) in [(1, 1), (0, 0), (7, 2)] {
        let hello = Hello {
            shard,
            ..hello("a1", shards)
        };
        let refused = FakeAgent::connect(stage.manager.agents_addr, hello)
            .await
            .unwrap_err();
        assert!(!refused.retry && refused.message.contains("has no shard"));
    }
    stage
        .sees(r#"netwolf_manager_refused_hellos_total{reason="shard"} 3"#)
        .await;
}

#[tokio::test]
async fn an_agents_counters_do_not_fall_when_its_link_is_renewed() {
    let stage = Stage::new(&[("sw-1", 22)]).await;
    let polls = r#"netwolf_agent_polls_total{agent="a1",shard="0"} "#;
    let agent = stage.agent("a1").await;
    let line = format!("{polls}7");
    stage.sees(&line).await;
    // The same life on another link, and then another life; both are silent.
    let mut greet = hello("a1", 1);
    let _again = greet_only(&stage, greet.clone()).await;
    assert!(stage.page().await.lines().any(|l| l == line));
    drop(agent);
    greet.incarnation = Incarnation(2);
    let _other = eventually("the next life", async || {
        let socket = greet_only(&stage, greet.clone()).await?;
        Some(socket)
    })
    .await;
    let page = stage.page().await;
    assert!(!page.contains(polls), "its counters are not known yet");
    assert!(page.contains(r#"netwolf_agent_up{agent="a1",shard="0"} 1"#));
}

/// A link on which nothing follows the hello; `None` when it was refused.
async fn greet_only(stage: &Stage, hello: Hello) -> Option<TcpStream> {
    let mut socket = TcpStream::connect(stage.manager.agents_addr).await.unwrap();
    let (read, write) = socket.split();
    let (mut reader, mut writer) = (FrameReader::new(read), FrameWriter::new(write));
    writer.send(&ToManager::from(hello)).await.unwrap();
    let answer: Option<ToAgent> = reader.next().await.unwrap();
    matches!(answer, Some(ToAgent::Welcome(_))).then_some(socket)
}

#[tokio::test]
async fn a_scraper_gets_the_format_and_coding_that_it_asks_for() {
    let stage = Stage::new(&[("sw-1", 22)]).await;
    let web = stage.manager.web_addr;
    let plain = get(web, "/metrics").await;
    assert_eq!(
        plain.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert!(!plain.text().contains("# EOF"));
    let accept = (
        "Accept",
        "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
    );
    let open = get_with(web, "/metrics", &[accept]).await;
    assert!(
        open.header("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    assert!(open.text().ends_with("# EOF\n"));
    let lines = [
        ("Accept", "text/plain;q=0.5"),
        ("Accept", "application/openmetrics-text"),
    ];
    let open = get_with(web, "/metrics", &lines).await;
    assert!(
        open.text().ends_with("# EOF\n"),
        "several lines are one list"
    );
    let small = get_with(web, "/metrics", &[accept, ("Accept-Encoding", "gzip")]).await;
    assert_eq!(small.header("content-encoding"), Some("gzip"));
    assert!(small.unzipped().ends_with("# EOF\n"));
}

#[tokio::test]
async fn a_series_that_is_not_renewed_vanishes() {
    let stage = Stage::new(&[("sw-1", 22)]).await;
    let agent = stage.agent("a1").await;
    let lease = agent.lease("sw-1").await;
    agent.declare(&lease, &["load", "other"]).await;
    agent.poll(&[("load", 1.0), ("other", 1.0)]).await;
    stage.sees(r#"other{device="sw-1"} 1"#).await;
    eventually("the end of a series", async || {
        agent.poll(&[("load", 1.0)]).await;
        let page = stage.page().await;
        let renewed = page.contains(r#"load{device="sw-1"} 1"#);
        (renewed && !page.contains("other{")).then_some(())
    })
    .await;
    assert!(
        !stage.page().await.contains("# HELP other"),
        "nor is its family introduced"
    );
}

#[tokio::test]
async fn devices_of_a_lost_agent_go_to_another() {
    let stage = Stage::new(&[("sw-1", 22), ("sw-2", 22), ("sw-3", 22), ("sw-4", 22)]).await;
    let (a1, a2) = (stage.agent("a1").await, stage.agent("a2").await);
    eventually("a lease for everybody", async || {
        (!a1.seen().leases.is_empty() && !a2.seen().leases.is_empty()).then_some(())
    })
    .await;
    let total = a1.seen().leases.len() + a2.seen().leases.len();
    assert_eq!(total, 4);
    a1.cut();
    eventually("the takeover", async || {
        (a2.seen().leases.len() == 4).then_some(())
    })
    .await;
    stage
        .sees(r#"netwolf_agent_up{agent="a1",shard="0"} 0"#)
        .await;
    let taken = 4 - a2.seen().first_leases;
    stage
        .sees(&format!("netwolf_manager_lease_takeovers_total {taken}"))
        .await;
}

#[tokio::test]
async fn a_goodbye_frees_devices_at_once_and_the_agent_is_forgotten() {
    let stage = Stage::new(&[("sw-1", 22)]).await;
    let a1 = stage.agent("a1").await;
    a1.lease("sw-1").await;
    let a2 = stage.agent("a2").await;
    a1.send(netwolf_wire::message::Goodbye {}).await;
    a2.lease("sw-1").await;
    let page = stage.page().await;
    assert!(!page.contains(r#"agent="a1""#), "{page}");
    assert!(page.contains("netwolf_manager_lease_takeovers_total 0"));
}

#[tokio::test]
async fn a_restarted_manager_adopts_what_runs() {
    let stage = Stage::new(&[("sw-1", 22), ("sw-2", 22)]).await;
    let agent = stage.agent("a1").await;
    let leases = [agent.lease("sw-1").await, agent.lease("sw-2").await];
    let Stage { folder, manager } = stage;
    let address = manager.agents_addr.to_string();
    manager.shutdown().await;
    eventually("the end of the link", async || {
        agent.seen().closed.then_some(())
    })
    .await;

    let manager = start(folder.path(), &address).await;
    let ready = get(manager.web_addr, "/-/ready").await;
    assert_eq!(ready.status, 503);
    assert!(
        ready.text().contains("before the start"),
        "{}",
        ready.text()
    );
    let mut again = hello("a1", 1);
    again.running = leases
        .iter()
        .map(|lease| Running {
            device: lease.job.device.clone(),
            epoch: lease.epoch,
            job: lease.job.digest(),
        })
        .collect();
    let agent = FakeAgent::connect(manager.agents_addr, again)
        .await
        .unwrap();
    agent.declare(&leases[0], &["load"]).await;
    agent.poll(&[("load", 7.0)]).await;
    let stage = Stage { folder, manager };
    stage.sees(r#"load{device="sw-1"} 7"#).await;
    eventually("readiness", async || {
        (get(stage.manager.web_addr, "/-/ready").await.status == 200).then_some(())
    })
    .await;
    stage.sees("netwolf_manager_lease_adoptions_total 2").await;
    stage.sees("netwolf_manager_lease_grants_total 0").await;
    assert!(agent.seen().leases.is_empty(), "nothing was sent");
    agent.status_up(&leases[0]).await;
    stage.sees(r#"netwolf_device_up{device="sw-1"} 1"#).await;
}

#[tokio::test]
async fn a_reload_touches_only_what_changed() {
    let stage = Stage::new(&[("sw-1", 22), ("sw-2", 22), ("sw-3", 22)]).await;
    let agent = stage.agent("a1").await;
    let (one, two) = (agent.lease("sw-1").await, agent.lease("sw-2").await);
    let three = agent.lease("sw-3").await;
    agent.declare(&one, &["load"]).await;
    agent.poll(&[("load", 1.0)]).await;
    stage.sees(r#"load{device="sw-1"} 1"#).await;

    write_config(
        stage.folder.path(),
        &[("sw-2", 22), ("sw-3", 2222), ("sw-4", 22)],
    );
    let answer = post(stage.manager.web_addr, "/-/reload").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let page = stage.page().await;
    assert!(!page.contains("sw-1"), "its series vanish at once: {page}");
    agent.lease("sw-4").await;
    eventually("the new job", async || {
        let seen = agent.seen();
        let changed = seen
            .leases
            .get("sw-3")
            .is_some_and(|lease| lease.epoch > three.epoch);
        (changed && !seen.leases.contains_key("sw-1")).then_some(())
    })
    .await;
    assert_eq!(agent.seen().leases["sw-2"].epoch, two.epoch, "not touched");
    stage.sees("netwolf_manager_lease_grants_total 5").await;
}

#[tokio::test]
async fn a_changed_file_is_read_by_itself() {
    let stage = Stage::new(&[("sw-1", 22)]).await;
    write_config(stage.folder.path(), &[("sw-1", 22), ("sw-2", 22)]);
    stage.sees(r#"netwolf_device_up{device="sw-2"} 0"#).await;
}

#[tokio::test]
async fn a_rejected_file_leaves_the_old_one_in_force() {
    let stage = Stage::new(&[("sw-1", 22)]).await;
    fs::write(
        stage.folder.path().join("netwolf.yml"),
        "devises: []\ntimeing: {}\n",
    )
    .unwrap();
    let web = stage.manager.web_addr;
    let answer = post(web, "/-/reload").await;
    assert_eq!(answer.status, 500);
    let text = answer.text();
    assert!(
        text.contains("devises") && text.contains("timeing"),
        "all faults: {text}"
    );
    stage
        .sees("netwolf_manager_config_last_reload_successful 0")
        .await;
    stage.sees(r#"netwolf_device_up{device="sw-1"} 0"#).await;
    let refused = get(web, "/-/reload").await;
    assert_eq!(
        (refused.status, refused.header("allow")),
        (405, Some("POST,PUT"))
    );
    assert!(
        refused.text().contains("use POST or PUT"),
        "{}",
        refused.text()
    );
}

#[tokio::test]
async fn a_second_agent_of_a_name_is_refused_and_the_first_undisturbed() {
    let stage = Stage::new(&[("sw-1", 22)]).await;
    let first = stage.agent("a1").await;
    first.lease("sw-1").await;
    let mut second = hello("a1", 1);
    second.incarnation = Incarnation(2);
    let refused = FakeAgent::connect(stage.manager.agents_addr, second)
        .await
        .unwrap_err();
    assert!(refused.retry);
    assert!(
        refused.message.contains("\"a1\"") && refused.message.contains("--name"),
        "{refused:?}"
    );
    stage
        .sees(r#"netwolf_manager_refused_hellos_total{reason="duplicate"} 1"#)
        .await;
    let beats = first.seen().renewed;
    eventually("a renewal", async || {
        (first.seen().renewed > beats).then_some(())
    })
    .await;
}

#[tokio::test]
async fn another_major_version_is_refused_with_both_named() {
    let stage = Stage::new(&[]).await;
    let mut other = hello("a1", 1);
    other.protocol = Version { major: 9, minor: 4 };
    let refused = FakeAgent::connect(stage.manager.agents_addr, other)
        .await
        .unwrap_err();
    assert!(!refused.retry);
    let ours = netwolf_wire::version::CURRENT.to_string();
    assert!(
        refused.message.contains("9.4") && refused.message.contains(&ours),
        "{refused:?}"
    );
    stage
        .sees(r#"netwolf_manager_refused_hellos_total{reason="version"} 1"#)
        .await;
}

#[tokio::test]
async fn garbage_ends_its_own_link_and_is_counted() {
    let stage = Stage::new(&[("sw-1", 22)]).await;
    let agent = stage.agent("a1").await;
    let huge = [0xff; 8];
    let nonsense = *b"\0\0\0\x04haha";
    let early = *b"\0\0\0\x0e{\"goodbye\":{}}";
    for (bytes, is_frame) in [
        (&huge[..], false),
        (&nonsense[..], false),
        (&early[..], true),
    ] {
        let mut stream = TcpStream::connect(stage.manager.agents_addr).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut rest = Vec::new();
        // Closed, politely or not; nothing is said.
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest))
            .await
            .unwrap();
        assert!(rest.is_empty(), "{read:?} {is_frame}");
    }
    stage.sees("netwolf_manager_malformed_frames_total 2").await;
    stage
        .sees(r#"netwolf_manager_refused_hellos_total{reason="no_hello"} 3"#)
        .await;
    agent.send(ToManager::Unknown("song".into())).await;
    let beats = agent.seen().renewed;
    eventually("a renewal", async || {
        (agent.seen().renewed > beats).then_some(())
    })
    .await;
    stage.sees("netwolf_manager_links 1").await;
}

#[tokio::test]
async fn the_manager_is_ready_when_devices_have_been_placed() {
    let stage = Stage::new(&[("sw-1", 22)]).await;
    let web = stage.manager.web_addr;
    assert_eq!(get(web, "/-/healthy").await.status, 200);
    let waiting = get(web, "/-/ready").await;
    assert_eq!(
        (waiting.status, waiting.text().lines().next()),
        (503, Some("not ready: waiting for the first agent"))
    );
    let _agent = stage.agent("a1").await;
    eventually("readiness", async || {
        (get(web, "/-/ready").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_api_tells_the_state_of_the_fleet() {
    let stage = Stage::new(&[("a/b", 22), ("sw-1", 22)]).await;
    let web = stage.manager.web_addr;
    let agent = stage.agent("a1").await;
    let lease = agent.lease("sw-1").await;
    agent.lease("a/b").await;
    agent.status_refused(&lease).await;
    let device = eventually("the failure", async || {
        let device = get(web, "/api/v1/devices/sw-1").await.json();
        device.get("failure").is_some().then_some(device)
    })
    .await;
    assert_eq!(device["state"], "backoff");
    assert_eq!(device["failure"]["reason"], "refused");
    assert_eq!(device["failure"]["hint"], "is SSH enabled on the device?");
    assert_eq!(device["failing"][0]["command"], "cat /proc/loadavg");
    assert_eq!(device["epoch"], lease.epoch.0);
    assert_eq!(
        (&device["agent"], &device["shard"]),
        (&"a1".into(), &0.into())
    );
    assert_eq!(device["since"], "2026-09-21T14:13:20.000Z");
    assert_eq!(get(web, "/api/v1/devices/a/b").await.json()["name"], "a/b");
    let unknown = get(web, "/api/v1/devices/sw-9").await;
    assert_eq!(
        (unknown.status, &unknown.json()["error"]),
        (404, &"unknown device \"sw-9\"".into())
    );
    assert_eq!(device["credential"], "lab");
    assert_eq!(device["host_key"]["policy"], "accept_new");
    assert_eq!(
        (&device["failures"], &device["next_attempt"]),
        (&0.into(), &device["since"])
    );
    assert_eq!(device["legacy_algorithms"], serde_json::json!([]));
    let listed = get(web, "/api/v1/devices?state=backoff").await.json();
    assert_eq!(listed["devices"].as_array().unwrap().len(), 1);
    let bogus = get(web, "/api/v1/devices?state=bogus").await;
    assert_eq!(
        (bogus.status, &bogus.json()["error"]),
        (400, &"unknown state \"bogus\"".into())
    );
    for state in ["connecting", "up", "backoff", "unassigned"] {
        assert!(bogus.json()["hint"].as_str().unwrap().contains(state));
    }
    let posted = post(web, "/api/v1/devices/sw-1").await;
    assert_eq!(
        (posted.status, posted.header("allow")),
        (405, Some("GET,HEAD"))
    );
    let error = posted.json()["error"].clone();
    assert!(error.as_str().unwrap().ends_with("use GET"), "{error}");
    let status = get(web, "/api/v1/status").await.json();
    assert_eq!(
        (&status["devices"]["total"], &status["shards"]["linked"]),
        (&2.into(), &1.into())
    );
    let agents = get(web, "/api/v1/agents").await.json();
    assert_eq!(agents["shards"][0]["agent"], "a1");
    let landing = get(web, "/").await;
    assert!(landing.text().contains("<td>2</td>") && landing.text().contains("/metrics"));
    assert_eq!(get(web, "/nothing").await.status, 404);
}

#[tokio::test]
async fn polls_of_a_lease_that_was_taken_away_are_counted_and_dropped() {
    let stage = Stage::new(&[("sw-1", 22), ("sw-2", 22)]).await;
    let agent = stage.agent("a1").await;
    let lease = agent.lease("sw-1").await;
    agent.declare(&lease, &["load"]).await;
    write_config(stage.folder.path(), &[("sw-1", 2222), ("sw-2", 22)]);
    assert_eq!(post(stage.manager.web_addr, "/-/reload").await.status, 200);
    agent.poll(&[("load", 1.0)]).await;
    stage.sees("netwolf_manager_stale_polls_total 1").await;
    assert!(!stage.page().await.contains("load{"));
}

#[tokio::test]
async fn a_shutdown_takes_less_than_a_second() {
    let stage = Stage::new(&[("sw-1", 22)]).await;
    let agent = stage.agent("a1").await;
    agent.lease("sw-1").await;
    let _idle = TcpStream::connect(stage.manager.web_addr).await.unwrap();
    let start = Instant::now();
    stage.manager.shutdown().await;
    assert!(start.elapsed() < Duration::from_secs(1));
    eventually("the end of the link", async || {
        agent.seen().closed.then_some(())
    })
    .await;
}
