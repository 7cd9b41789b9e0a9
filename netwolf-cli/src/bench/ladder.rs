//! `netwolf bench sessions --ladder`: twice as many sessions at each step, until polls are missed.

use std::{fmt::Write as _, ops::RangeInclusive, path::Path};

use super::{Common, curve::curve, figures::Figures, write_file};
use crate::{manager::Output, print};

/// The columns of the CSV file.
const COLUMNS: [&str; 9] = [
    "sessions",
    "polls_per_second",
    "cpu_us_per_poll",
    "agent_cpu_cores",
    "rss_bytes_per_session",
    "p50_ms",
    "p99_ms",
    "missed",
    "late",
];
/// A step that missed more than this share of a second's polls is the last one.
const MISSED: f64 = 0.001;

/// Where the figures and the curve go.
pub(super) struct Files<'a> {
    pub(super) csv: &'a Path,
    pub(super) svg: &'a Path,
}

/// Climbs through `range`, writes the figures and the curve after each step, and prints them at the end.
pub(super) async fn climb<F: Future<Output = anyhow::Result<Figures>>>(
    common: &Common,
    range: RangeInclusive<u32>,
    Files { csv, svg }: Files<'_>,
    measure: impl Fn(u32) -> F,
) -> anyhow::Result<()> {
    let mut steps: Vec<Figures> = Vec::new();
    let mut sessions = *range.start();
    loop {
        common.progress(&format!("step {}: {sessions} sessions", steps.len() + 1));
        let figures = match measure(sessions).await {
            Ok(figures) => figures,
            // What was measured below stands, whatever stopped the climb.
            Err(error) if !steps.is_empty() => {
                common.progress(&format!(
                    "{sessions} sessions could not be measured: {error:#}"
                ));
                break;
            }
            Err(error) => return Err(error),
        };
        let missed = figures.get("missed") + figures.get("late");
        let bound = MISSED * figures.get("polls_per_second");
        steps.push(figures);
        write_file(csv, &table(&steps))?;
        write_file(svg, &curve(&steps))?;
        sessions = sessions.saturating_mul(2);
        if missed > bound || !range.contains(&sessions) {
            break;
        }
    }
    common.progress(&format!("written: {} and {}", csv.display(), svg.display()));
    print::out(&match common.output {
        Output::Table => table(&steps),
        Output::Json => {
            let steps: Vec<_> = steps.iter().map(Figures::json).collect();
            format!("{}\n", serde_json::Value::from(steps))
        }
    })
}

fn table(steps: &[Figures]) -> String {
    let mut text = COLUMNS.join(",");
    text.push('\n');
    for step in steps {
        let cells = COLUMNS.map(|column| step.get(column).to_string());
        writeln!(text, "{}", cells.join(",")).expect("a string takes all");
    }
    text
}
