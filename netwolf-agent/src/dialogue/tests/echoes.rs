//! What was typed comes back in many ways, or not at all.

use super::*;

#[test]
fn a_device_without_echo_works_too() {
    let mut bench = Bench::new(&platform(), None);
    bench
        .device("rtr-1#")
        .expect("\n")
        .device("\r\nrtr-1#")
        .expect("terminal length 0\n");
    bench
        .device("\r\nrtr-1#")
        .expect("")
        .wait()
        .expect("terminal width 511\n");
    bench
        .device("\r\nrtr-1#")
        .expect("")
        .wait()
        .expect_event(Event::Ready);
    bench
        .run("show clock")
        .device("now\r\nrtr-1#")
        .expect_output("now\n");
}

/// Logged in where neither set-up nor echo is.
pub(super) fn silent() -> Bench {
    let mut platform = platform();
    platform.setup.clear();
    let mut bench = Bench::new(&platform, None);
    bench
        .device("rtr-1#")
        .expect("\n")
        .device("\r\nrtr-1#")
        .expect_event(Event::Ready);
    bench
        .run("show clock")
        .device("\r\nnow\r\nrtr-1#")
        .expect_output("now\n");
    bench
}

#[test]
fn late_output_of_a_device_without_echo_is_not_the_next_commands() {
    let mut bench = silent();
    bench
        .run("show tech")
        .device("\r\nlots")
        .wait()
        .expect("\u{3}");
    // The prompt that ends the command, and then the one that answers the interrupt.
    bench.device("\r\nthe end\r\nrtr-1#").expect("");
    bench.device("^C\r\nrtr-1#").expect("").wait().expect("\n");
    bench.device("\r\nrtr-1#").expect("");
    let due = bench.dialogue.poll_timeout().unwrap();
    assert_eq!(due - bench.now, STRANGE_QUIET);
    bench.wait().expect_event(Event::TimedOut);
    bench
        .run("show clock")
        .device("\r\nnow\r\nrtr-1#")
        .expect_output("now\n");
}

#[test]
fn a_device_without_echo_that_does_not_fall_silent_is_given_up() {
    let mut bench = silent();
    bench
        .run("show tech")
        .device("\r\nlots")
        .wait()
        .expect("\u{3}");
    bench.device("\r\nrtr-1#").expect("").wait().expect("\n");
    bench.wait().expect_event(Event::Broken);
}

#[test]
fn an_echo_that_comes_twice_is_removed_twice() {
    for split in [1, 3, usize::MAX] {
        let mut bench = Bench::ios();
        bench.split = split;
        for _ in 0..2 {
            bench
                .run("show clock")
                .device("show clock\r\nrtr-1#show clock\r\nnow\r\nrtr-1#")
                .expect_output("now\n");
        }
    }
}

#[test]
fn an_echo_that_a_narrow_terminal_changed_is_removed() {
    let command = "show router 1000 interface detail";
    for echo in [
        // Wrapped, scrolled, and written over itself.
        "show router 1000 int\r\nerface detail\r\n",
        "show router 1000 int\r$erface detail       \r\n",
        "show router 1000 int \rerface detail\r\n",
    ] {
        for split in [1, 5, usize::MAX] {
            let mut bench = Bench::ios();
            bench.split = split;
            bench
                .run(command)
                .device(echo)
                .device("one\r\nrtr-1#")
                .expect_output("one\n");
        }
    }
}
