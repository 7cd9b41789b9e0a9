//! What the device asks: pagers, questions at login, the secret for `enable`; and what keeps an idle session.

use super::*;

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
    bench.dialogue = bench
        .dialogue
        .hiding(Some(Secret::new("hunter2".into()).imprint()));
    bench
        .run("hunter")
        .device("hunter\r\n% Invalid input hunter2\r\nrtr-1#");
    assert_eq!(
        bench.output().rejected.as_deref(),
        Some("% Invalid input ***")
    );
}

fn keeping() -> Platform {
    let mut platform = platform();
    platform.setup.clear();
    platform.keepalive = Keepalive::Newline;
    platform
}

#[test]
fn an_idle_session_is_kept_by_empty_lines_whose_prompts_are_no_output() {
    for echoes in [true, false] {
        let echo = if echoes { "show clock" } else { "" };
        let reply = format!("{echo}\r\nnow\r\nrtr-1#");
        let mut bench = Bench::new(&keeping(), None);
        bench
            .device("rtr-1#")
            .expect("\n")
            .device("\r\nrtr-1#")
            .expect_event(Event::Ready);
        bench
            .run("show clock")
            .device(&reply)
            .expect_output("now\n");
        let start = bench.now;
        bench.wait().expect("\n").device("\r\nrtr-1#").expect("");
        assert_eq!(bench.now - start, KEEPALIVE);
        bench.wait().expect("\n");
        assert_eq!(bench.now - start, 2 * KEEPALIVE);
        bench.device("\r\nrtr-1#");
        bench
            .run("show clock")
            .device(&reply)
            .expect_output("now\n");
        // A command crosses the answer, which comes first and by itself, or with the output.
        for together in [false, true] {
            bench.wait().expect("\n").run("show clock");
            if together {
                bench.device(&format!("\r\nrtr-1#{reply}"));
            } else {
                bench.device("\r\nrtr-1#").device(&reply);
            }
            bench.expect_output("now\n");
        }
    }
}

#[test]
fn nothing_is_typed_into_an_idle_session_that_need_not_be_kept_so() {
    let bench = Bench::ios();
    assert_eq!(bench.dialogue.poll_timeout(), None);
}

fn asking(questions: &[(&str, Option<&str>)]) -> Platform {
    let mut platform = platform();
    platform.setup = vec!["screen-width 511".into()];
    platform.questions = questions
        .iter()
        .map(|(ask, answer)| Question {
            ask: (*ask).into(),
            answer: answer.map(Into::into),
        })
        .collect();
    platform
}

#[test]
fn questions_at_login_and_set_up_are_answered_after_a_silence() {
    let platform = asking(&[
        ("Press any key to continue", Some(" ")),
        (r"\[Y/N\]:?", Some("y\n")),
    ]);
    for split in [1, 3, usize::MAX] {
        let mut bench = Bench::new(&platform, None);
        bench.split = split;
        bench
            .device("Copyright\r\n# Press any key to continue or none\r\nPress any key to continue")
            .expect("")
            .wait()
            .expect(" ");
        bench
            .device("\x1b[2J\r\nrtr-1#")
            .expect("\n")
            .device("\r\nrtr-1#")
            .expect("screen-width 511\n");
        bench
            .device("screen-width 511\r\nAre you sure? [Y/N]:")
            .expect("")
            .wait()
            .expect("y\n");
        bench.device("y\r\nrtr-1#").expect_event(Event::Ready);
    }
}

#[test]
fn a_question_without_an_answer_fails_the_login_and_is_quoted() {
    let platform = asking(&[
        (r"(?i)change the password\? \[Y/N\]:", None),
        ("(?i)accept the licence", None),
    ]);
    let mut bench = Bench::new(&platform, None);
    bench
        .device("The password needs to be changed.\r\nChange the password? [Y/N]: ")
        .wait();
    let failure = bench.expect_failure(Reason::PasswordChange);
    assert!(
        failure.message.contains("\"Change the password? [Y/N]:\""),
        "{failure:?}"
    );
    assert!(failure.hint.is_some());
    let mut bench = Bench::new(&platform, None);
    bench.device("Do you accept the licence").wait();
    bench.expect_failure(Reason::NoPrompt);
}

#[test]
fn a_question_that_comes_again_and_again_fails_the_login() {
    let platform = asking(&[("Press any key", Some(" "))]);
    let mut bench = Bench::new(&platform, None);
    for _ in 0..3 {
        bench.device("Press any key").wait().expect(" ");
    }
    bench.device("Press any key").wait();
    let failure = bench.expect_failure(Reason::NoPrompt);
    assert!(failure.message.contains("again and again"), "{failure:?}");
}

#[test]
fn a_pager_mark_behind_other_text_is_answered_after_a_silence_only() {
    let mut bench = Bench::ios();
    bench
        .run("show x")
        .device("show x\r\nthe mark is --More--")
        .expect("")
        .device(" and this is no pager\r\nlines --More--")
        .expect("")
        .wait()
        .expect(" ");
    bench
        .device("\r       \rend\r\nrtr-1#")
        .expect_output("the mark is --More-- and this is no pager\nend\n");
}

#[test]
fn no_newline_goes_into_a_question_that_nobody_knows() {
    for asked in ["Reload now? ", "Accept [yes]:", "Continue (y/n)", "[Y/n]"] {
        let mut bench = Bench::new(&platform(), None);
        let start = bench.now;
        bench.device(&format!("Welcome\r\n{asked}"));
        while bench.dialogue.events.is_empty() {
            bench.expect("").wait();
        }
        assert_eq!(bench.now - start, STEP);
        bench.expect_failure(Reason::NoPrompt);
    }
    // A device that has said nothing at all is sent one.
    let mut bench = Bench::new(&platform(), None);
    bench.wait().expect("\n");
}

#[test]
fn a_banner_that_goes_on_is_no_prompt() {
    let mut bench = Bench::new(&platform(), None);
    bench.device("\r\nrtr#").expect("");
    bench.device(" press a key\r\nReload? [yes]").expect("");
    bench.device("\r\nrtr-1#").expect("").wait().expect("\n");
}

#[test]
fn an_idle_session_is_not_kept_by_answering_what_it_asks() {
    let mut bench = Bench::new(&keeping(), None);
    bench
        .device("rtr-1#")
        .expect("\n")
        .device("\r\nrtr-1#")
        .expect_event(Event::Ready);
    bench
        .device("\r\nSystem goes down, proceed? [confirm]")
        .wait()
        .expect("");
    bench.device("\r\nrtr-1#").wait().expect("\n");
}

proptest! {
    /// Whatever a device says at login and however late: while a question of its platform stands at the end,
    /// nothing but its answer is typed.
    #[test]
    fn no_newline_is_typed_while_a_question_stands(
        pieces in prop::collection::vec(
            (
                prop::sample::select(vec![
                    "Welcome", "\r\n", "rtr-1#", "\r\nrtr-1#", "Proceed [yes]", "\r\nProceed [yes] ", "any key", " ", "#",
                ]),
                0_u64..2500,
            ),
            0..30,
        ),
    ) {
        let platform = asking(&[(r"Proceed \[yes\] ?$", Some("no.")), ("any key$", Some("x"))]);
        let mut bench = Bench::new(&platform, None);
        let mut said = String::new();
        for (piece, pause) in pieces {
            said.push_str(piece);
            bench.device(piece);
            let until = bench.now + Duration::from_millis(pause);
            loop {
                let asks = said.ends_with("Proceed [yes]") || said.ends_with("Proceed [yes] ") || said.ends_with("any key");
                let sent = bench.dialogue.poll_transmit().unwrap_or_default();
                prop_assert!(!(asks && sent.contains(&b'\n')), "{said:?}: {sent:?}");
                if !sent.is_empty() && asks {
                    said.clear();
                }
                match bench.dialogue.poll_timeout() {
                    Some(at) if at <= until => {
                        bench.now = at;
                        bench.dialogue.handle_timeout(at);
                    }
                    _ => break,
                }
            }
            bench.now = until;
        }
    }
}
