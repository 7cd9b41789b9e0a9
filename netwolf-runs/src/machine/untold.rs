//! What of an attempt may have been typed that its agent has not told of, line by line.
//!
//! ```text
//!   enter 0 .. enter n    command 0 .. command n    leave 0 .. leave n    verify
//!     257 ..                0 ..                      257 + enters ..       n + 1    its number in the audit log
//! ```
//!
//! Agents tell of lines in the order in which they type them, so what is untold is a stretch up to the end. It has holes
//! where something has failed: then the commands behind it are left out, and only the mode is left.

use std::iter::zip;

use netwolf_wire::step::MAX_COMMANDS;

use crate::model::{Program, Sent};

/// Where lines of modes begin in the audit log's numbers of commands: behind the commands and the one that verifies.
#[expect(clippy::cast_possible_truncation, reason = "it is a few hundred")]
pub(super) const MODE_LINES_FROM: u32 = MAX_COMMANDS as u32 + 1;

/// What may have been typed of an attempt besides what was told of it, in the order of typing: each line with its number
/// in the audit log.
pub(super) fn untold(program: &Program, sent: &Sent) -> Vec<(u32, String)> {
    let lines = &program.mode_lines;
    let (n_enter, n_commands) = (lines.enter.len(), program.commands.len());
    let (n_mode_told, n_told) = (sent.mode_lines as usize, sent.outputs as usize);
    // Where a session was lost under a line, none was typed behind it; and the verify command is the last of all.
    if sent.in_doubt || n_told > n_commands {
        return Vec::new();
    }
    let enter = zip(MODE_LINES_FROM.., &lines.enter).skip(n_mode_told);
    let leave = zip((MODE_LINES_FROM..).skip(n_enter), &lines.leave);
    let leave = leave.skip(n_mode_told.saturating_sub(n_enter));
    let texts = program.commands.iter().map(|command| &command.text);
    let commands = zip(0.., texts).skip(n_told);
    let verify = program.verify.iter().map(|verify| &verify.text);
    let verify = zip((0..).skip(n_commands), verify);

    // A command that had not been typed when the mode was being left never is, and then nothing is verified either.
    let leaving = !lines.leave.is_empty() && n_mode_told > n_enter;
    let mut untold = Vec::new();
    if !sent.failed {
        untold.extend(enter);
    }
    if !sent.failed && !leaving {
        untold.extend(commands);
    }
    untold.extend(leave);
    if !sent.failed && (!leaving || n_told == n_commands) {
        untold.extend(verify);
    }
    let owned = untold.into_iter();
    owned.map(|(index, text)| (index, text.clone())).collect()
}

/// The line that has this number in the audit log.
pub(super) fn line(program: &Program, index: u32) -> Option<&str> {
    let lines = &program.mode_lines;
    let text = if let Some(no) = index.checked_sub(MODE_LINES_FROM) {
        lines.enter.iter().chain(&lines.leave).nth(no as usize)
    } else {
        let commands = program.commands.iter().chain(&program.verify);
        commands.map(|command| &command.text).nth(index as usize)
    };
    text.map(String::as_str)
}
