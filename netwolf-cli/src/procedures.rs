//! `netwolf procedures`: what can be run by name, and what it does.

use std::process::ExitCode;

use serde_json::Value;

use crate::{
    http::segment,
    manager,
    print::{self, put},
    table, terms,
};

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

/// The platforms that it is for, in words.
fn platforms(procedure: &Value) -> String {
    let named = procedure["platforms"].as_array().into_iter().flatten();
    let named: Vec<_> = named.filter_map(Value::as_str).collect();
    match (procedure["other_platforms"] == true, named.is_empty()) {
        (true, _) => "all".to_owned(),
        (false, true) => String::new(),
        (false, false) => named.join(", "),
    }
}

fn list(answer: &Value) -> String {
    let procedures = answer["procedures"].as_array();
    let procedures = procedures.map_or(&[][..], Vec::as_slice);
    let rows: Vec<_> = procedures
        .iter()
        .map(|procedure| {
            [
                text(&procedure["name"]),
                changes(procedure).to_owned(),
                text(&procedure["credential"]),
                platforms(procedure),
                text(&procedure["description"]),
            ]
        })
        .collect();
    let mut page = table::render(
        ["NAME", "CHANGES", "CREDENTIAL", "PLATFORMS", "DESCRIPTION"],
        &rows,
    );
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
        page += &program(definition);
    }
    for (platform, of_it) in definition["platforms"].as_object().into_iter().flatten() {
        put(
            &mut page,
            format_args!("\nTyped on {}:\n", print::plain(platform)),
        );
        page += &program(of_it);
    }
    page
}

fn commands(program: &Value) -> &[Value] {
    program["commands"]
        .as_array()
        .map_or(&[][..], Vec::as_slice)
}

fn program(program: &Value) -> String {
    let mut page = String::new();
    let mut line = |line: &str| put(&mut page, format_args!("  {}\n", print::plain(line)));
    if let Some(mode) = program["mode"].as_str() {
        line(&format!("(in mode {mode})"));
    }
    for command in commands(program) {
        line(words(command));
    }
    if !program["verify"].is_null() {
        line(&format!(
            "(then verified by: {})",
            words(&program["verify"])
        ));
    }
    page
}

/// A command, which may stand alone or with what is expected of it.
fn words(command: &Value) -> &str {
    let text = command.as_str().or_else(|| command["command"].as_str());
    text.or_else(|| command["text"].as_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn procedures_are_listed_and_shown_with_what_they_type() {
        let ntp = json!({
            "name": "ntp", "description": "Sets the NTP server.", "changes": true, "credential": "changer",
            "platforms": ["juniper_junos"], "other_platforms": true, "origin": "netwolf.yml:12",
            "rollout": { "canary": 1, "batch": "10%", "stop_after": "5%", "in_flight": 500 }, "run_deadline": "1h",
            "guards": [{ "metric": "m", "above": 1, "for": "30s" }], "window": { "from": "22:00", "to": "04:00" },
            "definition": {
                "description": "Sets the NTP server.", "changes": true, "credential": "changer", "mode": "config",
                "commands": ["ntp server 192.0.2.1", { "command": "reload in 10", "expect": ["x"] }],
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
  (then verified by: show ntp)

Typed on juniper_junos:
  (in mode config)
  commit
"
        );
    }
}
