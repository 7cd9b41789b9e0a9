//! `netwolf devices`: what the manager knows of the devices' sessions, for people at a prompt.

use std::{fmt::Write as _, process::ExitCode, time::SystemTime};

use serde_json::Value;

use crate::{
    http::escape,
    manager::{self, Output},
    print, table,
};

mod view;

pub(crate) use view::with_distance;

/// What `netwolf devices` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    manager: manager::Args,

    /// One device, with all that is known of it; all devices, one line each, where none is named.
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Only devices in this state: connecting, up, idle, backoff, `host_key_mismatch` or unassigned.
    #[arg(long, value_name = "STATE", conflicts_with = "name")]
    state: Option<String>,

    /// Only devices of this agent.
    #[arg(long, value_name = "AGENT", conflicts_with = "name")]
    agent: Option<String>,

    /// Print what the device answers now: to this command, one of those that it is polled by, or to all.
    #[arg(long, value_name = "COMMAND", num_args = 0..=1, default_missing_value = "", requires = "name")]
    show: Option<String>,
}

/// 0 when the manager answered, 1 when it did not, or did not know the device.
pub(crate) fn run(args: &Args) -> ExitCode {
    match ask(args) {
        Ok(text) => match print::out(&text) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => netwolf_manager::cli::fail(&error),
        },
        Err(error) => netwolf_manager::cli::fail(&error),
    }
}

fn ask(args: &Args) -> anyhow::Result<String> {
    let answer = args.manager.get(&path(args))?;
    if args.manager.output == Output::Json {
        return Ok(serde_json::to_string_pretty(&answer)? + "\n");
    }
    let now = SystemTime::now();
    Ok(match (&args.name, &args.show) {
        (Some(_), Some(_)) => view::outputs(&answer),
        (Some(_), None) => table::pairs(&view::detail(&answer, now)),
        (None, _) => list(&answer, now),
    })
}

fn path(args: &Args) -> String {
    let query = |pairs: &[(&str, Option<&String>)]| {
        let given: Vec<String> = pairs
            .iter()
            .filter_map(|(key, value)| Some(format!("{key}={}", escape((*value)?))))
            .collect();
        if given.is_empty() {
            String::new()
        } else {
            format!("?{}", given.join("&"))
        }
    };
    let Some(name) = &args.name else {
        let wanted = [
            ("state", args.state.as_ref()),
            ("agent", args.agent.as_ref()),
        ];
        return format!("/api/v1/devices{}", query(&wanted));
    };
    let device = format!("/api/v1/devices/{}", escape(name));
    match &args.show {
        Some(command) => {
            let command = (!command.is_empty()).then_some(command);
            format!("{device}/output{}", query(&[("command", command)]))
        }
        None => device,
    }
}

fn list(answer: &Value, now: SystemTime) -> String {
    let devices = answer["devices"].as_array().map_or(&[][..], Vec::as_slice);
    let rows: Vec<_> = devices
        .iter()
        .map(|device| view::row(device, now))
        .collect();
    let mut text = table::render(["NAME", "STATE", "FOR", "AGENT", "LAST ERROR"], &rows);
    let up = devices
        .iter()
        .filter(|device| device["state"] == "up")
        .count();
    text.push_str(&print::count(devices.len(), "device"));
    writeln!(text, ", {up} up").expect("a string takes all");
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn what_is_typed_becomes_a_path() {
        for (typed, expected) in [
            (&[][..], "/api/v1/devices"),
            (
                &["--state", "backoff", "--agent", "a 1"],
                "/api/v1/devices?state=backoff&agent=a%201",
            ),
            (&["ams/core-1"], "/api/v1/devices/ams/core-1"),
            (&["r1", "--show"], "/api/v1/devices/r1/output"),
            (
                &["r1", "--show", "show clock"],
                "/api/v1/devices/r1/output?command=show%20clock",
            ),
        ] {
            let args = Typed::parse_from([&["devices"], typed].concat()).args;
            assert_eq!(path(&args), expected);
        }
    }

    #[test]
    fn the_list_has_a_line_for_each_device_and_a_sum() {
        let answer = serde_json::json!({ "devices": [
            { "name": "r1", "state": "up", "agent": "a1", "since": "2026-01-01T00:00:00.000Z" },
            { "name": "r2", "state": "backoff",
              "failure": { "reason": "refused", "message": "192.0.2.2:22: the port is closed" } },
        ]});
        let now = humantime::parse_rfc3339("2026-01-01T01:00:05Z").unwrap();
        assert_eq!(
            list(&answer, now),
            "\
NAME  STATE    FOR  AGENT  LAST ERROR
r1    up       1h   a1
r2    backoff              192.0.2.2:22: the port is closed
2 devices, 1 up
"
        );
    }
}
