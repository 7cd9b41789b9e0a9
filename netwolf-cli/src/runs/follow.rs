//! A run, watched to its end, and its results shown as they are wanted.
//!
//! ```text
//!   events of the manager --> progress on standard error, results of single steps with --follow
//!        |      broken: asked for again, and the manager tells the present state
//!        v end
//!   all steps, and their transcripts where they are shown --> standard output --> exit code
//! ```
//!
//! Invariants: a run does not depend on who watches it, so that whoever leaves is told how to come back; every step is
//! shown once, whatever was missed meanwhile.

use std::{collections::HashSet, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::{
    answer::{RunView, StepView},
    form::Form,
    parsed::Reader,
    present::Sink,
    progress::Progress,
    results::{self, PATIENCE, PAUSE},
    screen::{REDRAW, Screen},
};
use crate::{
    http::{
        events::{Event, Events},
        line::whole,
    },
    manager::{Client, Refused},
    print,
};

/// A stream that says nothing for so long is asked for again, which costs little.
const SILENCE: Duration = Duration::from_mins(1);

/// What to show of a run.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Shape {
    /// How to print the results.
    #[arg(long, value_enum, default_value_t)]
    output: Form,

    /// Print each device's outputs as soon as it is done, in the order in which they come.
    #[arg(long)]
    follow: bool,

    /// Read the outputs by the rules of this collector, or by this TextFSM template, and print one table of all
    /// devices.
    #[arg(long, value_name = "COLLECTOR|FILE.textfsm", conflicts_with = "follow")]
    parse: Option<String>,

    /// The configuration whose own collectors --parse knows, too [default: netwolf.yml where there is one].
    #[arg(long = "config.file", value_name = "FILE", requires = "parse")]
    config_file: Option<PathBuf>,
}

/// What to show of a run, checked.
#[derive(Debug)]
pub(crate) struct Shown {
    form: Form,
    follow: bool,
    reader: Option<Reader>,
}

impl Shape {
    /// Reads what --parse names. `commands` are those that will be typed, where they are known.
    ///
    /// # Errors
    /// The exit code, where that is nothing to read by; it is said why.
    pub(crate) fn checked(&self, commands: &[String]) -> Result<Shown, ExitCode> {
        let reader = match &self.parse {
            None => None,
            Some(_) if self.output == Form::Raw => {
                let hint = "print them as table, json or csv";
                return Err(print::usage("parsed outputs are not raw", Some(hint)));
            }
            Some(name) => Some(Reader::load(name, self.config_file.as_deref(), commands)?),
        };
        Ok(Shown {
            form: self.output,
            follow: self.follow,
            reader,
        })
    }

    /// Prints an answer that is no result: as it is where JSON is wanted, else as `text`.
    ///
    /// # Errors
    /// When standard output takes nothing.
    pub(crate) fn print_answer(
        &self,
        answer: &Value,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        print::out(&match self.output {
            Form::Json => serde_json::to_string_pretty(answer)? + "\n",
            _ => text(),
        })
    }
}

/// How to come back to a run.
pub(crate) fn ways(id: u64) -> String {
    format!(
        "run {id} goes on; `netwolf runs follow {id}` follows it, `netwolf runs cancel {id}` cancels it"
    )
}

/// Watches `run` to its end and shows its results: 0 when every step succeeded, else 1.
///
/// # Errors
/// When the manager is gone for good, or standard output takes nothing.
pub(crate) async fn to_its_end(
    client: &Client,
    run: RunView,
    shown: Shown,
) -> anyhow::Result<ExitCode> {
    let id = run.id;
    let mut watch = Watch {
        client,
        id,
        sink: Sink::new(shown.form, shown.follow, shown.reader),
        follow: shown.follow,
        printed: HashSet::new(),
        progress: Progress::of(run),
        screen: Screen::of_this_program(),
        began: Instant::now(),
    };
    let n_devices = print::count(watch.progress.view().n_steps, "device");
    let name = print::plain(&watch.progress.view().name);
    watch
        .screen
        .say(&format!("run {id}: {name} on {n_devices}"));
    let watched = tokio::select! {
        watched = watch.all() => watched,
        interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| None).map_err(Into::into),
    };
    watch.screen.clear();
    match watched {
        Ok(Some(code)) => Ok(code),
        Ok(None) => {
            print::tell!("left: {}", ways(id));
            Ok(ExitCode::FAILURE)
        }
        Err(error) => Err(error.context(format!("run {id} is no longer watched; {}", ways(id)))),
    }
}

struct Watch<'c> {
    client: &'c Client,
    id: u64,
    sink: Sink,
    follow: bool,
    /// Steps whose results were shown as they came.
    printed: HashSet<u64>,
    progress: Progress,
    screen: Screen<std::io::Stderr>,
    began: Instant,
}

impl Watch<'_> {
    /// To the end of the run, and through its results.
    async fn all(&mut self) -> anyhow::Result<Option<ExitCode>> {
        self.events().await?;
        self.screen.clear();
        self.results().await.map(Some)
    }

    /// Reads events until the run is over, however often the stream breaks.
    async fn events(&mut self) -> anyhow::Result<()> {
        let mut trouble: Option<Instant> = None;
        loop {
            let heard = self.stream(&mut trouble).await;
            match heard {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                // It is there and says no.
                Err(error) if error.is::<Refused>() && !results::is_passing(&error) => {
                    return Err(error);
                }
                Err(error) => {
                    let since = *trouble.get_or_insert_with(|| {
                        let why = print::plain(&error.to_string());
                        self.screen.say(&format!("{why}; asking again"));
                        Instant::now()
                    });
                    if since.elapsed() > PATIENCE {
                        return Err(error);
                    }
                }
            }
            sleep(PAUSE).await;
        }
    }

    /// Reads one stream to its end: whether the run is over.
    async fn stream(&mut self, trouble: &mut Option<Instant>) -> anyhow::Result<bool> {
        let path = format!("/api/v1/runs/{}/events", self.id);
        let mut line = self.client.line().await?;
        let answer = line.open(&path).await?;
        if !answer.status().is_success() {
            let (status, body) = whole(answer).await?;
            self.client.read(&path, status, &body)?;
            anyhow::bail!("the manager answered {status} where events were asked for");
        }
        if trouble.take().is_some() {
            self.screen.say("the manager is there again");
        }
        let mut body = answer.into_body();
        let mut events = Events::default();
        let mut tick = interval(REDRAW);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_heard = Instant::now();
        loop {
            let frame = tokio::select! {
                frame = body.frame() => frame,
                _ = tick.tick() => {
                    self.draw();
                    if last_heard.elapsed() > SILENCE {
                        return Ok(false);
                    }
                    continue;
                }
            };
            let Some(frame) = frame else {
                anyhow::bail!("the manager ended the stream of events");
            };
            let frame = frame.context("the stream of events broke off")?;
            last_heard = Instant::now();
            if let Some(bytes) = frame.data_ref() {
                events.feed(bytes)?;
            }
            while let Some(event) = events.poll() {
                if self.hear(&event).await? {
                    return Ok(true);
                }
            }
        }
    }

    /// Takes an event: whether it was the last one.
    async fn hear(&mut self, event: &Event) -> anyhow::Result<bool> {
        match event.name.as_str() {
            "end" => return Ok(true),
            "run" => {
                let run: RunView = serde_json::from_str(&event.data)
                    .context("the manager told of a run what cannot be read")?;
                let is_over = run.is_over();
                self.progress.run(run);
                if is_over {
                    return Ok(true);
                }
            }
            "step" => {
                let step: StepView = serde_json::from_str(&event.data)
                    .context("the manager told of a step what cannot be read")?;
                let is_news = self.progress.step(&step);
                if self.follow && is_news && step.is_over() && !self.printed.contains(&step.step) {
                    self.show(&step).await?;
                }
            }
            // Of a later manager.
            _ => {}
        }
        self.draw();
        Ok(false)
    }

    fn draw(&mut self) {
        let (began, progress) = (self.began, &self.progress);
        let is_terminal = self.screen.is_terminal();
        self.screen.progress(Instant::now(), || {
            if is_terminal {
                progress.bar(began.elapsed())
            } else {
                progress.text(began.elapsed())
            }
        });
    }

    /// Shows the results of a step that has just ended.
    async fn show(&mut self, step: &StepView) -> anyhow::Result<()> {
        let told = results::step(self.client, self.id, &step.device).await?;
        let text = self.sink.step(&told)?;
        self.screen.clear();
        print::out_of_a_device(&text)?;
        self.printed.insert(step.step);
        Ok(())
    }

    /// Shows all results, or with --follow those that were missed, and judges.
    async fn results(&mut self) -> anyhow::Result<ExitCode> {
        let (client, id) = (self.client, self.id);
        let path = format!("/api/v1/runs/{id}");
        let answer = results::patiently(|| client.get(&path)).await?;
        let run = RunView::read(&answer)?;
        let steps = results::patiently(|| results::steps(client, id, None)).await?;
        print::out(&self.sink.begin(&answer, steps.len())?)?;
        let (sink, printed) = (&mut self.sink, &self.printed);
        let is_left = |step: &Value| {
            !step["step"]
                .as_u64()
                .is_some_and(|no| printed.contains(&no))
        };
        let left: Vec<_> = steps.into_iter().filter(is_left).collect();
        let form = sink.wants();
        let took = results::transcripts(client, id, left, form, |step| {
            print::out_of_a_device(&sink.step(&step)?)
        });
        took.await?;
        print::out_of_a_device(&sink.end())?;
        for warning in sink.warnings() {
            print::tell!("warning: {}", print::plain(&warning));
        }
        print::tell!(
            "{}",
            super::view::summary(&run, run.took().unwrap_or_else(|| self.began.elapsed()))
        );
        Ok(if run.has_succeeded() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
