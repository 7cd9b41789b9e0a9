//! `netwolf parse`: what becomes of the output of a command, without any device: a table by TextFSM templates, or
//! samples by a collector's rules.
//!
//! The result goes to standard output, what could not be read to standard error.

use std::{
    fs::{self, File},
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, anyhow};
use netwolf_filter::textfsm::{
    Index, Library, Manner, Parsed, Problem, ProblemKind, Template, limits,
};

pub(crate) use self::view::cell;
use self::view::{Format, Show};
use crate::print;

mod catalogue;
mod collector;
mod view;

/// Stands for standard input.
const STDIN: &str = "-";

/// The file of a directory of templates that says which of them are for which command.
const INDEX: &str = "index";

/// So many lines that no rule takes are told one by one: most templates leave most of a long output out on purpose.
const UNMATCHED_SHOWN: usize = 3;

/// What `netwolf parse` takes.
#[derive(Debug, clap::Args)]
#[command(
    group(clap::ArgGroup::new("how").required(true).args(["textfsm", "index", "collector"])),
    // Whose parts are found by platform and command.
    group(clap::ArgGroup::new("catalogue").args(["index", "collector"])),
)]
pub(crate) struct Args {
    /// Read the output by this template.
    #[arg(long, value_name = "FILE")]
    textfsm: Option<PathBuf>,

    /// Read it by the templates that a directory such as that of ntc-templates has for --platform and --command.
    #[arg(long, value_name = "DIR", requires = "platform", requires = "command")]
    index: Option<PathBuf>,

    #[command(flatten)]
    named: collector::Named,

    /// The device's platform, as the index calls it; with --collector needed where it is not the same on all.
    #[arg(long, value_name = "NAME", requires = "catalogue")]
    platform: Option<String>,

    /// What was typed on the device: 'show version'. It may be abbreviated where the index says how; with --collector
    /// needed where it runs several.
    #[arg(long, value_name = "COMMAND", requires = "catalogue")]
    command: Option<String>,

    /// The file that has the output; - for standard input.
    #[arg(value_name = "OUTPUT", default_value = STDIN)]
    output: PathBuf,

    /// What to print [default: metrics of a collector; else table on a terminal, json elsewhere].
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// Do as Python's textfsm does: an Error rule ends it, and there is no table.
    #[arg(long, conflicts_with = "collector")]
    strict: bool,

    /// Tell each line that no rule takes, and not the first three only; of all problems the first 100 are told.
    #[arg(long, conflicts_with_all = ["collector", "strict"])]
    unmatched: bool,
}

/// 0 when there is a table or a sample, 1 when the template or the output was refused or nothing came out, 2 for bad
/// usage.
pub(crate) fn run(args: &Args) -> ExitCode {
    if let Some(name) = &args.named.collector {
        return collector::run(args, name);
    }
    let default = if io::stdout().is_terminal() {
        Format::Table
    } else {
        Format::Json
    };
    let Some(show) = args.format.unwrap_or(default).of_tables() else {
        let hint = "templates make tables; the rules of a --collector make metrics";
        return print::usage("a template has no metrics to print", Some(hint));
    };
    match args.parse_and_print(show) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => netwolf_manager::cli::fail(&error),
    }
}

impl Args {
    fn parse_and_print(&self, show: Show) -> anyhow::Result<()> {
        let parser = self.parser()?;
        let output = read_output(&self.output)?;
        let Parsed {
            table,
            problems,
            unlisted_problems,
        } = parser.run(&output, self.manner())?;
        print::out(&show(&table)?)?;
        let shown = if self.unmatched {
            usize::MAX
        } else {
            UNMATCHED_SHOWN
        };
        for warning in warnings(&problems, unlisted_problems, shown) {
            print::tell!("warning: {}", print::plain(&warning));
        }
        Ok(())
    }

    fn manner(&self) -> Manner {
        if self.strict {
            Manner::Strict
        } else {
            Manner::Lenient
        }
    }

    /// Checks everything but the output, so that nobody types an output in vain.
    fn parser(&self) -> anyhow::Result<Parser<'_>> {
        match (&self.textfsm, &self.index) {
            (Some(file), _) => {
                let text = read(file)?;
                let template = Template::parse(&text)
                    .with_context(|| format!("\"{}\" is no template", file.display()))?;
                Ok(Parser::Template(file, template))
            }
            (None, Some(folder)) => {
                let file = folder.join(INDEX);
                let text = read(&file)?;
                let index = Index::read(&text)
                    .with_context(|| format!("\"{}\" is no index", file.display()))?;
                for line in index.skipped_lines() {
                    let file = file.display();
                    print::tell!(
                        "warning: {file}: line {line} has not as many fields as the header"
                    );
                }
                let [platform, command] =
                    [&self.platform, &self.command].map(|text| text.as_deref().unwrap_or_default());
                Ok(Parser::Index {
                    folder,
                    index,
                    text,
                    attributes: [(catalogue::PLATFORM, platform), ("Command", command)],
                })
            }
            (None, None) => Err(anyhow!(
                "neither --textfsm nor --index nor --collector is given"
            )),
        }
    }
}

/// What is said of `problems`: of lines that no rule takes the first `shown`, and of the others how many they are.
///
/// Of `unlisted` more nobody knows what they are: they may be such lines, too.
fn warnings(problems: &[Problem], unlisted: usize, shown: usize) -> Vec<String> {
    let is_unmatched = |problem: &&Problem| problem.kind == ProblemKind::Unmatched;
    let mut seen = 0;
    let told = problems.iter().filter(|problem| {
        let counts = is_unmatched(problem);
        seen += usize::from(counts);
        !counts || seen <= shown
    });
    let mut warnings: Vec<String> = told.map(ToString::to_string).collect();
    let more: Vec<_> = problems.iter().filter(is_unmatched).skip(shown).collect();
    let only_counted = match unlisted {
        1 => "1 more problem is only counted".to_owned(),
        n => format!("{n} more problems are only counted"),
    };
    if let [first, .., last] = more.as_slice() {
        let count = more.len();
        let (first, last) = (first.line, last.line);
        warnings.push(if unlisted == 0 {
            format!(
                "no rule takes {count} more lines, from line {first} to {last}; --unmatched tells each"
            )
        } else {
            format!(
                "no rule takes at least {count} more lines, from line {first} on; --unmatched tells these, and \
                 {only_counted}"
            )
        });
    } else {
        // One more is no longer than that.
        warnings.extend(more.iter().map(ToString::to_string));
        if unlisted > 0 {
            let told = limits::MAX_PROBLEMS;
            warnings.push(format!("{only_counted}: the first {told} are told"));
        }
    }
    warnings
}

/// What reads an output.
enum Parser<'a> {
    Template(&'a Path, Template),
    Index {
        folder: &'a Path,
        index: Index,
        /// What it was read from.
        text: String,
        attributes: [(&'a str, &'a str); 2],
    },
}

impl Parser<'_> {
    fn run<'t>(&self, output: &'t str, manner: Manner) -> anyhow::Result<Parsed<'t>> {
        match self {
            Self::Template(file, template) => match manner {
                Manner::Lenient => Ok(template.run_leniently(output)),
                Manner::Strict => {
                    let context =
                        || format!("template \"{}\" cannot read the output", file.display());
                    Ok(Parsed {
                        table: template.run(output).with_context(context)?,
                        problems: Vec::new(),
                        unlisted_problems: 0,
                    })
                }
            },
            Self::Index {
                folder,
                index,
                text,
                attributes,
            } => {
                let [(_, platform), (_, command)] = *attributes;
                let theirs = catalogue::theirs(platform)
                    .map(|name| format!("ntc-templates calls the platform \"{name}\""));
                let entry = index.find(attributes).with_context(|| {
                    let folder = folder.display();
                    let hint = theirs.iter().map(|hint| format!("; {hint}"));
                    let hint = hint.collect::<String>();
                    format!("no template in \"{folder}\" is for {command:?} on {platform:?}{hint}")
                })?;
                if let Some(others) = catalogue::of_others(text, entry.line(), platform) {
                    let hint = theirs.unwrap_or_else(|| {
                        "an index takes a name that only begins as a row says, so these may be rows of another platform"
                            .to_owned()
                    });
                    let line = entry.line();
                    let warning = format!(
                        "line {line} of the index is for the platform \"{others}\", and not for \"{platform}\""
                    );
                    print::tell!(
                        "warning: {}\n  hint: {}",
                        print::plain(&warning),
                        print::plain(&hint)
                    );
                }
                let read = |name: &str| fs::read_to_string(folder.join(name));
                // One entry is run, and so every template is kept that is read.
                let mut library = Library::new(entry.templates().count(), read);
                Ok(library.run(entry, output, manner)?)
            }
        }
    }
}

/// The text of `file`.
///
/// # Errors
/// It cannot be read.
pub(crate) fn read(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read \"{}\"", file.display()))
}

/// What editors put before a text that they save. No device says it.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The output, and no more of it than can be used. Devices need not say UTF-8.
fn read_output(file: &Path) -> anyhow::Result<String> {
    let source: Box<dyn Read> = if file == Path::new(STDIN) {
        Box::new(io::stdin().lock())
    } else {
        let context = || format!("cannot read \"{}\"", file.display());
        Box::new(File::open(file).with_context(context)?)
    };
    let mut bytes = Vec::new();
    // One byte more, so that who reads it sees that there is more.
    let bound = u64::try_from(limits::MAX_OUTPUT_BYTES).unwrap_or(u64::MAX);
    source
        .take(bound.saturating_add(1))
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read \"{}\"", file.display()))?;
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    Ok(String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Typed {
        #[command(flatten)]
        args: Args,
    }

    fn typed(line: &str) -> Result<Args, clap::Error> {
        let words = std::iter::once("parse").chain(line.split_whitespace());
        Typed::try_parse_from(words).map(|typed| typed.args)
    }

    #[test]
    fn the_output_is_standard_input_where_none_is_named() {
        assert_eq!(typed("--textfsm t").unwrap().output, Path::new("-"));
        assert_eq!(typed("--textfsm t o").unwrap().output, Path::new("o"));
        let args = typed("--index d --platform p --command c").unwrap();
        let asked = (args.platform.as_deref(), args.command.as_deref());
        assert_eq!(asked, (Some("p"), Some("c")));
    }

    #[test]
    fn a_collector_needs_nothing_else() {
        let args = typed("--collector cpu o").unwrap();
        assert_eq!(args.named.collector.as_deref(), Some("cpu"));
        assert!(
            typed("--collector cpu --platform p --command c --device d --config.file f").is_ok()
        );
    }

    #[test]
    fn of_many_lines_that_no_rule_takes_the_first_are_told_and_the_others_counted() {
        let template = "Value PORT (\\S+)\n\nStart\n  ^Port ${PORT} -> Record\n  ^!! -> Error\n";
        let template = Template::parse(template).unwrap();
        let output = "a\nb\nc\nd\n!! hot\nPort 1\ne\n";
        let problems = template.run_leniently(output).problems;
        let places = |shown| -> Vec<String> {
            let told = warnings(&problems, 0, shown).into_iter();
            told.map(|it| it.split(':').next().unwrap().to_owned())
                .collect()
        };
        let all = ["1", "2", "3", "4"].map(|line| format!("output line {line}"));
        let error = "output line 5, template line 5".to_owned();
        let last = "output line 7".to_owned();
        assert_eq!(
            places(usize::MAX),
            [&all[..], &[error.clone(), last.clone()]].concat()
        );
        // Of one alone a line is as short as the count.
        assert_eq!(
            places(4),
            [&all[..], &[error.clone(), last.clone()]].concat()
        );
        let rest = "no rule takes 2 more lines, from line 4 to 7; --unmatched tells each";
        assert_eq!(places(3), [&all[..3], &[error, rest.to_owned()]].concat());
    }

    #[test]
    fn problems_beyond_the_bound_may_be_lines_that_no_rule_takes() {
        let template =
            Template::parse("Value PORT (\\S+)\n\nStart\n  ^Port ${PORT} -> Record\n").unwrap();
        let last = |n_lines, shown| {
            let Parsed {
                problems,
                unlisted_problems,
                ..
            } = template.run_leniently(&"x\n".repeat(n_lines));
            let told = warnings(&problems, unlisted_problems, shown);
            (told.len(), told.last().cloned().unwrap())
        };
        let bound = limits::MAX_PROBLEMS;
        let rest =
            "no rule takes 97 more lines, from line 4 to 100; --unmatched tells each".to_owned();
        assert_eq!(last(bound, 3), (4, rest));
        let rest = "no rule takes at least 97 more lines, from line 4 on; --unmatched tells these, and 9 more \
                    problems are only counted";
        assert_eq!(last(bound + 9, 3), (4, rest.to_owned()));
        let rest = "1 more problem is only counted: the first 100 are told".to_owned();
        assert_eq!(last(bound + 1, usize::MAX), (bound + 1, rest));
    }

    #[test]
    fn the_help_of_unmatched_names_the_bound() {
        let mut typed = Typed::command();
        let help = typed.render_long_help().to_string();
        let bound = format!("of all problems the first {} are", limits::MAX_PROBLEMS);
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(&bound), "{help}");
    }

    #[test]
    fn one_way_to_read_is_wanted_and_not_two() {
        for bad in [
            "",
            "o",
            "--textfsm t --index d --platform p --command c",
            "--textfsm t --platform p",
            "--index d --platform p",
            "--index d --command c",
            "--collector c --textfsm t",
            "--collector c --strict",
            "--collector c --unmatched",
            "--textfsm t --strict --unmatched",
            "--textfsm t --device r1",
            "--textfsm t --config.file f",
        ] {
            assert_eq!(typed(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
    }
}
