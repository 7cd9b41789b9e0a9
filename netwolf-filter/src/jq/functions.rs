//! What a program may call, and why not the rest.
//!
//! There is nothing here whose time and memory its input does not bound, nothing that reads a clock, an environment or
//! a file, and nothing that compiles a pattern while it runs.

#![expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "all functions of the table have the same type"
)]

mod collections;
mod entries;
mod general;
mod numbers;
mod refused;
mod sums;
mod table;
mod texts;

pub(super) use self::{
    entries::{from_entries, to_entries},
    sums::add,
    texts::{tostring, written},
};
use self::{
    refused::{REFUSED, is_keyword},
    table::FUNCTIONS,
};
use super::{
    node::By,
    value::Value,
    work::{Stop, Work},
};

/// A function of its input.
pub(crate) type Plain = for<'t> fn(Value<'t>, &mut Work) -> Result<Value<'t>, Stop>;

/// A function of its input and an argument.
pub(crate) type With = for<'t> fn(Value<'t>, Value<'t>, &mut Work) -> Result<Value<'t>, Stop>;

/// Whether a value is of a kind.
pub(crate) type IsOf = for<'v, 't> fn(&'v Value<'t>) -> bool;

/// Something that can be called.
#[derive(Clone, Copy)]
pub(super) enum Function {
    Plain(Plain),
    With(With),
    /// Outputs its input if it is one of those.
    OfKind(IsOf),
    Form(Form),
}

/// What becomes a node of its own or a few others.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Select,
    Map,
    MapValues,
    WithEntries,
    First,
    Any,
    All,
    AnyBy,
    AllBy,
    AddOf,
    By(By),
    ByItself(By),
    Test,
    Capture,
}

/// The function of that name and number of arguments.
///
/// # Errors
/// There is none: what to say, and what to do about it.
pub(super) fn find(name: &str, arguments: usize) -> Result<Function, (String, String)> {
    let mut named = FUNCTIONS.iter().filter(|(it, ..)| *it == name).peekable();
    if named.peek().is_none() {
        return Err(unknown(name));
    }
    let counts: Vec<_> = named
        .clone()
        .map(|(_, count, _)| count.to_string())
        .collect();
    match named.find(|(_, count, _)| *count == arguments) {
        Some((.., function)) => Ok(*function),
        None => Err((
            format!("`{name}` does not take {arguments} arguments"),
            format!(
                "it takes {}; they have `;` between them",
                counts.join(" or ")
            ),
        )),
    }
}

fn unknown(name: &str) -> (String, String) {
    let refused = REFUSED.iter().find(|(names, _)| names.contains(&name));
    if let Some((_, reason)) = refused {
        return (format!("`{name}` is refused"), (*reason).to_owned());
    }
    if is_keyword(name) {
        return (
            format!("`{name}` is not expected here"),
            format!("a field of that name is `.{name}`"),
        );
    }
    let field = format!("a field of that name is `.{name}`");
    let names = FUNCTIONS
        .iter()
        .map(|(it, ..)| (strsim::jaro_winkler(it, name), *it));
    let nearest = names.max_by(|(a, _), (b, _)| a.total_cmp(b));
    let hint = match nearest {
        Some((likeness, nearest)) if likeness > 0.85 => {
            format!("did you mean `{nearest}`? {field}")
        }
        _ => field,
    };
    (format!("no function is called `{name}`"), hint)
}
