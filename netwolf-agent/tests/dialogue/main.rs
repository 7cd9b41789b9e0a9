//! The dialogue against every bundled platform, from outside: what a device of that family shows, cut at any
//! points, is the same output; and nothing that a device sends makes it panic, hang or grow.

mod bounds;
mod device;
mod faces;
mod fuzzed;
mod platforms;
mod session;
mod transcripts;
