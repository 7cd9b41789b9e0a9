//! Which series an output has made already, without keeping their labels a second time.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::BuildHasher,
};

use foldhash::fast::RandomState;

use super::Sample;

/// So few series are compared one by one, which is cheaper than a table.
const FEW: usize = 16;

/// The series of some samples, by hash.
#[derive(Debug, Default)]
pub(super) struct Seen {
    hasher: RandomState,
    /// From the hash of a series to the first sample that has it.
    samples: HashMap<u64, usize>,
}

impl Seen {
    /// Whether `sample` is of a new series; if so it has to be the next one put into `samples`, which
    /// are those that were new before.
    pub(super) fn is_new(&mut self, sample: &Sample, samples: &[Sample]) -> bool {
        let same = |other: &Sample| other.family == sample.family && other.labels == sample.labels;
        if samples.len() < FEW {
            return !samples.iter().any(same);
        }
        if self.samples.is_empty() {
            let hashes = samples.iter().map(|sample| self.hash(sample)).zip(0..);
            self.samples = hashes.collect();
        }
        match self.samples.entry(self.hash(sample)) {
            Entry::Vacant(vacant) => {
                vacant.insert(samples.len());
                true
            }
            // Two series with one hash are next to impossible, and slow when it happens, but not alike.
            Entry::Occupied(first) => !same(&samples[*first.get()]) && !samples.iter().any(same),
        }
    }

    fn hash(&self, sample: &Sample) -> u64 {
        self.hasher.hash_one((sample.family, &sample.labels))
    }
}
