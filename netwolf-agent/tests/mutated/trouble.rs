//! What goes wrong with a device: seeded, and mostly one thing, so that the rest leads to it.

use crate::{
    packet::{
        CHANNEL_CLOSE, CHANNEL_DATA, CHANNEL_OPEN, CHANNEL_REQUEST, DISCONNECT, EXT_INFO,
        EXTENDED_DATA, GLOBAL_REQUEST, INFO_REQUEST, KEXINIT, OPEN_CONFIRMATION, OPEN_FAILURE,
        USERAUTH_BANNER, USERAUTH_SUCCESS, WINDOW_ADJUST, message, string,
    },
    seeded::Seeded,
};

/// Messages of a whole visit, about.
const MESSAGES: usize = 24;

/// Numbers that are worth trying where a length, a window or a channel is wanted.
const NUMBERS: [u32; 8] = [0, 1, 2, 0x7fff_ffff, 0xffff_ffff, 1 << 20, 35_000, 4];

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twist {
    /// It says that it is so long.
    Length(u32),
    /// It says that so much of it is padding.
    Padding(u8),
    /// Some of its bytes are others, once it is encrypted.
    Bytes,
}

pub(crate) struct Trouble {
    seed: u64,
    seeded: Seeded,
    /// Messages until the next one is touched; `None` for none ever.
    until: Option<usize>,
    twist: Option<Twist>,
    /// One that was sent before, to be repeated.
    former: Vec<u8>,
}

impl Trouble {
    /// That of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut seeded = Seeded::new(seed);
        let until = Some(seeded.below(MESSAGES));
        Self {
            seed,
            seeded,
            until,
            twist: None,
            former: Vec::new(),
        }
    }

    /// Nothing is wrong.
    pub(crate) fn none() -> Self {
        Self {
            until: None,
            ..Self::new(0)
        }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// One of several, in a device that has trouble; the first in one that has not.
    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        match self.until {
            Some(_) => choices[self.seeded.below(choices.len())],
            None => choices[0],
        }
    }

    /// Whether what comes now is to be touched.
    fn is_due(&mut self) -> bool {
        match &mut self.until {
            None => false,
            Some(0) => {
                // The next one may come soon.
                self.until = Some(self.seeded.below(2 * MESSAGES));
                true
            }
            Some(n) => {
                *n -= 1;
                false
            }
        }
    }

    /// The greeting, or what stands in its place.
    pub(crate) fn greeting(&mut self, greeting: &[u8]) -> Vec<u8> {
        let mut bytes = greeting.to_vec();
        if self.is_due() {
            match self.seeded.below(4) {
                0 => bytes = b"no greeting at all\r\n".repeat(1 + self.seeded.below(3000)),
                1 => bytes = vec![self.seeded.byte(); 1 + self.seeded.below(100_000)],
                _ => self.spoil(&mut bytes),
            }
        }
        bytes
    }

    /// What is sent in place of a message.
    pub(crate) fn messages(&mut self, message: Vec<u8>) -> Vec<Vec<u8>> {
        let former = std::mem::replace(&mut self.former, message.clone());
        if !self.is_due() {
            return vec![message];
        }
        let mut spoilt = message.clone();
        match self.seeded.below(10) {
            0 => vec![],
            1 => vec![message.clone(), message],
            2 => vec![former, message],
            3 => vec![self.hostile(), message],
            4 => vec![message, self.hostile()],
            5 => {
                spoilt[0] = self.seeded.byte();
                vec![spoilt]
            }
            6 => {
                self.numbers(&mut spoilt);
                vec![spoilt]
            }
            7 => {
                self.twist = Some(match self.seeded.below(3) {
                    0 => Twist::Length(self.number()),
                    1 => Twist::Padding(self.seeded.byte()),
                    _ => Twist::Bytes,
                });
                vec![message]
            }
            _ => {
                self.seeded.mutate(&mut spoilt, &former);
                vec![spoilt]
            }
        }
    }

    /// What is to be done to the packet that is sent next.
    pub(crate) fn twist(&mut self) -> Option<Twist> {
        self.twist.take()
    }

    /// Changes some bytes.
    pub(crate) fn spoil(&mut self, bytes: &mut Vec<u8>) {
        self.seeded.mutate(bytes, &[0xff; 64]);
    }

    fn number(&mut self) -> u32 {
        match self.seeded.below(4) {
            0 => u32::from_be_bytes(
                self.seeded.next_u64().to_be_bytes()[..4]
                    .try_into()
                    .expect("4 bytes"),
            ),
            _ => NUMBERS[self.seeded.below(NUMBERS.len())],
        }
    }

    /// Puts a number where one may stand.
    fn numbers(&mut self, message: &mut [u8]) {
        if message.len() > 4 {
            let at = 1 + self.seeded.below(message.len() - 4);
            message[at..at + 4].copy_from_slice(&self.number().to_be_bytes());
        }
    }

    /// A message that nobody waits for.
    fn hostile(&mut self) -> Vec<u8> {
        let (one, other) = (self.number().to_be_bytes(), self.number().to_be_bytes());
        let junk: Vec<u8> = (0..self.seeded.below(64))
            .map(|_| self.seeded.byte())
            .collect();
        let long = vec![b'x'; self.seeded.below(30_000)];
        match self.seeded.below(18) {
            0 => message(CHANNEL_DATA, &[&one, &string(&long)]),
            1 => message(CHANNEL_DATA, &[&[0; 4], &other]),
            2 => message(EXTENDED_DATA, &[&one, &other, &string(&long)]),
            3 => message(WINDOW_ADJUST, &[&[0; 4], &other]),
            4 => message(WINDOW_ADJUST, &[&one, &[0xff; 4]]),
            5 => message(OPEN_CONFIRMATION, &[&one, &other, &one, &other]),
            6 => message(OPEN_FAILURE, &[&[0; 4], &one, &string(&long), &string(b"")]),
            7 => message(
                CHANNEL_OPEN,
                &[
                    &string(b"forwarded-tcpip"),
                    &one,
                    &other,
                    &other,
                    &string(&junk),
                ],
            ),
            8 => message(
                GLOBAL_REQUEST,
                &[&string(b"hostkeys-00@openssh.com"), &[1], &string(&junk)],
            ),
            9 => message(
                CHANNEL_REQUEST,
                &[
                    &one,
                    &string(b"exit-signal"),
                    &[1],
                    &string(&junk),
                    &[1],
                    &string(&long),
                    &other,
                ],
            ),
            10 => message(
                EXT_INFO,
                &[&one, &string(b"server-sig-algs"), &string(&long)],
            ),
            11 => message(
                INFO_REQUEST,
                &[&string(&long), &string(b""), &string(b""), &one],
            ),
            12 => message(KEXINIT, &[&[7; 16], &junk]),
            13 => message(DISCONNECT, &[&one, &string(&long), &string(b"")]),
            14 => message(CHANNEL_CLOSE, &[&one]),
            15 => message(USERAUTH_SUCCESS, &[]),
            16 => message(USERAUTH_BANNER, &[&string(&long), &string(&junk)]),
            _ => message(self.seeded.byte(), &[&junk]),
        }
    }
}
