//! Whatever a device sends: memory is bounded, and so is the work.

use std::time::{Duration, Instant};

use netwolf_agent::dialogue::{Dialogue, Event, MAX_OUTPUT};

use crate::{faces::Face, platforms::manners, session::Session};

/// What a dialogue may hold: its bound, doubled while the buffer grows, and a line.
const MAX_HELD: usize = 3 * MAX_OUTPUT;

#[test]
fn output_after_a_flood_is_cut_at_its_bound_and_the_next_is_whole() {
    let line = "0123456789 ".repeat(9) + "\r\n";
    let blocks = [
        line.repeat(300),
        // One line, carriage returns, spaces, escapes, backspaces.
        "x".repeat(30_000),
        "x\r".repeat(15_000),
        " ".repeat(30_000),
        "\x1b[24;1H\x1b[K\x1b[5@".repeat(2000),
        "ab\x08".repeat(10_000),
    ];
    // One that is plain, one with lines above the prompt, one that draws, one without echo.
    let some = [
        "cisco_ios",
        "juniper_junos",
        "hp_procurve",
        "fortinet_fortios",
    ];
    let some = manners()
        .iter()
        .filter(|(name, _)| some.contains(&name.as_str()));
    for (platform, manners) in some {
        let face = Face::of(platform);
        for block in &blocks {
            let mut session = Session::log_in(manners.clone(), face, Vec::new(), &[usize::MAX]);
            let dialogue = &mut session.dialogue;
            let now = Instant::now();
            dialogue.start_command("show flood", now + Duration::from_secs(10));
            dialogue.poll_transmit();
            dialogue.handle_data(b"show flood\r\nfirst\r\n", now);
            for _ in 0..4 * MAX_OUTPUT / block.len() {
                dialogue.handle_data(block.as_bytes(), now);
                dialogue.poll_transmit();
                assert!(dialogue.held() <= MAX_HELD, "{}", dialogue.held());
            }
            dialogue.handle_data(format!("\r\n\r\n{}", face.prompt).as_bytes(), now);
            let at = dialogue.poll_timeout().expect("the end is awaited");
            dialogue.handle_timeout(at);
            let Some(Event::Output(output)) = dialogue.poll_event() else {
                panic!("{}: {dialogue:?}", face.platform);
            };
            assert!(output.text.starts_with("first\n"), "{}", face.platform);
            assert!(output.text.len() <= MAX_OUTPUT + 70_000);
            let is_long = !block.contains(['\r', '\x1b']) || block.contains("\r\n");
            assert_eq!(output.truncated, is_long);
        }
    }
}

#[test]
fn a_banner_without_end_fails_the_login_within_its_bound() {
    for (platform, manners) in manners() {
        let mut now = Instant::now();
        let end = now + Duration::from_secs(5);
        let mut dialogue = Dialogue::new(manners.clone(), None, Duration::from_secs(5), now);
        let block = "All your base are belong to us\r\n".repeat(1000);
        while dialogue.poll_event().is_none() {
            assert!(now <= end, "{}", platform);
            dialogue.handle_data(block.as_bytes(), now);
            dialogue.poll_transmit();
            assert!(dialogue.held() <= MAX_HELD);
            now += Duration::from_millis(100);
            if dialogue.poll_timeout().is_some_and(|at| at <= now) {
                dialogue.handle_timeout(now);
            }
        }
        assert_eq!(dialogue.poll_timeout(), None);
        assert_eq!(dialogue.held(), 0, "nothing is kept of a login that failed");
    }
}
