//! What ends a connection, in our words.

use std::io;

use netwolf_secret::Imprint;
use netwolf_wire::{
    legacy::Legacy,
    status::{Failure, Reason},
};
use russh::client::DisconnectReason;
use thiserror::Error;

use super::algorithms::nothing_in_common;
use crate::dialogue::manners::excerpt;

/// The way through a jump host broke: what a device's stream fails with.
#[derive(Debug, Error)]
#[error("{}", .0.message)]
pub(super) struct JumpBroken(pub(super) Failure);

/// What the jump host failed of, if that is what `error` came from.
fn of_jump(error: &russh::Error) -> Option<&Failure> {
    let russh::Error::IO(error) = error else {
        return None;
    };
    of_jump_io(error)
}

fn of_jump_io(error: &io::Error) -> Option<&Failure> {
    let broken = error.get_ref()?.downcast_ref::<JumpBroken>()?;
    Some(&broken.0)
}

/// Why the key exchange with `endpoint` failed; `legacy` is what was named for it.
pub(super) fn before_login(endpoint: &str, error: &russh::Error, legacy: &[Legacy]) -> Failure {
    if let Some(failure) = of_jump(error) {
        return failure.clone();
    }
    if let russh::Error::NoCommonAlgo { kind, theirs, .. } = error {
        let (message, hint) = nothing_in_common(kind, theirs, legacy);
        return Failure {
            reason: Reason::HandshakeFailed,
            message: format!("{endpoint}: {message} {}", excerpt(&theirs.join(", "))),
            hint: Some(hint),
        };
    }
    let (reason, message, hint) = match error {
        russh::Error::KexInit if legacy.contains(&Legacy::GroupExchangeSha1) => (
            Reason::HandshakeFailed,
            "the key exchange failed: the device has no group of 2048 bits or more to exchange keys over"
                .to_owned(),
            "name `diffie-hellman-group14-sha1`, or else `diffie-hellman-group1-sha1`, in place of the group \
             exchange",
        ),
        // The group exchange over SHA-256 is offered always, and goes before whatever is named.
        russh::Error::KexInit => (
            Reason::HandshakeFailed,
            "the key exchange failed: the device answered out of turn, or with a group of less than 2048 bits"
                .to_owned(),
            "has the device groups of 2048 bits or more for the group exchange \
             (`ip ssh dh min size 2048`, moduli)? Does OpenSSH's `ssh -v` reach it?",
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
            "has it free lines (VTYs), and is the path stable?",
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

/// Why a session that was logged in, or about to be, ended; `hide` takes out of a text what is not to be shown.
pub(super) fn ended(
    reason: &DisconnectReason<russh::Error>,
    hide: impl Fn(&str) -> String,
) -> Failure {
    if let DisconnectReason::Error(error) = reason
        && let Some(failure) = of_jump(error)
    {
        return failure.clone();
    }
    let (reason, message) = match reason {
        DisconnectReason::ReceivedDisconnect(info) => (
            Reason::ClosedByDevice,
            format!(
                "the device ended the session: \"{}\"",
                excerpt(&hide(&info.message))
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

/// What a device said, without the password of the login.
pub(super) fn without(password: Option<&Imprint>, text: &str) -> String {
    match password {
        Some(password) => password.hide_in(text),
        None => text.to_owned(),
    }
}

/// Why a session ended whose stream broke by `error`; `hide` as above.
pub(super) fn broken(error: &io::Error, hide: impl Fn(&str) -> String) -> Failure {
    if let Some(failure) = of_jump_io(error) {
        return failure.clone();
    }
    Failure {
        reason: Reason::ConnectionLost,
        message: hide(&format!("the connection broke: {error}")),
        hint: None,
    }
}

/// A device that takes a channel and no shell.
pub(super) fn runs_nothing() -> Failure {
    Failure {
        reason: Reason::ChannelRefused,
        message: "the device granted a channel and then refused to run anything on it".into(),
        hint: Some("does the platform's `transport` fit the device?".into()),
    }
}

/// A device that has closed a shell which was to stay.
pub(super) fn shell_closed() -> Failure {
    Failure {
        reason: Reason::ClosedByDevice,
        message: "the device closed the shell".into(),
        hint: Some("is its idle timeout (exec-timeout) shorter than the polling interval?".into()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_is_too_small_is_told_with_a_way_out() {
        for legacy in [vec![], vec![Legacy::GroupExchangeSha1]] {
            let failure = before_login("r1:22", &russh::Error::KexInit, &legacy);
            assert_eq!(failure.reason, Reason::HandshakeFailed);
            assert!(failure.message.contains("2048 bits"), "{failure:?}");
            assert!(failure.hint.unwrap().contains("group"));
        }
    }

    #[test]
    fn what_a_device_says_last_is_cut_after_it_is_hidden() {
        let reason = DisconnectReason::ReceivedDisconnect(russh::client::RemoteDisconnectInfo {
            reason_code: russh::Disconnect::ByApplication,
            message: format!("{} hunter2", "x".repeat(114)),
            lang_tag: String::new(),
        });
        let failure = ended(&reason, |text| text.replace("hunter2", "***"));
        assert!(!failure.message.contains("hunt"), "{failure:?}");
    }
}
