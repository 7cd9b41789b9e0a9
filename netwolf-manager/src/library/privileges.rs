//! What an account must be allowed on a platform, and how to write that on the device.
//!
//! Everything that an agent types is known beforehand: the set-up after a login, `enable` where the credential has a
//! secret for it, the commands of the collectors, and the keys that are no commands. From the commands and the
//! platform's `privileges` come texts to paste.
//!
//! ```
//! use netwolf_manager::library::{Library, privileges};
//!
//! let library = Library::bundled().unwrap();
//! let commands = privileges::commands(&library, "cisco_ios", &["ntp"]);
//! let texts: Vec<_> = commands.iter().map(|command| command.text).collect();
//! assert!(texts.contains(&"terminal length 0") && texts.contains(&"show ntp status"));
//!
//! let view = &library.platform("cisco_ios").unwrap().privileges[0];
//! assert!(privileges::text(view, &commands).contains("show ntp status"));
//! ```

use std::{borrow::Cow, collections::BTreeSet};

use netwolf_wire::platform::{Keepalive, Platform, Privilege, Transport};
use serde::Serialize;

use super::Library;

/// Said about a place that there is not.
pub(super) const PLACES_HINT: &str = "`each` may have `${command}`, `${plain}` (without what follows a `|`), `${arguments}` (that without its first word), `${regex}` (the command escaped), `${quoted}` (for a POSIX shell) and `${number}` (101, 102, ...)";

/// The first `${number}`: lower ones are left to lines that are written out, and 256 is the highest of some devices.
const FIRST_NUMBER: usize = 101;

/// When a command is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Once after each login.
    Login,
    /// Once after each login, where the credential has an enable secret and the prompt is not privileged yet.
    Enable,
    /// By collectors, again and again.
    Poll,
}

/// A command that is typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Command<'l> {
    /// As it is typed.
    #[serde(rename = "command")]
    pub text: &'l str,
    /// When.
    pub when: When,
    /// The collectors that want it, sorted; none of a login's.
    pub collectors: Vec<&'l str>,
}

/// Keys that are no commands, and what they are typed for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Keys {
    /// Words for them: `Return`, `Ctrl-C`.
    pub keys: String,
    /// On which occasion.
    pub when: String,
}

/// Every command that is typed on `platform` for the `collectors`, in the order in which they come up; those that the
/// platform does not have are passed over. Nothing for a platform that there is not.
pub fn commands<'l>(library: &'l Library, platform: &str, collectors: &[&str]) -> Vec<Command<'l>> {
    let Some(of) = library.platform(platform) else {
        return Vec::new();
    };
    let mut commands: Vec<Command<'l>> = at_login(of)
        .map(|(text, when)| Command {
            text,
            when,
            collectors: Vec::new(),
        })
        .collect();
    let n_login = commands.len();
    let wanted: BTreeSet<&str> = collectors.iter().copied().collect();
    let wanted = wanted
        .into_iter()
        .filter_map(|name| library.collector(platform, name));
    for collector in wanted {
        for command in &collector.commands {
            let typed = commands[n_login..]
                .iter_mut()
                .find(|typed| typed.text == command.text);
            match typed {
                Some(typed) => typed.collectors.push(&collector.name),
                None => commands.push(Command {
                    text: &command.text,
                    when: When::Poll,
                    collectors: vec![&collector.name],
                }),
            }
        }
    }
    commands
}

/// What a login types. A platform with exec channels has neither a pager to switch off nor a mode to enter.
fn at_login(platform: &Platform) -> impl Iterator<Item = (&str, When)> {
    let is_shell = platform.transport == Transport::Shell;
    let enable = platform.enable.iter();
    let enable = enable.map(|enable| (enable.command.as_str(), When::Enable));
    let setup = platform.setup.iter();
    let setup = setup.map(|command| (command.as_str(), When::Login));
    enable.chain(setup).filter(move |_| is_shell)
}

/// The keys that are typed on `platform` beside commands.
pub fn keys(platform: &Platform) -> Vec<Keys> {
    let keys = |keys: &str, when: String| Keys {
        keys: names_of(keys),
        when,
    };
    if platform.transport == Transport::Exec {
        return vec![Keys {
            keys: "none".into(),
            when:
                "a command past its deadline is sent SSH's signal TERM, and its channel is closed"
                    .into(),
        }];
    }
    let newline = &platform.newline;
    let mut all = vec![keys(
        newline,
        "at login, and where the prompt has changed: to see the prompt once more".into(),
    )];
    for question in &platform.questions {
        if let Some(answer) = &question.answer {
            all.push(keys(answer, format!("the device asks {}", question.ask)));
        }
    }
    for pager in &platform.pagers {
        let mark = pager.mark.trim();
        all.push(keys(&pager.answer, format!("the pager shows {mark}")));
    }
    all.push(keys(
        &platform.interrupt,
        "a command is past its deadline; Return follows where the prompt is in doubt".into(),
    ));
    if platform.keepalive == Keepalive::Newline {
        all.push(keys(newline, "nothing was typed for 30 s".into()));
    }
    all
}

/// Keys by their names; what is typed letter by letter stays a word.
fn names_of(keys: &str) -> String {
    let mut names = String::new();
    let mut rest = keys.chars().peekable();
    let mut in_word = false;
    while let Some(key) = rest.next() {
        let name: Cow<'_, str> = match key {
            '\r' | '\n' => {
                if key == '\r' {
                    rest.next_if_eq(&'\n');
                }
                "Return".into()
            }
            ' ' => "Space".into(),
            '\u{1b}' => "Escape".into(),
            '\u{1}'..='\u{1a}' => {
                let letter = char::from_u32(u32::from(key) + 0x40).unwrap_or('?');
                format!("Ctrl-{letter}").into()
            }
            other => other.to_string().into(),
        };
        let is_letter = name.chars().nth(1).is_none();
        if !(names.is_empty() || in_word && is_letter) {
            names.push(' ');
        }
        in_word = is_letter;
        names += &name;
    }
    names
}

/// `privilege` written out for `commands`, of which those of collectors fill `each`.
pub fn text(privilege: &Privilege, commands: &[Command<'_>]) -> String {
    let pieces = match &privilege.each {
        Some(each) => pieces(each, commands),
        None => Vec::new(),
    };
    let pieces = match &privilege.between {
        Some(between) => pieces.join(between),
        None => pieces
            .iter()
            .map(|piece| piece.trim_end_matches('\n').to_owned() + "\n")
            .collect(),
    };
    // A block of YAML ends in a line end, which must not come between these.
    let glue = |text: &str| match privilege.between {
        Some(_) => text.trim_end_matches('\n').to_owned(),
        None => text.to_owned(),
    };
    format!("{}{pieces}{}", glue(&privilege.before), privilege.after)
}

/// `each` for each command of a collector. Commands that differ behind a `|` may be one to the device.
fn pieces(each: &str, commands: &[Command<'_>]) -> Vec<String> {
    let polled = commands.iter().filter(|command| command.when == When::Poll);
    let mut seen = BTreeSet::new();
    let mut pieces = Vec::new();
    for command in polled {
        let is_new = seen.insert(filled(each, command.text, 0));
        if is_new {
            pieces.push(filled(each, command.text, FIRST_NUMBER + pieces.len()));
        }
    }
    pieces
}

/// `each` for one command.
fn filled(each: &str, command: &str, number: usize) -> String {
    let mut parts = each.split("${");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (place, rest) = part.split_once('}').unwrap_or((part, ""));
        text += &place_of(place, command, number).unwrap_or_default();
        text += rest;
    }
    text
}

/// What stands at a place; nothing where there is no such place.
fn place_of(place: &str, command: &str, number: usize) -> Option<String> {
    let plain = || command.split(" |").next().unwrap_or(command).trim_end();
    Some(match place {
        "command" => command.to_owned(),
        "plain" => plain().to_owned(),
        "arguments" => plain()
            .split_once(' ')
            .map_or("", |(_, rest)| rest)
            .to_owned(),
        "regex" => escaped(command),
        "quoted" => format!("'{}'", command.replace('\'', r"'\''")),
        "number" => number.to_string(),
        _ => return None,
    })
}

/// As a regular expression that fits it and nothing else; blanks and dashes stay readable.
fn escaped(command: &str) -> String {
    command.chars().fold(String::new(), |mut text, c| {
        if r"\.+*?()|[]{}^$".contains(c) {
            text.push('\\');
        }
        text.push(c);
        text
    })
}

/// Whether a privilege can be written out; else the key that is at fault, and why.
pub(super) fn check(privilege: &Privilege) -> Result<(), (&'static str, String)> {
    for (key, value) in [
        ("name", &privilege.name),
        ("effect", &privilege.effect),
        ("before", &privilege.before),
    ] {
        if value.trim().is_empty() {
            return Err((key, format!("`{key}` of a privilege is empty")));
        }
    }
    let Some(each) = &privilege.each else {
        return match privilege.between {
            Some(_) => Err((
                "between",
                "`between` without `each` is between nothing".into(),
            )),
            None => Ok(()),
        };
    };
    let places = each
        .split("${")
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap_or(rest));
    if let Some(unknown) = places
        .clone()
        .find(|place| place_of(place, "", 0).is_none())
    {
        return Err(("each", format!("there is no place {unknown:?} in `each`")));
    }
    if !places.clone().any(|place| place != "number") {
        return Err(("each", "`each` says nothing of the command".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
