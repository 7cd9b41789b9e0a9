//! The door for `tests/fuzz`: what reads input from outside, without the files, sockets and tasks around it.

use std::sync::Arc;

use axum::{Extension, Router};
use netwolf_web::{caller::Caller, gate::Gate};

use crate::{
    clock::unix_seconds,
    config::{self, Faults, Loaded},
    http::{self, Part, Web},
    inventory::Inventory,
    reload::ReloadHandle,
    state::State,
    trust::Trust,
};

/// Reads a configuration for which no other file is there.
///
/// # Errors
/// All faults, when there is one.
pub fn configuration(text: &str) -> Result<Loaded, Faults> {
    config::parse_alone(text)
}

/// Devices of these names, with collectors.
///
/// # Panics
/// When one of them is no name.
pub fn inventory(names: &[&str]) -> Inventory {
    let mut text = String::from(
        "credentials: { lab: { username: netwolf, password: env:LAB_PASSWORD } }
defaults: { credential: lab, platform: linux, host_key: accept-new, collectors: [cpu, memory] }
devices:
",
    );
    for name in names {
        text.push_str("  - { address: 192.0.2.1, name: ");
        text.push_str(name);
        text.push_str(" }\n");
    }
    match configuration(&text) {
        Ok(loaded) => loaded.inventory,
        Err(faults) => panic!("{faults}"),
    }
}

/// The web port of a manager of these devices. It has no core, nothing to read again, and an authority that it forgets.
///
/// # Panics
/// When one of them is no name, or nothing can be written to the folder for temporary files.
pub fn router(names: &[&str]) -> Router {
    let (state, _mailbox) = State::new(([127, 0, 0, 1], 1).into(), false, trust());
    state.board.set_inventory(&inventory(names));
    let (reload, _requests) = ReloadHandle::new();
    let gate = Gate::new(None).expect("there is no file to read");
    let web = Web {
        state,
        reload,
        gate: Arc::new(gate),
        part: Part::All,
    };
    // Somebody on this machine, who may do everything.
    let caller = Caller {
        peer: ([127, 0, 0, 1], 1).into(),
        user: None,
        has_certificate: false,
    };
    http::router(web).layer(Extension(caller))
}

fn trust() -> Arc<Trust> {
    let storage = tempfile::tempdir().expect("a folder can be made");
    let trust = Trust::start(storage.path(), unix_seconds());
    Arc::new(trust.expect("an authority can be made"))
}
