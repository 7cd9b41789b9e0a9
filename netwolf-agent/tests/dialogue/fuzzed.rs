//! The fuzz target's body over some thousand seeded mutations of real-looking bytes.

#[path = "../../../tests/fuzz/bodies/src/dialogue/drive.rs"]
mod drive;

use crate::{faces::Face, platforms::manners};

/// So many inputs; each takes some ten microseconds when optimised and a millisecond when not.
const INPUTS: u64 = 20_000;

/// The longest read of an input.
const MAX_READ: usize = 0x3f;
/// No time passes behind a read.
const NO_TIME: u8 = 0;
/// A silence follows.
const SILENCE: u8 = 0x80;

/// A small generator (`SplitMix64`): the same inputs on every machine.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).expect("it is less than n")
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// Adds `bytes` to an input, `time` passing behind them.
fn push(data: &mut Vec<u8>, bytes: &[u8], time: u8) {
    let n = bytes.len().div_ceil(MAX_READ);
    for (at, piece) in bytes.chunks(MAX_READ).enumerate() {
        let length = u8::try_from(piece.len()).expect("a piece is short");
        data.push(length | if at + 1 == n { time } else { NO_TIME });
        data.extend_from_slice(piece);
    }
}

/// What leads to the first command, if nothing goes wrong.
fn log_in(data: &mut Vec<u8>, face: Face) {
    push(data, face.banner.as_bytes(), NO_TIME);
    if let Some((question, _)) = face.question {
        push(data, question.as_bytes(), SILENCE);
    }
    let prompt = face.user.unwrap_or(face.prompt);
    push(data, prompt.as_bytes(), SILENCE);
    // Again, and behind each line of the set-up, of which there are three at most.
    for _ in 0..4 {
        push(data, format!("\r\n{prompt}").as_bytes(), SILENCE);
    }
}

/// One read: something that a device of the platform would send, or not, perhaps broken.
fn read(seeded: &mut Seeded, face: Face) -> Vec<u8> {
    let (mark, wipe) = face.pager.unwrap_or_default();
    let question = face.question.map_or("", |(question, _)| question);
    let prompt = face.user.unwrap_or(face.prompt);
    let words = [
        prompt,
        prompt,
        prompt,
        face.prompt,
        face.changed[seeded.below(face.changed.len())],
        face.above,
        question,
        mark,
        wipe,
        "show version\r\n",
        "show clock\r\n",
        "display x\r\n",
        "Password: ",
        "\r\n",
        "some output\r\n",
        "\x1b[24;1H\x1b[2K",
        "\x1b]0;",
    ];
    let mut bytes = words[seeded.below(words.len())].as_bytes().to_vec();
    match seeded.below(12) {
        0 => bytes.push(seeded.byte()),
        1 if !bytes.is_empty() => {
            let at = seeded.below(bytes.len());
            bytes[at] = seeded.byte();
        }
        2 => bytes.truncate(seeded.below(bytes.len() + 1)),
        3 => bytes = (0..seeded.below(40)).map(|_| seeded.byte()).collect(),
        _ => {}
    }
    bytes
}

#[test]
fn the_fuzz_body_holds_over_seeded_mutations() {
    let platforms: Vec<_> = manners().iter().map(|(_, one)| one.clone()).collect();
    let mut seeded = Seeded(20_261_122);
    let (mut commands, mut most) = (0, 0);
    for _ in 0..INPUTS {
        let first = seeded.byte();
        let (name, _) = &manners()[usize::from(first) % platforms.len()];
        let face = Face::of(name);
        let mut data = vec![first];
        if seeded.below(4) > 0 {
            log_in(&mut data, face);
        }
        for _ in 0..seeded.below(40) {
            let bytes = read(&mut seeded, face);
            // Mostly no time passes.
            let time = [NO_TIME, NO_TIME, 0x40, SILENCE, SILENCE, 0xc0][seeded.below(6)];
            push(&mut data, &bytes, time);
        }
        let run = drive::drive(&platforms, &data);
        commands += run;
        most = most.max(run);
    }
    // The inputs reach what is behind the login.
    assert!(
        commands > 20_000 && most > 5,
        "{commands} commands, {most} at most"
    );
}
