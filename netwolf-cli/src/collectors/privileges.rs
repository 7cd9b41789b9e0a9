//! `netwolf collectors privileges`: what an account must be allowed on the devices of a platform, and how to write
//! that there.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use netwolf_manager::library::{
    Library,
    privileges::{self, Command, Keys, When},
};
use netwolf_wire::platform::Platform;
use serde::Serialize;

use crate::{library, manager::Output, print, table, unknown::Unknown};

/// What `netwolf collectors privileges` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The platform of the devices. It cannot be left out.
    #[arg(long, value_name = "NAME")]
    pub(super) platform: Option<String>,

    /// The collectors that the devices have, with commas between [default: all that the platform has].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    collectors: Vec<String>,

    /// The configuration whose own platforms and collectors count, too [default: netwolf.yml where there is one].
    #[arg(long = "config.file", value_name = "FILE")]
    pub(super) config_file: Option<PathBuf>,

    /// What to print.
    #[arg(long, value_enum, default_value_t)]
    pub(super) output: Output,
}

/// All that there is to tell of a platform.
#[derive(Serialize)]
struct Told<'l> {
    platform: &'l str,
    collectors: Vec<&'l str>,
    commands: Vec<Command<'l>>,
    keys: Vec<Keys>,
    privileges: Vec<Written<'l>>,
}

/// A way to make an account, written out.
#[derive(Serialize)]
struct Written<'l> {
    name: &'l str,
    effect: &'l str,
    text: String,
}

/// 0 when there is something to show, 2 when there is no such collector or platform, or the configuration has faults.
pub(super) fn run(args: &Args) -> ExitCode {
    let Some(platform) = &args.platform else {
        let hint = "say which by --platform; `netwolf collectors` lists them";
        return print::usage("the platform of the devices is missing", Some(hint));
    };
    let Some(library) = library::load(args.config_file.as_deref()) else {
        return ExitCode::from(2);
    };
    let told = match args.tell(&library, platform) {
        Ok(told) => told,
        Err(unknown) => return unknown.tell(),
    };
    let shown = match args.output {
        Output::Json => serde_json::to_string_pretty(&told).map(|text| text + "\n"),
        Output::Table => Ok(for_people(&told)),
    };
    match shown.map_err(Into::into).and_then(|text| print::out(&text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => netwolf_manager::cli::fail(&error),
    }
}

impl Args {
    fn tell<'l>(&self, library: &'l Library, platform: &str) -> Result<Told<'l>, Unknown> {
        let platform = library::known_platform(library, platform)?;
        let mut collectors: Vec<&str> = library.collectors_of(&platform.name).collect();
        if !self.collectors.is_empty() {
            for name in &self.collectors {
                library::variants(library, name, Some(&platform.name))?;
            }
            collectors.retain(|name| self.collectors.iter().any(|wanted| wanted == name));
        }
        Ok(tell(library, platform, collectors))
    }
}

fn tell<'l>(library: &'l Library, platform: &'l Platform, collectors: Vec<&'l str>) -> Told<'l> {
    let commands = privileges::commands(library, &platform.name, &collectors);
    let privileges = platform
        .privileges
        .iter()
        .map(|privilege| Written {
            name: &privilege.name,
            effect: &privilege.effect,
            text: privileges::text(privilege, &commands),
        })
        .collect();
    Told {
        platform: &platform.name,
        collectors,
        commands,
        keys: privileges::keys(platform),
        privileges,
    }
}

fn for_people(told: &Told<'_>) -> String {
    let mut text = table::pairs(&[
        ("platform", Some(told.platform.to_owned())),
        ("collectors", Some(told.collectors.join(", "))),
    ]);
    let rows: Vec<_> = told
        .commands
        .iter()
        .map(|command| {
            [
                when(command.when).to_owned(),
                command.collectors.join(", "),
                // Last, because some are long.
                command.text.to_owned(),
            ]
        })
        .collect();
    text.push('\n');
    text += &table::render(["WHEN", "COLLECTORS", "COMMAND"], &rows);
    let rows: Vec<_> = told
        .keys
        .iter()
        .map(|keys| [keys.keys.clone(), keys.when.clone()])
        .collect();
    text.push('\n');
    text += &table::render(["KEYS", "WHEN"], &rows);
    for privilege in &told.privileges {
        let Written {
            name,
            effect,
            text: written,
        } = privilege;
        write!(text, "\n{name}: {effect}\n\n{}", print::plain(written))
            .expect("a string takes all");
    }
    if told.privileges.is_empty() {
        text += "\nThe platform's file says nothing of accounts; it may have `privileges`.\n";
    }
    text
}

const fn when(when: When) -> &'static str {
    match when {
        When::Login => "login",
        When::Enable => "enable",
        When::Poll => "poll",
    }
}
