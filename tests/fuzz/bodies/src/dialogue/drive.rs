//! A dialogue that is fed whatever the fuzzer likes, and what must hold then. Run by the fuzz target and, over
//! seeded mutations, by the agent's own tests, so that it never rots.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use netwolf_agent::dialogue::{Dialogue, Event, MAX_OUTPUT, Manners, Secret};

/// Bound on each step of the login and on each command.
const PATIENCE: Duration = Duration::from_secs(5);

/// So many timeouts lead to an end, whatever came before: none of them waits for ever.
const MAX_TIMEOUTS: usize = 200;

/// Plays `data` as what a device of one of `platforms` sends. The first byte chooses the platform; after it,
/// each byte says how long the next read is and whether time passes behind it, and the read follows.
/// Returns how many commands were started.
///
/// # Panics
/// When the dialogue does what it must not.
pub(crate) fn drive(platforms: &[Arc<Manners>], data: &[u8]) -> u32 {
    let Some((first, mut rest)) = data.split_first() else {
        return 0;
    };
    let manners = platforms[usize::from(*first) % platforms.len()].clone();
    let secret = (first & 0x80 != 0).then(|| Secret::new("s3cret".into()));
    let now = Instant::now();
    let mut player = Player {
        dialogue: Dialogue::new(manners, secret, PATIENCE, now),
        now,
        commands: 0,
        waits: false,
        over: false,
    };
    while let Some((control, after)) = rest.split_first() {
        let length = usize::from(control & 0x3f).min(after.len());
        let (read, after) = after.split_at(length);
        rest = after;
        player.dialogue.handle_data(read, player.now);
        player.look();
        match control >> 6 {
            1 => player.now += Duration::from_millis(50),
            2 => player.pass(Duration::from_millis(400)),
            3 => player.pass(Duration::from_secs(6)),
            _ => {}
        }
    }
    player.end();
    player.commands
}

struct Player {
    dialogue: Dialogue,
    now: Instant,
    commands: u32,
    /// A command is under way.
    waits: bool,
    over: bool,
}

impl Player {
    /// Takes what happened; starts a command whenever one can be.
    fn look(&mut self) {
        self.dialogue.poll_transmit();
        assert!(self.dialogue.held() <= 3 * MAX_OUTPUT, "memory is bounded");
        while let Some(event) = self.dialogue.poll_event() {
            assert!(!self.over, "nothing happens after the end: {event:?}");
            match event {
                Event::Ready => assert_eq!(self.commands, 0, "a login happens once"),
                Event::Output(output) => {
                    assert!(self.waits, "output belongs to a command");
                    assert!(output.text.len() <= 2 * MAX_OUTPUT, "output is bounded");
                    let raw = output.text.bytes();
                    let raw = raw.filter(|byte| *byte < b' ' && !b"\n\t".contains(byte));
                    assert_eq!(raw.count(), 0, "output is text: {:?}", output.text);
                }
                Event::TimedOut => assert!(self.waits, "a command timed out"),
                Event::Broken | Event::Failed(_) => {
                    self.over = true;
                    continue;
                }
            }
            // Some are run again, so that they are known.
            let text = ["show version", "show clock", "display x"][self.commands as usize % 3];
            self.dialogue.start_command(text, self.now + PATIENCE);
            self.commands += 1;
            self.waits = true;
            self.dialogue.poll_transmit();
        }
    }

    /// So much time passes.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        for _ in 0..MAX_TIMEOUTS {
            match self.dialogue.poll_timeout() {
                Some(at) if at <= until => {
                    self.now = self.now.max(at);
                    self.dialogue.handle_timeout(self.now);
                    self.look();
                }
                _ => {
                    self.now = until;
                    return;
                }
            }
        }
        panic!("timeouts without end: {:?}", self.dialogue);
    }

    /// The device says nothing more: whatever is under way must end.
    fn end(&mut self) {
        for _ in 0..MAX_TIMEOUTS {
            if self.over {
                assert_eq!(self.dialogue.poll_timeout(), None);
                return;
            }
            let Some(at) = self.dialogue.poll_timeout() else {
                panic!("it waits for nothing: {:?}", self.dialogue);
            };
            self.now = self.now.max(at);
            self.dialogue.handle_timeout(self.now);
            self.look();
        }
        panic!("it waits for ever: {:?}", self.dialogue);
    }
}
