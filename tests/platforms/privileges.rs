//! What an account must be allowed, against devices that allow no more: every bundled platform's set-up and `enable`,
//! and what becomes of a command that is missing. All collectors together are in `answers`.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Output},
    sync::Arc,
};

use netwolf_manager::library::privileges::{self, When};
use netwolf_simulator::Allowance;
use netwolf_wire::{platform::Transport, status::Reason};

use crate::lab;
use crate::scene::{ENABLE, LIBRARY, PATIENCE, Scene, bundled};

/// What commands fill.
const PLACES: [&str; 6] = [
    "${command}",
    "${plain}",
    "${arguments}",
    "${regex}",
    "${quoted}",
    "${number}",
];

#[test]
fn every_bundled_platform_has_a_way_to_make_an_account() {
    for name in LIBRARY.platforms() {
        let platform = bundled(name);
        assert!(!platform.privileges.is_empty(), "{name}");
        let collectors: Vec<&str> = LIBRARY.collectors_of(name).collect();
        let commands = privileges::commands(&LIBRARY, name, &collectors);
        for privilege in &platform.privileges {
            let text = privileges::text(privilege, &commands);
            let about = format!("{name}: {}:\n{text}", privilege.name);
            assert!(text.ends_with('\n'), "{about}");
            assert!(PLACES.iter().all(|place| !text.contains(place)), "{about}");
            assert!(text.lines().all(|line| line == line.trim_end()), "{about}");
        }
    }
}

#[test]
fn what_a_login_types_is_listed_on_every_platform_with_a_shell() {
    for name in LIBRARY.platforms() {
        let platform = bundled(name);
        if platform.transport != Transport::Shell {
            continue;
        }
        let listed = privileges::commands(&LIBRARY, name, &[]);
        let listed: Vec<&str> = listed.iter().map(|command| command.text).collect();
        let allowance = Arc::new(Allowance::new(listed.clone()));
        let scene = Scene::start(platform, |config| {
            config.privileged = false;
            config.questions = true;
            config.enable_secret = Some(ENABLE.into());
            config.allowance = Some(allowance.clone());
        });
        let recording = scene.record_with(&["nonsense"], PATIENCE, |_| {}).unwrap();
        assert_eq!(recording.failed.len(), 1, "{name}");
        let typed = allowance.typed();
        let unlisted: Vec<_> = typed
            .iter()
            .filter(|typed| !listed.contains(&typed.as_str()))
            .collect();
        assert_eq!(unlisted, ["nonsense"], "{name}");
        let untyped: Vec<_> = listed
            .iter()
            .filter(|command| !typed.contains(**command))
            .collect();
        // A device without a password for `enable` begins where it would lead to.
        assert!(
            untyped.is_empty() || untyped == [&"enable"],
            "{name}: {untyped:?}"
        );
    }
}

#[test]
fn a_command_that_is_not_allowed_is_the_only_one_that_fails() {
    let commands = privileges::commands(&LIBRARY, "cisco_ios", &["cpu", "ntp"]);
    let (login, polled): (Vec<_>, Vec<_>) = commands
        .iter()
        .partition(|command| command.when != When::Poll);
    let texts = |commands: &[&privileges::Command<'_>]| -> Vec<String> {
        let texts = commands.iter().map(|command| command.text.to_owned());
        texts.collect()
    };
    let polled = texts(&polled);
    let (forbidden, allowed) = polled.split_last().unwrap();
    let allowance = Allowance::new([&texts(&login), allowed].concat());
    let scene = Scene::start(bundled("cisco_ios"), |config| {
        config.allowance = Some(Arc::new(allowance));
    });
    let polled: Vec<&str> = polled.iter().map(String::as_str).collect();
    let recording = scene.record_with(&polled, PATIENCE, |_| {}).unwrap();
    let failed: Vec<_> = recording
        .failed
        .iter()
        .map(|(command, failure)| (command.as_str(), failure.reason))
        .collect();
    assert_eq!(failed, [(forbidden.as_str(), Reason::CommandRejected)]);
    assert_eq!(recording.transcript.commands.len(), allowed.len());
}

/// What a forced command of the shipped kind does with what a client asks for.
fn forced(script: &Path, command: &str) -> Output {
    let mut forced = Command::new("sh");
    forced.arg(script).env("SSH_ORIGINAL_COMMAND", command);
    forced.output().unwrap()
}

#[test]
fn the_forced_command_of_linux_runs_what_is_listed_to_the_letter() {
    let collectors: Vec<&str> = LIBRARY.collectors_of("linux").collect();
    let commands = privileges::commands(&LIBRARY, "linux", &collectors);
    let text = privileges::text(&bundled("linux").privileges[0], &commands);
    let folder = lab::folder();
    let script = folder.path().join("script");
    fs::write(&script, &text).unwrap();
    let memory = forced(&script, "cat /proc/meminfo");
    assert!(
        String::from_utf8(memory.stdout)
            .unwrap()
            .contains("MemTotal")
    );

    // Not run, because a machine may lack what they need.
    let run = "exec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\"";
    assert!(text.contains(run), "{text}");
    fs::write(&script, text.replace(run, "exit 42")).unwrap();
    for command in &commands {
        let code = forced(&script, command.text).status.code();
        assert_eq!(code, Some(42), "{}", command.text);
    }
    for other in [
        "",
        "id",
        "cat /proc/meminfo; id",
        "cat /proc/memin*",
        " cat /proc/meminfo",
    ] {
        let refused = forced(&script, other);
        assert_eq!(refused.status.code(), Some(126), "{other:?}");
    }
}

/// Has the page written anew when it is set.
const UPDATE: &str = "NETWOLF_UPDATE_PAGES";
/// What stands above what is made of the library.
const BEGIN: &str = "<!-- platforms -->";

/// A section for each platform: commands, keys, and the texts for all its collectors.
fn sections() -> String {
    let mut page = String::new();
    for name in LIBRARY.platforms() {
        let platform = bundled(name);
        let collectors: Vec<&str> = LIBRARY.collectors_of(name).collect();
        let commands = privileges::commands(&LIBRARY, name, &collectors);
        write!(page, "\n## `{name}`\n\n{}.\n", platform.description).unwrap();
        if !commands.is_empty() {
            page += "\n| when | command | collectors |\n|---|---|---|\n";
        }
        for command in &commands {
            let when = match command.when {
                When::Login => "login",
                When::Enable => "enable",
                When::Poll => "poll",
            };
            let (text, collectors) = (cell(command.text), command.collectors.join(", "));
            writeln!(page, "| {when} | `{text}` | {collectors} |").unwrap();
        }
        page += "\n";
        for keys in privileges::keys(&platform) {
            writeln!(page, "- {}: {}.", keys.keys, literal(&keys.when)).unwrap();
        }
        for privilege in &platform.privileges {
            let text = privileges::text(privilege, &commands);
            let (name, effect) = (&privilege.name, &privilege.effect);
            write!(page, "\n### {name}\n\n{effect}\n\n```text\n{text}```\n").unwrap();
        }
    }
    page
}

/// A command as a cell of a table can hold it.
fn cell(text: &str) -> String {
    text.replace('|', r"\|")
}

/// What a device shows stands behind `asks` or `shows`, and is no Markdown.
fn literal(when: &str) -> String {
    for verb in ["the device asks ", "the pager shows "] {
        if let Some(shown) = when.strip_prefix(verb) {
            return format!("{verb}`{shown}`");
        }
    }
    when.to_owned()
}

#[test]
fn the_page_tells_what_is_bundled() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/privileges.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, _) = page
        .split_once(BEGIN)
        .expect("the page has a place for the platforms");
    let right = format!("{before}{BEGIN}\n{}", sections());
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, &right).unwrap();
    } else {
        assert!(
            page == right,
            "docs/privileges.md does not tell what is bundled: run these tests with {UPDATE}=1"
        );
    }
}
