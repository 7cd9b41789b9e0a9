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
