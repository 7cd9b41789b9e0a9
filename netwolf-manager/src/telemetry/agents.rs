//! What shards tell of themselves, with the labels `agent` and `shard`.

use std::{collections::BTreeMap, sync::Arc};

use netwolf_wire::{stats::ShardStats, status::Reason};

use crate::{
    board::AgentSlot,
    exposition::{OwnFamily, Type},
};

type Field = (&'static str, Type, &'static str, fn(&ShardStats) -> u64);

const FIELDS: [Field; 19] = [
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
        "netwolf_agent_general_client_sessions",
        Type::Gauge,
        "Sessions of the shard that the general SSH client has, which take several times the memory of others.",
        |s| s.general_client_sessions,
    ),
    (
        "netwolf_agent_tasks",
        Type::Gauge,
        "Tasks of the shard's event loop: one a device, and those of the connections.",
        |s| s.tasks,
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
        "netwolf_agent_excess_outputs",
        Type::Counter,
        "Outputs of which samples were left out because of a bound on series.",
        |s| s.excess_outputs,
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
        "Polls dropped because the buffer was full, or their lease was another shard's by then.",
        |s| s.dropped_polls,
    ),
    (
        "netwolf_agent_prompt_relearns",
        Type::Counter,
        "Prompts that had changed and were learned again.",
        |s| s.prompt_relearns,
    ),
    (
        "netwolf_agent_truncated_outputs",
        Type::Counter,
        "Outputs that were cut at the bound.",
        |s| s.truncated,
    ),
    (
        "netwolf_agent_steps",
        Type::Counter,
        "Steps of runs that were begun and have ended.",
        |s| s.steps,
    ),
    (
        "netwolf_agent_step_failures",
        Type::Counter,
        "Steps of runs that were begun and did not succeed.",
        |s| s.step_failures,
    ),
    (
        "netwolf_agent_steps_held",
        Type::Gauge,
        "Steps of runs that wait, run, or whose end was not heard of.",
        |s| s.steps_held,
    ),
    (
        "netwolf_agent_received_bytes",
        Type::Counter,
        "Bytes that came from devices, as they were on the wire.",
        |s| s.received_bytes,
    ),
    (
        "netwolf_agent_sent_bytes",
        Type::Counter,
        "Bytes that went to devices, as they were on the wire.",
        |s| s.sent_bytes,
    ),
];

/// Name, help, reasons that there can be, and how to read it.
type ByReason = (
    &'static str,
    &'static str,
    &'static [Reason],
    fn(&ShardStats) -> &BTreeMap<Reason, u64>,
);

/// Why a login fails.
const LOGIN_REASONS: [Reason; 20] = [
    Reason::UnknownHost,
    Reason::Refused,
    Reason::Unreachable,
    Reason::ConnectTimeout,
    Reason::HandshakeTimeout,
    Reason::HandshakeFailed,
    Reason::HostKeyMismatch,
    Reason::HostKeyUnknown,
    Reason::NoDescriptor,
    Reason::SecretUnavailable,
    Reason::AuthFailed,
    Reason::PasswordChange,
    Reason::JumpFailed,
    Reason::LoginTimeout,
    Reason::ChannelRefused,
    Reason::NoPrompt,
    Reason::EnableFailed,
    Reason::ClosedByDevice,
    Reason::ConnectionLost,
    Reason::Other,
];

/// Why a session that was up ends.
const DISCONNECT_REASONS: [Reason; 6] = [
    Reason::ChannelRefused,
    Reason::ClosedByDevice,
    Reason::MaxAge,
    Reason::ConnectionLost,
    Reason::CommandTimeout,
    Reason::Other,
];

/// Why a poll brings no whole output, the end of its session included.
const POLL_REASONS: [Reason; 7] = [
    Reason::ChannelRefused,
    Reason::ClosedByDevice,
    Reason::ConnectionLost,
    Reason::CommandTimeout,
    Reason::CommandRejected,
    Reason::OutputTruncated,
    Reason::Other,
];

const BY_REASON: [ByReason; 3] = [
    (
        "netwolf_agent_login_failures",
        "Logins that failed, by reason.",
        &LOGIN_REASONS,
        |s| &s.login_failures,
    ),
    (
        "netwolf_agent_disconnects",
        "Sessions that were up and ended, by reason.",
        &DISCONNECT_REASONS,
        |s| &s.disconnects,
    ),
    (
        "netwolf_agent_poll_failures",
        "Polls that brought no whole output, by reason.",
        &POLL_REASONS,
        |s| &s.poll_failures,
    ),
];

/// Families of all shards that are shown. Of a lost one only that it is down; of one that has told nothing yet
/// no counters, because a counter that falls to 0 and comes back looks like a restart.
pub fn families(agents: &[Arc<AgentSlot>]) -> Vec<OwnFamily> {
    let mut up = OwnFamily::new(
        "netwolf_agent_up",
        Type::Gauge,
        "Whether the shard is linked; a lost one stays at 0 for some minutes.",
    );
    let mut leaving = OwnFamily::new(
        "netwolf_agent_leaving",
        Type::Gauge,
        "Whether the shard wants to leave, so that its devices go elsewhere.",
    );
    let mut busy = OwnFamily::new(
        "netwolf_agent_busy_ratio",
        Type::Gauge,
        "The share of its core's time that the shard worked of late.",
    );
    let mut info = OwnFamily::new(
        "netwolf_agent",
        Type::Info,
        "The program that the shard runs in.",
    );
    let mut fields = FIELDS.map(|(name, kind, help, _)| OwnFamily::new(name, kind, help));
    let mut reasons = BY_REASON.map(|(name, help, ..)| OwnFamily::new(name, Type::Counter, help));
    let mut pacing = OwnFamily::new(
        "netwolf_agent_pacing_wait_seconds",
        Type::Counter,
        "Sum of the times that logins waited for their turn.",
    );
    let mut seconds = OwnFamily::new(
        "netwolf_poll_seconds",
        Type::Histogram,
        "From the moment a command is typed until its output is whole.",
    );
    let mut delay = OwnFamily::new(
        "netwolf_agent_poll_delay_seconds",
        Type::Histogram,
        "From the moment a command is due until its output is whole.",
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
        leaving.add(&labels, if slot.is_leaving() { 1.0 } else { 0.0 });
        info.add(&with(labels, "version", &slot.software), 1.0);
        if !slot.has_stats() {
            continue;
        }
        slot.with_stats(|stats| {
            busy.add(&labels, stats.busy_ratio);
            for ((_, _, _, read), family) in FIELDS.iter().zip(&mut fields) {
                family.count(&labels, read(stats));
            }
            pacing.add(&labels, stats.pacing_wait_seconds);
            for ((_, _, possible, read), family) in BY_REASON.iter().zip(&mut reasons) {
                // Those that did not happen are 0, so that the first is an increase and not a new series.
                let mut counts: BTreeMap<_, _> =
                    possible.iter().map(|reason| (*reason, 0)).collect();
                counts.extend(read(stats));
                for (reason, count) in counts {
                    family.count(&with(labels, "reason", reason.as_str()), count);
                }
            }
            delay.histogram(&labels, &stats.poll_delay_seconds);
            for (collector, histogram) in &stats.poll_seconds {
                seconds.histogram(&with(labels, "collector", collector), histogram);
            }
        });
    }
    [up, leaving, busy, info, pacing, seconds, delay]
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
