//! Every platform against every manner of real devices, through the session engine that polls them.
//!
//! ```text
//!   matrix: platform x manner --> try: a simulated device, one recording --> what was shown, to the byte
//!      |
//!      +--> the table in docs/platforms.md
//! ```
//!
//! `scene` starts a device and logs in to it, `manners` says what a manner is and tries it, `matrix` makes a
//! test of each pair and keeps the page true, `life` polls all platforms by a manager and an agent. `answers` holds
//! the bundled collectors against simulated devices, `runs` changes all platforms, `privileges` what an account must
//! be allowed against them, `fakenos` the platforms against devices that others wrote.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, helpers included"
)]

#[allow(
    dead_code,
    unused_imports,
    clippy::float_cmp,
    reason = "the scenes of the whole-system tests, of which these need a part"
)]
#[path = "../e2e"]
mod e2e {
    pub(crate) mod lab;
}
use e2e::lab;

mod answers;
mod fakenos;
mod life;
mod manners;
mod matrix;
mod privileges;
mod runs;
mod scene;
mod verbs;
