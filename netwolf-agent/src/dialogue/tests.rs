//! The dialogue, command by command, with one device that does as Cisco's do.

use netwolf_wire::{
    platform::{Enable, Keepalive, Pager, Platform, Question, Transport},
    status::Reason,
};
use proptest::prelude::*;

use super::*;

mod answers;
mod asking;
mod echoes;
mod prompts;

const STEP: Duration = Duration::from_secs(5);

fn platform() -> Platform {
    Platform {
        prompts: [(
            "privileged".into(),
            r"[A-Za-z0-9_.@/:-]{1,63}(?:\([a-z.-]+\))?[>#]".into(),
        )]
        .into(),
        setup: vec!["terminal length 0".into(), "terminal width 511".into()],
        pagers: vec![Pager {
            mark: " --More-- ".into(),
            answer: " ".into(),
        }],
        enable: Some(Enable {
            command: "enable".into(),
            password_prompt: "[Pp]assword: ?".into(),
            prompt_end: "#".into(),
        }),
        failures: vec!["^% (?:Invalid|Incomplete|Ambiguous)".into()],
        ..Platform::new("cisco_ios", Transport::Shell)
    }
}

/// A dialogue and the time it thinks it is.
struct Bench {
    dialogue: Dialogue,
    now: Instant,
    split: usize,
}

impl Bench {
    fn new(platform: &Platform, secret: Option<&str>) -> Self {
        let now = Instant::now();
        let manners = Arc::new(Manners::compile(platform).unwrap());
        let secret = secret.map(|secret| Secret::new(secret.into()));
        Self {
            dialogue: Dialogue::new(manners, secret, STEP, now),
            now,
            split: usize::MAX,
        }
    }

    fn ios() -> Self {
        let mut bench = Self::new(&platform(), None);
        bench.log_in("\r\nWelcome to #1\r\n\r\nrtr-1#");
        bench
    }

    fn log_in(&mut self, banner: &str) {
        self.device(banner).expect("\n");
        self.device("\r\nrtr-1#").expect("terminal length 0\n");
        self.device("terminal length 0\r\nrtr-1#")
            .expect("terminal width 511\n");
        self.device("terminal width 511\r\nrtr-1#")
            .expect_event(Event::Ready);
    }

    /// The device sends `text`, in pieces of `self.split` bytes.
    fn device(&mut self, text: &str) -> &mut Self {
        for piece in text.as_bytes().chunks(self.split.min(text.len()).max(1)) {
            self.dialogue.handle_data(piece, self.now);
        }
        self
    }

    fn run(&mut self, command: &str) -> &mut Self {
        self.dialogue.start_command(command, self.now + STEP);
        self.expect(&format!("{command}\n"))
    }

    /// Lets the silence pass after which a prompt is believed, if one is waited for.
    fn settle(&mut self) {
        let due = self.dialogue.poll_timeout();
        if due.is_some_and(|at| at <= self.now + QUIET) {
            self.wait();
        }
    }

    #[track_caller]
    fn expect(&mut self, sent: &str) -> &mut Self {
        if !sent.is_empty() && self.dialogue.transmit.is_empty() {
            self.settle();
        }
        let transmit = self.dialogue.poll_transmit().unwrap_or_default();
        assert_eq!(
            String::from_utf8_lossy(&transmit),
            sent,
            "{:?}",
            self.dialogue
        );
        assert_eq!(self.dialogue.poll_event(), None);
        self
    }

    #[track_caller]
    fn expect_event(&mut self, event: Event) -> &mut Self {
        if self.dialogue.events.is_empty() {
            self.settle();
        }
        assert_eq!(
            self.dialogue.poll_event(),
            Some(event),
            "{:?}",
            self.dialogue
        );
        self
    }

    #[track_caller]
    fn expect_output(&mut self, text: &str) -> &mut Self {
        self.expect_event(Event::Output(Output {
            text: text.into(),
            truncated: false,
            rejected: None,
        }))
    }

    #[track_caller]
    fn output(&mut self) -> Output {
        self.settle();
        match self.dialogue.poll_event() {
            Some(Event::Output(output)) => output,
            other => panic!("{other:?}: {:?}", self.dialogue),
        }
    }

    #[track_caller]
    fn expect_failure(&mut self, reason: Reason) -> Failure {
        match self.dialogue.poll_event() {
            Some(Event::Failed(failure)) => {
                assert_eq!(failure.reason, reason, "{failure:?}");
                failure
            }
            other => panic!("{other:?}"),
        }
    }

    /// Time goes on to the next timeout.
    fn wait(&mut self) -> &mut Self {
        self.now = self.dialogue.poll_timeout().unwrap();
        self.dialogue.handle_timeout(self.now);
        self
    }
}

#[test]
fn a_login_learns_the_prompt_and_sets_up() {
    Bench::ios();
}

#[test]
fn a_banner_that_ends_in_a_hash_is_not_a_prompt() {
    let mut bench = Bench::new(&platform(), None);
    // The read ended just where the banner looked like a prompt.
    bench.device("****\r\nrestricted#").expect("\n");
    bench.device("\r\nrtr-1#").expect("");
    bench.device("\r\nrtr-1#").expect("terminal length 0\n");
}

#[test]
fn a_device_that_waits_for_enter_is_nudged() {
    let mut bench = Bench::new(&platform(), None);
    bench.wait().expect("\n");
    bench.log_in("\r\nrtr-1#");
}

#[test]
fn no_prompt_is_a_failure_that_shows_the_last_line() {
    let mut bench = Bench::new(&platform(), None);
    bench.device("Your password has expired.\r\nNew password: ");
    while bench.dialogue.poll_timeout().is_some() {
        bench.wait();
        bench.dialogue.poll_transmit();
    }
    let failure = bench.expect_failure(Reason::NoPrompt);
    assert!(failure.message.contains("New password:"), "{failure:?}");
    assert!(failure.hint.is_some());
}

#[test]
fn output_is_without_echo_and_prompt() {
    let mut bench = Bench::ios();
    bench
        .run("show clock")
        .device("show clock\r\n*10:11:12.123 UTC\r\nrtr-1#")
        .expect_output("*10:11:12.123 UTC\n");
    bench
        .run("show empty")
        .device("show empty\r\nrtr-1#")
        .expect_output("");
}

#[test]
fn a_prompt_with_a_space_at_its_end_is_learned() {
    let mut platform = platform();
    platform.prompts = [("user".into(), r"\S+\$ ?".into())].into();
    platform.setup.clear();
    let mut bench = Bench::new(&platform, None);
    bench
        .device("user@box:~$")
        .expect("\n")
        .device(" \r\nuser@box:~$ ")
        .expect_event(Event::Ready);
    bench
        .run("id")
        .device("id\r\nroot\r\nuser@box:~$ ")
        .expect_output("root\n");
}

#[test]
fn a_refused_command_is_told_in_the_devices_words() {
    let mut bench = Bench::ios();
    bench
        .run("shwo")
        .device("shwo\r\n  ^\r\n% Invalid input detected at '^' marker.\r\n\r\nrtr-1#");
    let output = bench.output();
    assert_eq!(
        output.rejected.as_deref(),
        Some("% Invalid input detected at '^' marker.")
    );
    // The next one is fine again.
    bench
        .run("show x")
        .device("show x\r\nok\r\nrtr-1#")
        .expect_output("ok\n");
}

#[test]
fn a_refused_set_up_command_does_not_end_the_session() {
    let mut bench = Bench::new(&platform(), None);
    bench
        .device("rtr-1>")
        .expect("\n")
        .device("\r\nrtr-1>")
        .expect("terminal length 0\n");
    bench
        .device("terminal length 0\r\n% Invalid input detected\r\nrtr-1>")
        .expect("terminal width 511\n");
    bench
        .device("terminal width 511\r\n% Invalid input detected\r\nrtr-1>")
        .expect_event(Event::Ready);
}

#[test]
fn a_late_command_is_interrupted_and_its_output_dropped() {
    let mut bench = Bench::ios();
    bench
        .run("show tech")
        .device("show tech\r\nlots")
        .wait()
        .expect("\u{3}");
    bench
        .device("of output\r\n^C\r\nrtr-1#")
        .expect_event(Event::TimedOut);
    bench
        .run("show clock")
        .device("show clock\r\nnow\r\nrtr-1#")
        .expect_output("now\n");
}

#[test]
fn a_device_that_hangs_is_given_up() {
    let mut bench = Bench::ios();
    bench
        .run("show tech")
        .wait()
        .expect("\u{3}")
        .wait()
        .expect_event(Event::Broken);
    assert_eq!(bench.dialogue.poll_timeout(), None);
}

#[test]
fn a_flood_is_cut_marked_and_drained_to_the_prompt() {
    let mut bench = Bench::ios();
    bench.run("show flood").device("show flood\r\n");
    let line = "0123456789".repeat(10) + "\r\n";
    for _ in 0..50_000 {
        bench.device(&line);
        assert!(bench.dialogue.held() <= 3 * MAX_OUTPUT);
    }
    bench.device("rtr-1#");
    let output = bench.output();
    assert!(output.truncated);
    assert!(output.text.len() > MAX_OUTPUT - 200 && output.text.ends_with("789\n"));
    bench
        .run("show clock")
        .device("show clock\r\nnow\r\nrtr-1#")
        .expect_output("now\n");
}

/// What is received in answer to each thing sent: a login, a paged command, a refusal, a plain command.
const TRANSCRIPT: &[(&str, &str)] = &[
    ("", "\x1b[2J\r\nWelcome #\r\n\0\r\nrtr-1#"),
    ("\n", "\r\nrtr-1#"),
    ("terminal length 0\n", "terminal length 0\r\nrtr-1#"),
    ("terminal width 511\n", "terminal width 511\r\nrtr-1#"),
    (
        "show version\n",
        "show version\r\nCisco \x1b[1mIOS\x1b[0m\r\n\r\nrtr-1 uptime\r\n --More-- ",
    ),
    (
        " ",
        "\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08          \x08\x08\x08\x08\x08\x08\x08\x08\x08\x08more\r\r\nrtr-1#",
    ),
    ("shwo\n", "shwo\r\n% Invalid input\r\nrtr-1#"),
    ("show clock\n", "show clock\r\n10:11\r\nrtr-1#"),
];

/// Plays the transcript with reads cut as `cuts` says, and returns all events.
fn play(cuts: &[usize]) -> Vec<Event> {
    let mut bench = Bench::new(&platform(), None);
    let mut commands = ["show version", "shwo", "show clock"].into_iter();
    let mut cuts = cuts.iter().copied().cycle();
    let mut events = Vec::new();
    for (sent, received) in TRANSCRIPT {
        let transmit = bench.dialogue.poll_transmit().unwrap_or_default();
        assert_eq!(String::from_utf8_lossy(&transmit), *sent);
        let mut rest = received.as_bytes();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(cuts.next().unwrap().clamp(1, rest.len()));
            bench.dialogue.handle_data(piece, bench.now);
            rest = after;
        }
        bench.settle();
        while let Some(event) = bench.dialogue.poll_event() {
            events.push(event);
            if let Some(command) = commands.next() {
                bench.dialogue.start_command(command, bench.now + STEP);
            }
        }
    }
    events
}

#[test]
fn the_transcript_reads_as_it_should() {
    let events = play(&[usize::MAX]);
    assert_eq!(events.len(), 4, "{events:?}");
    assert!(
        matches!(&events[1], Event::Output(output) if output.text == "Cisco IOS\n\nrtr-1 uptime\nmore\n"),
        "{events:?}"
    );
    assert!(matches!(&events[2], Event::Output(output) if output.rejected.is_some()));
    assert!(matches!(&events[3], Event::Output(output) if output.text == "10:11\n"));
}

proptest! {
    #[test]
    fn any_split_of_a_transcript_gives_the_same_events(cuts in proptest::collection::vec(1_usize..12, 1..20)) {
        prop_assert_eq!(play(&cuts), play(&[usize::MAX]));
    }

    #[test]
    fn nothing_that_a_device_sends_makes_it_panic(reads in proptest::collection::vec(
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..50),
            Just(b"rtr-1#".to_vec()), Just(b"\r\n".to_vec()), Just(b" --More-- ".to_vec()), Just(b"show x\r\n".to_vec()),
        ], 0..60,
    )) {
        let mut bench = Bench::new(&platform(), Some("s3cret"));
        for read in reads {
            bench.dialogue.handle_data(&read, bench.now);
            bench.dialogue.poll_transmit();
            while let Some(event) = bench.dialogue.poll_event() {
                if matches!(event, Event::Ready | Event::Output(_) | Event::TimedOut) {
                    bench.dialogue.start_command("show x", bench.now + STEP);
                }
            }
            if bench.dialogue.poll_timeout().is_some() {
                bench.now += Duration::from_millis(700);
                bench.dialogue.handle_timeout(bench.now);
            }
        }
    }
}
