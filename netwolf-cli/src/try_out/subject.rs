//! What is tried on a device: the commands of its collectors, of one of them, or one that was typed.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use netwolf_agent::visit::Visit;
use netwolf_manager::library::Library;
use netwolf_wire::{
    Span,
    rule::{Matches, RegexSource, Rule},
};

use super::view::{Answered, Tried};
use crate::{inventory::Device, library, outcome::Rules, parse, print};

/// Names the rule that was typed.
const TYPED: &str = "typed";

/// What to try.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Run the commands of this collector [default: of all collectors of the device].
    #[arg(long, value_name = "NAME")]
    collector: Option<String>,

    /// Run this command: 'show version'. With --collector the one of its commands that is meant.
    #[arg(long, value_name = "COMMAND")]
    pub(super) command: Option<String>,

    /// Show the named groups of each match of this regular expression as records; may be given more than once.
    #[arg(
        long,
        value_name = "REGEX",
        requires = "command",
        conflicts_with = "collector"
    )]
    regex: Vec<String>,

    /// Show the rows that this template makes of the output as records.
    #[arg(
        long,
        value_name = "FILE",
        requires = "command",
        conflicts_with_all = ["regex", "collector"]
    )]
    textfsm: Option<PathBuf>,
}

/// A command and its rules, none where only the output is wanted.
pub(super) struct Subject {
    command: String,
    rules: Rules,
}

impl Args {
    /// At least one; what is wrong is said here.
    pub(super) fn subjects(
        &self,
        device: &Device,
        library: &Library,
    ) -> Result<Vec<Subject>, ExitCode> {
        let typed = self.command.as_deref();
        match (&self.collector, typed) {
            (Some(name), typed) => {
                let platform = device.plan.platform.name.as_str();
                let variant = library::one(library, name, Some(platform));
                let collector = variant.map_err(|unknown| unknown.tell())?.collector;
                let commands = match typed {
                    Some(typed) => {
                        let command = library::command(collector, Some(typed));
                        std::slice::from_ref(command.map_err(|unknown| unknown.tell())?)
                    }
                    None => &collector.commands,
                };
                let commands = commands.iter();
                commands
                    .map(|command| Subject::new(&command.text, &command.rules))
                    .collect()
            }
            (None, Some(typed)) => Ok(vec![Subject::new(typed, &self.typed_rules()?)?]),
            (None, None) => {
                let commands = device.plan.commands.iter();
                commands
                    .map(|command| Subject::new(&command.text, &command.rules))
                    .collect()
            }
        }
    }

    fn typed_rules(&self) -> Result<Vec<Rule>, ExitCode> {
        let regex = (!self.regex.is_empty()).then(|| RegexSource {
            patterns: self.regex.clone(),
            matches: Matches::Every,
            blocks: None,
        });
        let textfsm = match &self.textfsm {
            Some(file) => match parse::read(file) {
                Ok(text) => Some(text),
                Err(error) => return Err(print::usage(&format!("{error:#}"), None)),
            },
            None => None,
        };
        if regex.is_none() && textfsm.is_none() {
            return Ok(Vec::new());
        }
        Ok(vec![Rule {
            name: TYPED.into(),
            regex,
            textfsm,
            ..Rule::default()
        }])
    }
}

impl Subject {
    fn new(command: &str, rules: &[Rule]) -> Result<Self, ExitCode> {
        Ok(Self {
            command: command.to_owned(),
            rules: Rules::compile(rules).map_err(|faults| print::faults(&faults))?,
        })
    }

    /// Runs the command and reads what it brings.
    pub(super) async fn run(&self, visit: &mut Visit, timeout: Span) -> Tried<'_> {
        let timeout: Duration = timeout.get();
        let (answered, session_is_over) = match visit.run(&self.command, timeout).await {
            Ok(Ok(answer)) => {
                let outcome = (!self.rules.is_empty()).then(|| self.rules.read(&answer.output));
                (
                    Ok(Answered::new(answer, outcome, self.rules.have_metrics())),
                    false,
                )
            }
            Ok(Err(failure)) => (Err(failure), false),
            Err(failure) => (Err(failure), true),
        };
        Tried {
            command: &self.command,
            answered,
            session_is_over,
        }
    }
}
