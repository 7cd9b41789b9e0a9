//! The compose files, read: the tests build the fleets that people get, so that the files cannot rot.
//!
//! Invariant: a key that the test does not honour is a fault.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::yaml;

/// The files as they are in the tree.
const TEXT: &str = include_str!("compose.yml");
const LAB: &str = include_str!("../../lab/compose.yml");

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compose {
    /// The lab is named after its folder.
    #[serde(default)]
    pub(crate) name: String,
    /// For the older program; the engine has no such thing.
    #[serde(rename = "version")]
    _version: Option<String>,
    pub(crate) networks: BTreeMap<String, Network>,
    pub(crate) volumes: BTreeMap<String, Volume>,
    pub(crate) services: BTreeMap<String, Service>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Network {
    /// Whether nothing leads out of it.
    #[serde(default)]
    pub(crate) internal: bool,
    pub(crate) ipam: Ipam,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ipam {
    pub(crate) config: Vec<Subnet>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subnet {
    pub(crate) subnet: String,
}

/// A volume that the engine makes; there is nothing to say about it.
pub(crate) type Volume = BTreeMap<String, String>;

/// A container.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    pub(crate) image: String,
    pub(crate) build: Option<Build>,
    pub(crate) pull_policy: Option<String>,
    #[serde(default)]
    pub(crate) command: Vec<String>,
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) stdin_open: bool,
    #[serde(default)]
    pub(crate) volumes: Vec<String>,
    pub(crate) networks: BTreeMap<String, Attachment>,
    /// For people's browsers; a test goes by the network.
    #[serde(default, rename = "ports")]
    _ports: Vec<String>,
    /// Whatever starts first waits for the others.
    #[serde(default, rename = "depends_on")]
    _depends_on: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Build {
    pub(crate) context: String,
    pub(crate) dockerfile: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attachment {
    pub(crate) ipv4_address: String,
}

impl Compose {
    /// Reads the file in the tree.
    pub(crate) fn read() -> Self {
        yaml::read(TEXT)
    }

    /// Reads the lab's, without what others made: their images would have to be fetched. So nothing need lead out of its
    /// network.
    pub(crate) fn lab() -> Self {
        let mut lab: Self = yaml::read(LAB);
        let image = lab.services["manager"].image.clone();
        lab.services.retain(|_, service| service.image == image);
        let networks = lab.networks.values_mut();
        networks.for_each(|network| network.internal = true);
        let folder = crate::image::folder().join("../../lab");
        let folder = folder.canonicalize().unwrap();
        for bind in lab.services.values_mut().flat_map(|it| &mut it.volumes) {
            if let Some(file) = bind.strip_prefix("./") {
                *bind = format!("{}/{file}", folder.display());
            }
        }
        lab
    }

    /// The services whose command begins with `verb`.
    pub(crate) fn doing(&self, verb: &str) -> Vec<&str> {
        let services = self.services.iter();
        services
            .filter(|(_, service)| service.command.first().is_some_and(|first| first == verb))
            .map(|(name, _)| name.as_str())
            .collect()
    }
}

impl Service {
    /// The value of a flag of its command.
    #[track_caller]
    pub(crate) fn flag(&self, name: &str) -> &str {
        let value = self.find_flag(name);
        value.unwrap_or_else(|| panic!("{name} is missing in {:?}", self.command))
    }

    fn find_flag(&self, name: &str) -> Option<&str> {
        let mut words = self.command.iter().skip_while(|word| *word != name);
        words.nth(1).map(String::as_str)
    }

    /// How many devices it simulates: `--devices 30`, or `--platform cisco_ios=20,linux=10`.
    #[track_caller]
    pub(crate) fn devices(&self) -> usize {
        let Some(platforms) = self.find_flag("--platform").filter(|it| it.contains('=')) else {
            return self.flag("--devices").parse().unwrap();
        };
        let counts = platforms.split(',').filter_map(|it| it.split_once('='));
        counts
            .map(|(_, count)| count.parse::<usize>().unwrap())
            .sum()
    }
}

#[test]
fn the_compose_file_is_what_the_readme_says() {
    let compose = Compose::read();
    assert_ne!(compose.name, crate::fleet::PREFIX, "people have their own");
    assert_eq!(compose.doing("manager"), ["manager"]);
    assert_eq!(compose.doing("agent"), ["agent-1", "agent-2", "agent-3"]);
    assert_eq!(compose.doing("simulator").len(), 6);
    assert!(compose.volumes.values().all(BTreeMap::is_empty));
    for (name, network) in &compose.networks {
        assert!(network.internal, "{name} leads out of the machine");
    }
    for (name, service) in &compose.services {
        // One service builds the image; the others must not look for it elsewhere.
        let builds = service.build.is_some();
        assert_eq!(builds, name == "manager", "{name}");
        let pulls = service.pull_policy.as_deref() != Some("never");
        assert_eq!(pulls, builds, "{name}");
        assert_eq!(service.image, compose.services["manager"].image);
        for network in service.networks.keys() {
            assert!(compose.networks.contains_key(network), "{name}: {network}");
        }
    }
    let build = compose.services["manager"].build.as_ref().unwrap();
    let root = crate::image::folder().join(&build.context);
    assert!(root.join("Cargo.lock").is_file(), "{}", root.display());
    assert!(root.join(&build.dockerfile).is_file());
}
