//! Which authority signs, which one the manager shows, which ones are believed. Pure; time comes in as Unix seconds.
//!
//! ```text
//!              rotate                         one certificate's life and an hour later
//!   old:  sign, show, believe --> show, believe -----------------------> gone
//!   new:                          sign, believe -----------------------> sign, show, believe
//! ```
//!
//! Agents learn of the new authority when they renew, which every one that lives does within a certificate's life;
//! so the manager shows nobody a certificate that he cannot check.
//!
//! Invariant: at most two authorities are believed.

use netwolf_wire::tls::{BACKDATE_SECONDS, CERTIFICATE_SECONDS, token::Pin};

/// How long the old authority is shown and believed: every certificate of it has ended by then, whatever the agents'
/// clocks are (as far as certificates allow for that).
pub const OVERLAP_SECONDS: u64 = CERTIFICATE_SECONDS + BACKDATE_SECONDS;

/// The part that authorities play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    present: Pin,
    next: Option<Next>,
}

/// The authority that is to be the only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Which.
    pub pin: Pin,
    /// Since when, in Unix seconds.
    pub since: u64,
}

impl Rotation {
    /// One authority, or two of which the second is to follow the first.
    pub const fn new(present: Pin, next: Option<Next>) -> Self {
        Self { present, next }
    }

    /// The one that the manager's own certificate is of.
    pub const fn shown(&self) -> Pin {
        self.present
    }

    /// The one that is to follow, if a rotation is going on.
    pub const fn next(&self) -> Option<Next> {
        self.next
    }

    /// The one that signs agents' certificates.
    pub fn signer(&self) -> Pin {
        self.next.map_or(self.present, |next| next.pin)
    }

    /// When the rotation is over, if one is going on.
    pub fn ends(&self) -> Option<u64> {
        let next = self.next?;
        Some(next.since.saturating_add(OVERLAP_SECONDS))
    }

    /// Begins a rotation; `false` where one is going on.
    pub fn begin(&mut self, pin: Pin, now: u64) -> bool {
        if self.next.is_some() {
            return false;
        }
        self.next = Some(Next { pin, since: now });
        true
    }

    /// Ends a rotation whose time has come. Tells which authority has gone.
    pub fn settle(&mut self, now: u64) -> Option<Pin> {
        let next = self.next?;
        if self.ends()? > now {
            return None;
        }
        self.next = None;
        Some(std::mem::replace(&mut self.present, next.pin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: u64 = 1_800_000_000;

    fn pins() -> (Pin, Pin) {
        (Pin::of_key(b"old"), Pin::of_key(b"new"))
    }

    #[test]
    fn the_new_authority_signs_at_once_and_is_shown_when_all_know_it() {
        let (old, new) = pins();
        let mut rotation = Rotation::new(old, None);
        assert_eq!((rotation.signer(), rotation.ends()), (old, None));
        assert!(rotation.begin(new, T));
        assert_eq!((rotation.signer(), rotation.shown()), (new, old));
        let end = rotation.ends().unwrap();
        assert_eq!(rotation.settle(end - 1), None);
        assert_eq!(rotation.shown(), old);
        assert_eq!(rotation.settle(end), Some(old));
        assert_eq!((rotation.signer(), rotation.shown()), (new, new));
        assert_eq!(rotation.settle(end), None);
    }

    #[test]
    fn a_second_rotation_waits_for_the_first() {
        let (old, new) = pins();
        let mut rotation = Rotation::new(old, None);
        assert!(rotation.begin(new, T));
        assert!(!rotation.begin(Pin::of_key(b"third"), T + 1));
        assert_eq!(rotation.next().unwrap().pin, new);
    }

    #[test]
    fn no_agent_that_renews_in_time_meets_an_authority_that_it_does_not_know() {
        // The last certificate under the old authority alone is made just before; it is renewed at two thirds.
        let renewed = T + CERTIFICATE_SECONDS * 2 / 3;
        let rotation = Rotation::new(
            pins().0,
            Some(Next {
                pin: pins().1,
                since: T,
            }),
        );
        assert!(renewed < rotation.ends().unwrap());
        assert!(T + CERTIFICATE_SECONDS <= rotation.ends().unwrap());
    }
}
