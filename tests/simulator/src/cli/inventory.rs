//! The inventory file: the running devices as a poller's configuration wants them.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use crate::fleet::Fleet;

/// Writes the inventory beside `path` and then renames it, so that a reader who watches the file
/// never sees half of it.
pub(super) fn write(path: &Path, fleet: &Fleet) -> io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    std::fs::write(&partial, text(fleet))?;
    std::fs::rename(&partial, path)
}

/// YAML by hand: names are made of letters, digits, `-`, `_` and `.` and begin with a letter and
/// end with digits, so none of them needs quotes.
fn text(fleet: &Fleet) -> String {
    let mut text = String::from("devices:\n");
    for device in fleet.devices() {
        let address = device.address();
        writeln!(
            text,
            "  - {{ name: {}, address: \"{}\", port: {}, platform: {}, host_key: \"{}\" }}",
            device.name(),
            address.ip(),
            address.port(),
            device.platform(),
            device.host_key(),
        )
        .expect("a string takes all");
    }
    text
}
