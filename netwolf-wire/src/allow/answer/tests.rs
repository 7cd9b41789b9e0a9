//! Each rule for answers, with what gets by and what does not.

use super::*;
use crate::{
    Span,
    allow::tests::order,
    platform::{Platform, Transport},
    step::{MAX_COMMAND, StepOrder},
};

fn answer(text: &str) -> StepAnswer {
    StepAnswer {
        ask: ".".into(),
        answer: text.into(),
        bare: false,
    }
}

fn answered(text: &str, answers: &[&str]) -> StepCommand {
    StepCommand {
        text: text.into(),
        timeout: Span::from_secs(1),
        expect: Vec::new(),
        reject: Vec::new(),
        answers: answers.iter().map(|text| answer(text)).collect(),
    }
}

fn judge() -> Judge {
    let mut platform = Platform::new("lab_os", Transport::Shell);
    platform.reads = vec!["show".into()];
    platform.writes = vec![r"\| *redirect".into()];
    Judge::new(&platform)
}

fn login(name: &str, allow: &[&str]) -> Login {
    Login {
        allow: allow.iter().copied().map(Into::into).collect(),
        ..Login::named(name)
    }
}

/// All words of up to four letters of an alphabet from which the plain answers can be made, and some more.
fn words() -> Vec<String> {
    let letters = [
        'y', 'n', 'e', 's', 'o', 'Y', 'N', 'E', 'S', 'O', ' ', '1', 'q',
    ];
    let mut words = vec![String::new()];
    let mut longest = words.clone();
    for _ in 0..4 {
        let longer = longest
            .iter()
            .flat_map(|word| letters.map(|letter| format!("{word}{letter}")));
        longest = longer.collect();
        words.extend(longest.iter().cloned());
    }
    words
}

#[test]
fn exactly_return_y_n_yes_and_no_are_plain() {
    let plain: Vec<_> = words()
        .into_iter()
        .filter(|it| is_plain_answer(it))
        .collect();
    assert!(plain.iter().all(|word| {
        let lower = word.to_lowercase();
        ["", "y", "n", "yes", "no"].contains(&lower.as_str())
    }));
    // One way to write Return, two of y and of n, four of no, eight of yes.
    assert_eq!(plain.len(), 1 + 2 + 2 + 4 + 8, "{plain:?}");
}

#[test]
fn what_only_reads_is_answered_by_plain_answers_and_nothing_else() {
    for word in words() {
        let told = check_answer(false, "show version", &answer(&word));
        assert_eq!(told.is_ok(), is_plain_answer(&word), "{word:?}");
    }
    for other in [
        "configure terminal",
        "hostname owned",
        "show version",
        "reload",
        "q",
        "a",
        "0",
        " y",
        "y ",
        "no shutdown",
        "yes; reboot",
        "\u{ff59}",
        "\u{ff59}\u{ff45}\u{ff53}",
        "ye\u{17f}",
    ] {
        for bare in [false, true] {
            let refused = check_answer(
                false,
                "show version",
                &StepAnswer {
                    bare,
                    ..answer(other)
                },
            );
            let refused = refused.unwrap_err();
            assert!(
                matches!(&refused, Refused::AnswerDoesMore { answer, .. } if answer == other),
                "{refused}"
            );
            assert!(refused.hint().unwrap().contains("`changes: true`"));
            assert!(refused.to_string().contains("\"show version\""));
        }
        assert_eq!(check_answer(true, "copy run start", &answer(other)), Ok(()));
    }
}

#[test]
fn an_answer_is_one_line_of_what_people_see_whatever_the_step_does() {
    for changes in [false, true] {
        for text in [
            "y\nreload",
            "y\r",
            "\u{3}",
            "\u{202e}y",
            "y\u{200b}",
            "\u{feff}",
        ] {
            let refused = check_answer(changes, "reload", &answer(text));
            assert!(matches!(refused, Err(Refused::Unseen { .. })), "{text:?}");
        }
        let long = "y".repeat(MAX_COMMAND + 1);
        let refused = check_answer(changes, "reload", &answer(&long));
        assert!(matches!(refused, Err(Refused::TooLong { .. })));
    }
}

#[test]
fn a_credential_that_may_type_few_things_answers_no_other_ones() {
    let own = login("changer", &["copy", "startup-config"]);
    let judged = |own: Option<&Login>, text: &str| {
        let command = answered("copy running-config startup-config", &["y", text]);
        judge().judge_answers(&login("monitoring", &["show"]), true, own, &command)
    };
    for text in ["", "yes", "startup-config", "copy x y"] {
        assert_eq!(judged(Some(&own), text), Ok(()), "{text:?}");
    }
    for text in ["reload", "configure terminal"] {
        let refused = judged(Some(&own), text).unwrap_err();
        assert!(matches!(refused, Refused::NotAllowed { .. }), "{refused}");
    }
    let refused = judged(Some(&own), "copy x | redirect flash:y").unwrap_err();
    assert!(
        matches!(refused, Refused::BeyondAllowed { .. }),
        "{refused}"
    );
    // One that may do everything answers everything, and the device's own by name is no other one.
    assert_eq!(judged(Some(&login("changer", &[])), "reload"), Ok(()));
    assert!(judged(Some(&login("monitoring", &[])), "reload").is_err());
    assert!(judged(None, "reload").is_err());
}

#[test]
fn answers_of_a_whole_step_are_judged_and_those_to_verify_are_to_a_read() {
    let mut step = order(vec![
        answered("show clock", &["Y"]),
        answered("show version", &["", "configure terminal"]),
    ]);
    let monitoring = login("monitoring", &["show"]);
    let judged = |step: &StepOrder| judge().judge_step(&monitoring, step);
    assert!(matches!(judged(&step), Err(Refused::AnswerDoesMore { .. })));
    step.commands[1].answers.pop();
    assert_eq!(judged(&step), Ok(()));
    step.verify = Some(answered("show ntp", &["hostname owned"]));
    assert!(matches!(judged(&step), Err(Refused::AnswerDoesMore { .. })));
    step.commands = vec![answered("ntp update", &["hostname owned"])];
    (step.changes, step.login) = (true, Some(login("changer", &[])));
    assert!(matches!(judged(&step), Err(Refused::AnswerDoesMore { .. })));
    step.verify = Some(answered("show ntp", &["no"]));
    assert_eq!(judged(&step), Ok(()));
}
