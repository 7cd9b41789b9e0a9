//! The bundled platforms, read from where the manager keeps them.

#[path = "../../../netwolf-filter/tests/library/yaml.rs"]
mod yaml;

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use netwolf_agent::dialogue::Manners;
use netwolf_wire::platform::{Platform, Transport};

/// All of them, by name. Those that are used by exec channels are here only when they say how a prompt looks,
/// and are made shells, which a user may do as well.
pub(crate) fn shells() -> Vec<Platform> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root
        .ancestors()
        .map(|folder| folder.join("netwolf-manager/library/platforms"))
        .find(|folder| folder.is_dir())
        .expect("the tree has the library");
    let mut platforms: Vec<Platform> = std::fs::read_dir(folder)
        .expect("the library can be read")
        .map(|entry| entry.expect("the library can be read").path())
        .filter(|path| path.extension().is_some_and(|end| end == "yml"))
        .map(|path| yaml::read(&std::fs::read_to_string(path).expect("a platform can be read")))
        .collect();
    platforms.sort_by(|one: &Platform, other| one.name.cmp(&other.name));
    platforms.retain_mut(|platform| {
        platform.transport = Transport::Shell;
        !platform.prompts.is_empty()
    });
    platforms
}

/// Names of [`shells`] and what they compile to: once, for that is what takes longest here.
pub(crate) fn manners() -> &'static [(String, Arc<Manners>)] {
    static MANNERS: OnceLock<Vec<(String, Arc<Manners>)>> = OnceLock::new();
    MANNERS.get_or_init(|| {
        shells()
            .into_iter()
            .map(|platform| {
                let manners = Manners::compile(&platform).expect("a bundled platform compiles");
                (platform.name, Arc::new(manners))
            })
            .collect()
    })
}
