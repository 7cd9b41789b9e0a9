//! The dialogue against whatever bytes a device sends, in whatever reads.

#![no_main]

use std::sync::LazyLock;

#[path = "../src/drive.rs"]
mod drive;
#[path = "../../../netwolf-agent/tests/dialogue/platforms.rs"]
mod platforms;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    static PLATFORMS: LazyLock<Vec<std::sync::Arc<netwolf_agent::dialogue::Manners>>> =
        LazyLock::new(|| {
            let platforms = platforms::manners().iter();
            platforms.map(|(_, manners)| manners.clone()).collect()
        });
    drive::drive(&PLATFORMS, data);
});
