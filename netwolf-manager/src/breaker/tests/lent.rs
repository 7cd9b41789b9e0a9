//! Credentials that steps log in with.

use super::*;

fn login(username: &str) -> Login {
    let inventory = inventory(1);
    let device = inventory.devices.values().next().unwrap();
    Login {
        credential: "changer".into(),
        username: username.into(),
        ..device.job.target.login.clone()
    }
}

fn name(no: usize) -> DeviceName {
    format!("sw-{no}").parse().unwrap()
}

/// A stage whose asks are for the credential of steps.
struct Lending(Stage);

impl Lending {
    fn new() -> Self {
        Self(Stage::new(4))
    }

    fn lend(&mut self, no: usize) {
        let until = self.0.now + secs(60);
        self.0
            .breakers
            .lend(self.0.now, &login("changer"), name(no), until);
    }

    fn ask(&mut self, no: usize) {
        let ask = LoginAsk {
            device: name(no),
            epoch: Epoch(1),
            credential: "changer".into(),
        };
        self.0.breakers.handle_ask(self.0.now, LINK, ask);
    }

    fn end(&mut self, no: usize, outcome: LoginOutcome) {
        let end = LoginEnd {
            device: name(no),
            epoch: Epoch(1),
            credential: "changer".into(),
            outcome,
        };
        self.0.breakers.handle_ended(self.0.now, LINK, &end);
    }

    fn view(&self) -> Option<CredentialView> {
        let views = self.0.breakers.views(self.0.now);
        views.into_iter().find(|view| view.name == "changer")
    }
}

#[test]
fn a_credential_that_no_device_uses_is_permitted_while_it_is_lent() {
    let mut stage = Lending::new();
    stage.ask(0);
    assert_eq!(stage.0.permits(), NONE, "lent to nobody");
    (0..3).for_each(|no| stage.lend(no));
    (0..4).for_each(|no| stage.ask(no));
    assert_eq!(stage.0.permits(), [0, 1], "slowly at first, as always");
    stage.end(0, Accepted);
    assert_eq!(stage.0.permits(), [2]);
    stage.end(1, Accepted);
    stage.end(2, Accepted);
    stage.0.pass(secs(61));
    assert!(stage.view().is_none(), "the loans have ended");
    stage.ask(0);
    assert_eq!(stage.0.permits(), NONE);
}

#[test]
fn a_lent_credential_that_is_refused_twice_is_held_over_many_runs_and_tried_by_one_after_that() {
    let mut stage = Lending::new();
    for no in [0, 1] {
        stage.lend(no);
        stage.ask(no);
        stage.end(no, Refused);
    }
    assert_eq!(stage.view().unwrap().state, BreakerState::Open);
    stage.0.said();
    for _ in 0..5 {
        stage.0.pass(secs(120));
        stage.lend(2);
        stage.ask(2);
        assert_eq!(stage.0.permits(), NONE, "no run makes a third refusal");
    }
    stage.0.pass(HOLD);
    stage.lend(2);
    stage.lend(3);
    stage.ask(2);
    stage.ask(3);
    assert_eq!(stage.0.permits(), [2], "one tries");
    stage.end(2, Refused);
    assert_eq!(stage.0.permits(), NONE);
    assert_eq!(stage.view().unwrap().state, BreakerState::Open);
    // What counts no more is forgotten, loans and all.
    for _ in 0..6 {
        stage.0.pass(HOLD);
    }
    assert!(stage.view().is_none());
}

#[test]
fn after_a_reload_one_device_tries_a_lent_credential() {
    let mut stage = Lending::new();
    for no in [0, 1] {
        stage.lend(no);
        stage.ask(no);
        stage.end(no, Refused);
    }
    stage.0.said();
    stage.0.breakers.handle_reload(stage.0.now);
    stage.0.pass(secs(0));
    stage.lend(2);
    stage.lend(3);
    stage.ask(2);
    stage.ask(3);
    assert_eq!(stage.0.permits(), [2]);
    stage.end(2, Accepted);
    assert_eq!(stage.0.permits(), [3]);
    assert_eq!(stage.view().unwrap().state, BreakerState::Closed);
}

#[test]
fn a_loan_outlives_a_reload_and_another_definition_is_taken_over() {
    let mut stage = Lending::new();
    stage.lend(0);
    stage
        .0
        .breakers
        .handle_inventory(stage.0.now, &inventory(4));
    stage.ask(0);
    assert_eq!(stage.0.permits(), [0]);
    stage.end(0, Refused);
    let until = stage.0.now + secs(60);
    stage
        .0
        .breakers
        .lend(stage.0.now, &login("other"), name(1), until);
    stage.ask(1);
    assert_eq!(stage.0.permits(), [1], "what was refused was another one");
}
