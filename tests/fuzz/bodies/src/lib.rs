//! What the fuzz targets run: a function of some bytes for each, which panics where something does not hold.
//!
//! The targets themselves (`tests/fuzz/fuzz_targets`) are a package of their own, because libFuzzer is nothing that the
//! workspace should build. This crate is a member, so that `cargo test` runs each body over its corpus and over seeded
//! mutations of it (`tests/replay.rs`), and no body rots.
//!
//! A body does no IO, sleeps never, and makes what it can only once: it is to run tens of millions of times.

pub mod accept;
pub mod configuration;
pub mod dialogue;
pub mod exposition;
pub mod extraction;
pub mod frame;
pub mod http;
pub mod known_hosts;
pub mod messages;
mod page;
mod parts;
pub mod records;
pub mod textfsm;
pub mod values;

/// A fuzz target: its name, which is that of its corpus, and what it runs.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("accept", accept::run),
    ("configuration", configuration::run),
    ("dialogue", dialogue::run),
    ("exposition", exposition::run),
    ("frame", frame::run),
    ("http", http::run),
    ("jq", records::run_jq),
    ("known_hosts", known_hosts::run),
    ("messages", messages::run),
    ("rule", extraction::run),
    ("template", textfsm::run_template),
    ("textfsm", textfsm::run_output),
    ("values", values::run),
    ("xml", records::run_xml),
];
