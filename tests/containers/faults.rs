//! The faults, one after the other on the same fleet, each from a fleet that is well.
//!
//! What a device misses is judged by the times of its whole outputs at the manager; gaps, sessions and logins by
//! the devices themselves.

use std::time::{Duration, Instant};

use crate::{
    fleet::Fleet,
    lab::{self, PATIENCE, Page, eventually},
    verdict::Verdict,
    watch::{COUNTER, Watch, wall},
};

/// What happens to the fleet, in this order.
pub(crate) const ALL: [fn(&Fleet, &Watch) -> Verdict; 5] = [
    an_agent_is_killed,
    an_agent_is_paused,
    a_link_is_cut_for_longer_than_a_takeover,
    the_manager_is_killed,
    a_link_is_cut_for_less_than_a_takeover,
];

/// How long a container is paused, or cut off.
const LONG: Duration = Duration::from_secs(30);

/// So long the fleet is well before something happens to it.
const CALM: Duration = Duration::from_secs(3);

/// Two polls missed, and what a busy machine adds: the third comes late by half an interval at most.
const TWO_MISSED: f64 = 3.5;

/// Times under which a cut of [`LONG`] moves no device.
const PATIENT: &str = "timing: { link_grace: 60s, takeover: 60s, autonomy: 120s }";

/// As the page and the API have numbers.
#[expect(
    clippy::cast_precision_loss,
    reason = "numbers of devices, and of polls of some minutes"
)]
fn number(count: impl TryInto<u64>) -> f64 {
    count.try_into().unwrap_or(u64::MAX) as f64
}

fn take(condition: bool, objection: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(objection()) }
}

/// Waits until all agents hold their share and nothing has moved or been late for [`CALM`].
///
/// The fault that follows is void unless 95 % of the devices were polled in the last 2 s.
#[track_caller]
fn calm(fleet: &Fleet, watch: &Watch) {
    let mut since = Instant::now();
    eventually(PATIENCE, "void: the fleet is not well", || {
        let well = is_well(fleet, watch);
        if well.is_err() {
            since = Instant::now();
        }
        well.and_then(|()| {
            take(since.elapsed() >= CALM, || {
                "it has not been well for long".into()
            })
        })
    });
    // What came before must not be held against what follows.
    watch.take_setbacks();
    fleet.seen();
}

fn is_well(fleet: &Fleet, watch: &Watch) -> Result<(), String> {
    let page = fleet.metrics()?;
    let waiting = page.value("netwolf_manager_lease_moves_waiting");
    let up = page.sum("netwolf_device_up");
    take(up == number(fleet.devices) && waiting == Some(0.0), || {
        format!("{up} devices up, {waiting:?} wait for a move")
    })?;
    for agent in fleet.agents() {
        let held = fleet.held_by(agent)?.len();
        take(held > fleet.devices / 6, || format!("{agent} has {held}"))?;
    }
    let fresh = watch.fresh(2.0);
    take(fresh * 100 >= fleet.devices * 95, || {
        format!("{fresh} were polled in the last 2 s")
    })
}

/// Waits for an end of `time`, which nothing in the fleet tells.
fn pass(time: Duration) {
    lab::holds(time, "time passes", || Ok(()));
}

/// Asks for `value` until it is there; seconds since `since`, or infinity after `patience`.
fn seconds_until(
    since: Instant,
    patience: Duration,
    mut value: impl FnMut() -> Result<bool, String>,
) -> f64 {
    while since.elapsed() < patience {
        if value() == Ok(true) {
            return since.elapsed().as_secs_f64();
        }
        lab::pause();
    }
    f64::INFINITY
}

fn counter(page: &Page, name: &str) -> f64 {
    page.value(name)
        .unwrap_or_else(|| panic!("{name} is missing"))
}

const TAKEOVERS: &str = "netwolf_manager_lease_takeovers_total";
const STALE: &str = "netwolf_manager_stale_polls_total";
const SAMPLES: &str = "netwolf_manager_samples_total";

fn an_agent_is_killed(fleet: &Fleet, watch: &Watch) -> Verdict {
    const DOOMED: &str = "agent-1";
    calm(fleet, watch);
    let lost = fleet.held_by(DOOMED).unwrap();
    let began = wall();
    fleet.kill(DOOMED);
    // What comes in later was not polled by who is gone.
    let gone = wall();
    let polled = |device: &String| watch.delay(device, gone).map(|delay| delay + gone - began);
    seconds_until(Instant::now(), Duration::from_secs(12), || {
        Ok(lost.iter().all(|device| polled(device).is_some()))
    });
    let mut delays: Vec<f64> = lost
        .iter()
        .map(|device| polled(device).unwrap_or(f64::INFINITY))
        .collect();
    delays.sort_by(f64::total_cmp);
    let most = delays[(delays.len() * 99).div_ceil(100) - 1];
    let others = watch.devices();
    let others = others.iter().filter(|device| !lost.contains(device));
    let gap = others
        .map(|device| watch.longest_gap(device, began))
        .fold(0.0, f64::max);
    fleet.begin(DOOMED);
    let fault = format!("an agent with {} of the devices is killed", lost.len());
    Verdict::new(&fault)
        .at_most("99 % polled again after s", most, 5.0)
        .at_most("all after s", delays[delays.len() - 1], 10.0)
        .at_most("longest gap of the others s", gap, TWO_MISSED)
}

fn an_agent_is_paused(fleet: &Fleet, watch: &Watch) -> Verdict {
    const SLEEPER: &str = "agent-2";
    calm(fleet, watch);
    let before = fleet.metrics().unwrap();
    let lost = fleet.held_by(SLEEPER).unwrap().len();
    let began = Instant::now();
    fleet.pause(SLEEPER);
    let takeover = seconds_until(began, LONG, || {
        let page = fleet.metrics()?;
        Ok(counter(&page, TAKEOVERS) > counter(&before, TAKEOVERS))
    });
    let again = seconds_until(began, LONG, || Ok(watch.fresh(2.0) == fleet.devices));
    pass(LONG.saturating_sub(began.elapsed()));
    let asleep = fleet.seen().totals.sessions;
    let woken = Instant::now();
    fleet.unpause(SLEEPER);
    let dropped = seconds_until(woken, Duration::from_secs(20), || {
        Ok(fleet.seen().totals.sessions <= fleet.devices as u64)
    });
    calm_after(fleet);
    let after = fleet.metrics().unwrap();
    let stale = counter(&after, STALE) - counter(&before, STALE);
    let exposed = watch.take_setbacks();
    let fault = format!("an agent with {lost} of the devices is paused for 30 s");
    Verdict::new(&fault)
        .at_most("takeover after s", takeover, 7.0)
        .at_most("all polled again after s", again, 12.0)
        .at_least(
            "sessions before it wakes",
            number(asleep),
            number(fleet.devices + 1),
        )
        .at_most("what it lost is dropped after s", dropped, 1.0)
        .at_least("stale polls counted", stale, 1.0)
        .at_most("stale values exposed", number(exposed.len()), 0.0)
}

/// Waits until all agents are linked and have delivered what they kept.
fn calm_after(fleet: &Fleet) {
    eventually(PATIENCE, "all agents are back", || {
        let page = fleet.metrics()?;
        let up = page.sum("netwolf_agent_up");
        let buffered = page.sum("netwolf_agent_buffered_polls");
        let bound = number(2 * fleet.devices);
        take(
            up == number(fleet.agents().len()) && buffered < bound,
            || format!("{up} agents, {buffered} polls wait"),
        )
    });
}

fn a_link_is_cut_for_longer_than_a_takeover(fleet: &Fleet, watch: &Watch) -> Verdict {
    const CUT: &str = "agent-3";
    calm(fleet, watch);
    let before = fleet.metrics().unwrap();
    let lost = fleet.held_by(CUT).unwrap().len();
    fleet.cut(CUT);
    let began = Instant::now();
    let takeover = seconds_until(began, LONG, || {
        let page = fleet.metrics()?;
        Ok(counter(&page, TAKEOVERS) > counter(&before, TAKEOVERS))
    });
    pass(LONG.saturating_sub(began.elapsed()));
    fleet.heal(CUT);
    let healed = Instant::now();
    let back = seconds_until(healed, PATIENCE, || {
        Ok(fleet.metrics()?.sum("netwolf_agent_up") == number(fleet.agents().len()))
    });
    calm_after(fleet);
    pass(Duration::from_secs(3));
    let seen = fleet.seen();
    let after = fleet.metrics().unwrap();
    // The agent sends what it kept until it hears that others have its devices, and drops the rest.
    let stale = counter(&after, STALE) - counter(&before, STALE);
    let counted = stale + dropped(&after) - dropped(&before);
    let fault = format!("the link of an agent with {lost} of the devices is cut for 30 s");
    Verdict::new(&fault)
        .at_most("takeover after s", takeover, 7.0)
        .at_most("linked again after s", back, 10.0)
        .at_most("longest gap at a device s", seen.longest_gap, TWO_MISSED)
        .at_most("devices without a poll", number(seen.silent), 0.0)
        .at_least("second polls counted as stale", stale, 1.0)
        .at_least("stale or dropped", counted, number(lost) * 25.0)
        .at_most(
            "stale values exposed",
            number(watch.take_setbacks().len()),
            0.0,
        )
}

fn dropped(page: &Page) -> f64 {
    page.sum("netwolf_agent_dropped_polls_total")
}

fn the_manager_is_killed(fleet: &Fleet, watch: &Watch) -> Verdict {
    calm(fleet, watch);
    let logins = fleet.seen().totals.logins;
    let devices = number(fleet.devices);
    fleet.kill("manager");
    fleet.begin("manager");
    let began = Instant::now();
    let back = seconds_until(began, PATIENCE, || {
        Ok(fleet.metrics()?.sum("netwolf_agent_up") == number(fleet.agents().len()))
    });
    let complete = seconds_until(began, PATIENCE, || {
        let page = fleet.metrics()?;
        let counters = page.series(COUNTER, &[]).count();
        Ok(page.sum("netwolf_device_up") == devices && counters == fleet.devices)
    });
    // Logins that would follow from a lost lease come with the next placement.
    pass(Duration::from_secs(3));
    let seen = fleet.seen();
    Verdict::new("the manager is killed and started again")
        .at_most("agents linked again after s", back, 5.0)
        .at_most("/metrics complete after s", complete, 10.0)
        .at_most("SSH logins", number(seen.totals.logins - logins), 0.0)
        .at_most("longest gap at a device s", seen.longest_gap, TWO_MISSED)
}

/// Polls that the devices have answered and the manager has not yet, at any moment: 180 a second take 20 ms each.
const UNDER_WAY: f64 = 10.0;

/// What the devices have answered, and what the manager has of it: a poll is a command and a sample.
struct Account {
    run: f64,
    taken: f64,
    dropped: f64,
    logins: u64,
    gap: f64,
}

impl Account {
    fn take(fleet: &Fleet) -> Self {
        let seen = fleet.seen();
        let page = eventually(PATIENCE, "a page", || fleet.metrics());
        Self {
            run: number(seen.totals.commands),
            taken: counter(&page, SAMPLES),
            dropped: dropped(&page),
            logins: seen.totals.logins,
            gap: seen.longest_gap,
        }
    }

    fn missing(&self) -> f64 {
        self.run - self.taken
    }
}

fn a_link_is_cut_for_less_than_a_takeover(fleet: &Fleet, watch: &Watch) -> Verdict {
    const CUT: &str = "agent-1";
    fleet.configure_timing(PATIENT);
    fleet.restart("manager");
    calm(fleet, watch);
    let lost = fleet.held_by(CUT).unwrap().len();
    let before = Account::take(fleet);
    fleet.cut(CUT);
    let began = Instant::now();
    pass(LONG.saturating_sub(began.elapsed()));
    let cut = Account::take(fleet);
    let kept = cut.missing() - before.missing();
    fleet.heal(CUT);
    let healed = Instant::now();
    let mut gap = cut.gap;
    let mut missing = f64::INFINITY;
    let replayed = seconds_until(healed, PATIENCE, || {
        let now = Account::take(fleet);
        gap = gap.max(now.gap);
        missing = now.missing() - before.missing();
        Ok(missing <= UNDER_WAY)
    });
    // Some polls more, in the usual way.
    pass(Duration::from_secs(3));
    let after = Account::take(fleet);
    gap = gap.max(after.gap);
    let logins = number(after.logins - before.logins);
    let fault =
        format!("the link of an agent with {lost} of the devices is cut for 30 s, takeover 60 s");
    Verdict::new(&fault)
        .at_least("polls kept in the cut", kept, number(lost) * 25.0)
        .at_most("replayed after s", replayed, 10.0)
        .at_most(
            "samples lost or under way",
            after.missing() - before.missing(),
            UNDER_WAY,
        )
        .at_most("polls dropped", after.dropped - before.dropped, 0.0)
        .at_most("SSH logins", logins, 0.0)
        .at_most("longest gap at a device s", gap, TWO_MISSED)
        .at_most(
            "stale values exposed",
            number(watch.take_setbacks().len()),
            0.0,
        )
}
