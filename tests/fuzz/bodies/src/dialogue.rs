//! The dialogue with a device, on every bundled platform that has a shell.

mod drive;
#[path = "../../../../netwolf-agent/tests/dialogue/platforms.rs"]
mod platforms;

use std::sync::{Arc, LazyLock};

use netwolf_agent::dialogue::Manners;

/// Plays what a device sends; the first byte chooses the platform.
///
/// # Panics
/// When the dialogue does what it must not.
pub fn run(data: &[u8]) {
    static PLATFORMS: LazyLock<Vec<Arc<Manners>>> = LazyLock::new(|| {
        platforms::manners()
            .iter()
            .map(|(_, manners)| manners.clone())
            .collect()
    });
    drive::drive(&PLATFORMS, data);
}
