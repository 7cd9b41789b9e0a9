//! Steps in trouble: late, lost, fenced, cancelled. What was typed once is never typed again.

use std::time::Duration;

use netwolf_simulator::Manner;
use netwolf_wire::{
    Span,
    message::{CancelSteps, Dismissed, Drain},
    status::Reason,
    step::{StepCommand, StepEnd, StepNews},
};

use super::*;

/// Runs a step in the mode "config", where these lines are to enter it.
async fn run_in_mode(enter: &[&str]) -> (Scene, StepEnd, Vec<CommandDone>) {
    let mut platform = routers();
    let mode = platform.modes.get_mut("config").unwrap();
    mode.enter = enter.iter().copied().map(Into::into).collect();
    let allow = ["show", "ntp"];
    let mut scene = Scene::new(Manner::CiscoIos, platform, vec![cpu_command(200)], &allow).await;
    let mut order = scene.order(0, &[typed("ntp server 192.0.2.1")]);
    order.changes = true;
    order.mode = Some("config".into());
    let (end, commands) = scene.run(order).await;
    (scene, end, commands)
}

#[tokio::test]
async fn a_mode_that_is_not_entered_fails_the_step_and_nothing_is_typed() {
    // It is not what the prompt says then.
    let (mut scene, end, commands) = run_in_mode(&["show clock"]).await;
    assert!(matches!(end, StepEnd::Failed(_)), "{end:?}");
    assert_eq!((reason(&end), commands.len()), (Reason::ModeFailed, 0));
    assert_eq!(scene.device().times_ran("ntp server 192.0.2.1"), 0);
    scene.until_polled_again().await;
    assert_eq!(scene.device().logins(), 1);
    scene.agent.shutdown().await;
}

#[tokio::test]
async fn a_line_that_a_device_refuses_is_told_with_why() {
    let (scene, end, commands) = run_in_mode(&["show clock", "show nonsense", "show users"]).await;
    assert_eq!((reason(&end), commands.len()), (Reason::ModeFailed, 0));
    assert_eq!(
        mode_lines(&scene.news(0)),
        [
            (0, "show clock", None),
            (1, "show nonsense", Some(Reason::ModeFailed)),
            // "show users" has the place between, and was not typed.
            (3, "end", None),
        ]
    );
    scene.agent.shutdown().await;
}

#[tokio::test]
async fn a_session_that_is_left_in_another_mode_is_made_anew() {
    let mut scene = Scene::routers(200, &["show", "configure terminal"]).await;
    let mut order = scene.order(0, &[typed("configure terminal")]);
    order.changes = true;
    let (end, _) = scene.run(order).await;
    assert_eq!(end, StepEnd::Succeeded);
    scene.until_polled_again().await;
    assert_eq!(scene.device().logins(), 2, "no poll is run in a mode");
    scene.agent.shutdown().await;
}

#[tokio::test]
async fn a_command_that_is_late_is_stopped_and_the_session_goes_on() {
    let mut scene = Scene::routers(600_000, &[]).await;
    scene
        .device()
        .update_faults(|faults| faults.latency = Duration::from_secs(30));
    let late = StepCommand {
        timeout: Span::from_millis(500),
        ..typed("show version")
    };
    let (end, commands) = scene
        .run(scene.order(0, &[late, typed("show clock")]))
        .await;
    assert!(matches!(end, StepEnd::TimedOut(_)), "{end:?}");
    assert_eq!((reason(&end), commands.len()), (Reason::CommandTimeout, 1));
    // The step's own time is over before that of its command.
    let mut order = scene.order(1, &[typed("show version")]);
    order.deadline = Span::from_millis(600);
    let (end, _) = scene.run(order).await;
    assert_eq!(reason(&end), Reason::StepDeadline);
    scene
        .device()
        .update_faults(|faults| faults.latency = Duration::ZERO);
    let (end, _) = scene.run(scene.order(2, &[typed("show clock")])).await;
    assert_eq!(end, StepEnd::Succeeded);
    assert_eq!(scene.device().logins(), 1);
    scene.agent.shutdown().await;
}

#[tokio::test]
async fn a_session_that_is_lost_under_a_command_leaves_the_step_unknown() {
    let mut scene = Scene::routers(600_000, &[]).await;
    scene
        .device()
        .update_faults(|faults| faults.disconnect = true);
    let order = scene.order(0, &[typed("show version"), typed("show clock")]);
    let (end, commands) = scene.run(order).await;
    assert!(matches!(end, StepEnd::Unknown(_)), "{end:?}");
    assert_eq!(commands.len(), 1, "it was typed");
    assert!(commands[0].failure.is_some());
    assert_eq!(commands[0].sha256, "", "nothing came");
    assert_eq!(scene.device().times_ran("show version"), 1);
    scene
        .device()
        .update_faults(|faults| faults.disconnect = false);
    // The next one waits for the next session.
    let (end, _) = scene.run(scene.order(1, &[typed("show clock")])).await;
    assert_eq!(end, StepEnd::Succeeded);
    assert_eq!(
        scene.device().times_ran("show version"),
        1,
        "once is enough"
    );
    assert_eq!(scene.device().logins(), 2);
    scene.agent.shutdown().await;
}

#[tokio::test]
async fn a_lost_link_fences_steps_and_they_are_told_on_the_next_one() {
    let mut scene = Scene::routers(600_000, &[]).await;
    scene
        .device()
        .update_faults(|faults| faults.latency = Duration::from_millis(1500));
    let running = scene.order(0, &[typed("show version"), typed("show clock")]);
    let waiting = scene.order(1, &[typed("show users")]);
    let ids = vec![running.id, waiting.id];
    scene.send(vec![running, waiting]).await;
    scene.until_started(0).await;
    // The link breaks under the first command.
    let mut scene = scene.relinked().await;
    let (end, commands) = scene.end(0).await;
    assert_eq!(scene.link.world.held, [ids], "told before any event");
    assert!(matches!(end, StepEnd::Failed(_)), "{end:?}");
    assert_eq!((reason(&end), commands.len()), (Reason::Fenced, 1));
    let (end, _) = scene.end(1).await;
    assert!(
        matches!(end, StepEnd::NotRun(_)) && reason(&end) == Reason::Fenced,
        "{end:?}"
    );
    assert_eq!(scene.news(0)[..2], [StepNews::Accepted, StepNews::Started]);
    let device = scene.device();
    assert_eq!((device.times_ran("show version"), device.logins()), (1, 1));
    for never in ["show clock", "show users"] {
        assert_eq!(device.times_ran(never), 0, "{never}");
    }
    scene.agent.shutdown().await;
}

#[tokio::test]
async fn a_step_is_cancelled_between_two_commands() {
    let mut scene = Scene::routers(600_000, &[]).await;
    scene
        .device()
        .update_faults(|faults| faults.latency = Duration::from_millis(1500));
    let running = scene.order(0, &[typed("show version"), typed("show clock")]);
    let waiting = scene.order(1, &[typed("show users")]);
    let steps = vec![running.id, waiting.id];
    scene.send(vec![running, waiting]).await;
    scene.until_started(0).await;
    scene.link.send(CancelSteps { steps }).await;
    let (end, commands) = scene.end(0).await;
    assert_eq!((reason(&end), commands.len()), (Reason::Cancelled, 1));
    assert!(commands[0].failure.is_none(), "what was typed was finished");
    let (end, _) = scene.end(1).await;
    assert_eq!(end, StepEnd::Cancelled);
    assert_eq!(scene.device().times_ran("show clock"), 0);
    assert_eq!(scene.device().times_ran("show users"), 0);
    scene.agent.shutdown().await;
}

#[tokio::test]
async fn a_lease_is_given_up_behind_the_command_that_runs() {
    let mut scene = Scene::routers(600_000, &[]).await;
    scene
        .device()
        .update_faults(|faults| faults.latency = Duration::from_millis(1500));
    let order = scene.order(0, &[typed("show version"), typed("show clock")]);
    scene.send(vec![order]).await;
    scene.until_started(0).await;
    let (device, epoch) = (scene.device().name().to_owned(), scene.epoch);
    scene.link.revoke(&device, epoch).await;
    let (end, commands) = scene.end(0).await;
    assert_eq!((reason(&end), commands.len()), (Reason::Fenced, 1));
    assert!(
        scene.link.world.revoked.is_empty(),
        "not before the step's end"
    );
    scene
        .link
        .until("the lease to be given up", move |world| {
            world.revoked == [(device.clone(), epoch)]
        })
        .await;
    let device = scene.device().clone();
    assert_eq!((device.times_ran("show clock"), device.logins()), (0, 1));
    eventually("the session to be closed", || device.sessions() == 0).await;
    scene.agent.shutdown().await;
}

#[tokio::test]
async fn an_agent_that_leaves_ends_the_step_that_it_has_begun() {
    let mut scene = Scene::routers(600_000, &[]).await;
    scene
        .device()
        .update_faults(|faults| faults.latency = Duration::from_millis(300));
    let order = scene.order(0, &[typed("show version"), typed("show clock")]);
    scene.send(vec![order]).await;
    scene.until_started(0).await;
    scene.link.send(Drain {}).await;
    scene
        .link
        .until("the agent to leave", |world| world.leaving)
        .await;
    // There is nobody else who could take its devices.
    scene.link.send(Dismissed {}).await;
    let (end, commands) = scene.end(0).await;
    assert_eq!((end, commands.len()), (StepEnd::Succeeded, 2));
    scene.link.until_closed().await;
    assert!(scene.link.world.goodbye);
    assert_eq!(scene.device().times_ran("show clock"), 1);
    scene.agent.shutdown().await;
}
