//! A file with a procedure: its name under `procedure`, and beside it what a procedure of the configuration has.
//!
//! Only its shape is read here. Whether it can be run is for [`crate::runs::book`], which knows the credentials.

use netwolf_runs::procedure::raw::RawProcedure;

use super::{Origin, collector::check_name};
use crate::config::{
    fault::{Fault, Place},
    yaml::{Document, Field},
};

/// A procedure of the library.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcedureFile {
    /// What it is called.
    pub name: String,
    /// The file that it was read from.
    pub origin: Origin,
    /// Where its name stands.
    pub at: Place,
    /// What it says.
    pub raw: RawProcedure,
}

/// Reads a file; nothing where there is no procedure to speak of.
pub(super) fn read(origin: &Origin, text: &str, faults: &mut Vec<Fault>) -> Option<ProcedureFile> {
    let file = origin.file();
    let mut document = Document::parse(file, text.to_owned(), faults)?;
    let name: Field<String> = document.take("procedure", faults);
    if name.is_absent() {
        let fault = Fault::new(
            file,
            document.place(&[]),
            "there is no procedure in this file",
        );
        faults.push(fault.hint("say what it is called: `procedure: NAME`"));
    }
    let raw: Field<RawProcedure> = document.read(faults);
    let name = name.into_spanned()?;
    if let Err(message) = check_name(&name.value) {
        faults.push(Fault::new(file, name.at, message));
        return None;
    }
    let raw = match raw {
        Field::Spoilt => return None,
        Field::Absent => RawProcedure::default(),
        Field::Value(raw) => raw.value,
    };
    Some(ProcedureFile {
        name: name.value,
        origin: origin.clone(),
        at: name.at,
        raw,
    })
}
