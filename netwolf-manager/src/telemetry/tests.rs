//! The own families on a page, for a small fleet in every state.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use netwolf_filter::is_own_name;
use netwolf_wire::{
    Epoch, Incarnation, ShardId,
    legacy::Legacy,
    login::{LoginEnd, LoginOutcome},
    stats::ShardStats,
    status::{DeviceStatus, Failure, Reason, SessionState},
};

use super::*;
use crate::{
    board::{AgentSlot, Board, CoreState},
    breaker::{Breakers, CredentialView},
    clock::Tick,
    exposition::{Format, render},
    fleet::LinkNo,
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
    let mut inventory = testing::inventory([("backing-off", 22), ("nobodys", 22), ("up", 22)]);
    let old = inventory.devices.get_mut("up").unwrap();
    Arc::make_mut(&mut old.job).target.legacy = vec![Legacy::Group1Sha1, Legacy::Aes128Cbc];
    board.set_inventory(&inventory);
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
            failures: 0,
            next_attempt_ms: None,
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
        let slot = AgentSlot::new(
            shard(name),
            Incarnation(1),
            "0.1.0".into(),
            None,
            peer,
            None,
            1,
        );
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
    own.extend(credentials::families(&credentials(now)));
    own.extend(devices::families(&board.devices(), now));
    own
}

/// A credential that two devices refused.
fn credentials(now: Tick) -> Vec<CredentialView> {
    let (clock, inventory) = (Instant::now(), testing::inventory([("a", 22), ("b", 22)]));
    let mut breakers = Breakers::new(clock, &inventory);
    breakers.tell_time(clock, now.0);
    for name in ["a", "b"] {
        let end = LoginEnd {
            device: name.parse().unwrap(),
            epoch: Epoch(1),
            credential: "monitoring".into(),
            outcome: LoginOutcome::Refused,
        };
        breakers.handle_ended(clock, LinkNo(1), &end);
    }
    breakers.views(clock)
}

#[test]
fn every_device_and_shard_is_on_the_page() {
    let page = render(
        Format::Text,
        own(&board(), NOW),
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
    let page = render(Format::Text, own, &SeriesStore::default(), NOW);
    assert!(
        page.contains("netwolf_manager_refused_hellos_total{reason=\"version\"} 0\n"),
        "{page}"
    );
    assert!(page.contains("netwolf_manager_config_last_reload_successful 1\n"));
    testing::promtool(&page);
}

#[test]
fn a_host_key_that_does_not_match_is_a_series_only_while_it_does_not() {
    let board = board();
    let slot = board.device("backing-off").unwrap();
    let page = || {
        let own = devices::families(&board.devices(), NOW);
        render(Format::Text, own, &SeriesStore::default(), NOW)
    };
    assert!(!page().contains("_mismatch{"));
    let mut status = slot.inspect(NOW, |view| view.status.unwrap().clone());
    status.failure.as_mut().unwrap().reason = Reason::HostKeyMismatch;
    slot.set_status(status);
    let line = "netwolf_device_host_key_mismatch{device=\"backing-off\"} 1\n";
    assert!(page().contains(line) && page().matches("_mismatch{").count() == 1);
}

#[test]
fn a_device_without_results_is_not_up() {
    let board = board();
    let page = |now| render(Format::Text, own(&board, now), &SeriesStore::default(), now);
    assert!(page(Tick(NOW.0 + 5_000)).contains("netwolf_device_up{device=\"up\"} 1"));
    assert!(page(Tick(NOW.0 + 5_001)).contains("netwolf_device_up{device=\"up\"} 0"));
}

#[test]
fn after_a_restart_what_is_not_known_of_a_device_is_left_out() {
    let board = Board::default();
    board.begin_gathering();
    let inventory = testing::inventory([("back", 22), ("down", 22), ("nobodys", 22)]);
    board.set_inventory(&inventory);
    let page = |now| {
        let own = devices::families(&board.devices(), now);
        render(Format::Text, own, &SeriesStore::default(), now)
    };
    let up = |name: &str, value: u8| format!("netwolf_device_up{{device=\"{name}\"}} {value}");
    let is_silent = |page: &str| !page.contains("_up{") && !page.contains("_session_state{");
    assert!(is_silent(&page(Tick(1))));

    let status = |name: &str, state| {
        let slot = board.device(name).unwrap();
        slot.set_lease(Some((shard("a1"), Epoch(7))));
        assert!(
            !page(Tick(2)).contains(&up(name, 0)),
            "leased, and nothing told"
        );
        slot.set_status(DeviceStatus {
            device: slot.name.clone(),
            epoch: Epoch(7),
            state,
            since_ms: 1,
            failure: None,
            failures: 0,
            next_attempt_ms: None,
            login_seconds: None,
            failing: Vec::new(),
        });
    };
    status("back", SessionState::Up);
    status("down", SessionState::Backoff);
    let early = page(Tick(3));
    assert!(
        early.contains("{device=\"back\",state=\"up\"} 1"),
        "{early}"
    );
    assert!(
        !early.contains(&up("back", 0)),
        "its next result is not due yet"
    );
    assert!(early.contains(&up("down", 0)) && !early.contains("nobodys\"} 0"));

    board.end_gathering(Tick(10));
    let later = page(Tick(11));
    assert!(later.contains(&up("nobodys", 0)) && !later.contains(&up("back", 0)));
    assert!(page(Tick(5_010)).contains(&up("back", 0)), "nothing came");
    board.device("back").unwrap().polled(Tick(5_020), 1);
    assert!(page(Tick(5_021)).contains(&up("back", 1)));
    board.set_inventory(&testing::inventory([("new", 22)]));
    assert!(page(Tick(5_022)).contains(&up("new", 0)));
}

/// The families of the registries, where there is a remote.
fn counted() -> Vec<OwnFamily> {
    let telemetry = Telemetry::default();
    telemetry.remotes.of("lab");
    telemetry.counted()
}

#[test]
fn docs_metrics_md_lists_every_family_and_no_other() {
    let mut own = own(&board(), NOW);
    own.extend(counted());
    own.extend(trust::families(&testing::state().0));
    own.extend(crate::backup::sample_families());
    let disk = storage::Disk::default();
    disk.watch(&std::env::temp_dir());
    own.extend(disk.families());
    let names: BTreeSet<String> = own
        .iter()
        .map(|family| format!("{}{}", family.base(), family.kind().suffix()))
        .collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
    let docs = std::fs::read_to_string(path).unwrap();
    let listed: BTreeSet<String> = docs
        .lines()
        .take_while(|line| *line != "## Pages of agents")
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| {
            ["netwolf_", "process_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        })
        .map(str::to_owned)
        .collect();
    assert_eq!(names, listed);
}

#[test]
fn no_device_may_have_a_family_of_ours() {
    let mut own = own(&board(), NOW);
    own.extend(counted());
    own.extend(crate::backup::sample_families());
    for family in own {
        let name = format!("{}{}", family.base(), family.kind().suffix());
        assert!(is_own_name(&name) && is_own_name(family.base()), "{name}");
    }
}

#[test]
fn docs_metrics_md_lists_every_reason() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
    let docs = std::fs::read_to_string(path).unwrap();
    for reason in Reason::ALL {
        let row = format!("| `{}` | ", reason.as_str());
        assert!(docs.contains(&row), "{row}");
    }
}

#[test]
fn a_lost_agent_is_shown_for_some_minutes() {
    let board = board();
    assert_eq!(board.agents(Tick(NOW.0 + 600_000)).len(), 2);
    assert_eq!(board.agents(Tick(NOW.0 + 600_001)).len(), 1);
}
