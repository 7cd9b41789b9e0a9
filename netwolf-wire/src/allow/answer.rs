//! What a step may answer when the device asks. Pure.
//!
//! An answer is text that somebody else's pattern lets loose: where it comes when the device asks nothing, it stands
//! behind a prompt and is a command. No pattern can be trusted never to fit there, and no list of commands tells
//! which answers are safe, for an answer is no command. So what only reads is answered by a closed set of words which
//! do nothing where they are typed as commands, by whatever mistake or will.

use super::{Judge, Refused, check_text, used};
use crate::{
    step::{StepAnswer, StepCommand},
    target::Login,
};

/// All that a step which does not change may answer, in upper or lower case, beside the Return key alone.
///
/// Alone on a line none of them changes anything on a device: network devices know no such commands (`no` wants more
/// behind it), and `yes` of a Linux shell only writes.
pub const PLAIN_ANSWERS: [&str; 5] = ["", "y", "n", "yes", "no"];

/// What to do about an answer that is none of them, in a step that only reads.
pub(super) const HINT: &str = "where nothing is changed, and to a verify command, only Return, y, n, yes and no are answered; \
    submit what needs another answer as a changing run, by `changes: true`, or --changes of `netwolf run`, with a credential for it";

/// Whether `answer` is one of [`PLAIN_ANSWERS`], exactly, but for upper and lower case.
pub fn is_plain_answer(answer: &str) -> bool {
    PLAIN_ANSWERS
        .iter()
        .any(|plain| plain.eq_ignore_ascii_case(answer))
}

/// [`Judge::judge_answers`] for one answer, without what its credential may do.
///
/// # Errors
/// Why it may not be typed.
pub fn check_answer(changes: bool, command: &str, answer: &StepAnswer) -> Result<(), Refused> {
    check_text("the answer", &answer.answer)?;
    if changes || is_plain_answer(&answer.answer) {
        return Ok(());
    }
    Err(Refused::AnswerDoesMore {
        answer: answer.answer.clone(),
        command: command.to_owned(),
    })
}

impl Judge {
    /// Whether all answers to `command` may be typed, as [`Judge::judge`] says it of the command. A credential with
    /// an `allow` lists answers there, too, unless they are plain ones.
    ///
    /// # Errors
    /// The first that may not.
    pub fn judge_answers(
        &self,
        login: &Login,
        changes: bool,
        own_login: Option<&Login>,
        command: &StepCommand,
    ) -> Result<(), Refused> {
        let used = used(login, own_login);
        command.answers.iter().try_for_each(|answer| {
            check_answer(changes, &command.text, answer)?;
            if is_plain_answer(&answer.answer) {
                return Ok(());
            }
            self.judge_allowed(used, &answer.answer)
        })
    }
}

#[cfg(test)]
mod tests;
