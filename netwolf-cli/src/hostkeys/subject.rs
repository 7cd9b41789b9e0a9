//! What is scanned: a device of the inventory, or an address that was typed.

use netwolf_wire::{legacy::Legacy, target::HostKey};

use crate::inventory::Device;

/// SSH's port where none is named.
const SSH_PORT: u16 = 22;

/// One SSH server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// For people: the device's name, or what was typed.
    pub(super) name: String,
    /// IP address or DNS name.
    pub(super) address: String,
    /// TCP port.
    pub(super) port: u16,
    /// Algorithms that it needs and that are off otherwise.
    pub(super) legacy: Vec<Legacy>,
    /// What the configuration says of its key; nothing where only an address was typed.
    pub(super) configured: Option<HostKey>,
    /// The jump host that it is behind.
    pub(super) jump: Option<String>,
}

impl From<Device> for Subject {
    fn from(device: Device) -> Self {
        let target = device.target;
        Self {
            name: device.name.to_string(),
            address: target.address,
            port: target.port,
            legacy: target.legacy,
            configured: Some(target.host_key),
            jump: target
                .jump
                .map(|jump| format!("{}:{}", jump.address, jump.port)),
        }
    }
}

impl Subject {
    /// Reads `HOST`, `HOST:PORT`, an IPv6 address, or `[IPV6]:PORT`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(typed: &str) -> Result<Self, String> {
        let bad = |why: &str| format!("\"{typed}\" is not HOST or HOST:PORT: {why}");
        let (address, port) = if let Some(rest) = typed.strip_prefix('[') {
            let (address, rest) = rest.split_once(']').ok_or_else(|| bad("`]` is missing"))?;
            let port = match rest {
                "" => None,
                rest => Some(
                    rest.strip_prefix(':')
                        .ok_or_else(|| bad("a port follows `]:`"))?,
                ),
            };
            (address, port)
        } else if typed.matches(':').count() > 1 {
            (typed, None)
        } else {
            match typed.split_once(':') {
                Some((address, port)) => (address, Some(port)),
                None => (typed, None),
            }
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.:%".contains(c);
        if address.is_empty() || !address.chars().all(is_name) {
            return Err(bad("that is no name and no address"));
        }
        let port = match port {
            None => SSH_PORT,
            Some(port) => match port.parse() {
                Ok(0) | Err(_) => return Err(bad("a port is a number from 1 to 65535")),
                Ok(port) => port,
            },
        };
        Ok(Self {
            name: typed.into(),
            address: address.into(),
            port,
            legacy: Vec::new(),
            configured: None,
            jump: None,
        })
    }

    /// As `known_hosts` names it.
    pub(super) fn known_name(&self) -> String {
        match self.port {
            SSH_PORT => self.address.to_lowercase(),
            port => format!("[{}]:{port}", self.address.to_lowercase()),
        }
    }

    /// As people name it.
    pub(super) fn endpoint(&self) -> String {
        if self.address.contains(':') {
            format!("[{}]:{}", self.address, self.port)
        } else {
            format!("{}:{}", self.address, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Subject;

    fn check(typed: &str, expected: Option<(&str, &str)>) {
        let parsed = Subject::parse(typed).ok();
        let names = parsed
            .as_ref()
            .map(|subject| (subject.endpoint(), subject.known_name()));
        let expected = expected.map(|(endpoint, known)| (endpoint.into(), known.into()));
        assert_eq!(names, expected, "{typed}");
    }

    #[test]
    fn addresses_are_read_as_people_write_them() {
        check("Core-1", Some(("Core-1:22", "core-1")));
        check(
            "192.0.2.1:2200",
            Some(("192.0.2.1:2200", "[192.0.2.1]:2200")),
        );
        check("2001:db8::1", Some(("[2001:db8::1]:22", "2001:db8::1")));
        check(
            "[2001:db8::1]:830",
            Some(("[2001:db8::1]:830", "[2001:db8::1]:830")),
        );
        for bad in [
            "",
            ":22",
            "host:",
            "host:0",
            "host:70000",
            "[::1",
            "[::1]x",
            "a b",
            "core-*",
        ] {
            check(bad, None);
        }
    }
}
