//! Axes: round places for ticks, and how they are written. Pure.

use super::{
    look::Look,
    svg::Area,
    units::{clock, date_and_clock, format},
    window::Window,
};

/// Lengths of time that people count in, in seconds.
const TIMES: [f64; 19] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
    10_800.0, 21_600.0, 43_200.0, 86_400.0, 604_800.0,
];

/// From what to what, and the ticks in between.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) ticks: Vec<f64>,
    pub(super) labels: Vec<String>,
}

impl Axis {
    /// For values from `least` to `most`, with some `count` ticks.
    pub(super) fn of_values(look: &Look, least: f64, most: f64, count: f64) -> Self {
        let (least, most) = if least <= most {
            (least, most)
        } else {
            (0.0, 1.0)
        };
        let mut low = look.min.unwrap_or(least);
        let mut high = look.max.unwrap_or(most);
        let soft = |key| look.custom(key).as_f64();
        low = soft("axisSoftMin").map_or(low, |soft| low.min(soft));
        high = soft("axisSoftMax").map_or(high, |soft| high.max(soft));
        // Nothing is so misleading as a line that fills the picture because it moved by a hair.
        if look.min.is_none() && low > 0.0 && low < high * 0.7 {
            low = 0.0;
        }
        if high <= low {
            let room = if low == 0.0 { 1.0 } else { low.abs() * 0.5 };
            high = low + room;
            low = look.min.unwrap_or(if least >= 0.0 {
                (least - room).max(0.0)
            } else {
                least - room
            });
        }
        let step = step(&look.unit, (high - low) / count.max(1.0));
        if look.min.is_none() {
            low = (low / step).floor() * step;
        }
        if look.max.is_none() {
            // A line along the upper edge is hard to see.
            high = ((high + (high - low) * 0.02) / step).ceil() * step;
        }
        let ticks = ticks(low, high, step);
        let labels = labels(&look.unit, &ticks);
        Self {
            low,
            high,
            ticks,
            labels,
        }
    }

    /// For the times of `window`, with `count` ticks at most.
    pub(super) fn of_time(window: Window, count: f64) -> Self {
        let wanted = window.length() / count.max(1.0);
        let step = TIMES.iter().find(|step| **step >= wanted);
        let step = step.copied().unwrap_or(TIMES[TIMES.len() - 1]);
        let ticks = ticks(window.from, window.to, step);
        let label = |time: &f64| {
            if step < 86_400.0 {
                clock(*time, step < 60.0)
            } else {
                date_and_clock(*time).chars().skip(5).take(5).collect()
            }
        };
        Self {
            low: window.from,
            high: window.to,
            labels: ticks.iter().map(label).collect(),
            ticks,
        }
    }

    /// Where `value` is from left to right in `area`.
    pub(super) fn x(&self, area: Area, value: f64) -> f64 {
        area.x + area.width * self.share(value)
    }

    /// Where `value` is from bottom to top in `area`.
    pub(super) fn y(&self, area: Area, value: f64) -> f64 {
        area.y + area.height * (1.0 - self.share(value).clamp(0.0, 1.0))
    }

    fn share(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }
}

/// A round step that is no shorter than `wanted`, in the way in which the unit is counted.
fn step(unit: &str, wanted: f64) -> f64 {
    if matches!(unit, "s" | "dtdurations" | "dthms") && wanted > 5.0 {
        let found = TIMES.iter().find(|step| **step >= wanted);
        if let Some(step) = found {
            return *step;
        }
    }
    let mut base = 1.0;
    if matches!(unit, "bytes" | "bits" | "binBps" | "binbps") {
        while wanted / base >= 1024.0 {
            base *= 1024.0;
        }
    }
    let wanted = wanted / base;
    let power = 10_f64.powf(wanted.log10().floor());
    let round = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .find(|round| round * power >= wanted * 0.999);
    round.unwrap_or(10.0) * power * base
}

fn ticks(low: f64, high: f64, step: f64) -> Vec<f64> {
    let first = (low / step - 1e-6).ceil();
    let places = std::iter::successors(Some(first), |place| Some(place + 1.0));
    let ticks = places.map(|place| place * step);
    // A step of nothing would never end.
    ticks
        .take_while(|tick| *tick <= high + step * 1e-6)
        .take(100)
        .collect()
}

/// Ticks, each with as few decimals as tell it as it is.
fn labels(unit: &str, ticks: &[f64]) -> Vec<String> {
    let text = |tick, decimals| format(unit, tick, Some(decimals), 0.0);
    let number = |tick, decimals| {
        let text = text(tick, decimals);
        let is_number = |c: &char| c.is_ascii_digit() || "-.".contains(*c);
        text.chars()
            .take_while(is_number)
            .collect::<String>()
            .parse::<f64>()
    };
    let is_exact = |tick: f64, decimals| match (number(tick, decimals), number(tick, 8)) {
        (Ok(short), Ok(long)) => (short - long).abs() <= long.abs() * 1e-3,
        _ => true,
    };
    let label = |tick: &f64| {
        let decimals = (0..4)
            .find(|decimals| is_exact(*tick, *decimals))
            .unwrap_or(4);
        text(*tick, decimals)
    };
    ticks.iter().map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(unit: &str, min: Option<f64>, max: Option<f64>, least: f64, most: f64) -> Axis {
        let look = Look {
            unit: unit.into(),
            min,
            max,
            ..Look::default()
        };
        Axis::of_values(&look, least, most, 4.0)
    }

    #[test]
    fn ticks_are_round() {
        let labels = |unit, least, most| axis(unit, None, None, least, most).labels;
        assert_eq!(labels("none", 0.0, 9.0), ["0", "2.5", "5", "7.5", "10"]);
        assert_eq!(
            labels("percentunit", 0.2, 0.37),
            ["0%", "10%", "20%", "30%", "40%"]
        );
        assert_eq!(
            labels("bytes", 0.0, 7.5 * 1024.0 * 1024.0),
            ["0 B", "2 MiB", "4 MiB", "6 MiB", "8 MiB"]
        );
        assert_eq!(
            labels("s", 0.0, 110.0),
            ["0 s", "30 s", "1 min", "1.5 mins", "2 mins"]
        );
    }

    #[test]
    fn bounds_that_are_told_hold() {
        let told = axis("percentunit", Some(0.0), Some(1.0), 0.2, 0.3);
        assert_eq!((told.low, told.high), (0.0, 1.0));
        assert_eq!(told.labels, ["0%", "25%", "50%", "75%", "100%"]);
    }

    #[test]
    fn a_flat_line_has_room_around_it() {
        let flat = axis("none", None, None, 5.0, 5.0);
        assert!(flat.low < 5.0 && flat.high > 5.0, "{flat:?}");
        let zero = axis("none", None, None, 0.0, 0.0);
        assert!(zero.low == 0.0 && zero.high >= 1.0, "{zero:?}");
        let none = axis("none", None, None, f64::INFINITY, f64::NEG_INFINITY);
        assert!(none.low < none.high, "{none:?}");
    }

    #[test]
    fn times_are_at_whole_minutes() {
        let window = Window {
            from: 1_790_000_000.0,
            to: 1_790_000_900.0,
        };
        assert_eq!(
            Axis::of_time(window, 6.0).labels,
            ["14:15", "14:20", "14:25"]
        );
    }
}
