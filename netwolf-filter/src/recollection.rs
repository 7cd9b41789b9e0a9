//! The label sets of the output before: most outputs of a command make the same series in the same order, and then
//! their labels are shared instead of made again.
//!
//! They are compared as one text that lies in one place. A device's labels are looked at once a second, between those
//! of thousands of others, and each string of its own would have to come from memory.

use std::{cell::RefCell, sync::Arc};

use crate::filter::{Labels, Sample};

/// Stand between name and value, and behind a value; neither may hold a control character.
const NAME_END: char = '\u{1f}';
const VALUE_END: char = '\u{1e}';

thread_local! {
    static SCRATCH: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The label sets of the output before.
#[derive(Clone, Debug, Default)]
pub struct Recollection {
    text: String,
    /// Each with its end in the text.
    labels: Vec<(u32, Arc<Labels>)>,
    /// How many of this output were the same so far, and where the next one begins in the text.
    next: usize,
    at: usize,
    /// This output is another one.
    differs: bool,
}

impl Recollection {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    /// An output begins.
    pub(crate) fn begin(&mut self) {
        (self.next, self.at, self.differs) = (0, 0, false);
    }

    /// The next label set, if it is the one that `append` writes.
    pub(crate) fn recall(
        &mut self,
        append: impl FnOnce(&mut String) -> bool,
    ) -> Option<Arc<Labels>> {
        let known = self.labels.get(self.next).filter(|_| !self.differs);
        let found = known.and_then(|(end, labels)| {
            let known = self.text.get(self.at..*end as usize)?;
            let same = SCRATCH.with_borrow_mut(|scratch| {
                scratch.clear();
                append(scratch) && scratch == known
            });
            same.then(|| (*end, labels.clone()))
        });
        let Some((end, labels)) = found else {
            self.differs = true;
            return None;
        };
        self.next += 1;
        self.at = end as usize;
        Some(labels)
    }

    /// The output is whole, and `samples` are what it made.
    pub(crate) fn end(&mut self, samples: &[Sample]) {
        if !self.differs && self.next == self.labels.len() && samples.len() == self.next {
            return;
        }
        self.text.clear();
        self.labels.clear();
        for sample in samples {
            for (name, value) in &*sample.labels {
                Self::append_name(name, &mut self.text);
                let begin = self.text.len();
                self.text.push_str(value);
                Self::end_value(&mut self.text, begin);
            }
            let Ok(end) = u32::try_from(self.text.len()) else {
                break;
            };
            self.labels.push((end, sample.labels.clone()));
        }
        self.text.shrink_to_fit();
        self.labels.shrink_to_fit();
    }

    pub(crate) fn append_name(name: &str, text: &mut String) {
        text.push_str(name);
        text.push(NAME_END);
    }

    /// The value that begins at `begin` is whole; false where it could be taken for more than one.
    pub(crate) fn end_value(text: &mut String, begin: usize) -> bool {
        let value = text.get(begin..);
        let is_one = value.is_some_and(|value| !value.contains([NAME_END, VALUE_END]));
        text.push(VALUE_END);
        is_one
    }
}
