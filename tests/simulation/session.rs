//! A device's task as the simulation plays it: it waits, connects, asks for its permit, logs in, polls, and ends
//! some time after it was told to.
//!
//! ```text
//!   Waiting --> Connecting --> Asking --> LoggingIn --> Up --> (poll each second)
//!      ^  held: no further        | no permit in time    | the device breaks it off
//!      +--------------------------+----------------------+
//!   any --stop--> Stopping --> gone; cut off where that takes too long
//! ```

use std::time::{Duration, Instant};

use netwolf_wire::{DeviceName, Epoch};

use crate::random::Random;

/// How long a login waits for its permit.
pub(crate) const PERMIT_DEADLINE: Duration = Duration::from_secs(5);

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    Connecting,
    Asking,
    LoggingIn,
    Up,
    /// Told to end; whether a session is being closed.
    Stopping(bool),
}

/// A task.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) device: DeviceName,
    pub(crate) began: Instant,
    /// The leases that it has run under.
    pub(crate) epochs: Vec<Epoch>,
    pub(crate) state: State,
    pub(crate) is_held: bool,
    /// Counts what it was to do next; an older event is void.
    pub(crate) turn: u64,
}

impl Session {
    /// Whether the device sees a connection.
    pub(crate) fn is_live(&self) -> bool {
        !matches!(self.state, State::Waiting | State::Stopping(false))
    }
}

/// How long a session takes to close: nearly always it is quick, and some have to be cut off.
pub(crate) const fn closing(random: &mut Random) -> Duration {
    if random.one_in(10) {
        random.ms(500, 3_000)
    } else {
        random.ms(1, 80)
    }
}
