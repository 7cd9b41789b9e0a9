//! `/sd/agents` and `/sd/devices`: targets as Prometheus reads them by `http_sd`, all of them each time.
//!
//! Labels that begin with `__meta_netwolf_` are for relabelling; Prometheus drops them afterwards.

use std::collections::{BTreeMap, btree_map::Entry};

use axum::{
    Json,
    extract::{Query as Asked, State as Shared, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use netwolf_wire::AgentName;
use serde::Serialize;

use super::{
    Web,
    metrics::scope::{Query, Refusal},
};
use crate::{
    board::{AgentSlot, Board, device::DeviceView},
    clock::Tick,
    series::is_label_name,
};

/// Targets with labels in common; here always one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// `HOST:PORT`, or what else a scraper takes for a target.
    pub targets: [String; 1],
    /// By name.
    pub labels: BTreeMap<String, String>,
}

/// What stands for a device in a list of targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Target {
    /// As [`super::probe`] wants it.
    #[default]
    Name,
    /// As `blackbox_exporter` and `snmp_exporter` want it.
    Address,
}

fn meta(name: &str) -> String {
    format!("__meta_netwolf_{name}")
}

fn agent_group(slot: &AgentSlot) -> Option<Group> {
    let agent = slot.shard.agent.to_string();
    let mut labels = BTreeMap::from([
        ("agent".to_owned(), agent.clone()),
        (meta("agent"), agent),
        (meta("version"), slot.software.clone()),
    ]);
    if let Some(site) = &slot.site {
        labels.insert(meta("site"), site.clone());
    }
    Some(Group {
        targets: [slot.web?.to_string()],
        labels,
    })
}

/// The pages of agents: of each the one that the first of its shards that is linked tells of. A lost agent is listed
/// while it is shown elsewhere, so that Prometheus finds it down and not gone.
fn agent_groups(board: &Board, now: Tick) -> Vec<Group> {
    let mut groups = BTreeMap::<AgentName, (bool, Group)>::new();
    for slot in board.agents(now) {
        let Some(group) = agent_group(&slot) else {
            continue;
        };
        let told = (slot.is_up(), group);
        match groups.entry(slot.shard.agent.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(told);
            }
            Entry::Occupied(mut entry) => {
                if told.0 && !entry.get().0 {
                    entry.insert(told);
                }
            }
        }
    }
    groups.into_values().map(|(_, group)| group).collect()
}

fn device_group(view: &DeviceView<'_>, target: Target) -> Group {
    let about = view.about;
    let mut labels = BTreeMap::from([
        (meta("device"), view.name.to_string()),
        (meta("address"), about.address.clone()),
        (meta("port"), about.port.to_string()),
        (meta("platform"), about.platform.clone()),
        // With commas around each, so that one can be matched as `.*,cpu,.*`.
        (
            meta("collectors"),
            format!(",{},", about.collectors.join(",")),
        ),
    ]);
    if let Some(group) = &about.group {
        labels.insert(meta("group"), group.clone());
    }
    let given = about.labels.iter().filter(|(name, _)| is_label_name(name));
    labels.extend(given.map(|(name, value)| (meta(&format!("label_{name}")), value.clone())));
    let target = match target {
        Target::Name => view.name.to_string(),
        Target::Address => about.address.clone(),
    };
    Group {
        targets: [target],
        labels,
    }
}

/// What devices are to be called by.
fn target(query: Query) -> Result<Target, Refusal> {
    let mut target = Target::default();
    for (key, value) in query {
        target = match (key.as_str(), value.as_str()) {
            ("target", "name") => Target::Name,
            ("target", "address") => Target::Address,
            ("target", _) => {
                let error = format!("unknown kind of target {value:?}");
                return Err(Refusal::bad(error, "there are name, address".to_owned()));
            }
            _ => return Err(unknown(&key, "there is `target`, which is name or address")),
        };
    }
    Ok(target)
}

fn unknown(key: &str, hint: &str) -> Refusal {
    Refusal::bad(format!("unknown parameter {key:?}"), hint.to_owned())
}

/// The parameters of a request.
fn query(asked: Result<Asked<Query>, QueryRejection>) -> Result<Query, Refusal> {
    match asked {
        Ok(Asked(query)) => Ok(query),
        Err(rejection) => Err(Refusal::bad(rejection.body_text(), None)),
    }
}

pub(super) async fn agents(
    Shared(web): Shared<Web>,
    asked: Result<Asked<Query>, QueryRejection>,
) -> Response {
    match query(asked).map(|query| query.into_iter().next()) {
        Ok(None) => Json(agent_groups(&web.state.board, web.state.clock.now())).into_response(),
        Ok(Some((key, _))) => unknown(&key, "there are none").into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

pub(super) async fn devices(
    Shared(web): Shared<Web>,
    asked: Result<Asked<Query>, QueryRejection>,
) -> Response {
    let (now, devices) = (web.state.clock.now(), web.state.board.devices());
    match query(asked).and_then(target) {
        Ok(target) => {
            let groups = devices
                .values()
                .map(|slot| slot.inspect(now, |view| device_group(&view, target)));
            Json(groups.collect::<Vec<_>>()).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}
