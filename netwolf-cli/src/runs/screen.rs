//! Standard error while a run is watched: one line that is drawn again and again on a terminal, and a line now and
//! then where it is none.
//!
//! Invariant: results never share a line with the progress, which is taken away before anything else is printed.

use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

use tokio::time::Instant;

/// At most ten times a second.
pub(super) const REDRAW: Duration = Duration::from_millis(100);
/// A log is read afterwards.
const LOG: Duration = Duration::from_secs(5);

/// Where progress is shown.
#[derive(Debug)]
pub(super) struct Screen<W> {
    out: W,
    is_terminal: bool,
    /// What stands on the terminal's last line.
    shown: String,
    last: Option<Instant>,
}

impl Screen<std::io::Stderr> {
    pub(super) fn of_this_program() -> Self {
        let out = std::io::stderr();
        let is_terminal = out.is_terminal();
        Self::new(out, is_terminal)
    }
}

impl<W: Write> Screen<W> {
    pub(super) const fn new(out: W, is_terminal: bool) -> Self {
        Self {
            out,
            is_terminal,
            shown: String::new(),
            last: None,
        }
    }

    pub(super) const fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Shows `line`, if it is time for it.
    pub(super) fn progress(&mut self, now: Instant, line: impl FnOnce() -> String) {
        let pause = if self.is_terminal { REDRAW } else { LOG };
        if self.last.is_some_and(|last| now < last + pause) {
            return;
        }
        self.last = Some(now);
        let line = line();
        if line == self.shown {
            return;
        }
        let written = if self.is_terminal {
            // A narrow terminal cuts the line and does not break it.
            write!(self.out, "\r\x1b[?7l{line}\x1b[K\x1b[?7h")
        } else {
            writeln!(self.out, "{line}")
        };
        self.shown = line;
        // Who does not see the progress gets the results all the same.
        drop(written.and_then(|()| self.out.flush()));
    }

    /// Takes the progress away, so that something else can be printed.
    pub(super) fn clear(&mut self) {
        if self.is_terminal && !self.shown.is_empty() {
            drop(write!(self.out, "\r\x1b[K").and_then(|()| self.out.flush()));
        }
        self.shown.clear();
    }

    /// Says something that stays.
    pub(super) fn say(&mut self, line: &str) {
        self.clear();
        drop(writeln!(self.out, "{line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(is_terminal: bool, draw: impl FnOnce(&mut Screen<&mut Vec<u8>>)) -> String {
        let mut out = Vec::new();
        draw(&mut Screen::new(&mut out, is_terminal));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_terminal_is_drawn_on_ten_times_a_second() {
        let now = Instant::now();
        let drawn = drawn(true, |screen| {
            for (ms, line) in [
                (0, "a"),
                (50, "b"),
                (100, "c"),
                (150, "d"),
                (200, "c"),
                (300, "e"),
            ] {
                screen.progress(now + Duration::from_millis(ms), || line.into());
            }
            screen.say("done");
            screen.clear();
        });
        assert_eq!(
            drawn,
            "\r\x1b[?7la\x1b[K\x1b[?7h\r\x1b[?7lc\x1b[K\x1b[?7h\r\x1b[?7le\x1b[K\x1b[?7h\r\x1b[Kdone\n"
        );
    }

    #[test]
    fn a_log_gets_a_line_now_and_then() {
        let now = Instant::now();
        let drawn = drawn(false, |screen| {
            for s in 0..11 {
                screen.progress(now + Duration::from_secs(s), || format!("{s} s"));
            }
            screen.say("done");
        });
        assert_eq!(drawn, "0 s\n5 s\n10 s\ndone\n");
    }
}
