//! `netwolf run`: commands, or a procedure, on a selection of devices, watched to their end.
//!
//! ```text
//!   what was typed --> submission --> preview, where somebody is to agree --> submitted --> followed --> results
//!                      (exit 2)       (--preview ends here)                   (--detach)    (exit 0 or 1)
//! ```
//!
//! Invariants: nothing is sent before all that was typed here is known to be good; a change is submitted only after a
//! yes; a submission carries a key, so that asking again after a broken connection makes no second run.

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    manager::{Client, Reach, Refused, runtime},
    print,
    runs::{
        answer::RunView,
        follow::{self, Shape},
    },
};

mod confirm;
mod preview;
mod submission;

pub(crate) use confirm::{Confirmed, confirm};

/// A submission whose answer got lost is repeated for so long: it costs nothing, as it has a key.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// What `netwolf run` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    wanted: submission::Wanted,

    /// Show who would be asked, and what would be typed, and do nothing. No device is connected to.
    #[arg(long)]
    preview: bool,

    /// Agree beforehand to a run that changes devices; else it is asked at the terminal.
    #[arg(short, long)]
    yes: bool,

    /// Print the run's number and do not wait for its end.
    #[arg(long, conflicts_with_all = ["follow", "parse", "preview"])]
    detach: bool,

    #[command(flatten)]
    shape: Shape,

    #[command(flatten)]
    reach: Reach,
}

const EXAMPLES: &str = "\
Examples:
  netwolf run --where 'platform=cisco_ios,site=ams' 'show version'
  netwolf run --device 'core-*' --preview 'show clock'
  netwolf run --where group=access --parse facts --output csv 'show version'
  netwolf run --procedure ntp --where site=ams --canary 1 --batch 10%
  netwolf run --where role=access --changes --credential changer --mode config \\
      --verify 'show ntp associations' --verify-expect 192.0.2.1 \\
      'ntp server 192.0.2.1'

Exit code: 0 when every step succeeded, 2 when what was typed cannot be, else 1.
Ctrl-C leaves the run alone: it goes on, and you are told how to follow it and
how to cancel it.";

/// 0 when every step succeeded, 2 for bad usage, else 1.
pub(crate) fn run(args: &Args) -> ExitCode {
    let submission = match args.wanted.submission() {
        Ok(submission) => submission,
        Err(unknown) => return unknown.tell(),
    };
    let shape = match args.shape.checked(&args.wanted.commands) {
        Ok(shape) => shape,
        Err(code) => return code,
    };
    let done = || -> anyhow::Result<ExitCode> {
        let client = args.reach.client()?;
        let runtime = runtime()?;
        if args.preview || args.wanted.may_change() && !args.yes {
            let planned = runtime.block_on(preview(&client, &submission))?;
            if args.preview {
                args.shape
                    .print_answer(&planned, || preview::view(&planned))?;
                return Ok(ExitCode::SUCCESS);
            }
            if planned["changes"] == true {
                match confirm(&preview::question(&planned))? {
                    Confirmed::Yes => {}
                    Confirmed::No => {
                        print::tell!("nothing was done");
                        return Ok(ExitCode::FAILURE);
                    }
                    Confirmed::NobodyThere => {
                        let hint = "--yes agrees beforehand; --preview shows what would be typed";
                        let message = "this run changes devices, and nobody is here to agree";
                        return Ok(print::usage(message, Some(hint)));
                    }
                }
            }
        }
        let submitted = runtime.block_on(submit(&client, "/api/v1/runs", submission))?;
        let run = RunView::read(&submitted)?;
        if args.detach {
            args.shape
                .print_answer(&submitted, || format!("{}\n", run.id))?;
            print::tell!("{}", follow::ways(run.id));
            return Ok(ExitCode::SUCCESS);
        }
        runtime.block_on(follow::to_its_end(&client, run, shape))
    };
    done().unwrap_or_else(|error| failed(&error))
}

/// Says what failed. What the manager does not understand was typed wrong.
fn failed(error: &anyhow::Error) -> ExitCode {
    let code = netwolf_manager::cli::fail(error);
    match error.downcast_ref::<Refused>() {
        Some(refused)
            if [StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND].contains(&refused.status) =>
        {
            ExitCode::from(2)
        }
        _ => code,
    }
}

async fn preview(client: &Client, submission: &Value) -> anyhow::Result<Value> {
    let mut submission = submission.clone();
    submission["preview"] = json!(true);
    client.post("/api/v1/runs", Some(&submission)).await
}

/// Submits to where runs are made, once, however often it has to be said.
pub(crate) async fn submit(
    client: &Client,
    path: &str,
    mut submission: Value,
) -> anyhow::Result<Value> {
    if submission.get("idempotency_key").is_none() {
        submission["idempotency_key"] = json!(key()?);
    }
    let end = Instant::now() + PATIENCE;
    let mut is_first = true;
    loop {
        let error = match client.post(path, Some(&submission)).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        // A manager that answers means it; one that was never there is not waited for.
        if error.is::<Refused>() || is_first && is_absent(&error) || Instant::now() >= end {
            return Err(error);
        }
        if std::mem::take(&mut is_first) {
            print::tell!("{error}; asking again, which makes no second run");
        }
        // A moment that is cut short by the end is as good.
        drop(timeout_at(end, sleep(PAUSE)).await);
    }
}

/// Whether nobody was reached, so that nothing can have been heard.
fn is_absent(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some()
}

/// What nobody else submits with.
fn key() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .ok()
        .context("the operating system gives no random numbers")?;
    let mut key = String::new();
    for byte in bytes {
        print::put(&mut key, format_args!("{byte:02x}"));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "run", term_width = 100)]
    struct Typed {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn help_says_how() {
        let mut netwolf = crate::Args::command().term_width(100);
        netwolf.build();
        let command = netwolf.find_subcommand_mut("run").unwrap();
        insta::assert_snapshot!(command.render_long_help());
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for line in [
            "run",
            "run --device a",
            "run x",
            "run --device a --procedure p x",
            "run --device a --procedure p --changes",
            "run --device a --detach --follow x",
            "run --device a --mode config --preview --detach x",
        ] {
            let error = Typed::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
        let line = "run --device a --where b=c --procedure p";
        assert!(Typed::try_parse_from(line.split(' ')).is_ok());
    }

    #[test]
    fn keys_differ() {
        let (one, other) = (key().unwrap(), key().unwrap());
        assert!(one.len() == 32 && one != other, "{one} {other}");
    }
}
