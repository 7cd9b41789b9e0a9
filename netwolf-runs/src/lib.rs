//! Automation runs: commands on a fleet as jobs with memory, which always end in a known state.
//!
//! ```text
//!   procedure x selection --> Spec --> journal --> machine --> Outcome: changes, then effects
//!   (procedure, selection)  (model)   (journal)      ^            |          |
//!                                                    |            v          v
//!                                         step events, lost    journal,    steps, cancels and
//!                                         shards, time          audit      heards to the agents
//! ```
//!
//! | Word | Means here |
//! |---|---|
//! | procedure | what to do: commands, by platform where they differ, expectations, verify, bounds ([`procedure::Procedure`]) |
//! | selection | which devices ([`selection::Selection`]) |
//! | run | a procedure on a selection, numbered ([`model::Run`]) |
//! | step | a run's part on one device ([`model::Step`]) |
//! | program | what one platform's steps type ([`model::Program`]) |
//! | attempt | one sending of a step ([`netwolf_wire::step::Attempt`]) |
//! | batch | steps that may be under way together; the next begins when they have ended ([`rollout::Rollout`]) |
//! | canary | the first batch, whose failure stops the run |
//! | guard | a metric that must stay within its bound after a step ([`model::Guard`]) |
//! | window | the hours in which steps may begin ([`window::Window`]) |
//! | settle | to decide what became of an unknown step |
//! | change | what the journal keeps of a decision ([`machine::Change`]) |
//! | effect | what is done once its changes are kept ([`machine::Effect`]) |
//!
//! Invariants: nothing is sent before it is journalled; a step that may have typed something is never sent again by
//! itself; every state has a deadline, so every run ends.
//!
//! The parts in `machine`, `procedure`, `selection` and `window` are pure: no IO, no clock. Times are Unix
//! milliseconds, because a run outlives the process that began it.

pub mod audit;
pub mod journal;
pub mod machine;
pub mod model;
pub mod procedure;
pub mod retry;
pub mod rollout;
pub mod selection;
pub mod submission;
pub mod view;
pub mod window;
