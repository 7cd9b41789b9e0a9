//! russh's errors in our words.

use std::io;

use netwolf_wire::status::{Failure, Reason};
use russh::client::DisconnectReason;

use crate::dialogue::manners::excerpt;

/// Why the key exchange with `endpoint` failed.
pub(super) fn before_login(endpoint: &str, error: &russh::Error) -> Failure {
    let (reason, message, hint) = match error {
        russh::Error::NoCommonAlgo { kind, theirs, .. } => (
            Reason::HandshakeFailed,
            format!(
                "no {kind:?} algorithm in common; the device offers only {}",
                excerpt(&theirs.join(", "))
            ),
            "update the device's SSH settings; algorithms that are no longer safe are not offered to it",
        ),
        russh::Error::Version => (
            Reason::HandshakeFailed,
            "what answers there is not an SSH 2 server".to_owned(),
            "is `port` right, and is SSH version 2 enabled on the device?",
        ),
        error if is_end(error) => (
            Reason::ClosedByDevice,
            "the device closed the connection before the login".to_owned(),
            "has it free lines (VTYs), and may the agent's address log in (access-class)?",
        ),
        russh::Error::IO(error) => (
            Reason::ConnectionLost,
            format!("the connection broke before the login: {error}"),
            "is the path stable?",
        ),
        error => (
            Reason::HandshakeFailed,
            format!("the key exchange failed: {error}"),
            "does OpenSSH's `ssh -v` reach the device from the agent's machine?",
        ),
    };
    Failure {
        reason,
        message: format!("{endpoint}: {message}"),
        hint: Some(hint.into()),
    }
}

/// Why a session that was logged in, or about to be, ended.
pub(super) fn ended(reason: &DisconnectReason<russh::Error>) -> Failure {
    let (reason, message) = match reason {
        DisconnectReason::ReceivedDisconnect(info) => (
            Reason::ClosedByDevice,
            format!(
                "the device ended the session: \"{}\"",
                excerpt(&info.message)
            ),
        ),
        DisconnectReason::Error(error) if is_end(error) => (
            Reason::ClosedByDevice,
            "the device closed the connection".to_owned(),
        ),
        DisconnectReason::Error(russh::Error::KeepaliveTimeout) => (
            Reason::ConnectionLost,
            "the device gave no sign of life".to_owned(),
        ),
        DisconnectReason::Error(error) => (
            Reason::ConnectionLost,
            format!("the connection broke: {error}"),
        ),
    };
    Failure {
        reason,
        message,
        hint: None,
    }
}

/// Whether the other side just closed the stream.
fn is_end(error: &russh::Error) -> bool {
    match error {
        russh::Error::Disconnect | russh::Error::HUP => true,
        russh::Error::IO(error) => error.kind() == io::ErrorKind::UnexpectedEof,
        _ => false,
    }
}
