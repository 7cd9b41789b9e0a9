//! The time that a dashboard shows, and the steps in which its queries walk through it. Pure: now is told.

/// Steps that Grafana rounds to, in seconds.
const STEPS: [f64; 22] = [
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    20.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1200.0,
    1800.0,
    3600.0,
    7200.0,
    10800.0,
    21600.0,
    43200.0,
    86400.0,
    604_800.0,
    2_592_000.0,
];

/// From when to when, in seconds of Unix time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub(super) from: f64,
    pub(super) to: f64,
}

/// How a query walks: what `$__interval` and its kin stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// From one point to the next, in seconds.
    pub(super) step: f64,
    /// The time between two scrapes, in seconds.
    pub(super) scrape: f64,
    /// The length of the window, in seconds.
    pub(super) range: f64,
}

impl Window {
    /// The last `length` seconds before `now`.
    pub(super) fn before(now: f64, length: f64) -> Self {
        Self {
            from: now - length,
            to: now,
        }
    }

    pub(super) fn length(&self) -> f64 {
        self.to - self.from
    }

    /// The walk in `points` steps at most, none shorter than `least`, or than the time between two scrapes.
    pub(super) fn pace(&self, points: f64, scrape: f64, least: Option<f64>) -> Pace {
        let least = least.unwrap_or(scrape);
        let step = rounded(self.length() / points.max(1.0)).max(least);
        Pace {
            step,
            scrape,
            range: self.length(),
        }
    }

    /// From the first to the last step in it: steps are counted from the epoch, so that they stay where they are
    /// while the window moves on.
    pub(super) fn aligned(&self, step: f64) -> Self {
        let down = |time: f64| (time / step).floor() * step;
        Self {
            from: down(self.from),
            to: down(self.to),
        }
    }
}

impl Pace {
    /// The shortest range over which `rate` finds two points at every step.
    pub(super) fn rate_interval(&self) -> f64 {
        (self.step + self.scrape).max(4.0 * self.scrape)
    }
}

/// The nearest of the steps that people count in.
fn rounded(seconds: f64) -> f64 {
    let mut pairs = STEPS.windows(2);
    let found = pairs.find_map(|pair| match pair {
        [step, next] => (seconds < f64::midpoint(*step, *next)).then_some(*step),
        _ => None,
    });
    found.unwrap_or(STEPS[STEPS.len() - 1])
}

/// A length of time as Prometheus and Grafana write it, such as `15m`, `1h`, or `90s`, with a `now-` or `>` before it.
pub(super) fn length(text: &str) -> Option<f64> {
    let text = text
        .trim_start_matches("now-")
        .trim_start_matches(['>', '=']);
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(at);
    let unit = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        "w" => 604_800.0,
        _ => return None,
    };
    let number: u32 = number.parse().ok()?;
    Some(f64::from(number) * unit)
}

/// As Prometheus takes it: in whole seconds, or in milliseconds where there are fewer.
pub(super) fn promql(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{:.0}ms", seconds * 1e3)
    } else {
        format!("{seconds:.0}s")
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "sums of whole seconds are exact")]
mod tests {
    use super::*;

    #[test]
    fn steps_are_those_that_people_count_in_and_none_is_shorter_than_a_scrape() {
        let step = |length, points, least| {
            let window = Window::before(1000.0 + length, length);
            window.pace(points, 5.0, least).step
        };
        assert_eq!(step(900.0, 900.0, None), 5.0);
        assert_eq!(step(900.0, 900.0, Some(1.0)), 1.0);
        assert_eq!(step(3600.0, 300.0, None), 10.0);
        assert_eq!(step(86400.0, 500.0, None), 120.0);
    }

    #[test]
    fn a_rate_finds_two_points() {
        let window = Window::before(900.0, 900.0);
        assert_eq!(window.pace(900.0, 5.0, None).rate_interval(), 20.0);
        assert_eq!(window.pace(10.0, 5.0, None).rate_interval(), 125.0);
        assert_eq!(window.pace(900.0, 5.0, Some(60.0)).rate_interval(), 65.0);
    }

    #[test]
    fn steps_stay_where_they_are_while_the_window_moves_on() {
        let window = Window::before(1003.0, 100.0);
        let aligned = window.aligned(10.0);
        assert_eq!((aligned.from, aligned.to), (900.0, 1000.0));
    }

    #[test]
    fn lengths_are_read_as_grafana_writes_them() {
        for (text, expected) in [
            ("now-15m", Some(900.0)),
            (">5s", Some(5.0)),
            ("1h", Some(3600.0)),
            ("now/d", None),
            ("", None),
        ] {
            assert_eq!(length(text), expected, "{text}");
        }
    }
}
