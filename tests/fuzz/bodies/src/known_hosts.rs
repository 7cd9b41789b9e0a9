//! `known_hosts` files, and what they say of a device.

use netwolf_agent::fuzzing::{Listed, known_hosts};

use crate::parts;

/// The device that keys are asked for where no name is given.
const DEVICE: &str = "r1.example.net";

/// Asks the file in the second part for the device in the first.
///
/// # Panics
/// When blanks matter, or a key is not read as it was listed, or is not revoked by a line that does.
pub fn run(data: &[u8]) {
    let [name, file] = parts::texts(data);
    for (name, port) in [(name.as_str(), 22), (DEVICE, 2200)] {
        let listed = known_hosts(&file, name, port).ok();
        let spaced = file.replace(' ', " \t ");
        assert_eq!(
            listed,
            known_hosts(&spaced, name, port).ok(),
            "blanks do not matter"
        );
        let Some(listed) = listed else {
            continue;
        };
        for key in &listed.good {
            let alone = known_hosts(&format!("[{DEVICE}]:2200 {key}"), DEVICE, 2200);
            let expected = Listed {
                good: vec![key.clone()],
                revoked: Vec::new(),
            };
            assert_eq!(alone.ok(), Some(expected));
            let revoked = known_hosts(&format!("{file}\n@revoked * {key}\n"), name, port);
            assert!(
                revoked.is_ok_and(|listed| listed.revoked.contains(key)),
                "{key}"
            );
        }
    }
}
