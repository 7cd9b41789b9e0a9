//! russh's settings, each on purpose.
//!
//! russh waits with small packets (Nagle; the socket sees to that), grants windows of 2 MiB, sends no
//! keepalive, asks a group exchange for 8192 bits and renews the keys of all sessions an hour after connect,
//! in phase.

use std::{borrow::Cow, sync::Arc, time::Duration};

use netwolf_ssh::{Preferences, Settings};
use netwolf_wire::hash;
use russh::{Limits, Preferred, SshId, client::Config};

use super::algorithms;

/// Bytes that a device may send ahead on a channel. Thousands of devices that flood must not fill the memory.
const WINDOW: u32 = 256 * 1024;
/// The largest packet that is taken.
const MAX_PACKET: u32 = 32 * 1024;
/// A connection that is silent for so long is asked for a sign of life; three unanswered ones end it.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// Signs of life that may stay out.
const KEEPALIVE_MAX: usize = 3;
/// Keys are renewed after a time between these, by name, so that a fleet does not renew them at once.
const REKEY: (Duration, Duration) = (Duration::from_mins(45), Duration::from_mins(75));

/// What we say first.
const VERSION: &str = concat!("SSH-2.0-NetWolf_", env!("CARGO_PKG_VERSION"));
/// The same as it goes over the wire.
pub(super) const VERSION_LINE: &str =
    concat!("SSH-2.0-NetWolf_", env!("CARGO_PKG_VERSION"), "\r\n");

/// When the keys of a connection to `name` are renewed.
fn rekey_after(name: &str) -> Duration {
    let (from, to) = REKEY;
    let spread = hash::hash64(name.as_bytes())
        % u64::try_from(to.saturating_sub(from).as_millis()).unwrap_or(1);
    from + Duration::from_millis(spread)
}

/// The settings of the lean client for a connection to `name`; `keepalive` as below.
pub(super) fn lean(name: &str, preferences: Preferences, keepalive: bool) -> Settings {
    Settings {
        version: VERSION,
        preferences,
        window: WINDOW,
        max_packet: MAX_PACKET,
        keepalive: keepalive.then_some(KEEPALIVE),
        keepalive_max: u32::try_from(KEEPALIVE_MAX).unwrap_or(u32::MAX),
        rekey_after: rekey_after(name),
    }
}

/// The settings for a connection to `name`; `keepalive` is whether it may be asked for a sign of life.
pub(super) fn config(name: &str, preferred: Preferred, keepalive: bool) -> Arc<Config> {
    Arc::new(Config {
        client_id: SshId::Standard(Cow::Borrowed(VERSION)),
        limits: Limits {
            rekey_time_limit: rekey_after(name),
            ..Limits::default()
        },
        window_size: WINDOW,
        maximum_packet_size: MAX_PACKET,
        preferred,
        keepalive_interval: keepalive.then_some(KEEPALIVE),
        keepalive_max: KEEPALIVE_MAX,
        gex: algorithms::group_exchange(),
        nodelay: true,
        ..Config::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, keepalive: bool) -> Arc<Config> {
        config(name, algorithms::preferred(&[]), keepalive)
    }

    #[test]
    fn nothing_dangerous_is_left_at_its_default() {
        let config = of("r1", true);
        assert_eq!(config.window_size, 256 * 1024);
        assert!(config.keepalive_interval.is_some() && config.keepalive_max > 0);
        assert!(config.nodelay);
        assert_eq!(config.gex.preferred_group_size(), 2048);
        assert!(
            of("r1", false).keepalive_interval.is_none(),
            "a platform that does not stand the question is not asked"
        );
    }

    #[test]
    fn a_fleet_does_not_renew_its_keys_at_once() {
        let mut times: Vec<_> = (0..1000)
            .map(|n| of(&format!("r{n}"), true).limits.rekey_time_limit)
            .collect();
        times.sort();
        assert!(times[0] >= REKEY.0 && times[999] <= REKEY.1);
        let busiest = times
            .iter()
            .map(|from| {
                let minute = *from..*from + Duration::from_mins(1);
                times.iter().filter(|time| minute.contains(*time)).count()
            })
            .max();
        assert!(
            busiest.is_some_and(|n| n < 100),
            "{busiest:?} in one minute"
        );
        assert_eq!(
            of("r1", true).limits.rekey_time_limit,
            of("r1", true).limits.rekey_time_limit
        );
    }
}
