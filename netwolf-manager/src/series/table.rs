//! The series of one family: sorted, with their cells and labels one behind the other, so that a page is a walk
//! along two pieces of memory at a time.
//!
//! ```text
//!   block   text    {device="a",...}{device="a",...}{device="b",...}     sorted
//!           rows    cell, start     cell, start     cell, start          in the order of the text
//!   block   ...                                                          all are full but the last
//!   new     {device="aa",...} -> recent                                  came since, few
//!   places  id -> row                                                    for who has a series by its id
//! ```
//!
//! New series are gathered in a map and merged when there are many, so that a million of them cost a few merges
//! and not a million moves. Whoever walks sees both, in one order. A merge moves cells; who has an id finds them again.
//! It takes the old blocks one by one, so that a family is never in memory twice.
//!
//! Invariants: every label set is there once, in the text or in the map; walking from a label set on visits
//! what is behind it whatever was merged meanwhile; a series that is held, or whose end receivers are to be told, is not
//! dropped, and keeps its id.

use std::{
    collections::BTreeMap,
    ops::{Bound, ControlFlow, Range},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use super::{Cell, labels};
use crate::remote_write::Written;

/// So many new series wait for a merge at least.
const FEW: usize = 256;

/// One new series to so many others waits at most: many would slow a walk down, and the fewer they may be, the more often
/// all others are moved while a family grows.
const SELDOM: usize = 16;

/// Rows of a block; few in tests, so that these have many blocks.
const BLOCK: usize = if cfg!(test) { 16 } else { 4096 };

/// A series of a table, wherever its cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(u32);

#[derive(Debug)]
struct Row {
    cell: Cell,
    /// Where the label set begins in the text of its block.
    start: u32,
    id: Id,
}

// There are millions.
const _: () = assert!(size_of::<Row>() == 48, "a row is six words");

/// Series that stand one behind the other.
#[derive(Debug)]
struct Block {
    text: String,
    rows: Vec<Row>,
}

impl Block {
    fn labels(&self, row: usize) -> &str {
        let next = self.rows.get(row + 1);
        let end = next.map_or(self.text.len(), |next| next.start as usize);
        cut(&self.text, self.rows[row].start as usize..end)
    }
}

/// Where a series is, and how many hold it.
#[derive(Debug)]
struct Place {
    /// In the blocks, or in `recent` where it is beyond their end.
    row: u32,
    holders: AtomicU32,
}

/// The series of one family, by label set.
#[derive(Debug, Default)]
pub(super) struct Table {
    blocks: Vec<Block>,
    /// In the blocks.
    n_rows: usize,
    /// Where in `recent` each label set is that stands in no block yet.
    new: BTreeMap<Box<str>, usize>,
    recent: Vec<Row>,
    places: Vec<Place>,
    /// Ids that stand for nothing.
    free: Vec<Id>,
    /// By id, as far as they are sent; empty where nothing is.
    written: Vec<Option<Arc<Written>>>,
}

/// As an index of rows, or of the text of a block.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).expect("memory has no room for 2^32 series")
}

impl Table {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.n_rows + self.recent.len()
    }

    /// The series of a label set.
    pub(super) fn find(&self, labels: &str) -> Option<Id> {
        self.row(labels).map(|row| self.at(row).id)
    }

    /// The cell of a series.
    ///
    /// # Panics
    /// When the series is gone; one that is held is not.
    pub(super) fn cell(&self, id: Id) -> &Cell {
        &self.at(self.place(id).row as usize).cell
    }

    /// The labels of a series. Rarely needed, and so looked for among those of the device if it is new.
    pub(super) fn labels_of(&self, id: Id) -> &str {
        let row = self.place(id).row as usize;
        let Some(recent) = row.checked_sub(self.n_rows) else {
            return self.labels(row);
        };
        let before = labels::beginning(self.recent[recent].cell.device().name.as_str());
        let from = (Bound::Included(before.as_str()), Bound::Unbounded);
        let mut behind = self.new.range::<str, _>(from);
        let found = behind.find(|(_, at)| **at == recent);
        found.expect("a label set for each row").0
    }

    /// One more refers to a series.
    pub(super) fn hold(&self, id: Id) {
        self.place(id).holders.fetch_add(1, Relaxed);
    }

    /// One refers to it no longer.
    pub(super) fn release(&self, id: Id) {
        self.place(id).holders.fetch_sub(1, Relaxed);
    }

    /// Puts a cell in the place of its label set. The series that was there, if any, goes on with this cell.
    pub(super) fn insert(&mut self, labels: &str, cell: Cell) -> Id {
        if let Some(row) = self.row(labels) {
            let row = match row.checked_sub(self.n_rows) {
                Some(recent) => &mut self.recent[recent],
                None => &mut self.blocks[row / BLOCK].rows[row % BLOCK],
            };
            row.cell = cell;
            return row.id;
        }
        let place = Place {
            row: narrow(self.len()),
            holders: AtomicU32::new(0),
        };
        let id = if let Some(id) = self.free.pop() {
            self.places[id.0 as usize] = place;
            id
        } else {
            self.places.push(place);
            Id(narrow(self.places.len() - 1))
        };
        self.new.insert(labels.into(), self.recent.len());
        self.recent.push(Row { cell, start: 0, id });
        if self.recent.len() > FEW.max(self.n_rows / SELDOM) {
            self.retain(|_| true);
        }
        id
    }

    /// Whether there is one that nobody holds and that `keep` does not want.
    pub(super) fn has_other_than(&self, keep: impl Fn(&Cell) -> bool) -> bool {
        self.rows()
            .any(|row| !keep(&row.cell) && !self.is_in_use(row.id))
    }

    /// The series as receivers know it, if it is sent.
    pub(super) fn written(&self, id: Id) -> Option<&Arc<Written>> {
        self.written.get(id.0 as usize)?.as_ref()
    }

    /// It is sent from now on.
    pub(super) fn set_written(&mut self, id: Id, series: Arc<Written>) {
        let at = id.0 as usize;
        if self.written.len() <= at {
            self.written.resize(self.places.len(), None);
        }
        self.written[at] = Some(series);
    }

    /// Nothing is sent any more. Returns what was.
    pub(super) fn take_written(&mut self) -> Vec<Arc<Written>> {
        std::mem::take(&mut self.written)
            .into_iter()
            .flatten()
            .collect()
    }

    /// Those whose end receivers are to be told: `keep` does not want them.
    pub(super) fn written_other_than(&self, keep: impl Fn(&Cell) -> bool) -> Vec<Arc<Written>> {
        let others = self.rows().filter(|row| !keep(&row.cell));
        let written = others.filter_map(|row| self.written(row.id));
        written.filter(|series| series.is_open()).cloned().collect()
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        let sorted = self.blocks.iter().flat_map(|block| &block.rows);
        sorted.chain(&self.recent)
    }

    /// Merges, and keeps only those that somebody holds or `keep` wants.
    pub(super) fn retain(&mut self, keep: impl Fn(&Cell) -> bool) {
        let most = self.len();
        let blocks = std::mem::take(&mut self.blocks);
        let recent = std::mem::take(&mut self.recent);
        let new = std::mem::take(&mut self.new);
        self.n_rows = 0;
        let mut push = |labels: &str, row: Row| {
            if keep(&row.cell) || self.is_in_use(row.id) {
                self.push(labels, row, most);
            } else {
                if let Some(written) = self.written.get_mut(row.id.0 as usize) {
                    *written = None;
                }
                self.free.push(row.id);
            }
        };
        let mut recent: Vec<Option<Row>> = recent.into_iter().map(Some).collect();
        let mut taken = |at: usize| recent[at].take().expect("a label set for each row");
        let mut new = new.into_iter().peekable();
        for Block { text, rows } in blocks {
            let mut rows = rows.into_iter().peekable();
            while let Some(row) = rows.next() {
                let end = rows.peek().map_or(text.len(), |next| next.start as usize);
                let labels = cut(&text, row.start as usize..end);
                while let Some((before, at)) = new.next_if(|(new, _)| **new < *labels) {
                    push(&before, taken(at));
                }
                push(labels, row);
            }
        }
        for (labels, at) in new {
            push(&labels, taken(at));
        }
        if let Some(last) = self.blocks.last_mut() {
            last.text.shrink_to_fit();
        }
    }

    /// Calls `each` with every series behind the label set `after`, sorted by labels, until it breaks.
    pub(super) fn walk<B>(
        &self,
        after: &str,
        mut each: impl FnMut(&str, &Cell) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut next = self
            .search(0..self.n_rows, after)
            .map_or_else(|row| row, |row| row + 1);
        let mut run = |rows: Range<usize>, last: Option<(&str, &Cell)>| {
            for row in rows {
                let (block, row) = (&self.blocks[row / BLOCK], row % BLOCK);
                each(block.labels(row), &block.rows[row].cell)?;
            }
            last.map_or(ControlFlow::Continue(()), |(labels, cell)| {
                each(labels, cell)
            })
        };
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        for (labels, at) in self.new.range::<str, _>(behind) {
            let end = self.behind(next, labels);
            run(next..end, Some((labels, &self.recent[*at].cell)))?;
            next = end;
        }
        run(next..self.n_rows, None)
    }

    /// Appends a row, of `most` that there will be at most.
    fn push(&mut self, labels: &str, mut row: Row, most: usize) {
        if self.n_rows.is_multiple_of(BLOCK) {
            if let Some(full) = self.blocks.last_mut() {
                full.text.shrink_to_fit();
            }
            self.blocks.push(Block {
                text: String::new(),
                rows: Vec::with_capacity(BLOCK.min(most - self.n_rows)),
            });
        }
        let block = self.blocks.last_mut().expect("one was begun");
        row.start = narrow(block.text.len());
        self.places[row.id.0 as usize].row = narrow(self.n_rows);
        block.text.push_str(labels);
        block.rows.push(row);
        self.n_rows += 1;
    }

    fn place(&self, id: Id) -> &Place {
        &self.places[id.0 as usize]
    }

    /// Whether somebody holds it, or receivers are to be told when it ends.
    fn is_in_use(&self, id: Id) -> bool {
        let is_held = self.place(id).holders.load(Relaxed) > 0;
        is_held || self.written(id).is_some_and(|series| series.is_open())
    }

    fn at(&self, row: usize) -> &Row {
        let block = self.blocks.get(row / BLOCK);
        let sorted = block.and_then(|block| block.rows.get(row % BLOCK));
        sorted.unwrap_or_else(|| &self.recent[row - self.n_rows])
    }

    /// Where a label set is.
    fn row(&self, labels: &str) -> Option<usize> {
        let recent = || self.new.get(labels).map(|at| self.n_rows + at);
        let sorted = self.search(0..self.n_rows, labels);
        sorted.ok().or_else(recent)
    }

    fn labels(&self, row: usize) -> &str {
        self.blocks[row / BLOCK].labels(row % BLOCK)
    }

    /// Where a label set is in a part of the rows, or where it would be.
    fn search(&self, rows: Range<usize>, labels: &str) -> Result<usize, usize> {
        let (mut low, mut high) = (rows.start, rows.end);
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

    /// The first row from `first` on whose labels are behind these. Quick where it is not far.
    fn behind(&self, first: usize, labels: &str) -> usize {
        let (mut low, mut step) = (first, 1);
        while low + step < self.n_rows && self.labels(low + step) < labels {
            low += step;
            step *= 2;
        }
        let high = self.n_rows.min(low + step);
        self.search(low..high, labels)
            .map_or_else(|row| row, |row| row + 1)
    }
}

fn cut(text: &str, range: Range<usize>) -> &str {
    text.get(range)
        .expect("label sets begin and end at characters")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use netwolf_wire::series::Kind;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        board::{Board, DeviceSlot},
        clock::Tick,
        testing,
    };

    const NOW: Tick = Tick(1);

    fn device() -> Arc<DeviceSlot> {
        let board = Board::default();
        board.set_inventory(&testing::inventory([("a", 22)]));
        board.device("a").unwrap()
    }

    fn cell(device: &Arc<DeviceSlot>, value: u32) -> Cell {
        let cell = Cell::new(device.clone()).unwrap();
        cell.set(Kind::Gauge, value.into(), 1, NOW);
        cell
    }

    fn walked(table: &Table, after: &str) -> Vec<(String, f64)> {
        let mut walked = Vec::new();
        let flow: ControlFlow<()> = table.walk(after, |labels, cell| {
            walked.push((labels.to_owned(), cell.fresh(NOW).unwrap()));
            ControlFlow::Continue(())
        });
        assert!(flow.is_continue());
        walked
    }

    proptest! {
        #[test]
        fn a_table_is_a_sorted_map(
            steps in prop::collection::vec((0_u32..2000, 0_u8..20), 1..1200),
            after in 0_u32..2000,
        ) {
            let device = device();
            let (mut table, mut model) = (Table::default(), BTreeMap::new());
            let mut held = BTreeMap::new();
            for (value, (number, what)) in (0..).zip(steps) {
                // As those of a device begin, so that labels are found by it.
                let labels = format!("{{device=\"a\",n=\"{number}\"}}");
                match what {
                    0 => table.retain(|_| true),
                    1 => {
                        let drops = |value: f64| value % 3.0 == 0.0;
                        let keep = |cell: &Cell| !drops(cell.fresh(NOW).unwrap());
                        let has_other = table.has_other_than(keep);
                        table.retain(keep);
                        let before = model.len();
                        model.retain(|labels, value| held.contains_key(labels) || !drops(*value));
                        prop_assert_eq!(has_other, model.len() < before);
                    }
                    2 => {
                        if let Some(id) = held.remove(&labels) {
                            table.release(id);
                        }
                    }
                    _ => {
                        let id = table.insert(&labels, cell(&device, value));
                        model.insert(labels.clone(), f64::from(value));
                        if what < 10 && held.insert(labels, id).is_none() {
                            table.hold(id);
                        }
                    }
                }
            }
            prop_assert_eq!(table.len(), model.len());
            for (labels, id) in &held {
                prop_assert_eq!(table.find(labels), Some(*id));
                prop_assert_eq!(table.cell(*id).fresh(NOW), model.get(labels).copied());
                prop_assert_eq!(table.labels_of(*id), labels);
            }
            prop_assert!(model.keys().all(|labels| table.find(labels).is_some()));
            prop_assert!(table.find("nothing").is_none());
            let all: Vec<_> = model.clone().into_iter().collect();
            prop_assert_eq!(walked(&table, ""), all);
            let after = format!("{{device=\"a\",n=\"{after}\"}}");
            let behind = model.into_iter().filter(|(labels, _)| *labels > after);
            prop_assert_eq!(walked(&table, &after), behind.collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_not_kept_is_gone() {
        let device = device();
        let mut table = Table::default();
        for number in 0..1000 {
            table.insert(&format!("{number:04}"), cell(&device, number % 3));
        }
        table.retain(|cell| cell.fresh(NOW) == Some(0.0));
        assert_eq!((table.len(), Arc::strong_count(&device)), (334, 335));
        let labels: Vec<_> = walked(&table, "0990")
            .into_iter()
            .map(|(labels, _)| labels)
            .collect();
        assert_eq!(labels, ["0993", "0996", "0999"]);
    }
}
