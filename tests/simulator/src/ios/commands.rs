//! The commands there are, as a tree of words; what they do is in the parent module and `show`.

use super::grammar::{Node, Token};

/// What a command line does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Print something.
    Show(Show),
    /// Become privileged.
    Enable,
    /// Become a plain user.
    Disable,
    /// Leave the mode, or the device.
    Leave,
    /// Rows of a page.
    Length,
    /// Columns of the terminal.
    Width,
    /// Enter configuration.
    Configure,
    /// Save the configuration.
    Write,
    /// Leave configuration.
    End,
    /// Name the device.
    Hostname,
    /// Run the rest of the line as outside configuration.
    Do,
    /// Ask before something is done.
    Ask(Question),
}

/// What is asked before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Start again, which ends the session.
    Reload,
    /// Forget what was counted; here nothing is.
    ClearCounters,
    /// Save the configuration under a name.
    Copy,
}

impl Question {
    /// As IOS asks it.
    pub(super) const fn asks(self) -> &'static str {
        match self {
            Self::Reload => "Proceed with reload? [confirm]",
            Self::ClearCounters => "Clear \"show interface\" counters on all interfaces [confirm]",
            Self::Copy => "Destination filename [startup-config]? ",
        }
    }

    /// What was typed to be asked it.
    pub(super) const fn command(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::ClearCounters => "clear counters",
            Self::Copy => "copy running-config startup-config",
        }
    }
}

/// What can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    Clock,
    Interfaces,
    InterfacesDescription,
    IpInterfaceBrief,
    ProcessesCpu,
    ProcessesMemory,
    RunningConfig,
    Users,
    Version,
    /// A text of `answers/cisco_ios`.
    Written(&'static str),
}

const fn keyword(
    keyword: &'static str,
    help: &'static str,
    action: Option<Action>,
    next: &'static [Node],
) -> Node {
    Node {
        token: Token::Keyword(keyword),
        help,
        privileged: false,
        action,
        next,
    }
}

const fn privileged(
    name: &'static str,
    help: &'static str,
    action: Option<Action>,
    next: &'static [Node],
) -> Node {
    Node {
        token: Token::Keyword(name),
        help,
        privileged: true,
        action,
        next,
    }
}

const fn parameter(token: Token, help: &'static str, action: Action) -> Node {
    Node {
        token,
        help,
        privileged: false,
        action: Some(action),
        next: &[],
    }
}

const fn show(name: &'static str, help: &'static str, what: Show) -> Node {
    keyword(name, help, Some(Action::Show(what)), &[])
}

/// Whether `show` is among `nodes`.
pub(super) fn has_shows(nodes: &[Node]) -> bool {
    nodes
        .iter()
        .any(|node| matches!(node.token, Token::Keyword("show")))
}

/// Outside configuration.
pub(super) const EXEC: &[Node] = &[
    privileged(
        "clear",
        "Reset functions",
        None,
        &[keyword(
            "counters",
            "Clear counters on one or all interfaces",
            Some(Action::Ask(Question::ClearCounters)),
            &[],
        )],
    ),
    privileged(
        "configure",
        "Enter configuration mode",
        None,
        &[keyword(
            "terminal",
            "Configure from the terminal",
            Some(Action::Configure),
            &[],
        )],
    ),
    privileged(
        "copy",
        "Copy from one file to another",
        None,
        &[keyword(
            "running-config",
            "Copy from current system configuration",
            None,
            &[keyword(
                "startup-config",
                "Copy to startup configuration",
                Some(Action::Ask(Question::Copy)),
                &[],
            )],
        )],
    ),
    keyword(
        "disable",
        "Turn off privileged commands",
        Some(Action::Disable),
        &[],
    ),
    keyword(
        "enable",
        "Turn on privileged commands",
        Some(Action::Enable),
        &[],
    ),
    keyword("exit", "Exit from the EXEC", Some(Action::Leave), &[]),
    keyword("logout", "Exit from the EXEC", Some(Action::Leave), &[]),
    keyword("quit", "Exit from the EXEC", Some(Action::Leave), &[]),
    privileged(
        "reload",
        "Halt and perform a cold restart",
        Some(Action::Ask(Question::Reload)),
        &[],
    ),
    keyword("show", "Show running system information", None, SHOW),
    keyword(
        "terminal",
        "Set terminal line parameters",
        None,
        &[
            keyword(
                "length",
                "Set number of lines on a screen",
                None,
                &[parameter(
                    Token::Number { limit: 512 },
                    "Number of lines on screen (0 for no pausing)",
                    Action::Length,
                )],
            ),
            keyword(
                "width",
                "Set width of the display terminal",
                None,
                &[parameter(
                    Token::Number { limit: 512 },
                    "Number of characters on a screen line",
                    Action::Width,
                )],
            ),
        ],
    ),
    privileged(
        "write",
        "Write running configuration to memory",
        Some(Action::Write),
        &[keyword(
            "memory",
            "Write to NV memory",
            Some(Action::Write),
            &[],
        )],
    ),
];

const SHOW: &[Node] = &[
    show("clock", "Display the system clock", Show::Clock),
    keyword(
        "interfaces",
        "Interface status and configuration",
        Some(Action::Show(Show::Interfaces)),
        &[
            show(
                "description",
                "Show interface description",
                Show::InterfacesDescription,
            ),
            parameter(
                Token::Interface,
                "Interface name",
                Action::Show(Show::Interfaces),
            ),
        ],
    ),
    keyword(
        "ip",
        "IP information",
        None,
        &[keyword(
            "interface",
            "IP interface status and configuration",
            None,
            &[show(
                "brief",
                "Brief summary of IP status and configuration",
                Show::IpInterfaceBrief,
            )],
        )],
    ),
    keyword(
        "processes",
        "Active process statistics",
        None,
        &[
            show("cpu", "Show CPU use per process", Show::ProcessesCpu),
            show(
                "memory",
                "Show memory use per process",
                Show::ProcessesMemory,
            ),
        ],
    ),
    privileged(
        "running-config",
        "Current operating configuration",
        Some(Action::Show(Show::RunningConfig)),
        &[],
    ),
    show(
        "users",
        "Display information about terminal lines",
        Show::Users,
    ),
    show(
        "version",
        "System hardware and software status",
        Show::Version,
    ),
];

/// In configuration.
pub(super) const CONFIG: &[Node] = &[
    keyword(
        "do",
        "To run exec commands in config mode",
        None,
        &[parameter(Token::Rest, "Exec Command", Action::Do)],
    ),
    keyword("end", "Exit from configure mode", Some(Action::End), &[]),
    keyword("exit", "Exit from configure mode", Some(Action::Leave), &[]),
    keyword(
        "hostname",
        "Set system's network name",
        None,
        &[parameter(
            Token::Word("WORD"),
            "This system's network name",
            Action::Hostname,
        )],
    ),
];
