//! Our own 64-bit hash: the same on every machine and in every version, for placement, phases and digests.
//!
//! FNV-1a over the bytes with the finaliser of `SplitMix64`, because FNV alone leaves the high bits of
//! short keys nearly equal and placement compares whole words. Not for secrets.

use std::fmt;

use serde::{Deserialize, Serialize};

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// Hashes `bytes`.
///
/// ```
/// // Pinned: a change of this value would move every device of a running fleet.
/// assert_eq!(netwolf_wire::hash::hash64(b"core-1"), 0x92b5_7b49_c454_7394);
/// ```
pub fn hash64(bytes: &[u8]) -> u64 {
    mix(bytes.iter().fold(FNV_OFFSET, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME)
    }))
}

/// Hashes a pair so that `combine(a, b)` and `combine(b, a)` differ.
pub fn combine(first: u64, second: u64) -> u64 {
    mix(first.rotate_left(32) ^ mix(second))
}

fn mix(mut word: u64) -> u64 {
    word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// Names a value by its content: equal values have equal digests on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(u64);

impl Digest {
    /// The digest of a value's JSON form.
    ///
    /// # Panics
    /// When `value` cannot be written as JSON, which no wire type can be the cause of.
    pub fn of(value: &impl Serialize) -> Self {
        let bytes =
            serde_json::to_vec(value).expect("wire types have string keys and finite numbers only");
        Self(hash64(&bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
