//! Permits, breakers and probes on their way through the dispatcher.

use netwolf_wire::{
    login::{LoginAsk, LoginEnd, LoginOutcome},
    message::Permits,
    status::{Failure, Reason},
};

use super::*;

#[test]
fn statuses_say_why_no_permit_came() {
    let mut stage = Stage::new(1, inventory(1, 22));
    stage.connect(0);
    stage.quiesce();
    let (device, run) = stage.agents[0].runs.first_key_value().unwrap();
    let (device, epoch, link) = (device.clone(), run.epoch, stage.agents[0].link.unwrap());
    let end = LoginEnd {
        device: device.clone(),
        epoch,
        credential: "monitoring".into(),
        outcome: LoginOutcome::Refused,
    };
    stage.manager.handle_ended(stage.now, link, &[end]);
    let late = Failure {
        reason: Reason::LoginTimeout,
        message: "no permit".into(),
        hint: None,
    };
    let status = DeviceStatus {
        device,
        epoch,
        state: netwolf_wire::status::SessionState::Backoff,
        since_ms: 0,
        failure: Some(late),
        failures: 2,
        next_attempt_ms: None,
        login_seconds: None,
        failing: Vec::new(),
    };
    stage.manager.handle_statuses(stage.now, link, vec![status]);
    let Some(Action::Status(status)) = stage.manager.poll_action() else {
        panic!("no status");
    };
    let failure = status.failure.unwrap();
    assert_eq!(failure.reason, Reason::AuthFailed);
    assert!(
        failure
            .message
            .contains("refused credential \"monitoring\"")
    );
}

/// What was said of logins on a link since it was asked last.
fn logins_said(stage: &mut Stage, index: usize) -> Vec<ToAgent> {
    let inbox = &mut stage.agents[index].inbox;
    let is_of_logins = |message: &ToAgent| {
        matches!(
            message,
            ToAgent::Breakers(_) | ToAgent::Permits(_) | ToAgent::Probe(_)
        )
    };
    inbox.drain(..).filter(|m| is_of_logins(m)).collect()
}

#[test]
fn permits_go_to_who_asked_and_an_open_breaker_is_told_to_all() {
    let mut stage = Stage::new(2, inventory(4, 22));
    stage.connect(0);
    stage.connect(1);
    stage.quiesce();
    let asks: Vec<(usize, LoginAsk)> = [0, 1]
        .into_iter()
        .flat_map(|index| {
            let runs = stage.agents[index].runs.iter();
            runs.map(move |(device, run)| {
                let ask = LoginAsk {
                    device: device.clone(),
                    epoch: run.epoch,
                    credential: "monitoring".into(),
                };
                (index, ask)
            })
        })
        .collect();
    assert_eq!(asks.len(), 4);
    let ask = |stage: &mut Stage, index: usize, ask: &LoginAsk| {
        let link = stage.agents[index].link.unwrap();
        stage
            .manager
            .handle_asks(stage.now, link, vec![ask.clone()]);
        stage.settle();
    };
    let refuse = |stage: &mut Stage, index: usize, ask: &LoginAsk| {
        let link = stage.agents[index].link.unwrap();
        let end = LoginEnd {
            device: ask.device.clone(),
            epoch: ask.epoch,
            credential: ask.credential.clone(),
            outcome: LoginOutcome::Refused,
        };
        stage.manager.handle_ended(stage.now, link, &[end]);
        stage.settle();
    };
    let permit = |ask: &LoginAsk| {
        ToAgent::from(Permits {
            permits: vec![ask.clone()],
        })
    };

    let ((first, one), (second, two)) = (&asks[0], &asks[3]);
    assert_ne!(first, second, "both have some");
    ask(&mut stage, *second, one);
    assert!(logins_said(&mut stage, *second).is_empty(), "not its lease");
    ask(&mut stage, *first, one);
    ask(&mut stage, *second, two);
    assert_eq!(logins_said(&mut stage, *first), [permit(one)]);
    assert_eq!(logins_said(&mut stage, *second), [permit(two)]);

    refuse(&mut stage, *first, one);
    refuse(&mut stage, *second, two);
    for index in 0..2 {
        let said = logins_said(&mut stage, index);
        let [ToAgent::Breakers(told)] = &said[..] else {
            panic!("{said:?}");
        };
        assert!(told.breakers[0].open.is_some());
    }
    // A link that is new is told right after welcome.
    stage.connect(1);
    let inbox = &stage.agents[1].inbox;
    let ToAgent::Breakers(told) = &inbox[1] else {
        panic!("{inbox:?}");
    };
    assert!(matches!(inbox[0], ToAgent::Welcome(_)) && told.breakers[0].open.is_some());
    stage.quiesce();

    stage.manager.handle_reload(stage.now);
    stage.settle();
    let probed: Vec<_> = [0, 1]
        .into_iter()
        .flat_map(|index| logins_said(&mut stage, index))
        .filter(|message| matches!(message, ToAgent::Probe(_)))
        .collect();
    assert!(!probed.is_empty());
    for message in &probed {
        let ToAgent::Probe(probe) = message else {
            panic!("{message:?}");
        };
        assert!(![&one.device, &two.device].contains(&&probe.device));
        assert_eq!(probe.credential, "monitoring");
    }
}
