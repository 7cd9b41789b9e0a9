//! Real receivers of remote write: a Prometheus and a `VictoriaMetrics`, as Debian has them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    lab::{PATIENCE, Process, eventually, free_address, get, have},
    metrics_server::ask,
};

/// What a Prometheus reads; it does nothing by itself until it is told to.
const CONFIGURATION: &str = "prometheus.yml";

/// Times and values of series, by device, oldest first.
pub(crate) type Samples = BTreeMap<String, Vec<(f64, f64)>>;

/// A receiver that runs until it is dropped.
pub(crate) struct Receiver {
    /// `HOST:PORT`.
    pub(crate) address: String,
    kind: Kind,
    program: PathBuf,
    folder: PathBuf,
    process: Process,
}

/// Which program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// With its receiver turned on.
    Prometheus,
    /// A single node.
    VictoriaMetrics,
}

impl Kind {
    /// Its program, and Debian's package.
    fn program(self) -> (&'static str, &'static str) {
        match self {
            Self::Prometheus => ("prometheus", "prometheus"),
            Self::VictoriaMetrics => ("victoria-metrics", "victoria-metrics"),
        }
    }

    /// The command that runs it with its data in a folder.
    fn command(self, program: &Path, folder: &Path, address: &str) -> Command {
        let mut command = Command::new(program);
        let data = folder.join("data");
        match self {
            Self::Prometheus => {
                let config = folder.join(CONFIGURATION);
                if !config.exists() {
                    fs::write(&config, "global: {}\n").unwrap();
                }
                command
                    .arg("--web.enable-remote-write-receiver")
                    .arg(format!("--config.file={}", config.display()))
                    .arg(format!("--storage.tsdb.path={}", data.display()))
                    .arg(format!("--web.listen-address={address}"))
            }
            Self::VictoriaMetrics => command
                .arg(format!("-storageDataPath={}", data.display()))
                .arg(format!("-httpListenAddr={address}"))
                .arg("-search.latencyOffset=0s"),
        };
        command.stdout(Stdio::null());
        command
    }
}

impl Receiver {
    /// Starts one and waits for it; `None` where there is none on this machine.
    pub(crate) fn start(kind: Kind, folder: &Path) -> Option<Self> {
        let (name, package) = kind.program();
        let program = have(name, package)?;
        let folder = folder.join(name);
        fs::create_dir(&folder).unwrap();
        let address = free_address();
        let command = kind.command(&program, &folder, &address);
        let process = Process::spawn(name, command, &folder);
        let receiver = Self {
            address,
            kind,
            program,
            folder,
            process,
        };
        receiver.wait();
        Some(receiver)
    }

    fn wait(&self) {
        eventually(PATIENCE, "the receiver is ready", || {
            get(&self.address, "/-/healthy", "").map(drop)
        });
    }

    /// Ends it as an operator does, and starts it again in the same place.
    pub(crate) fn restart(&mut self) {
        self.process.signal("TERM");
        self.process.wait(PATIENCE);
        let (name, _) = self.kind.program();
        let command = self
            .kind
            .command(&self.program, &self.folder, &self.address);
        self.process = Process::spawn(name, command, &self.folder);
        self.wait();
    }

    /// Has a Prometheus scrape and evaluate, too.
    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.folder.join(CONFIGURATION), text).unwrap();
        self.process.signal("HUP");
    }

    /// Where samples are sent.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/api/v1/write", self.address)
    }

    /// All samples of a selector. What a manager sends once more after its restart, because agents do not know whether
    /// the one before had it, `VictoriaMetrics` keeps twice; it counts once.
    pub(crate) fn samples(&self, selector: &str) -> Result<Samples, String> {
        let results = ask(&self.address, &format!("{selector}[30m]"))?;
        let samples = results.iter().map(|result| {
            let device = result["metric"]["device"].as_str().unwrap_or_default();
            let values = result["values"].as_array().into_iter().flatten();
            let mut samples: Vec<_> = values.filter_map(sample).collect();
            samples.dedup();
            (device.to_owned(), samples)
        });
        Ok(samples.collect())
    }

    /// What a selector shows at present.
    pub(crate) fn shown(&self, selector: &str) -> Result<usize, String> {
        ask(&self.address, selector).map(|results| results.len())
    }
}

/// A time and a value, as `[1790000000.123, "0.5"]`; `VictoriaMetrics` shows stale markers among them.
fn sample(pair: &serde_json::Value) -> Option<(f64, f64)> {
    let sample: (f64, f64) = (pair[0].as_f64()?, pair[1].as_str()?.parse().ok()?);
    (!sample.1.is_nan()).then_some(sample)
}
