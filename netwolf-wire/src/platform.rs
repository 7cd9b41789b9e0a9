//! A device family as data: how it prompts, pages and refuses.

use serde::{Deserialize, Serialize};

/// How the machines of one family behave at their command line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// What the inventory calls it: `cisco_ios`.
    pub name: String,
    /// For people: which machines this is.
    #[serde(default)]
    pub description: String,
    /// How commands reach the device.
    pub transport: Transport,
    /// Regular expression for the whole last line when the device waits for a command. It is used only to
    /// learn the literal prompt at login; a shell needs it, exec does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Typed once after login, before the first command: pager off, width.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub setup: Vec<String>,
    /// Pagers that may show up all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pagers: Vec<Pager>,
    /// How to become privileged, where the login alone does not do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable: Option<Enable>,
    /// Regular expressions; a line of output that matches one means that the device refused the command.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
    /// Ends a typed line.
    #[serde(default = "default_newline")]
    pub newline: String,
    /// Sent to stop a command that is past its deadline; Ctrl-C where nothing is said.
    #[serde(default = "default_interrupt")]
    pub interrupt: String,
    /// Columns of the terminal that we ask for, wide so that the device does not wrap what we type.
    #[serde(default = "default_width")]
    pub width: u32,
}

fn default_newline() -> String {
    "\n".into()
}

fn default_interrupt() -> String {
    "\u{3}".into()
}

const fn default_width() -> u32 {
    511
}

/// The two ways in which a device takes commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// An interactive shell that is kept: commands are typed, the prompt ends their output.
    Shell,
    /// An exec channel for each command on a kept connection: the channel's end ends the output.
    Exec,
}

/// A pager: what it shows and what makes it go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pager {
    /// Literal text at the end of what the device sent.
    pub mark: String,
    /// Typed in answer, without a newline.
    pub answer: String,
}

/// How to become privileged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enable {
    /// What to type: `enable`.
    pub command: String,
    /// Regular expression for the end of the question for the password.
    pub password_prompt: String,
    /// The privileged prompt ends so: `#`.
    pub prompt_end: String,
}
