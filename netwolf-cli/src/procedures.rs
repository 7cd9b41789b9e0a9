//! `netwolf procedures`: what can be run by name, and what it does.

use std::process::ExitCode;

use serde_json::Value;

use crate::{
    http::segment,
    manager,
    print::{self, put},
    table, terms, typed,
};

/// Platforms that the list names; of more it says how many.
const FEW: usize = 2;
/// Columns that the list fits in, unless its names are long; `netwolf procedures NAME` shows all.
const WIDTH: usize = 100;
/// Columns of a description, at least.
const LEAST: usize = 20;
/// Columns of platforms beside the word.
const LINE: usize = 84;

/// What `netwolf procedures` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// One procedure, with all that it types; all procedures, one line each, where none is named.
    #[arg(value_name = "NAME")]
    name: Option<String>,

    #[command(flatten)]
    manager: manager::Args,
}

/// 0 when the manager answered, 1 when it did not, or did not know the procedure.
pub(crate) fn run(args: &Args) -> ExitCode {
    let asked = || -> anyhow::Result<()> {
        match &args.name {
            None => {
                let answer = args.manager.get("/api/v1/procedures")?;
                args.manager.print(&answer, || list(&answer))
            }
            Some(name) => {
                let path = format!("/api/v1/procedures/{}", segment(name));
                let answer = args.manager.get(&path)?;
                args.manager.print(&answer, || one(&answer))
            }
        }
    };
    match asked() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => netwolf_manager::cli::fail(&error),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn changes(procedure: &Value) -> &'static str {
    if procedure["changes"] == true {
        "the devices"
    } else {
        "nothing"
    }
}

/// The platforms that it is for by name; nothing where it is for all.
fn named_platforms(procedure: &Value) -> Option<Vec<&str>> {
    let named = procedure["platforms"].as_array().into_iter().flatten();
    (procedure["other_platforms"] != true).then(|| named.filter_map(Value::as_str).collect())
}

/// The platforms that it is for, in few words.
fn platforms_in_short(procedure: &Value) -> String {
    match named_platforms(procedure) {
        None => "all".to_owned(),
        Some(named) if named.len() <= FEW => named.join(", "),
        Some(named) => print::count(named.len(), "platform"),
    }
}

/// All of them, in lines that fit.
fn platforms(procedure: &Value) -> String {
    let Some(named) = named_platforms(procedure) else {
        return "all".to_owned();
    };
    let mut lines = vec![String::new()];
    for (no, name) in named.iter().enumerate() {
        let comma = if no + 1 < named.len() { "," } else { "" };
        match lines.last_mut() {
            Some(line) if line.len() + name.len() < LINE => {
                let gap = if line.is_empty() { "" } else { " " };
                put(line, format_args!("{gap}{name}{comma}"));
            }
            _ => lines.push(format!("{name}{comma}")),
        }
    }
    lines.join("\n")
}

/// A description as far as it fits beside the other columns of the list.
fn shortened(description: &str, room: usize) -> String {
    if description.chars().count() <= room {
        return description.to_owned();
    }
    let kept: String = description.chars().take(room - 1).collect();
    format!("{}…", kept.trim_end())
}

fn list(answer: &Value) -> String {
    let procedures = answer["procedures"].as_array();
    let procedures = procedures.map_or(&[][..], Vec::as_slice);
    let mut rows: Vec<_> = procedures
        .iter()
        .map(|procedure| {
            [
                text(&procedure["name"]),
                changes(procedure).to_owned(),
                text(&procedure["credential"]),
                platforms_in_short(procedure),
                text(&procedure["description"]),
            ]
        })
        .collect();
    let headings = ["NAME", "CHANGES", "CREDENTIAL", "PLATFORMS", "DESCRIPTION"];
    let [others @ .., _] = headings;
    let taken: usize = (others.iter().enumerate())
        .map(|(column, heading)| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or_default().max(heading.len()) + table::GAP.len()
        })
        .sum();
    let room = WIDTH.saturating_sub(taken).max(LEAST);
    for [.., description] in &mut rows {
        *description = shortened(description, room);
    }
    let mut page = table::render(headings, &rows);
    put(
        &mut page,
        format_args!("{}\n", print::count(rows.len(), "procedure")),
    );
    page
}

/// What is typed, for each platform that differs.
fn one(procedure: &Value) -> String {
    let definition = &procedure["definition"];
    let mut page = table::pairs(&[
        ("name", Some(text(&procedure["name"]))),
        ("description", Some(text(&procedure["description"]))),
        ("changes", Some(changes(procedure).to_owned())),
        ("credential", Some(text(&procedure["credential"]))),
        ("platforms", Some(platforms(procedure))),
        ("written in", Some(text(&procedure["origin"]))),
    ]);
    let terms = terms::lines(procedure, None);
    if !terms.is_empty() {
        put(&mut page, format_args!("\n{terms}"));
    }
    if !commands(definition).is_empty() {
        page += "\nTyped:\n";
        page += &typed::lines(definition);
    }
    for (platform, of_it) in definition["platforms"].as_object().into_iter().flatten() {
        put(
            &mut page,
            format_args!("\nTyped on {}:\n", print::plain(platform)),
        );
        page += &typed::lines(of_it);
    }
    page
}

fn commands(program: &Value) -> &[Value] {
    program["commands"]
        .as_array()
        .map_or(&[][..], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_list_fits_a_terminal_and_one_procedure_names_all_its_platforms() {
        let names: Vec<_> = (0..18).map(|no| format!("platform_{no}")).collect();
        let backup = json!({
            "name": "backup", "changes": false, "platforms": names, "other_platforms": false,
            "description": "Shows the running configuration of a device, as it is kept by backups and compared with the last one.",
        });
        let page = list(&json!({ "procedures": [backup.clone()] }));
        assert!(page.contains("  18 platforms  Shows the running"), "{page}");
        assert!(page.contains('…'), "{page}");
        let widest = |page: &str| page.lines().map(|line| line.chars().count()).max();
        assert_eq!(widest(&page), Some(100), "{page}");
        let page = one(&backup);
        let (_, platforms) = page.split_once("platforms  ").unwrap();
        assert!(widest(platforms) <= Some(100), "{page}");
        assert_eq!(page.matches("platform_").count(), 18);
        assert!(page.contains("platform_16, platform_17\n"), "{page}");
    }

    #[test]
    fn procedures_are_listed_and_shown_with_what_they_type() {
        let ntp = json!({
            "name": "ntp", "description": "Sets the NTP server.", "changes": true, "credential": "changer",
            "platforms": ["juniper_junos"], "other_platforms": true, "origin": "netwolf.yml:12",
            "rollout": { "canary": 1, "batch": "10%", "stop_after": "5%", "in_flight": 500 }, "run_deadline": "1h",
            "guards": [{ "metric": "m", "above": 1, "for": "30s" }], "window": { "from": "22:00", "to": "04:00" },
            "definition": {
                "description": "Sets the NTP server.", "changes": true, "credential": "changer", "mode": "config",
                "commands": ["ntp server 192.0.2.1", {
                    "command": "reload in 10", "expect": ["x"], "answers": [{ "ask": "\\[confirm\\]$", "answer": "", "bare": true }],
                }],
                "verify": { "command": "show ntp" },
                "platforms": { "juniper_junos": { "mode": "config", "commands": ["commit"] } },
            },
        });
        let clock = json!({
            "name": "clock", "changes": false, "platforms": ["cisco_ios", "cisco_xr"], "other_platforms": false,
            "origin": "library",
        });
        assert_eq!(
            list(&json!({ "procedures": [ntp.clone(), clock] })),
            "\
NAME   CHANGES      CREDENTIAL  PLATFORMS            DESCRIPTION
ntp    the devices  changer     all                  Sets the NTP server.
clock  nothing                  cisco_ios, cisco_xr
2 procedures
"
        );
        assert_eq!(
            one(&ntp),
            "\
name         ntp
description  Sets the NTP server.
changes      the devices
credential   changer
platforms    all
written in   netwolf.yml:12

rollout        1 device first, then 10% of the devices at a time
under way      500 at most
stops          when one of the first has failed, or 5% of the devices have failed, or a guard is broken
guards         m above 1 for 30s
window         22:00-04:00, or later steps wait
step deadline  the timeouts of its commands, and 30s
run deadline   1h

Typed:
  (in mode config)
  ntp server 192.0.2.1
  reload in 10
      expects: x
      answers: \\[confirm\\]$ -> nothing
  (then verified by: show ntp)

Typed on juniper_junos:
  (in mode config)
  commit
"
        );
    }
}
