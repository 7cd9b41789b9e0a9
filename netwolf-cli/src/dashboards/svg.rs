//! Pictures as text: what a drawing needs of SVG, and text that may stand in it and in HTML.

use std::fmt::Write as _;

use super::number::float;

/// The width of a letter of the small text that plots are labelled with.
const LETTER: f64 = 6.3;

/// `text` as it may stand in HTML and SVG: devices choose the values of labels.
pub(super) fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, c| {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            c if c.is_control() && c != '\n' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
        escaped
    })
}

/// How wide small text is, roughly.
pub(super) fn width_of(text: &str) -> f64 {
    float(text.chars().count()) * LETTER
}

/// `text` cut to `width`, roughly.
pub(super) fn cut(text: &str, width: f64) -> String {
    if width_of(text) <= width {
        return text.into();
    }
    let letters = super::number::whole(width / LETTER).saturating_sub(1);
    text.chars().take(letters).chain(['…']).collect()
}

/// Where a text has its place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A picture that grows.
pub(super) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

impl Svg {
    pub(super) const fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            body: String::new(),
        }
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.body.write_fmt(text).expect("a string takes all");
        self.body.push('\n');
    }

    /// A line of one of the page's classes.
    pub(super) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.put(format_args!(
            r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        ));
    }

    /// A line of dashes in a colour.
    pub(super) fn dashes(&mut self, colour: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.put(format_args!(
            r#"<line stroke="{colour}" stroke-dasharray="8 6" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        ));
    }

    /// A line through `points`.
    pub(super) fn path(&mut self, colour: &str, width: f64, points: &[(f64, f64)]) {
        let d = through(points);
        self.put(format_args!(
            r#"<path fill="none" stroke="{colour}" stroke-width="{width}" d="{d}"/>"#
        ));
    }

    /// A filled shape with its corners at `points`.
    pub(super) fn shape(&mut self, colour: &str, opacity: f64, points: &[(f64, f64)]) {
        let d = through(points);
        self.put(format_args!(
            r#"<path fill="{colour}" fill-opacity="{opacity:.2}" d="{d}Z"/>"#
        ));
    }

    pub(super) fn rect(&mut self, colour: &str, area: Area) {
        self.rounded(colour, area, 0.0);
    }

    pub(super) fn rounded(&mut self, colour: &str, area: Area, radius: f64) {
        let Area {
            x,
            y,
            width,
            height,
        } = area;
        let radius = if radius > 0.0 {
            format!(r#" rx="{radius}""#)
        } else {
            String::new()
        };
        self.put(format_args!(
            r#"<rect fill="{colour}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"{radius}/>"#
        ));
    }

    pub(super) fn dot(&mut self, colour: &str, (x, y): (f64, f64), radius: f64) {
        self.put(format_args!(
            r#"<circle fill="{colour}" cx="{x:.1}" cy="{y:.1}" r="{radius}"/>"#
        ));
    }

    /// Text of one of the page's classes, its middle line at `y`.
    pub(super) fn text(&mut self, class: &str, anchor: Anchor, at: (f64, f64), text: &str) {
        self.write(&format!(r#"class="{class}""#), anchor, at, text);
    }

    /// Text in a colour of its own.
    pub(super) fn coloured(&mut self, colour: &str, anchor: Anchor, at: (f64, f64), text: &str) {
        self.write(
            &format!(r#"class="value" fill="{colour}""#),
            anchor,
            at,
            text,
        );
    }

    fn write(&mut self, attributes: &str, anchor: Anchor, (x, y): (f64, f64), text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escape(text);
        self.put(format_args!(
            r#"<text {attributes} text-anchor="{anchor}" x="{x:.1}" y="{y:.1}" dy=".35em">{text}</text>"#
        ));
    }

    pub(super) fn finish(self) -> String {
        let Self {
            width,
            height,
            body,
        } = self;
        format!(
            "<svg width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\">\n{body}</svg>"
        )
    }
}

fn through(points: &[(f64, f64)]) -> String {
    let mut d = String::new();
    for (at, (x, y)) in points.iter().enumerate() {
        let verb = if at == 0 { 'M' } else { 'L' };
        write!(d, "{verb}{x:.1} {y:.1}").expect("a string takes all");
    }
    d
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_says_is_no_markup() {
        assert_eq!(
            escape("<b a='1'>&\"\u{7}"),
            "&lt;b a=&#39;1&#39;&gt;&amp;&quot;\u{fffd}"
        );
        let mut svg = Svg::new(1.0, 1.0);
        svg.text("tick", Anchor::Start, (0.0, 0.0), "</svg>");
        assert!(!svg.finish().trim_end_matches("</svg>").contains("</svg>"));
    }

    #[test]
    fn long_text_is_cut_with_a_sign() {
        assert_eq!(cut("core-1", 100.0), "core-1");
        assert_eq!(cut("core-1", 30.0), "cor…");
    }
}
