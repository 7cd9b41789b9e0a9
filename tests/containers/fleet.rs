//! The containers, their networks and volumes: made as the compose file says, and removed whatever happens.
//!
//! Invariant: everything that is made bears the mark, and nothing without it is touched.

use std::{fs, path::Path, sync::Mutex, thread};

use netwolf_simulator::{FleetTotals, cli::Report};
use serde_json::{Value, json};

use crate::{
    compose::{Attachment, Compose},
    engine::{Console, Engine},
    image,
    lab::{self, Page, quoted},
};

/// The label of all that a test makes; its value is the process that made it.
const MARK: &str = "netwolf.test.containers";

/// Stands before the names, so that a fleet that people have made keeps its own.
pub(crate) const PREFIX: &str = "netwolf-test";

/// The network between the manager and its agents.
const LINKS: &str = "links";

/// A fleet that runs.
pub(crate) struct Fleet {
    engine: Engine,
    compose: Compose,
    consoles: Mutex<Vec<Console>>,
    /// How many devices there are.
    pub(crate) devices: usize,
    /// Where the manager serves HTTP.
    pub(crate) web: String,
}

/// What the devices have seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) totals: FleetTotals,
    /// The longest time without a command on any device since it was asked before, in seconds.
    pub(crate) longest_gap: f64,
    /// Devices without a command since then.
    pub(crate) silent: u64,
}

impl Fleet {
    /// Builds the image and starts the services of a compose file.
    pub(crate) fn start(engine: Engine, compose: Compose) -> Self {
        remove_leftovers(&engine);
        let devices = compose.doing("simulator").into_iter();
        let devices = devices.map(|name| compose.services[name].devices()).sum();
        let web = compose.services["manager"].flag("--web.listen-address");
        // From here on whatever fails removes what there is.
        let fleet = Self {
            web: web.to_owned(),
            engine,
            compose,
            consoles: Mutex::default(),
            devices,
        };
        image::build(&fleet.engine, &image_name(), &mark());
        fleet.make();
        fleet
    }

    fn make(&self) {
        let engine = &self.engine;
        for (name, network) in &self.compose.networks {
            let subnets = network.ipam.config.iter();
            let subnets: Vec<_> = subnets.map(|it| json!({ "Subnet": it.subnet })).collect();
            engine.send(
                "/networks/create",
                &json!({
                    "Name": full(name), "CheckDuplicate": true, "Internal": network.internal,
                    "IPAM": { "Config": subnets }, "Labels": mark(),
                }),
            );
        }
        for name in self.compose.volumes.keys() {
            let volume = json!({ "Name": full(name), "Labels": mark() });
            engine.send("/volumes/create", &volume);
        }
        for name in self.compose.services.keys() {
            self.create(name);
            self.begin(name);
        }
        let consoles = self.compose.doing("simulator").into_iter();
        let consoles = consoles.filter(|name| self.compose.services[*name].stdin_open);
        *self.consoles.lock().unwrap() = consoles.map(|name| engine.console(&full(name))).collect();
    }

    fn create(&self, name: &str) {
        let service = &self.compose.services[name];
        let environment = service.environment.iter();
        let environment: Vec<_> = environment.map(|(k, v)| format!("{k}={v}")).collect();
        let binds = service.volumes.iter();
        let binds: Vec<_> = binds
            .map(|bind| match bind.strip_prefix('/') {
                // A file of this machine, and not a volume that was made.
                Some(_) => bind.clone(),
                None => full(bind),
            })
            .collect();
        let mut networks = service.networks.iter();
        let (first, place) = networks.next().expect("each service is in a network");
        self.engine.send(
            &format!("/containers/create?name={}", full(name)),
            &json!({
                "Image": image_name(), "Cmd": service.command, "Env": environment,
                "OpenStdin": service.stdin_open, "Labels": mark(),
                "HostConfig": { "Binds": binds, "NetworkMode": full(first) },
                "NetworkingConfig": { "EndpointsConfig": { full(first): endpoint(place) } },
            }),
        );
        for (network, place) in networks {
            self.join(network, name, place);
        }
    }

    fn join(&self, network: &str, name: &str, place: &Attachment) {
        let body = json!({ "Container": full(name), "EndpointConfig": endpoint(place) });
        let path = format!("/networks/{}/connect", full(network));
        self.engine.send(&path, &body);
    }

    fn tell(&self, name: &str, verb: &str) {
        let path = format!("/containers/{}/{verb}", full(name));
        self.engine.post(&path);
    }

    /// Starts a container that was made, or that ended.
    pub(crate) fn begin(&self, name: &str) {
        self.tell(name, "start");
    }

    /// SIGKILL to all of it.
    pub(crate) fn kill(&self, name: &str) {
        self.tell(name, "kill");
    }

    /// Holds its processes.
    pub(crate) fn pause(&self, name: &str) {
        self.tell(name, "pause");
    }

    /// Lets them go on.
    pub(crate) fn unpause(&self, name: &str) {
        self.tell(name, "unpause");
    }

    /// Has it end in order, and starts it again.
    pub(crate) fn restart(&self, name: &str) {
        self.tell(name, "restart?t=10");
    }

    /// Takes an agent's way to the manager away.
    pub(crate) fn cut(&self, name: &str) {
        let body = json!({ "Container": full(name), "Force": true });
        let path = format!("/networks/{}/disconnect", full(LINKS));
        self.engine.send(&path, &body);
    }

    /// Gives it back, with the address that it had.
    pub(crate) fn heal(&self, name: &str) {
        let place = &self.compose.services[name].networks[LINKS];
        self.join(LINKS, name, place);
    }

    /// Puts `timing`, of which it has none, into the manager's configuration, for when it starts next.
    pub(crate) fn configure_timing(&self, timing: &str) {
        let file = Path::new(self.compose.services["manager"].flag("--config.file"));
        let name = file.file_name().expect("a file has a name");
        let folder = lab::folder();
        let text = [include_str!("netwolf.yml"), timing, "\n"].concat();
        fs::write(folder.path().join(name), text).unwrap();
        let path = format!(
            "/containers/{}/archive?path={}",
            full("manager"),
            quoted(file.parent().and_then(Path::to_str).expect("a folder")),
        );
        let tar = image::tar(folder.path());
        self.engine.archive("PUT", &path, &tar);
    }

    /// The agents' names.
    pub(crate) fn agents(&self) -> Vec<&str> {
        self.compose.doing("agent")
    }

    /// What all devices have seen.
    pub(crate) fn seen(&self) -> Seen {
        let mut seen = Seen::default();
        for console in self.consoles.lock().unwrap().iter_mut() {
            let report: Report = serde_json::from_str(&console.ask()).unwrap();
            seen.totals.logins += report.totals.logins;
            seen.totals.sessions += report.totals.sessions;
            seen.totals.commands += report.totals.commands;
            let longest = report.gaps.counts.last().map_or(0, |(micros, _)| *micros);
            let longest = longest.max(report.gaps.longest_silence);
            #[expect(clippy::cast_precision_loss, reason = "times of minutes")]
            let longest = longest as f64 / 1e6;
            seen.longest_gap = seen.longest_gap.max(longest);
            seen.silent += report.gaps.silent;
        }
        seen
    }

    /// The manager's page of metrics.
    pub(crate) fn metrics(&self) -> Result<Page, String> {
        lab::get(&self.web, "/metrics", "").map(|body| Page::parse(&body))
    }

    /// JSON of the manager at `path`.
    pub(crate) fn json(&self, path: &str) -> Result<Value, String> {
        let body = lab::get(&self.web, path, "")?;
        serde_json::from_str(&body).map_err(|error| error.to_string())
    }

    /// The devices that `agent` holds.
    pub(crate) fn held_by(&self, agent: &str) -> Result<Vec<String>, String> {
        let answer = self.json("/api/v1/devices")?;
        let devices = answer["devices"].as_array().ok_or("no list of devices")?;
        let held = devices.iter().filter(|device| device["agent"] == agent);
        Ok(held
            .filter_map(|device| device["name"].as_str().map(str::to_owned))
            .collect())
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // Their logs help whoever reads a failure.
        if thread::panicking() {
            for name in ["manager"].into_iter().chain(self.agents()) {
                let log = self.engine.log(&full(name));
                let telling = log.lines().filter(|line| !line.contains(" device="));
                let telling: Vec<_> = telling.collect();
                eprintln!("--- log of {name}\n{}", telling.join("\n"));
            }
        }
        remove(&self.engine, &format!("{MARK}={}", std::process::id()));
    }
}

fn mark() -> Value {
    json!({ MARK: std::process::id().to_string() })
}

fn image_name() -> String {
    format!("{PREFIX}-image")
}

fn full(name: &str) -> String {
    format!("{PREFIX}-{name}")
}

fn endpoint(place: &Attachment) -> Value {
    json!({ "IPAMConfig": { "IPv4Address": place.ipv4_address } })
}

/// What the engine has with `label`: the containers.
fn containers(engine: &Engine, label: &str) -> Vec<Value> {
    let path = format!("/containers/json?all=1&filters={}", filter(label));
    list(engine.get(&path))
}

fn filter(label: &str) -> String {
    quoted(&json!({ "label": [label] }).to_string())
}

fn list(answer: Option<Value>) -> Vec<Value> {
    answer
        .and_then(|answer| answer.as_array().cloned())
        .unwrap_or_default()
}

/// Removes what a run left that could not do so itself; refuses to disturb one that goes on.
fn remove_leftovers(engine: &Engine) {
    for container in containers(engine, MARK) {
        let owner = container["Labels"][MARK].as_str().unwrap_or_default();
        let command = fs::read_to_string(format!("/proc/{owner}/cmdline")).unwrap_or_default();
        assert!(
            !command.contains("containers-"),
            "another run of this test, process {owner}, uses the engine; its networks have the same addresses"
        );
    }
    remove(engine, MARK);
}

/// Removes everything that bears `label`.
fn remove(engine: &Engine, label: &str) {
    for container in containers(engine, label) {
        let id = container["Id"].as_str().unwrap_or_default();
        engine.delete(&format!("/containers/{id}?force=1"));
    }
    let filter = filter(label);
    for network in list(engine.get(&format!("/networks?filters={filter}"))) {
        let id = network["Id"].as_str().unwrap_or_default();
        engine.delete(&format!("/networks/{id}"));
    }
    let volumes = engine.get(&format!("/volumes?filters={filter}"));
    for volume in list(volumes.map(|answer| answer["Volumes"].clone())) {
        let name = volume["Name"].as_str().unwrap_or_default();
        engine.delete(&format!("/volumes/{name}"));
    }
    for image in list(engine.get(&format!("/images/json?all=1&filters={filter}"))) {
        let id = image["Id"].as_str().unwrap_or_default();
        engine.delete(&format!("/images/{id}?force=1"));
    }
}
