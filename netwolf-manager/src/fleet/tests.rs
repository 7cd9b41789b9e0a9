//! Membership over time, with times made up.

use proptest::prelude::*;

use super::*;

const PATIENCE: Patience = Patience {
    heartbeat: Duration::from_secs(1),
    link_grace: Duration::from_secs(2),
    takeover: Duration::from_secs(6),
    autonomy: Duration::from_mins(1),
    settle: Duration::from_secs(10),
};

fn shard(agent: &str, index: u16) -> ShardId {
    ShardId {
        agent: agent.parse().unwrap(),
        index,
    }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A fleet whose clock the test moves.
struct Stage {
    now: Instant,
    fleet: Fleet,
    next_link: u64,
}

impl Stage {
    fn new(known: &[ShardId]) -> Self {
        let now = Instant::now();
        let fleet = Fleet::new(now, PATIENCE, known.iter().cloned().collect());
        Self {
            now,
            fleet,
            next_link: 0,
        }
    }

    fn hello(&mut self, shard: &ShardId, life: u64) -> Result<(Admitted, LinkNo), Duplicate> {
        self.hello_after(Duration::ZERO, shard, life)
    }

    fn hello_after(
        &mut self,
        silent: Duration,
        shard: &ShardId,
        life: u64,
    ) -> Result<(Admitted, LinkNo), Duplicate> {
        self.next_link += 1;
        let link = LinkNo(self.next_link);
        let life = Incarnation(life);
        let fleet = &mut self.fleet;
        let admitted = fleet.hello(self.now, shard, life, 1, silent, link)?;
        Ok((admitted, link))
    }

    /// A shard that is heard and does not hear: it gives up the silent link, and says hello on the next one.
    fn say_hello_in_vain(
        &mut self,
        shard: &ShardId,
        since: Instant,
        others: &[LinkNo],
    ) -> Vec<Gone> {
        let silent = self.now - since;
        let (_, link) = self.hello_after(silent, shard, 1).unwrap();
        // The hello itself was a frame.
        self.fleet.heard(link, self.now);
        let mut gone = self.pass(ms(5_000), others);
        self.fleet.link_down(self.now, link);
        gone.extend(self.pass(ms(1_000), others));
        gone
    }

    /// Lets time pass, in small steps as a driver would, all `heard` links alive.
    fn pass(&mut self, time: Duration, heard: &[LinkNo]) -> Vec<Gone> {
        let end = self.now + time;
        let mut gone = Vec::new();
        while self.now < end {
            self.now = (self.now + ms(100)).min(end);
            for link in heard {
                self.fleet.heard(*link, self.now);
            }
            gone.extend(self.fleet.handle_timeout(self.now));
        }
        gone
    }

    fn places(&mut self) -> bool {
        self.fleet.take_placement(self.now)
    }

    fn placed_on(&self) -> Vec<&ShardId> {
        self.fleet.places().map(|(shard, _)| shard).collect()
    }
}

#[test]
fn a_lost_link_has_the_grace_to_come_back() {
    let mut stage = Stage::new(&[]);
    let a = shard("a", 0);
    let (first, link) = stage.hello(&a, 1).unwrap();
    stage.fleet.link_down(stage.now, link);
    assert!(stage.pass(ms(1_900), &[]).is_empty());
    let (again, link) = stage.hello(&a, 1).unwrap();
    assert_eq!(again.member, first.member, "the same life");
    stage.fleet.link_down(stage.now, link);
    let gone = stage.pass(ms(2_000), &[]);
    assert_eq!(
        (gone.len(), gone[0].cause, gone[0].vacant),
        (1, Cause::Lost, true)
    );
    assert_eq!(stage.fleet.shards().count(), 0);
}

#[test]
fn a_goodbye_is_believed_at_once() {
    let mut stage = Stage::new(&[]);
    let (_, link) = stage.hello(&shard("a", 0), 1).unwrap();
    let gone = stage.fleet.goodbye(stage.now, link).unwrap();
    assert_eq!(gone.cause, Cause::Left);
    assert_eq!(stage.fleet.link_down(stage.now, link), None);
}

#[test]
fn a_silent_link_is_dead_after_the_takeover_time() {
    let mut stage = Stage::new(&[]);
    let (_, link) = stage.hello(&shard("a", 0), 1).unwrap();
    assert!(
        stage.pass(ms(20_000), &[link]).is_empty(),
        "any frame is a sign of life"
    );
    assert!(stage.pass(ms(5_900), &[]).is_empty());
    let gone = stage.pass(ms(100), &[]);
    assert_eq!((gone[0].cause, gone[0].link), (Cause::Silent, Some(link)));
}

#[test]
fn a_hello_is_no_sign_that_the_shard_hears() {
    let mut stage = Stage::new(&[]);
    let (deaf, other) = (shard("deaf", 0), shard("other", 0));
    let (first, link) = stage.hello(&deaf, 1).unwrap();
    let (_, heard) = stage.hello(&other, 1).unwrap();
    assert!(stage.pass(ms(3_000), &[link, heard]).is_empty());
    stage.fleet.link_down(stage.now, link);
    let since = stage.now;
    assert!(stage.say_hello_in_vain(&deaf, since, &[heard]).is_empty());
    let gone = stage.say_hello_in_vain(&deaf, since, &[heard]);
    assert_eq!(
        (gone[0].member, gone[0].cause),
        (first.member, Cause::Silent)
    );
    assert!(stage.places());

    // It may come in again and again, and is no place for devices.
    for _ in 0..3 {
        stage.say_hello_in_vain(&deaf, since, &[heard]);
        assert_eq!(stage.placed_on(), [&other]);
    }
    stage.places();
    let silent = stage.now - since;
    let (_, link) = stage.hello_after(silent, &deaf, 1).unwrap();
    assert_eq!(stage.placed_on(), [&other]);
    stage.pass(ms(1_000), &[link, heard]);
    assert_eq!(stage.placed_on(), [&deaf, &other]);
    assert!(stage.places(), "devices are placed on it");
    assert!(stage.pass(ms(60_000), &[link, heard]).is_empty());
}

#[test]
fn nobody_is_deaf_because_the_manager_did_not_answer() {
    let mut stage = Stage::new(&[]);
    let a = shard("a", 0);
    let (first, link) = stage.hello(&a, 1).unwrap();
    stage.pass(ms(1_000), &[link]);
    // The process is stopped for half a minute, in which the shard asks to be let in.
    stage.now += ms(30_000);
    let (again, link) = stage.hello_after(ms(25_000), &a, 1).unwrap();
    assert_eq!(again.member, first.member);
    assert!(stage.pass(ms(5_900), &[]).is_empty());
    // It is started again, and the shard has asked in vain until then.
    stage.fleet = Fleet::new(stage.now, PATIENCE, [a.clone()].into());
    stage.hello_after(ms(60_000), &a, 1).unwrap();
    stage.hello(&shard("b", 0), 1).unwrap();
    assert_eq!(stage.placed_on().len(), 2, "{link:?} is gone");
}

#[test]
fn a_member_is_judged_by_the_times_of_its_welcome_until_its_link_is_renewed() {
    let mut stage = Stage::new(&[]);
    let a = shard("a", 0);
    let (_, link) = stage.hello(&a, 1).unwrap();
    stage.fleet.set_patience(Patience {
        takeover: ms(1_000),
        ..PATIENCE
    });
    assert!(stage.pass(ms(5_900), &[]).is_empty());
    stage.fleet.heard(link, stage.now);
    let (_, link) = stage.hello(&a, 1).unwrap();
    assert!(stage.pass(ms(900), &[]).is_empty());
    let gone = stage.pass(ms(100), &[]);
    assert_eq!((gone[0].cause, gone[0].link), (Cause::Silent, Some(link)));
}

#[test]
fn a_shard_is_not_gone_before_its_leases_have_lapsed_where_these_lapse_before_a_takeover() {
    let mut stage = Stage::new(&[]);
    stage.fleet.set_patience(Patience {
        autonomy: ms(4_000),
        ..PATIENCE
    });
    let (a, b) = (shard("a", 0), shard("b", 0));
    let (_, link_a) = stage.hello(&a, 1).unwrap();
    let (first_b, link_b) = stage.hello(&b, 1).unwrap();
    stage.fleet.link_down(stage.now, link_a);
    // Another life takes the place of one that is silent; that may run on all the same.
    stage.pass(ms(2_000), &[]);
    let (second_b, link) = stage.hello(&b, 2).unwrap();
    assert_eq!(second_b.replaced, Some(link_b));
    // Four seconds from the loss of the link, and a margin.
    assert!(stage.pass(ms(2_000), &[link]).is_empty());
    let gone = stage.pass(patience::CLOSING, &[link]);
    assert_eq!((gone.len(), &gone[0].shard), (1, &a));
    let gone = stage.pass(ms(2_000), &[link]);
    assert_eq!((gone.len(), gone[0].member), (1, first_b.member));
}

#[test]
fn nobody_is_silent_because_the_manager_did_not_listen() {
    let mut stage = Stage::new(&[]);
    let (_, linked) = stage.hello(&shard("a", 0), 1).unwrap();
    let (_, lost) = stage.hello(&shard("b", 0), 1).unwrap();
    stage.pass(ms(1_000), &[linked, lost]);
    stage.fleet.link_down(stage.now, lost);
    let wake = stage.fleet.poll_timeout().unwrap();
    assert!(
        wake <= stage.now + PATIENCE.heartbeat,
        "or a pause would not be noticed"
    );
    // The process is stopped for half a minute.
    stage.now += ms(30_000);
    assert!(stage.fleet.overdue(stage.now).is_empty());
    assert!(stage.fleet.handle_timeout(stage.now).is_empty());
    // What is silent from then on is gone in the time that was left.
    let gone = stage.pass(ms(5_000), &[]);
    let causes: Vec<_> = gone.iter().map(|gone| gone.cause).collect();
    assert_eq!(causes, [Cause::Lost, Cause::Silent]);
}

#[test]
fn what_is_overdue_is_what_ends() {
    let mut stage = Stage::new(&[]);
    let (_, link) = stage.hello(&shard("a", 0), 1).unwrap();
    stage.pass(ms(5_900), &[]);
    assert!(stage.fleet.overdue(stage.now).is_empty());
    stage.now += ms(100);
    assert_eq!(stage.fleet.overdue(stage.now), [link]);
    assert!(
        stage.fleet.member_of(link).is_some(),
        "nothing is decided yet"
    );
    stage.fleet.heard(link, stage.now);
    assert!(stage.fleet.overdue(stage.now).is_empty());
    assert!(stage.fleet.handle_timeout(stage.now).is_empty());
}

#[test]
fn a_second_agent_of_a_name_is_refused_while_the_first_is_heard() {
    let mut stage = Stage::new(&[]);
    let a = shard("a", 0);
    let (_, link) = stage.hello(&a, 1).unwrap();
    stage.pass(ms(1_000), &[link]);
    assert_eq!(stage.hello(&a, 2).unwrap_err().heard_ago, ms(0));
    assert!(
        stage.fleet.member_of(link).is_some(),
        "the first is undisturbed"
    );
    // A machine that was switched off says nothing, and its successor need not wait for the takeover.
    stage.pass(ms(2_000), &[]);
    let (second, _) = stage.hello(&a, 2).unwrap();
    assert_eq!(second.replaced, Some(link));
}

#[test]
fn the_same_life_replaces_its_link_at_once() {
    let mut stage = Stage::new(&[]);
    let a = shard("a", 0);
    let (first, old) = stage.hello(&a, 1).unwrap();
    let (again, new) = stage.hello(&a, 1).unwrap();
    assert_eq!((again.member, again.replaced), (first.member, Some(old)));
    assert_eq!(
        stage.fleet.link_down(stage.now, old),
        None,
        "nobody's link any more"
    );
    assert_eq!(stage.fleet.link_of(first.member), Some(new));
}

#[test]
fn leases_of_a_former_life_wait_for_its_grace() {
    let mut stage = Stage::new(&[]);
    let a = shard("a", 0);
    let (first, link) = stage.hello(&a, 1).unwrap();
    stage.fleet.link_down(stage.now, link);
    stage.pass(ms(500), &[]);
    let (second, link) = stage.hello(&a, 2).unwrap();
    assert_ne!(second.member, first.member);
    let gone = stage.pass(ms(1_400), &[link]);
    assert!(gone.is_empty());
    let gone = stage.pass(ms(100), &[link]);
    assert_eq!(
        (gone[0].member, gone[0].vacant),
        (first.member, false),
        "the shard is still there"
    );
}

#[test]
fn without_known_shards_placement_waits_until_membership_is_quiet() {
    let mut stage = Stage::new(&[]);
    assert!(!stage.places());
    stage.hello(&shard("a", 0), 1).unwrap();
    stage.pass(ms(400), &[]);
    stage.hello(&shard("b", 0), 2).unwrap();
    stage.pass(ms(400), &[]);
    assert!(!stage.places() && stage.fleet.waits_for().is_some());
    stage.pass(ms(100), &[]);
    assert!(stage.places());
    assert!(!stage.places(), "once");
    assert!(stage.fleet.is_settled() && stage.fleet.waits_for().is_none());
}

#[test]
fn placement_waits_for_siblings_for_a_while() {
    let mut stage = Stage::new(&[]);
    stage
        .fleet
        .hello(
            stage.now,
            &shard("a", 0),
            Incarnation(1),
            2,
            Duration::ZERO,
            LinkNo(1),
        )
        .unwrap();
    stage.pass(ms(1_900), &[LinkNo(1)]);
    assert!(!stage.places());
    stage.pass(ms(100), &[LinkNo(1)]);
    assert!(stage.places(), "the second one does not come");
}

#[test]
fn a_restarted_manager_waits_for_the_shards_it_knew() {
    let (a, b) = (shard("a", 0), shard("b", 0));
    let mut stage = Stage::new(&[a.clone(), b.clone()]);
    let (_, first) = stage.hello(&a, 1).unwrap();
    stage.pass(ms(5_000), &[first]);
    assert!(!stage.places());
    assert!(stage.fleet.waits_for().unwrap().contains("1 of the shards"));
    let (_, second) = stage.hello(&b, 1).unwrap();
    stage.pass(ms(100), &[first, second]);
    assert!(stage.places(), "all are back");
}

#[test]
fn a_restarted_manager_does_not_wait_for_ever() {
    let (a, b) = (shard("a", 0), shard("b", 0));
    let mut stage = Stage::new(&[a.clone(), b]);
    let (_, link) = stage.hello(&a, 1).unwrap();
    stage.pass(ms(9_900), &[link]);
    assert!(!stage.places());
    assert_eq!(
        stage.fleet.take_known().unwrap().len(),
        2,
        "one that is awaited stays known"
    );
    stage.pass(ms(100), &[link]);
    assert!(stage.places());
    assert_eq!(stage.fleet.take_known().unwrap().len(), 1);
}

#[test]
fn a_restarted_manager_waits_until_leases_have_lapsed_where_no_device_may_have_two_sessions() {
    let (a, b) = (shard("a", 0), shard("b", 0));
    let mut stage = Stage::new(&[]);
    let patience = Patience {
        autonomy: ms(4_000),
        settle: ms(1_000),
        ..PATIENCE
    };
    stage.fleet = Fleet::new(stage.now, patience, [a.clone(), b].into());
    let (_, link) = stage.hello(&a, 1).unwrap();
    // The other one may have been linked until just before the start, and polls until its leases lapse.
    stage.pass(ms(5_400), &[link]);
    assert!(!stage.places());
    stage.pass(ms(100), &[link]);
    assert!(stage.places());
}

#[test]
fn a_shard_that_is_lost_is_replaced_without_delay() {
    let mut stage = Stage::new(&[]);
    let (_, a) = stage.hello(&shard("a", 0), 1).unwrap();
    let (_, b) = stage.hello(&shard("b", 0), 2).unwrap();
    stage.pass(ms(600), &[a, b]);
    assert!(stage.places());
    stage.fleet.goodbye(stage.now, b).unwrap();
    assert!(stage.places());
}

proptest! {
    /// Whatever happens, deadlines are kept: after the takeover time without a sign of life nobody is left.
    #[test]
    fn nobody_stays_for_ever(steps in prop::collection::vec((0u8..5, 0u16..3, 1u64..3, 0u64..3_000), 1..40)) {
        let mut stage = Stage::new(&[]);
        let mut links = Vec::new();
        for (what, index, life, time) in steps {
            match what {
                0 | 1 => links.extend(stage.hello(&shard("a", index), life).map(|(_, link)| link)),
                2 => { if let Some(link) = links.pop() { stage.fleet.link_down(stage.now, link); } }
                3 => { if let Some(link) = links.pop() { stage.fleet.goodbye(stage.now, link); } }
                _ => { stage.pass(ms(time), &links); }
            }
            let linked = stage.fleet.shards().filter(|shard| stage.fleet.linked(shard).is_some()).count();
            prop_assert_eq!(linked, stage.fleet.by_link.len());
            prop_assert!(stage.fleet.poll_timeout().is_some() || stage.fleet.members.is_empty());
        }
        stage.pass(PATIENCE.takeover, &[]);
        prop_assert_eq!(stage.fleet.members.len(), 0);
        stage.places();
        prop_assert_eq!(stage.fleet.poll_timeout(), None);
    }
}
