//! The inventory file: the running devices as a poller's configuration wants them.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use crate::fleet::Fleet;

/// Writes the inventory beside `path` and then renames it, so that a reader who watches the file
/// never sees half of it. The devices are at `sites` in turn, where there are some.
pub(super) fn write(path: &Path, fleet: &Fleet, sites: &[String]) -> io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    std::fs::write(&partial, text(fleet, sites))?;
    std::fs::rename(&partial, path)
}

/// YAML by hand: names are made of letters, digits, `-`, `_` and `.` and begin with a letter and
/// end with digits, so none of them needs quotes. A site is what somebody typed.
fn text(fleet: &Fleet, sites: &[String]) -> String {
    let mut text = String::from("devices:\n");
    let mut sites = sites.iter().cycle();
    for device in fleet.devices() {
        let address = device.address();
        let site = sites.next();
        let labels = site.map_or(String::new(), |site| {
            format!(", labels: {{ site: {site:?} }}")
        });
        writeln!(
            text,
            "  - {{ name: {}, address: \"{}\", port: {}, platform: {}, host_key: \"{}\"{labels} }}",
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
