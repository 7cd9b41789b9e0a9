//! The configuration exactly as typed: shapes and nothing else. What it means is decided in [`check`].
//!
//! [`check`]: super::check

use netwolf_runs::procedure::raw::RawProcedure;
use netwolf_wire::{SecretRef, Span, legacy::Legacy, secret::SecretRefError};
use serde::{
    Deserialize, Deserializer,
    de::{self, Error as _},
};

use super::yaml::{Entries, Field};

/// The main file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Config {
    pub(super) defaults: Field<Defaults>,
    pub(super) credentials: Field<Entries<Credential>>,
    pub(super) jump_hosts: Field<Entries<JumpHost>>,
    pub(super) groups: Field<Entries<Group>>,
    pub(super) devices: Field<Vec<Field<Device>>>,
    pub(super) inventories: Field<Vec<Field<InventoryFiles>>>,
    pub(super) library: Field<Library>,
    pub(super) timing: Field<Timing>,
    pub(super) external_labels: Field<Entries<String>>,
    pub(super) remote_write: Field<Vec<Field<Remote>>>,
    pub(super) api: Field<Api>,
    pub(super) backup: Field<Backup>,
    pub(super) procedures: Field<Entries<RawProcedure>>,
}

/// A file that `inventories` names.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Inventory {
    pub(super) devices: Field<Vec<Field<Device>>>,
}

/// Structs that share the settings which a device may take from its group or the defaults; serde's `flatten`
/// would hide the keys from the reader.
macro_rules! layers {
    ($($(#[$doc:meta])* $name:ident { $($own:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Default, Deserialize)]
            #[serde(default)]
            pub(super) struct $name {
                $(pub(super) $own: Field<$type>,)*
                platform: Field<String>,
                port: Field<Port>,
                credential: Field<String>,
                interval: Field<Span>,
                timeout: Field<Span>,
                connect_timeout: Field<Span>,
                collectors: Field<Vec<Field<String>>>,
                labels: Field<Entries<String>>,
                host_key: Field<String>,
                known_hosts: Field<String>,
                legacy: Field<Vec<Field<Legacy>>>,
                max_age: Field<Span>,
                exclusive: Field<bool>,
                jump_host: Field<String>,
            }

            impl $name {
                /// Takes out the settings that all layers have.
                pub(super) fn settings(&mut self) -> Settings {
                    use std::mem::take;
                    Settings {
                        platform: take(&mut self.platform),
                        port: take(&mut self.port),
                        credential: take(&mut self.credential),
                        interval: take(&mut self.interval),
                        timeout: take(&mut self.timeout),
                        connect_timeout: take(&mut self.connect_timeout),
                        collectors: take(&mut self.collectors),
                        labels: take(&mut self.labels),
                        host_key: take(&mut self.host_key),
                        known_hosts: take(&mut self.known_hosts),
                        legacy: take(&mut self.legacy),
                        max_age: take(&mut self.max_age),
                        exclusive: take(&mut self.exclusive),
                        jump_host: take(&mut self.jump_host),
                    }
                }
            }
        )*
    };
}

layers! {
    /// Holds for every device that says nothing else.
    Defaults {}

    /// Holds for the devices that name it.
    Group {}

    /// One device.
    Device {
        name: String,
        address: String,
        group: String,
    }
}

/// What `defaults`, a group and a device can all say.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) platform: Field<String>,
    pub(super) port: Field<Port>,
    pub(super) credential: Field<String>,
    pub(super) interval: Field<Span>,
    pub(super) timeout: Field<Span>,
    pub(super) connect_timeout: Field<Span>,
    pub(super) collectors: Field<Vec<Field<String>>>,
    pub(super) labels: Field<Entries<String>>,
    pub(super) host_key: Field<String>,
    pub(super) known_hosts: Field<String>,
    pub(super) legacy: Field<Vec<Field<Legacy>>>,
    pub(super) max_age: Field<Span>,
    pub(super) exclusive: Field<bool>,
    pub(super) jump_host: Field<String>,
}

/// How to log in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Credential {
    pub(super) username: Field<String>,
    pub(super) password: Field<Secret>,
    pub(super) private_key: Field<Secret>,
    pub(super) passphrase: Field<Secret>,
    pub(super) ssh_agent: Field<AgentSocket>,
    pub(super) enable_secret: Field<Secret>,
    pub(super) allow: Field<Vec<Field<String>>>,
}

/// A machine that connections go through.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct JumpHost {
    pub(super) address: Field<String>,
    pub(super) port: Field<Port>,
    pub(super) credential: Field<String>,
    pub(super) host_key: Field<String>,
    pub(super) known_hosts: Field<String>,
    pub(super) legacy: Field<Vec<Field<Legacy>>>,
}

/// Further files with devices.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct InventoryFiles {
    pub(super) file: Field<String>,
}

/// Directories whose files add to the bundled library or take the place of its parts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Library {
    pub(super) platforms: Field<String>,
    pub(super) collectors: Field<String>,
    pub(super) procedures: Field<String>,
}

/// How manager and agents wait for each other.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Timing {
    pub(super) heartbeat: Field<Span>,
    pub(super) link_grace: Field<Span>,
    pub(super) takeover: Field<Span>,
    pub(super) autonomy: Field<Span>,
    pub(super) settle: Field<Span>,
}

/// A receiver of all samples.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Remote {
    pub(super) name: Field<String>,
    pub(super) url: Field<String>,
    pub(super) timeout: Field<Span>,
    pub(super) headers: Field<Entries<String>>,
    pub(super) username: Field<String>,
    pub(super) password: Field<Secret>,
    pub(super) bearer_token: Field<Secret>,
    pub(super) tls: Field<RemoteTls>,
    pub(super) connections: Field<u32>,
    pub(super) queue_samples: Field<u32>,
    pub(super) max_age: Field<Span>,
}

/// Whom a receiver's certificate has to convince.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RemoteTls {
    pub(super) ca_file: Field<String>,
    pub(super) cert_file: Field<String>,
    pub(super) key_file: Field<String>,
    pub(super) server_name: Field<String>,
}

/// Backups of configurations.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Backup {
    pub(super) folder: Field<String>,
    pub(super) every: Field<Span>,
    #[serde(rename = "where")]
    pub(super) selections: Field<Vec<Field<String>>>,
    pub(super) procedure: Field<String>,
    pub(super) in_flight: Field<u32>,
    pub(super) drop: Field<Vec<Field<String>>>,
    pub(super) redact: Field<Vec<Field<String>>>,
}

/// Who may do what at the web port.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Api {
    pub(super) tokens: Field<Vec<Field<Token>>>,
}

/// A token, by its digest.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Token {
    pub(super) name: Field<String>,
    pub(super) role: Field<String>,
    pub(super) sha256: Field<String>,
}

/// A reference to a secret. What was typed is dropped when it is none, because it may be the secret itself.
#[derive(Debug)]
pub(super) struct Secret(pub(super) SecretRef);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|error| match error {
            SecretRefError::Form => de::Error::custom(format_args!(
                "{error}{}put the secret into a file that only the agent can read, or into the agent's environment",
                super::yaml::HINT,
            )),
            error => de::Error::custom(error),
        })
    }
}

/// Where the socket of an ssh-agent is. No secret, but written like one.
#[derive(Debug)]
pub(super) struct AgentSocket(pub(super) SecretRef);

impl<'de> Deserialize<'de> for AgentSocket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let reference = text.parse().ok();
        let place = reference.filter(|it| matches!(it, SecretRef::Env(_) | SecretRef::File(_)));
        place.map(Self).ok_or_else(|| {
            de::Error::custom(format_args!(
                "the socket of an ssh-agent is `env:NAME` or `file:/absolute/path`{}\
                 `env:SSH_AUTH_SOCK` is what an agent in the environment of a login goes by",
                super::yaml::HINT,
            ))
        })
    }
}

/// A TCP port; 0 is reported later, with its owner's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Port(pub(super) u16);

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The reader speaks of all that the type holds.
        let error = |error: D::Error| {
            D::Error::custom(error.to_string().replacen("from 0 to", "from 1 to", 1))
        };
        u16::deserialize(deserializer).map(Self).map_err(error)
    }
}
