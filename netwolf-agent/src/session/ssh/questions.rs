//! What to answer to the questions of `keyboard-interactive`. Pure.
//!
//! ```text
//!   a question of the platform   its answer; none means that a person must decide
//!   hidden, just "Password:"     the password, whatever is written above it
//!   wants a new password         nobody is answered: a person must change it
//!   hidden, wants a code         nobody is answered: the password is not told to who asked for something else
//!   hidden, anything else        the password, in the first round that asks for one
//!   shown, wants a name          the user's name
//!   shown, anything else         nobody is answered; the failure quotes it
//! ```

use std::sync::LazyLock;

use netwolf_wire::{
    platform::Question,
    status::{Failure, Reason},
};
use regex::Regex;

use crate::dialogue::manners::excerpt;

/// What to answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// This.
    Text(String),
    /// The credential's password.
    Password,
    /// The user's name.
    Username,
}

/// What to answer to `prompt`, which stands below `instructions`; `echo` is whether the answer would be shown, and
/// `told` whether the device was told the password before.
///
/// # Errors
/// Nobody knows an answer, or nobody but a person may give it; quotes the question, without what `hide` takes out.
pub(super) fn answer(
    questions: &[Question],
    instructions: &str,
    prompt: &str,
    echo: bool,
    told: bool,
    hide: &dyn Fn(&str) -> String,
) -> Result<Answer, Failure> {
    let shown = if prompt.trim().is_empty() {
        instructions
    } else {
        prompt
    };
    let shown = &hide(shown);
    let whole = format!("{instructions}\n{prompt}");
    if let Some(question) = questions
        .iter()
        .find(|question| asks(&question.ask, &whole))
    {
        return match &question.answer {
            // What is typed ends in a newline; what is answered here is a text of its own.
            Some(answer) => Ok(Answer::Text(
                answer.trim_end_matches(['\r', '\n']).to_owned(),
            )),
            None if wants_new_password(&whole) => Err(password_change(shown)),
            None => Err(unknown(
                shown,
                "log in by hand and decide; the platform's `questions` has no answer on purpose",
            )),
        };
    }
    // Above it may stand what to do about passwords, or that one expires some day.
    if !echo && !told && is_plain(prompt) {
        return Ok(Answer::Password);
    }
    if wants_new_password(&whole) {
        return Err(password_change(shown));
    }
    let lower = prompt.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    match echo {
        false
            if has(&[
                "code",
                "token",
                "otp",
                "one-time",
                "challenge",
                "pin:",
                "verification",
            ]) =>
        {
            Err(unknown(
                shown,
                "a session that a program keeps needs a user without a second factor",
            ))
        }
        false => Ok(Answer::Password),
        true if has(&["user", "login", "name"]) => Ok(Answer::Username),
        true => Err(unknown(
            shown,
            "tell the answer in the platform's `questions` if it is always the same",
        )),
    }
}

/// Whether the device's `text` ends with what `pattern` says.
fn asks(pattern: &str, text: &str) -> bool {
    // The manager has checked the expression; one that does not compile here asks nothing.
    Regex::new(&format!(r"(?:{pattern})\s*\z")).is_ok_and(|pattern| pattern.is_match(text))
}

/// Whether `prompt` asks for the password and says no more, apart from whose it is.
fn is_plain(prompt: &str) -> bool {
    static PLAIN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\A\s*(?:\(\S+\)\s*)?(?:\S+'s\s+)?password(?:\s+for\s+\S+?)?\s*:?\s*\z")
            .expect("it is written here, and a test uses it")
    });
    PLAIN.is_match(prompt)
}

fn wants_new_password(text: &str) -> bool {
    let text = text.to_lowercase();
    let has = |word: &str| text.contains(word);
    has("password")
        && [
            "new password",
            "change",
            "expired",
            "retype",
            "re-enter",
            "again",
        ]
        .iter()
        .any(|word| has(word))
}

/// A device that lets nobody in before the password is changed, in these words.
pub(super) fn password_change(question: &str) -> Failure {
    Failure {
        reason: Reason::PasswordChange,
        message: format!(
            "the device wants a new password before it goes on: \"{}\"",
            excerpt(question)
        ),
        hint: Some(
            "log in by hand, change it, and put the new one where the credential has it".into(),
        ),
    }
}

fn unknown(question: &str, hint: &str) -> Failure {
    Failure {
        reason: Reason::NoPrompt,
        message: format!(
            "the device asks at the login what nobody has an answer for: \"{}\"",
            excerpt(question)
        ),
        hint: Some(hint.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATEMENT: &str = "Do you accept and acknowledge the statement above ? (yes/no) : ";

    fn questions() -> Vec<Question> {
        vec![
            Question {
                ask: r"acknowledge the statement above \? \(yes/no\) :".into(),
                answer: Some("yes\n".into()),
            },
            Question {
                ask: "Which realm\\?".into(),
                answer: None,
            },
        ]
    }

    #[track_caller]
    fn check(prompt: &str, echo: bool, expected: &Result<Answer, Reason>) {
        let found = answer(&questions(), "", prompt, echo, false, &str::to_owned);
        if let Err(failure) = &found {
            assert!(failure.message.contains(prompt.trim()), "{failure:?}");
            assert!(failure.hint.is_some());
        }
        assert_eq!(
            found.map_err(|failure| failure.reason),
            *expected,
            "{prompt}"
        );
    }

    #[test]
    fn questions_are_answered_with_what_they_ask_for() {
        check("Password: ", false, &Ok(Answer::Password));
        check("netwolf@r1's password:", false, &Ok(Answer::Password));
        check("", false, &Ok(Answer::Password));
        check("Kennwort: ", false, &Ok(Answer::Password));
        check("login: ", true, &Ok(Answer::Username));
        check(STATEMENT, true, &Ok(Answer::Text("yes".into())));
        check(STATEMENT, false, &Ok(Answer::Text("yes".into())));
    }

    #[test]
    fn nobody_is_told_the_password_who_asks_for_something_else() {
        check("Favourite colour? ", true, &Err(Reason::NoPrompt));
        check("Verification code: ", false, &Err(Reason::NoPrompt));
        check("RSA SecurID PASSCODE: ", false, &Err(Reason::NoPrompt));
        check("Which realm? ", true, &Err(Reason::NoPrompt));
        check("New password: ", false, &Err(Reason::PasswordChange));
        check("Retype password: ", false, &Err(Reason::PasswordChange));
        check(
            "Password expired. Change it now? [Y/N]:",
            true,
            &Err(Reason::PasswordChange),
        );
    }

    #[test]
    fn a_plain_question_for_the_password_is_answered_whatever_stands_above_it() {
        let above = "Passwords expire after 90 days. To change yours, call 1234 again and again.";
        for prompt in [
            "Password:",
            "Password: ",
            "netwolf@r1's password: ",
            "(netwolf@r1) Password: ",
        ] {
            let found = answer(&[], above, prompt, false, false, &str::to_owned);
            assert_eq!(found, Ok(Answer::Password), "{prompt}");
        }
        for prompt in [
            "New password: ",
            "Old password: ",
            "Retype password:",
            "Password again: ",
        ] {
            let found = answer(&[], above, prompt, false, false, &str::to_owned);
            assert_eq!(
                found.unwrap_err().reason,
                Reason::PasswordChange,
                "{prompt}"
            );
        }
        let found = answer(&[], above, "Password: ", true, false, &str::to_owned);
        assert_eq!(found.unwrap_err().reason, Reason::PasswordChange);
    }

    #[test]
    fn what_is_to_be_hidden_is_hidden_before_the_question_is_cut() {
        let long = format!("{} hunter2?", "x".repeat(114));
        let hide = |text: &str| text.replace("hunter2", "***");
        let failure = answer(&[], "", &long, true, false, &hide).unwrap_err();
        assert!(!failure.message.contains("hunt"), "{failure:?}");
    }

    #[test]
    fn the_instructions_belong_to_the_question() {
        let found = answer(
            &[],
            "Your password has expired, choose another one.",
            "> ",
            false,
            false,
            &str::to_owned,
        );
        assert_eq!(found.unwrap_err().reason, Reason::PasswordChange);
        let found = answer(&questions(), STATEMENT, "", true, false, &str::to_owned);
        assert_eq!(found, Ok(Answer::Text("yes".into())));
    }
}
