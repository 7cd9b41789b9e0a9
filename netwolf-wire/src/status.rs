//! What an agent tells of a device: its session's state, and the commands that do not do as they should.
//!
//! Sent when it changes, never on a timer: a fleet that is well is silent.

use serde::{Deserialize, Serialize};

use crate::{DeviceName, Epoch};

/// The state of one device's session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// Which device.
    pub device: DeviceName,
    /// Under which lease.
    pub epoch: Epoch,
    /// Where the session stands.
    pub state: SessionState,
    /// Since when it has stood there, Unix time in milliseconds.
    pub since_ms: u64,
    /// The last failure, kept until the session is up again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Logins that failed in a row.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// When the next login is due, Unix time in milliseconds; only in backoff, and not while a breaker is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_ms: Option<u64>,
    /// How long the last login took, from TCP connect to the first prompt, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_seconds: Option<f64>,
    /// Commands whose last poll failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failing: Vec<FailingCommand>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// TCP, key exchange and login are under way.
    Connecting,
    /// Logged in; commands are run.
    Up,
    /// The device has ended it because nothing was to be done for long; it is logged in to again in time for the
    /// next command. The device is well.
    Idle,
    /// Waits before it tries again.
    Backoff,
}

impl SessionState {
    /// Whether the device is well: polled, or not to be polled yet.
    pub const fn is_well(self) -> bool {
        matches!(self, Self::Up | Self::Idle)
    }
}

impl SessionState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Connecting, Self::Up, Self::Idle, Self::Backoff];

    /// As a label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Up => "up",
            Self::Idle => "idle",
            Self::Backoff => "backoff",
        }
    }
}

/// A failure in a form for machines and a form for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Bounded, for metrics.
    pub reason: Reason,
    /// What happened, in words.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A command whose last poll failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailingCommand {
    /// The command as typed.
    pub command: String,
    /// Why.
    pub failure: Failure,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// Why a session ended or a poll failed: a closed set, because each becomes a label value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Reason {
            $($(#[$doc])* $variant,)+
            /// A reason that this version does not know.
            #[serde(other)]
            Other,
        }

        impl Reason {
            /// All that this version knows by name.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// As a label value.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other => "other",
                }
            }
        }
    };
}

reasons! {
    /// No agent has the device; the manager says so, never an agent.
    NoAgent = "no_agent",
    /// The name does not resolve.
    UnknownHost = "unknown_host",
    /// The port is closed.
    Refused = "refused",
    /// No route, or the network says no.
    Unreachable = "unreachable",
    /// TCP did not come up in time.
    ConnectTimeout = "connect_timeout",
    /// TCP is up, but the SSH greeting or key exchange did not finish in time.
    HandshakeTimeout = "handshake_timeout",
    /// No common algorithm, or not an SSH server.
    HandshakeFailed = "handshake_failed",
    /// The device's key is not the one that was pinned or known.
    HostKeyMismatch = "host_key_mismatch",
    /// Nobody vouches for the device's key.
    HostKeyUnknown = "host_key_unknown",
    /// The agent has no file descriptor for another session.
    NoDescriptor = "no_descriptor",
    /// A secret could not be read on the agent's machine.
    SecretUnavailable = "secret_unavailable",
    /// The device did not take the credential.
    AuthFailed = "auth_failed",
    /// Others were refused with this credential: it is not tried lest the account be locked.
    CredentialHeld = "credential_held",
    /// The device wants a new password before it goes on.
    PasswordChange = "password_change",
    /// The jump host was not reached, did not let us in, or did not open the way.
    JumpFailed = "jump_failed",
    /// Authentication did not finish in time.
    LoginTimeout = "login_timeout",
    /// No channel was granted.
    ChannelRefused = "channel_refused",
    /// Logged in, but no prompt was recognised in time.
    NoPrompt = "no_prompt",
    /// The device did not let us become privileged.
    EnableFailed = "enable_failed",
    /// The device closed the session.
    ClosedByDevice = "closed_by_device",
    /// The session had reached its greatest age and is made anew.
    MaxAge = "max_age",
    /// The connection broke.
    ConnectionLost = "connection_lost",
    /// The output was not whole in time.
    CommandTimeout = "command_timeout",
    /// The device refused the command.
    CommandRejected = "command_rejected",
    /// The output was longer than the bound and was cut.
    OutputTruncated = "output_truncated",
    /// A rule found nothing that it could read in the output.
    ParseFailed = "parse_failed",
    /// The rule, the command or the device has more series than it may have; the rest is left out.
    TooManySeries = "too_many_series",
    /// A command of a step may not be typed: its credential, its platform or the agent does not allow it.
    NotAllowed = "not_allowed",
    /// A command's output is not what the step expects.
    UnexpectedOutput = "unexpected_output",
    /// The device asked something that the step has no answer to.
    UnansweredQuestion = "unanswered_question",
    /// A step's mode was not entered, or not left.
    ModeFailed = "mode_failed",
    /// The step was not done in its time.
    StepDeadline = "step_deadline",
    /// The step's lease or its link was lost before it was done, and nothing more is typed.
    Fenced = "fenced",
    /// The step was cancelled.
    Cancelled = "cancelled",
    /// The shard holds as many steps as it may.
    TooManySteps = "too_many_steps",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_the_same_word_in_labels_and_on_the_wire() {
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }

    #[test]
    fn a_reason_of_a_later_version_is_other() {
        assert_eq!(
            serde_json::from_str::<Reason>("\"solar_flare\"").unwrap(),
            Reason::Other
        );
    }
}
