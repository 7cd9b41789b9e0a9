//! A power cut at any moment loses nothing that was answered for, and leaves files that are whole.
//!
//! ```text
//!   files when a request was answered for, and nothing is under way   = A, which is on the disk
//!   files when the next one was                                       = B
//!   the power fails in between: A, and of what B changes any part, in any order, torn anywhere
//! ```
//!
//! What comes to the disk between two syncs may do so in any order and by halves: each sector that is written is the
//! old one, the new one, or anything; a file that grows has any length on its way. What syncs keep apart stands in
//! [`Cut`]: the audit log is synced before the journal is written; a write-ahead log that begins anew has its header
//! synced before what follows (SQLite's `walRestartHdr`); pages go into the database only from a log that is synced.
//!
//! It rests on what SQLite rests on: a sync that has returned was done, and a write spoils no byte beside its own
//! (`SQLITE_POWERSAFE_OVERWRITE`, its default). That SQLite is asked to sync each commit is checked; a disk that lies
//! about it cannot be simulated here.

use super::*;

/// Runs that are kept, each with a submission, a lease and an end.
const RUNS: u64 = 8;
/// Power cuts between each two answers.
const CUTS: usize = 8;
/// What is written at once, or not, or by halves.
const SECTOR: usize = 512;
/// The header of a write-ahead log.
const HEADER: usize = 32;

/// When the power fails.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// While the audit log is written: the journal is not yet.
    Audit,
    /// While the journal's log is: the audit log is synced.
    Journal,
    /// While pages go from the log, which is synced, into the database.
    Checkpoint,
}

/// A small generator (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap()
    }

    /// A file on its way from `before` to `after`, of which the first bytes are not touched.
    fn torn(&mut self, before: &[u8], after: &[u8], untouched: usize) -> Vec<u8> {
        let least = before.len().min(after.len()).max(untouched);
        let most = before.len().max(after.len());
        let len = least + self.below(most - least + 1);
        let mut file = vec![0; len];
        let mut at = 0;
        while at < len {
            let end = ((at / SECTOR + 1) * SECTOR).min(len);
            let [old, new] = [before, after].map(|of| of.get(at..end.min(of.len())).unwrap_or(&[]));
            let sector = &mut file[at..end];
            let put = |sector: &mut [u8], of: &[u8]| sector[..of.len()].copy_from_slice(of);
            let from = untouched.saturating_sub(at).min(sector.len());
            match self.below(4) {
                _ if old == new => put(sector, old),
                0 => put(sector, old),
                1 | 2 => put(sector, new),
                _ => sector.fill_with(|| u8::try_from(self.below(256)).unwrap()),
            }
            sector[..from].copy_from_slice(&after[at..at + from]);
            at = end;
        }
        file
    }
}

/// What is on the disk.
#[derive(Clone)]
struct Disk {
    database: Vec<u8>,
    log: Vec<u8>,
    audit: Vec<u8>,
}

fn log_of(folder: &Path) -> std::path::PathBuf {
    folder.join(format!("{FILE}-wal"))
}

fn audit_of(folder: &Path) -> std::path::PathBuf {
    folder.join(AUDIT_FOLDER).join(audit::file_name(1))
}

impl Disk {
    /// As it is now, while nothing is under way.
    fn of(folder: &Path) -> Self {
        Self {
            database: fs::read(folder.join(FILE)).unwrap(),
            log: fs::read(log_of(folder)).unwrap(),
            audit: fs::read(audit_of(folder)).unwrap(),
        }
    }

    /// On another machine, as it is found when the power is back.
    fn put(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(AUDIT_FOLDER)).unwrap();
        fs::write(folder.path().join(FILE), &self.database).unwrap();
        fs::write(log_of(folder.path()), &self.log).unwrap();
        fs::write(audit_of(folder.path()), &self.audit).unwrap();
        folder
    }

    /// On its way to `after`, when the power fails.
    fn cut(&self, after: &Self, when: Cut, random: &mut Random) -> Self {
        let mut found = self.clone();
        match when {
            Cut::Audit => found.audit = random.torn(&self.audit, &after.audit, self.audit.len()),
            Cut::Journal => {
                found.audit.clone_from(&after.audit);
                // A log that has begun anew: nothing behind its header is there yet.
                let untouched = common(&self.log, &after.log).max(HEADER);
                found.log = random.torn(&self.log, &after.log, untouched);
            }
            Cut::Checkpoint => found.database = random.torn(&self.database, &after.database, 0),
        }
        found
    }
}

/// How many bytes two files begin with alike.
fn common(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

/// Keeps runs, and hands each two states of the disk to `look`, with what was answered for at the first of them.
fn keep_runs(mut look: impl FnMut(&Disk, &Disk, &[Cut], &killed::Phases)) {
    let (folder, journal) = a_journal();
    let synchronous = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(-1));
    let found = synchronous.clone();
    journal.meddle(move |connection| {
        let value = connection.pragma_query_value(None, "synchronous", |row| row.get(0));
        found.store(value.unwrap(), Ordering::SeqCst);
    });
    assert_eq!(
        synchronous.load(Ordering::SeqCst),
        2,
        "each commit is synced"
    );
    let mut told = killed::Phases::new();
    let mut before = Disk::of(folder.path());
    for no in 0..RUNS {
        let run = journal.next_run();
        for phase in 1..=3 {
            journal
                .append_and_wait(killed::changes(run, phase))
                .unwrap();
            let after = Disk::of(folder.path());
            assert_eq!(before.database, after.database, "it is all in the log");
            look(&before, &after, &[Cut::Audit, Cut::Journal], &told);
            told.insert(run.0, phase);
            before = after;
        }
        if no % 3 == 2 {
            journal.meddle(|connection| {
                let pragma = "PRAGMA wal_checkpoint(PASSIVE)";
                let is_done =
                    |row: &rusqlite::Row<'_>| Ok(row.get::<_, i64>(1)? == row.get::<_, i64>(2)?);
                assert!(connection.query_row(pragma, [], is_done).unwrap());
            });
            let after = Disk::of(folder.path());
            assert!(before.log == after.log && before.database != after.database);
            look(&before, &after, &[Cut::Checkpoint], &told);
            before = after;
        }
    }
}

#[test]
fn whatever_was_answered_for_outlives_a_power_cut() {
    let mut random = Random(1);
    let (mut cuts, mut restarts) = (0, 0);
    keep_runs(|before, after, moments, told| {
        restarts += usize::from(common(&before.log, &after.log) < HEADER && !before.log.is_empty());
        for moment in moments {
            for _ in 0..CUTS {
                let folder = before.cut(after, *moment, &mut random).put();
                // It is put right by whoever opens it first.
                drop(open(folder.path()));
                killed::check(folder.path(), told);
                cuts += 1;
            }
        }
    });
    assert!(
        cuts > 300 && restarts > 1,
        "{cuts} cuts, {restarts} restarts"
    );
}

/// What is missing from within what was answered for is seen: a test that could not see it would prove nothing.
#[test]
fn a_sync_that_was_none_would_be_seen() {
    let mut seen = 0;
    keep_runs(|before, after, moments, told| {
        let Some((run, phase)) = told.last_key_value() else {
            return;
        };
        let end = common(&before.log, &after.log);
        if !matches!(moments, [Cut::Audit, Cut::Journal]) || end < before.log.len() {
            return;
        }
        // The last byte of what was answered for last had not come to the disk.
        let mut found = before.clone();
        found.log.truncate(end - 1);
        let folder = found.put();
        let reader = open(folder.path()).reader().unwrap();
        let live = reader.live().unwrap();
        let kept = live.iter().find(|(kept, _)| kept.id.0 == *run);
        assert!(kept.is_none_or(|(_, steps)| killed::phase_of(&steps[0]) < *phase));
        seen += 1;
    });
    assert!(seen > 5, "{seen}");
}
