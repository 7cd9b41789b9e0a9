//! A real Prometheus, usually with the configuration and the rules that we ship, aimed at a test's manager.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::lab::{Process, free_address, get, have, quoted};

/// The configuration that we ship, aimed at a manager, with a time between two scrapes and two evaluations of the rules.
pub(crate) fn shipped(interval: &str, manager_web: &str) -> String {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../prometheus");
    let text = fs::read_to_string(shipped.join("prometheus.yml")).unwrap();
    assert!(
        text.contains("127.0.0.1:9799"),
        "the shipped file scrapes the default address"
    );
    let rules = shipped.join("rules").canonicalize().unwrap();
    text.replace("127.0.0.1:9799", manager_web)
        .replace("_interval: 5s", &format!("_interval: {interval}"))
        .replace("rules/", &format!("{}/", rules.display()))
}

/// It scrapes until it is dropped.
pub(crate) struct Prometheus {
    /// Where it serves HTTP.
    pub(crate) address: String,
    _process: Process,
}

impl Prometheus {
    /// Starts it with what we ship; `None` where there is none on this machine.
    pub(crate) fn start(manager_web: &str, folder: &Path) -> Option<Self> {
        Self::every("5s", manager_web, folder)
    }

    /// As [`Prometheus::start`], with another time between two scrapes, and two evaluations of the rules.
    pub(crate) fn every(interval: &str, manager_web: &str, folder: &Path) -> Option<Self> {
        Self::with(&shipped(interval, manager_web), folder)
    }

    /// Starts it with a configuration of the test's own; `None` where there is none on this machine.
    pub(crate) fn with(configuration: &str, folder: &Path) -> Option<Self> {
        Self::start_with(configuration, folder, |_| {})
    }

    fn start_with(
        configuration: &str,
        folder: &Path,
        more: impl FnOnce(&mut Command),
    ) -> Option<Self> {
        let program = have("prometheus", "prometheus")?;
        let scrape = folder.join("prometheus.yml");
        fs::write(&scrape, configuration).unwrap();
        let address = free_address();
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", scrape.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("tsdb").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null());
        more(&mut command);
        Some(Self {
            address,
            _process: Process::spawn("prometheus", command, folder),
        })
    }

    /// Starts one that takes samples, behind a web configuration, and scrapes nothing; `None` where there is none on this
    /// machine.
    pub(crate) fn behind(web_config: &Path, folder: &Path) -> Option<Self> {
        Self::start_with("global: {}\n", folder, |command| {
            command
                .arg(format!("--web.config.file={}", web_config.display()))
                .arg("--web.enable-remote-write-receiver");
        })
    }

    /// The result of an instant query.
    pub(crate) fn query(&self, query: &str) -> Result<Vec<serde_json::Value>, String> {
        ask(&self.address, query)
    }
}

/// The result of an instant query to whatever speaks as Prometheus does.
pub(crate) fn ask(address: &str, query: &str) -> Result<Vec<serde_json::Value>, String> {
    let path = format!("/api/v1/query?query={}", quoted(query));
    let answer: serde_json::Value =
        serde_json::from_str(&get(address, &path, "")?).map_err(|error| error.to_string())?;
    let result = answer["data"]["result"].as_array();
    result.cloned().ok_or_else(|| answer.to_string())
}
