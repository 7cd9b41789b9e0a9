//! Seeded mutations: the same inputs on every machine.

/// A small generator (`SplitMix64`).
pub(crate) struct Seeded(u64);

impl Seeded {
    /// The generator of a seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, which is not 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n).unwrap_or(u64::MAX);
        usize::try_from(self.next_u64() % n).unwrap_or_default()
    }

    /// A byte.
    pub(crate) fn byte(&mut self) -> u8 {
        self.next_u64().to_le_bytes()[0]
    }

    /// Changes `bytes` in one or a few places, as a fuzzer without a compass does; `other` is another input, of which
    /// a piece may be taken.
    pub(crate) fn mutate(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len() + 1);
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.byte()),
                2 => {
                    let end = self.place(at, bytes.len());
                    bytes.drain(at..end);
                }
                3 => {
                    let end = self.place(at, bytes.len());
                    let piece = bytes[at..end].to_vec();
                    let to = self.below(bytes.len() + 1);
                    bytes.splice(to..to, piece);
                }
                4 => {
                    let from = self.below(other.len() + 1);
                    let end = self.place(from, other.len());
                    bytes.splice(at..at, other[from..end].iter().copied());
                }
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << self.below(8);
                    }
                }
            }
        }
    }

    /// A place from `from` to `to`, mostly near.
    fn place(&mut self, from: usize, to: usize) -> usize {
        let reach = if self.below(4) == 0 { to - from } else { 8 };
        from + self.below((to - from).min(reach) + 1)
    }
}
