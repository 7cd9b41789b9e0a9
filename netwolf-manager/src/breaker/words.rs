//! What people are told of a breaker: who refused and when, when it is tried again, and what to do.

use std::time::{Duration, Instant, UNIX_EPOCH};

use netwolf_wire::status::{Failure, Reason};

use super::credential::{Credential, State};

/// Devices that a text names; of the others it says how many they are.
const NAMED: usize = 3;

/// What the wall clock said at an instant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wall {
    pub(super) now: Instant,
    pub(super) unix_ms: u64,
}

impl Wall {
    /// The Unix time of an instant, in milliseconds.
    pub(super) fn unix_ms(&self, at: Instant) -> u64 {
        let now = Duration::from_millis(self.unix_ms);
        // Whole nanoseconds up to here, so that times half an hour apart are shown half an hour apart.
        let time = match at.checked_duration_since(self.now) {
            Some(ahead) => now.saturating_add(ahead),
            None => now.saturating_sub(self.now.saturating_duration_since(at)),
        };
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    }

    /// Such as `14:05 UTC`: all of this is less than an hour away.
    fn clock(&self, at: Instant) -> String {
        let time = UNIX_EPOCH + Duration::from_millis(self.unix_ms(at).min(crate::clock::LAST_MS));
        let text = humantime::format_rfc3339_seconds(time).to_string();
        let clock = text.get(11..16).unwrap_or("?");
        format!("{clock} UTC")
    }
}

/// Why nobody may try a credential; nothing where its breaker is closed.
pub(super) fn open(credential: &Credential, wall: &Wall) -> Option<Failure> {
    let next = match &credential.state {
        State::Closed => return None,
        State::Open { probe_at, .. } => {
            format!("one device is to try at {}", wall.clock(*probe_at))
        }
        State::HalfOpen { probes, .. } => match &probes[..] {
            [probe] => format!("{probe} is trying"),
            probes => format!("one of {} devices is about to try", probes.len()),
        },
    };
    let name = credential.name();
    let mut refusals: Vec<_> = credential.refused.iter().collect();
    refusals.sort_by_key(|(_, refusal)| std::cmp::Reverse(refusal.at));
    let named: Vec<_> = refusals
        .iter()
        .take(NAMED)
        .map(|(device, refusal)| format!("{device} at {}", wall.clock(refusal.at)))
        .collect();
    let more = match refusals.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more before"),
    };
    let who = if named.is_empty() {
        "devices that are not in the inventory any more".to_owned()
    } else {
        named.join(", ")
    };
    Some(Failure {
        reason: Reason::CredentialHeld,
        message: format!(
            "credential {name:?} was refused by {who}{more}, and nobody else tries it, lest the account be locked; \
             {next}"
        ),
        hint: Some(hint(name)),
    })
}

/// Why one device is not tried.
pub(super) fn held(name: &str, at: Instant, until: Instant, wall: &Wall) -> Failure {
    let (at, until) = (wall.clock(at), wall.clock(until));
    Failure {
        reason: Reason::AuthFailed,
        message: format!(
            "the device refused credential {name:?} at {at}; it is not tried again before {until}"
        ),
        hint: Some(hint(name)),
    }
}

fn hint(name: &str) -> String {
    format!(
        "put the secret of credential {name:?} right, here or on the devices, and then reload (SIGHUP or POST \
         /-/reload): it is tried at once"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_distance_and_are_named_by_the_wall_clock() {
        let at = Instant::now();
        let wall = Wall {
            now: at + Duration::from_micros(1_500),
            unix_ms: 1_790_251_200_000,
        };
        let later = at + Duration::from_mins(30);
        assert_eq!(wall.unix_ms(later) - wall.unix_ms(at), 1_800_000);
        assert_eq!(wall.clock(later), "12:29 UTC");
        assert_eq!(wall.clock(wall.now), "12:00 UTC");
    }
}
