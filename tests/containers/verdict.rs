//! What a fault came to: one line of measured against wanted, and whether all of it holds.

use std::fmt::Write as _;

use crate::lab;

/// The claims about one fault.
pub(crate) struct Verdict {
    line: String,
    holds: bool,
}

impl Verdict {
    /// Nothing is claimed yet.
    pub(crate) fn new(fault: &str) -> Self {
        Self {
            line: format!("{fault}:"),
            holds: true,
        }
    }

    /// `what` was `measured`, and must be `most` or less.
    pub(crate) fn at_most(self, what: &str, measured: f64, most: f64) -> Self {
        self.claim(what, measured, "at most", most, measured <= most)
    }

    /// `what` was `measured`, and must be `least` or more.
    pub(crate) fn at_least(self, what: &str, measured: f64, least: f64) -> Self {
        self.claim(what, measured, "at least", least, measured >= least)
    }

    fn claim(mut self, what: &str, measured: f64, how: &str, wanted: f64, holds: bool) -> Self {
        let mark = if holds { "" } else { " FAILED" };
        let measured = short(measured);
        write!(
            self.line,
            " {what} {measured} ({how} {}){mark};",
            short(wanted)
        )
        .expect("a string takes all");
        self.holds &= holds;
        self
    }

    /// Says it, and gives the line of what does not hold.
    pub(crate) fn tell(self) -> Option<String> {
        lab::say(self.line());
        (!self.holds).then(|| self.line().to_owned())
    }

    fn line(&self) -> &str {
        self.line.trim_end_matches(';')
    }
}

fn short(value: f64) -> String {
    format!("{value:.2}").replace(".00", "")
}

#[test]
fn a_verdict_says_what_was_measured_and_fails_by_one_claim() {
    let good = Verdict::new("calm").at_most("all after s", 0.5, 5.0);
    assert!(good.holds);
    let bad = Verdict::new("kill")
        .at_most("all after s", 6.25, 5.0)
        .at_least("polls", 3.0, 2.0);
    assert!(!bad.holds);
    assert_eq!(
        bad.line(),
        "kill: all after s 6.25 (at most 5) FAILED; polls 3 (at least 2)"
    );
}
