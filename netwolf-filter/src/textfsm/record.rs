//! The record that is being made: what each value holds, and what its options do with it.

use super::{
    matcher::Slots,
    table::{Cell, Item, Table},
    template::{Template, Value},
};

/// The values of the record that is being made.
#[derive(Debug)]
pub(super) struct Record<'p, 't> {
    values: &'p [Value],
    held: Vec<Held<'t>>,
    slots: Slots,
    /// A value was assigned since the record was last cleared.
    pub(super) is_begun: bool,
    /// An error took a part of the record, and so the rest may be another one's.
    pub(super) is_lost: bool,
    /// Cells so far, each item of a list being one as well.
    pub(super) cells: usize,
}

#[derive(Clone, Debug, Default)]
struct Held<'t> {
    text: Option<&'t str>,
    /// What `Filldown` puts back.
    kept: Option<&'t str>,
    /// Of a `List`.
    items: Vec<Item<'t>>,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Recorded,
    /// A required value is missing, or all are.
    Dropped,
}

/// A list's group took no part, and its groups cannot be found in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoGroup;

impl<'p, 't> Record<'p, 't> {
    pub(super) fn new(template: &'p Template) -> Self {
        Self {
            values: &template.values,
            held: vec![Held::default(); template.values.len()],
            slots: Slots::default(),
            is_begun: false,
            is_lost: false,
            cells: 0,
        }
    }

    /// Gives `text` to the value at `index`; `None` where the value's group took no part.
    ///
    /// # Errors
    /// Where Python would end with an exception. The item is there nevertheless, without text.
    pub(super) fn assign(
        &mut self,
        index: usize,
        text: Option<&'t str>,
        table: &mut Table<'t>,
        work: &mut u64,
    ) -> Result<(), NoGroup> {
        let (value, held) = (&self.values[index], &mut self.held[index]);
        self.is_begun = true;
        held.text = text;
        if value.options.filldown {
            held.kept = text;
        }
        if value.options.fillup
            && let Some(text) = text.filter(|text| !text.is_empty())
        {
            let empty = table.column_up(index).take_while(|cell| cell.is_empty());
            empty.for_each(|cell| *cell = Cell::Text(text));
        }
        if !value.options.list {
            return Ok(());
        }
        let (item, result) = match (&value.parts, text) {
            (Some(_), None) => (Item::None, Err(NoGroup)),
            (None, None) => (Item::None, Ok(())),
            (None, Some(text)) => (Item::Text(text), Ok(())),
            (Some(parts), Some(text)) => (parts.take_apart(text, &mut self.slots, work), Ok(())),
        };
        held.items.push(item);
        result
    }

    /// Adds the record to `table` if it is one, and makes room for the next one.
    pub(super) fn record(&mut self, table: &mut Table<'t>) -> Outcome {
        let pairs = || self.values.iter().zip(&self.held);
        let is_met = |(value, held): (&Value, &Held<'t>)| {
            let options = value.options;
            if options.list && !options.requires_text {
                !options.required || !held.items.is_empty()
            } else {
                !options.required || held.text.is_some_and(|text| !text.is_empty())
            }
        };
        if !pairs().all(is_met) {
            self.clear();
            return Outcome::Dropped;
        }
        let is_unset = |(value, held): (&Value, &Held<'t>)| {
            if value.options.list {
                held.items.is_empty()
            } else {
                held.text.is_none()
            }
        };
        if pairs().all(is_unset) {
            return Outcome::Dropped;
        }
        let mut cells = 0;
        table.push(self.values.iter().zip(&mut self.held).map(|(value, held)| {
            cells += 1 + held.items.len();
            match (value.options.list, value.options.filldown) {
                (false, _) => Cell::Text(held.text.unwrap_or_default()),
                (true, true) => Cell::List(held.items.clone()),
                // It is cleared below, and so it need not be copied.
                (true, false) => Cell::List(std::mem::take(&mut held.items)),
            }
        }));
        self.cells += cells;
        self.clear();
        Outcome::Recorded
    }

    /// Forgets what does not fill down.
    pub(super) fn clear(&mut self) {
        self.is_begun = false;
        for (value, held) in self.values.iter().zip(&mut self.held) {
            held.text = None;
            if value.options.filldown {
                held.text = held.kept;
            } else {
                held.items.clear();
            }
        }
    }

    /// Forgets everything.
    pub(super) fn clear_all(&mut self) {
        self.is_begun = false;
        for held in &mut self.held {
            (held.text, held.kept) = (None, None);
            held.items.clear();
        }
    }
}

impl super::template::Parts {
    /// The groups inside `text`, or all of it where it has none or does not match on its own.
    fn take_apart<'t>(&self, text: &'t str, slots: &mut Slots, work: &mut u64) -> Item<'t> {
        let line = super::lines::Line {
            text,
            is_ascii: text.is_ascii(),
        };
        *slots = Slots::default();
        match self.matcher.matches(line, slots, work) {
            Ok(true) if !self.names.is_empty() => {
                let part = |index| slots.get(index).and_then(|(from, to)| text.get(from..to));
                let names = self.names.iter().cloned();
                Item::Map(
                    names
                        .enumerate()
                        .map(|(index, name)| (name, part(index)))
                        .collect(),
                )
            }
            // What matched in the rule and goes back too often here is kept as a whole.
            _ => Item::Text(text),
        }
    }
}
