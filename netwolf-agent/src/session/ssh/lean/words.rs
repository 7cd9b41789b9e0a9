//! What ends a connection of the lean client, in the words that the other one has.

use netwolf_secret::Imprint;
use netwolf_ssh::Error;
use netwolf_wire::{
    legacy::Legacy,
    status::{Failure, Reason},
};

use super::Cause;
use crate::{
    dialogue::manners::excerpt,
    session::ssh::error::{before_login as before, broken, without},
};

/// Why the key exchange with `endpoint` failed.
pub(in crate::session::ssh) fn before_login(
    endpoint: &str,
    cause: Cause,
    legacy: &[Legacy],
) -> Failure {
    let error = match cause {
        Cause::End | Cause::Ssh(Error::Disconnected(_)) => russh::Error::HUP,
        Cause::Io(error) => russh::Error::IO(error),
        Cause::Ssh(Error::NotSsh) => russh::Error::Version,
        Cause::Ssh(error) => {
            return Failure {
                reason: Reason::HandshakeFailed,
                message: format!("{endpoint}: the key exchange failed: {error}"),
                hint: Some(
                    "does OpenSSH's `ssh -v` reach the device from the agent's machine?".into(),
                ),
            };
        }
    };
    before(endpoint, &error, legacy)
}

/// Why a session that was logged in, or about to be, ended, without the `password`.
pub(super) fn ended(cause: &Cause, password: Option<&Imprint>) -> Failure {
    let hide = |text: &str| without(password, text);
    let (reason, message) = match cause {
        Cause::Ssh(Error::Disconnected(words)) => (
            Reason::ClosedByDevice,
            format!(
                "the device ended the session: \"{}\"",
                excerpt(&hide(words))
            ),
        ),
        Cause::End => (
            Reason::ClosedByDevice,
            "the device closed the connection".to_owned(),
        ),
        Cause::Ssh(Error::NoSignOfLife) => {
            (Reason::ConnectionLost, Error::NoSignOfLife.to_string())
        }
        Cause::Ssh(error) => (
            Reason::ConnectionLost,
            format!("the connection broke: {error}"),
        ),
        Cause::Io(error) => return broken(error, hide),
    };
    Failure {
        reason,
        message: hide(&message),
        hint: None,
    }
}
