//! What runs are made of: devices, credentials and procedures of the configuration in force.

use std::{collections::BTreeMap, sync::Arc};

use netwolf_runs::procedure::{Procedure, raw::RawProcedure};
use netwolf_wire::target::Login;

use crate::{inventory::Inventory, library::Origin};

/// By name.
pub type Procedures = BTreeMap<String, Arc<Entry>>;

/// What stands in a configuration besides devices.
#[derive(Clone, Debug, Default)]
pub struct Prepared {
    /// Credentials by name.
    pub logins: BTreeMap<String, Login>,
    /// Procedures by name.
    pub procedures: Procedures,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// The devices.
    pub inventory: Arc<Inventory>,
    /// Credentials and procedures.
    pub prepared: Prepared,
}

/// A procedure that is prepared.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it is called.
    pub name: String,
    /// The file that it was read from.
    pub origin: Origin,
    /// As it is meant, and as it is written.
    pub procedure: Procedure,
}

impl Entry {
    /// A procedure as it is written, checked.
    ///
    /// # Errors
    /// Each fault in words, with what to do.
    pub(crate) fn check(
        name: String,
        raw: &RawProcedure,
        origin: Origin,
    ) -> Result<Self, Vec<(String, Option<String>)>> {
        match Procedure::check(&name, raw) {
            Ok(procedure) => Ok(Self {
                name,
                origin,
                procedure,
            }),
            Err(faults) => {
                let worded = |fault: netwolf_runs::procedure::Fault| {
                    let key = match fault.key.as_str() {
                        "" => String::new(),
                        key => format!("`{key}`: "),
                    };
                    let message = format!("procedure {name:?}: {key}{}", fault.message);
                    (message, fault.hint)
                };
                Err(faults.into_iter().map(worded).collect())
            }
        }
    }
}
