//! What shards tell of themselves, with the labels `agent` and `shard`.

use std::{collections::BTreeMap, sync::Arc};

use netwolf_wire::{stats::ShardStats, status::Reason};

use crate::{
    board::AgentSlot,
    exposition::{OwnFamily, Type},
};

type Field = (&'static str, Type, &'static str, fn(&ShardStats) -> u64);

const FIELDS: [Field; 9] = [
    (
        "netwolf_agent_devices",
        Type::Gauge,
        "Devices that the shard holds leases of.",
        |s| s.devices,
    ),
    (
        "netwolf_agent_sessions",
        Type::Gauge,
        "Sessions of the shard that are up.",
        |s| s.sessions,
    ),
    (
        "netwolf_agent_logins",
        Type::Counter,
        "Logins that succeeded.",
        |s| s.logins,
    ),
    (
        "netwolf_agent_polls",
        Type::Counter,
        "Polls that brought whole output.",
        |s| s.polls,
    ),
    (
        "netwolf_agent_polls_skipped",
        Type::Counter,
        "Polls left out because the one before was not done.",
        |s| s.polls_skipped,
    ),
    (
        "netwolf_agent_samples",
        Type::Counter,
        "Samples made from output.",
        |s| s.samples,
    ),
    (
        "netwolf_agent_parse_problems",
        Type::Counter,
        "Lines or values that a rule could not read.",
        |s| s.parse_problems,
    ),
    (
        "netwolf_agent_buffered_polls",
        Type::Gauge,
        "Polls that wait for the link.",
        |s| s.buffered_polls,
    ),
    (
        "netwolf_agent_dropped_polls",
        Type::Counter,
        "Polls dropped from a full buffer.",
        |s| s.dropped_polls,
    ),
];

type ByReason = (
    &'static str,
    &'static str,
    fn(&ShardStats) -> &BTreeMap<Reason, u64>,
);

const BY_REASON: [ByReason; 3] = [
    (
        "netwolf_agent_login_failures",
        "Logins that failed, by reason.",
        |s| &s.login_failures,
    ),
    (
        "netwolf_agent_disconnects",
        "Sessions that were up and ended, by reason.",
        |s| &s.disconnects,
    ),
    (
        "netwolf_agent_poll_failures",
        "Polls that brought no whole output, by reason.",
        |s| &s.poll_failures,
    ),
];

/// Families of all shards that are shown. Of a lost one only that it is down.
pub fn families(agents: &[Arc<AgentSlot>]) -> Vec<OwnFamily> {
    let mut up = OwnFamily::new(
        "netwolf_agent_up",
        Type::Gauge,
        "Whether the shard is linked; a lost one stays at 0 for some minutes.",
    );
    let mut info = OwnFamily::new(
        "netwolf_agent",
        Type::Info,
        "The program that the shard runs in.",
    );
    let mut fields = FIELDS.map(|(name, kind, help, _)| OwnFamily::new(name, kind, help));
    let mut reasons = BY_REASON.map(|(name, help, _)| OwnFamily::new(name, Type::Counter, help));
    let mut seconds = OwnFamily::new(
        "netwolf_poll_seconds",
        Type::Histogram,
        "From the moment a command is typed until its output is whole.",
    );
    for slot in agents {
        let index = slot.shard.index.to_string();
        let labels = [
            ("agent", slot.shard.agent.as_str()),
            ("shard", index.as_str()),
        ];
        up.add(&labels, if slot.is_up() { 1.0 } else { 0.0 });
        if !slot.is_up() {
            continue;
        }
        info.add(&with(labels, "version", &slot.software), 1.0);
        slot.with_stats(|stats| {
            for ((_, _, _, read), family) in FIELDS.iter().zip(&mut fields) {
                family.count(&labels, read(stats));
            }
            for ((_, _, read), family) in BY_REASON.iter().zip(&mut reasons) {
                for (reason, count) in read(stats) {
                    family.count(&with(labels, "reason", reason.as_str()), *count);
                }
            }
            for (collector, histogram) in &stats.poll_seconds {
                seconds.histogram(&with(labels, "collector", collector), histogram);
            }
        });
    }
    [up, info, seconds]
        .into_iter()
        .chain(fields)
        .chain(reasons)
        .collect()
}

fn with<'a>(
    labels: [(&'a str, &'a str); 2],
    name: &'a str,
    value: &'a str,
) -> [(&'a str, &'a str); 3] {
    [labels[0], labels[1], (name, value)]
}
