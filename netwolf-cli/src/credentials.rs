//! `netwolf credentials`: which credential is held back, since when, why, and when it is tried again.

use std::{fmt::Write as _, process::ExitCode, time::SystemTime};

use serde_json::Value;

use crate::{devices::with_distance, manager, print, table};

/// What `netwolf credentials` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    manager: manager::Args,
}

/// 0 when the manager answered, 1 when it did not.
pub(crate) fn run(args: &Args) -> ExitCode {
    let asked = || -> anyhow::Result<()> {
        let answer = args.manager.get("/api/v1/credentials")?;
        args.manager
            .print(&answer, || view(&answer, SystemTime::now()))
    };
    match asked() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => netwolf_manager::cli::fail(&error),
    }
}

fn view(answer: &Value, now: SystemTime) -> String {
    let credentials = answer["credentials"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let time = |value: &Value| {
        value
            .as_str()
            .map(|at| with_distance(at, now))
            .unwrap_or_default()
    };
    let count = |value: &Value| value.as_u64().map(|n| n.to_string()).unwrap_or_default();
    let rows: Vec<[String; 7]> = credentials
        .iter()
        .map(|credential| {
            [
                text(&credential["name"]),
                text(&credential["state"]),
                time(&credential["since"]),
                count(&credential["devices"]),
                count(&credential["refused"]),
                count(&credential["waiting"]),
                time(&credential["next_probe"]),
            ]
        })
        .collect();
    let mut page = table::render(
        [
            "NAME",
            "STATE",
            "SINCE",
            "DEVICES",
            "REFUSED",
            "WAITING",
            "NEXT PROBE",
        ],
        &rows,
    );
    for credential in credentials {
        let failure = &credential["failure"];
        if let Some(message) = failure["message"].as_str() {
            writeln!(
                page,
                "{}: {}",
                text(&credential["name"]),
                print::plain(message)
            )
            .expect("a string takes all");
            if let Some(hint) = failure["hint"].as_str() {
                writeln!(page, "  hint: {}", print::plain(hint)).expect("a string takes all");
            }
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_breaker_says_why_and_until_when() {
        let answer = serde_json::json!({ "credentials": [
            { "name": "lab", "state": "closed", "devices": 3, "refused": 0, "waiting": 0 },
            { "name": "monitoring", "state": "open", "since": "2026-01-01T00:00:00Z",
              "devices": 200, "refused": 2, "waiting": 198, "next_probe": "2026-01-01T00:30:00Z",
              "failure": { "reason": "credential_held", "message": "r1 and r2 refused it",
                           "hint": "mend the secret, then reload" } },
        ]});
        let now = humantime::parse_rfc3339("2026-01-01T00:10:00Z").unwrap();
        assert_eq!(
            view(&answer, now),
            "\
NAME        STATE   SINCE                           DEVICES  REFUSED  WAITING  NEXT PROBE
lab         closed                                  3        0        0
monitoring  open    2026-01-01T00:00:00Z (10m ago)  200      2        198      2026-01-01T00:30:00Z (in 20m)
monitoring: r1 and r2 refused it
  hint: mend the secret, then reload
"
        );
    }
}
