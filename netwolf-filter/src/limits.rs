//! Bounds that hold for every filter, so that neither a rule nor an output can take the shard's memory.

/// Samples of one output; the rest is left out and is one problem.
///
/// A chassis with a thousand interfaces makes about this many; more than that is a mistake in a rule. A rule may set a
/// lower bound for itself.
pub const MAX_SAMPLES: usize = 10_000;

/// Records that one rule reads from one output, whether or not they make samples.
pub const MAX_RECORDS: usize = 10_000;

/// Cells of the table that a template makes of one output, each item of a list being one as well: records of as many
/// fields as anybody has, and room for lists.
pub const MAX_CELLS: usize = 32 * MAX_RECORDS;

/// Work that a template may take for one output of a poll: for each rule that is tried, the bytes of the line times the
/// size of the pattern. A poll holds up all devices of its shard, and may take less than what people run by hand. This is 95
/// times what the dearest of the real outputs in ntc-templates takes, 22,546,164.
pub const MAX_TEXTFSM_WORK: u64 = 1 << 31;

/// Problems listed for one output; the rest is only counted.
pub const MAX_PROBLEMS: usize = 100;

/// States of a metric, each of which is a series of every record.
pub const MAX_STATES: usize = 64;

/// Bytes of a label value. A longer one costs its sample: cut values would make different series alike.
pub const MAX_LABEL_BYTES: usize = 1024;

/// Characters of a problem's text.
pub const MAX_EXCERPT: usize = 160;

/// Bytes that a compiled pattern may take. Hand-written ones take kilobytes; what grows past this are
/// counted repetitions of Unicode classes, such as `\w{63}`.
pub const MAX_REGEX_BYTES: usize = 1 << 20;

/// Bytes of cache that a pattern may use while it searches.
pub const MAX_REGEX_CACHE_BYTES: usize = 1 << 20;

/// How deep groups may nest in a pattern.
pub const MAX_REGEX_NESTING: u32 = 50;

/// Work that the searches of a rule by `regex` may take for one output: the bytes that they look at again because another
/// search had looked at them beyond its match, and some for each search. What patterns do that look no further than their
/// matches is far below that whatever the output, and this much takes a fraction of a second.
pub const MAX_REGEX_WORK: u64 = 1 << 26;

/// Bytes of an output in which JSON or XML is looked for; a longer one is not read.
pub const MAX_DOCUMENT_BYTES: usize = 4 << 20;

/// Bytes of a jq program.
pub const MAX_JQ_BYTES: usize = 16 << 10;

/// How deep a jq program may nest.
pub const MAX_JQ_NESTING: usize = 50;

/// Parts of a jq program. One that makes records of all counters of an interface has some hundred.
pub const MAX_JQ_NODES: usize = 500;

/// Steps that a jq program may take for one output: each part that is run, each item, each few bytes of text that are
/// copied. A table of a thousand interfaces takes some tens of thousands.
pub const MAX_JQ_STEPS: u64 = 1 << 21;

/// Elements and texts of an XML document. An ordinary one of the greatest size has fewer than half as many.
pub const MAX_XML_NODES: u32 = 1 << 19;

/// Steps of a path into XML, with those of its predicates.
pub const MAX_XML_STEPS: usize = 50;

/// How deep predicates may nest in a path.
pub const MAX_XML_NESTING: usize = 8;

/// Elements that the paths of a rule may look at in one output. `//` looks at all that are below.
pub const MAX_XML_VISITS: u64 = 1 << 24;
