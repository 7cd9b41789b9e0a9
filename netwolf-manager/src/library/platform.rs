//! A platform file, checked: what the agent will compile and match is fit for it.

use std::{path::Path, sync::Arc};

use netwolf_wire::platform::{Platform, Transport};
use regex::RegexBuilder;

use super::collector::check_name;
use crate::config::{
    fault::Fault,
    yaml::{
        Document, Field, Spanned,
        Step::{self, Index, Key},
    },
};

/// A pattern for a prompt or a failure mark is small; this is what the agent allows as well.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// Reads and checks; nothing when there is no platform to speak of.
pub(super) fn read(
    file: &Arc<Path>,
    document: &Document,
    faults: &mut Vec<Fault>,
) -> Option<Spanned<Platform>> {
    let platform: Field<Platform> = document.read(faults);
    if platform.is_absent() {
        faults.push(Fault::new(
            file,
            document.place(&[]),
            "there is no platform in this file",
        ));
    }
    let Spanned {
        value: platform, ..
    } = platform.into_spanned()?;
    let mut fault = |steps: &[Step<'_>], message: String| {
        faults.push(Fault::new(file, document.place(steps), message));
    };
    if let Err(message) = check_name(&platform.name) {
        fault(&[Key("name")], message);
    }
    match &platform.prompt {
        Some(prompt) => check_regex(prompt, &[Key("prompt")], &mut fault),
        None if platform.transport == Transport::Shell => fault(
            &[Key("transport")],
            "a platform with a shell needs a `prompt`, which ends the output of its commands"
                .into(),
        ),
        None => {}
    }
    for (index, pattern) in platform.failures.iter().enumerate() {
        check_regex(pattern, &[Key("failures"), Index(index)], &mut fault);
    }
    for (index, pager) in platform.pagers.iter().enumerate() {
        for (key, text) in [("mark", &pager.mark), ("answer", &pager.answer)] {
            if text.is_empty() {
                fault(
                    &[Key("pagers"), Index(index), Key(key)],
                    format!("a pager's `{key}` is empty"),
                );
            }
        }
    }
    for (index, command) in platform.setup.iter().enumerate() {
        if command.contains(['\n', '\r']) {
            fault(
                &[Key("setup"), Index(index)],
                "a command is one line".into(),
            );
        }
    }
    if let Some(enable) = &platform.enable {
        check_regex(
            &enable.password_prompt,
            &[Key("enable"), Key("password_prompt")],
            &mut fault,
        );
        for (key, text) in [
            ("command", &enable.command),
            ("prompt_end", &enable.prompt_end),
        ] {
            if text.is_empty() {
                fault(&[Key("enable"), Key(key)], format!("`{key}` is empty"));
            }
        }
    }
    for (key, text) in [
        ("newline", &platform.newline),
        ("interrupt", &platform.interrupt),
    ] {
        if text.is_empty() {
            fault(&[Key(key)], format!("`{key}` is empty"));
        }
    }
    if platform.width == 0 {
        fault(&[Key("width")], "a terminal has at least one column".into());
    }
    Some(Spanned {
        at: document.place(&[Key("name")]),
        value: platform,
    })
}

fn check_regex(pattern: &str, steps: &[Step<'_>], fault: &mut impl FnMut(&[Step<'_>], String)) {
    if pattern.is_empty() {
        return fault(steps, "an empty pattern matches everywhere".into());
    }
    if let Err(error) = RegexBuilder::new(pattern)
        .size_limit(MAX_REGEX_BYTES)
        .build()
    {
        // The regex crate draws its errors over several lines; the last one says what it is.
        let error = error.to_string();
        let reason = error
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        fault(
            steps,
            format!("{pattern:?} is not a regular expression: {reason}"),
        );
    }
}
