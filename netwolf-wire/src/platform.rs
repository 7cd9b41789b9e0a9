//! A device family as data: how it prompts, pages and refuses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::legacy::Legacy;

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
    /// Regular expressions by mode (`user`, `privileged`, `config`), each for the whole last line when the
    /// device waits for a command in that mode. They are used to learn the literal prompt, at login and when
    /// it has changed; a shell needs one at least, exec none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prompts: BTreeMap<String, String>,
    /// Regular expression for a whole line that some devices print above the prompt and that is no output:
    /// `{master:0}` on Junos, `[/]` on SR OS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<String>,
    /// What the device may ask before its first prompt or while it is set up, and what to answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
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
    /// Beginnings of commands that only read, word by word ([`crate::allow`]): what a run that does not change may type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
    /// Regular expressions for what makes a command write although it begins as one that reads:
    /// `\| *(redirect|tee)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<String>,
    /// Modes that the commands of a run may be typed in, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub modes: BTreeMap<String, Mode>,
    /// Ends a typed line.
    #[serde(default = "default_newline")]
    pub newline: String,
    /// Sent to stop a command that is past its deadline; Ctrl-C where nothing is said.
    #[serde(default = "default_interrupt")]
    pub interrupt: String,
    /// Columns of the terminal that we ask for, wide so that the device does not wrap what we type.
    #[serde(default = "default_width")]
    pub width: u32,
    /// Name of the terminal that we ask for: a device may redraw lines for one that it takes for clever.
    #[serde(default = "default_terminal")]
    pub terminal: String,
    /// How an idle session is kept.
    #[serde(default)]
    pub keepalive: Keepalive,
    /// Which SSH client logs in.
    #[serde(default)]
    pub ssh_client: SshClient,
    /// What the devices are known to allow.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// Algorithms that all devices of the platform need and that are off otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legacy: Vec<Legacy>,
    /// Ways to make an account that may do no more than it must. For people: agents have no use for them, so they
    /// do not cross the wire.
    #[serde(default, skip_serializing)]
    pub privileges: Vec<Privilege>,
}

impl Platform {
    /// A platform of which nothing else is said.
    pub fn new(name: impl Into<String>, transport: Transport) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            transport,
            prompts: BTreeMap::new(),
            above: None,
            questions: Vec::new(),
            setup: Vec::new(),
            pagers: Vec::new(),
            enable: None,
            failures: Vec::new(),
            reads: Vec::new(),
            writes: Vec::new(),
            modes: BTreeMap::new(),
            newline: default_newline(),
            interrupt: default_interrupt(),
            width: default_width(),
            terminal: default_terminal(),
            keepalive: Keepalive::default(),
            ssh_client: SshClient::default(),
            limits: Limits::default(),
            legacy: Vec::new(),
            privileges: Vec::new(),
        }
    }
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

fn default_terminal() -> String {
    "vt100".into()
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

/// A question of the device, and our answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Regular expression for the end of what the device sent: `Press any key to continue`.
    pub ask: String,
    /// Typed as it is; a newline only where it has one. Nobody is answered where there is no answer: the
    /// login then fails, and says that a person must decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// How an idle session is kept alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keepalive {
    /// A question at the level of SSH, which the device answers without its command line.
    #[default]
    Ssh,
    /// An empty line: for devices that mistake the question of SSH, or whose `exec-timeout` only typing stops.
    Newline,
    /// Nothing: TCP alone notices a dead path.
    None,
}

/// Which SSH client logs in to a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SshClient {
    /// The lean one where the device offers what it does, and otherwise the general one.
    #[default]
    Lean,
    /// The general one always.
    General,
}

/// What devices are known to allow. Nothing means that no limit is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Logins a minute; we stay below on each device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logins_per_minute: Option<u32>,
    /// Sessions at a time, all users together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sessions: Option<u32>,
}

impl Limits {
    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A mode that commands are typed in: entered before them, and left behind them on every path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mode {
    /// Typed to enter it, from where polls are typed: `configure terminal`.
    pub enter: Vec<String>,
    /// Typed to leave it, from wherever in it the commands have led: `end`. What has not been committed is given up
    /// where the device has such a thing.
    pub leave: Vec<String>,
    /// Regular expression for the whole last line in the mode, where none of the platform's `prompts` says it. A
    /// device that shows another prompt after `enter` is not in the mode, and nothing more is typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
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

/// One way to make an account that may do no more than it must, in the device's own words: `before`, `each` for every
/// command of the collectors, `after`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privilege {
    /// What the device calls it: `parser view`.
    pub name: String,
    /// One sentence: what the account may do then, and what else it takes.
    pub effect: String,
    /// What stands before the commands; all of it where they make no difference.
    pub before: String,
    /// What stands for each command, with places such as `${command}` that the command fills.
    #[serde(default)]
    pub each: Option<String>,
    /// Between two of them; a line of its own for each where nothing is said.
    #[serde(default)]
    pub between: Option<String>,
    /// What stands behind the commands.
    #[serde(default)]
    pub after: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_for_people_do_not_cross_the_wire() {
        let mut platform = Platform::new("lab_os", Transport::Exec);
        let plain = serde_json::to_string(&platform).unwrap();
        platform.privileges.push(Privilege {
            name: "role".into(),
            effect: "It may look.".into(),
            before: "role netwolf\n".into(),
            each: None,
            between: None,
            after: String::new(),
        });
        assert_eq!(serde_json::to_string(&platform).unwrap(), plain);
        let arrived: Platform = serde_json::from_str(&plain).unwrap();
        assert_eq!(arrived.privileges, []);
    }
}
