//! `netwolf backup`: how backups of configurations stand, and one at once.

use std::process::ExitCode;

use serde_json::Value;

use crate::{manager, print, table};

/// What `netwolf backup` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Begin one now; without it the last one is shown.
    #[arg(value_enum)]
    action: Option<Action>,

    #[command(flatten)]
    manager: manager::Args,
}

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Action {
    /// Begin one, unless one is under way.
    Now,
}

/// 0 when a backup has begun, or the last one is shown and no device failed; else 1.
pub(crate) fn run(args: &Args) -> ExitCode {
    let asked = || -> anyhow::Result<ExitCode> {
        match args.action {
            Some(Action::Now) => {
                let answer = args.manager.post("/api/v1/backup")?;
                args.manager.print(&answer, || begun(&answer))?;
                let has_begun = !answer["running"].is_null();
                Ok(ExitCode::from(u8::from(!has_begun)))
            }
            None => {
                let answer = args.manager.get("/api/v1/backup")?;
                args.manager.print(&answer, || page(&answer))?;
                let failed = devices(&answer).any(|device| device["state"] == "failed");
                Ok(ExitCode::from(u8::from(failed)))
            }
        }
    };
    asked().unwrap_or_else(|error| netwolf_manager::cli::fail(&error))
}

/// What came of asking for one: that it runs, or that it was over before it began.
fn begun(answer: &Value) -> String {
    match answer["running"].as_u64() {
        Some(run) => format!("a backup is under way as run {run}; `netwolf backup` shows it\n"),
        None => {
            "no device could be asked for its configuration; `netwolf backup` says why\n".into()
        }
    }
}

fn devices(answer: &Value) -> impl Iterator<Item = &Value> {
    answer["last"]["devices"].as_array().into_iter().flatten()
}

fn text(value: &Value) -> Option<String> {
    let text = value.as_str().map(str::to_owned);
    text.or_else(|| value.as_u64().map(|number| number.to_string()))
}

/// The last backup: what stands, what has changed or failed by name, and how many did not.
fn page(answer: &Value) -> String {
    if answer["configured"] != true {
        return "no backup is configured\n  hint: say where to with `backup: { folder: ... }` in netwolf.yml\n"
            .to_owned();
    }
    let last = &answer["last"];
    let mut page = table::pairs(&[
        ("folder", text(&answer["folder"])),
        ("last run", text(&last["run"])),
        ("ended", text(&last["ended"])),
        ("under way", text(&answer["running"])),
        ("next", text(&answer["next"])),
        ("problem", text(&answer["problem"])),
    ]);
    if last.is_null() {
        return page + "\nnone has ended yet\n";
    }
    let is_news = |device: &&Value| device["state"] != "unchanged";
    let rows: Vec<_> = devices(answer)
        .filter(is_news)
        .map(|device| {
            ["device", "state", "file", "reason"].map(|key| text(&device[key]).unwrap_or_default())
        })
        .collect();
    page.push('\n');
    if !rows.is_empty() {
        page += &table::render(["DEVICE", "STATE", "FILE", "REASON"], &rows);
    }
    let n_unchanged = devices(answer).count() - rows.len();
    page + &print::count(n_unchanged, "configuration") + " unchanged\n"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_that_begins_names_its_run() {
        let answer = json!({ "running": 17 });
        assert_eq!(
            begun(&answer),
            "a backup is under way as run 17; `netwolf backup` shows it\n"
        );
        assert!(begun(&json!({ "running": null })).starts_with("no device could be asked"));
    }

    #[test]
    fn what_has_changed_is_shown_and_the_rest_is_counted() {
        let answer = json!({
            "configured": true, "folder": "/srv/configs", "every_seconds": 86400,
            "next": "2026-01-02T00:00:00.000Z", "running": null, "problem": null,
            "last": {
                "run": 7, "started": "2026-01-01T00:00:00.000Z", "ended": "2026-01-01T00:01:00.000Z",
                "devices": [
                    { "device": "sw-1", "state": "changed", "file": "access/sw-1.cfg" },
                    { "device": "sw-2", "state": "unchanged", "file": "access/sw-2.cfg" },
                    { "device": "sw-3", "state": "failed", "reason": "the device refused \"show running-config\"" },
                ],
            },
        });
        assert_eq!(
            page(&answer),
            "\
folder     /srv/configs
last run   7
ended      2026-01-01T00:01:00.000Z
next       2026-01-02T00:00:00.000Z

DEVICE  STATE    FILE             REASON
sw-1    changed  access/sw-1.cfg
sw-3    failed                    the device refused \"show running-config\"
1 configuration unchanged
"
        );
        assert!(page(&json!({ "configured": false })).contains("hint:"));
    }
}
