//! What can happen to a device, by name; and how it is taken back.

use std::fmt;
use std::time::Duration;

use crate::device::{DeviceHandle, Faults, HostKeyType};

/// Something that happens to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    pub(super) key: &'static str,
    pub(super) value: Value,
}

/// What an action's key takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    On,
    Time(Duration),
    Bytes(usize),
    KeyType(HostKeyType),
    Text(String),
}

/// The kinds of values, for reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Flag,
    Time,
    Bytes,
    KeyType,
    Text,
}

/// All keys.
pub(super) const KEYS: &[(&str, Kind)] = &[
    ("latency", Kind::Time),
    ("split", Kind::Time),
    ("mute", Kind::Flag),
    ("refuse", Kind::Flag),
    ("hang", Kind::Flag),
    ("flood", Kind::Bytes),
    ("prompt_inside", Kind::Flag),
    ("dribble", Kind::Time),
    ("hang_after", Kind::Bytes),
    ("drop_after", Kind::Bytes),
    ("garbage", Kind::Bytes),
    ("disconnect", Kind::Flag),
    ("half_open", Kind::Flag),
    ("deaf", Kind::Flag),
    ("pager_always", Kind::Flag),
    ("mark", Kind::Flag),
    ("slow_accept", Kind::Time),
    ("refuse_logins", Kind::Flag),
    ("changed_host_key", Kind::Flag),
    ("host_key_type", Kind::KeyType),
    ("legacy_only", Kind::Flag),
    ("keyboard_interactive_only", Kind::Flag),
    ("rekey_bytes", Kind::Bytes),
    ("rekey_interval", Kind::Time),
    ("exec_timeout", Kind::Time),
    ("reboot", Kind::Time),
    ("drop", Kind::Flag),
    ("hostname", Kind::Text),
    ("password_file", Kind::Text),
];

/// An action, or the end of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It begins, or is done at once.
    Begin(Action),
    /// It is taken back.
    End(Action),
}

impl Change {
    /// Does it to `device`. What is over in itself (`reboot`, `drop`) has nothing to take back; a
    /// hostname goes back to the device's name, a password to the fleet's.
    pub(super) fn apply(&self, device: &DeviceHandle) {
        match self {
            Self::Begin(action) => match (action.key, &action.value) {
                ("reboot", Value::Time(outage)) => device.reboot(*outage),
                ("drop", _) => device.drop_session(),
                ("hostname", Value::Text(name)) => device.set_hostname(name),
                ("password_file", Value::Text(path)) => rotate(device, path),
                (key, value) => device.update_faults(|faults| set(faults, key, Some(value))),
            },
            Self::End(action) => match action.key {
                "reboot" | "drop" => {}
                "hostname" => device.set_hostname(device.name()),
                "password_file" => device.clear_password(),
                key => device.update_faults(|faults| set(faults, key, None)),
            },
        }
    }
}

/// Makes the first line of the file the device's password. A file that cannot be read changes
/// nothing: the devices of a running play do not end for it.
fn rotate(device: &DeviceHandle, path: &str) {
    match std::fs::read_to_string(path) {
        Ok(text) => device.set_password(text.lines().next().unwrap_or_default()),
        Err(error) => {
            tracing::warn!(device = device.name(), path, %error, "password file cannot be read");
        }
    }
}

/// Puts one fault in force, or out of it.
fn set(faults: &mut Faults, key: &str, value: Option<&Value>) {
    let on = value.is_some();
    let time = match value {
        Some(Value::Time(time)) => *time,
        _ => Duration::ZERO,
    };
    let bytes = match value {
        Some(Value::Bytes(bytes)) => Some(*bytes),
        _ => None,
    };
    match key {
        "latency" => faults.latency = time,
        "split" => faults.split = time,
        "mute" => faults.mute = on,
        "refuse" => faults.refuse = on,
        "hang" => faults.hang = on,
        "flood" => faults.flood = bytes.unwrap_or(0),
        "prompt_inside" => faults.prompt_inside = on,
        "dribble" => faults.dribble = time,
        "hang_after" => faults.hang_after = bytes,
        "drop_after" => faults.drop_after = bytes,
        "garbage" => faults.garbage = bytes.unwrap_or(0),
        "disconnect" => faults.disconnect = on,
        "half_open" => faults.half_open = on,
        "deaf" => faults.deaf = on,
        "pager_always" => faults.pager_always = on,
        "mark" => faults.mark = on,
        "slow_accept" => faults.slow_accept = time,
        "refuse_logins" => faults.refuse_logins = on,
        "changed_host_key" => faults.changed_host_key = on,
        "host_key_type" => {
            faults.host_key_type = match value {
                Some(Value::KeyType(kind)) => Some(*kind),
                _ => None,
            };
        }
        "legacy_only" => faults.legacy_only = on,
        "keyboard_interactive_only" => faults.keyboard_interactive_only = on,
        "rekey_bytes" => faults.rekey_bytes = bytes.unwrap_or(0),
        "rekey_interval" => faults.rekey_interval = time,
        "exec_timeout" => faults.exec_timeout = time,
        _ => debug_assert!(false, "\"{key}\" is read but not carried out"),
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.key)?;
        match &self.value {
            Value::On => Ok(()),
            Value::Time(time) => write!(formatter, " {}", humantime::format_duration(*time)),
            Value::Bytes(bytes) => write!(formatter, " {bytes} bytes"),
            Value::KeyType(kind) => write!(formatter, " {}", format!("{kind:?}").to_lowercase()),
            Value::Text(text) => write!(formatter, " {text}"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin(action) => write!(formatter, "{action}"),
            Self::End(action) => write!(formatter, "{} is over", action.key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_is_a_fault_changes_the_faults_and_is_taken_back() {
        for (key, kind) in KEYS {
            if matches!(*key, "reboot" | "drop" | "hostname" | "password_file") {
                continue;
            }
            let value = match kind {
                Kind::Flag => Value::On,
                Kind::Time => Value::Time(Duration::from_secs(1)),
                Kind::Bytes => Value::Bytes(7),
                Kind::KeyType => Value::KeyType(HostKeyType::Ecdsa),
                Kind::Text => Value::Text("r2".to_owned()),
            };
            let mut faults = Faults::default();
            set(&mut faults, key, Some(&value));
            assert_ne!(faults, Faults::default(), "{key}");
            set(&mut faults, key, None);
            assert_eq!(faults, Faults::default(), "{key}");
        }
    }
}
