//! What goes, what stays, and that nobody waits for it.

use super::*;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Ended runs of two steps with an output each, the first of them longest ago, and one that lives.
fn runs(journal: &Journal, ended_days_ago: &[u64], text: &str) {
    for days in ended_days_ago {
        let id = journal.next_run();
        let key = format!("key {id}");
        journal
            .append_and_wait(submitted(id, 2, Some(&key)))
            .unwrap();
        let mut changes: Vec<_> = (0..2)
            .map(|step| Change::Output(Box::new(output(id, step, 1, 0, text))))
            .collect();
        changes.push(ended(journal, id, RunState::Succeeded, NOW - days * DAY_MS));
        journal.append_and_wait(changes).unwrap();
    }
    journal
        .append_and_wait(submitted(journal.next_run(), 2, None))
        .unwrap();
}

fn prune(journal: &Journal, keep: Keep) -> Pruned {
    let (sender, done) = channel();
    journal.prune(keep, NOW, move |result| sender.send(result).unwrap());
    answer(&done).unwrap()
}

fn left(journal: &Journal) -> Vec<u64> {
    let page = journal.reader().unwrap().runs(&[], None, 100).unwrap();
    page.items.iter().map(|run| run.id.0).collect()
}

#[test]
fn ended_runs_go_by_age_and_by_number_and_live_ones_never() {
    let (folder, journal) = a_journal();
    runs(&journal, &[100, 91, 89, 3, 2, 0], "x");
    let pruned = prune(&journal, Keep::default());
    assert_eq!((pruned.runs, pruned.steps), (2, 4));
    assert_eq!(left(&journal), [7, 6, 5, 4, 3]);
    let keep = Keep {
        runs: 2,
        ..Keep::default()
    };
    assert_eq!(prune(&journal, keep).runs, 2);
    assert_eq!(left(&journal), [7, 6, 5]);
    // One that has just ended is waited for, however many there may be.
    let none = Keep {
        runs: 0,
        age: Duration::ZERO,
        bytes: 0,
        ..Keep::default()
    };
    assert_eq!(prune(&journal, none).runs, 1);
    assert_eq!(left(&journal), [7, 6]);
    assert_eq!(prune(&journal, none).runs, 0);

    let reader = journal.reader().unwrap();
    assert_eq!(reader.run(RunId(5)).unwrap(), None);
    assert_eq!(reader.transcript(RunId(5), 0).unwrap(), []);
    assert_eq!(reader.transcript(RunId(6), 0).unwrap().len(), 1);
    assert_eq!(reader.key("key 5").unwrap(), None);
    assert!(reader.key("key 6").unwrap().is_some());
    assert_eq!(is_whole(folder.path()).records, 7);
    drop((reader, journal));
    assert_eq!(open(folder.path()).next_run(), RunId(8));
}

#[test]
fn numbers_are_not_used_again_though_all_runs_are_gone() {
    let (folder, journal) = a_journal();
    let id = journal.next_run();
    let (run, steps) = planned(id, 1, None, NOW - DAY_MS);
    // Without audit records, which know of it, too.
    let run = Box::new(run);
    journal
        .append_and_wait(vec![Change::Submitted { run, steps }])
        .unwrap();
    let change = ended(&journal, id, RunState::Failed, NOW - DAY_MS);
    journal.append_and_wait(vec![change]).unwrap();
    let keep = Keep {
        runs: 0,
        ..Keep::default()
    };
    assert_eq!(prune(&journal, keep).runs, 1);
    drop(journal);
    assert_eq!(open(folder.path()).next_run(), RunId(2));
}

#[test]
fn a_journal_that_is_too_large_gets_smaller_on_the_disk() {
    let (folder, journal) = a_journal();
    // 40 MiB.
    runs(
        &journal,
        &(0..160).rev().map(|n| n / 2).collect::<Vec<_>>(),
        &"x".repeat(128 * 1024),
    );
    let size = || fs::metadata(folder.path().join(FILE)).unwrap().len();
    let keep = Keep {
        bytes: 8 * 1024 * 1024,
        ..Keep::default()
    };
    let pruned = prune(&journal, keep);
    assert!(pruned.runs > 100 && pruned.runs < 150, "{pruned:?}");
    let left = left(&journal);
    assert!(left.is_sorted_by(|a, b| a > b) && left.len() as u64 == 161 - pruned.runs);
    assert_eq!(left.last(), Some(&(pruned.runs + 1)), "the oldest went");
    drop(journal);
    // What it uses, what it keeps in reserve, and the rest of what is not worth a step.
    assert!(size() < 26 * 1024 * 1024, "{}", size());
    is_whole(folder.path());
}

#[test]
fn requests_are_served_between_the_steps_of_pruning() {
    let (_folder, journal) = a_journal();
    runs(&journal, &[9; 40], "x");
    let (sender, done) = channel();
    let held = hold(&journal);
    let order = |name| {
        let sender = sender.clone();
        move || sender.send(name).unwrap()
    };
    let keep = Keep {
        runs: 0,
        ..Keep::default()
    };
    let pruned = order("pruned");
    journal.prune(keep, NOW, move |result| {
        assert_eq!(result.unwrap().runs, 40);
        pruned();
    });
    let kept = order("kept");
    journal.append(submitted(journal.next_run(), 1, None), move |result| {
        result.unwrap();
        kept();
    });
    drop(held);
    assert_eq!((answer(&done), answer(&done)), ("kept", "pruned"));
    assert_eq!(left(&journal), [42, 41]);
}

#[test]
fn a_pruning_that_was_cut_short_is_told_and_done_by_the_next() {
    let (folder, journal) = a_journal();
    runs(&journal, &[9; 20], "x");
    journal.meddle(|connection| {
        connection
            .execute("UPDATE runs SET gone = 1 WHERE id = 7", [])
            .unwrap();
    });
    assert!(!left(&journal).contains(&7));
    let held = hold(&journal);
    let (sender, done) = channel();
    let keep = Keep {
        runs: 0,
        ..Keep::default()
    };
    journal.prune(keep, NOW, move |result| sender.send(result).unwrap());
    drop(held);
    drop(journal);
    // Dropped at any step: it has been done, or it is closed.
    let result = answer(&done);
    assert!(
        matches!(
            &result,
            Ok(Pruned { runs: 20, .. }) | Err(JournalError::Closed)
        ),
        "{result:?}"
    );
    let journal = open(folder.path());
    prune(&journal, Keep::default());
    assert!(journal.reader().unwrap().whole(RunId(7)).unwrap().is_none());
    journal.meddle(|connection| {
        let count: i64 = connection
            .query_row("SELECT count(*) FROM runs WHERE id = 7", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(count, 0);
    });
    is_whole(folder.path());
}
