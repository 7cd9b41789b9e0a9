//! The series of one family: sorted, with their labels in one piece of text, so that a page is a walk along it.
//!
//! ```text
//!   text    {device="a",...}{device="a",...}{device="b",...}        sorted
//!   starts  0               16              32
//!   cells   *               *               *
//!   fresh   {device="aa",...} -> *                                  came since, few
//! ```
//!
//! New series are gathered in a map and merged when there are many, so that a million of them cost a few merges
//! and not a million moves. Whoever walks sees both, in one order.
//!
//! Invariants: every label set is there once, in the text or in the map; walking from a label set on visits
//! what is behind it whatever was merged meanwhile.

use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};

use super::Cell;

/// So many new series wait for a merge at least; a quarter of the others at most.
const FEW: usize = 256;

/// Cells that are read ahead.
const BLOCK: usize = 64;

/// The series of one family, by label set.
#[derive(Debug, Default)]
pub(super) struct Table {
    text: String,
    /// Where each label set begins in `text`.
    starts: Vec<u32>,
    cells: Vec<Arc<Cell>>,
    fresh: BTreeMap<Box<str>, Arc<Cell>>,
}

impl Table {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.cells.len() + self.fresh.len()
    }

    /// The series of a label set.
    pub(super) fn get(&self, labels: &str) -> Option<&Arc<Cell>> {
        match self.search(labels) {
            Ok(row) => self.cells.get(row),
            Err(_) => self.fresh.get(labels),
        }
    }

    /// Puts a series in the place of its label set; returns the one that was there.
    pub(super) fn insert(&mut self, labels: &str, cell: Arc<Cell>) -> Option<Arc<Cell>> {
        if let Ok(row) = self.search(labels) {
            return Some(std::mem::replace(&mut self.cells[row], cell));
        }
        if let Some(known) = self.fresh.get_mut(labels) {
            return Some(std::mem::replace(known, cell));
        }
        self.fresh.insert(labels.into(), cell);
        if self.fresh.len() > FEW.max(self.cells.len() / 4) {
            self.retain(|_| true);
        }
        None
    }

    /// Keeps only those that `keep` wants; it is asked once for each.
    pub(super) fn retain(&mut self, keep: impl Fn(&Arc<Cell>) -> bool) {
        let mut next = Self::default();
        // What grows by doubling would hold twice the memory meanwhile.
        let fresh: usize = self.fresh.keys().map(|labels| labels.len()).sum();
        next.text.reserve_exact(self.text.len() + fresh);
        next.starts.reserve_exact(self.len());
        next.cells.reserve_exact(self.len());
        let kept = |cell: &Arc<Cell>| keep(cell).then(|| cell.clone());
        let flow: ControlFlow<()> = self.walk("", kept, |labels, cell| {
            next.push(labels, cell);
            ControlFlow::Continue(())
        });
        debug_assert!(flow.is_continue(), "the walk went to the end");
        *self = next;
    }

    /// Calls `each` with what `read` finds in every series behind the label set `after`, sorted by labels, until it
    /// breaks. Cells are read a block ahead: they lie all over the memory, and many are fetched at a time when
    /// nothing else is done between two of them.
    pub(super) fn walk<V, B>(
        &self,
        after: &str,
        read: impl Fn(&Arc<Cell>) -> Option<V>,
        mut each: impl FnMut(&str, V) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let first = match self.search(after) {
            Ok(row) => row + 1,
            Err(row) => row,
        };
        let behind = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        let mut fresh = self.fresh.range::<str, _>(behind).peekable();
        let mut found = Vec::with_capacity(BLOCK);
        for begin in (first..self.cells.len()).step_by(BLOCK) {
            let end = self.cells.len().min(begin + BLOCK);
            found.extend(self.cells[begin..end].iter().map(&read));
            for (row, value) in (begin..end).zip(found.drain(..)) {
                let labels = self.labels(row);
                while let Some((new, cell)) = fresh.next_if(|(new, _)| ***new < *labels) {
                    if let Some(value) = read(cell) {
                        each(new, value)?;
                    }
                }
                if let Some(value) = value {
                    each(labels, value)?;
                }
            }
        }
        for (labels, cell) in fresh {
            if let Some(value) = read(cell) {
                each(labels, value)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn push(&mut self, labels: &str, cell: Arc<Cell>) {
        self.starts
            .push(u32::try_from(self.text.len()).expect("labels of a family are below 4 GiB"));
        self.text.push_str(labels);
        self.cells.push(cell);
    }

    fn labels(&self, row: usize) -> &str {
        let start = self.starts[row] as usize;
        let end = self
            .starts
            .get(row + 1)
            .map_or(self.text.len(), |end| *end as usize);
        self.text
            .get(start..end)
            .expect("label sets begin and end at characters")
    }

    /// The row of a label set, or where it would be.
    fn search(&self, labels: &str) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.cells.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.labels(middle).cmp(labels) {
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use netwolf_wire::series::Kind;
    use proptest::prelude::*;

    use super::*;
    use crate::{board::Board, testing};

    fn cell() -> Arc<Cell> {
        let board = Board::default();
        board.set_inventory(&testing::inventory([("a", 22)]));
        Arc::new(Cell::new(board.device("a").unwrap(), Kind::Gauge))
    }

    fn walked(table: &Table, after: &str) -> Vec<String> {
        let mut labels = Vec::new();
        let flow: ControlFlow<()> = table.walk(
            after,
            |_| Some(()),
            |text, ()| {
                labels.push(text.to_owned());
                ControlFlow::Continue(())
            },
        );
        assert!(flow.is_continue());
        labels
    }

    proptest! {
        #[test]
        fn a_table_is_a_sorted_map(
            steps in prop::collection::vec((0_u32..2000, 0_u8..20), 1..1200),
            after in 0_u32..2000,
        ) {
            let cell = cell();
            let (mut table, mut model) = (Table::default(), BTreeSet::new());
            for (number, what) in steps {
                let labels = format!("{{n=\"{number}\"}}");
                if what == 0 {
                    table.retain(|_| true);
                } else {
                    let new = table.insert(&labels, cell.clone()).is_none();
                    prop_assert_eq!(new, model.insert(labels));
                }
            }
            prop_assert_eq!(table.len(), model.len());
            prop_assert!(model.iter().all(|labels| table.get(labels).is_some()));
            prop_assert!(table.get("nothing").is_none());
            let expected: Vec<_> = model.iter().cloned().collect();
            prop_assert_eq!(walked(&table, ""), expected);
            let after = format!("{{n=\"{after}\"}}");
            let behind = model.range(after.clone()..).cloned();
            let expected: Vec<_> = behind.filter(|labels| *labels != after).collect();
            prop_assert_eq!(walked(&table, &after), expected);
        }
    }

    #[test]
    fn what_is_not_kept_is_gone() {
        let (cell, other) = (cell(), cell());
        let mut table = Table::default();
        for number in 0..1000 {
            let cell = if number % 3 == 0 { &other } else { &cell };
            table.insert(&format!("{number:04}"), cell.clone());
        }
        table.retain(|kept| Arc::ptr_eq(kept, &other));
        assert_eq!((table.len(), Arc::strong_count(&cell)), (334, 1));
        assert_eq!(walked(&table, "0990"), ["0993", "0996", "0999"]);
    }
}
