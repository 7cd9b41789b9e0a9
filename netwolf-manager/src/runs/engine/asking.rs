//! What people ask of the engine: to take a run in, to change how it goes on, to settle a step.

use netwolf_runs::{
    machine::{Change, Refused, Settlement},
    model::{Run, Spec, StepSpec},
    view::RunView,
};
use netwolf_wire::step::RunId;

use super::{
    super::{
        MAX_LIVE,
        handle::{Control, check_body, no_step},
        keeping::FaultKind,
    },
    Answer, Ask, Engine, Kept, Kind, Refusal, Reply, Settling, Submitted,
};

impl Engine {
    /// Does what is asked. Answers come when what they tell is kept.
    pub(super) fn asked(&mut self, ask: Ask) {
        match ask {
            Ask::Submit {
                spec,
                steps,
                answer,
            } => self.submit(*spec, steps, answer),
            Ask::Control {
                run,
                what,
                requester,
                answer,
            } => self.control(run, what, &requester, answer),
            Ask::Settle {
                run,
                device,
                succeeded,
                comment,
                requester,
                answer,
            } => {
                let settlement = Settlement {
                    succeeded,
                    requester,
                    comment,
                };
                let settling = Settling {
                    device,
                    settlement,
                    answer,
                };
                if self.machine.knows(run) {
                    self.settle(run, settling);
                } else {
                    self.settle_later(run, settling);
                }
            }
        }
    }

    fn submit(&mut self, spec: Spec, steps: Vec<StepSpec>, answer: Answer<Submitted>) {
        if let Some(key) = &spec.idempotency_key
            && let Some((run, body)) = self.keys.get(key)
        {
            let (run, there) = (*run, body.clone());
            let asked = spec.body_sha256.clone().unwrap_or_default();
            if let Err(refusal) = check_body(key, run, there.as_deref(), &asked) {
                drop(answer.send(Err(refusal)));
            } else if let Some(waiting) = self.waiting.get_mut(&run) {
                waiting.push(answer);
            } else {
                let view = self.state.runs.live().get(run).map(|live| live.view());
                // One that has ended is in the journal, where whoever asks looks first.
                let submitted = view.map(|run| Submitted {
                    run,
                    was_there: true,
                });
                let gone = || {
                    Refusal::new(
                        Kind::Conflict,
                        format!("run {run} was submitted with this key, and has ended"),
                    )
                    .hint(format!("`netwolf runs show {run}` tells what became of it"))
                };
                drop(answer.send(submitted.ok_or_else(gone)));
            }
            return;
        }
        if !self.machine.admits(steps.len() + self.n_submitting) {
            let refusal = Refusal::new(
                Kind::TooMany,
                format!(
                    "{} steps more would be too many: {} are live, and at most {MAX_LIVE}",
                    steps.len(),
                    self.machine.live_steps() + self.n_submitting,
                ),
            )
            .hint(
                "wait for runs to end, or cancel some: `netwolf runs --state running` lists them",
            );
            drop(answer.send(Err(refusal)));
            return;
        }
        // It is tried every second whether the journal can be written again, so nobody's submission has to. A number that
        // has been given to the journal stays used up: after a failed write nobody knows whether its record in the audit
        // log comes to light with the next start, and two runs of one number must not stand there.
        if let Some(fault) = &self.failing {
            return drop(answer.send(Err(Refusal::from(fault.clone()))));
        }
        let id = match self.keeper.next_run() {
            Ok(id) => id,
            Err(fault) => return drop(answer.send(Err(Refusal::from(fault)))),
        };
        let key = spec
            .idempotency_key
            .clone()
            .zip(Some(spec.body_sha256.clone()));
        if let Some((key, body)) = key {
            self.keys.insert(key, id, body);
        }
        let (run, steps) = Run::plan(id, spec, steps, self.clock.now_ms());
        self.n_submitting += steps.len();
        self.waiting.insert(id, vec![answer]);
        let submitted = Change::Audit(Box::new(run.submitted()));
        let there = Change::Submitted {
            run: Box::new(run.clone()),
            steps: steps.clone(),
        };
        let keeping = self.keeper.commit(vec![there, submitted]);
        self.submits.spawn(async move {
            let result = keeping.await;
            Kept { run, steps, result }
        });
    }

    /// A submission is kept, or could not be.
    pub(super) fn submitted(&mut self, kept: Kept) {
        let Kept { run, steps, result } = kept;
        self.n_submitting -= steps.len();
        let answers = self.waiting.remove(&run.id).unwrap_or_default();
        match result {
            Ok(()) => {
                self.state.telemetry.runs.audit_records.inc();
                self.state.runs.live().insert(run.clone(), steps.clone());
                let view = RunView::from(&run);
                tell(&run);
                self.machine.adopt(run, steps, self.clock.now_ms());
                for (no, answer) in answers.into_iter().enumerate() {
                    let submitted = Submitted {
                        run: view.clone(),
                        was_there: no > 0,
                    };
                    drop(answer.send(Ok(submitted)));
                }
            }
            Err(fault) => {
                if let Some(key) = &run.spec.idempotency_key {
                    self.keys.remove(key);
                }
                if matches!(fault.kind, FaultKind::Full | FaultKind::Broken) {
                    self.fails(Some(&fault));
                }
                for answer in answers {
                    drop(answer.send(Err(Refusal::from(fault.clone()))));
                }
            }
        }
    }

    fn control(&mut self, run: RunId, what: Control, requester: &str, answer: Answer<RunView>) {
        let now_ms = self.clock.now_ms();
        let result = if self.machine.knows(run) {
            match what {
                Control::Cancel => self.machine.cancel(run, requester, now_ms),
                Control::Pause => self.machine.pause(run, requester, now_ms),
                Control::Resume => self.machine.resume(run, requester, now_ms),
            }
            .map_err(|refused| conflict(&refused))
        } else {
            Err(ended(run))
        };
        match result {
            Ok(()) => self.gathering.replies.push(Reply::Run(run, answer)),
            Err(refusal) => drop(answer.send(Err(refusal))),
        }
    }

    pub(super) fn settle(&mut self, run: RunId, settling: Settling) {
        let Settling {
            device,
            settlement,
            answer,
        } = settling;
        let live = self.state.runs.live().get(run);
        let settled = match live.filter(|_| self.machine.knows(run)) {
            Some(live) => live
                .step_on(&device)
                .ok_or_else(|| no_step(run, &device))
                .and_then(|step| {
                    self.machine
                        .settle(run, step.step, &settlement, self.clock.now_ms())
                        .map_err(|refused| conflict(&refused))
                }),
            // It is not taken up again, because all is known of it.
            None => Err(ended(run).hint("only a step that is unknown can be settled")),
        };
        match settled {
            Ok(()) => self
                .gathering
                .replies
                .push(Reply::Step(run, device, answer)),
            Err(refusal) => drop(answer.send(Err(refusal))),
        }
    }
}

/// Nothing more is to be done with such a run.
fn ended(run: RunId) -> Refusal {
    Refusal::new(Kind::Conflict, format!("run {run} has ended"))
}

/// For the log. Commands are not in it: the audit log has them, where fewer people look.
fn tell(run: &Run) {
    let spec = &run.spec;
    tracing::info!(
        run = %run.id,
        what = what(spec),
        requester = spec.requester,
        changes = spec.changes,
        n_devices = run.n_steps,
        n_batches = run.status.batches,
        "run submitted"
    );
}

/// What a run does, in few words. Its name may be a command.
fn what(spec: &Spec) -> String {
    let what = match &spec.procedure {
        Some(procedure) => format!("procedure {procedure:?}"),
        None => "commands of one's own".to_owned(),
    };
    match spec.retry_of {
        Some(before) => format!("{what}, again what did not succeed in run {before}"),
        None => what,
    }
}

/// What the machine does not do.
fn conflict(refused: &Refused) -> Refusal {
    let text = refused.to_string();
    match text.split_once("\n  hint: ") {
        Some((error, hint)) => Refusal::new(Kind::Conflict, error).hint(hint),
        None => Refusal::new(Kind::Conflict, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_what_a_run_is_and_none_of_its_commands() {
        let spec = |json: &str| -> Spec { serde_json::from_str(json).unwrap() };
        let own = r#"{"name":"username x password y","requester":"ann","changes":false,"programs":[],
                      "rollout":{},"run_deadline":"1h"}"#;
        assert_eq!(what(&spec(own)), "commands of one's own");
        let again = own.replace(
            r#""changes""#,
            r#""procedure":"ntp","retry_of":7,"changes""#,
        );
        assert_eq!(
            what(&spec(&again)),
            "procedure \"ntp\", again what did not succeed in run 7"
        );
    }
}
