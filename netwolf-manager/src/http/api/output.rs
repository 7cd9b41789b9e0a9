//! `/api/v1/devices/{name}/output`: what the device's commands answer, run on its live session for whoever asks.
//!
//! Agents take passwords and keys out of outputs before they send them. No command but those that are polled
//! anyway can be named, so nothing is done to a device that is not done to it all the time.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use netwolf_wire::{
    message::ShownOutput,
    status::{Failure, SessionState},
};
use serde::{Deserialize, Serialize};
use tokio::{sync::oneshot, time::timeout};

use super::{Problem, time};
use crate::{
    board::DeviceSlot,
    core::{
        Event,
        shows::{ShowError, ShowRequest},
    },
    exposition::{accept, put},
    http::list,
    state::State,
};

/// A request is answered by then: more than the timeout of a command.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// What may be asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Wanted {
    /// One command; all of the device's where it is left out.
    pub command: Option<String>,
}

/// `/api/v1/devices/{name}/output`.
#[derive(Clone, Debug, Serialize)]
pub struct Outputs {
    /// The device.
    pub device: String,
    /// One for each command.
    pub outputs: Vec<Output>,
}

/// What a command answered.
#[derive(Clone, Debug, Serialize)]
pub struct Output {
    /// As it is typed.
    pub command: String,
    /// When the output was whole, by the agent's clock.
    pub at: String,
    /// How long it took.
    pub seconds: f64,
    /// The output, with passwords and keys taken out.
    pub text: String,
    /// Its end is missing.
    pub truncated: bool,
    /// Why there is none, or none that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl From<ShownOutput> for Output {
    fn from(shown: ShownOutput) -> Self {
        Self {
            command: shown.command,
            at: time(shown.unix_ms),
            seconds: shown.took.get().as_secs_f64(),
            text: shown.text,
            truncated: shown.truncated,
            failure: shown.failure,
        }
    }
}

/// Asks the device.
pub(super) async fn answer(
    state: &State,
    slot: &DeviceSlot,
    wanted: Wanted,
    headers: &HeaderMap,
) -> Response {
    let name = &slot.name;
    if let Some(command) = &wanted.command {
        let commands = slot.commands();
        if !commands.contains(command) {
            return Problem::new(format!("{command:?} is no command of {name}"))
                .hint(format!("its commands are {}", quoted(&commands)))
                .with(StatusCode::NOT_FOUND);
        }
    }
    let down = slot.inspect(state.clock.now(), |view| {
        let is_up = view.status.is_some_and(|s| s.state == SessionState::Up);
        (!is_up || view.shard.is_none()).then(|| view.state())
    });
    if let Some(state) = down {
        return not_up(name.as_str(), state);
    }
    let (answer, answered) = oneshot::channel();
    let request = ShowRequest {
        device: name.clone(),
        command: wanted.command,
        answer,
    };
    let asking = async {
        state.core.send(Event::Show(request)).await.ok()?;
        answered.await.ok()
    };
    let outputs = match timeout(DEADLINE, asking).await {
        Ok(Some(Ok(outputs))) if outputs.is_empty() => {
            return not_up(name.as_str(), "it has just ended");
        }
        Ok(Some(Ok(outputs))) => outputs,
        Ok(Some(Err(ShowError::NoAgent))) => return not_up(name.as_str(), "unassigned"),
        Ok(Some(Err(error @ (ShowError::Lost | ShowError::Busy)))) => {
            return Problem::new(error.to_string())
                .hint("ask again in some seconds")
                .with(StatusCode::SERVICE_UNAVAILABLE);
        }
        Ok(None) => {
            return Problem::new("the manager is shutting down")
                .with(StatusCode::SERVICE_UNAVAILABLE);
        }
        Err(_) => {
            let seconds = DEADLINE.as_secs();
            return Problem::new(format!("{name} did not answer within {seconds} s"))
                .hint(
                    "the device or one of its commands is slow; name a single one with `?command=`",
                )
                .with(StatusCode::GATEWAY_TIMEOUT);
        }
    };
    let accept = list(headers, header::ACCEPT);
    if accept::text_over_json(accept.as_deref()) {
        return (ABOUT, plain(outputs)).into_response();
    }
    let outputs = Outputs {
        device: name.to_string(),
        outputs: outputs.into_iter().map(Output::from).collect(),
    };
    (ABOUT, Json(outputs)).into_response()
}

/// It is different at every moment, and it is nothing but what it says it is.
const ABOUT: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::VARY, "Accept"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// The outputs as the device sent them; several with the command before each, as `tail` names files.
fn plain(outputs: Vec<ShownOutput>) -> String {
    let are_several = outputs.len() > 1;
    let mut text = String::new();
    for (no, output) in outputs.into_iter().enumerate() {
        if are_several {
            let gap = if no == 0 { "" } else { "\n" };
            put(&mut text, format_args!("{gap}==> {} <==\n", output.command));
        }
        text.push_str(&output.text);
        if !output.text.is_empty() && !output.text.ends_with('\n') {
            text.push('\n');
        }
        if output.truncated {
            text.push_str("[the rest is left out]\n");
        }
        if let Some(failure) = output.failure {
            put(&mut text, format_args!("[{}]\n", failure.message));
        }
    }
    text
}

fn not_up(name: &str, state: &str) -> Response {
    Problem::new(format!("the session of {name} is not up: {state}"))
        .hint(format!("/api/v1/devices/{name} tells why"))
        .with(StatusCode::CONFLICT)
}

fn quoted(commands: &[String]) -> String {
    let quoted: Vec<_> = commands.iter().map(|c| format!("{c:?}")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use netwolf_wire::Span;

    use super::*;

    #[test]
    fn plain_outputs_are_as_the_device_sent_them() {
        let output = |command: &str, text: &str| ShownOutput {
            command: command.into(),
            unix_ms: 0,
            took: Span::from_secs(1),
            text: text.into(),
            truncated: false,
            failure: None,
        };
        assert_eq!(plain(vec![output("show clock", "12:00")]), "12:00\n");
        let cut = ShownOutput {
            truncated: true,
            ..output("show log", "a\n")
        };
        assert_eq!(
            plain(vec![output("show clock", "12:00\n"), cut]),
            "==> show clock <==\n12:00\n\n==> show log <==\na\n[the rest is left out]\n"
        );
    }
}
