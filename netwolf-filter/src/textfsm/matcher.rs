//! A pattern that is compiled when it is first wanted, and kept.

use std::sync::OnceLock;

use regex::bytes::{CaptureLocations, Regex, RegexBuilder};

use super::{
    limits::{MAX_BACKTRACKS, MAX_PATTERN_BYTES},
    lines::Line,
    pattern::Pattern,
};

/// Backtracks that are enough for ordinary lines. What needs more is tried again with [`MAX_BACKTRACKS`], and is
/// charged for it.
const FEW_BACKTRACKS: usize = 2_000;

/// Work that a backtrack is worth.
const BACKTRACK_WORK: u64 = 32;

/// Work to try a rule at all.
const TRY_WORK: u64 = 16;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The compiled pattern would take more than [`MAX_PATTERN_BYTES`].
    TooBig,
    /// The pattern went back more often than [`MAX_BACKTRACKS`].
    Backtracks,
}

/// A pattern and its engines.
#[derive(Debug)]
pub(super) struct Matcher {
    pattern: Pattern,
    /// The groups that are wanted.
    groups: Vec<usize>,
    ascii: OnceLock<Result<Regex, Failure>>,
    /// Boxed, because few lines need it.
    unicode: OnceLock<Result<Box<InUnicode>, Failure>>,
}

#[derive(Debug)]
struct InUnicode {
    engine: Engine,
    /// The numbers that the wanted groups have in the pattern.
    numbers: Vec<usize>,
}

#[derive(Debug)]
enum Engine {
    Plain(Regex),
    Backtracking {
        few: fancy_regex::Regex,
        many: fancy_regex::Regex,
    },
}

/// What a matcher needs while it runs, and where it leaves the groups: begin and end in the line.
#[derive(Debug, Default)]
pub(super) struct Slots {
    ascii: Option<CaptureLocations>,
    unicode: Option<CaptureLocations>,
    found: Vec<Option<(usize, usize)>>,
    last: Last,
}

/// Which engine found the last match.
#[derive(Clone, Copy, Debug, Default)]
enum Last {
    #[default]
    Ascii,
    Unicode,
    Backtracking,
}

impl Slots {
    /// Where the wanted group at `index` is, if it took part.
    pub(super) fn get(&self, index: usize) -> Option<(usize, usize)> {
        match self.last {
            Last::Ascii => self.ascii.as_ref()?.get(index + 1),
            Last::Unicode => self.unicode.as_ref()?.get(index + 1),
            Last::Backtracking => self.found.get(index).copied().flatten(),
        }
    }
}

impl Matcher {
    /// A matcher that tells where `groups` are, which are in their order.
    pub(super) fn new(pattern: Pattern, groups: &[usize]) -> Self {
        Self {
            pattern,
            groups: groups.to_vec(),
            ascii: OnceLock::new(),
            unicode: OnceLock::new(),
        }
    }

    /// Compiles a pattern that needs backtracking. There are few, and no other way to know that the engine takes them.
    ///
    /// # Errors
    /// It does not.
    pub(super) fn check_backtracking(&self) -> Result<(), Failure> {
        if self.pattern.is_plain() {
            Ok(())
        } else {
            self.check()
        }
    }

    /// Compiles what lines of ASCII need.
    ///
    /// # Errors
    /// Why it does not compile.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.pattern.is_plain() {
            self.in_ascii().map(|_| ())
        } else {
            self.in_unicode().map(|_| ())
        }
    }

    /// Whether `line` matches, with the groups in `slots`; the work is added to `work`.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) fn matches(
        &self,
        line: Line<'_>,
        slots: &mut Slots,
        work: &mut u64,
    ) -> Result<bool, Failure> {
        let weight = self.pattern.weight() as u64 / 8 + 1;
        *work += (line.text.len() as u64 + TRY_WORK) * weight;
        if line.is_ascii && self.pattern.is_plain() {
            slots.last = Last::Ascii;
            return Ok(self.plain(self.in_ascii()?, line, &mut slots.ascii));
        }
        let unicode = self.in_unicode()?;
        match &unicode.engine {
            // Only backtracking refers to groups, so that here those that capture are those wanted.
            Engine::Plain(regex) => {
                slots.last = Last::Unicode;
                Ok(self.plain(regex, line, &mut slots.unicode))
            }
            Engine::Backtracking { few, many } => {
                *work += FEW_BACKTRACKS as u64 * BACKTRACK_WORK;
                let found = few.captures(line.text).or_else(|_| {
                    *work += MAX_BACKTRACKS as u64 * BACKTRACK_WORK;
                    many.captures(line.text)
                });
                let found = found.map_err(|_| Failure::Backtracks)?;
                let Some(found) = found else { return Ok(false) };
                slots.last = Last::Backtracking;
                slots.found.clear();
                slots.found.extend(unicode.numbers.iter().map(|&number| {
                    let group = found.get(number)?;
                    Some((group.start(), group.end()))
                }));
                Ok(true)
            }
        }
    }

    fn plain(
        &self,
        regex: &Regex,
        line: Line<'_>,
        locations: &mut Option<CaptureLocations>,
    ) -> bool {
        let bytes = line.text.as_bytes();
        if self.groups.is_empty() {
            return regex.is_match(bytes);
        }
        let locations = locations.get_or_insert_with(|| regex.capture_locations());
        regex.captures_read(locations, bytes).is_some()
    }

    fn in_ascii(&self) -> Result<&Regex, Failure> {
        let compile = || build(&self.pattern.in_ascii(&self.groups), false);
        self.ascii.get_or_init(compile).as_ref().map_err(|it| *it)
    }

    fn in_unicode(&self) -> Result<&InUnicode, Failure> {
        let compile = || self.compile_unicode().map(Box::new);
        let compiled = self.unicode.get_or_init(compile);
        compiled.as_deref().map_err(|it| *it)
    }

    fn compile_unicode(&self) -> Result<InUnicode, Failure> {
        let (text, order) = self.pattern.in_unicode(&self.groups);
        let number = |group: &usize| order.iter().position(|it| it == group).map(|it| it + 1);
        let numbers = self.groups.iter().filter_map(number).collect();
        let engine = if self.pattern.is_plain_in_unicode() {
            Engine::Plain(build(&text, true)?)
        } else {
            let build = |backtracks| {
                fancy_regex::RegexBuilder::new(&text)
                    .backtrack_limit(backtracks)
                    .delegate_size_limit(MAX_PATTERN_BYTES)
                    // Its rewriting makes `b??` in `a*b??a*` greedy.
                    .optimize(false)
                    .build()
                    .map_err(|_| Failure::TooBig)
            };
            Engine::Backtracking {
                few: build(FEW_BACKTRACKS)?,
                many: build(MAX_BACKTRACKS)?,
            }
        };
        Ok(InUnicode { engine, numbers })
    }
}

fn build(text: &str, unicode: bool) -> Result<Regex, Failure> {
    RegexBuilder::new(text)
        .unicode(unicode)
        .size_limit(MAX_PATTERN_BYTES)
        .nest_limit(1000)
        .build()
        .map_err(|_| Failure::TooBig)
}
