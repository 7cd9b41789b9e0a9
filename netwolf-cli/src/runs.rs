//! `netwolf runs`: what is known of runs of automation, and what can still be done about them.

use std::{process::ExitCode, time::SystemTime};

use clap::builder::PossibleValuesParser;
use netwolf_runs::model::{RunState, StepState};
use serde_json::{Value, json};

use crate::{
    http::{escape, segment},
    manager::{self, Reach, runtime},
    print,
    run::{Confirmed, confirm, submit},
};

pub(crate) mod answer;
mod csv;
pub(crate) mod follow;
mod form;
mod parsed;
mod present;
mod progress;
mod results;
mod screen;
mod view;

use answer::RunView;
use follow::Shape;

/// What `netwolf runs` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,

    /// Only runs in this state.
    #[arg(long, value_name = "STATE", value_parser = PossibleValuesParser::new(RunState::ALL.iter().map(|state| state.as_str())))]
    state: Option<String>,

    /// The latest so many [default: 50].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: Option<u32>,

    #[command(flatten)]
    reach: Reach,

    // By a name of its own, because that of the verbs is given to whatever has the same one.
    /// What to print [default: table].
    #[arg(id = "list_output", long = "output", value_name = "OUTPUT", value_enum)]
    output: Option<manager::Output>,
}

/// So many runs are listed.
const LIMIT: u32 = 50;

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Show one run with its steps: state, agent, how long, why not.
    Show(Show),
    /// Print what a device answered, as it came, without passwords and keys.
    Transcript(Transcript),
    /// Watch a run to its end and show its results, as `netwolf run` does.
    Follow(Follow),
    /// End a run: a step that has not begun never will, and one that is under way types no further command.
    Cancel(One),
    /// Begin no further step; those that are under way go on.
    Pause(One),
    /// Go on with a run that was paused.
    Resume(One),
    /// Make a new run of the steps that failed, timed out or were cancelled, and watch it to its end.
    Retry(Retry),
    /// Decide a step of which nobody knows whether it was done, after looking.
    Settle(Settle),
}

impl Verb {
    /// What to do instead of writing the list's `option` before this verb.
    fn way_of(&self, option: &str) -> String {
        let (name, has_it) = match self {
            Self::Show(_) => ("show", option != "--limit"),
            Self::Transcript(_) => ("transcript", option == "--output"),
            Self::Follow(_) => ("follow", option == "--output"),
            Self::Cancel(_) => ("cancel", option == "--output"),
            Self::Pause(_) => ("pause", option == "--output"),
            Self::Resume(_) => ("resume", option == "--output"),
            Self::Retry(_) => ("retry", option == "--output"),
            Self::Settle(_) => ("settle", option == "--output"),
        };
        if has_it {
            format!("write it behind `{name}`")
        } else {
            format!("leave it out: `{name}` has no such option")
        }
    }
}

#[derive(Debug, clap::Args)]
struct One {
    /// The run's number.
    #[arg(value_name = "ID")]
    id: u64,

    #[command(flatten)]
    manager: manager::Args,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The run's number.
    #[arg(value_name = "ID")]
    id: u64,

    /// Only steps in this state.
    #[arg(long, value_name = "STATE", value_parser = PossibleValuesParser::new(StepState::ALL.iter().map(|state| state.as_str())))]
    state: Option<String>,

    #[command(flatten)]
    manager: manager::Args,
}

#[derive(Debug, clap::Args)]
struct Transcript {
    /// The run's number.
    #[arg(value_name = "ID")]
    id: u64,

    /// The device.
    #[arg(value_name = "DEVICE")]
    device: String,

    #[command(flatten)]
    manager: manager::Args,
}

#[derive(Debug, clap::Args)]
struct Follow {
    /// The run's number.
    #[arg(value_name = "ID")]
    id: u64,

    #[command(flatten)]
    shape: Shape,

    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, clap::Args)]
struct Retry {
    /// The run's number.
    #[arg(value_name = "ID")]
    id: u64,

    /// Also steps of which nobody knows whether they were done: they may be done twice.
    #[arg(long)]
    unknown: bool,

    /// Agree beforehand to a run that changes devices; else it is asked at the terminal.
    #[arg(short, long)]
    yes: bool,

    /// Print the new run's number and do not wait for its end.
    #[arg(long, conflicts_with_all = ["follow", "parse"])]
    detach: bool,

    #[command(flatten)]
    shape: Shape,

    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, clap::Args)]
struct Settle {
    /// The run's number.
    #[arg(value_name = "ID")]
    id: u64,

    /// The device.
    #[arg(value_name = "DEVICE")]
    device: String,

    /// What is so.
    #[arg(value_name = "STATE", value_enum)]
    state: Settled,

    /// How you know, for the audit log.
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,

    #[command(flatten)]
    manager: manager::Args,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Settled {
    /// It was done, all of it.
    Succeeded,
    /// It was not, or not all of it.
    Failed,
}

impl Settled {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// 0 when the manager did what was asked; of `follow` and `retry` when every step succeeded; else 1, and 2 for bad usage.
pub(crate) fn run(args: &Args) -> ExitCode {
    if let Some(verb) = &args.verb
        && let Some(option) = args.of_the_list()
    {
        let message = format!("{option} before a verb is for the list of runs");
        return print::usage(&message, Some(&verb.way_of(option)));
    }
    let done = match &args.verb {
        None => args.list().map(|()| ExitCode::SUCCESS),
        Some(Verb::Show(show)) => show.run().map(|()| ExitCode::SUCCESS),
        Some(Verb::Transcript(transcript)) => transcript.run().map(|()| ExitCode::SUCCESS),
        Some(Verb::Follow(follow)) => follow.run(),
        Some(Verb::Cancel(one)) => one.run("cancel").map(|()| ExitCode::SUCCESS),
        Some(Verb::Pause(one)) => one.run("pause").map(|()| ExitCode::SUCCESS),
        Some(Verb::Resume(one)) => one.run("resume").map(|()| ExitCode::SUCCESS),
        Some(Verb::Retry(retry)) => retry.run(),
        Some(Verb::Settle(settle)) => settle.run().map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| netwolf_manager::cli::fail(&error))
}

/// Where a step is.
fn step_path(id: u64, device: &str) -> String {
    format!("/api/v1/runs/{id}/steps/{}", segment(device))
}

impl Args {
    /// An option that was given and means nothing to the verbs, or something else.
    fn of_the_list(&self) -> Option<&'static str> {
        let state = self.state.is_some().then_some("--state");
        let limit = self.limit.map(|_| "--limit");
        let output = self.output.map(|_| "--output");
        state.or(limit).or(output)
    }

    fn list(&self) -> anyhow::Result<()> {
        let state = self
            .state
            .as_deref()
            .map(|state| format!("&state={}", escape(state)));
        let path = format!(
            "/api/v1/runs?limit={}{}",
            self.limit.unwrap_or(LIMIT),
            state.unwrap_or_default()
        );
        let manager = manager::Args {
            reach: self.reach.clone(),
            output: self.output.unwrap_or_default(),
        };
        let answer = manager.get(&path)?;
        manager.print(&answer, || view::list(&answer, SystemTime::now()))
    }
}

impl Show {
    fn run(&self) -> anyhow::Result<()> {
        let client = self.manager.reach.client()?;
        let (run, steps) = runtime()?.block_on(async {
            let run = client.get(&format!("/api/v1/runs/{}", self.id)).await?;
            let steps = results::steps(&client, self.id, self.state.as_deref()).await?;
            anyhow::Ok((run, steps))
        })?;
        let answer = json!({ "run": run, "steps": steps });
        self.manager
            .print(&answer, || view::one(&run, &steps, SystemTime::now()))
    }
}

impl Transcript {
    fn run(&self) -> anyhow::Result<()> {
        let answer = self.manager.get(&step_path(self.id, &self.device))?;
        if self.manager.output == manager::Output::Json {
            return self.manager.print(&answer, String::new);
        }
        print::out_of_a_device(&view::transcript(&answer))
    }
}

impl Follow {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let shape = match self.shape.checked(&[]) {
            Ok(shape) => shape,
            Err(code) => return Ok(code),
        };
        let client = self.reach.client()?;
        runtime()?.block_on(async {
            let run = client.get(&format!("/api/v1/runs/{}", self.id)).await?;
            follow::to_its_end(&client, RunView::read(&run)?, shape).await
        })
    }
}

impl One {
    fn run(&self, what: &str) -> anyhow::Result<()> {
        let answer = self
            .manager
            .post(&format!("/api/v1/runs/{}/{what}", self.id))?;
        let run = RunView::read(&answer)?;
        self.manager.print(&answer, || view::state(&run))
    }
}

impl Retry {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let Self {
            id, unknown, shape, ..
        } = self;
        let shown = match shape.checked(&[]) {
            Ok(shown) => shown,
            Err(code) => return Ok(code),
        };
        let before = RunView::read(&self.reach.get(&format!("/api/v1/runs/{id}"))?)?;
        if before.changes && !self.yes {
            before.check_retry(*unknown)?;
            let question = format!(
                "This runs \"{}\" again, which changes {}.",
                before.name,
                print::count(before.to_retry(*unknown), "device")
            );
            match confirm(&question)? {
                Confirmed::Yes => {}
                Confirmed::No => {
                    print::tell!("nothing was done");
                    return Ok(ExitCode::FAILURE);
                }
                Confirmed::NobodyThere => {
                    let message = "this changes devices, and nobody is here to agree";
                    return Ok(print::usage(message, Some("--yes agrees beforehand")));
                }
            }
        }
        let body = json!({ "unknown": unknown });
        let path = format!("/api/v1/runs/{id}/retry");
        let client = self.reach.client()?;
        let runtime = runtime()?;
        let answer = runtime.block_on(submit(&client, &path, body))?;
        let run = RunView::read(&answer)?;
        let n_steps = print::count(run.count(), "step");
        print::tell!("run {} has {n_steps} of run {id}", run.id);
        if self.detach {
            shape.print_answer(&answer, || format!("{}\n", run.id))?;
            print::tell!("{}", follow::ways(run.id));
            return Ok(ExitCode::SUCCESS);
        }
        runtime.block_on(follow::to_its_end(&client, run, shown))
    }
}

impl Settle {
    fn run(&self) -> anyhow::Result<()> {
        let path = step_path(self.id, &self.device) + "/settle";
        let mut body = json!({ "state": self.state.as_str() });
        if let Some(comment) = &self.comment {
            body["comment"] = Value::from(comment.as_str());
        }
        let answer = self.manager.reach.post(&path, Some(&body))?;
        self.manager.print(&answer, || {
            let (device, state) = (print::plain(&self.device), self.state.as_str());
            format!("{device} of run {} is settled as {state}\n", self.id)
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::manager::tests::{SOMEWHERE, assert_somewhere, ways};

    #[test]
    fn help_says_how() {
        let mut netwolf = crate::Args::command().term_width(100);
        netwolf.build();
        let command = netwolf.find_subcommand_mut("runs").unwrap();
        let mut help = command.render_long_help().to_string();
        for verb in command.get_subcommands_mut() {
            print::put(
                &mut help,
                format_args!("\n=== {}\n{}", verb.get_name(), verb.clone().render_help()),
            );
        }
        insta::assert_snapshot!(help);
    }

    fn typed(line: &str) -> Args {
        match crate::manager::tests::typed(line) {
            crate::Verb::Runs(args) => args,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn where_the_manager_is_stands_before_and_behind_the_verbs() {
        for words in [
            "show 17",
            "transcript 17 r1",
            "follow 17 --output csv",
            "cancel 17",
            "pause 17",
            "resume 17 --output json",
            "retry 17 --output json",
            "settle 17 r1 failed",
        ] {
            for line in ways("runs", words) {
                let args = typed(&line);
                let reach = match args.verb.as_ref().unwrap() {
                    Verb::Show(show) => &show.manager.reach,
                    Verb::Transcript(transcript) => &transcript.manager.reach,
                    Verb::Follow(follow) => &follow.reach,
                    Verb::Cancel(one) | Verb::Pause(one) | Verb::Resume(one) => &one.manager.reach,
                    Verb::Retry(retry) => &retry.reach,
                    Verb::Settle(settle) => &settle.manager.reach,
                };
                assert_somewhere(reach, &line);
                assert_eq!(args.of_the_list(), None, "{line}");
            }
        }
        let line = format!("netwolf runs {SOMEWHERE} --limit 7");
        let args = typed(&line);
        assert_somewhere(&args.reach, &line);
        assert_eq!((args.limit, args.verb.is_none()), (Some(7), true));
    }

    #[test]
    fn what_is_of_the_list_is_refused_before_a_verb() {
        for (option, name) in [
            ("--state failed", "--state"),
            ("--limit 7", "--limit"),
            ("--output json", "--output"),
        ] {
            let args = typed(&format!("netwolf runs {option} show 17"));
            assert_eq!(args.of_the_list(), Some(name));
            // Nobody is asked: there is no such manager.
            let code = format!("{:?}", run(&args));
            assert_eq!(code, format!("{:?}", ExitCode::from(2)), "{option}");
        }
    }

    #[test]
    fn what_is_of_the_list_is_written_behind_a_verb_that_has_it() {
        for words in [
            "show 17",
            "transcript 17 r1",
            "follow 17",
            "cancel 17",
            "pause 17",
            "resume 17",
            "retry 17",
            "settle 17 r1 failed",
        ] {
            let verb = typed(&format!("netwolf runs {words}")).verb.unwrap();
            let name = words.split(' ').next().unwrap();
            for option in ["--state failed", "--limit 7", "--output json"] {
                let line = format!("netwolf runs {words} {option}");
                let has_it = crate::Args::try_parse_from(line.split(' ')).is_ok();
                let way = verb.way_of(option.split(' ').next().unwrap());
                let behind = format!("write it behind `{name}`");
                let nowhere = format!("leave it out: `{name}` has no such option");
                assert_eq!(way, if has_it { behind } else { nowhere }, "{line}");
            }
        }
    }

    #[test]
    fn a_retry_is_followed_or_left_as_a_run_is() {
        for (words, is_good) in [
            ("--detach", true),
            ("--follow", true),
            ("--parse facts --output csv", true),
            ("--detach --output json", true),
            ("--detach --follow", false),
            ("--detach --parse facts", false),
        ] {
            let line = format!("netwolf runs retry 17 {words}");
            let typed = crate::Args::try_parse_from(line.split(' '));
            assert_eq!(typed.is_ok(), is_good, "{line}");
        }
    }

    #[test]
    fn slashes_of_a_device_are_none_of_the_path() {
        assert_eq!(step_path(7, "ams/r 1"), "/api/v1/runs/7/steps/ams%2Fr%201");
    }
}
