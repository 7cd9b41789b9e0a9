//! Outputs that somebody wants to see.

use netwolf_wire::message::{Show, Shown, ShownOutput};

use super::*;

impl Bench {
    fn show(&mut self, request: u64, device: &str, command: Option<&str>) -> Vec<Effect> {
        let show = Show {
            request,
            device: name(device),
            command: command.map(Into::into),
        };
        self.core.handle_show(show, self.now);
        self.effects()
    }

    fn shown(&mut self) -> Vec<(u64, usize)> {
        std::iter::from_fn(|| self.core.poll_answer())
            .filter_map(|message| match message {
                ToManager::Shown(Shown { request, outputs }) => Some((request, outputs.len())),
                _ => None,
            })
            .collect()
    }

    pub(super) fn up(&mut self, device: &str, epoch: u64) -> TaskId {
        let id = self.started(device, epoch);
        self.core
            .handle_notice(id, Notice::Up(Duration::ZERO), self.now);
        id
    }
}

fn output() -> ShownOutput {
    ShownOutput {
        command: "show load".into(),
        unix_ms: 0,
        took: Span::from_millis(1),
        text: "1".into(),
        truncated: false,
        failure: None,
    }
}

#[test]
fn what_cannot_be_shown_is_answered_at_once() {
    let mut bench = Bench::new();
    bench.started("r1", 1);
    assert!(bench.show(1, "r1", None).is_empty(), "not up");
    assert!(bench.show(2, "r9", None).is_empty(), "not here");
    bench.up("r2", 2);
    assert!(
        bench.show(3, "r2", Some("reload")).is_empty(),
        "not of the plan"
    );
    // Its session is about to be closed, and what comes after it is another task.
    bench.port = 23;
    bench.assign("r2", 3);
    assert!(bench.show(4, "r2", None).is_empty(), "no task runs");
    assert_eq!(bench.shown(), [(1, 0), (2, 0), (3, 0), (4, 0)]);
}

#[test]
fn a_device_shows_one_request_after_the_other() {
    let mut bench = Bench::new();
    let id = bench.up("r1", 1);
    let effects = bench.show(1, "r1", Some("show load"));
    assert!(
        matches!(effects.as_slice(), [Effect::Show(to, Some(order))] if *to == id && order.request == 1)
    );
    assert!(bench.show(2, "r1", None).is_empty());
    bench
        .core
        .handle_notice(id, Notice::Shown(1, vec![output()]), bench.now);
    let effects = bench.effects();
    assert!(matches!(effects.as_slice(), [Effect::Show(_, Some(order))] if order.request == 2));
    bench
        .core
        .handle_notice(id, Notice::Shown(2, vec![output()]), bench.now);
    assert!(matches!(
        bench.effects().as_slice(),
        [Effect::Show(_, None)]
    ));
    assert_eq!(bench.shown(), [(1, 1), (2, 1)]);
}

#[test]
fn a_session_that_ends_and_a_time_that_passes_answer_with_nothing() {
    let mut bench = Bench::new();
    let id = bench.up("r1", 1);
    bench.show(1, "r1", None);
    bench.core.handle_notice(
        id,
        Notice::Disconnected(
            Failure {
                reason: Reason::ConnectionLost,
                message: "gone".into(),
                hint: None,
            },
            Duration::ZERO,
        ),
        bench.now,
    );
    assert_eq!(bench.shown(), [(1, 0)]);
    assert!(matches!(
        bench.effects().as_slice(),
        [Effect::Show(_, None)]
    ));

    bench
        .core
        .handle_notice(id, Notice::Up(Duration::ZERO), bench.now);
    bench.show(2, "r1", None);
    bench.now = bench.core.shows.poll_timeout().unwrap();
    bench.core.handle_timeout(bench.now);
    assert_eq!(bench.shown(), [(2, 0)]);
    // What comes late is nobody's.
    bench
        .core
        .handle_notice(id, Notice::Shown(2, vec![output()]), bench.now);
    assert_eq!(bench.shown(), []);
}

#[test]
fn so_many_requests_and_no_more_are_taken_at_a_time() {
    let mut bench = Bench::new();
    bench.up("r1", 1);
    for request in 0..100 {
        bench.show(request, "r1", None);
    }
    let shown = bench.shown();
    assert_eq!(shown.len(), 84);
    assert!(shown.iter().all(|(_, outputs)| *outputs == 1), "in words");
}
