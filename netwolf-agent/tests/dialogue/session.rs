//! A dialogue wired to a device in memory, under a clock of its own.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use netwolf_agent::dialogue::{Dialogue, Event, Manners, Output, Secret};

use crate::{
    device::{Command, Device},
    faces::Face,
};

/// Bound on each step and command.
const PATIENCE: Duration = Duration::from_secs(10);

/// The two, and how reads are cut.
pub(crate) struct Session<'a> {
    pub(crate) dialogue: Dialogue,
    device: Device,
    now: Instant,
    cuts: std::iter::Cycle<std::iter::Copied<std::slice::Iter<'a, usize>>>,
}

impl<'a> Session<'a> {
    /// Logs in; reads are cut to the lengths that `cuts` says, over and over.
    pub(crate) fn log_in(
        manners: Arc<Manners>,
        face: Face,
        commands: Vec<Command>,
        cuts: &'a [usize],
    ) -> Self {
        let now = Instant::now();
        let secret = face.user.map(|_| Secret::new("s3cret".into()));
        let mut session = Self {
            dialogue: Dialogue::new(manners, secret, PATIENCE, now),
            device: Device::new(face, commands),
            now,
            cuts: cuts.iter().copied().cycle(),
        };
        let event = session.next_event();
        assert_eq!(
            event,
            Event::Ready,
            "{}: {:?}",
            face.platform,
            session.dialogue
        );
        session
    }

    /// Runs a command to its end.
    pub(crate) fn run(&mut self, text: &str) -> Output {
        self.dialogue.start_command(text, self.now + PATIENCE);
        match self.next_event() {
            Event::Output(output) => output,
            other => panic!("{other:?} after \"{text}\": {:?}", self.dialogue),
        }
    }

    /// Runs a command that is not done in time; the session goes on.
    pub(crate) fn run_late(&mut self, text: &str) {
        self.dialogue.start_command(text, self.now + PATIENCE);
        let event = self.next_event();
        assert_eq!(event, Event::TimedOut, "{:?}", self.dialogue);
    }

    /// Lets the device wait until something is typed to keep the session; the answer to that comes at once,
    /// or crosses what is typed next.
    pub(crate) fn idle(&mut self, answer_comes: bool) {
        self.now = self.dialogue.poll_timeout().expect("the session is kept");
        self.dialogue.handle_timeout(self.now);
        let sent = self.dialogue.poll_transmit().expect("something is typed");
        self.device.type_in(&sent);
        if answer_comes {
            let shown = self.device.look();
            self.feed(shown.as_bytes());
        }
        assert_eq!(self.dialogue.poll_event(), None);
        assert!(self.dialogue.poll_transmit().is_none());
    }

    fn next_event(&mut self) -> Event {
        for _ in 0..10_000 {
            if let Some(sent) = self.dialogue.poll_transmit() {
                self.device.type_in(&sent);
                let shown = self.device.look();
                self.feed(shown.as_bytes());
            } else if let Some(event) = self.dialogue.poll_event() {
                return event;
            } else {
                let shown = self.device.look();
                if shown.is_empty() {
                    self.now = self.dialogue.poll_timeout().expect("something is awaited");
                    self.dialogue.handle_timeout(self.now);
                } else {
                    self.feed(shown.as_bytes());
                }
            }
        }
        panic!("nothing comes of it: {:?}", self.dialogue);
    }

    /// Time passes between reads, but never as much as a silence is.
    fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let cut = self.cuts.next().expect("there are cuts");
            let (read, rest) = bytes.split_at(cut.clamp(1, bytes.len()));
            self.dialogue.handle_data(read, self.now);
            self.now += Duration::from_millis(1);
            bytes = rest;
        }
    }
}
