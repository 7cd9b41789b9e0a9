//! Any transcript of any platform, cut at any points, gives the output that the device meant.

use std::sync::Arc;

use netwolf_agent::dialogue::Manners;
use netwolf_wire::platform::Keepalive;
use proptest::prelude::*;

use crate::{
    device::{Command, Late},
    faces::{Echo, FACES, Face},
    platforms::{manners, shells},
    session::Session,
};

/// Whole reads, bytes, and lengths that have nothing in common with lines.
const CUTS: [&[usize]; 5] = [&[usize::MAX], &[1], &[2, 3], &[7], &[1, 40, 3]];

#[test]
fn every_bundled_platform_has_a_face() {
    let mut n = 0;
    each(|_, face| {
        assert!(
            !face.changed.is_empty() && !face.lookalikes.is_empty(),
            "{}",
            face.platform
        );
        n += 1;
    });
    assert!(n > 0);
}

/// Runs `test` on each platform's face.
fn each(mut test: impl FnMut(&Arc<Manners>, Face)) {
    for (platform, manners) in manners() {
        test(manners, Face::of(platform));
    }
}

fn command(text: &str, output: &[&str]) -> Command {
    Command {
        text: text.into(),
        output: output.iter().map(|line| (*line).into()).collect(),
        page: None,
        prompt: None,
        hangs: None,
    }
}

/// What the output is to be.
fn meant(command: &Command) -> String {
    command
        .output
        .iter()
        .flat_map(|line| [line.as_str(), "\n"])
        .collect()
}

/// Each command twice, for the second time is another case than the first.
#[track_caller]
fn check(manners: &Arc<Manners>, face: Face, commands: &[Command]) {
    for cuts in CUTS {
        let mut session = Session::log_in(manners.clone(), face, commands.to_vec(), cuts);
        for command in commands.iter().chain(commands) {
            let output = session.run(&command.text);
            assert_eq!(
                (output.text, output.truncated),
                (meant(command), false),
                "{} {cuts:?} {command:?}\n{:?}",
                face.platform,
                session.dialogue
            );
        }
    }
}

#[test]
fn login_banner_question_enable_and_set_up_are_passed() {
    each(|manners, face| check(manners, face, &[]));
}

#[test]
fn output_is_without_echo_prompt_and_what_stands_above_it() {
    each(|manners, face| {
        check(
            manners,
            face,
            &[
                command("show something", &["one", "", "  two  three"]),
                command("show nothing", &[]),
            ],
        );
    });
}

#[test]
fn lines_that_look_like_prompts_do_not_end_output() {
    each(|manners, face| {
        let mut lines = vec!["first"];
        lines.extend(face.lookalikes);
        lines.extend(face.changed.iter().map(|prompt| prompt.trim_end()));
        let prompt = face.prompt.trim_matches(['\0', '\x07', ' ']);
        let typed = format!("{prompt} show what was typed");
        lines.extend([prompt, &typed, "last"]);
        check(manners, face, &[command("show lookalikes", &lines)]);
        // Each of them is the last line, too.
        for n in 1..lines.len() {
            let upto = lines.get(..=n).expect("there are so many");
            if !face.above.contains(upto[n]) {
                check(manners, face, &[command("show lookalikes", upto)]);
            }
        }
    });
}

#[test]
fn a_pager_that_shows_up_anyway_is_answered() {
    each(|manners, face| {
        let mut paged = command("show pages", &["one", "two", "three", "four"]);
        for page in 1..4 {
            paged.page = Some(page);
            check(manners, face, &[paged.clone()]);
        }
    });
}

#[test]
fn a_long_command_is_echoed_in_whatever_way() {
    each(|manners, face| {
        let text = "show interfaces ethernet 1/0/1 counters | include errors|discards|collisions|late|runts|giants";
        check(manners, face, &[command(text, &["one", "two"])]);
    });
}

#[test]
fn a_prompt_that_changes_is_learned_again_once() {
    each(|manners, face| {
        for prompt in face.changed {
            for cuts in CUTS {
                let mut change = command("change", &["done"]);
                change.prompt = Some(prompt);
                let commands = vec![change, command("show something", &["one", "two"])];
                let mut session = Session::log_in(manners.clone(), face, commands.clone(), cuts);
                for command in [0, 1, 1, 0] {
                    let output = session.run(&commands[command].text);
                    assert_eq!(output.text, meant(&commands[command]), "{}", face.platform);
                }
                assert_eq!(session.dialogue.relearns(), 1, "{} {prompt}", face.platform);
            }
        }
    });
}

#[test]
fn what_comes_late_is_never_the_output_of_the_next_command() {
    each(|manners, face| {
        for cuts in CUTS {
            for late in [Late::Stopped, Late::Ended] {
                let mut slow = command("show slow", &["one", "two", "three"]);
                slow.hangs = Some((1, late));
                let commands = vec![slow, command("show something", &["four", "five"])];
                let mut session = Session::log_in(manners.clone(), face, commands.clone(), cuts);
                for _ in 0..2 {
                    session.run_late("show slow");
                    for _ in 0..2 {
                        let output = session.run("show something");
                        assert_eq!(
                            output.text,
                            meant(&commands[1]),
                            "{} {late:?}",
                            face.platform
                        );
                    }
                }
            }
        }
    });
}

#[test]
fn empty_lines_that_keep_a_session_leave_no_trace_in_output() {
    for mut platform in shells() {
        platform.keepalive = Keepalive::Newline;
        let manners = Arc::new(Manners::compile(&platform).expect("it compiles"));
        let face = Face::of(&platform.name);
        let command = command("show something", &["four", "five"]);
        for cuts in CUTS {
            let mut session = Session::log_in(manners.clone(), face, vec![command.clone()], cuts);
            for answer_comes in [true, true, false, true, false, false] {
                let output = session.run("show something");
                assert_eq!(output.text, meant(&command), "{} {cuts:?}", face.platform);
                session.idle(answer_comes);
            }
        }
    }
}

/// Lines of output: what the platform's look-alikes say, its own prompt, and anything else.
fn line(face: Face) -> impl Strategy<Value = String> {
    let prompt = face.prompt.trim_matches(['\0', '\x07', ' ']).to_owned();
    let mut known: Vec<String> = face.lookalikes.iter().map(|line| (*line).into()).collect();
    known.push(format!("{prompt} show"));
    known.push(format!("x{prompt}"));
    known.push(prompt);
    known.push(String::new());
    prop_oneof![
        2 => "[a-z0-9 :./-]{0,30}[a-z]",
        1 => prop::sample::select(known),
    ]
}

fn outputs(face: Face) -> impl Strategy<Value = Vec<Command>> {
    let output = (
        prop::collection::vec(line(face), 0..12),
        prop::option::of(1_usize..6),
        prop::option::of(prop::sample::select(face.changed)),
    );
    prop::collection::vec(output, 1..5).prop_map(move |outputs| {
        outputs
            .into_iter()
            .enumerate()
            .map(|(n, (mut output, page, prompt))| {
                // What stands above the prompt and what the device adds there cannot be told apart.
                while drops_blank_ends(face) && output.last().is_some_and(|line| may_be_above(line))
                {
                    output.pop();
                }
                // Nor what was not echoed and a blank line behind it.
                while face.echo == Echo::None && output.first().is_some_and(String::is_empty) {
                    output.remove(0);
                }
                Command {
                    text: format!("show part {n}"),
                    page: page.filter(|page| *page < output.len()),
                    output,
                    prompt,
                    hangs: None,
                }
            })
            .collect()
    })
}

/// Whether blank lines at the end of output are taken for what stands above the prompt.
fn drops_blank_ends(face: Face) -> bool {
    !face.above.is_empty() || ["paloalto_panos", "vyos"].contains(&face.platform)
}

fn may_be_above(line: &str) -> bool {
    line.is_empty() || line.starts_with(['{', '['])
}

/// Those whose platforms are bundled.
fn faces() -> Vec<Face> {
    let bundled = |face: &&Face| manners().iter().any(|(name, _)| name == face.platform);
    FACES.iter().filter(bundled).copied().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_transcript_cut_at_any_points_gives_the_same_output(
        (face, commands) in prop::sample::select(faces()).prop_flat_map(|face| (Just(face), outputs(face))),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..8),
        cuts in prop::collection::vec(1_usize..30, 1..20),
    ) {
        let bundled = manners().iter().find(|(name, _)| name == face.platform);
        let (_, manners) = bundled.expect("its platform is bundled");
        for cuts in [&cuts[..], &[usize::MAX]] {
            let mut session = Session::log_in(manners.clone(), face, commands.clone(), cuts);
            for index in &order {
                let command = index.get(&commands);
                let output = session.run(&command.text);
                prop_assert_eq!(output.text, meant(command), "{} {:?}", face.platform, cuts);
            }
        }
    }
}
