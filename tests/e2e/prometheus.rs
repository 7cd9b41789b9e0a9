//! A real Prometheus scrapes the manager, and promtool reads the page.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    lab::{self, Devices, Manager, PATIENCE, eventually},
    metrics_server::Prometheus,
};

#[test]
fn a_real_prometheus_returns_every_device() {
    let folder = lab::folder();
    let devices = Devices::start(20);
    let config = lab::configuration(folder.path(), &devices.inventory());
    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent("a1", 2, folder.path());

    let Some(prometheus) = Prometheus::start(&manager.web, folder.path()) else {
        return;
    };

    eventually(PATIENCE, "every device in a query's answer", || {
        let query = "count(netwolf_cpu_utilization_ratio{window=\"5s\"})";
        let answer = prometheus.query(query)?;
        if answer
            .first()
            .is_some_and(|count| count["value"][1] == "20")
        {
            Ok(())
        } else {
            Err(format!("{answer:?}"))
        }
    });
    eventually(PATIENCE, "the recording rules find data", || {
        let n = prometheus
            .query("device:netwolf_cpu_utilization:ratio")?
            .len();
        if n == 20 {
            Ok(())
        } else {
            Err(format!("{n} devices"))
        }
    });
}

#[test]
fn promtool_finds_nothing_wrong_with_the_page() {
    let Some(program) = lab::have("promtool", "prometheus") else {
        return;
    };
    let folder = lab::folder();
    let devices = Devices::start(2);
    let config = lab::configuration(folder.path(), &devices.inventory());
    let text = fs::read_to_string(&config)
        .unwrap()
        .replace("[cpu]", "[facts, cpu, memory, interfaces]");
    fs::write(&config, text).unwrap();
    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent("a1", 1, folder.path());
    let page = eventually(PATIENCE, "a page with all collectors", || {
        let page = lab::get(&manager.web, "/metrics", "")?;
        let wanted = [
            "netwolf_device_info{",
            "netwolf_interface_up{",
            "netwolf_memory_used_bytes{",
            "netwolf_cpu_utilization_ratio{",
        ];
        match wanted.iter().find(|family| !page.contains(**family)) {
            Some(missing) => Err(format!("no {missing}")),
            None => Ok(page),
        }
    });
    let mut check = Command::new(program)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    check
        .stdin
        .take()
        .unwrap()
        .write_all(page.as_bytes())
        .unwrap();
    let output = check.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

/// Families that the page of these tests has not: agents have pages of their own, and remote write is not configured.
const ELSEWHERE: [&str; 9] = [
    "netwolf_agent_link_up",
    "netwolf_remote_write_dropped_samples_total",
    "netwolf_remote_write_failed_samples_total",
    "netwolf_remote_write_newest_sample_timestamp_seconds",
    "netwolf_remote_write_newest_sent_timestamp_seconds",
    "netwolf_remote_write_pending_samples",
    "netwolf_remote_write_queue_limit_samples",
    "netwolf_remote_write_retries_total",
    "netwolf_remote_write_samples_total",
];

/// Every word in `text` that is a metric of ours by its prefix, without those that the rules record.
fn metrics_named_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    words
        .filter(|word| word.starts_with("netwolf_"))
        .map(str::to_owned)
        .collect()
}

/// The text of every file under `folder` that ends in `extension`.
fn texts(folder: &Path, extension: &str) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += &texts(&path, extension);
        } else if path.extension().is_some_and(|end| end == extension) {
            all += &fs::read_to_string(path).unwrap();
        }
    }
    all
}

#[test]
fn rules_dashboards_and_runbooks_name_only_metrics_that_there_are() {
    let folder = lab::folder();
    let devices = Devices::start(1);
    let refused = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let known = devices.fleet().devices()[0].address().port();
    let other_key = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let inventory = format!(
        "{}  - {{ name: gone, address: 127.0.0.1, port: {refused}, platform: cisco_ios, host_key: accept-new }}\n\
         \x20 - {{ name: stranger, address: 127.0.0.1, port: {known}, platform: cisco_ios, host_key: \"{other_key}\" }}\n",
        devices.inventory()
    );
    let config = lab::configuration(folder.path(), &inventory);
    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent("a1", 1, folder.path());
    let page = eventually(PATIENCE, "a page with a load and a failure", || {
        let page = lab::get(&manager.web, "/metrics", "")?;
        let wanted = [
            "netwolf_device_failure_info{",
            "netwolf_device_host_key_mismatch{",
            "netwolf_cpu_utilization_ratio{",
            "netwolf_poll_seconds_bucket{",
        ];
        match wanted.iter().find(|family| !page.contains(**family)) {
            Some(missing) => Err(format!("no {missing}")),
            None => Ok(page),
        }
    });
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut known = metrics_named_in(&page);
    known.extend(ELSEWHERE.map(str::to_owned));
    known.extend(metrics_named_in(&texts(
        &root.join("netwolf-manager/library/collectors"),
        "yml",
    )));
    let used = texts(&root.join("prometheus/rules"), "yml")
        + &texts(&root.join("grafana/dashboards"), "json")
        + &fs::read_to_string(root.join("docs/prometheus.md")).unwrap()
        + &fs::read_to_string(root.join("docs/runbooks.md")).unwrap();
    let used = metrics_named_in(&used);
    assert!(used.len() > 10, "{used:?}");
    let unknown: Vec<_> = used.difference(&known).collect();
    assert!(unknown.is_empty(), "nobody exports {unknown:?}");
}
