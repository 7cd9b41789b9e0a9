//! `netwolf dashboards`: what the panels of Grafana dashboards find in a Prometheus, without a Grafana.
//!
//! ```text
//!   files --> model --> variables --+--> ask --+--> frame --> transform --> panels --> page    preview
//!                          ^        |     ^    |
//!                          +---- source --+    +--> check                                      check
//! ```
//!
//! Queries are asked as Grafana asks them: variables put in, steps by the width of the panel. What is drawn is what
//! came back; what is refused is told in the panel and at the end. Only `source` and `files` know the world.

use std::{
    fs,
    path::PathBuf,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use netwolf_wire::Span;
use serde_json::json;

use self::{
    ask::Question,
    check::Report,
    files::Named,
    page::Theme,
    source::{Address, Prometheus},
    variables::Given,
};
use crate::{manager::Output, print, unknown::Unknown};

mod ask;
mod axis;
mod check;
mod colour;
mod files;
mod frame;
mod look;
mod model;
mod number;
mod page;
mod panels;
mod reduce;
mod source;
mod svg;
mod transform;
mod units;
mod variables;
mod window;

/// What `netwolf dashboards` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Draw dashboards with what their queries find, each as a page of HTML that needs nothing else.
    Preview(Preview),
    /// Ask all queries of dashboards and list those that find nothing, or are refused.
    Check(Check),
}

/// What `netwolf dashboards preview` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Preview {
    #[command(flatten)]
    common: Common,

    /// Where to write the pages; it is made where it is missing.
    #[arg(long, value_name = "FOLDER", default_value = "netwolf-dashboards")]
    output_dir: PathBuf,

    /// Bright on dark or dark on bright.
    #[arg(long, value_enum, default_value_t)]
    theme: Theme,
}

/// What `netwolf dashboards check` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    #[command(flatten)]
    common: Common,

    /// What to print.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, clap::Args)]
struct Common {
    /// Dashboards as JSON, folders of them, or names of those that NetWolf brings along; all of these where none is
    /// named.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Where a Prometheus, or what speaks as one, serves HTTP.
    #[arg(
        long = "prometheus.url",
        value_name = "URL",
        env = "NETWOLF_PROMETHEUS_URL",
        default_value = "http://127.0.0.1:9090"
    )]
    prometheus: Address,

    /// How far back to show, such as `15m` [default: as each dashboard says].
    #[arg(long, value_name = "TIME")]
    from: Option<Span>,

    /// What to choose for a variable, as `device=core-1`; more than once for several values.
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = assignment)]
    variables: Vec<(String, String)>,

    /// The time between two scrapes, which Grafana is told in the settings of its data source.
    #[arg(long, value_name = "TIME", default_value = "5s")]
    scrape_interval: Span,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("it should read NAME=VALUE".into()),
    }
}

/// 0 when all queries were answered, 1 when one was refused or Prometheus is not there, 2 when there is no such
/// dashboard or variable.
pub(crate) fn run(verb: &Verb) -> ExitCode {
    let common = match verb {
        Verb::Preview(preview) => &preview.common,
        Verb::Check(check) => &check.common,
    };
    let dashboards = match common.dashboards() {
        Ok(dashboards) => dashboards,
        Err(unknown) => return unknown.tell(),
    };
    let refused = match verb {
        Verb::Preview(args) => preview(args, &dashboards),
        Verb::Check(args) => check(args, &dashboards),
    };
    match refused {
        Ok(refused) if refused.is_empty() => ExitCode::SUCCESS,
        Ok(refused) => {
            for line in refused {
                print::complain(&line, None);
            }
            ExitCode::FAILURE
        }
        Err(error) => netwolf_manager::cli::fail(&error),
    }
}

impl Common {
    fn dashboards(&self) -> Result<Vec<Named>, Unknown> {
        let dashboards = files::read(&self.files)?;
        let known = |name: &String| {
            let all = dashboards
                .iter()
                .flat_map(|named| &named.dashboard.templating.list);
            all.into_iter().any(|variable| variable.name == *name)
        };
        match self.variables.iter().find(|(name, _)| !known(name)) {
            None => Ok(dashboards),
            Some((name, _)) => {
                let all = dashboards
                    .iter()
                    .flat_map(|named| &named.dashboard.templating.list);
                let mut names: Vec<&str> = all.map(|variable| variable.name.as_str()).collect();
                names.sort_unstable();
                names.dedup();
                let message = format!("no dashboard has a variable {name:?}");
                Err(Unknown::new(
                    message,
                    Some(format!("there are {}", names.join(", "))),
                ))
            }
        }
    }

    fn given(&self) -> Given {
        let mut given = Given::new();
        for (name, value) in &self.variables {
            given.entry(name.clone()).or_default().push(value.clone());
        }
        given
    }

    fn question<'q>(&self, given: &'q Given, now: f64, is_thorough: bool) -> Question<'q> {
        Question {
            given,
            now,
            length: self.from.map(|span| span.get().as_secs_f64()),
            scrape: self.scrape_interval.get().as_secs_f64(),
            is_thorough,
        }
    }
}

/// In seconds of Unix time.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// Writes a page for each; what was refused on them.
fn preview(args: &Preview, dashboards: &[Named]) -> anyhow::Result<Vec<String>> {
    let source = Prometheus::at(&args.common.prometheus)?;
    let folder = &args.output_dir;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let file = |named: &Named| format!("{}.html", named.name);
    let title = |named: &Named| named.dashboard.title.clone();
    let pages: Vec<_> = dashboards
        .iter()
        .map(|named| (file(named), title(named)))
        .collect();
    let (given, now) = (args.common.given(), now());
    let mut refused = Vec::new();
    for named in dashboards {
        let question = args.common.question(&given, now, false);
        let asked = ask::ask(&named.dashboard, &source, &question);
        let page = page::draw(&asked, args.theme, &pages, now);
        let path = folder.join(file(named));
        fs::write(&path, &page.html).with_context(|| format!("cannot write {}", path.display()))?;
        let panels = print::count(page.panels, "panel");
        print::out(&format!(
            "{}: {panels}, {} without data\n",
            path.display(),
            page.without_data
        ))?;
        refused.extend(
            page.errors
                .iter()
                .map(|error| format!("{}: {error}", named.name)),
        );
    }
    Ok(refused)
}

/// Prints the verdicts; what was refused.
fn check(args: &Check, dashboards: &[Named]) -> anyhow::Result<Vec<String>> {
    let source = Prometheus::at(&args.common.prometheus)?;
    let given = args.common.given();
    let question = args.common.question(&given, now(), true);
    let asked: Vec<_> = dashboards
        .iter()
        .map(|named| (named, ask::ask(&named.dashboard, &source, &question)))
        .collect();
    let reports: Vec<_> = asked
        .iter()
        .map(|(named, asked)| Report::new(&named.name, asked))
        .collect();
    print::out(&match args.output {
        Output::Json => serde_json::to_string_pretty(&json!({ "dashboards": reports }))? + "\n",
        Output::Table => check::text(&reports),
    })?;
    Ok(reports.iter().flat_map(Report::errors).collect())
}

#[cfg(test)]
mod tests;
