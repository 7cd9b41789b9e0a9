//! `netwolf agents`: who polls how many devices, how loaded, since when; `drain` lets one leave without a gap,
//! `invite` and `revoke` say who may be one.

use std::{fmt::Write as _, process::ExitCode, thread, time::Duration, time::SystemTime};

use serde_json::Value;

use crate::{
    devices::with_distance,
    http::{escape, segment},
    manager, print, table,
};

/// From one look at an agent that leaves to the next.
const LOOK: Duration = Duration::from_millis(500);

/// What `netwolf agents` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,

    #[command(flatten)]
    manager: manager::Args,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Give an agent's devices to the others, some at a time, and let it end.
    Drain(Drain),
    /// Make a token for an agent to join with, and print how it is started.
    Invite(Invite),
    /// Take an agent's certificates back: its links are closed at once, and it is not let in again.
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
struct Drain {
    /// The agent.
    #[arg(value_name = "NAME")]
    name: String,

    /// Do not wait until it has left.
    #[arg(long)]
    no_wait: bool,

    #[command(flatten)]
    manager: manager::Args,
}

#[derive(Debug, clap::Args)]
struct Invite {
    /// The name that the agent will have; it may then take the place of another one of that name.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// How long the token is good, at most 24h.
    #[arg(long, value_name = "TIME", default_value = "15m")]
    ttl: String,

    #[command(flatten)]
    manager: manager::Args,
}

#[derive(Debug, clap::Args)]
struct Revoke {
    /// The agent.
    #[arg(value_name = "NAME")]
    name: String,

    #[command(flatten)]
    manager: manager::Args,
}

/// 0 when the manager answered, 1 when it did not, or did not know the agent.
pub(crate) fn run(args: &Args) -> ExitCode {
    let done = match &args.verb {
        None => show(&args.manager),
        Some(Verb::Drain(drain)) => drain.run(),
        Some(Verb::Invite(invite)) => invite.run(),
        Some(Verb::Revoke(revoke)) => revoke.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => netwolf_manager::cli::fail(&error),
    }
}

fn show(manager: &manager::Args) -> anyhow::Result<()> {
    let answer = manager.get("/api/v1/agents")?;
    manager.print(&answer, || view(&answer, SystemTime::now()))
}

impl Drain {
    fn run(&self) -> anyhow::Result<()> {
        let Self {
            name,
            no_wait,
            manager,
        } = self;
        let answer = manager.post(&path(name, "drain"))?;
        if !no_wait {
            self.wait()?;
        }
        let word = if *no_wait { "leaves" } else { "has left" };
        manager.print(&answer, || format!("{} {word}\n", print::plain(name)))
    }

    /// Waits until no shard of the agent is linked any more, and says how far it has come.
    fn wait(&self) -> anyhow::Result<()> {
        let mut told = None;
        loop {
            let answer = self.manager.get("/api/v1/agents")?;
            let here = shards(&answer).filter(|shard| shard["agent"] == *self.name);
            let linked: Vec<_> = here.filter(|shard| shard["up"] == true).collect();
            if linked.is_empty() {
                return Ok(());
            }
            let left = linked.iter().filter_map(|shard| shard["devices"].as_u64());
            let left = left.sum::<u64>();
            if told.replace(left) != Some(left) {
                print::tell!("{left} devices left");
            }
            pause();
        }
    }
}

impl Invite {
    fn run(&self) -> anyhow::Result<()> {
        let Self { name, ttl, manager } = self;
        let mut path = format!("/api/v1/invites?ttl={}", escape(ttl));
        if let Some(name) = name {
            write!(path, "&name={}", escape(name))?;
        }
        let answer = manager.post(&path)?;
        manager.print(&answer, || how_to_join(&answer))
    }
}

/// What to type on the agent's machine.
fn how_to_join(answer: &Value) -> String {
    let text = |key: &str| answer[key].as_str().map(print::plain).unwrap_or_default();
    let (token, expires) = (text("token"), text("expires"));
    let name = match answer["name"].as_str() {
        Some(name) => format!(" --name {}", print::plain(name)),
        None => String::new(),
    };
    // The manager knows the address that it listens on, which may be any or one of its own machine.
    let port = text("agents_address");
    let port = port.rsplit_once(':').map_or("9798", |(_, port)| port);
    format!(
        "{token}\n\nGood until {expires}, for one agent. On its machine, as the user that the agent runs as:\n\n  \
         (umask 077; cat > netwolf-join)   # paste the token, then Ctrl-D\n  \
         netwolf agent --manager.address MANAGER:{port}{name} --join file:$PWD/netwolf-join\n\n\
         MANAGER is this manager's host name or address as that machine sees it.\n"
    )
}

impl Revoke {
    fn run(&self) -> anyhow::Result<()> {
        let Self { name, manager } = self;
        let answer = manager.post(&path(name, "revoke"))?;
        let links = usize::try_from(answer["links"].as_u64().unwrap_or(0)).unwrap_or(usize::MAX);
        let (name, links) = (print::plain(name), print::count(links, "link"));
        manager.print(&answer, || {
            format!(
                "{name} is revoked, {links} closed\n`netwolf agents invite --name {name}` makes a token to let it in again\n"
            )
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program that only waits has nothing else to do"
)]
fn pause() {
    thread::sleep(LOOK);
}

/// Where something is done to an agent. A name may hold slashes.
fn path(name: &str, what: &str) -> String {
    format!("/api/v1/agents/{}/{what}", segment(name))
}

fn shards(answer: &Value) -> impl Iterator<Item = &Value> {
    answer["shards"].as_array().into_iter().flatten()
}

fn view(answer: &Value, now: SystemTime) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let count = |value: &Value| value.as_u64().map(|n| n.to_string()).unwrap_or_default();
    let is_linked = |shard: &Value| shard["up"] == true;
    let row = |shard: &Value| {
        // What a lost one told last is past, and others may hold its devices.
        let now_has = |what: String| if is_linked(shard) { what } else { "-".into() };
        let state = match (&shard["up"], &shard["leaving"]) {
            (Value::Bool(true), Value::Bool(true)) => "leaving",
            (Value::Bool(true), _) => "linked",
            _ => "lost",
        };
        let busy = shard["busy_ratio"].as_f64();
        [
            text(&shard["agent"]),
            count(&shard["shard"]),
            text(&shard["site"]),
            state.to_owned(),
            with_distance(shard["linked_since"].as_str().unwrap_or_default(), now),
            now_has(count(&shard["devices"])),
            now_has(count(&shard["sessions"])),
            now_has(
                busy.map(|busy| format!("{:.0} %", busy * 100.0))
                    .unwrap_or_default(),
            ),
            now_has(count(&shard["buffered_polls"])),
            text(&shard["version"]),
            text(&shard["peer"]),
        ]
    };
    let rows: Vec<_> = shards(answer).map(row).collect();
    let mut page = table::render(
        [
            "AGENT", "SHARD", "SITE", "STATE", "SINCE", "DEVICES", "UP", "BUSY", "BUFFERED",
            "VERSION", "FROM",
        ],
        &rows,
    );
    let linked: Vec<_> = shards(answer).filter(|shard| is_linked(shard)).collect();
    let devices = linked.iter().filter_map(|shard| shard["devices"].as_u64());
    let devices = usize::try_from(devices.sum::<u64>()).unwrap_or(usize::MAX);
    let lost = match rows.len() - linked.len() {
        0 => String::new(),
        lost => format!(" ({lost} lost)"),
    };
    let shards = print::count(rows.len(), "shard");
    writeln!(page, "{shards}{lost}, {}", print::count(devices, "device"))
        .expect("a string takes all");
    let certificates = answer["certificates"].as_array().into_iter().flatten();
    let revoked = certificates.filter(|certificate| certificate["revoked"] == true);
    for certificate in revoked {
        writeln!(page, "{} is revoked", text(&certificate["agent"])).expect("a string takes all");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::tests::{assert_somewhere, typed, ways};

    #[test]
    fn where_the_manager_is_stands_before_and_behind_the_verbs() {
        for words in [
            "drain a1 --no-wait",
            "invite --name a1",
            "revoke a1",
            "--output json",
        ] {
            for line in ways("agents", words) {
                let crate::Verb::Agents(args) = typed(&line) else {
                    panic!("{line}")
                };
                let manager = match &args.verb {
                    None => &args.manager,
                    Some(Verb::Drain(drain)) => &drain.manager,
                    Some(Verb::Invite(invite)) => &invite.manager,
                    Some(Verb::Revoke(revoke)) => &revoke.manager,
                };
                assert_somewhere(&manager.reach, &line);
            }
        }
        let line = "netwolf agents --output json drain a1";
        let crate::Verb::Agents(Args {
            verb: Some(Verb::Drain(drain)),
            ..
        }) = typed(line)
        else {
            panic!("{line}")
        };
        assert_eq!(drain.manager.output, manager::Output::Json);
    }

    #[test]
    fn slashes_of_a_name_are_none_of_the_path() {
        assert_eq!(path("ams/a 1", "drain"), "/api/v1/agents/ams%2Fa%201/drain");
    }

    #[test]
    fn shards_are_shown_with_their_load_and_since_when() {
        let answer = serde_json::json!({ "shards": [
            { "agent": "ams-1", "shard": 0, "up": true, "leaving": false, "linked_since": "2026-01-01T00:00:00Z",
              "peer": "127.0.0.1:4000", "version": "0.1.0", "devices": 500, "sessions": 498, "busy_ratio": 0.237,
              "buffered_polls": 0 },
            { "agent": "ams-2", "shard": 0, "site": "ams", "up": true, "leaving": true, "linked_since": "2026-01-01T00:05:00Z",
              "peer": "127.0.0.1:4001", "version": "0.1.0", "devices": 17, "sessions": 17, "busy_ratio": 0.0,
              "buffered_polls": 3 },
            { "agent": "ams-3", "shard": 0, "up": false, "leaving": false, "linked_since": "2026-01-01T00:05:00Z",
              "peer": "127.0.0.1:4002", "version": "0.1.0", "devices": 500, "sessions": 500, "busy_ratio": 0.2,
              "buffered_polls": 3 },
        ], "certificates": [
            { "agent": "ams-1", "expires": "2026-01-02T00:00:00Z", "revoked": false },
            { "agent": "ams-9", "expires": "2026-01-02T00:00:00Z", "revoked": true },
        ]});
        let now = humantime::parse_rfc3339("2026-01-01T00:10:00Z").unwrap();
        assert_eq!(
            view(&answer, now),
            "\
AGENT  SHARD  SITE  STATE    SINCE                           DEVICES  UP   BUSY  BUFFERED  VERSION  FROM
ams-1  0            linked   2026-01-01T00:00:00Z (10m ago)  500      498  24 %  0         0.1.0    127.0.0.1:4000
ams-2  0      ams   leaving  2026-01-01T00:05:00Z (5m ago)   17       17   0 %   3         0.1.0    127.0.0.1:4001
ams-3  0            lost     2026-01-01T00:05:00Z (5m ago)   -        -    -     -         0.1.0    127.0.0.1:4002
3 shards (1 lost), 517 devices
ams-9 is revoked
"
        );
    }

    #[test]
    fn an_invite_comes_with_what_to_type() {
        let answer = serde_json::json!({
            "token": "NW1.a.b.c", "name": "ams-1", "expires": "2026-01-01T00:15:00Z", "agents_address": "0.0.0.0:9798",
        });
        let text = how_to_join(&answer);
        assert!(
            text.starts_with("NW1.a.b.c\n\nGood until 2026-01-01T00:15:00Z"),
            "{text}"
        );
        let command = "  netwolf agent --manager.address MANAGER:9798 --name ams-1 --join file:$PWD/netwolf-join\n";
        assert!(text.contains(command), "{text}");
    }
}
