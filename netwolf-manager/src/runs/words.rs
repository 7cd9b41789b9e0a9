//! Keys of a submission as they are told: whoever wrote JSON knows the key, whoever typed `netwolf run` the flag.

/// A key, with the flag of `netwolf run` that says the same, where there is one.
pub(super) fn key(key: &str) -> String {
    match flag(key) {
        Some(flag) => format!("`{key}` ({flag})"),
        None => format!("`{key}`"),
    }
}

/// The flag for a key such as `rollout.canary` or `commands[1].expect[0]`. Commands themselves have none.
fn flag(key: &str) -> Option<&'static str> {
    let without_place = |part: &str| -> String {
        let name = part.split('[').next().unwrap_or(part);
        name.to_owned()
    };
    let parts: Vec<_> = key.split('.').map(without_place).collect();
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    Some(match parts.as_slice() {
        ["credential"] => "--credential",
        ["changes"] => "--changes",
        ["mode"] => "--mode",
        ["name"] => "--name",
        ["comment"] => "--comment",
        ["commands", "expect"] => "--expect",
        ["commands", "reject"] => "--reject",
        ["commands", "answers", ..] => "--answer",
        ["commands", "timeout"] => "--timeout",
        ["verify"] => "--verify",
        ["verify", "expect"] => "--verify-expect",
        ["rollout", "canary"] => "--canary",
        ["rollout", "batch"] => "--batch",
        ["rollout", "stop_after"] => "--stop-after",
        ["rollout", "per_site"] => "--per-site",
        ["rollout", "in_flight"] => "--in-flight",
        ["step_deadline"] => "--deadline",
        ["run_deadline"] => "--run-deadline",
        ["window", ..] => "--window",
        ["guards", ..] => "--guard",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_with_its_flag() {
        for (told, expected) in [
            ("rollout.stop_after", "`rollout.stop_after` (--stop-after)"),
            (
                "commands[1].expect[0]",
                "`commands[1].expect[0]` (--expect)",
            ),
            (
                "commands[0].answers[2].ask",
                "`commands[0].answers[2].ask` (--answer)",
            ),
            ("guards[0].for", "`guards[0].for` (--guard)"),
            ("step_deadline", "`step_deadline` (--deadline)"),
            ("commands[1]", "`commands[1]`"),
            (
                "platforms.cisco_ios.commands",
                "`platforms.cisco_ios.commands`",
            ),
        ] {
            assert_eq!(key(told), expected);
        }
    }
}
