//! Where output ends: prompts that are doubted, that stand within output, and that change.

use super::*;

#[test]
fn prompts_in_output_lines_do_not_end_it() {
    let mut bench = Bench::ios();
    bench
        .run("show log")
        .device("show log\r\nrtr-1#reload\r\nuser typed rtr-1#\r\nrtr-1#");
    bench.expect_output("rtr-1#reload\nuser typed rtr-1#\n");
}

#[test]
fn a_line_that_was_taken_for_the_prompt_makes_us_wait_for_silence() {
    let mut bench = Bench::ios();
    // The read ended just after a copy of the prompt, which nobody can tell from the prompt itself.
    bench
        .run("show x")
        .device("show x\r\nrtr-1#")
        .expect_output("");
    bench.device("\r\nthe rest\r\nrtr-1#");
    for _ in 0..2 {
        bench.run("show x").device("show x\r\nrtr-1#").expect("");
        bench
            .device("\r\nthe rest\r\nrtr-1#")
            .expect("")
            .wait()
            .expect_output("rtr-1#\nthe rest\n");
    }
}

#[test]
fn output_without_line_end_is_believed_after_a_silence() {
    let mut bench = Bench::ios();
    bench
        .run("more x")
        .device("more x\r\nlast linertr-1#")
        .expect("");
    bench.wait().expect_output("last line");
}

#[test]
fn late_prompts_are_harmless() {
    let mut bench = Bench::ios();
    bench.device("\r\nrtr-1#");
    bench
        .run("show clock")
        .device("\r\nrtr-1#")
        .device("show clock\r\nnow\r\nrtr-1#")
        .expect_output("now\n");
}

#[test]
fn text_that_nobody_asked_for_is_dropped() {
    let mut bench = Bench::ios();
    bench.device("\r\n*Mar  1 00:01:02: %SYS-5-CONFIG_I: Configured\r\nrtr-1#");
    bench
        .run("show clock")
        .device("show clock\r\nnow\r\nrtr-1#")
        .wait()
        .expect_output("now\n");
}

#[test]
fn a_line_that_nobody_asked_for_slows_no_command_down() {
    let mut bench = Bench::ios();
    bench.now += Duration::from_secs(3);
    bench.device("\r\n*Mar  1 00:01:02: %SYS-5-CONFIG_I: Configured\r\nrtr-1#");
    bench
        .run("show clock")
        .device("show clock\r\nnow\r\nrtr-1#")
        .expect_output("now\n");
}

#[test]
fn a_hundred_clean_commands_end_the_doubt() {
    let mut bench = Bench::ios();
    bench.device("\r\nlate\r\nrtr-1#");
    for _ in 0..100 {
        bench
            .run("show clock")
            .device("show clock\r\nnow\r\nrtr-1#")
            .expect("")
            .wait()
            .expect_output("now\n");
    }
    bench
        .run("show clock")
        .device("show clock\r\nnow\r\nrtr-1#")
        .expect_output("now\n");
}

#[test]
fn a_new_command_ends_in_silence_and_a_known_one_at_once() {
    let mut bench = Bench::ios();
    bench
        .run("show clock")
        .device("show clock\r\nnow\r\nrtr-1#")
        .expect("")
        .wait()
        .expect_output("now\n");
    bench
        .run("show clock")
        .device("show clock\r\nnow\r\nrtr-1#");
    assert!(!bench.dialogue.events.is_empty());
    bench.expect_output("now\n");
}

#[test]
fn the_prompt_within_output_never_ends_it_however_the_reads_are_cut() {
    let output = "interface Vlan1\r\nrtr-1#\r\nrtr-1# show clock\r\nbanner rtr-1#\r\n end\r\n";
    let mut bench = Bench::ios();
    for split in [1, 2, 7, 24, usize::MAX] {
        bench.split = split;
        for _ in 0..2 {
            bench
                .run("show run")
                .device("show run\r\n")
                .device(output)
                .device("rtr-1#")
                .expect_output(&output.replace('\r', ""));
        }
    }
}

/// A platform of which Huawei's is an example.
fn vrp() -> Bench {
    let mut platform = Platform::new("huawei_vrp", Transport::Shell);
    platform.prompts = [
        ("user".into(), r"<[\w.-]{1,64}>".into()),
        ("system".into(), r"\[[~*]?[\w.-]{1,64}\]".into()),
    ]
    .into();
    let mut bench = Bench::new(&platform, None);
    bench
        .device("\r\n<core-1>")
        .expect("\n")
        .device("\r\n<core-1>")
        .expect_event(Event::Ready);
    // Echoes, which a dialogue without set-up does not know yet.
    bench
        .run("display clock")
        .device("display clock\r\nnow\r\n<core-1>")
        .expect_output("now\n");
    bench
}

#[test]
fn a_line_that_could_be_a_prompt_never_ends_output() {
    let output = "#\r\n[V200R009C00SPC500]\r\nsysname core-1\r\n<core-1> is here\r\n";
    for split in [1, 5, 22, usize::MAX] {
        let mut bench = vrp();
        bench.split = split;
        bench
            .run("display current")
            .device("display current\r\n")
            .device(output)
            .device("<core-1>")
            .expect_output(&output.replace('\r', ""));
        assert_eq!(bench.dialogue.relearns(), 0);
    }
}

#[test]
fn a_pause_behind_a_line_that_could_be_a_prompt_does_not_end_output() {
    let mut bench = vrp();
    bench
        .run("display current")
        .device("display current\r\n#\r\n[V200R009C00SPC500]")
        .expect("")
        .wait()
        .expect("\n");
    bench
        .device("\r\nsysname core-1\r\n<core-1>")
        .expect("")
        .device("\r\n<core-1>");
    let due = bench.dialogue.poll_timeout().unwrap();
    assert_eq!(due - bench.now, STRANGE_QUIET);
    bench
        .wait()
        .expect_output("#\n[V200R009C00SPC500]\nsysname core-1\n");
    // The line is the last one, and its end was late.
    bench
        .run("display version")
        .device("display version\r\n[V200R009C00SPC500]")
        .expect("")
        .wait()
        .expect("\n");
    bench
        .device("\r\n<core-1>\r\n<core-1>")
        .wait()
        .expect_output("[V200R009C00SPC500]\n");
    assert_eq!(bench.dialogue.relearns(), 0);
    bench
        .run("display clock")
        .device("display clock\r\nnow\r\n<core-1>")
        .expect_output("now\n");
}

#[test]
fn a_changed_prompt_is_asked_about_and_learned() {
    for (n, next) in ["[core-1]", "[*core-1]", "[~core-1]", "<core-2>", "[core-1]"]
        .iter()
        .enumerate()
    {
        let mut bench = vrp();
        bench
            .run("change")
            .device(&format!("change\r\ndone\r\n{next}"))
            .expect("");
        let due = bench.dialogue.poll_timeout().unwrap();
        assert_eq!(due - bench.now, STRANGE_QUIET, "{n}");
        bench
            .wait()
            .expect("\n")
            .device(&format!("\r\n{next}"))
            .expect_output("done\n");
        assert_eq!(bench.dialogue.relearns(), 1);
        bench
            .run("display clock")
            .device(&format!("display clock\r\nnow\r\n{next}"))
            .expect_output("now\n");
        assert_eq!(bench.dialogue.relearns(), 1);
    }
}

#[test]
fn a_prompt_that_changed_while_nothing_ran_is_learned_too() {
    let mut bench = vrp();
    bench.device("\r\n%% sysname changed\r\n<core-2>");
    bench
        .run("display clock")
        .device("<core-2>display clock\r\nnow\r\n<core-2>")
        .wait()
        .expect("\n")
        .device("\r\n<core-2>")
        .expect_output("now\n");
    assert_eq!(bench.dialogue.relearns(), 1);
}

#[test]
fn a_changed_prompt_is_learned_after_an_interrupt() {
    let mut bench = vrp();
    bench
        .run("system-view")
        .device("system-view\r\nhangs")
        .wait()
        .expect("\u{3}")
        .device("\r\n[core-1]")
        .expect("")
        .wait()
        .expect("\n")
        .device("\r\n[core-1]")
        .expect_event(Event::TimedOut);
    assert_eq!(bench.dialogue.relearns(), 1);
    bench
        .run("display clock")
        .device("display clock\r\nnow\r\n[core-1]")
        .expect_output("now\n");
}

#[test]
fn output_without_line_end_before_a_prompt_that_fits_is_kept() {
    let mut bench = Bench::ios();
    // `onertr-1#` might be a hostname.
    bench
        .run("more x")
        .device("more x\r\nzero\r\nonertr-1#")
        .wait()
        .expect("\n");
    bench.device("\r\nrtr-1#").expect_output("zero\none");
    assert_eq!(bench.dialogue.relearns(), 0);
}

#[test]
fn lines_above_the_prompt_are_no_output() {
    let mut platform = Platform::new("juniper_junos", Transport::Shell);
    platform.prompts = [("user".into(), r"[\w.-]+@[\w.-]+>".into())].into();
    platform.above = Some(r"\{(?:master|backup)(?::\d+)?\}".into());
    let mut bench = Bench::new(&platform, None);
    bench
        .device("--- JUNOS\r\n{master:0}\r\nop@r1> ")
        .expect("\n")
        .device("\r\n\r\n{master:0}\r\nop@r1> ")
        .expect_event(Event::Ready);
    for above in ["{master:0}", "{backup:1}"] {
        for split in [1, 4, usize::MAX] {
            bench.split = split;
            bench
                .run("show x")
                .device(&format!(
                    "show x \r\n{{master:0}}\r\none\r\n\r\n{above}\r\nop@r1> "
                ))
                .expect_output("{master:0}\none\n");
            bench
                .run("show none")
                .device(&format!("show none \r\n\r\n{above}\r\nop@r1> "))
                .expect_output("");
        }
    }
    // A changed prompt has them, too.
    bench
        .run("show x")
        .device("show x \r\none\r\n\r\n{master:0}\r\nop@r2> ")
        .wait()
        .expect("\n")
        .device("\r\n\r\n{master:0}\r\nop@r2> ")
        .expect_output("one\n");
    assert_eq!(bench.dialogue.relearns(), 1);
}

#[test]
fn a_copy_of_the_prompt_just_before_a_pager_does_not_end_output() {
    let mut bench = Bench::ios();
    bench
        .run("show x")
        .device("show x\r\none\r\nrtr-1#")
        .expect("");
    bench.now += Duration::from_millis(5);
    bench
        .device("\r\nmore below --More--")
        .expect("")
        .wait()
        .expect(" ");
    bench
        .device("\r          \rtwo\r\nrtr-1#")
        .expect_output("one\nrtr-1#\ntwo\n");
}

#[test]
fn a_prompt_that_stands_there_at_the_deadline_is_believed() {
    let mut bench = Bench::ios();
    bench.run("show x");
    bench.now += STEP.saturating_sub(QUIET / 2);
    bench
        .device("show x\r\none\r\nrtr-1#")
        .expect("")
        .wait()
        .expect_output("one\n");
}
