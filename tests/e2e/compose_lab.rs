//! The files in `lab/`, held to what can be held without the images that they name.
//!
//! Invariant: a key that is not looked at here is a fault.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;
use serde_json::Value;

use crate::{lab, yaml};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Compose {
    version: String,
    networks: BTreeMap<String, Value>,
    volumes: BTreeMap<String, Value>,
    services: BTreeMap<String, Service>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    image: String,
    build: Option<Build>,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    ports: Vec<String>,
    #[serde(default)]
    depends_on: Vec<String>,
    networks: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Build {
    context: String,
    dockerfile: String,
}

impl Compose {
    fn read() -> Self {
        yaml::read(include_str!("../../lab/compose.yml"))
    }

    /// A service's configuration file as it is in its container, with the paths that it has there led back to those
    /// that are mounted.
    fn config(&self, service: &str, file: &str) -> String {
        let text = fs::read_to_string(folder().join(file)).unwrap();
        let mounts = self.services[service].mounts();
        let folders = mounts.iter().filter(|(source, _)| source.is_dir());
        folders.fold(text, |text, (source, target)| {
            text.replace(&format!("{target}/"), &format!("{}/", source.display()))
        })
    }
}

impl Service {
    /// Files and folders of the tree, and where they are in the container.
    fn mounts(&self) -> Vec<(PathBuf, &str)> {
        let mounts = self.volumes.iter().filter(|volume| volume.starts_with('.'));
        mounts
            .map(|volume| {
                let mut parts = volume.split(':');
                let source = folder().join(parts.next().unwrap());
                let target = parts.next().unwrap();
                assert_eq!(parts.next(), Some("ro"), "{volume}");
                let source = source.canonicalize();
                (
                    source.unwrap_or_else(|error| panic!("{volume}: {error}")),
                    target,
                )
            })
            .collect()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../lab")
}

#[test]
fn what_the_lab_names_is_there_and_stays_on_this_machine() {
    let compose = Compose::read();
    // Without it, docker-compose takes the file for one of its first version.
    assert_eq!(compose.version, "3.7");
    let builders: Vec<_> = compose
        .services
        .iter()
        .filter(|(_, service)| service.build.is_some())
        .collect();
    let [(_, builder)] = builders.as_slice() else {
        panic!("one service builds the image: {builders:?}");
    };
    let build = builder.build.as_ref().unwrap();
    assert!(
        folder()
            .join(&build.context)
            .join(&build.dockerfile)
            .is_file()
    );
    for (name, service) in &compose.services {
        let is_ours = service.image == builder.image;
        assert!(
            is_ours || service.image.contains(':'),
            "{name}: a version that was tried"
        );
        for port in &service.ports {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
        }
        for (source, _) in service.mounts() {
            assert!(source.exists(), "{name}: {}", source.display());
        }
        let named = service
            .volumes
            .iter()
            .filter(|volume| !volume.starts_with('.'));
        for volume in named {
            let (volume, _) = volume.split_once(':').unwrap();
            assert!(compose.volumes.contains_key(volume), "{name}: {volume}");
        }
        for other in &service.depends_on {
            assert!(compose.services.contains_key(other), "{name}: {other}");
        }
        for network in service.networks.keys() {
            assert!(compose.networks.contains_key(network), "{name}: {network}");
        }
        assert!(
            is_ours
                || service
                    .environment
                    .values()
                    .all(|value| !value.contains("correct-horse"))
        );
    }
}

/// Every address of the lab that a file names is that of the service that is meant.
#[test]
fn addresses_in_the_lab_are_those_of_the_services() {
    let compose = Compose::read();
    let address = |service: &str| &compose.services[service].networks["lab"]["ipv4_address"];
    let prometheus = fs::read_to_string(folder().join("prometheus.yml")).unwrap();
    for named in ["\"MANAGER:9799\"", "http://MANAGER:9799/sd/agents\n"] {
        let named = named.replace("MANAGER", address("manager"));
        assert!(prometheus.contains(&named), "{named}");
    }
    let grafana = fs::read_to_string(folder().join("grafana/netwolf.yml")).unwrap();
    assert!(grafana.contains(&format!("http://{}:9090\n", address("prometheus"))));
    for (name, service) in &compose.services {
        let words = service.command.iter().zip(service.command.iter().skip(1));
        for (flag, value) in words {
            let meant = match flag.as_str() {
                "--manager.address" => address("manager"),
                "--bind" | "--web.listen-address" | "--agent.listen-address" => address(name),
                _ => continue,
            };
            assert_eq!(
                value.split(':').next(),
                Some(meant.as_str()),
                "{name}: {flag}"
            );
        }
    }
}

#[test]
fn the_lab_has_the_shipped_data_source_with_another_address() {
    let shipped = folder().join("../grafana/provisioning/datasources/netwolf.yml");
    let values = |path: &Path| {
        let mut value: Value = yaml::read(&fs::read_to_string(path).unwrap());
        let url = value["datasources"][0]["url"].take();
        assert!(url.as_str().unwrap().starts_with("http://"), "{url}");
        value
    };
    assert_eq!(
        values(&folder().join("grafana/netwolf.yml")),
        values(&shipped)
    );
}

#[test]
fn the_managers_configuration_in_the_lab_is_sound() {
    let scratch = lab::folder();
    fs::create_dir(scratch.path().join("inventory")).unwrap();
    let inventory = scratch.path().join("inventory/core.yml");
    let device = "{ name: core-1, address: 192.0.2.1, platform: cisco_iosxr, host_key: accept-new, labels: { site: ams } }";
    fs::write(inventory, format!("devices:\n  - {device}\n")).unwrap();
    let text = Compose::read().config("manager", "netwolf.yml");
    let config = scratch.path().join("netwolf.yml");
    fs::write(&config, text.replace("/inventory/", "inventory/")).unwrap();
    let (code, out, err) = lab::netwolf(&["check", config.to_str().unwrap()]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("1 device"), "{out}");
}

#[test]
fn promtool_accepts_the_configuration_of_the_lab() {
    let Some(program) = lab::have("promtool", "prometheus") else {
        return;
    };
    let scratch = lab::folder();
    let config = scratch.path().join("prometheus.yml");
    fs::write(
        &config,
        Compose::read().config("prometheus", "prometheus.yml"),
    )
    .unwrap();
    let output = Command::new(program)
        .args(["check", "config"])
        .arg(&config)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        said.contains("rules found"),
        "the rules are mounted: {said}"
    );
}

/// Each command of the lab has only flags that the program knows.
#[test]
fn the_commands_of_the_lab_are_known() {
    let compose = Compose::read();
    for (name, service) in compose
        .services
        .iter()
        .filter(|(_, service)| service.image == "netwolf-lab")
    {
        let (_, help, _) = lab::netwolf(&[&service.command[0], "--help"]);
        for flag in service.command.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(flag.as_str()), "{name}: {flag}");
        }
    }
}
