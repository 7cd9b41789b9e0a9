//! A disk without room: refused with the reason, nothing lost, and it goes on without a restart.

use std::{
    env,
    io::{ErrorKind, Write},
    process::Command,
};

use super::*;

#[test]
fn a_journal_without_room_refuses_and_goes_on_when_there_is_room() {
    let (folder, journal) = a_journal();
    journal
        .append_and_wait(submitted(journal.next_run(), 1, None))
        .unwrap();
    let limit = |pages: i64| {
        journal.meddle(move |connection| {
            connection
                .pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0))
                .and_then(|count| {
                    connection.pragma(None, "max_page_count", count + pages, |_| Ok(()))
                })
                .unwrap();
        });
    };
    limit(1);
    for _ in 0..3 {
        let error = journal
            .append_and_wait(submitted(journal.next_run(), 500, None))
            .unwrap_err();
        assert_eq!(error.reason(), "full");
        assert!(error.hint().contains("without a restart"));
    }
    let stats = journal.stats();
    assert_eq!((stats.failing, stats.failures), (Some("full"), 3));
    // What needs no room is kept beside what does.
    let held = hold(&journal);
    let large = append(&journal, submitted(journal.next_run(), 500, None));
    let small = append(&journal, vec![changed(RunId(1), 0, StepState::Leased)]);
    drop(held);
    assert_eq!(answer(&large).unwrap_err().reason(), "full");
    answer(&small).unwrap();

    limit(1000);
    journal
        .append_and_wait(submitted(journal.next_run(), 500, None))
        .unwrap();
    assert_eq!(journal.stats().failing, None);
    let page = journal.reader().unwrap().runs(&[], None, 9).unwrap();
    let ids: Vec<_> = page.items.iter().map(|run| run.id.0).collect();
    // Numbers are given out once, whatever came of them.
    assert_eq!(ids, [6, 1]);
    assert_eq!(is_whole(folder.path()).records, 2);
}

const DISK: &str = "NETWOLF_TEST_SMALL_DISK";
/// The exit code of a process that may not mount anything.
const NO_DISK: i32 = 42;

/// With a disk of its own, which nobody else sees and which is gone with the process that has it.
#[test]
fn a_full_disk_is_survived_wherever_it_strikes() {
    if let Some(disk) = env::var_os(DISK) {
        return fill_and_empty(Path::new(&disk));
    }
    let disk = tempfile::tempdir().unwrap();
    let script = format!("mount -t tmpfs -o size=48m none \"$0\" || exit {NO_DISK}; exec \"$@\"");
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .arg(disk.path())
        .arg(env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("journal::tests::full::a_full_disk_is_survived_wherever_it_strikes")
        .env(DISK, disk.path())
        .output();
    let output = match output {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("left out: there is no `unshare` here");
            return;
        }
        output => output.unwrap(),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(NO_DISK) || said.starts_with("unshare:") {
        eprintln!("left out: no disk can be mounted here: {said}");
        return;
    }
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}{said}"
    );
}

fn fill_and_empty(disk: &Path) {
    let (folder, filler) = (disk.join("runs"), disk.join("filler"));
    let journal = open(&folder);
    let mut kept = Vec::new();
    let mut try_one = || {
        let id = journal.next_run();
        let result = journal.append_and_wait(submitted(id, 20, None));
        kept.extend(result.is_ok().then_some(id.0));
        result
    };
    try_one().unwrap();
    for round in 0..24_u64 {
        fill(&filler, round * 3000);
        let error = (0..2000).find_map(|_| try_one().err()).unwrap();
        assert_eq!(error.reason(), "full", "{error:?}");
        assert_eq!(journal.stats().failing, Some("full"));
        // As long as it may last.
        assert_eq!(try_one().unwrap_err().reason(), "full");
        fs::remove_file(&filler).unwrap();
        try_one().unwrap();
        assert_eq!(journal.stats().failing, None);
    }
    let reader = journal.reader().unwrap();
    let found: Vec<_> = reader
        .live()
        .unwrap()
        .iter()
        .map(|(run, steps)| {
            assert_eq!(steps.len(), 20);
            run.id.0
        })
        .collect();
    assert_eq!(found, kept);
    assert_eq!(is_whole(&folder).records, kept.len() as u64);
    // A disk that is full at the start is told as that, too, or does no harm.
    drop((reader, journal));
    fill(&filler, 0);
    if let Err(error) = Journal::open(&folder, Options::default()) {
        assert!(error.is_full(), "{error:?}");
    }
    fs::remove_file(&filler).unwrap();
    assert_eq!(
        open(&folder).reader().unwrap().live().unwrap().len(),
        kept.len()
    );
    is_whole(&folder);
}

/// Leaves so many bytes of the disk, to the page.
fn fill(filler: &Path, spare: u64) {
    let mut file = fs::File::create(filler).unwrap();
    let error = (0..)
        .find_map(|_| file.write_all(&[0; 4096]).err())
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    let len = file.metadata().unwrap().len();
    file.set_len(len - spare).unwrap();
}
