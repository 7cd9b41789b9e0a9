//! Bounds of templates and of what they are run on. They are counted and not timed, so that the same output always
//! gives the same table.

/// Bytes of a template. The largest that people have written has about twenty thousand.
pub const MAX_TEMPLATE_BYTES: usize = 1 << 20;

/// Bytes of an output that are read; the rest is left out, and is a problem.
pub const MAX_OUTPUT_BYTES: usize = 16 << 20;

/// Cells of a table, each item of a list being one as well. Lists that fill down grow with the square of the output.
pub const MAX_CELLS: usize = 4 << 20;

/// Problems that are listed for an output; the rest is only counted.
pub const MAX_PROBLEMS: usize = crate::limits::MAX_PROBLEMS;

/// Bytes that a rule's pattern may take when it is compiled.
pub const MAX_PATTERN_BYTES: usize = 10 << 20;

/// How far a pattern with look-around or a back-reference may go back in one line.
pub const MAX_BACKTRACKS: usize = 200_000;

/// Work that one output may take: for each rule that is tried, the bytes of the line times the size of the pattern.
pub const MAX_WORK: u64 = 1 << 34;

/// Characters of a value's or state's name, as in Python.
pub const MAX_NAME_CHARS: usize = 48;
