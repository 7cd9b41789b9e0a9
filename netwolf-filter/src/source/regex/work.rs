//! What the searches of a rule may still cost in one output.
//!
//! One search looks at each byte once, but the next one begins where its match ended, and what lies behind may be looked at
//! again: of `a([^z]*z)?` every `a` waits for a `z` that may never come, and then all searches together cost the square
//! of the output. So what is charged is what a search looked at beyond its match. What everybody looks at once is free,
//! and an output of any length is read by patterns that look no further than they must.
//!
//! ```text
//!   output   ....[match].............
//!            ----------->               looked at once: free
//!                       -------->       looked at again by the next search: charged
//! ```
//!
//! Nobody tells how far a search looked. While the whole rest of the output fits into what is granted unmeasured, that is
//! taken, which costs nothing; then it is [measured](super::reach), which costs a fifth of an ordinary search. A search that
//! is measured to be one of the cheap engine grants as much again, some times.

use std::ops::Range;

use super::reach::{Measure, Reach};
use crate::limits::MAX_REGEX_WORK;

/// To begin a search, as bytes that are looked at.
const SEARCH_WORK: u64 = 32;

/// Bytes that may have been looked at again before anything is measured: few enough to be cheap for the slowest engine of
/// the crate, and enough for the outputs of most polls.
const UNMEASURED: u64 = 1 << 22;

/// How often that is granted again.
const GRANTS: u32 = 15;

/// All work is done that one output may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Over;

/// The work that is left.
#[derive(Debug)]
pub(super) struct Work {
    left: u64,
    unmeasured: u64,
    grants: u32,
}

impl Work {
    /// All that a rule may do for one output.
    pub(super) const fn new() -> Self {
        Self {
            left: MAX_REGEX_WORK,
            unmeasured: UNMEASURED,
            grants: GRANTS,
        }
    }

    /// Charges a search whose text no other one looks at.
    pub(super) fn search(&mut self) -> Result<(), Over> {
        self.spend(SEARCH_WORK)
    }

    /// Charges a search of `output` that began where `search` does and found a match that ends where `search` does. The
    /// next one goes on there.
    pub(super) fn found(
        &mut self,
        output: &str,
        search: Range<usize>,
        reach: &Reach,
        measure: &mut Option<Measure>,
    ) -> Result<(), Over> {
        self.search()?;
        let rest = (output.len() - search.end) as u64;
        if let Some(left) = self.unmeasured.checked_sub(rest) {
            self.unmeasured = left;
            return Ok(());
        }
        let behind = reach.behind(output.as_bytes(), search, self.left, measure);
        if behind.is_cheap && self.grants > 0 {
            self.grants -= 1;
            self.unmeasured = UNMEASURED;
        }
        self.spend(behind.work)
    }

    fn spend(&mut self, work: u64) -> Result<(), Over> {
        let left = self.left.checked_sub(work);
        self.left = left.unwrap_or(0);
        left.map(|_| ()).ok_or(Over)
    }
}
