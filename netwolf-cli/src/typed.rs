//! What would be typed on a device, line by line, as people read it before they agree: the mode, the commands, what each
//! is expected to say and what it is answered. Of a preview and of a procedure alike. Pure.
//!
//! ```text
//!   (in mode config)
//!   reload in 10
//!       expects: ^Reload scheduled
//!       answers: \[confirm\]$ -> Return
//!   (then verified by: show version)
//!       expects: uptime
//! ```
//!
//! Invariants: all that may be typed is shown, keys that are typed without Return as such; each is one line, whatever
//! is in it.

use serde_json::Value;

use crate::print::{self, put};

/// All lines of `program`, which is a step of a preview, or what a procedure types on a platform.
pub(crate) fn lines(program: &Value) -> String {
    let mut page = String::new();
    if let Some(mode) = program["mode"].as_str() {
        line(&mut page, 2, &format!("(in mode {mode})"));
    }
    for command in program["commands"].as_array().into_iter().flatten() {
        line(&mut page, 2, text(command));
        details(&mut page, command);
    }
    let verify = &program["verify"];
    if !verify.is_null() {
        let by = format!("(then verified by: {})", text(verify));
        line(&mut page, 2, &by);
        details(&mut page, verify);
    }
    page
}

fn line(page: &mut String, indent: usize, text: &str) {
    let text = print::plain(text).replace('\n', " ");
    put(page, format_args!("{:indent$}{text}\n", ""));
}

/// What is expected of a command, and all that it is answered.
fn details(page: &mut String, command: &Value) {
    let list = |key: &str| command[key].as_array().into_iter().flatten();
    for (key, what) in [("expect", "expects"), ("reject", "rejects")] {
        for pattern in list(key).filter_map(Value::as_str) {
            line(page, 6, &format!("{what}: {pattern}"));
        }
    }
    for answer in list("answers") {
        let ask = answer["ask"].as_str().unwrap_or_default();
        let text = answer["answer"].as_str().unwrap_or_default();
        let is_key = answer["bare"] == true;
        let typed = match (text, is_key) {
            ("", true) => "nothing".to_owned(),
            ("", false) => "Return".to_owned(),
            (key, true) => format!("{key} (without Return)"),
            (text, false) => text.to_owned(),
        };
        line(page, 6, &format!("answers: {ask} -> {typed}"));
    }
}

/// A command, which may stand alone or with what is expected of it.
fn text(command: &Value) -> &str {
    let text = command.as_str().or_else(|| command["command"].as_str());
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_that_may_be_typed_is_shown_with_when() {
        let program = json!({
            "mode": "config",
            "commands": [
                "ntp server 192.0.2.1",
                { "command": "reload in 10", "expect": ["scheduled"], "reject": ["% Invalid"], "answers": [
                    { "ask": "\\[confirm\\]$" },
                    { "ask": "name\\?", "answer": "startup-config" },
                    { "ask": "sure", "answer": "y", "bare": true },
                ] },
            ],
            "verify": { "command": "show ntp", "expect": ["192"], "answers": [{ "ask": "more", "answer": "n" }] },
        });
        assert_eq!(
            lines(&program),
            "  (in mode config)
  ntp server 192.0.2.1
  reload in 10
      expects: scheduled
      rejects: % Invalid
      answers: \\[confirm\\]$ -> Return
      answers: name\\? -> startup-config
      answers: sure -> y (without Return)
  (then verified by: show ntp)
      expects: 192
      answers: more -> n
"
        );
    }

    #[test]
    fn what_is_written_to_deceive_is_one_line_that_shows_itself() {
        let program = json!({ "commands": [
            { "command": "show\u{1b}[2J clock", "answers": [{ "ask": "x\n  show version", "answer": "\u{202e}y" }] },
        ] });
        assert_eq!(
            lines(&program),
            "  show\u{fffd}[2J clock\n      answers: x   show version -> \u{fffd}y\n"
        );
    }
}
