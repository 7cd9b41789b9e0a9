//! scrapli, with its own definitions of its core platforms, against devices of them.

use netwolf_simulator::Manner;

use crate::{left_out, python};

const CORE: &[Manner] = &[
    Manner::CiscoIosxe,
    Manner::CiscoNxos,
    Manner::CiscoIosxr,
    Manner::AristaEos,
    Manner::JuniperJunos,
];

#[tokio::test]
async fn scrapli_uses_its_core_platforms() {
    // The interface with definitions in files; the one before it had a class for each platform.
    if !python::has("scrapli.cli") {
        return left_out("scrapli for Python (2025 or later)");
    }
    let fleet = python::mixed(CORE).await;
    let text = python::run("scrapli_platforms.py", "SCRAPLI", fleet.devices()).await;
    for device in fleet.devices() {
        assert!(text.contains(&format!("{}: ", device.platform())), "{text}");
        assert!(device.logins() > 0 || text.contains("left out"), "{text}");
    }
    fleet.shutdown().await;
}
