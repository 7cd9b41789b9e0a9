//! What a terminal would show, sequence by sequence and vendor by vendor.

use proptest::prelude::*;

use super::*;

fn shown(input: &[u8]) -> String {
    let mut cleaner = Cleaner::new(1 << 20);
    cleaner.feed(input);
    String::from_utf8([cleaner.lines(), cleaner.current_line()].concat()).unwrap()
}

#[track_caller]
fn check(input: &str, expected: &str) {
    assert_eq!(shown(input.as_bytes()), expected);
}

#[test]
fn line_ends_of_all_makes_are_one() {
    check("a\r\nb\r\r\nc\nd", "a\nb\nc\nd");
}

#[test]
fn escape_sequences_vanish() {
    check(
        "\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\x1b]2;t\x1b\\y\x1b(Bz\x1b7\x1b[?25l",
        "red xyz",
    );
}

#[test]
fn backspaces_and_returns_overwrite() {
    check("shwo\x08\x08ow", "show");
    check("12345\rab", "ab345");
    check("\x08\x08x", "x");
    check("abc\x1b[2DX", "aXc");
    check("abc\r\x1b[Kx", "x");
}

#[test]
fn nul_and_bell_show_nothing() {
    check("a\0b\x07c", "abc");
}

#[test]
fn a_wiped_mark_leaves_no_spaces() {
    check(
        "one\r\n --More-- \x08\x08\x08\x08\x08\x08\x08\x08\x08\x08          \x08\x08\x08\x08\x08\x08\x08\x08\x08\x08two\r\nx ",
        "one\ntwo\nx ",
    );
    check("one\r\n --More-- \r          \rtwo\r\n", "one\ntwo\n");
}

#[test]
fn a_flood_is_bounded_and_its_end_is_seen() {
    let mut cleaner = Cleaner::new(1000);
    for _ in 0..100_000 {
        cleaner.feed(b"0123456789012345678901234567890123456789\r\n");
        assert!(cleaner.held() < 4 * KEPT_CAPACITY);
    }
    cleaner.feed(b"rtr-1#");
    assert!(cleaner.is_truncated());
    assert_eq!(cleaner.current_line(), b"rtr-1#");
    assert!(cleaner.lines().len() <= 1042);
}

#[test]
fn a_line_without_end_is_bounded() {
    let mut cleaner = Cleaner::new(1000);
    for _ in 0..10_000 {
        cleaner.feed(&[b'x'; 1000]);
        assert!(cleaner.held() <= 4 * MAX_LINE_WHEN_FULL);
    }
    assert!(cleaner.is_truncated());
}

proptest! {
    #[test]
    fn any_split_shows_the_same(
        input in proptest::collection::vec(prop_oneof![
            Just(b'\r'), Just(b'\n'), Just(8), Just(27), Just(b'['), Just(b']'), Just(b'H'), Just(b'J'), Just(b'P'), Just(b'@'), Just(b';'), Just(b'K'), Just(b'2'), Just(b'D'), any::<u8>(),
        ], 0..200),
        at in any::<prop::sample::Index>(),
    ) {
        let mut whole = Cleaner::new(50);
        whole.feed(&input);
        let mut split = Cleaner::new(50);
        let (first, second) = input.split_at(at.index(input.len() + 1));
        split.feed(first);
        split.feed(second);
        prop_assert_eq!(whole.lines(), split.lines());
        prop_assert_eq!(whole.current_line(), split.current_line());
        prop_assert_eq!(whole.is_truncated(), split.is_truncated());
    }
}

#[test]
fn vrp_wipes_its_pager_by_going_left() {
    check(
        "one\r\n  ---- More ----\x1b[16D                \x1b[16Dtwo\r\n",
        "one\ntwo\n",
    );
    let mut cleaner = Cleaner::new(1 << 20);
    cleaner.feed(b"one\r\n  ---- More ----");
    cleaner.cut_line_end(16);
    cleaner.feed(b"\x1b[16D                \x1b[16D two\r\nx");
    assert_eq!(cleaner.lines(), b"one\n two\n");
}

#[test]
fn procurve_draws_its_prompt_and_echo_with_cursor_moves() {
    check(
        "\x1b[1;24r\x1b[24;1H\x1b[24;1H\x1b[2K\x1b[24;1H\x1b[?25h\x1b[24;1HHP-2530# \x1b[24;1H\x1b[24;10H\x1b[24;1H\x1b[?25h\x1b[24;10H",
        "HP-2530# ",
    );
    check(
        "\x1b[24;1HHP-2530# \x1b[24;10Hs\x1b[24;10H\x1b[?25h\x1b[24;11Hh\x1b[24;11H\x1b[?25h\x1b[24;12H\x1b[24;0H\x1bE\x1b[24;1H\x1b[24;12H\x1b[24;1H\x1b[2K\x1b[24;1Hone\r\ntwo\r\n",
        "HP-2530# sh\none\ntwo\n",
    );
    check("HP-2530# \x1b[24;10Hsh", "HP-2530# sh");
}

#[test]
fn text_on_another_row_is_another_line() {
    check("\x1b[5;1Hbanner\x1b[24;1Hhost# ", "banner\nhost# ");
    check("banner\x1b[2J\x1b[1;1Hhost#", "banner\nhost#");
    // Lines that end move the row on, up to the bottom.
    check("\x1b[1;3r\x1b[2;1Ha\r\nb\x1b[3;2Hc", "a\nbc");
}

#[test]
fn routeros_repaints_its_line() {
    check(
        "\r\x1b[K[admin@r1] > /sys\r\x1b[K[admin@r1] > /system\x1b[K\r\n",
        "[admin@r1] > /system\n",
    );
}

#[test]
fn readline_inserts_and_removes() {
    check("show vrsion\x1b[5D\x1b[1@e", "show version");
    check("show verrsion\x1b[5D\x1b[1P", "show version");
    check("abc\x1b[2D\x1b[2Xd", "ad ");
    check("abc\x1b[1D\x1b[1Kd", "  d");
}

#[test]
fn what_never_ends_does_not_swallow_the_next_line() {
    check("a\x1b]0;no end\r\nb", "a\nb");
    check("a\x1bPdevice control\x1b\\b", "ab");
    check("a\x1b[12\nb", "a\nb");
    check("a\x1b]title\x1b[1mb", "ab");
    check("a\x1b\x1b[1mb", "ab");
}

#[test]
fn a_narrow_ios_scrolls_what_was_typed() {
    check(
        "rtr-1#show processes cpu\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08$cesses cpu | i five  \r\n",
        "rtr-1#$cesses cpu | i five\n",
    );
}

#[test]
fn a_large_output_is_handed_over_and_a_small_one_leaves_the_buffer() {
    let mut cleaner = Cleaner::new(1 << 20);
    cleaner.feed(b"one\r\ntwo\r\nrtr-1#");
    assert_eq!(cleaner.take(4), b"one\n");
    assert!(cleaner.held() > 0 && cleaner.current_line().is_empty());
    cleaner.feed(&b"0123456789\r\n".repeat(1000));
    assert_eq!(cleaner.take(usize::MAX).len(), 11_000);
    assert_eq!(cleaner.held(), 0);
}
