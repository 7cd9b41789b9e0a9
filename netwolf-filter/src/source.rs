//! Where records come from. Each source has a module of its own and gives the same thing: its fields'
//! names when it is compiled, and then records of those fields, one at a time.
//!
//! `regex` is the only one so far. TextFSM templates, jq programs and XML paths stand beside it when
//! their rules do, and nothing outside this folder changes but the choice in [`crate::filter`].

pub(crate) mod regex;

/// The fields of one record, by index; the names were settled when the rule was compiled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'r> {
    fields: &'r [Option<&'r str>],
}

impl<'r> Record<'r> {
    pub(crate) const fn new(fields: &'r [Option<&'r str>]) -> Self {
        Self { fields }
    }

    /// The field's text; `None` when its group took no part.
    pub(crate) fn field(&self, index: usize) -> Option<&'r str> {
        self.fields.get(index).copied().flatten()
    }
}
