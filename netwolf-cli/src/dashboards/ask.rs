//! A dashboard's questions, asked: its variables first, then the queries of its panels, one after the other.

use super::{
    model::{Dashboard, GridPos, Panel, Target},
    number::float,
    source::{Series, Source},
    variables::{Given, Unanswered, Variables},
    window::{Pace, Window, length},
};

/// Where a dashboard says nothing that is understood: as long as Grafana shows then.
const DEFAULT_LENGTH: f64 = 6.0 * 3600.0;
/// The pixels of a column of the grid, with the gap to the next.
pub(super) const COLUMN: f64 = 59.0;
/// The same of a row.
pub(super) const ROW: f64 = 38.0;
/// Between two panels.
pub(super) const GAP: f64 = 8.0;

/// What to ask for, and when.
pub(super) struct Question<'q> {
    pub(super) given: &'q Given,
    /// In seconds of Unix time.
    pub(super) now: f64,
    /// How far back, in seconds; the dashboard's own range where that is not told.
    pub(super) length: Option<f64>,
    /// The time between two scrapes.
    pub(super) scrape: f64,
    /// Whether queries for the last value alone are asked over time, too.
    pub(super) is_thorough: bool,
}

/// A dashboard with all answers.
pub(super) struct Asked<'d> {
    pub(super) dashboard: &'d Dashboard,
    pub(super) variables: Variables,
    /// Variables without values.
    pub(super) unanswered: Vec<Unanswered>,
    pub(super) window: Window,
    pub(super) panels: Vec<AskedPanel<'d>>,
}

/// A panel with its answers.
pub(super) struct AskedPanel<'d> {
    pub(super) at: GridPos,
    pub(super) panel: &'d Panel,
    /// With variables put in, as the description and the text are.
    pub(super) title: String,
    pub(super) description: String,
    pub(super) text: String,
    pub(super) window: Window,
    /// From one point to the next, in seconds.
    pub(super) step: f64,
    pub(super) answers: Vec<Answer<'d>>,
}

/// What a query found: over time, now, or both, as its target wants.
pub(super) struct Answer<'d> {
    pub(super) target: &'d Target,
    /// As it was asked.
    pub(super) query: String,
    pub(super) range: Option<Result<Vec<Series>, String>>,
    pub(super) instant: Option<Result<Vec<Series>, String>>,
}

/// Asks everything; what is refused is kept as that.
pub(super) fn ask<'d>(
    dashboard: &'d Dashboard,
    source: &impl Source,
    question: &Question<'_>,
) -> Asked<'d> {
    let own = length(&dashboard.time.from);
    let seconds = question.length.or(own).unwrap_or(DEFAULT_LENGTH);
    let window = Window::before(question.now, seconds);
    let whole_page = window.pace(24.0 * COLUMN, question.scrape, None);
    let (variables, unanswered) =
        Variables::resolve(dashboard, source, question.given, window, &whole_page);
    let panels = dashboard.laid_out().into_iter().map(|(at, panel)| {
        let own = panel.time_from.as_deref().and_then(length);
        let window = own.map_or(window, |seconds| Window::before(question.now, seconds));
        let pace = pace(panel, None, window, question.scrape);
        let text = panel.options["content"].as_str().unwrap_or_default();
        let targets = panel
            .targets
            .iter()
            .filter(|target| !target.hide && !target.expr.is_empty());
        let answers = targets.map(|target| {
            let pace = self::pace(panel, Some(target), window, question.scrape);
            let query = variables.query(&target.expr, &pace);
            answer(
                target,
                query,
                source,
                window,
                pace.step,
                question.is_thorough,
            )
        });
        AskedPanel {
            at,
            panel,
            title: variables.text(&panel.title, &pace),
            description: variables.text(&panel.description, &pace),
            text: variables.text(text, &pace),
            window,
            step: pace.step,
            answers: answers.collect(),
        }
    });
    let panels = panels.collect();
    Asked {
        dashboard,
        variables,
        unanswered,
        window,
        panels,
    }
}

/// As many steps as the panel has pixels, none shorter than it, its query or a scrape allows.
fn pace(panel: &Panel, target: Option<&Target>, window: Window, scrape: f64) -> Pace {
    let points = panel
        .max_data_points
        .unwrap_or(float(panel.grid_pos.w) * COLUMN - GAP);
    // What a query says stands for the time between scrapes, too; what a panel says is for the steps alone.
    let of_target = target.and_then(|target| target.interval.as_deref());
    let scrape = of_target.and_then(length).unwrap_or(scrape);
    let of_panel = panel.interval.as_deref().filter(|_| of_target.is_none());
    window.pace(points, scrape, of_panel.and_then(length))
}

fn answer<'d>(
    target: &'d Target,
    query: String,
    source: &impl Source,
    window: Window,
    step: f64,
    is_thorough: bool,
) -> Answer<'d> {
    let wants_range = target.wants_range() || is_thorough;
    let range = wants_range.then(|| source.range(&query, window.aligned(step), step));
    let instant = target.instant.then(|| source.instant(&query, window.to));
    Answer {
        target,
        query,
        range,
        instant,
    }
}

impl Answer<'_> {
    /// The series that are drawn: those over time, where they were wanted.
    pub(super) fn series(&self) -> Result<&[Series], &str> {
        let wanted = if self.target.wants_range() {
            &self.range
        } else {
            &self.instant
        };
        match wanted {
            Some(Ok(series)) => Ok(series),
            Some(Err(error)) => Err(error),
            None => Ok(&[]),
        }
    }
}
