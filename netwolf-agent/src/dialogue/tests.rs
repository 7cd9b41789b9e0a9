use netwolf_wire::platform::{Enable, Pager, Platform, Transport};
use proptest::prelude::*;

use super::*;

const STEP: Duration = Duration::from_secs(5);

fn platform() -> Platform {
    Platform {
        name: "cisco_ios".into(),
        description: String::new(),
        transport: Transport::Shell,
        prompt: Some(r"[A-Za-z0-9_.@/:-]{1,63}(?:\([a-z.-]+\))?[>#]".into()),
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
        newline: "\n".into(),
        interrupt: "\u{3}".into(),
        width: 511,
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

    #[track_caller]
    fn expect(&mut self, sent: &str) -> &mut Self {
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
    platform.prompt = Some(r"\S+\$ ?".into());
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
fn the_pager_is_answered_and_leaves_no_trace() {
    let mut bench = Bench::ios();
    bench
        .run("show version")
        .device("show version\r\none\r\n --More-- ")
        .expect(" ");
    bench
        .device("\x08\x08\x08\x08\x08\x08\x08\x08\x08        \x08\x08\x08\x08\x08\x08\x08\x08\x08two\r\n --More-- ")
        .expect(" ");
    bench
        .device("\rthree\r\nrtr-1#")
        .expect_output("one\ntwo\nthree\n");
}

#[test]
fn a_refused_command_is_told_in_the_devices_words() {
    let mut bench = Bench::ios();
    bench
        .run("shwo")
        .device("shwo\r\n  ^\r\n% Invalid input detected at '^' marker.\r\n\r\nrtr-1#");
    let Some(Event::Output(output)) = bench.dialogue.poll_event() else {
        panic!()
    };
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
fn prompts_in_output_lines_do_not_end_it() {
    let mut bench = Bench::ios();
    bench
        .run("show log")
        .device("show log\r\nrtr-1#reload\r\nuser typed rtr-1#\r\nrtr-1#");
    bench.expect_output("rtr-1#reload\nuser typed rtr-1#\n");
}

#[test]
fn a_line_that_was_taken_for_the_prompt_makes_us_wait_for_silence() {
    let mut bench = Bench::ios();
    // The read ended just after a copy of the prompt, which nobody can tell from the prompt itself.
    bench
        .run("show x")
        .device("show x\r\nrtr-1#")
        .expect_output("");
    bench.device("\r\nthe rest\r\nrtr-1#");
    for _ in 0..2 {
        bench.run("show x").device("show x\r\nrtr-1#").expect("");
        bench
            .device("\r\nthe rest\r\nrtr-1#")
            .expect("")
            .wait()
            .expect_output("rtr-1#\nthe rest\n");
    }
}

#[test]
fn output_without_line_end_is_believed_after_a_silence() {
    let mut bench = Bench::ios();
    bench
        .run("more x")
        .device("more x\r\nlast linertr-1#")
        .expect("");
    bench.wait().expect_output("last line");
}

#[test]
fn late_prompts_are_harmless() {
    let mut bench = Bench::ios();
    bench.device("\r\nrtr-1#");
    bench
        .run("show clock")
        .device("\r\nrtr-1#")
        .device("show clock\r\nnow\r\nrtr-1#")
        .expect_output("now\n");
}

#[test]
fn a_device_without_echo_works_too() {
    let mut bench = Bench::new(&platform(), None);
    bench
        .device("rtr-1#")
        .expect("\n")
        .device("\r\nrtr-1#")
        .expect("terminal length 0\n");
    bench
        .device("\r\nrtr-1#")
        .expect("")
        .wait()
        .expect("terminal width 511\n");
    bench
        .device("\r\nrtr-1#")
        .expect("")
        .wait()
        .expect_event(Event::Ready);
    bench
        .run("show clock")
        .device("now\r\nrtr-1#")
        .expect_output("now\n");
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
        assert!(bench.dialogue.cleaner.held() <= MAX_OUTPUT + 200);
    }
    bench.device("rtr-1#");
    let Some(Event::Output(output)) = bench.dialogue.poll_event() else {
        panic!()
    };
    assert!(output.truncated);
    assert!(output.text.len() > MAX_OUTPUT - 200 && output.text.ends_with("789\n"));
    bench
        .run("show clock")
        .device("show clock\r\nnow\r\nrtr-1#")
        .expect_output("now\n");
}

#[test]
fn enable_answers_the_question_and_learns_the_new_prompt() {
    let mut bench = Bench::new(&platform(), Some("s3cret"));
    bench
        .device("rtr-1>")
        .expect("\n")
        .device("\r\nrtr-1>")
        .expect("enable\n");
    bench.device("enable\r\nPassword: ").expect("s3cret\n");
    bench
        .device("\r\nrtr-1#")
        .expect("\n")
        .device("\r\nrtr-1#")
        .expect("terminal length 0\n");
    assert!(!format!("{:?}", bench.dialogue).contains("s3cret"));
}

#[test]
fn a_privileged_login_needs_no_enable() {
    let mut bench = Bench::new(&platform(), Some("s3cret"));
    bench.log_in("rtr-1#");
}

#[test]
fn a_wrong_enable_secret_is_a_failure() {
    let mut bench = Bench::new(&platform(), Some("wrong"));
    bench
        .device("rtr-1>")
        .expect("\n")
        .device("\r\nrtr-1>")
        .expect("enable\n");
    bench
        .device("enable\r\nPassword: ")
        .expect("wrong\n")
        .device("\r\nPassword: ");
    let failure = bench.expect_failure(Reason::EnableFailed);
    assert!(!failure.message.contains("wrong"));

    let mut bench = Bench::new(&platform(), Some("wrong"));
    bench
        .device("rtr-1>")
        .expect("\n")
        .device("\r\nrtr-1>")
        .expect("enable\n");
    bench.device("enable\r\n% No password set\r\nrtr-1>");
    let failure = bench.expect_failure(Reason::EnableFailed);
    assert!(failure.message.contains("% No password set"), "{failure:?}");
}

#[test]
fn text_that_nobody_asked_for_is_dropped() {
    let mut bench = Bench::ios();
    bench.device("\r\n*Mar  1 00:01:02: %SYS-5-CONFIG_I: Configured\r\nrtr-1#");
    bench
        .run("show clock")
        .device("show clock\r\nnow\r\nrtr-1#")
        .wait()
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

#[test]
fn a_line_that_nobody_asked_for_slows_no_command_down() {
    let mut bench = Bench::ios();
    bench.now += Duration::from_secs(3);
    bench.device("\r\n*Mar  1 00:01:02: %SYS-5-CONFIG_I: Configured\r\nrtr-1#");
    bench
        .run("show clock")
        .device("show clock\r\nnow\r\nrtr-1#")
        .expect_output("now\n");
}

#[test]
fn a_hundred_clean_commands_end_the_doubt() {
    let mut bench = Bench::ios();
    bench.device("\r\nlate\r\nrtr-1#");
    for _ in 0..100 {
        bench
            .run("show clock")
            .device("show clock\r\nnow\r\nrtr-1#")
            .expect("")
            .wait()
            .expect_output("now\n");
    }
    bench
        .run("show clock")
        .device("show clock\r\nnow\r\nrtr-1#")
        .expect_output("now\n");
}

/// At the point where `enable` was typed.
fn enabling() -> Bench {
    let mut bench = Bench::new(&platform(), Some("s3cret"));
    bench
        .device("rtr-1>")
        .expect("\n")
        .device("\r\nrtr-1>")
        .expect("enable\n");
    bench
}

#[test]
fn late_prompts_of_a_slow_login_do_not_refuse_enable() {
    let mut bench = enabling();
    // Answers to newlines that were typed while nothing came.
    bench.device("\r\nrtr-1>").device("\r\nrtr-1>").expect("");
    bench
        .device("enable\r\nPassword: ")
        .expect("s3cret\n")
        .device("\r\nrtr-1>")
        .expect("")
        .device("\r\nrtr-1#")
        .expect("\n")
        .device("\r\nrtr-1#")
        .expect("terminal length 0\n");
}

#[test]
fn a_refusal_of_enable_without_a_word_is_believed_after_a_silence() {
    for asks in [false, true] {
        let mut bench = enabling();
        if asks {
            bench.device("enable\r\nPassword: ").expect("s3cret\n");
            bench.device("\r\nrtr-1>");
        } else {
            bench.device("enable\r\nrtr-1>");
        }
        let start = bench.now;
        bench.expect("").wait();
        assert_eq!(bench.now - start, QUIET);
        bench.expect_failure(Reason::EnableFailed);
    }
}

#[test]
fn an_enable_that_was_not_echoed_and_not_asked_for_is_judged_at_the_deadline() {
    let mut bench = enabling();
    let start = bench.now;
    bench.device("\r\n% odd\r\nrtr-1>").expect("").wait();
    assert_eq!(bench.now - start, STEP);
    bench.expect_failure(Reason::EnableFailed);
}

#[test]
fn secrets_are_neither_in_messages_nor_in_debug_output() {
    let mut bench = enabling();
    bench.device("enable\r\nPassword: ");
    let shown = format!("{:?}", bench.dialogue);
    let bytes = format!("{:?}", b"s3cret").replace(['[', ']'], "");
    assert!(
        !shown.contains("s3cret") && !shown.contains(&bytes),
        "{shown}"
    );
    bench
        .expect("s3cret\n")
        .device("\r\n% s3cret is wrong, hunter2 is not it either\r\nrtr-1>");
    let failure = bench.expect_failure(Reason::EnableFailed);
    assert!(!failure.message.contains("s3cret"), "{failure:?}");
    assert!(failure.message.contains("% *** is wrong"), "{failure:?}");

    let mut bench = Bench::ios();
    bench.dialogue = bench.dialogue.hiding(Some(Secret::new("hunter2".into())));
    bench
        .run("hunter")
        .device("hunter\r\n% Invalid input hunter2\r\nrtr-1#");
    match bench.dialogue.poll_event() {
        Some(Event::Output(output)) => {
            assert_eq!(output.rejected.as_deref(), Some("% Invalid input ***"));
        }
        other => panic!("{other:?}"),
    }
}
