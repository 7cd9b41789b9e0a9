//! What is kept, in which order it is found again, and what happens where it cannot be kept.

use std::sync::Mutex;

use super::*;

#[test]
fn a_run_is_found_as_it_was_kept_also_by_the_next_process() {
    let (folder, journal) = a_journal();
    let id = journal.next_run();
    let (run, steps) = planned(id, 3, Some("key"), NOW);
    journal
        .append_and_wait(submitted(id, 3, Some("key")))
        .unwrap();
    let text = "Cisco IOS \u{1f43a}\n\"quoted\"\0";
    journal
        .append_and_wait(vec![
            changed(id, 1, StepState::Leased),
            Change::Output(Box::new(output(id, 1, 1, 1, "second"))),
            Change::Output(Box::new(output(id, 1, 1, 0, "told before"))),
            Change::Output(Box::new(output(id, 1, 1, 0, text))),
            Change::Output(Box::new(output(id, 1, 2, 0, "verified"))),
            Change::Output(Box::new(output(id, 2, 1, 0, "another step's"))),
            changed(id, 1, StepState::Succeeded),
            Change::Audit(Box::new(typed(id, 1, 1, 0))),
        ])
        .unwrap();

    let mut expected = steps;
    expected[1].status = status(StepState::Succeeded);
    let check = |reader: &Reader| {
        assert_eq!(reader.run(id).unwrap().unwrap(), run);
        assert_eq!(
            reader.whole(id).unwrap().unwrap(),
            (run.clone(), expected.clone())
        );
        assert_eq!(reader.live().unwrap(), [(run.clone(), expected.clone())]);
        assert_eq!(
            reader.step_on(id, "sw-1").unwrap().as_ref(),
            Some(&expected[1])
        );
        assert_eq!(reader.step_on(id, "sw-9").unwrap(), None);
        assert_eq!(
            reader.transcript(id, 1).unwrap(),
            [
                output(id, 1, 1, 0, text),
                output(id, 1, 1, 1, "second"),
                output(id, 1, 2, 0, "verified")
            ]
        );
        let used = KeyUse {
            run: id,
            body_sha256: Some("ab".repeat(32)),
        };
        assert_eq!(reader.key("key").unwrap(), Some(used));
        assert_eq!(reader.key("other").unwrap(), None);
        assert_eq!(reader.run(RunId(99)).unwrap(), None);
        assert_eq!(reader.run(RunId(u64::MAX)).ok().flatten(), None);
    };
    let reader = journal.reader().unwrap();
    check(&reader);
    let stats = journal.stats();
    assert_eq!(
        (
            stats.commits,
            stats.audit_records,
            stats.failures,
            stats.strays
        ),
        (2, 2, 0, 0)
    );
    assert!(stats.bytes > 0 && stats.failing.is_none());
    assert_eq!(journal.audit_head().seq, 2);

    drop((reader, journal));
    let journal = open(folder.path());
    check(&journal.reader().unwrap());
    assert_eq!(journal.next_run(), RunId(id.0 + 1));
    // A run that has ended is not live.
    let change = ended(&journal, id, RunState::Succeeded, NOW + 100);
    journal.append_and_wait(vec![change]).unwrap();
    let reader = journal.reader().unwrap();
    assert_eq!(reader.live().unwrap(), []);
    assert_eq!(
        reader.run(id).unwrap().unwrap().status.ended_ms,
        Some(NOW + 100)
    );
    assert_eq!(is_whole(folder.path()).records, 2);
}

#[test]
fn an_output_is_written_as_one_flat_object_as_it_always_was() {
    let written = r#"{"id":{"run":1,"step":0,"attempt":1},"index":2,"verify":true,"command":"show clock","time_ms":9,"took":"40ms","text":"","truncated":true,"sha256":"ab","answered":["y"],"failure":{"reason":"fenced","message":"lost"}}"#;
    let output: Output = serde_json::from_str(written).unwrap();
    let done = &output.done;
    assert_eq!(
        (done.index, done.took, done.truncated),
        (2, Span::from_millis(40), true)
    );
    assert_eq!((done.sha256.as_str(), done.answered.len()), ("ab", 1));
    let again = serde_json::to_value(&output).unwrap();
    let before: serde_json::Value = serde_json::from_str(written).unwrap();
    assert_eq!(again, before);
}

#[test]
fn lists_come_in_pages_and_by_state() {
    let (_folder, journal) = a_journal();
    for _ in 0..7 {
        journal
            .append_and_wait(submitted(journal.next_run(), 5, None))
            .unwrap();
    }
    for id in [2, 4, 6] {
        let change = ended(&journal, RunId(id), RunState::Failed, NOW);
        journal.append_and_wait(vec![change]).unwrap();
    }
    let reader = journal.reader().unwrap();
    let runs = |states: &[RunState], before: Option<u64>, limit| {
        let page = reader.runs(states, before.map(RunId), limit).unwrap();
        let ids: Vec<_> = page.items.iter().map(|run| run.id.0).collect();
        (ids, page.more)
    };
    assert_eq!(runs(&[], None, 3), (vec![7, 6, 5], true));
    assert_eq!(runs(&[], Some(5), 4), (vec![4, 3, 2, 1], false));
    assert_eq!(runs(&[], Some(5), 3), (vec![4, 3, 2], true));
    assert_eq!(runs(&[RunState::Failed], None, 9), (vec![6, 4, 2], false));
    let both = [RunState::Failed, RunState::Running];
    assert_eq!(runs(&both, Some(3), 9), (vec![2, 1], false));
    assert_eq!(runs(&[RunState::Unknown], None, 9), (vec![], false));
    assert_eq!(runs(&[], None, 0), (vec![], true));

    journal
        .append_and_wait(vec![
            changed(RunId(3), 1, StepState::Failed),
            changed(RunId(3), 3, StepState::Failed),
        ])
        .unwrap();
    let steps = |states: &[StepState], after, limit| {
        let page = reader.steps(RunId(3), states, after, limit).unwrap();
        let steps: Vec<_> = page.items.iter().map(|step| step.step).collect();
        (steps, page.more)
    };
    assert_eq!(steps(&[], None, 2), (vec![0, 1], true));
    assert_eq!(steps(&[], Some(1), 9), (vec![2, 3, 4], false));
    assert_eq!(steps(&[StepState::Failed], None, 1), (vec![1], true));
    assert_eq!(steps(&[StepState::Failed], Some(1), 1), (vec![3], false));
    assert_eq!(
        steps(&[StepState::Failed, StepState::Pending], Some(2), 9),
        (vec![3, 4], false)
    );
}

#[test]
fn what_waits_is_kept_together_and_answered_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let commits = Arc::new(Mutex::new(Vec::new()));
    let seen = commits.clone();
    let options = Options {
        on_commit: Box::new(move |commit: Commit| {
            seen.lock().unwrap().push((commit.requests, commit.changes));
        }),
    };
    let (journal, found) = Journal::open(folder.path(), options).unwrap();
    assert!(found.is_new);
    let (sender, answers) = channel();
    let held = hold(&journal);
    for _ in 0..100 {
        let (sender, id) = (sender.clone(), journal.next_run());
        journal.append(submitted(id, 2, None), move |result| {
            result.unwrap();
            sender.send(id.0).unwrap();
        });
    }
    drop(held);
    let order: Vec<_> = (0..100).map(|_| answer(&answers)).collect();
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(*commits.lock().unwrap(), [(100, 200)]);
    assert_eq!(journal.stats().commits, 1);
    assert_eq!(is_whole(folder.path()).records, 100);

    // Of many states of a run in a group the last one stays.
    let held = hold(&journal);
    let mut last = append(
        &journal,
        vec![ended(&journal, RunId(1), RunState::Failed, 1)],
    );
    for state in [RunState::Succeeded, RunState::Cancelled] {
        last = append(&journal, vec![ended(&journal, RunId(1), state, 2)]);
    }
    drop(held);
    answer(&last).unwrap();
    let run = journal.reader().unwrap().run(RunId(1)).unwrap().unwrap();
    assert_eq!(run.status.state, RunState::Cancelled);
}

#[test]
fn a_group_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let (sender, commits) = channel();
    let options = Options {
        on_commit: Box::new(move |commit: Commit| {
            sender.send(commit.requests).ok();
        }),
    };
    let (journal, _) = Journal::open(folder.path(), options).unwrap();
    let held = hold(&journal);
    let answers: Vec<_> = (0..writer::MAX_GROUP + 5)
        .map(|_| append(&journal, submitted(journal.next_run(), 1, None)))
        .collect();
    drop(held);
    for kept in &answers {
        answer(kept).unwrap();
    }
    let commits: Vec<_> = commits.try_iter().collect();
    assert_eq!(commits, [writer::MAX_GROUP, 5]);
}

#[test]
fn a_request_that_cannot_be_kept_fails_whole_and_alone() {
    let (folder, journal) = a_journal();
    journal
        .append_and_wait(submitted(journal.next_run(), 1, Some("key")))
        .unwrap();
    let held = hold(&journal);
    let before = append(&journal, submitted(RunId(2), 1, None));
    let mut same_key = submitted(RunId(3), 1, Some("key"));
    same_key.push(changed(RunId(1), 0, StepState::Failed));
    let same_key = append(&journal, same_key);
    let same_run = append(&journal, submitted(RunId(2), 1, None));
    let mut record = typed(RunId(1), 0, 1, 0);
    record.command = Some("x".repeat(audit::MAX_LINE));
    let too_long = append(
        &journal,
        vec![
            changed(RunId(1), 0, StepState::TimedOut),
            Change::Audit(Box::new(record)),
        ],
    );
    let after = append(&journal, submitted(RunId(4), 1, None));
    drop(held);
    answer(&before).unwrap();
    answer(&after).unwrap();
    for (error, reason) in [
        (same_key, "duplicate"),
        (same_run, "duplicate"),
        (too_long, "refused"),
    ] {
        let error = answer(&error).unwrap_err();
        assert_eq!(error.reason(), reason);
        assert!(!error.hint().is_empty());
    }
    let reader = journal.reader().unwrap();
    let ids: Vec<_> = reader
        .live()
        .unwrap()
        .iter()
        .map(|(run, _)| run.id.0)
        .collect();
    assert_eq!(ids, [1, 2, 4]);
    let step = reader.step_on(RunId(1), "sw-0").unwrap().unwrap();
    assert_eq!(step.status.state, StepState::Pending);
    assert_eq!(is_whole(folder.path()).records, 3);
    // None of that is the journal's fault.
    assert_eq!(
        (journal.stats().failing, journal.stats().failures),
        (None, 0)
    );
}

#[test]
fn evidence_of_a_run_that_is_gone_is_counted_and_nothing_else() {
    let (folder, journal) = a_journal();
    let id = journal.next_run();
    journal.append_and_wait(submitted(id, 1, None)).unwrap();
    journal
        .append_and_wait(vec![
            changed(RunId(77), 0, StepState::Failed),
            Change::Output(Box::new(output(RunId(77), 0, 1, 0, "x"))),
            changed(id, 0, StepState::Failed),
        ])
        .unwrap();
    assert_eq!(journal.stats().strays, 2);
    let reader = journal.reader().unwrap();
    let step = reader.step_on(id, "sw-0").unwrap().unwrap();
    assert_eq!(step.status.state, StepState::Failed);
    assert_eq!(reader.transcript(RunId(77), 0).unwrap(), []);
    is_whole(folder.path());
}

#[test]
fn the_queue_is_bounded_and_what_waits_is_kept_when_the_journal_is_dropped() {
    let (folder, journal) = a_journal();
    let id = journal.next_run();
    journal.append_and_wait(submitted(id, 1, None)).unwrap();
    let held = hold(&journal);
    let answers: Vec<_> = (0..DEPTH + 3)
        .map(|_| append(&journal, vec![changed(id, 0, StepState::Running)]))
        .collect();
    let refused: Vec<_> = answers[DEPTH..].iter().map(answer).collect();
    assert!(
        refused
            .iter()
            .all(|answer| matches!(answer, Err(JournalError::Busy)))
    );
    drop(held);
    drop(journal);
    for kept in &answers[..DEPTH] {
        answer(kept).unwrap();
    }
    let reader = Reader::open(folder.path()).unwrap();
    let step = reader.step_on(id, "sw-0").unwrap().unwrap();
    assert_eq!(step.status.state, StepState::Running);
}

#[test]
fn a_reader_does_not_wait_for_a_commit() {
    let (_folder, journal) = a_journal();
    let id = journal.next_run();
    journal.append_and_wait(submitted(id, 1, None)).unwrap();
    let reader = journal.reader().unwrap();
    let (let_go, wait) = channel::<()>();
    let (begun, has_begun) = channel();
    journal.request(Request::Meddle(Box::new(move |connection| {
        connection
            .execute_batch("BEGIN IMMEDIATE; DELETE FROM steps;")
            .unwrap();
        begun.send(()).unwrap();
        wait.recv_timeout(PATIENCE).ok();
    })));
    answer(&has_begun);
    assert!(reader.step_on(id, "sw-0").unwrap().is_some());
    drop(let_go);
    // A transaction that was left open is undone by the next request.
    journal
        .append_and_wait(vec![changed(id, 0, StepState::Leased)])
        .unwrap();
    assert_eq!(
        reader.step_on(id, "sw-0").unwrap().unwrap().status.state,
        StepState::Leased
    );
}
