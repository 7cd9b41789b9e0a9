//! `netwolf parse --collector`: an output by the rules of a collector, as an agent would read it.

use std::{path::PathBuf, process::ExitCode};

use serde::Serialize;

use super::{Args, view::Format};
use crate::{
    library,
    outcome::{self, Outcome, Rules},
    print,
};

/// What `netwolf parse` takes for a collector beside what it takes anyway.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Named {
    /// Read the output by the rules of this collector, and print the samples as they would stand at /metrics.
    #[arg(long, value_name = "NAME")]
    pub(super) collector: Option<String>,

    /// The configuration whose own platforms and collectors count, too [default: netwolf.yml where there is one].
    #[arg(long = "config.file", value_name = "FILE", conflicts_with_all = ["textfsm", "index"])]
    config_file: Option<PathBuf>,

    /// Give the samples the label `device` with this value.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["textfsm", "index"])]
    device: Option<String>,
}

/// What programs get.
#[derive(Serialize)]
struct Json<'o> {
    collector: &'o str,
    platforms: &'o [&'o str],
    command: &'o str,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'o str>,
    #[serde(flatten)]
    outcome: outcome::Json<'o>,
}

/// 0 when there are samples, 1 when there are none, 2 when it is not clear by which rules.
pub(super) fn run(args: &Args, name: &str) -> ExitCode {
    let Some(library) = library::load(args.named.config_file.as_deref()) else {
        return ExitCode::from(2);
    };
    let picked = library::one(&library, name, args.platform.as_deref()).and_then(|variant| {
        let command = library::command(variant.collector, args.command.as_deref())?;
        Ok((variant, command))
    });
    let (variant, command) = match picked {
        Ok(picked) => picked,
        Err(unknown) => return unknown.tell(),
    };
    let rules = match Rules::compile(&command.rules) {
        Ok(rules) => rules,
        Err(faults) => return print::faults(&faults),
    };
    let output = match super::read_output(&args.output) {
        // A file may have come from a terminal's log; a session has no carriage returns at the ends of lines.
        Ok(output) => output.replace("\r\n", "\n"),
        Err(error) => return netwolf_manager::cli::fail(&error),
    };
    let outcome = rules.read(&output);
    let device = args.named.device.as_deref();
    let json = || Json {
        collector: name,
        platforms: &variant.platforms,
        command: &command.text,
        device,
        outcome: outcome.json(),
    };
    let shown = match args.format.unwrap_or(Format::Metrics) {
        Format::Metrics => Ok(outcome.exposition(device)),
        Format::Table => Ok(outcome.tables()),
        Format::Json => serde_json::to_string_pretty(&json()).map(|text| text + "\n"),
    };
    let told = shown
        .map_err(Into::into)
        .and_then(|text| print::out_of_a_device(&text));
    match told {
        Ok(()) => judge(&outcome, &command.text),
        Err(error) => netwolf_manager::cli::fail(&error),
    }
}

/// Says what could not be read, and whether anything came out.
fn judge(outcome: &Outcome<'_>, command: &str) -> ExitCode {
    for problem in outcome.problems() {
        print::tell!("warning: {}", print::plain(&problem));
    }
    if outcome.samples() > 0 {
        return ExitCode::SUCCESS;
    }
    let hint = match outcome.records() {
        0 => format!("the rules found nothing in it: is it the output of '{command}'?"),
        _ => {
            "the rules read records, and no metric has its value in them: see --format table".into()
        }
    };
    print::complain("there are no samples in this output", Some(&hint));
    ExitCode::from(1)
}
