//! Grafana's colours by their names, and scales of them. Pure.

/// The hues that have names, each dark, less dark, plain, light and lightest.
const HUES: [(&str, [&str; 5]); 6] = [
    (
        "red",
        ["#c4162a", "#e02f44", "#f2495c", "#ff7383", "#ffa6b0"],
    ),
    (
        "orange",
        ["#fa6400", "#ff780a", "#ff9830", "#ffb357", "#ffcb7d"],
    ),
    (
        "yellow",
        ["#e0b400", "#f2cc0c", "#fade2a", "#ffee52", "#fff899"],
    ),
    (
        "green",
        ["#37872d", "#56a64b", "#73bf69", "#96d98d", "#c8f2c2"],
    ),
    (
        "blue",
        ["#1f60c4", "#3274d9", "#5794f2", "#8ab8ff", "#c0d8ff"],
    ),
    (
        "purple",
        ["#8f3bb8", "#a352cc", "#b877d9", "#ca95e5", "#deb6f2"],
    ),
];

/// The shades in the order of [`HUES`], as they stand before a hue's name.
const SHADES: [&str; 5] = ["dark-", "semi-dark-", "", "light-", "super-light-"];

/// For series one after the other, neighbours far apart.
const PALETTE: [&str; 16] = [
    "#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#8ab8ff", "#b877d9", "#ff7383",
    "#37872d", "#fade2a", "#3274d9", "#ffb357", "#c4162a", "#ca95e5", "#96d98d", "#1f60c4",
];

/// Scales from low to high, by the names that panels use for them.
const SCALES: [(&str, &[&str]); 17] = [
    ("continuous-GrYlRd", &["#73bf69", "#fade2a", "#f2495c"]),
    ("continuous-RdYlGr", &["#f2495c", "#fade2a", "#73bf69"]),
    ("continuous-BlYlRd", &["#5794f2", "#fade2a", "#f2495c"]),
    ("continuous-YlRd", &["#fade2a", "#f2495c"]),
    ("continuous-BlPu", &["#5794f2", "#b877d9"]),
    ("continuous-YlBl", &["#fade2a", "#5794f2"]),
    ("continuous-blues", &["#111722", "#5794f2"]),
    ("continuous-greens", &["#111722", "#73bf69"]),
    ("continuous-reds", &["#111722", "#f2495c"]),
    (
        "Oranges",
        &["#fff5eb", "#fdd0a2", "#fd8d3c", "#d94801", "#7f2704"],
    ),
    (
        "Blues",
        &["#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b"],
    ),
    (
        "Greens",
        &["#f7fcf5", "#c7e9c0", "#74c476", "#238b45", "#00441b"],
    ),
    (
        "Reds",
        &["#fff5f0", "#fcbba1", "#fb6a4a", "#cb181d", "#67000d"],
    ),
    (
        "YlOrRd",
        &["#ffffcc", "#fed976", "#fd8d3c", "#e31a1c", "#800026"],
    ),
    (
        "RdYlGn",
        &["#a50026", "#f46d43", "#ffffbf", "#66bd63", "#006837"],
    ),
    (
        "Turbo",
        &[
            "#23171b", "#4a58dd", "#2f9df5", "#4df884", "#dedd32", "#f65f18", "#900c00",
        ],
    ),
    (
        "Spectral",
        &[
            "#9e0142", "#f46d43", "#fee08b", "#e6f598", "#66c2a5", "#5e4fa2",
        ],
    ),
];

/// What stands for a colour's name in CSS.
pub(super) fn css(name: &str) -> String {
    if name == "text" {
        return "var(--text)".into();
    }
    let shades = HUES.iter().flat_map(|(hue, colours)| {
        let named = SHADES.iter().zip(colours);
        named.map(move |(shade, colour)| (format!("{shade}{hue}"), *colour))
    });
    let mut found = shades.filter(|(known, _)| known == name);
    if let Some((_, colour)) = found.next() {
        return colour.into();
    }
    // A dashboard's word may not end the attribute that it goes into.
    let is_css = |c: char| c.is_ascii_alphanumeric() || "#(),.% ".contains(c);
    name.chars().filter(|c| is_css(*c)).collect()
}

/// The colour of the series at `index`.
pub(super) fn of_series(index: usize) -> &'static str {
    PALETTE[index % PALETTE.len()]
}

/// The colours of a scale; Grafana's own default for what is not known.
pub(super) fn scale(name: &str) -> &'static [&'static str] {
    let found = SCALES.iter().find(|(known, _)| *known == name);
    found.map_or(SCALES[9].1, |(_, stops)| stops)
}

/// Whether a scale begins near white and ends near black.
pub(super) fn runs_to_dark(stops: &[&str]) -> bool {
    let brightness = |colour: Option<&&str>| {
        let colour = colour.copied().unwrap_or_default();
        channel(colour, 1) + channel(colour, 3) + channel(colour, 5)
    };
    brightness(stops.first()) > 600.0 && brightness(stops.last()) < 300.0
}

/// The colour at `place`, from 0 to 1, of a scale.
pub(super) fn at(stops: &[&str], place: f64) -> String {
    let mut left = place.clamp(0.0, 1.0) * super::number::float(stops.len().saturating_sub(1));
    for pair in stops.windows(2) {
        if let [from, to] = pair {
            if left <= 1.0 {
                return mixed(from, to, left);
            }
            left -= 1.0;
        }
    }
    stops.last().copied().unwrap_or_default().into()
}

/// The red, green or blue of a colour, by the place of its digits.
fn channel(colour: &str, at: usize) -> f64 {
    let digits = colour.get(at..at + 2).unwrap_or("00");
    f64::from(u8::from_str_radix(digits, 16).unwrap_or_default())
}

/// Between two colours, `share` of the way.
fn mixed(from: &str, to: &str, share: f64) -> String {
    let mix = |at| {
        let (from, to) = (channel(from, at), channel(to, at));
        (from + (to - from) * share).round()
    };
    format!("rgb({},{},{})", mix(1), mix(3), mix(5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_colours_and_nothing_leaves_its_attribute() {
        assert_eq!(css("semi-dark-orange"), "#ff780a");
        assert_eq!(css("green"), "#73bf69");
        assert_eq!(css("rgba(1, 2, 3, 0.5)"), "rgba(1, 2, 3, 0.5)");
        assert_eq!(css("red\"><script>"), "redscript");
    }

    #[test]
    fn scales_run_from_end_to_end() {
        let stops = ["#000000", "#640000", "#6400c8"];
        assert_eq!(at(&stops, 0.0), "rgb(0,0,0)");
        assert_eq!(at(&stops, 0.25), "rgb(50,0,0)");
        assert_eq!(at(&stops, 0.75), "rgb(100,0,100)");
        assert_eq!(at(&stops, 2.0), "rgb(100,0,200)");
    }
}
