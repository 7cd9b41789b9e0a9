//! What is in the memory of a process, as its parent may read it: what a core image would hold.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::FileExt,
};

use regex::bytes::RegexSet;

use super::search::Words;

/// So much is read at a time.
const PIECE: usize = 4 << 20;

/// Longer than any secret that is looked for, so that none is missed between two pieces.
const OVERLAP: usize = 256;

/// Which secrets are in the memory that `process` can write to, and in how many pieces of it. Half of one counts: what
/// was written over it may have been shorter.
pub(super) fn secrets_in(process: u32, words: &Words) -> BTreeMap<&'static str, usize> {
    let halves = words.canaries.iter().map(|(_, canary)| {
        let (first, second) = canary.split_at(canary.len() / 2);
        format!("{}|{}", regex::escape(first), regex::escape(second))
    });
    let wanted = RegexSet::new(halves).unwrap();
    let mut found = BTreeMap::new();
    each_piece(process, |piece| {
        for index in wanted.matches(piece) {
            *found.entry(words.canaries[index].0).or_default() += 1;
        }
    });
    found
}

/// Whether `text` is in the memory of `process`.
pub(super) fn holds(process: u32, text: &str) -> bool {
    let wanted = RegexSet::new([regex::escape(text)]).unwrap();
    let mut is_there = false;
    each_piece(process, |piece| is_there |= wanted.is_match(piece));
    is_there
}

fn each_piece(process: u32, mut look: impl FnMut(&[u8])) {
    let memory = File::open(format!("/proc/{process}/mem")).unwrap();
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let mut piece = vec![0; PIECE + OVERLAP];
    for line in maps.lines() {
        let mut fields = line.split(' ');
        let range = fields.next().and_then(|range| range.split_once('-'));
        if !fields.next().is_some_and(|rights| rights.starts_with("rw")) {
            continue;
        }
        let address = |text| u64::from_str_radix(text, 16).unwrap();
        let (from, to) = range
            .map(|(from, to)| (address(from), address(to)))
            .unwrap();
        for at in (from..to).step_by(PIECE) {
            let size = usize::try_from(to - at).unwrap().min(piece.len());
            // A map that was there a moment ago may be gone, and then it holds nothing.
            if let Ok(n_read) = memory.read_at(&mut piece[..size], at) {
                look(&piece[..n_read]);
            }
        }
    }
}
