//! `netwolf try DEVICE`: one login with the device's own settings, a few commands, and what rules make of their output.
//!
//! What came out goes to standard output, what happened on the way and how long it took to standard error. Without
//! rules standard output is the command's output alone, so that it can be kept in a file for `netwolf parse`.

use std::{path::PathBuf, process::ExitCode};

use netwolf_agent::visit::Visit;
use netwolf_wire::{Span, status::Failure};

use self::{
    subject::Subject,
    view::{Page, Tried},
};
use crate::{
    inventory::{self, Device},
    manager::Output,
    outcome::Outcome,
    print, target,
};

mod subject;
mod view;

/// What `netwolf try` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration that has the device; its secrets are read on this machine.
    #[arg(
        long = "config.file",
        value_name = "FILE",
        default_value = "netwolf.yml"
    )]
    config_file: PathBuf,

    /// A program that `exec:` in a reference to a secret may run here, by its absolute path; may be given several times.
    #[arg(
        long = "secret.exec-allow",
        value_name = "PROGRAM",
        value_parser = netwolf_secret::allowed_program
    )]
    secret_exec_allow: Vec<PathBuf>,

    /// The device's name in the configuration.
    #[arg(value_name = "DEVICE")]
    device: String,

    #[command(flatten)]
    subject: subject::Args,

    /// How long a command may take.
    #[arg(long, value_name = "TIME", default_value = "30s")]
    timeout: Span,

    /// What to print.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// 0 when every command was answered and its rules found something, 1 when not, 2 when it was not even tried.
pub(crate) fn run(args: &Args) -> ExitCode {
    if let Err(unknown) = target::commands(args.subject.command.as_ref()) {
        return unknown.tell();
    }
    netwolf_secret::allow_programs(args.secret_exec_allow.clone());
    let Some(loaded) = inventory::load(&args.config_file) else {
        return ExitCode::from(2);
    };
    let device = match target::device(&loaded.inventory, &args.device, "tried") {
        Ok(device) => device,
        Err(unknown) => return unknown.tell(),
    };
    if let Err(unknown) = target::commands_of(&device, args.subject.command.as_ref()) {
        return unknown.tell();
    }
    let subjects = match args.subject.subjects(&device, &loaded.library) {
        Ok(subjects) => subjects,
        Err(code) => return code,
    };
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return netwolf_manager::cli::fail(&error.into()),
    };
    let tried = runtime.block_on(log_in_and_try(args, &device, &subjects));
    tried.unwrap_or_else(|error| netwolf_manager::cli::fail(&error))
}

async fn log_in_and_try(
    args: &Args,
    device: &Device,
    subjects: &[Subject],
) -> anyhow::Result<ExitCode> {
    target::announce(device);
    let Device { name, target, plan } = device;
    let mut visit = match Visit::log_in(name, target, &plan.platform).await {
        Ok(visit) => visit,
        Err(failure) => {
            print::failure(&failure);
            print::tell!("It was tried once and is not tried again.");
            return Ok(ExitCode::from(1));
        }
    };
    let steps = visit.steps();
    print::tell!("{name}: logged in: {}", view::steps(steps));
    let mut page = Page::new(device, steps);
    for subject in subjects {
        let tried = subject.run(&mut visit, args.timeout).await;
        tell(device, &tried);
        if args.output == Output::Table {
            print::out_of_a_device(&view::for_people(&tried, name.as_str()))?;
        }
        let is_over = tried.session_is_over;
        page.add(tried);
        if is_over {
            break;
        }
    }
    visit.close().await;
    if args.output == Output::Json {
        print::out(&page.json()?)?;
    }
    let left = subjects.len() - page.commands();
    if left > 0 {
        print::tell!("The session is over; {} not run.", view::were(left));
    }
    Ok(ExitCode::from(u8::from(left > 0 || !page.is_good())))
}

/// What is to be said of a command beside what came out.
fn tell(device: &Device, tried: &Tried<'_>) {
    let (name, command) = (&device.name, print::plain(tried.command));
    match &tried.answered {
        Ok(answered) => {
            print::tell!("{name}: {command}: {}", answered.in_words());
            if answered.is_cut {
                print::tell!("warning: the output of \"{command}\" is too long and was cut");
            }
            let problems = answered.outcome.iter().flat_map(Outcome::problems);
            for problem in problems {
                print::tell!("warning: {}", print::plain(&problem));
            }
            if answered.found_nothing() {
                let hint = "the rules are at odds with what this device says: its output is above";
                print::complain(&format!("nothing came out of \"{command}\""), Some(hint));
            }
        }
        Err(failure) => failed(&command, failure),
    }
}

fn failed(command: &str, failure: &Failure) {
    print::tell!("not answered: {command}");
    print::failure(failure);
}
