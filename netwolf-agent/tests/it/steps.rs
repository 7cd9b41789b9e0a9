//! Steps of runs on simulated devices: on the session of the polls, in modes, with answers; in trouble beside.

use std::{collections::BTreeMap, sync::Arc};

use netwolf_agent::AgentHandle;
use netwolf_simulator::{DeviceHandle, Fleet, FleetConfig, Manner};
use netwolf_wire::{
    Epoch, Span,
    job::Command,
    message::{Steps, StepsHeard},
    platform::{Mode, Platform, Transport},
    status::Reason,
    step::{Attempt, CommandDone, RunId, StepAnswer, StepCommand, StepEnd, StepNews, StepOrder},
    target::Login,
};

use crate::support::*;

mod bounds;
mod platforms;
mod retelling;
mod trouble;

/// A device with a session that is up, polled by the agent under test.
struct Scene {
    fleet: Fleet,
    files: Files,
    manager: Manager,
    agent: AgentHandle,
    link: Link,
    epoch: Epoch,
}

/// IOS with the modes and prompts of the bundled platform.
fn routers() -> Platform {
    let prompts = [
        ("user", r"\A[0-9A-Za-z_-]+> ?\z"),
        ("privileged", r"\A[0-9A-Za-z_-]+# ?\z"),
        ("config", r"\A[0-9A-Za-z_-]+\([-a-z]+\)# ?\z"),
    ];
    Platform {
        prompts: prompts
            .map(|(name, prompt)| (name.into(), prompt.into()))
            .into(),
        reads: vec!["show".into()],
        writes: vec![r"^[^|]*\|\s*[art]".into()],
        modes: [(
            "config".into(),
            Mode {
                enter: vec!["configure terminal".into()],
                leave: vec!["end".into()],
                prompt: None,
            },
        )]
        .into(),
        ..ios()
    }
}

/// Junos, whose commands run on channels of their own.
fn junos() -> Platform {
    let prompts = [
        ("user", r"\A[-0-9A-Za-z_.]+@[-0-9A-Za-z_.]+> ?\z"),
        ("config", r"\A[-0-9A-Za-z_.]+@[-0-9A-Za-z_.]+# ?\z"),
    ];
    Platform {
        prompts: prompts
            .map(|(name, prompt)| (name.into(), prompt.into()))
            .into(),
        above: Some(r"\A\{master:0\}(?:\[edit[^\n]*\])?\z".into()),
        setup: vec!["set cli screen-length 0".into()],
        failures: vec![r"^unknown command\.?".into(), "^syntax error".into()],
        reads: vec!["show".into()],
        modes: [(
            "config".into(),
            Mode {
                enter: vec!["configure exclusive".into()],
                leave: vec![
                    "top".into(),
                    "rollback".into(),
                    "exit configuration-mode".into(),
                ],
                prompt: None,
            },
        )]
        .into(),
        ..Platform::new("juniper_junos", Transport::Exec)
    }
}

impl Scene {
    async fn new(
        manner: Manner,
        platform: Platform,
        commands: Vec<Command>,
        allow: &[&str],
    ) -> Self {
        let mut config = FleetConfig::new(1, USER, PASSWORD);
        config.manner = manner;
        config.privileged = true;
        config.remembers = true;
        let fleet = Fleet::start(config).await.unwrap();
        let (files, mut manager) = (Files::new(), Manager::start().await);
        let agent = manager.agent("a1");
        let mut link = manager.welcome().await;
        let plan = plan(platform, commands);
        let device = &fleet.devices()[0];
        let mut target = target(device, &files);
        target.login.allow = allow.iter().copied().map(Into::into).collect();
        let lease = manager.lease(device.name(), target, &plan);
        let epoch = lease.epoch;
        link.plan(&plan).await;
        link.assign(vec![lease]).await;
        let name = device.name().to_owned();
        link.until("the first poll", |world| world.polls(&name) > 0)
            .await;
        Self {
            fleet,
            files,
            manager,
            agent,
            link,
            epoch,
        }
    }

    async fn routers(interval_ms: u64, allow: &[&str]) -> Self {
        Self::new(
            Manner::CiscoIos,
            routers(),
            vec![cpu_command(interval_ms)],
            allow,
        )
        .await
    }

    /// The link breaks, and the agent makes the next one.
    async fn relinked(mut self) -> Self {
        drop(self.link);
        self.link = self.manager.welcome().await;
        self
    }

    fn device(&self) -> &DeviceHandle {
        &self.fleet.devices()[0]
    }

    fn order(&self, step: u32, commands: &[StepCommand]) -> StepOrder {
        StepOrder {
            id: Attempt {
                run: RunId(7),
                step,
                attempt: 1,
            },
            device: name(self.device().name()),
            epoch: self.epoch,
            mode: None,
            commands: commands.to_vec(),
            verify: None,
            changes: false,
            login: None,
            deadline: Span::from_secs(50),
        }
    }

    async fn send(&mut self, steps: Vec<StepOrder>) {
        self.link.send(Steps { steps }).await;
    }

    /// What has happened to a step so far.
    fn news(&self, step: u32) -> Vec<StepNews> {
        news(&self.link.world, step)
    }

    async fn until_started(&mut self, step: u32) {
        self.link
            .until("the step to start", move |world| {
                news(world, step).contains(&StepNews::Started)
            })
            .await;
    }

    /// Waits for the end of a step, and tells it with what its commands brought.
    async fn end(&mut self, step: u32) -> (StepEnd, Vec<CommandDone>) {
        self.link
            .until("the step's end", move |world| {
                matches!(news(world, step).last(), Some(StepNews::Ended(_)))
            })
            .await;
        let mut commands = Vec::new();
        for news in self.news(step) {
            match news {
                StepNews::Command(done) => commands.push(done),
                StepNews::Ended(end) => return (end, commands),
                StepNews::Accepted | StepNews::Started | StepNews::Mode(_) => {}
            }
        }
        panic!("it has ended")
    }

    async fn run(&mut self, order: StepOrder) -> (StepEnd, Vec<CommandDone>) {
        let step = order.id.step;
        self.send(vec![order]).await;
        self.end(step).await
    }

    /// Polls go on.
    async fn until_polled_again(&mut self) {
        let device = self.device().name().to_owned();
        let polls = self.link.world.polls(&device);
        self.link
            .until("the next polls", move |world| {
                world.polls(&device) >= polls + 2
            })
            .await;
    }
}

fn news(world: &World, step: u32) -> Vec<StepNews> {
    let events = world.events.iter();
    let of_step = events.filter(|event| event.id.step == step);
    of_step.map(|event| event.what.clone()).collect()
}

fn typed(text: &str) -> StepCommand {
    StepCommand {
        text: text.into(),
        timeout: Span::from_secs(20),
        expect: Vec::new(),
        reject: Vec::new(),
        answers: Vec::new(),
    }
}

fn expecting(text: &str, expect: &str) -> StepCommand {
    StepCommand {
        expect: vec![expect.into()],
        ..typed(text)
    }
}

fn answering(text: &str, ask: &str, answer: &str, bare: bool) -> StepCommand {
    StepCommand {
        answers: vec![StepAnswer {
            ask: ask.into(),
            answer: answer.into(),
            bare,
        }],
        ..typed(text)
    }
}

fn sha256(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let hex = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    hex.collect()
}

/// The lines that have entered and left modes, each with why it did not do so.
fn mode_lines(news: &[StepNews]) -> Vec<(u32, &str, Option<Reason>)> {
    let lines = news.iter().filter_map(|news| match news {
        StepNews::Mode(line) => {
            let reason = line.failure.as_ref().map(|failure| failure.reason);
            Some((line.no, line.text.as_str(), reason))
        }
        _ => None,
    });
    lines.collect()
}

#[track_caller]
fn reason(end: &StepEnd) -> Reason {
    match end {
        StepEnd::Failed(failure)
        | StepEnd::TimedOut(failure)
        | StepEnd::NotRun(failure)
        | StepEnd::Unknown(failure) => failure.reason,
        StepEnd::Succeeded | StepEnd::Cancelled => panic!("{end:?}"),
    }
}

#[tokio::test]
async fn a_step_runs_between_the_polls_and_on_their_session() {
    let mut scene = Scene::routers(200, &[]).await;
    let order = scene.order(
        0,
        &[
            expecting("show version", "(?m)^Cisco IOS"),
            typed("show clock"),
        ],
    );
    let id = order.id;
    let (end, commands) = scene.run(order.clone()).await;
    assert_eq!(end, StepEnd::Succeeded);
    assert_eq!(
        scene.news(0)[..2],
        [StepNews::Accepted, StepNews::Started],
        "told before anything is typed"
    );
    let told: Vec<_> = commands
        .iter()
        .map(|done| (done.index, done.truncated))
        .collect();
    assert_eq!(told, [(0, false), (1, false)]);
    assert!(
        commands[0].text.starts_with("Cisco IOS Software"),
        "{commands:?}"
    );
    assert!(
        commands[0].text.contains("sim-0001 uptime is"),
        "{commands:?}"
    );
    assert!(
        commands
            .iter()
            .all(|done| done.sha256 == sha256(&done.text) && done.failure.is_none())
    );
    assert_ne!(commands[0].sha256, commands[1].sha256);
    // The same sending again is the same step.
    scene.send(vec![order]).await;
    scene.until_polled_again().await;
    assert_eq!(scene.device().times_ran("show version"), 1);
    assert_eq!(scene.device().logins(), 1);
    scene.link.send(StepsHeard { steps: vec![id] }).await;
    scene
        .link
        .until("the step to be forgotten", |world| {
            world.stats.steps_held == 0 && world.stats.steps == 1
        })
        .await;
    // What does not read, or is not expected, is told.
    let (end, _) = scene.run(scene.order(1, &[typed("clear counters")])).await;
    assert!(
        matches!(end, StepEnd::NotRun(_)) && reason(&end) == Reason::NotAllowed,
        "{end:?}"
    );
    let (end, commands) = scene
        .run(scene.order(
            2,
            &[
                expecting("show clock", "^no such text"),
                typed("show users"),
            ],
        ))
        .await;
    assert_eq!(reason(&end), Reason::UnexpectedOutput);
    assert_eq!(
        (commands.len(), scene.device().times_ran("show users")),
        (1, 0)
    );
    let (end, _) = scene.run(scene.order(3, &[typed("show nonsense")])).await;
    assert_eq!(reason(&end), Reason::CommandRejected);
    scene.until_polled_again().await;
    assert_eq!(scene.device().logins(), 1);
    assert_eq!(scene.link.world.stats.disconnects, BTreeMap::new());
    scene.agent.shutdown().await;
}

#[tokio::test]
async fn a_mode_is_entered_and_left_and_what_was_done_is_verified() {
    let mut scene = Scene::routers(200, &["show", "configure terminal", "ntp", "hostname"]).await;
    let ntp = "ntp server 192.0.2.1";
    let mut order = scene.order(0, &[typed(ntp)]);
    order.changes = true;
    order.mode = Some("config".into());
    order.verify = Some(expecting(
        "show running-config | include ntp",
        "(?m)^ntp server 192.0.2.1$",
    ));
    let (end, commands) = scene.run(order.clone()).await;
    assert_eq!(end, StepEnd::Succeeded, "{commands:?}");
    assert_eq!(commands.len(), 2);
    assert_eq!((commands[1].index, commands[1].text.trim()), (1, ntp));
    assert_eq!(scene.device().configuration(), [ntp]);
    let news = scene.news(0);
    let kinds: Vec<_> = news
        .iter()
        .map(|news| match news {
            StepNews::Accepted => "accepted",
            StepNews::Started => "started",
            StepNews::Mode(_) => "mode",
            StepNews::Command(_) => "command",
            StepNews::Ended(_) => "ended",
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "accepted", "started", "mode", "command", "mode", "command", "ended"
        ]
    );
    assert_eq!(
        mode_lines(&news),
        [(0, "configure terminal", None), (1, "end", None)]
    );

    // A failure in the mode leaves it all the same, and nothing is verified then.
    order.id.step = 1;
    let mut refused = typed("ntp server 192.0.2.2");
    refused.expect = vec!["what it does not say".into()];
    order.commands = vec![refused, typed("ntp server 192.0.2.3")];
    let (end, commands) = scene.run(order.clone()).await;
    assert_eq!(
        (reason(&end), commands.len()),
        (Reason::UnexpectedOutput, 1)
    );
    assert_eq!(scene.device().times_ran("end"), 2);
    assert_eq!(scene.device().times_ran("ntp server 192.0.2.3"), 0);

    // A new name is a new prompt of the same mode.
    order.id.step = 2;
    order.commands = vec![typed("hostname renamed")];
    order.verify = Some(expecting(
        "show running-config | include hostname",
        "renamed",
    ));
    let (end, commands) = scene.run(order.clone()).await;
    assert_eq!(end, StepEnd::Succeeded, "{commands:?}");

    // A verify-only attempt types nothing else.
    order.id = Attempt {
        attempt: 2,
        step: 3,
        ..order.id
    };
    order.mode = None;
    order.changes = false;
    order.commands = Vec::new();
    let (end, commands) = scene.run(order).await;
    assert_eq!(
        (end, commands.len(), commands[0].index),
        (StepEnd::Succeeded, 1, 0)
    );
    scene.until_polled_again().await;
    assert_eq!(scene.device().logins(), 1);
    scene.agent.shutdown().await;
}

/// Whoever may run commands and look at hashes must not find out by them what transcripts do not show.
#[tokio::test]
async fn what_is_not_shown_is_neither_in_the_hash_nor_expected() {
    let mut scene = Scene::routers(200, &["show", "configure terminal", "snmp-server"]).await;
    let mut order = scene.order(0, &[typed("snmp-server community hunter2 ro")]);
    order.changes = true;
    order.mode = Some("config".into());
    assert_eq!(scene.run(order).await.0, StepEnd::Succeeded);

    let show = "show running-config | include snmp";
    let (end, commands) = scene
        .run(scene.order(
            1,
            &[expecting(show, "(?m)^snmp-server community <removed>")],
        ))
        .await;
    assert_eq!(end, StepEnd::Succeeded, "{commands:?}");
    assert!(!commands[0].text.contains("hunter2"), "{commands:?}");
    assert_eq!(commands[0].sha256, sha256(&commands[0].text));

    let (end, _) = scene
        .run(scene.order(2, &[expecting(show, "hunter2")]))
        .await;
    assert_eq!(reason(&end), Reason::UnexpectedOutput);
    let mut guess = typed(show);
    guess.reject = vec!["hunter2".into()];
    let (end, _) = scene.run(scene.order(3, &[guess])).await;
    assert_eq!(end, StepEnd::Succeeded);
    scene.agent.shutdown().await;
}

#[tokio::test]
async fn what_a_device_asks_is_answered_and_what_has_no_answer_is_stopped() {
    // An answer is held to what the credential may type, too.
    let allow = [
        "clear counters",
        "copy running-config",
        "startup-config",
        "show",
    ];
    let mut scene = Scene::routers(200, &allow).await;
    let confirm = r"\[confirm\]$";
    let copy = "copy running-config startup-config";
    let mut order = scene.order(
        0,
        &[
            answering("clear counters", confirm, "y", true),
            answering("clear counters", confirm, "", false),
            answering(copy, r"filename \[[^\]]+\]\? ?", "", false),
            answering(copy, r"filename \[[^\]]+\]\? ?", "startup-config", false),
        ],
    );
    order.changes = true;
    let (end, commands) = scene.run(order).await;
    assert_eq!(end, StepEnd::Succeeded, "{commands:?}");
    assert!(
        commands[0].text.contains("[confirm]"),
        "what was asked is kept: {commands:?}"
    );
    assert!(commands[3].text.contains("[OK]"), "{commands:?}");
    let answered: Vec<_> = commands.iter().map(|done| &done.answered[..]).collect();
    assert_eq!(answered, [["y"], [""], [""], ["startup-config"]]);
    assert_eq!(scene.device().times_ran("clear counters (confirmed)"), 2);
    assert_eq!(scene.device().times_ran(&format!("{copy} (confirmed)")), 2);

    let unanswered = StepCommand {
        timeout: Span::from_millis(800),
        ..typed("clear counters")
    };
    let mut order = scene.order(1, &[unanswered, typed("show clock")]);
    order.changes = true;
    let (end, commands) = scene.run(order).await;
    assert!(matches!(end, StepEnd::TimedOut(_)), "{end:?}");
    assert_eq!(
        (reason(&end), commands.len()),
        (Reason::UnansweredQuestion, 1)
    );
    assert!(commands[0].answered.is_empty() && commands[0].sha256.is_empty());
    assert_eq!(scene.device().times_ran("clear counters (confirmed)"), 2);
    scene.until_polled_again().await;
    assert_eq!(scene.device().logins(), 1);
    scene.agent.shutdown().await;
}

#[tokio::test]
async fn a_step_with_a_credential_of_its_own_logs_in_beside_the_polls() {
    let mut scene = Scene::routers(200, &["show"]).await;
    let own = Login {
        username: USER.into(),
        password: Some(scene.files.secret("password")),
        ..Login::named("changer")
    };
    let mut order = scene.order(0, &[typed("ntp server 192.0.2.1")]);
    order.changes = true;
    order.mode = Some("config".into());
    order.login = Some(own.clone());
    order.verify = Some(expecting("show running-config | include ntp", "192.0.2.1"));
    let (end, commands) = scene.run(order.clone()).await;
    assert_eq!(end, StepEnd::Succeeded, "{commands:?}");
    let device = scene.device().clone();
    assert_eq!(device.logins(), 2);
    eventually("its session to be closed", || device.sessions() == 1).await;
    let asked = scene.link.world.asks.iter();
    assert_eq!(asked.filter(|ask| ask.credential == "changer").count(), 1);
    let ended = scene.link.world.ended.iter();
    assert_eq!(
        ended.filter(|ended| ended.credential == "changer").count(),
        1
    );
    // A password that is wrong types nothing, and the polls do not suffer.
    scene.files.write("wrong", "incorrect horse");
    order.id.step = 1;
    order.login = Some(Login {
        password: Some(scene.files.secret("wrong")),
        ..own
    });
    let (end, commands) = scene.run(order).await;
    assert!(matches!(end, StepEnd::NotRun(_)), "{end:?}");
    assert_eq!((reason(&end), commands.len()), (Reason::AuthFailed, 0));
    assert!(!scene.news(1).contains(&StepNews::Started));
    scene.until_polled_again().await;
    assert_eq!((device.logins(), device.login_failures()), (2, 1));
    scene.agent.shutdown().await;
}

#[tokio::test]
async fn where_only_one_session_may_stand_the_polls_give_theirs_up() {
    let mut scene = Scene::routers(200, &[]).await;
    // The same device under a lease of which no two sessions may stand.
    let (device, plan) = (
        scene.device().clone(),
        plan(routers(), vec![cpu_command(200)]),
    );
    let target = target(&device, &scene.files);
    let mut lease = scene.manager.lease(device.name(), target, &plan);
    Arc::make_mut(&mut lease.job).exclusive = true;
    scene.epoch = lease.epoch;
    scene.link.assign(vec![lease]).await;
    let mut order = scene.order(0, &[typed("ntp server 192.0.2.1")]);
    order.changes = true;
    order.mode = Some("config".into());
    order.login = Some(Login {
        username: USER.into(),
        password: Some(scene.files.secret("password")),
        ..Login::named("changer")
    });
    let (end, commands) = scene.run(order).await;
    assert_eq!(end, StepEnd::Succeeded, "{commands:?}");
    scene.until_polled_again().await;
    assert_eq!(device.logins(), 3, "polls, the step, polls again");
    eventually("one session", || device.sessions() == 1).await;
    scene.agent.shutdown().await;
}

#[tokio::test]
async fn a_platform_with_channels_runs_steps_on_them_and_modes_in_a_shell() {
    let poll = command("show system uptime | display xml", 200, 5000, Vec::new());
    let mut scene = Scene::new(
        Manner::JuniperJunos,
        junos(),
        vec![poll],
        &["show", "configure", "set system", "commit"],
    )
    .await;
    let version = expecting("show version", "(?m)^Junos: ");
    let (end, commands) = scene.run(scene.order(0, &[version])).await;
    assert_eq!(end, StepEnd::Succeeded, "{commands:?}");
    let (end, _) = scene.run(scene.order(1, &[typed("show nonsense")])).await;
    assert_eq!(reason(&end), Reason::CommandRejected);

    let ntp = "set system ntp server 192.0.2.1";
    let mut order = scene.order(2, &[typed(ntp), expecting("commit", "commit complete")]);
    order.changes = true;
    order.mode = Some("config".into());
    order.verify = Some(expecting("show configuration", "ntp server 192.0.2.1"));
    let (end, commands) = scene.run(order.clone()).await;
    assert_eq!(end, StepEnd::Succeeded, "{commands:#?}");
    assert_eq!(scene.device().configuration(), [ntp]);
    // What is not committed is given up with the mode.
    order.id.step = 3;
    order.commands = vec![typed("set system ntp server 192.0.2.9")];
    order.verify = None;
    let (end, _) = scene.run(order).await;
    assert_eq!(end, StepEnd::Succeeded);
    assert_eq!(scene.device().configuration(), [ntp]);
    scene.until_polled_again().await;
    assert_eq!(
        scene.device().logins(),
        1,
        "shell and channels share a login"
    );
    scene.agent.shutdown().await;
}

#[tokio::test]
async fn a_platform_without_a_shell_has_no_modes() {
    let mut platform = linux();
    platform.reads = vec!["cat".into()];
    let load = command("cat /proc/loadavg", 200, 5000, Vec::new());
    let mut scene = Scene::new(Manner::Linux, platform, vec![load], &[]).await;
    let (end, commands) = scene
        .run(scene.order(0, &[typed("cat /proc/uptime")]))
        .await;
    assert_eq!(end, StepEnd::Succeeded, "{commands:?}");
    let mut order = scene.order(1, &[typed("cat /proc/uptime")]);
    order.mode = Some("config".into());
    let (end, _) = scene.run(order).await;
    assert_eq!(reason(&end), Reason::NotAllowed);
    scene.until_polled_again().await;
    assert_eq!(scene.device().logins(), 1);
    scene.agent.shutdown().await;
}

#[tokio::test]
async fn an_agent_that_is_read_only_changes_nothing() {
    let mut config = FleetConfig::new(1, USER, PASSWORD);
    config.privileged = true;
    config.remembers = true;
    let fleet = Fleet::start(config).await.unwrap();
    let (files, mut manager) = (Files::new(), Manager::start().await);
    let mut config = netwolf_agent::AgentConfig::new(manager.address(), "a1".parse().unwrap());
    config.shards = std::num::NonZeroU16::MIN;
    config.pin = false;
    config.read_only = true;
    let agent = netwolf_agent::Agent::start(config).unwrap();
    let mut link = manager.welcome().await;
    let plan: Arc<_> = plan(routers(), vec![cpu_command(200)]);
    let device = &fleet.devices()[0];
    let lease = manager.lease(device.name(), target(device, &files), &plan);
    let epoch = lease.epoch;
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    let mut scene = Scene {
        fleet,
        files,
        manager,
        agent,
        link,
        epoch,
    };
    let mut order = scene.order(0, &[typed("reload")]);
    order.changes = true;
    order.login = Some(Login::named("changer"));
    let (end, _) = scene.run(order).await;
    assert_eq!(reason(&end), Reason::NotAllowed);
    let (end, _) = scene.run(scene.order(1, &[typed("show clock")])).await;
    assert_eq!(end, StepEnd::Succeeded);
    // What is answered, too.
    let order = scene.order(2, &[answering("show version", ".", "reload", false)]);
    let (end, _) = scene.run(order).await;
    assert!(matches!(end, StepEnd::NotRun(_)), "{end:?}");
    assert_eq!(reason(&end), Reason::NotAllowed);
    assert_eq!(scene.device().times_ran("reload"), 0);
    scene.agent.shutdown().await;
}

/// A pattern that fits everything, on a device that is slow to show its prompt: the answer is a command wherever it is
/// typed behind one.
#[tokio::test]
async fn no_answer_becomes_a_command_of_its_own() {
    let mut scene = Scene::routers(200, &[]).await;
    for (no, answer) in (0..).zip([
        "configure terminal",
        "hostname owned",
        "reload",
        "no shutdown",
    ]) {
        let order = scene.order(no, &[answering("show version", ".", answer, false)]);
        let (end, _) = scene.run(order).await;
        assert!(matches!(end, StepEnd::NotRun(_)), "{answer}: {end:?}");
        assert_eq!(reason(&end), Reason::NotAllowed, "{answer}");
        let mut order = scene.order(10 + no, &[typed("show clock")]);
        order.verify = Some(answering("show version", ".", answer, false));
        let (end, _) = scene.run(order).await;
        assert_eq!(reason(&end), Reason::NotAllowed, "{answer}");
    }
    assert_eq!(scene.device().times_ran("show version"), 0);
    scene.agent.shutdown().await;

    // Where everything may be typed, an answer comes behind a question and nowhere else.
    let mut scene = Scene::routers(200, &["show", "clear counters", "configure"]).await;
    scene
        .device()
        .update_faults(|faults| faults.latency = std::time::Duration::from_millis(400));
    for no in 0..3 {
        let mut order = scene.order(
            no,
            &[answering("show version", ".", "configure terminal", false)],
        );
        order.changes = true;
        let (end, commands) = scene.run(order).await;
        assert_eq!(end, StepEnd::Succeeded, "{commands:?}");
        assert!(commands[0].answered.is_empty(), "{commands:?}");
    }
    assert_eq!(scene.device().times_ran("show version"), 3);
    assert_eq!(scene.device().times_ran("configure terminal"), 0);
    scene.agent.shutdown().await;
}
