//! The own families on a page, for a small fleet in every state.

use std::{collections::BTreeMap, sync::Arc};

use netwolf_wire::{
    Epoch, Incarnation, ShardId,
    stats::ShardStats,
    status::{DeviceStatus, Failure, Reason, SessionState},
};

use super::*;
use crate::{
    board::{AgentSlot, Board, CoreState},
    clock::Tick,
    exposition::{Format, render},
    series::SeriesStore,
    testing,
};

const NOW: Tick = Tick(100_000);

fn shard(agent: &str) -> ShardId {
    ShardId {
        agent: agent.parse().unwrap(),
        index: 0,
    }
}

fn board() -> Board {
    let board = Board::default();
    board.set_inventory(&testing::inventory([
        ("backing-off", 22),
        ("nobodys", 22),
        ("up", 22),
    ]));
    for (name, state) in [
        ("up", SessionState::Up),
        ("backing-off", SessionState::Backoff),
    ] {
        let slot = board.device(name).unwrap();
        slot.set_lease(Some((shard("a1"), Epoch(7))));
        let failure = (state == SessionState::Backoff).then(|| Failure {
            reason: Reason::Refused,
            message: "connection refused".into(),
            hint: None,
        });
        slot.set_status(DeviceStatus {
            device: slot.name.clone(),
            epoch: Epoch(7),
            state,
            since_ms: 1,
            failure,
            login_seconds: (state == SessionState::Up).then_some(0.25),
            failing: Vec::new(),
        });
    }
    board.device("up").unwrap().polled(NOW, 1_790_000_000_500);
    let stats = ShardStats {
        devices: 2,
        sessions: 1,
        logins: 1,
        login_failures: BTreeMap::from([(Reason::Refused, 4)]),
        ..ShardStats::default()
    };
    for name in ["a1", "a2"] {
        let peer = "127.0.0.1:1".parse().unwrap();
        let slot = AgentSlot::new(shard(name), Incarnation(1), "0.1.0".into(), peer, 1);
        slot.set_stats(stats.clone());
        board.agent_joined(Arc::new(slot));
    }
    board.agent_lost(&shard("a2"), NOW);
    board
}

fn own(board: &Board, now: Tick) -> Vec<OwnFamily> {
    let core = CoreState {
        held: 2,
        ..CoreState::default()
    };
    let queue = manager::Queue {
        name: "core",
        depth: 1,
        limit: 8,
    };
    let mut own = manager::families(&core, &[queue], 3, 0);
    own.extend(agents::families(&board.agents(now)));
    own.extend(devices::families(&board.devices(), now));
    own
}

#[test]
fn every_device_and_shard_is_on_the_page() {
    let page = render(
        Format::Text,
        &own(&board(), NOW),
        &SeriesStore::default(),
        NOW,
    );
    insta::assert_snapshot!(page);
}

#[test]
fn promtool_accepts_all_own_families() {
    let telemetry = Telemetry::default();
    telemetry.config_loaded(true, false);
    telemetry.rendered(Duration::from_millis(2));
    let mut own = own(&board(), NOW);
    own.extend(telemetry.counted());
    let page = render(Format::Text, &own, &SeriesStore::default(), NOW);
    assert!(
        page.contains("netwolf_manager_refused_hellos_total{reason=\"version\"} 0\n"),
        "{page}"
    );
    assert!(page.contains("netwolf_manager_config_last_reload_successful 1\n"));
    testing::promtool(&page);
}

#[test]
fn a_device_without_results_is_not_up() {
    let board = board();
    let page = |now| {
        render(
            Format::Text,
            &own(&board, now),
            &SeriesStore::default(),
            now,
        )
    };
    assert!(page(Tick(NOW.0 + 5_000)).contains("netwolf_device_up{device=\"up\"} 1"));
    assert!(page(Tick(NOW.0 + 5_001)).contains("netwolf_device_up{device=\"up\"} 0"));
}

#[test]
fn a_lost_agent_is_shown_for_some_minutes() {
    let board = board();
    assert_eq!(board.agents(Tick(NOW.0 + 600_000)).len(), 2);
    assert_eq!(board.agents(Tick(NOW.0 + 600_001)).len(), 1);
}
