//! Lists of targets, as a real Prometheus finds and scrapes them: devices by probes, and the pages of agents.

use std::{fs, path::Path, process::Command};

use crate::{
    lab::{self, Devices, Manager, PATIENCE, eventually},
    metrics_server::Prometheus,
};

/// The scrape configuration that the documentation shows for probes, and one of agents, aimed at a manager.
fn scrapes(manager_web: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, section) = page.split_once("\n## `/probe`\n").unwrap();
    let (_, block) = section.split_once("```yaml\n").unwrap();
    let (block, _) = block.split_once("```\n").unwrap();
    assert!(
        block.contains("http://127.0.0.1:9799/sd/devices"),
        "{block}"
    );
    let agents = "  - job_name: netwolf-agents\n    http_sd_configs: [{ url: \"http://127.0.0.1:9799/sd/agents\" }]\n";
    let all = format!("global: {{ scrape_interval: 1s }}\n{block}{agents}");
    all.replace("127.0.0.1:9799", manager_web)
}

#[test]
fn a_real_prometheus_probes_the_devices_and_scrapes_the_agents() {
    let folder = lab::folder();
    let devices = Devices::start(3);
    let config = lab::configuration(folder.path(), &devices.inventory());
    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent_with("a1", 1, folder.path(), |command| {
        command.args(["--web.listen-address", "127.0.0.1:0"]);
    });
    lab::wait_until_up(&manager.web, 3.0);
    let scrapes = scrapes(&manager.web);
    let Some(prometheus) = Prometheus::with(&scrapes, folder.path()) else {
        return;
    };
    let has = |query: &str, count: usize| {
        eventually(PATIENCE, query, || {
            let series = prometheus.query(query)?;
            if series.len() == count {
                Ok(series)
            } else {
                Err(format!("{series:?}"))
            }
        })
    };
    for series in has("probe_success == 1", 3) {
        assert!(
            series["metric"]["instance"]
                .as_str()
                .unwrap()
                .starts_with("sim-"),
            "{series}"
        );
    }
    has(
        "netwolf_cpu_utilization_ratio{window=\"5s\", job=\"netwolf-probe\"}",
        3,
    );
    has(
        "netwolf_agent_link_up{agent=\"a1\", shard=\"0\", job=\"netwolf-agents\"} == 1",
        1,
    );
    has("process_open_fds{agent=\"a1\"} > 0", 1);
}

#[test]
fn promtool_finds_nothing_wrong_with_the_lists() {
    let Some(program) = lab::have("promtool", "prometheus") else {
        return;
    };
    let folder = lab::folder();
    let devices = Devices::start(2);
    let config = lab::configuration(folder.path(), &devices.inventory());
    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent_with("a1", 1, folder.path(), |command| {
        command.args(["--web.listen-address", "127.0.0.1:0"]);
    });
    eventually(PATIENCE, "the agent's page", || {
        let listed = manager.json("/sd/agents")?;
        (listed[0]["labels"]["agent"] == "a1")
            .then_some(())
            .ok_or_else(|| listed.to_string())
    });
    let file = folder.path().join("scrapes.yml");
    fs::write(&file, scrapes(&manager.web)).unwrap();
    for (job, words) in [
        (
            "netwolf-probe",
            ["__param_target", "__meta_netwolf_address", "sim-"],
        ),
        (
            "netwolf-agents",
            ["__meta_netwolf_agent", "__meta_netwolf_version", "a1"],
        ),
    ] {
        // It watches for changes until its time is over.
        let output = Command::new(&program)
            .args(["check", "service-discovery", "--timeout=3s"])
            .arg(&file)
            .arg(job)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{job}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        for word in words {
            assert!(said.contains(word), "{word} in {said}");
        }
        assert!(!said.contains("\"error\""), "{said}");
    }
}
