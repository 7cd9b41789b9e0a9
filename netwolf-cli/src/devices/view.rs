//! The API's answers about devices, in rows and lines. Pure: the time comes in.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use crate::print::plain;

/// One line of the list: name, state, for how long, agent, last error.
pub(super) fn row(device: &Value, now: SystemTime) -> [String; 5] {
    let text = |key: &str| device[key].as_str().unwrap_or_default().to_owned();
    let age = device["since"].as_str().and_then(|since| age(since, now));
    [
        text("name"),
        text("state"),
        age.map(rough).unwrap_or_default(),
        text("agent"),
        device["failure"]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    ]
}

/// All that is known of one device.
pub(super) fn detail(device: &Value, now: SystemTime) -> Vec<(&'static str, Option<String>)> {
    let text = |key: &str| shown(&device[key]);
    let time = |key: &str| device[key].as_str().map(|at| with_distance(at, now));
    let seconds = |key: &str| {
        device[key]
            .as_f64()
            .map(|seconds| format!("{seconds:.3} s"))
    };
    let failure = |failure: &Value| {
        let message = failure["message"].as_str()?;
        let reason = failure["reason"].as_str().unwrap_or("other");
        let hint = failure["hint"].as_str();
        let hint = hint
            .map(|hint| format!("\nhint: {hint}"))
            .unwrap_or_default();
        Some(format!("{message} ({reason}){hint}"))
    };
    let failing = device["failing"].as_array().map(|failing| {
        let each = failing.iter().map(|failing| {
            let command = failing["command"].as_str().unwrap_or_default();
            format!("{command}: {}", failure(failing).unwrap_or_default())
        });
        each.collect::<Vec<_>>().join("\n")
    });
    let where_ = match (device["agent"].as_str(), device["shard"].as_u64()) {
        (Some(agent), Some(shard)) => Some(format!("{agent}, shard {shard}")),
        _ => None,
    };
    let endpoint = device["address"]
        .as_str()
        .map(|address| format!("{address}:{}", device["port"]));
    vec![
        ("name", text("name")),
        ("state", text("state")),
        ("since", time("since")),
        ("last success", time("last_success")),
        ("last error", failure(&device["failure"])),
        ("failed logins", text("failures")),
        ("next attempt", time("next_attempt")),
        ("login took", seconds("login_seconds")),
        ("failing", failing),
        ("address", endpoint),
        ("jump host", text("jump_host")),
        ("platform", text("platform")),
        ("group", text("group")),
        ("labels", text("labels")),
        ("credential", text("credential")),
        ("host key", text("host_key")),
        ("legacy", text("legacy_algorithms")),
        ("collectors", text("collectors")),
        ("agent", where_),
    ]
}

/// What a device answered, each command under its own heading.
pub(super) fn outputs(answer: &Value) -> String {
    let mut text = String::new();
    for output in answer["outputs"].as_array().into_iter().flatten() {
        let command = output["command"].as_str().unwrap_or_default();
        write!(text, "--- {}", plain(command)).expect("a string takes all");
        if let Some(at) = output["at"].as_str() {
            write!(text, ", {at}").expect("a string takes all");
        }
        if output["truncated"] == true {
            text += ", cut";
        }
        text.push('\n');
        if let Some(message) = output["failure"]["message"].as_str() {
            writeln!(text, "error: {}", plain(message)).expect("a string takes all");
        }
        let said = output["text"].as_str().unwrap_or_default();
        text += &plain(said);
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    text
}

/// A value as people read it; nothing where there is nothing.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => {
            let list: Vec<_> = list.iter().filter_map(shown).collect();
            Some(list.join(", "))
        }
        Value::Object(map) => {
            let pairs = map
                .iter()
                .filter_map(|(key, value)| Some(format!("{key}={}", shown(value)?)));
            Some(pairs.collect::<Vec<_>>().join(", "))
        }
        other => Some(other.to_string()),
    }
}

/// A time and how far it is from now, before or after.
pub(crate) fn with_distance(at: &str, now: SystemTime) -> String {
    let Ok(time) = humantime::parse_rfc3339(at) else {
        return at.to_owned();
    };
    match now.duration_since(time) {
        Ok(ago) => format!("{at} ({} ago)", rough(ago)),
        Err(ahead) => format!("{at} (in {})", rough(ahead.duration())),
    }
}

fn age(since: &str, now: SystemTime) -> Option<Duration> {
    let since = humantime::parse_rfc3339(since).ok()?;
    // Two machines' clocks never agree, and nobody wants to read of a negative age.
    Some(now.duration_since(since).unwrap_or_default())
}

/// In its largest unit, as `ls` does.
fn rough(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=3_599 => format!("{}m", seconds / 60),
        3_600..=172_799 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;

    #[test]
    fn one_device_in_full() {
        let device = serde_json::json!({
            "name": "r1", "address": "192.0.2.1", "port": 22, "platform": "cisco_ios",
            "labels": { "site": "ams" }, "state": "backoff", "since": "2026-01-01T00:00:00.000Z",
            "next_attempt": "2026-01-01T00:01:00.000Z", "failures": 3, "agent": "a1", "shard": 0,
            "failure": { "reason": "auth_failed", "message": "the device did not take it", "hint": "check it" },
            "collectors": ["cpu", "facts"], "failing": [], "login_seconds": 0.25, "credential": "lab",
        });
        let now = humantime::parse_rfc3339("2026-01-01T00:00:50Z").unwrap();
        assert_eq!(
            table::pairs(&detail(&device, now)),
            "\
name           r1
state          backoff
since          2026-01-01T00:00:00.000Z (50s ago)
last error     the device did not take it (auth_failed)
               hint: check it
failed logins  3
next attempt   2026-01-01T00:01:00.000Z (in 10s)
login took     0.250 s
address        192.0.2.1:22
platform       cisco_ios
labels         site=ams
credential     lab
collectors     cpu, facts
agent          a1, shard 0
"
        );
    }

    #[test]
    fn outputs_stand_under_their_commands() {
        let answer = serde_json::json!({ "outputs": [
            { "command": "show clock", "at": "2026-01-01T00:00:00.000Z", "text": "12:00\u{1b}[2J" },
            { "command": "show x", "text": "", "failure": { "message": "refused" }, "truncated": true },
        ]});
        assert_eq!(
            outputs(&answer),
            "--- show clock, 2026-01-01T00:00:00.000Z\n12:00\u{fffd}[2J\n--- show x, cut\nerror: refused\n"
        );
    }

    #[test]
    fn lengths_of_time_are_rough() {
        for (seconds, expected) in [
            (5, "5s"),
            (119, "119s"),
            (120, "2m"),
            (3_599, "59m"),
            (7_200, "2h"),
            (172_800, "2d"),
        ] {
            assert_eq!(rough(Duration::from_secs(seconds)), expected);
        }
    }
}
