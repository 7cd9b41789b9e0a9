//! The ladder as a picture: CPU a poll and memory a session against the number of sessions.

use std::fmt::Write as _;

use super::figures::Figures;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
/// Room for the words around.
const MARGIN: f64 = 64.0;
/// Lines across.
const GRID: u32 = 4;

/// One line of the picture with its scale.
struct Line {
    column: &'static str,
    label: &'static str,
    unit: f64,
    colour: &'static str,
    /// On which side its scale stands.
    right: bool,
}

const LINES: [Line; 2] = [
    Line {
        column: "cpu_us_per_poll",
        label: "CPU a poll, µs",
        unit: 1.0,
        colour: "#1f77b4",
        right: false,
    },
    Line {
        column: "rss_bytes_per_session",
        label: "memory a session, KiB",
        unit: 1024.0,
        colour: "#d95f02",
        right: true,
    },
];

/// Draws the steps of a ladder.
pub(super) fn curve(steps: &[Figures]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n\
         <text x=\"{}\" y=\"24\" text-anchor=\"middle\" font-size=\"15\">\
         What a session costs, by the number of sessions</text>\n",
        WIDTH / 2.0,
    );
    let xs: Vec<f64> = steps
        .iter()
        .map(|step| step.get("sessions").log2())
        .collect();
    let (first, last) = (
        xs.first().copied().unwrap_or(0.0),
        xs.last().copied().unwrap_or(1.0),
    );
    let across = |x: f64| {
        let share = if last > first {
            (x - first) / (last - first)
        } else {
            0.5
        };
        MARGIN + share * (WIDTH - 2.0 * MARGIN)
    };
    let up = |share: f64| HEIGHT - MARGIN - share * (HEIGHT - 2.0 * MARGIN);
    for line in 0..=GRID {
        let y = up(f64::from(line) / f64::from(GRID));
        put(
            &mut svg,
            &format!(
                "<line x1=\"{MARGIN}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#ddd\"/>",
                WIDTH - MARGIN,
            ),
        );
    }
    for (step, x) in steps.iter().zip(&xs) {
        let (x, y) = (across(*x), HEIGHT - MARGIN + 18.0);
        put(
            &mut svg,
            &format!(
                "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{}</text>",
                step.get("sessions")
            ),
        );
    }
    put(
        &mut svg,
        &format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">sessions</text>",
            WIDTH / 2.0,
            HEIGHT - 20.0,
        ),
    );
    for line in &LINES {
        draw(&mut svg, line, steps, &xs, &across, &up);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw(
    svg: &mut String,
    line: &Line,
    steps: &[Figures],
    xs: &[f64],
    across: &impl Fn(f64) -> f64,
    up: &impl Fn(f64) -> f64,
) {
    let Line {
        column,
        label,
        unit,
        colour,
        right,
    } = line;
    let values: Vec<f64> = steps.iter().map(|step| step.get(column) / unit).collect();
    let top = ceiling(values.iter().copied().fold(0.0, f64::max));
    let (side, anchor) = if *right {
        (WIDTH - MARGIN + 8.0, "start")
    } else {
        (MARGIN - 8.0, "end")
    };
    for mark in 0..=GRID {
        let share = f64::from(mark) / f64::from(GRID);
        put(
            svg,
            &format!(
                "<text x=\"{side}\" y=\"{}\" fill=\"{colour}\" text-anchor=\"{anchor}\">{}</text>",
                up(share) + 4.0,
                share * top,
            ),
        );
    }
    let (edge, anchor) = if *right {
        (WIDTH - 8.0, "end")
    } else {
        (8.0, "start")
    };
    put(
        svg,
        &format!(
            "<text x=\"{edge}\" y=\"{}\" fill=\"{colour}\" text-anchor=\"{anchor}\">{label}</text>",
            MARGIN - 16.0,
        ),
    );
    let points: Vec<(f64, f64)> = xs
        .iter()
        .zip(&values)
        .filter(|(_, value)| value.is_finite())
        .map(|(x, value)| (across(*x), up(value / top)))
        .collect();
    let path: Vec<String> = points
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    put(
        svg,
        &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" "),
        ),
    );
    for (x, y) in points {
        put(
            svg,
            &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"),
        );
    }
}

fn put(svg: &mut String, element: &str) {
    writeln!(svg, "{element}").expect("a string takes all");
}

/// The next round number, of which a quarter is round, too.
fn ceiling(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 1.0;
    }
    let scale = 10_f64.powf(value.log10().floor());
    let round = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0];
    let next = round.into_iter().find(|round| round * scale >= value);
    next.unwrap_or(10.0) * scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers() {
        for (value, expected) in [
            (17.0, 20.0),
            (20.1, 40.0),
            (99.0, 100.0),
            (0.3, 0.4),
            (0.0, 1.0),
        ] {
            assert!((ceiling(value) - expected).abs() < 1e-9, "{value}");
        }
    }

    #[test]
    fn each_step_is_a_point_of_each_line() {
        let steps: Vec<Figures> = (0..3)
            .map(|step| {
                let mut figures = Figures::default();
                figures.count("sessions", 1000 << step, "");
                figures.measure("cpu_us_per_poll", 20.0 - f64::from(step), "");
                figures.measure("rss_bytes_per_session", 1e5, "");
                figures
            })
            .collect();
        let svg = curve(&steps);
        assert_eq!(svg.matches("<circle").count(), 6);
        assert!(svg.contains(">4000</text>") && svg.ends_with("</svg>\n"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
