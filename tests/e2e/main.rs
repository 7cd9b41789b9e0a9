//! Whole-system tests: the programs as people run them, real TCP links, real SSH, the pages that people read.
//!
//! Each test starts its own parts on ports that the operating system gives, waits for conditions and never for
//! times, and leaves no process behind. What a machine lacks (OpenSSH's server, Prometheus) is said plainly and
//! left out; with `CI=true` in the environment it is a failure instead.

#![expect(
    clippy::float_cmp,
    reason = "counts are whole, and a value that moved differs"
)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, helpers included"
)]

mod fake_manager;
mod lab;
mod metrics_server;
mod openssh;
mod receivers;

#[path = "../../netwolf-filter/tests/library/yaml.rs"]
mod yaml;

mod bad_input;
mod bench;
mod breaker;
mod canary;
mod collectors;
mod compose_lab;
mod dashboards;
mod demo;
mod discovery;
mod failover;
mod five_minutes;
mod hostkeys;
mod jump;
mod life;
mod live_dashboards;
mod openapi;
mod parse;
mod programs;
mod prometheus;
mod remote_write;
mod rules;
mod runs;
mod runs_cli;
mod sandbox;
mod sshd;
mod structure;
mod trust;
mod try_out;
mod web;
