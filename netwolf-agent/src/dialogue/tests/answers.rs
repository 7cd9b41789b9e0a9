//! What a device asks while a command of a step runs.

use super::*;

fn answers(answers: &[(&str, &str)]) -> Arc<[Answer]> {
    let compiled = answers
        .iter()
        .map(|(ask, text)| Answer::new(ask, (*text).into()).unwrap());
    compiled.collect()
}

impl Bench {
    fn ask(&mut self, command: &str, answers: Arc<[Answer]>) -> &mut Self {
        let deadline = self.now + STEP;
        self.dialogue
            .start_command_answering(command, deadline, answers);
        self.expect(&format!("{command}\n"))
    }

    /// A silence in which an answer would be typed, and none is.
    #[track_caller]
    fn says_nothing(&mut self) -> &mut Self {
        self.now += QUIET;
        self.dialogue.handle_timeout(self.now);
        assert!(
            self.dialogue.poll_transmit().is_none(),
            "{:?}",
            self.dialogue
        );
        self
    }
}

/// Whose pattern fits everything: what a run would be submitted with to have a command typed behind another one.
fn anything() -> Arc<[Answer]> {
    answers(&[(".", "configure terminal\n")])
}

#[test]
fn questions_are_answered_in_silence_and_stay_in_the_output() {
    let copy = answers(&[(r"filename \[[^\]]*\]\? ?", "\n"), (r"\[confirm\]", "y")]);
    for split in [1, 5, usize::MAX] {
        let mut bench = Bench::ios();
        bench.split = split;
        bench
            .ask("copy run start", copy.clone())
            .device("copy run start\r\nDestination filename [startup-config]? ")
            .expect("\n");
        bench.device("\r\nOverwrite? [confirm]").expect("y");
        bench
            .device("\r\n[OK]\r\nrtr-1#")
            .expect_output("Destination filename [startup-config]? \nOverwrite? [confirm]\n[OK]\n");
        // The next command has answers of its own.
        bench
            .run("show log")
            .device("show log\r\nOverwrite? [confirm]");
        assert!(bench.dialogue.poll_transmit().is_none());
        bench
            .device("\r\nrtr-1#")
            .expect_output("Overwrite? [confirm]\n");
    }
}

#[test]
fn a_question_that_goes_on_is_none() {
    let mut bench = Bench::ios();
    bench
        .ask("show log", answers(&[("sure", "y\n")]))
        .device("show log\r\nare you sure");
    assert!(bench.dialogue.poll_transmit().is_none());
    bench
        .device(" of it\r\nrtr-1#")
        .expect_output("are you sure of it\n");
}

#[test]
fn a_question_without_an_answer_is_told_when_the_command_is_stopped() {
    let mut bench = Bench::ios();
    bench
        .run("reload")
        .device("reload\r\nProceed with reload? [confirm]");
    bench.now += STEP;
    bench.dialogue.handle_timeout(bench.now);
    bench.expect("\u{3}");
    bench.device("\r\nrtr-1#").expect_event(Event::TimedOut);
    assert_eq!(
        bench.dialogue.take_unanswered().as_deref(),
        Some("Proceed with reload? [confirm]")
    );
    assert_eq!(bench.dialogue.take_unanswered(), None);
    bench.run("show log").device("show log\r\nworking");
    bench.now += STEP;
    bench.dialogue.handle_timeout(bench.now);
    bench.expect("\u{3}");
    assert_eq!(bench.dialogue.take_unanswered(), None, "no question");
}

#[test]
fn withheld_answers_are_not_typed() {
    let mut bench = Bench::ios();
    bench
        .ask("reload", answers(&[(r"\[confirm\]", "y")]))
        .device("reload\r\nProceed? [confirm]");
    bench.dialogue.withhold_answers();
    bench.now += QUIET;
    bench.dialogue.handle_timeout(bench.now);
    assert!(bench.dialogue.poll_transmit().is_none());
}

#[test]
fn the_echo_of_the_command_is_no_question_however_slowly_it_comes() {
    for split in [1, 3, usize::MAX] {
        let mut bench = Bench::ios();
        bench.split = split;
        bench.ask("show version", anything());
        for piece in ["sh", "ow ver", "sion", "\r\n"] {
            bench.device(piece).says_nothing();
        }
        // Behind a prompt once more, as a device does that was behind.
        for piece in ["rtr-1#sh", "ow ", "version", "\r\n"] {
            bench.device(piece).says_nothing();
        }
        bench
            .device("It is one\r\nrtr-1#")
            .expect_output("It is one\n");
    }
}

#[test]
fn an_echo_that_was_not_expected_is_no_question_either() {
    let mut bench = echoes::silent();
    bench.ask("show version", anything());
    for piece in ["\r\n", "show", " version"] {
        bench.device(piece).says_nothing();
    }
    bench
        .device("\r\nIt is one\r\nrtr-1#")
        .expect_output("It is one\n");
    // A device that does not echo is answered all the same.
    echoes::silent()
        .ask("show more", anything())
        .device("Which one? ")
        .expect("configure terminal\n");
}

#[test]
fn no_answer_is_typed_behind_a_prompt() {
    let mut bench = Bench::ios();
    // The first time that a command is run, the prompt is believed after a silence, as a question is.
    bench.ask("show version", anything());
    bench.device("show version\r\nrtr-1#").expect_output("");
    assert_eq!(bench.dialogue.take_answered(), Vec::<String>::new());
    // Behind a line without end, and after another name of the device, nothing is typed but what asks for it again.
    bench
        .ask("show log", anything())
        .device("show log\r\nno line endrtr-1#")
        .expect_output("no line end");
    bench
        .ask("hostname new", anything())
        .device("hostname new\r\nnew#")
        .says_nothing()
        .wait()
        .expect("\n");
    assert_eq!(bench.dialogue.take_answered(), Vec::<String>::new());
}

#[test]
fn the_echo_of_an_answer_is_not_answered() {
    for split in [1, usize::MAX] {
        let mut bench = Bench::ios();
        bench.split = split;
        bench
            .ask("reload", answers(&[("(?i)y.*|sure.*", "yes\n")]))
            .device("reload\r\nAre you sure? ")
            .expect("yes\n");
        for piece in ["y", "es", "\r\n"] {
            bench.device(piece).says_nothing();
        }
        bench.device("Really, yes? ").expect("yes\n");
        // Not echoed, as a secret is not, or in stars.
        bench.device("**").says_nothing();
        bench.device("\r\nAre you sure now? ").expect("yes\n");
        bench.device("\r\nsure\r\n").expect("yes\n");
    }
}

#[test]
fn what_is_asked_again_and_again_ends_the_command() {
    let mut bench = Bench::ios();
    bench
        .ask("reload", answers(&[(r"\[confirm\]", "y\n")]))
        .device("reload\r\n");
    for _ in 0..8 {
        bench.device("Proceed? [confirm]").expect("y\n");
        bench.device("y\r\n");
    }
    bench.device("Proceed? [confirm]").expect("\u{3}");
    bench.device("^C\r\nrtr-1#").expect_event(Event::TimedOut);
    assert_eq!(
        bench.dialogue.take_asked_too_often().as_deref(),
        Some("Proceed? [confirm]")
    );
    assert_eq!(bench.dialogue.take_answered(), ["y"; 8]);
    bench
        .run("show clock")
        .device("show clock\r\nnow\r\nrtr-1#")
        .expect_output("now\n");
    assert_eq!(bench.dialogue.take_asked_too_often(), None);
}
