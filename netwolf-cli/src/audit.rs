//! `netwolf audit`: whether the log of what was typed on devices is as it was written. It asks no manager.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use netwolf_runs::{
    audit::{self, Head, Report},
    journal,
};
use serde_json::json;

use crate::{manager::Output, print, table};

/// What `netwolf audit` does.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Follow the chain of hashes through the whole log, and name the first record that does not fit.
    ///
    /// A record that was changed, removed, added or put elsewhere is found by the log alone. That its end was cut off is
    /// found by the journal of runs, where that stands beside the log. That somebody has made both anew is found where
    /// the last record is known from elsewhere: print it now and then, keep it on another machine, and give it by
    /// --head.
    Verify(Verify),
}

/// What `netwolf audit verify` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// The folder of the log: `runs/audit` in the manager's storage folder, or a copy of it.
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// A record that must be in the log, as this verb has printed the last one before: SEQ:FILE:HASH [default: what
    /// the journal of runs says, where it is there].
    #[arg(long, value_name = "HEAD")]
    head: Option<Head>,

    /// The log begins behind this record: the files up to its own were taken elsewhere.
    #[arg(long, value_name = "HEAD")]
    after: Option<Head>,

    /// What to print.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// 0 when the log is as it was written, 1 when it is not or cannot be read.
pub(crate) fn run(verb: &Verb) -> ExitCode {
    let Verb::Verify(args) = verb;
    // Read before the log, which only grows.
    let head = args.head.or_else(|| head_of_the_journal(&args.folder));
    match audit::verify(&args.folder, args.after.as_ref(), head.as_ref()) {
        Ok(report) => match print::out(&args.told(&report)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => netwolf_manager::cli::fail(&error),
        },
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            let message = format!("{error}{}", cause.unwrap_or_default());
            print::complain(&message, Some(error.hint()));
            ExitCode::FAILURE
        }
    }
}

/// The last record that the manager has answered for, where its journal stands beside the log.
fn head_of_the_journal(folder: &Path) -> Option<Head> {
    journal::head_beside(folder).unwrap_or_else(|error| {
        let message = format!("the journal beside the log is not asked where it ends: {error}");
        eprintln!("warning: {}", print::plain(&message));
        None
    })
}

impl Verify {
    fn told(&self, report: &Report) -> String {
        let Report {
            files,
            records,
            last,
            ahead,
            torn,
        } = report;
        if self.output == Output::Json {
            let told = json!({
                "files": files, "records": records, "last": last.to_string(), "ahead": ahead, "torn_bytes": torn,
            });
            return format!("{told:#}\n");
        }
        let more = |n: u64, what: &str| (n > 0).then(|| format!("{n} {what}"));
        table::pairs(&[
            ("records", Some(records.to_string())),
            ("files", Some(files.to_string())),
            ("last record", Some(last.to_string())),
            (
                "since the head",
                more(*ahead, "records").filter(|_| self.head.is_some()),
            ),
            (
                "unfinished",
                more(
                    *torn,
                    "bytes at the end: a crash, or a record that is just written",
                ),
            ),
        ]) + "every record is as it was written\n"
    }
}
