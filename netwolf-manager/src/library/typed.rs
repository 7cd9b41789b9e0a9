//! Commands of files that are typed on devices, held to what those of runs are held to.

use netwolf_wire::{
    allow::{HELP_HINT, Refused},
    unseen::Unseen,
};

/// What is wrong with a command of a file, and what to do about it.
pub(super) fn told(refused: &Refused) -> (String, Option<&'static str>) {
    let hint = match refused {
        Refused::Unseen {
            unseen: Unseen::Control('\n' | '\r'),
            ..
        } => Some("a command is one line: write an entry of its own for each line"),
        Refused::Unseen {
            unseen: Unseen::Control(_),
            ..
        } => Some("a command is plain text: no keys such as Tab, Ctrl-C and the arrows"),
        Refused::Unseen { unseen, .. } => Some(unseen.hint()),
        Refused::Help { .. } => Some(HELP_HINT),
        _ => None,
    };
    (refused.to_string(), hint)
}
