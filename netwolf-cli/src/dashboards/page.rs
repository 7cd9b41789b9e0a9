//! A dashboard as one page of HTML that needs nothing else: no script, no font, no picture from elsewhere.

use std::fmt::Write as _;

use super::{
    ask::{Asked, AskedPanel, COLUMN, GAP, ROW},
    frame::{self, Named},
    model::Format,
    number::float,
    panels::{self, Scene},
    svg::escape,
    transform,
    units::date_and_clock,
};

/// Above a panel's inside.
const HEADER: f64 = 30.0;
/// Left and right of it, edge included.
const PADDING: f64 = 18.0;
/// Below it.
const BOTTOM: f64 = 8.0;

/// Dark, as Grafana is, or light, as paper is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Theme {
    /// Bright on dark.
    #[default]
    Dark,
    /// Dark on bright.
    Light,
}

/// A page, and what went wrong on it.
pub(super) struct Page {
    pub(super) html: String,
    /// Of panels that could not be drawn, with their titles.
    pub(super) errors: Vec<String>,
    pub(super) panels: usize,
    /// How many of them had nothing to show.
    pub(super) without_data: usize,
}

/// Draws it. `others` are the pages that it links to: their files and titles, its own among them.
pub(super) fn draw(asked: &Asked<'_>, theme: Theme, others: &[(String, String)], now: f64) -> Page {
    let mut page = Page {
        html: String::new(),
        errors: Vec::new(),
        panels: 0,
        without_data: 0,
    };
    for unanswered in &asked.unanswered {
        if let Some(error) = &unanswered.error {
            page.errors
                .push(format!("variable {}: {error}", unanswered.variable));
        }
    }
    let mut body = head(asked, others);
    body += "<main>\n";
    for panel in &asked.panels {
        body += &page.panel(panel, theme, now);
    }
    body += "</main>\n";
    let title = escape(&asked.dashboard.title);
    let class = match theme {
        Theme::Dark => "dark",
        Theme::Light => "light",
    };
    page.html = format!(
        "<!doctype html>\n<html lang=\"en\" class=\"{class}\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>\n{}</style>\n{body}</html>\n",
        include_str!("page.css"),
    );
    page
}

fn head(asked: &Asked<'_>, others: &[(String, String)]) -> String {
    let mut html = format!(
        "<header><h1 title=\"{}\">{}</h1>",
        escape(&asked.dashboard.description),
        escape(&asked.dashboard.title)
    );
    for choice in asked
        .variables
        .choices
        .iter()
        .filter(|choice| !choice.is_hidden)
    {
        let (label, value) = (escape(&choice.label), escape(&choice.in_text()));
        write!(
            html,
            "<span class=\"variable\"><b>{label}</b>{value}</span>"
        )
        .expect("a string takes all");
    }
    let minutes = asked.window.length() / 60.0;
    writeln!(
        html,
        "<span class=\"time\">last {minutes:.0} min until {} UTC</span></header>",
        date_and_clock(asked.window.to)
    )
    .expect("a string takes all");
    if others.len() > 1 {
        let links = others.iter().map(|(file, title)| {
            let here = if *title == asked.dashboard.title {
                " class=\"here\""
            } else {
                ""
            };
            format!("<a href=\"{}\"{here}>{}</a>", escape(file), escape(title))
        });
        writeln!(html, "<nav>{}</nav>", links.collect::<String>()).expect("a string takes all");
    }
    html
}

impl Page {
    fn panel(&mut self, asked: &AskedPanel<'_>, theme: Theme, now: f64) -> String {
        let at = asked.at;
        let place = format!(
            "grid-area:{}/{}/span {}/span {}",
            at.y + 1,
            at.x + 1,
            at.h.max(1),
            at.w.max(1)
        );
        let (title, description) = (escape(&asked.title), escape(&asked.description));
        if asked.panel.kind == "row" {
            return format!("<h2 style=\"{place}\">{title}</h2>\n");
        }
        self.panels += 1;
        let inside = inside(asked, theme, now).unwrap_or_else(|error| {
            let html = format!("<p class=\"error\">{}</p>", escape(&error));
            self.errors.push(format!("{}: {error}", asked.title));
            html
        });
        if inside.starts_with("<p class=\"none\"") {
            self.without_data += 1;
        }
        let header = if title.is_empty() {
            String::new()
        } else {
            format!("<h3>{title}</h3>")
        };
        format!("<section style=\"{place}\" title=\"{description}\">{header}{inside}</section>\n")
    }
}

fn inside(asked: &AskedPanel<'_>, theme: Theme, now: f64) -> Result<String, String> {
    let tables = asked
        .answers
        .iter()
        .filter(|answer| answer.target.format == Format::Table);
    let is_one_of_several = tables.count() > 1;
    let mut frames = Vec::new();
    for answer in &asked.answers {
        let target = answer.target;
        let series = answer
            .series()
            .map_err(|error| format!("query {}: {error}", target.ref_id))?;
        let named = Named {
            ref_id: &target.ref_id,
            legend: &target.legend_format,
            query: &answer.query,
            format: target.format,
            is_one_of_several,
        };
        frames.extend(frame::frames(series, &named));
    }
    let frames = transform::apply(&asked.panel.transformations, frames)?;
    let header = if asked.title.is_empty() {
        BOTTOM
    } else {
        HEADER
    };
    let scene = Scene {
        panel: asked.panel,
        frames,
        width: float(asked.at.w) * COLUMN - GAP - PADDING,
        height: float(asked.at.h) * ROW - GAP - header - BOTTOM,
        window: asked.window,
        step: asked.step,
        is_dark: theme == Theme::Dark,
        now,
        text: asked.text.clone(),
    };
    panels::draw(&scene)
}
