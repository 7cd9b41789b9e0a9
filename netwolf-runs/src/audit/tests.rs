//! What is done to an audit log, and what is found.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
};

use netwolf_wire::step::RunId;
use tempfile::TempDir;

use super::*;

mod properties;

/// Bytes of a file in these tests: a few records.
const SMALL: u64 = 1000;

fn command(n: u64) -> Record {
    Record {
        step: Some(0),
        attempt: Some(1),
        index: Some(u32::try_from(n).unwrap()),
        command: Some(format!("show thing {n}")),
        ..Record::new(
            1_767_225_600_000 + n,
            Action::Command,
            RunId(1 + n / 10),
            "anna",
            Outcome::Succeeded,
        )
    }
}

fn open(folder: &Path, head: Option<Head>) -> Result<Opened, AuditError> {
    Log::open_with(folder, head, SMALL)
}

#[track_caller]
fn fault(result: Result<Opened, AuditError>) -> VerifyError {
    match result {
        Err(AuditError::Fault(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

/// A log of some records, each written for itself, and its head.
fn a_log(n: u64) -> (TempDir, Head) {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path(), Some(Head::START)).unwrap().log;
    for n in 0..n {
        log.append([&command(n)]).unwrap();
    }
    (folder, log.head())
}

fn lines(folder: &Path, number: u32) -> Vec<String> {
    let text = fs::read_to_string(folder.join(file_name(number))).unwrap();
    text.lines().map(Into::into).collect()
}

fn write(folder: &Path, number: u32, lines: &[String]) {
    let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    fs::write(folder.join(file_name(number)), text).unwrap();
}

/// What the whole log says, by the commands in it.
fn commands(folder: &Path) -> Vec<String> {
    let numbers = files::numbers(folder).unwrap();
    let lines = numbers.iter().flat_map(|number| lines(folder, *number));
    lines
        .map(|line| chain::record(line.as_bytes()).unwrap().command.unwrap())
        .collect()
}

#[test]
fn a_log_is_what_was_appended_in_files_that_are_its_owners_alone() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("runs/audit");
    let opened = open(&folder, Some(Head::START)).unwrap();
    assert_eq!((opened.torn, opened.ahead, opened.max_run), (0, 0, None));
    let mut log = opened.log;
    log.append(&[command(0), command(1)]).unwrap();
    for n in 2..20 {
        log.append([&command(n)]).unwrap();
    }
    let head = log.head();
    assert_eq!((head.seq, head.file > 3), (20, true));
    let report = verify(&folder, None, Some(&head)).unwrap();
    let expected = Report {
        files: head.file as usize,
        records: 20,
        last: head,
        ahead: 0,
        torn: 0,
    };
    assert_eq!(report, expected);
    let expected: Vec<_> = (0..20).map(|n| format!("show thing {n}")).collect();
    assert_eq!(commands(&folder), expected);
    for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
        let metadata = entry.metadata().unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert!(metadata.len() < SMALL + 500);
    }
    let mode = fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);

    // A log that is opened again goes on, and closes what was opened to others.
    drop(log);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let opened = open(&folder, Some(head)).unwrap();
    assert_eq!((opened.torn, opened.ahead), (0, 0));
    assert_eq!(opened.max_run, Some(RunId(2)));
    let mut log = opened.log;
    log.append([&command(20)]).unwrap();
    assert_eq!(
        verify(&folder, None, Some(&log.head())).unwrap().records,
        21
    );
    let mode = fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_changed_record_is_found_with_its_file_and_line() {
    let (folder, head) = a_log(12);
    let folder = folder.path();
    let mut lines = lines(folder, 2);
    lines[1] = lines[1].replace("show thing", "show other");
    write(folder, 2, &lines);
    for head in [None, Some(&head)] {
        let error = verify(folder, None, head).unwrap_err();
        assert_eq!(
            error.to_string(),
            "audit-000002.jsonl:2 was changed: it does not have the hash that it says"
        );
    }
}

#[test]
fn a_changed_record_with_a_new_hash_is_found_at_the_next_one_and_at_the_end_by_the_head() {
    let (folder, head) = a_log(12);
    let folder = folder.path();
    let forge = |number: u32, index: usize| {
        let mut lines = lines(folder, number);
        let whole = lines.clone();
        let joint = chain::read(lines[index].as_bytes()).unwrap();
        let mut record = chain::record(lines[index].as_bytes()).unwrap();
        record.requester = "nobody".into();
        let before = Head {
            seq: joint.seq - 1,
            hash: joint.prev,
            file: number,
        };
        lines[index].clear();
        chain::seal(&mut lines[index], &before, &record).unwrap();
        lines[index].pop();
        write(folder, number, &lines);
        let error = verify(folder, None, Some(&head)).unwrap_err();
        let without_head = verify(folder, None, None).map(|report| report.records);
        let opened = open(folder, Some(head)).map(|opened| opened.ahead);
        write(folder, number, &whole);
        (error, without_head, opened)
    };
    let last = lines(folder, head.file).len();

    let (error, without_head, opened) = forge(2, 0);
    assert!(
        matches!(
            &error,
            VerifyError::Unchained {
                at: Place { file: 2, line: 2 },
                ..
            }
        ),
        "{error}"
    );
    assert!(without_head.is_err());
    // A start reads only what it needs.
    assert_eq!(opened.unwrap(), 0);
    // Nobody without the head can know.
    let (error, without_head, opened) = forge(head.file, last - 1);
    assert!(
        matches!(&error, VerifyError::Replaced { seq: 12, .. }),
        "{error}"
    );
    assert!(matches!(
        opened,
        Err(AuditError::Fault(VerifyError::Replaced { seq: 12, .. }))
    ));
    assert_eq!(without_head.unwrap(), 12);
    verify(folder, None, Some(&head)).unwrap();
}

#[test]
fn missing_records_are_found_and_counted() {
    let (folder, head) = a_log(12);
    let folder = folder.path();
    let mut lines = lines(folder, 2);
    let seq = chain::read(lines[0].as_bytes()).unwrap().seq;
    lines.remove(1);
    write(folder, 2, &lines);
    let error = verify(folder, None, Some(&head)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "audit-000002.jsonl:2: record {} stands where record {} should; 1 record is missing",
            seq + 2,
            seq + 1
        )
    );
}

#[test]
fn records_in_another_order_or_twice_are_found() {
    let (folder, head) = a_log(12);
    let folder = folder.path();
    let whole = lines(folder, 2);
    let seq = chain::read(whole[0].as_bytes()).unwrap().seq;

    let mut lines = whole.clone();
    lines.swap(0, 2);
    write(folder, 2, &lines);
    let error = verify(folder, None, Some(&head)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "audit-000002.jsonl:1: record {} stands where record {seq} should, out of order",
            seq + 2
        )
    );

    let mut lines = whole;
    lines.insert(1, lines[0].clone());
    write(folder, 2, &lines);
    let error = verify(folder, None, Some(&head)).unwrap_err();
    assert!(
        matches!(
            &error,
            VerifyError::Order {
                at: Place { file: 2, line: 2 },
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_missing_file_is_named_wherever_it_was() {
    let (folder, head) = a_log(12);
    let folder = folder.path();
    assert!(head.file > 2);
    for number in 1..=head.file {
        let path = folder.join(file_name(number));
        let content = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let error = verify(folder, None, Some(&head)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{} is missing", file_name(number))
        );
        // The newest one is missed by the head alone.
        assert_eq!(verify(folder, None, None).is_ok(), number == head.file);
        fs::write(&path, content).unwrap();
    }
    verify(folder, None, Some(&head)).unwrap();
    fs::remove_file(folder.join(file_name(head.file))).unwrap();
    assert!(
        matches!(fault(open(folder, Some(head))), VerifyError::MissingFile(number) if number == head.file)
    );
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(
        verify(empty.path(), None, None),
        Err(VerifyError::Nothing(_))
    ));
    assert!(matches!(
        verify(&empty.path().join("no"), None, None),
        Err(VerifyError::Read(..))
    ));
}

#[test]
fn an_end_that_was_cut_off_is_found_by_the_head() {
    let (folder, head) = a_log(12);
    let folder = folder.path();
    let mut lines = lines(folder, head.file);
    lines.pop();
    write(folder, head.file, &lines);
    let error = verify(folder, None, Some(&head)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the log ends with record 11 at {}:{}, and its head is record 12; 1 record is missing at the end",
            file_name(head.file),
            lines.len()
        )
    );
    assert_eq!(verify(folder, None, None).unwrap().records, 11);
    let VerifyError::Truncated { last, head, .. } = fault(open(folder, Some(head))) else {
        panic!("another fault");
    };
    assert_eq!((last, head), (11, 12));
}

#[test]
fn archived_files_are_passed_over_by_the_head_that_they_end_with() {
    let (folder, head) = a_log(12);
    let folder = folder.path();
    let archive = tempfile::tempdir().unwrap();
    for number in 1..=2 {
        let name = file_name(number);
        fs::copy(folder.join(&name), archive.path().join(&name)).unwrap();
        fs::remove_file(folder.join(&name)).unwrap();
    }
    let archived = verify(archive.path(), None, None).unwrap();
    assert!(matches!(
        verify(folder, None, Some(&head)),
        Err(VerifyError::MissingFile(1))
    ));
    let report = verify(folder, Some(&archived.last), Some(&head)).unwrap();
    assert_eq!(report.records + archived.records, 12);
    // Another end is not taken for it.
    let other = Head {
        seq: archived.last.seq - 1,
        ..archived.last
    };
    assert!(verify(folder, Some(&other), Some(&head)).is_err());
    // The manager does not need them.
    open(folder, Some(head)).unwrap();
}

#[test]
fn what_a_crash_leaves_is_cut_off_and_told() {
    let (folder, head) = a_log(12);
    let folder = folder.path();
    let path = folder.join(file_name(head.file));
    let whole = fs::read(&path).unwrap();
    // Half of a line; blocks that were never written; lines of which the first was not written.
    let torn: [&[u8]; 4] = [
        b"{\"seq\":13,\"ti",
        &[0; 700],
        b"\0\0\0\n{\"seq\":14}\n",
        b"\n",
    ];
    for torn in torn {
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(torn).unwrap();
        let opened = open(folder, Some(head)).unwrap();
        assert_eq!((opened.torn, opened.ahead), (torn.len() as u64, 0));
        assert_eq!(opened.log.head(), head);
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
    // One that is just being written is not a fault, and one that was written before others is.
    fs::write(&path, [&whole, torn[0]].concat()).unwrap();
    assert_eq!(
        verify(folder, None, Some(&head)).unwrap().torn,
        torn[0].len() as u64
    );
    let first = folder.join(file_name(1));
    let content = fs::read(&first).unwrap();
    fs::write(&first, [&content, torn[0]].concat()).unwrap();
    let error = verify(folder, None, Some(&head)).unwrap_err();
    assert!(matches!(
        error,
        VerifyError::NoRecord(Place { file: 1, .. })
    ));
}

#[test]
fn records_ahead_of_the_journal_stay_and_are_not_written_again() {
    let (folder, head) = a_log(6);
    let folder = folder.path();
    let mut log = open(folder, Some(head)).unwrap().log;
    let cancel = Record::new(7, Action::Cancel, RunId(9), "anna", Outcome::Accepted);
    log.append([&command(6), &command(7), &cancel]).unwrap();
    let ahead = log.head();
    drop(log);

    let opened = open(folder, Some(head)).unwrap();
    assert_eq!((opened.ahead, opened.max_run), (3, Some(RunId(9))));
    let mut log = opened.log;
    assert_eq!(log.head(), ahead);
    assert_eq!(verify(folder, None, Some(&head)).unwrap().ahead, 3);
    // The agent tells again, at another time; a second cancel is another one.
    let again = Record {
        unix_ms: 5,
        ..command(7)
    };
    log.append([&again, &cancel]).unwrap();
    assert_eq!(log.head(), ahead);
    let otherwise = Record {
        outcome: Outcome::Failed,
        ..command(7)
    };
    let second = Record {
        unix_ms: 8,
        ..cancel
    };
    log.append([&command(6), &otherwise, &second, &command(8)])
        .unwrap();
    assert_eq!(log.head().seq, ahead.seq + 3);
    verify(folder, None, Some(&log.head())).unwrap();
}

/// A commit of which nobody knows whether it came to the disk.
#[test]
fn what_is_left_unanswered_is_not_written_twice() {
    let (folder, _) = a_log(3);
    let mut log = open(folder.path(), None).unwrap().log;
    let records = [command(3), command(4)];
    log.append(&records).unwrap();
    log.leave_unanswered(&records);
    log.append([&command(4), &command(5), &command(3)]).unwrap();
    assert_eq!(log.head().seq, 6);
    let expected: Vec<_> = (0..6).map(|n| format!("show thing {n}")).collect();
    assert_eq!(commands(folder.path()), expected);
}

#[test]
fn what_is_taken_back_leaves_no_trace() {
    let (folder, _) = a_log(0);
    let folder = folder.path();
    let mut log = open(folder, Some(Head::START)).unwrap().log;
    let mut kept = 0;
    for n in 0..40 {
        let (before, text) = (log.head(), commands(folder));
        log.append([&command(n)]).unwrap();
        if n % 3 == 0 {
            kept += 1;
            continue;
        }
        log.take_back();
        assert_eq!((log.head(), commands(folder)), (before, text));
    }
    let report = verify(folder, None, Some(&log.head())).unwrap();
    assert_eq!((report.records, report.last), (kept, log.head()));
}

#[test]
fn a_record_that_fits_no_line_is_refused_alone() {
    let (folder, _) = a_log(3);
    let mut log = open(folder.path(), None).unwrap().log;
    let huge = Record {
        command: Some("x".repeat(MAX_LINE)),
        ..command(3)
    };
    let error = log.append([&command(3), &huge]).unwrap_err();
    assert!(matches!(error, AuditError::TooLong(_)), "{error}");
    log.append([&command(3)]).unwrap();
    assert_eq!(
        verify(folder.path(), None, Some(&log.head()))
            .unwrap()
            .records,
        4
    );
}
