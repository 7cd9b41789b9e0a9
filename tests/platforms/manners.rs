//! What real devices do that a careless client stumbles over. Each is tried on a device of each platform
//! that has it; where a platform has not, the reason is said.

use std::time::Duration;

use netwolf_simulator::Faults;
use netwolf_wire::{
    platform::{Platform, Transport},
    status::Reason,
};

use crate::{
    life,
    scene::{PATIENCE, Scene, bundled, lines, same, transcript, with_shell},
};

/// A command that every simulated device of these tests answers, and its answer.
const FIRST: &str = "show first";
const SECOND: &str = "show second";
/// A command with a deadline that a loaded machine keeps, and a hanging device does not.
const SHORT: Duration = Duration::from_secs(4);

/// One manner.
#[derive(Debug)]
pub(crate) struct Manner {
    /// In the table's head.
    pub(crate) name: &'static str,
    /// Below the table.
    pub(crate) what: &'static str,
    /// Why a platform has not got it; nothing where it has.
    pub(crate) lacks: fn(&Platform) -> Option<&'static str>,
    /// Whether the platform is tried with a shell where it is set up without one.
    pub(crate) shell: bool,
    /// Tries it.
    pub(crate) attempt: fn(Platform),
}

impl Manner {
    /// Tries it on the bundled platform `name`, if that has it.
    pub(crate) fn try_on(&self, name: &str) {
        let platform = if self.shell {
            with_shell(name)
        } else {
            bundled(name)
        };
        if (self.lacks)(&platform).is_none() {
            (self.attempt)(platform);
        }
    }
}

fn has(_: &Platform) -> Option<&'static str> {
    None
}

fn has_shell(platform: &Platform) -> Option<&'static str> {
    platform
        .prompts
        .is_empty()
        .then_some("its commands run on channels of their own, where there is no such thing")
}

fn two() -> [(&'static str, String); 2] {
    [(FIRST, lines(5)), (SECOND, "one line\n".into())]
}

/// As it is bundled, without anything odd.
pub(crate) const LOGIN: Manner = Manner {
    name: "login",
    what: "one login, two commands, their output to the byte",
    lacks: has,
    shell: false,
    attempt: |platform| {
        let scene = Scene::play(platform.clone(), transcript(&platform.name, "", &two()));
        scene.expect(&two());
    },
};

pub(crate) const REPLAY: Manner = Manner {
    name: "replay",
    what: "what `record` wrote is played by a simulated device, and recording that gives the same again",
    lacks: has,
    shell: false,
    attempt: |platform| {
        let greeting = "welcome\nto this device\n";
        let scene = Scene::play(
            platform.clone(),
            transcript(&platform.name, greeting, &two()),
        );
        let first = scene.record(&[FIRST, SECOND]).transcript;
        let text = serde_json::to_string(&first).unwrap();
        let played = netwolf_simulator::Transcript::parse(&text).unwrap();
        let scene = Scene::play(platform, played);
        assert_eq!(scene.record(&[FIRST, SECOND]).transcript, first);
    },
};

pub(crate) const KEYBOARD: Manner = Manner {
    name: "keyboard",
    what: "the password is asked for by keyboard-interactive only",
    lacks: has,
    shell: false,
    attempt: |platform| {
        let scene = Scene::play(platform.clone(), transcript(&platform.name, "", &two()));
        scene
            .device()
            .update_faults(|faults| faults.keyboard_interactive_only = true);
        scene.expect(&two());
    },
};

/// Lines that are prompts of some platform.
const PROMPTS: &str = "router#\nrouter>\n<router>\n[~router]\n[router]\nadmin@router> \nA:router# \n\
    *A:router>config# \nadmin@router:~$ \nrouter (global) # \n[admin@router] > \nRP/0/RP0/CPU0:router#\n";

pub(crate) const BANNER: Manner = Manner {
    name: "banner",
    what: "a message of the day whose lines look like prompts of all platforms",
    lacks: has_shell,
    shell: true,
    attempt: |platform| {
        let greeting = format!("\n## welcome ##\n{PROMPTS}\nhave a nice day#\n\n");
        let scene = Scene::play(
            platform.clone(),
            transcript(&platform.name, &greeting, &two()),
        );
        let recording = scene.expect(&two());
        let shown = recording.transcript.before_prompt;
        assert!(shown.contains("## welcome ##"), "{shown:?}");
    },
};

pub(crate) const QUESTION: Manner = Manner {
    name: "question",
    what: "something is asked between the login and the first prompt, and the platform knows the answer",
    lacks: |platform| {
        let answered = platform
            .questions
            .iter()
            .any(|question| question.answer.is_some());
        (!answered).then_some("asks nothing that may be answered without a person")
    },
    shell: true,
    attempt: |platform| {
        let scene = Scene::start(platform, |config| config.questions = true);
        let recording = scene.record_with(&["nonsense"], PATIENCE, |_| {}).unwrap();
        let (_, failure) = &recording.failed[0];
        assert_eq!(failure.reason, Reason::CommandRejected, "{failure:?}");
        assert_eq!(scene.device().logins(), 1);
    },
};

pub(crate) const ENABLE: Manner = Manner {
    name: "enable",
    what: "a login begins without rights, and `enable` wants a secret",
    lacks: |platform| {
        platform
            .enable
            .is_none()
            .then_some("an account has its rights from the start")
    },
    shell: true,
    attempt: |platform| {
        let end = platform.enable.as_ref().unwrap().prompt_end.clone();
        let scene = Scene::start(platform, |config| {
            config.privileged = false;
            config.enable_secret = Some(crate::scene::ENABLE.into());
        });
        let recording = scene.record_with(&["nonsense"], PATIENCE, |_| {}).unwrap();
        let prompt = recording.transcript.prompt;
        assert!(prompt.trim_end().ends_with(&end), "{prompt:?}");
    },
};

fn never_pages(platform: &Platform) -> Option<&'static str> {
    // `less` shows a bare colon, which is no mark that could be told from output: `setup` is all there is.
    let has_no_mark = platform.name == "vyos";
    (platform.pagers.is_empty() || has_no_mark)
        .then_some("never pages, or only with a mark that could be output (VyOS)")
}

/// Whether a line of a platform's `setup` is about the pager.
fn is_about_pager(line: &str) -> bool {
    ["length", "pager", "page", "more", "paging"]
        .iter()
        .any(|word| line.split(['-', ' ']).any(|part| part == *word))
}

pub(crate) const PAGER: Manner = Manner {
    name: "pager",
    what: "nothing switches the pager off, and 700 lines are paged",
    lacks: never_pages,
    shell: true,
    attempt: |platform| {
        let long = [(FIRST, lines(700)), (SECOND, lines(3))];
        let mut platform = platform;
        platform.setup.retain(|line| !is_about_pager(line));
        let scene = Scene::play(platform.clone(), transcript(&platform.name, "", &long));
        scene.expect(&long);
    },
};

pub(crate) const PAGER_ALWAYS: Manner = Manner {
    name: "pager again",
    what: "the pager was switched off and shows up all the same",
    lacks: never_pages,
    shell: true,
    attempt: |platform| {
        let long = [(FIRST, lines(450)), (SECOND, lines(3))];
        let scene = Scene::play(platform.clone(), transcript(&platform.name, "", &long));
        scene
            .device()
            .update_faults(|faults| faults.pager_always = true);
        scene.expect(&long);
    },
};

pub(crate) const ECHO: Manner = Manner {
    name: "long echo",
    what: "a command of 240 characters, whose echo a narrow terminal wraps",
    lacks: has_shell,
    shell: true,
    attempt: |platform| {
        let command = format!("show interface {} detail", "ethernet-1/2/3,".repeat(15));
        let commands = [(command.as_str(), lines(4)), (SECOND, lines(2))];
        let scene = Scene::play(platform.clone(), transcript(&platform.name, "", &commands));
        scene.expect(&commands);
    },
};

pub(crate) const ABOVE: Manner = Manner {
    name: "line above",
    what: "a line of its own stands above each prompt and is no output",
    lacks: |platform| {
        // VyOS and PAN-OS do it in configuration mode alone, where nobody polls.
        let only_in_configuration = ["vyos", "paloalto_panos"].contains(&platform.name.as_str());
        (platform.above.is_none() || only_in_configuration)
            .then_some("shows nothing above its prompt, outside of configuration")
    },
    shell: true,
    attempt: |platform| {
        let commands = [(FIRST, "\n[x]\nbetween\n\n".to_owned()), (SECOND, lines(1))];
        let scene = Scene::play(platform.clone(), transcript(&platform.name, "", &two()));
        let recording = scene.expect(&two());
        let prompt = recording.transcript.prompt;
        assert!(prompt.contains('\n'), "{prompt:?} has nothing above it");
        // A line that only looks like it, in the middle of output, is output.
        let scene = Scene::play(platform.clone(), transcript(&platform.name, "", &commands));
        let recording = scene.record(&[FIRST, SECOND]);
        let shown = &recording.transcript.commands[0].output;
        same(FIRST, shown.trim_end(), commands[0].1.trim_end());
    },
};

pub(crate) const RENAME: Manner = Manner {
    name: "rename",
    what: "the device is renamed and its prompt bears a mark, while the session lives",
    lacks: has_shell,
    shell: true,
    attempt: |platform| {
        let commands = two();
        let scene = Scene::play(platform.clone(), transcript(&platform.name, "", &commands));
        let again = [FIRST, SECOND, FIRST, SECOND, FIRST];
        let mut step = 0;
        let recording = scene.record_with(&again, PATIENCE, |_| {
            step += 1;
            match step {
                2 => scene.device().set_hostname("another-name"),
                3 => scene.device().update_faults(|faults| faults.mark = true),
                4 => scene.device().update_faults(|faults| faults.mark = false),
                _ => {}
            }
        });
        let recording = recording.unwrap();
        assert!(recording.failed.is_empty(), "{:?}", recording.failed);
        for recorded in &recording.transcript.commands {
            let (_, expected) = commands
                .iter()
                .find(|(text, _)| *text == recorded.command)
                .unwrap();
            same(&recorded.command, &recorded.output, expected);
        }
        assert_eq!(scene.device().logins(), 1);
    },
};

pub(crate) const REFUSAL: Manner = Manner {
    name: "refusal",
    what: "a command that the device does not know is a failure, and the session goes on",
    lacks: has,
    shell: false,
    attempt: |platform| {
        let scene = Scene::play(platform.clone(), transcript(&platform.name, "", &two()));
        let recording = scene
            .record_with(&["frobnicate all", FIRST], PATIENCE, |_| {})
            .unwrap();
        assert_eq!(recording.failed.len(), 1, "{:?}", recording.transcript);
        let (command, failure) = &recording.failed[0];
        assert_eq!(
            (command.as_str(), failure.reason),
            ("frobnicate all", Reason::CommandRejected),
            "{failure:?}"
        );
        same(FIRST, &recording.transcript.commands[0].output, &two()[0].1);
        assert_eq!(scene.device().logins(), 1);
    },
};

pub(crate) const PROMPT_LIKE: Manner = Manner {
    name: "false prompts",
    what: "output has lines that look like prompts, this device's own among them",
    lacks: has_shell,
    shell: true,
    attempt: |platform| {
        let output = format!("begin\n{PROMPTS}hostname sim-0001#\n[V200R009C00SPC500]\nend\n");
        let commands = [(FIRST, output), (SECOND, lines(2))];
        let scene = Scene::play(platform.clone(), transcript(&platform.name, "", &commands));
        let recording = scene.record_with(&[FIRST, SECOND, SECOND], PATIENCE, |command| {
            // A copy of the literal prompt before the output.
            let inside = command == SECOND;
            scene
                .device()
                .update_faults(|faults| faults.prompt_inside = inside);
        });
        let recording = recording.unwrap();
        assert!(recording.failed.is_empty(), "{:?}", recording.failed);
        let shown = &recording.transcript.commands;
        // Blanks at the ends of lines are not part of what this manner is about.
        let bare = |text: &str| {
            text.lines()
                .map(str::trim_end)
                .collect::<Vec<_>>()
                .join("\n")
        };
        same(FIRST, &bare(&shown[0].output), &bare(&commands[0].1));
        for recorded in &shown[1..] {
            assert!(recorded.output.ends_with(&commands[1].1), "{recorded:?}");
        }
        assert_eq!(scene.device().logins(), 1);
    },
};

pub(crate) const TIMEOUT: Manner = Manner {
    name: "timeout",
    what: "a command is not done in time and is stopped; the next one on the same session is exact",
    lacks: has,
    shell: false,
    attempt: |platform| {
        let scene = Scene::play(platform.clone(), transcript(&platform.name, "", &two()));
        let recording = scene.record_with(&[FIRST, SECOND, FIRST], SHORT, |command| {
            let latency = match command {
                SECOND => 2 * PATIENCE,
                _ => Duration::ZERO,
            };
            scene
                .device()
                .update_faults(|faults| faults.latency = latency);
        });
        let recording = recording.unwrap();
        let failed: Vec<_> = recording
            .failed
            .iter()
            .map(|(command, failure)| (command.as_str(), failure.reason))
            .collect();
        assert_eq!(
            failed,
            [(SECOND, Reason::CommandTimeout)],
            "{:?}",
            recording.failed
        );
        for recorded in &recording.transcript.commands {
            same(FIRST, &recorded.output, &two()[0].1);
        }
        assert_eq!(recording.transcript.commands.len(), 2);
        assert_eq!(scene.device().logins(), 1);
    },
};

pub(crate) const DRIBBLE: Manner = Manner {
    name: "dribble",
    what: "everything comes byte by byte",
    lacks: has_shell,
    shell: true,
    attempt: |platform| {
        let scene = Scene::play(
            platform.clone(),
            transcript(&platform.name, "hello\n", &two()),
        );
        scene
            .device()
            .update_faults(|faults| faults.dribble = Duration::from_micros(100));
        scene.expect(&two());
    },
};

pub(crate) const FLOOD: Manner = Manner {
    name: "flood",
    what: "3 MB of output are cut at the bound, and the next command is exact",
    lacks: has_shell,
    shell: true,
    attempt: |platform| {
        let scene = Scene::play(platform.clone(), transcript(&platform.name, "", &two()));
        let recording = scene.record_with(&[FIRST, SECOND], PATIENCE, |command| {
            let flood = if command == FIRST { 3_000_000 } else { 0 };
            scene.device().update_faults(|faults| faults.flood = flood);
        });
        let recording = recording.unwrap();
        assert!(recording.failed.is_empty(), "{:?}", recording.failed);
        assert_eq!(recording.cut, [FIRST]);
        let shown = &recording.transcript.commands;
        assert!(
            shown[0].output.len() <= 1 << 20,
            "{}",
            shown[0].output.len()
        );
        same(SECOND, &shown[1].output, &two()[1].1);
        assert_eq!(scene.device().logins(), 1);
    },
};

pub(crate) const GARBAGE: Manner = Manner {
    name: "garbage",
    what: "64 KB of random bytes: no panic, and the next session is exact",
    lacks: has_shell,
    shell: true,
    attempt: |platform| {
        let scene = Scene::play(platform.clone(), transcript(&platform.name, "", &two()));
        scene
            .device()
            .update_faults(|faults| faults.garbage = 64 * 1024);
        // Whether the prompt can be told from the noise is chance: both ends are as they should be.
        match scene.record_with(&[FIRST], SHORT, |_| {}) {
            Ok(recording) => {
                let said = recording.transcript.commands.len() + recording.failed.len();
                assert_eq!(said, 1);
            }
            Err(failure) => assert!(!failure.message.contains('\u{1b}'), "{failure:?}"),
        }
        scene.device().set_faults(Faults::default());
        let recording = scene.record(&[FIRST]);
        same(FIRST, &recording.transcript.commands[0].output, &two()[0].1);
    },
};

pub(crate) const DROP: Manner = Manner {
    name: "drop",
    what: "the connection is cut in the middle of output: half an output counts for nothing",
    lacks: has,
    shell: false,
    attempt: |platform| {
        let scene = Scene::play(platform.clone(), transcript(&platform.name, "", &two()));
        let recording = scene.record_with(&[FIRST, SECOND, FIRST], PATIENCE, |command| {
            let after = (command == SECOND).then_some(4);
            scene
                .device()
                .update_faults(|faults| faults.drop_after = after);
        });
        let recording = recording.unwrap();
        assert_eq!(recording.transcript.commands.len(), 1);
        let reasons: Vec<_> = recording
            .failed
            .iter()
            .map(|(_, failure)| failure.reason)
            .collect();
        let gone =
            |reason: &Reason| matches!(reason, Reason::ConnectionLost | Reason::ClosedByDevice);
        assert!(
            reasons.len() == 2 && reasons.iter().all(gone),
            "{:?}",
            recording.failed
        );
    },
};

pub(crate) const REKEY: Manner = Manner {
    name: "rekey",
    what: "the device renews its keys every 20 KB, in the middle of output",
    lacks: has,
    shell: false,
    attempt: |platform| {
        let commands = [(FIRST, lines(2_000)), (SECOND, lines(2))];
        let scene = Scene::play(platform.clone(), transcript(&platform.name, "", &commands));
        scene
            .device()
            .update_faults(|faults| faults.rekey_bytes = 20_000);
        scene.expect(&commands);
    },
};

pub(crate) const CHANNELS: Manner = Manner {
    name: "channels",
    what: "40 commands on channels of their own over one connection, none refused",
    lacks: |platform| (platform.transport == Transport::Shell).then_some("keeps one shell instead"),
    shell: false,
    attempt: |platform| {
        let scene = Scene::play(platform.clone(), transcript(&platform.name, "", &two()));
        let recording = scene.record(&[FIRST, SECOND].repeat(20));
        for pair in recording.transcript.commands.chunks(2) {
            same(FIRST, &pair[0].output, &two()[0].1);
            same(SECOND, &pair[1].output, &two()[1].1);
        }
        assert_eq!(scene.device().logins(), 1);
        assert_eq!(scene.device().channels_refused(), 0);
    },
};

pub(crate) const RECONNECT: Manner = Manner {
    name: "reconnect",
    what: "polled by manager and agent, the session is dropped and made anew, once",
    lacks: has,
    shell: false,
    attempt: |platform| life::came_back(&platform.name),
};
