//! `netwolf authorities`: whose certificates the manager believes; `rotate` begins to replace its authority.

use std::{process::ExitCode, time::SystemTime};

use serde_json::Value;

use crate::{devices::with_distance, manager, print, table};

/// What `netwolf authorities` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,

    #[command(flatten)]
    manager: manager::Args,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Make a new authority. It signs from now on; the old one goes when no certificate of it can be left.
    Rotate(Rotate),
}

#[derive(Debug, clap::Args)]
struct Rotate {
    #[command(flatten)]
    manager: manager::Args,
}

/// 0 when the manager did what was asked, else 1.
pub(crate) fn run(args: &Args) -> ExitCode {
    let done = match &args.verb {
        None => show(&args.manager),
        Some(Verb::Rotate(rotate)) => rotate.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => netwolf_manager::cli::fail(&error),
    }
}

fn show(manager: &manager::Args) -> anyhow::Result<()> {
    let answer = manager.get("/api/v1/authorities")?;
    manager.print(&answer, || view(&answer, SystemTime::now()))
}

impl Rotate {
    fn run(&self) -> anyhow::Result<()> {
        let Self { manager } = self;
        let answer = manager.post("/api/v1/authorities/rotate")?;
        let ends = answer["ends"].as_str().unwrap_or_default();
        manager.print(&answer, || {
            format!(
                "a new authority signs agents' certificates; the old one is believed until {}\n",
                print::plain(ends)
            )
        })
    }
}

fn view(answer: &Value, now: SystemTime) -> String {
    let row = |authority: &Value| {
        let word = |key: &str, word: &'static str| (authority[key] == true).then_some(word);
        let parts = [word("signs", "signs"), word("shown", "shown")];
        let time = |key: &str| with_distance(authority[key].as_str().unwrap_or_default(), now);
        [
            authority["authority"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            parts.into_iter().flatten().collect::<Vec<_>>().join(", "),
            time("expires"),
            time("ends"),
            authority["pin"].as_str().unwrap_or_default().to_owned(),
        ]
    };
    let authorities = answer["authorities"].as_array().into_iter().flatten();
    let rows: Vec<_> = authorities.map(row).collect();
    table::render(["AUTHORITY", "PART", "EXPIRES", "REPLACED", "PIN"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::tests::{assert_somewhere, typed, ways};

    #[test]
    fn where_the_manager_is_stands_before_and_behind_the_verb() {
        for words in ["rotate", "rotate --output json", "--output json"] {
            for line in ways("authorities", words) {
                let crate::Verb::Authorities(args) = typed(&line) else {
                    panic!("{line}")
                };
                let manager = match &args.verb {
                    None => &args.manager,
                    Some(Verb::Rotate(rotate)) => &rotate.manager,
                };
                assert_somewhere(&manager.reach, &line);
            }
        }
    }

    #[test]
    fn authorities_are_shown_with_their_parts() {
        let answer = serde_json::json!({ "authorities": [
            { "authority": "0a0b0c0d", "pin": "CgsMDQ", "signs": false, "shown": true,
              "expires": "2036-01-01T00:00:00Z", "ends": "2026-01-02T01:00:00Z" },
            { "authority": "0e0f0001", "pin": "Dg8AAQ", "signs": true, "shown": false,
              "expires": "2036-01-01T00:00:00Z" },
        ]});
        let now = humantime::parse_rfc3339("2026-01-01T00:00:00Z").unwrap();
        let page = view(&answer, now);
        let lines: Vec<_> = page.lines().collect();
        assert_eq!(lines.len(), 3, "{page}");
        assert!(
            lines[1].starts_with("0a0b0c0d   shown") && lines[1].contains("2026-01-02T01:00:00Z"),
            "{page}"
        );
        assert!(
            lines[2].starts_with("0e0f0001   signs") && lines[2].ends_with("Dg8AAQ"),
            "{page}"
        );
    }
}
