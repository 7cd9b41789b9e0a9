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

/// Said where nothing tells how far the log was to reach.
const NO_HEAD: &str = "\
but an end that was cut off cannot be seen here: no journal stands beside the log, and no --head was given
  hint: verify beside the manager's journal, or give --head the last record that was printed before and kept elsewhere
";

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
        Ok(report) => match print::out(&args.told(&report, head.as_ref())) {
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
        print::tell!("warning: {}", print::plain(&message));
        None
    })
}

impl Verify {
    /// What was found, and up to which `head` the log was to reach.
    fn told(&self, report: &Report, head: Option<&Head>) -> String {
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
                "head": head.map(ToString::to_string),
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
            + if head.is_some() { "" } else { NO_HEAD }
    }
}

#[cfg(test)]
mod tests {
    use netwolf_runs::{
        audit::{Action, Log, Outcome, Record},
        journal::{AUDIT_FOLDER, Journal, Options},
    };
    use netwolf_wire::step::RunId;

    use super::*;

    fn report(folder: &Path) -> Report {
        audit::verify(folder, None, None).unwrap()
    }

    fn verify(folder: &Path, output: Output) -> Verify {
        Verify {
            folder: folder.to_owned(),
            head: None,
            after: None,
            output,
        }
    }

    #[test]
    fn a_log_whose_end_nobody_knows_is_said_to_be_one() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy");
        let mut log = Log::open(&copy, None).unwrap().log;
        let record = Record::new(1, Action::Command, RunId(1), "ann", Outcome::Succeeded);
        log.append([&record]).unwrap();
        assert_eq!(head_of_the_journal(&copy), None);
        let report = report(&copy);

        let told = verify(&copy, Output::Table).told(&report, None);
        assert!(
            told.contains(
                "every record is as it was written\nbut an end that was cut off cannot be seen here"
            ),
            "{told}"
        );
        assert!(told.contains("hint: ") && told.contains("--head"), "{told}");
        let told = verify(&copy, Output::Table).told(&report, Some(&report.last));
        assert!(
            told.ends_with("every record is as it was written\n"),
            "{told}"
        );

        let head = |head: Option<&Head>| {
            let told = verify(&copy, Output::Json).told(&report, head);
            serde_json::from_str::<serde_json::Value>(&told).unwrap()["head"].clone()
        };
        assert_eq!(head(None), serde_json::Value::Null);
        assert_eq!(head(Some(&report.last)), report.last.to_string());
    }

    #[test]
    fn beside_the_journal_the_end_is_known() {
        let folder = tempfile::tempdir().unwrap();
        drop(Journal::open(folder.path(), Options::default()).unwrap());
        let log = folder.path().join(AUDIT_FOLDER);
        assert!(head_of_the_journal(&log).is_some());
    }
}
