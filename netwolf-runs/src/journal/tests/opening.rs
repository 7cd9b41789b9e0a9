//! What is found when a journal is opened, and what it does about it.

use super::*;
use crate::audit::{AuditError, Log, VerifyError};

#[track_caller]
fn refused(folder: &Path) -> OpenError {
    let error = Journal::open(folder, Options::default()).unwrap_err();
    assert!(!error.hint().is_empty() && !error.is_full(), "{error}");
    error
}

#[test]
fn all_files_are_their_owners_alone_and_room_can_be_given_back() {
    let (folder, journal) = a_journal();
    journal
        .append_and_wait(submitted(journal.next_run(), 1, None))
        .unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.path()), 0o700);
    assert_eq!(mode(&folder.path().join(AUDIT_FOLDER)), 0o700);
    for name in [FILE, "journal.sqlite-wal", "journal.sqlite-shm"] {
        assert_eq!(mode(&folder.path().join(name)), 0o600, "{name}");
    }
    journal.meddle(|connection| {
        let pragma = |name| -> i64 {
            connection
                .pragma_query_value(None, name, |row| row.get(0))
                .unwrap()
        };
        // INCREMENTAL, FULL.
        assert_eq!((pragma("auto_vacuum"), pragma("synchronous")), (2, 2));
        assert_eq!((pragma("foreign_keys"), pragma("user_version")), (1, 1));
        let mode: String = connection
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .unwrap();
        assert_eq!(mode, "wal");
    });
}

#[test]
fn a_damaged_journal_is_not_opened() {
    let (folder, journal) = a_journal();
    journal
        .append_and_wait(submitted(journal.next_run(), 500, None))
        .unwrap();
    drop(journal);
    let path = folder.path().join(FILE);
    let whole = fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    // From the second page on: what the header says stays true.
    for byte in &mut damaged[4096 * 2..4096 * 8] {
        *byte ^= 0x55;
    }
    fs::write(&path, damaged).unwrap();
    let error = refused(folder.path());
    let OpenError::Journal(_, JournalError::Corrupt(_)) = &error else {
        panic!("{error:?}");
    };
    assert!(error.hint().contains("backup"), "{}", error.hint());

    fs::write(
        &path,
        "no database, but a text that is long enough for one".repeat(20),
    )
    .unwrap();
    let error = refused(folder.path());
    assert!(
        matches!(error, OpenError::Journal(_, JournalError::Corrupt(_))),
        "{error:?}"
    );
    fs::write(&path, whole).unwrap();
    assert_eq!(
        open(folder.path()).reader().unwrap().live().unwrap().len(),
        1
    );
}

#[test]
fn a_journal_of_a_later_version_is_left_alone() {
    let (folder, journal) = a_journal();
    journal.meddle(|connection| {
        connection.pragma_update(None, "user_version", 99).unwrap();
    });
    drop(journal);
    let error = refused(folder.path());
    assert!(
        matches!(error, OpenError::Newer { found: 99, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("format 99"), "{error}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = refused(&file.join("runs"));
    assert!(matches!(error, OpenError::Folder(..)), "{error:?}");
}

/// A crash between the audit log's fsync and the journal's commit.
#[test]
fn audit_records_ahead_of_the_journal_are_harmless_and_not_told_twice() {
    let (folder, journal) = a_journal();
    let id = journal.next_run();
    journal.append_and_wait(submitted(id, 1, None)).unwrap();
    let head = journal.audit_head();
    drop(journal);
    let audit = folder.path().join(AUDIT_FOLDER);
    let mut log = Log::open(&audit, Some(head)).unwrap().log;
    let (lost, _) = planned(RunId(8), 1, None, NOW);
    log.append([&typed(id, 0, 1, 0), &lost.submitted()])
        .unwrap();
    drop(log);

    let (journal, found) = Journal::open(folder.path(), Options::default()).unwrap();
    let expected = Found {
        ahead: 2,
        ..Found::default()
    };
    assert_eq!(found, expected);
    assert_eq!(is_whole(folder.path()).records, 3);
    // The run that nobody was told of never was; its number is not given out again.
    assert_eq!(journal.next_run(), RunId(9));
    journal
        .append_and_wait(vec![
            changed(id, 0, StepState::Succeeded),
            Change::Audit(Box::new(typed(id, 0, 1, 0))),
        ])
        .unwrap();
    let report = is_whole(folder.path());
    assert_eq!((report.records, report.ahead), (3, 0));
}

#[test]
fn an_audit_log_that_lost_its_end_is_not_gone_on_with_until_it_is_put_back_or_begun_anew() {
    let (folder, journal) = a_journal();
    for _ in 0..3 {
        journal
            .append_and_wait(submitted(journal.next_run(), 1, None))
            .unwrap();
    }
    let head = journal.audit_head();
    drop(journal);
    let path = folder.path().join(AUDIT_FOLDER).join(audit::file_name(1));
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    fs::write(&path, lines[..2].concat()).unwrap();

    let error = refused(folder.path());
    assert!(
        matches!(
            error,
            OpenError::Audit(
                _,
                AuditError::Fault(VerifyError::Truncated {
                    last: 2,
                    head: 3,
                    ..
                })
            )
        ),
        "{error:?}"
    );
    assert!(error.hint().contains("netwolf audit verify"));
    // As it is told there is to do: put back, it is gone on with.
    fs::write(&path, &text).unwrap();
    let journal = open(folder.path());
    assert_eq!(journal.audit_head(), head);
    drop(journal);
    // With nothing to put back, both are taken away and begin anew.
    let kept = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        fs::rename(entry.path(), kept.path().join(entry.file_name())).unwrap();
    }
    let (journal, found) = Journal::open(folder.path(), Options::default()).unwrap();
    assert!(found.is_new);
    assert_eq!(journal.next_run(), RunId(1));
    assert_eq!(is_whole(kept.path()).records, 3);
}

#[test]
fn a_journal_that_was_taken_away_begins_anew_and_the_audit_log_goes_on() {
    let (folder, journal) = a_journal();
    for _ in 0..3 {
        journal
            .append_and_wait(submitted(journal.next_run(), 1, None))
            .unwrap();
    }
    drop(journal);
    fs::remove_file(folder.path().join(FILE)).unwrap();
    let (journal, found) = Journal::open(folder.path(), Options::default()).unwrap();
    assert!(found.is_new);
    let id = journal.next_run();
    assert_eq!(id, RunId(4));
    journal.append_and_wait(submitted(id, 1, None)).unwrap();
    assert_eq!(is_whole(folder.path()).records, 4);
}

#[test]
fn the_journal_beside_an_audit_log_knows_its_head_open_or_not() {
    let (folder, journal) = a_journal();
    let audit = folder.path().join(AUDIT_FOLDER);
    journal
        .append_and_wait(submitted(journal.next_run(), 1, None))
        .unwrap();
    let head = journal.audit_head();
    assert_eq!((head.seq, head_beside(&audit).unwrap()), (1, Some(head)));
    drop(journal);
    assert_eq!(head_beside(&audit).unwrap(), Some(head));
    assert_eq!(open(folder.path()).audit_head(), head);
    fs::write(
        folder.path().join(FILE),
        "not a database, but long enough".repeat(20),
    )
    .unwrap();
    assert_eq!(head_beside(&audit).unwrap_err().reason(), "corrupt");
    fs::remove_file(folder.path().join(FILE)).unwrap();
    assert_eq!(head_beside(&audit).unwrap(), None);
    assert_eq!(head_beside(&folder.path().join("no")).unwrap(), None);
}
