//! A real Prometheus scrapes the manager, and promtool reads the page.

use std::{
    fs,
    io::Write,
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
