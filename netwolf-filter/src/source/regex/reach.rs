//! How far a search looked behind the match that it found.
//!
//! A match is settled when nothing can become one any more that is preferred to it. The crate does not tell when that was,
//! so the machine that it ran is run once more, from where the search began, since what began before the match may have
//! held it back: first as a lazy DFA, a byte a step, and where that gives up, as it does in the crate, as the NFA that it
//! is made of.
//!
//! Invariant: with the same bounds as the crate's own, so that what is cheap there is cheap here.

use std::{ops::Range, sync::OnceLock};

use regex_automata::{
    Input,
    hybrid::dfa::{Cache, DFA},
    nfa::thompson::{self, NFA, State, WhichCaptures},
    util::{primitives::StateID, syntax},
};

use crate::limits::{MAX_REGEX_BYTES, MAX_REGEX_CACHE_BYTES, MAX_REGEX_NESTING};

/// What a step of the NFA is worth, in bytes that the DFA looks at.
const STATE_WORK: u64 = 8;

/// Measures the searches of one pattern. What it needs for that is made when it is first wanted, which most outputs never do,
/// and kept.
#[derive(Debug)]
pub(super) struct Reach {
    pattern: String,
    /// Boxed, because few patterns have one.
    machine: OnceLock<Option<Box<Machine>>>,
}

#[derive(Debug)]
struct Machine {
    nfa: NFA,
    /// None where the bounds leave no room for one, and then the crate has none either.
    dfa: Option<DFA>,
}

/// Room to measure in, for one output.
#[derive(Debug, Default)]
pub(super) struct Measure {
    cache: Option<Cache>,
    threads: Threads,
}

/// What a search did behind its match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Behind {
    pub(super) work: u64,
    /// Whether a DFA did it, a byte a step.
    pub(super) is_cheap: bool,
}

impl Reach {
    pub(super) fn new(pattern: &str) -> Self {
        Self {
            pattern: pattern.to_owned(),
            machine: OnceLock::new(),
        }
    }

    /// The work that a search from the start of `search` on did behind the end of it, where its match ends; where it is
    /// more than `most`, it may be told as anything above.
    pub(super) fn behind(
        &self,
        output: &[u8],
        search: Range<usize>,
        most: u64,
        measure: &mut Option<Measure>,
    ) -> Behind {
        let rest = (output.len() - search.end) as u64;
        let machine = self
            .machine
            .get_or_init(|| Machine::of(&self.pattern).map(Box::new));
        // It is one of the same bounds as the pattern's own; without it nothing is known but that the output ends.
        let Some(machine) = machine else {
            return Behind {
                work: rest,
                is_cheap: false,
            };
        };
        let measure = measure.get_or_insert_default();
        if let Some(dfa) = &machine.dfa {
            let cache = measure.cache.get_or_insert_with(|| dfa.create_cache());
            if let Some(bytes) = by_dfa(dfa, cache, output, &search, most) {
                return Behind {
                    work: bytes,
                    is_cheap: true,
                };
            }
        }
        Behind {
            work: measure.threads.walk(&machine.nfa, output, &search, most),
            is_cheap: false,
        }
    }
}

impl Machine {
    fn of(pattern: &str) -> Option<Self> {
        let nfa = NFA::compiler()
            .syntax(syntax::Config::new().nest_limit(MAX_REGEX_NESTING))
            .configure(
                thompson::Config::new()
                    .which_captures(WhichCaptures::None)
                    .nfa_size_limit(Some(MAX_REGEX_BYTES)),
            )
            .build(pattern)
            .ok()?;
        let config = DFA::config()
            .unicode_word_boundary(true)
            .cache_capacity(MAX_REGEX_CACHE_BYTES)
            .minimum_cache_clear_count(Some(3))
            .minimum_bytes_per_state(Some(10));
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa.clone());
        Some(Self { nfa, dfa: dfa.ok() })
    }
}

/// The bytes that the DFA looks at behind the match; none where it gives up.
fn by_dfa(
    dfa: &DFA,
    cache: &mut Cache,
    output: &[u8],
    search: &Range<usize>,
    most: u64,
) -> Option<u64> {
    let input = Input::new(output).range(search.start..);
    let mut state = dfa.start_state_forward(cache, &input).ok()?;
    cache.search_start(search.start);
    let mut at = search.start;
    // One more than there may be is enough to know that there are too many.
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let last = search.end.saturating_add(most).saturating_add(1);
    let gave_up = loop {
        if state.is_tagged() && state.is_dead() || at == output.len().min(last) {
            break false;
        }
        cache.search_update(at);
        match dfa.next_state(cache, state, output[at]) {
            Ok(next) if !next.is_quit() => state = next,
            _ => break true,
        }
        at += 1;
    };
    cache.search_finish(at);
    (!gave_up).then(|| at.saturating_sub(search.end) as u64)
}

/// States of an NFA that are alive, in the order of preference: what Thompson's simulation has.
#[derive(Debug, Default)]
struct Threads {
    alive: Vec<StateID>,
    next: Vec<StateID>,
    /// At which step a state was last reached.
    reached: Vec<u64>,
    step: u64,
    stack: Vec<StateID>,
}

impl Threads {
    /// What the states are worth that are reached behind the match.
    fn walk(&mut self, nfa: &NFA, output: &[u8], search: &Range<usize>, most: u64) -> u64 {
        self.reached.resize(nfa.states().len(), 0);
        let mut work = 0;
        self.begin();
        self.reach(nfa, nfa.start_unanchored(), output, search.start);
        for at in search.start..output.len() {
            std::mem::swap(&mut self.alive, &mut self.next);
            self.begin();
            let mut n_reached = 0;
            for place in 0..self.alive.len() {
                let next = match nfa.state(self.alive[place]) {
                    // What is behind it is not preferred to this match.
                    State::Match { .. } => break,
                    State::ByteRange { trans } => trans.matches(output, at).then_some(trans.next),
                    State::Sparse(sparse) => sparse.matches(output, at),
                    State::Dense(dense) => dense.matches(output, at),
                    _ => None,
                };
                n_reached += 1;
                if let Some(next) = next {
                    n_reached += self.reach(nfa, next, output, at + 1);
                }
            }
            if at >= search.end {
                work += n_reached * STATE_WORK;
            }
            if self.next.is_empty() || work > most {
                break;
            }
        }
        work
    }

    /// Another step begins, at which no state was reached yet.
    fn begin(&mut self) {
        self.step += 1;
        self.next.clear();
    }

    /// Reaches a state and those that it leads to without a byte; how many there were.
    fn reach(&mut self, nfa: &NFA, state: StateID, output: &[u8], at: usize) -> u64 {
        let mut n_reached = 0;
        self.stack.push(state);
        while let Some(state) = self.stack.pop() {
            n_reached += 1;
            let reached = &mut self.reached[state.as_usize()];
            if std::mem::replace(reached, self.step) == self.step {
                continue;
            }
            match nfa.state(state) {
                State::Look { look, next } => {
                    if nfa.look_matcher().matches(*look, output, at) {
                        self.stack.push(*next);
                    }
                }
                State::Union { alternates } => self.stack.extend(alternates.iter().rev()),
                State::BinaryUnion { alt1, alt2 } => self.stack.extend([alt2, alt1]),
                State::Capture { next, .. } => self.stack.push(*next),
                State::Fail => {}
                _ => self.next.push(state),
            }
        }
        n_reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How far the DFA, if it does not give up, and the NFA look behind the first match, and how many states that takes.
    fn looked(pattern: &str, output: &str, most: u64) -> (Option<u64>, u64) {
        let regex = regex::Regex::new(pattern).unwrap();
        let search = 0..regex.find(output).unwrap().end();
        let machine = Machine::of(pattern).unwrap();
        let dfa = machine.dfa.unwrap();
        let mut cache = dfa.create_cache();
        let bytes = by_dfa(&dfa, &mut cache, output.as_bytes(), &search, most);
        let mut threads = Threads::default();
        let work = threads.walk(&machine.nfa, output.as_bytes(), &search, most);
        (bytes, work / STATE_WORK)
    }

    #[test]
    fn what_is_settled_at_once_looks_no_further() {
        for (pattern, output, bytes) in [
            // A DFA knows a byte later that there is a match, and another one later that there is no better one.
            ("ab", "xabyyyy", 2),
            (r"\d+", "12 34 56", 2),
            ("(?s)a.*?z", "a..z..z..", 2),
            ("a", "a", 0),
            // Until the line ends.
            ("(?m)a(.*z)?", "a12\naaaaaa", 4),
            // Until the word does.
            ("a(?:[a-y]*z)?", "aaaa aaaa", 5),
        ] {
            let (dfa, states) = looked(pattern, output, u64::MAX);
            let dfa = dfa.unwrap();
            assert!(dfa <= bytes, "{pattern:?} in {output:?}: {dfa}");
            assert!(
                states <= 8 * (bytes + 1),
                "{pattern:?} in {output:?}: {states}"
            );
        }
    }

    #[test]
    fn what_waits_is_followed_to_the_end_by_both() {
        for pattern in ["a([^z]*z)?", "a(b|[^z]*z)?", "(?s)a(.*z|.*y|)"] {
            let output = "a".repeat(1000);
            let (dfa, states) = looked(pattern, &output, u64::MAX);
            assert_eq!(dfa, Some(999), "{pattern:?}");
            assert!(states >= 999, "{pattern:?}: {states}");
        }
    }

    #[test]
    fn what_began_before_the_match_is_followed_as_well() {
        for pattern in ["(a[^z]*z)?b", "a[^z]*z|b", "(?s)a.*z|b"] {
            let output = "ab".repeat(500);
            let (dfa, states) = looked(pattern, &output, u64::MAX);
            assert_eq!(dfa, Some(998), "{pattern:?}");
            assert!(states >= 998, "{pattern:?}: {states}");
        }
    }

    #[test]
    fn where_the_dfa_gives_up_the_nfa_goes_on() {
        let output = "aä".repeat(1000);
        let (dfa, states) = looked(r"a([^z]*\bz)?", &output, u64::MAX);
        assert_eq!(dfa, None);
        assert!(states >= 2000, "{states}");
    }

    #[test]
    fn nothing_is_measured_past_what_is_left() {
        let output = "a".repeat(1 << 20);
        let (dfa, states) = looked("a([^z]*z)?", &output, 100);
        assert_eq!(dfa, Some(101));
        assert!((12..40).contains(&states), "{states}");
    }
}
