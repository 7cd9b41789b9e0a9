//! What waits for runs that are read from the journal: one reading for each run, whatever comes for it meanwhile.
//!
//! ```text
//!   told, settle --> parked by run, in their order --> what was decided of it is kept --> read --> all heard, in order
//!                      |  no room
//!                      +--> deaf to the shard: nothing more of it is heard --> link made anew --> told again from the
//!                                                                                                 beginning
//! ```
//!
//! Invariants: what is told of a run is heard in the order in which it was told, or not at all. Nothing is left out of
//! the middle: once something of a shard has no room, nothing more is heard of that shard until it links anew, and an
//! agent tells all that was not heard again on its next link. It is asked to make one as soon as there is room.
//!
//! Bounds: [`EVENTS`] events and [`BYTES`] of their text; what comes when nothing is parked always has room, so that
//! each round brings something. A run that cannot be read keeps its place and is tried again.

use std::collections::{HashMap, VecDeque};

use netwolf_wire::{
    ShardId,
    step::{RunId, StepNews},
};

use super::Wanted;

/// Events that are parked, at most.
const EVENTS: usize = 16_384;

/// Bytes of text in them, at most.
const BYTES: usize = 32 << 20;

/// Runs that wait, and what for.
#[derive(Debug, Default)]
pub(super) struct Parking {
    runs: HashMap<RunId, Parked>,
    /// Those that are not being read yet.
    to_read: VecDeque<RunId>,
    events: usize,
    bytes: usize,
    /// Shards of which nothing is heard, and whether they were asked to link anew.
    deaf: HashMap<ShardId, bool>,
}

#[derive(Debug)]
struct Parked {
    wanted: Vec<Wanted>,
    /// The group of changes that is to be kept before the run is read.
    after: u64,
    /// It could not be read when that was tried last.
    failed: bool,
}

impl Parked {
    fn of_people(&mut self) -> Vec<Wanted> {
        let is_persons = |wanted: &mut Wanted| matches!(wanted, Wanted::Settle(_));
        self.wanted.extract_if(.., is_persons).collect()
    }
}

/// What an event takes, in bytes.
fn weight(wanted: &Wanted) -> usize {
    let Wanted::Told(_, event) = wanted else {
        return 0;
    };
    let text = match &event.what {
        StepNews::Command(done) => done.text.len(),
        _ => 0,
    };
    text + size_of_val(&**event)
}

impl Parking {
    /// Whether a shard is listened to.
    pub(super) fn hears(&self, shard: &ShardId) -> bool {
        !self.deaf.contains_key(shard)
    }

    /// Nothing more of a shard is heard until it links anew, because something of it was left out.
    pub(super) fn deafen(&mut self, shard: ShardId) {
        self.deaf.entry(shard).or_insert(false);
    }

    /// A shard has linked anew: it tells all that was not heard again.
    pub(super) fn linked(&mut self, shard: &ShardId) {
        self.deaf.remove(shard);
    }

    /// Shards that are to link anew, now that there is room for what they tell.
    pub(super) fn relink(&mut self) -> Vec<ShardId> {
        if !self.runs.is_empty() {
            return Vec::new();
        }
        let unasked = self.deaf.iter_mut().filter(|(_, asked)| !**asked);
        unasked
            .map(|(shard, asked)| {
                *asked = true;
                shard.clone()
            })
            .collect()
    }

    /// Whether something waits for a run already.
    pub(super) fn has(&self, run: RunId) -> bool {
        self.runs.contains_key(&run)
    }

    /// Runs for which something waits.
    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    /// Parks something until a run is read, which is done once the group `after` is kept. Where there is no room for
    /// what a shard tells, that shard is not heard from then on.
    pub(super) fn park(&mut self, run: RunId, wanted: Wanted, after: u64) {
        if let Wanted::Told(shard, _) = &wanted {
            let weight = weight(&wanted);
            let full = self.events >= EVENTS || self.bytes + weight > BYTES;
            if full && self.events > 0 {
                return self.deafen(shard.clone());
            }
            self.events += 1;
            self.bytes += weight;
        }
        let parked = self.runs.entry(run).or_insert_with(|| {
            self.to_read.push_back(run);
            Parked {
                wanted: Vec::new(),
                after,
                failed: false,
            }
        });
        parked.wanted.push(wanted);
    }

    /// The next run that may be read, where all groups up to `kept` are.
    pub(super) fn next(&mut self, kept: u64) -> Option<RunId> {
        let ready = |run: &RunId| {
            let parked = self.runs.get(run);
            parked.is_none_or(|parked| parked.after <= kept)
        };
        let place = self.to_read.iter().position(ready)?;
        self.to_read.remove(place)
    }

    /// Whether a run waits to be read.
    pub(super) fn waits(&self) -> bool {
        !self.to_read.is_empty()
    }

    /// All that waits for a run that was read.
    pub(super) fn take(&mut self, run: RunId) -> Vec<Wanted> {
        let wanted = self.runs.remove(&run).map(|parked| parked.wanted);
        let wanted = wanted.unwrap_or_default();
        self.forget(&wanted);
        wanted
    }

    /// A run could not be read: it is tried again for what shards tell of it. Gives back what nobody waits for so long,
    /// and whether this is the first time.
    pub(super) fn failed(&mut self, run: RunId) -> (Vec<Wanted>, bool) {
        let Some(parked) = self.runs.get_mut(&run) else {
            return (Vec::new(), false);
        };
        let first = !std::mem::replace(&mut parked.failed, true);
        let people = parked.of_people();
        if parked.wanted.is_empty() {
            self.runs.remove(&run);
        } else {
            self.to_read.push_back(run);
        }
        (people, first)
    }

    /// Takes out what people wait for.
    pub(super) fn people(&mut self) -> Vec<Wanted> {
        self.runs.values_mut().flat_map(Parked::of_people).collect()
    }

    fn forget(&mut self, wanted: &[Wanted]) {
        let told = wanted.iter().filter(|it| matches!(it, Wanted::Told(..)));
        self.events -= told.count();
        self.bytes -= wanted.iter().map(weight).sum::<usize>();
    }
}

#[cfg(test)]
mod tests {
    use netwolf_wire::{
        AgentName, Span,
        step::{Attempt, CommandDone, StepEnd, StepEvent},
    };

    use super::*;

    fn shard(index: u16) -> ShardId {
        ShardId {
            agent: AgentName::new("a1").unwrap(),
            index,
        }
    }

    fn told(index: u16, run: u64, what: StepNews) -> Wanted {
        let id = Attempt {
            run: RunId(run),
            step: 0,
            attempt: 1,
        };
        let event = StepEvent {
            id,
            unix_ms: 1,
            what,
        };
        Wanted::Told(shard(index), Box::new(event))
    }

    fn output(bytes: usize) -> StepNews {
        StepNews::Command(CommandDone {
            index: 0,
            took: Span::from_secs(1),
            text: "x".repeat(bytes),
            truncated: false,
            sha256: String::new(),
            failure: None,
            answered: Vec::new(),
        })
    }

    fn names(wanted: &[Wanted]) -> Vec<StepNews> {
        let events = wanted.iter().filter_map(|wanted| match wanted {
            Wanted::Told(_, event) => Some(event.what.clone()),
            Wanted::Settle(_) => None,
        });
        events.collect()
    }

    #[test]
    fn a_run_is_read_once_for_all_that_is_told_of_it_in_its_order() {
        let mut parking = Parking::default();
        let end = StepNews::Ended(StepEnd::Succeeded);
        let all = [StepNews::Started, output(3), end];
        for what in &all {
            parking.park(RunId(1), told(0, 1, what.clone()), 0);
        }
        assert_eq!(parking.next(0), Some(RunId(1)));
        assert_eq!(parking.next(0), None);
        // Also what comes while it is read.
        parking.park(RunId(1), told(0, 1, StepNews::Accepted), 0);
        assert!(!parking.waits());
        let taken = names(&parking.take(RunId(1)));
        assert_eq!(taken[..3], all);
        assert_eq!(taken[3], StepNews::Accepted);
        assert_eq!((parking.events, parking.bytes, parking.len()), (0, 0, 0));
    }

    #[test]
    fn more_runs_than_are_read_at_a_time_all_have_their_turn() {
        let mut parking = Parking::default();
        for run in 0..1_000 {
            parking.park(RunId(run), told(0, run, StepNews::Started), 0);
        }
        for run in 0..1_000 {
            assert_eq!(parking.next(0), Some(RunId(run)));
            assert_eq!(parking.take(RunId(run)).len(), 1);
        }
        assert!(parking.hears(&shard(0)));
    }

    #[test]
    fn a_run_is_not_read_before_what_was_decided_of_it_is_kept() {
        let mut parking = Parking::default();
        parking.park(RunId(1), told(0, 1, StepNews::Started), 7);
        parking.park(RunId(2), told(0, 2, StepNews::Started), 6);
        assert_eq!(parking.next(6), Some(RunId(2)));
        assert_eq!(parking.next(6), None);
        assert!(parking.waits());
        assert_eq!(parking.next(7), Some(RunId(1)));
    }

    #[test]
    fn what_has_no_room_is_told_again_from_its_beginning_on_a_new_link() {
        let mut parking = Parking::default();
        parking.park(RunId(1), told(0, 1, output(BYTES)), 0);
        parking.park(RunId(1), told(1, 1, output(1)), 0);
        assert!(parking.hears(&shard(0)) && !parking.hears(&shard(1)));
        assert_eq!(parking.relink(), [], "there is no room yet");
        parking.next(0);
        assert_eq!(parking.take(RunId(1)).len(), 1);
        assert_eq!(parking.relink(), [shard(1)]);
        assert_eq!(parking.relink(), [], "it is asked once");
        assert!(!parking.hears(&shard(1)), "until it has linked");
        parking.linked(&shard(1));
        assert!(parking.hears(&shard(1)));
        for _ in 0..=EVENTS {
            parking.park(RunId(2), told(1, 2, StepNews::Started), 0);
        }
        assert!(!parking.hears(&shard(1)));
        assert_eq!(parking.take(RunId(2)).len(), EVENTS);
    }

    #[test]
    fn what_is_told_of_a_run_that_cannot_be_read_is_kept_and_tried_again() {
        let mut parking = Parking::default();
        parking.park(RunId(1), told(0, 1, StepNews::Started), 0);
        assert_eq!(parking.next(0), Some(RunId(1)));
        let (people, first) = parking.failed(RunId(1));
        assert!(people.is_empty() && first);
        assert_eq!(parking.next(0), Some(RunId(1)));
        assert!(!parking.failed(RunId(1)).1);
        assert_eq!(parking.take(RunId(1)).len(), 1);
    }
}
