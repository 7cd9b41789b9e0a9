//! Times that make sense together: nothing is taken over from a shard that merely waited for its turn.

use std::time::Duration;

use netwolf_wire::Span;

use super::Checker;
use crate::config::{
    limits, raw,
    timing::Timing,
    yaml::{Field, Spanned},
};

/// Faster heartbeats cost more than they tell.
const MIN_TIME: Duration = Duration::from_millis(100);

/// A shard on its own for a day; nothing else is ever that long.
const MAX_TIME: Duration = Duration::from_hours(24);

impl Checker<'_> {
    /// The times that are given, the defaults for the others.
    pub(super) fn timing(&mut self, timing: Field<raw::Timing>) -> Timing {
        let raw = timing
            .into_spanned()
            .map(|timing| timing.value)
            .unwrap_or_default();
        let mut timing = Timing::default();
        let takeover = raw.takeover.spanned().map(|span| span.at);
        let heartbeat = raw.heartbeat.spanned().map(|span| span.at);
        let n_faults = self.faults.len();
        for (name, given, time) in [
            ("heartbeat", raw.heartbeat, &mut timing.heartbeat),
            ("link_grace", raw.link_grace, &mut timing.link_grace),
            ("takeover", raw.takeover, &mut timing.takeover),
            ("autonomy", raw.autonomy, &mut timing.autonomy),
            ("settle", raw.settle, &mut timing.settle),
        ] {
            let Some(Spanned { at, value: given }) = given.into_spanned() else {
                continue;
            };
            match limits::between(given, MIN_TIME, MAX_TIME, &format!("`{name}`")) {
                Ok(()) => *time = given.get(),
                Err(message) => self.fault(at, message, None),
            }
        }
        if let Some(at) = takeover.or(heartbeat)
            && self.faults.len() == n_faults
            && timing.heartbeat * 2 > timing.takeover
        {
            let (heartbeat, takeover) = (Span::from(timing.heartbeat), Span::from(timing.takeover));
            self.fault(
                at,
                format!("`takeover` of {takeover} is less than two heartbeats of {heartbeat}"),
                Some("a single late heartbeat would move devices; six heartbeats are a good takeover".into()),
            );
        }
        timing
    }
}
