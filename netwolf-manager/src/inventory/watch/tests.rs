//! The watcher on a real directory: each kind of change brings a word, and nothing else does.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use super::*;

/// How long a word may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

struct Watched {
    root: tempfile::TempDir,
    watcher: Watcher,
    words: mpsc::Receiver<()>,
}

impl Watched {
    fn start(files: &[&str], patterns: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let (watcher, words) = Watcher::start(&sources(root.path(), files, patterns)).unwrap();
        Self {
            root,
            watcher,
            words,
        }
    }

    fn write(&self, name: &str) {
        let path = self.root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "devices: []").unwrap();
    }

    async fn word(&mut self) {
        tokio::time::timeout(DEADLINE, self.words.recv())
            .await
            .expect("a word in time")
            .unwrap();
    }
}

fn sources(root: &Path, files: &[&str], patterns: &[&str]) -> Sources {
    let paths = |names: &[&str]| {
        names
            .iter()
            .map(|name| root.join(name))
            .collect::<BTreeSet<_>>()
    };
    Sources {
        files: paths(files),
        patterns: paths(patterns),
        ..Sources::default()
    }
}

#[tokio::test]
async fn a_file_written_in_place_or_replaced_brings_a_word() {
    let mut watched = Watched::start(&["netwolf.yml"], &[]);
    watched.write("netwolf.yml");
    watched.word().await;
    watched.write("netwolf.yml");
    watched.word().await;
    watched.write("netwolf.yml.new");
    fs::rename(
        watched.root.path().join("netwolf.yml.new"),
        watched.root.path().join("netwolf.yml"),
    )
    .unwrap();
    watched.word().await;
    fs::remove_file(watched.root.path().join("netwolf.yml")).unwrap();
    watched.word().await;
}

#[tokio::test]
async fn a_file_that_comes_to_match_a_pattern_brings_a_word() {
    let mut watched = Watched::start(&[], &["devices/*.yml"]);
    // The directory is not there yet: its coming is a change, after which it is followed.
    fs::create_dir(watched.root.path().join("devices")).unwrap();
    watched.word().await;
    let sources = sources(watched.root.path(), &[], &["devices/*.yml"]);
    watched.watcher.follow(&sources).unwrap();
    watched.write("devices/ams.yml");
    watched.word().await;
}

#[test]
fn what_is_read_or_not_ours_is_no_change() {
    use notify::event::{AccessKind, AccessMode, CreateKind, Flag, ModifyKind, RemoveKind};

    let relevance = Relevance::of(
        &sources(Path::new("/etc/netwolf"), &["netwolf.yml"], &[]),
        Path::new("/"),
    );
    let check = |kind: EventKind, path: &str, expected: bool| {
        let event = Ok(notify::Event::new(kind).add_path(path.into()));
        assert_eq!(is_change(&event, &relevance), expected, "{kind:?} {path}");
    };
    let ours = "/etc/netwolf/netwolf.yml";
    check(
        EventKind::Access(AccessKind::Open(AccessMode::Read)),
        ours,
        false,
    );
    check(
        EventKind::Access(AccessKind::Close(AccessMode::Write)),
        ours,
        false,
    );
    check(EventKind::Create(CreateKind::File), ours, true);
    check(EventKind::Modify(ModifyKind::Any), ours, true);
    check(EventKind::Remove(RemoveKind::File), ours, true);
    check(
        EventKind::Modify(ModifyKind::Any),
        "/etc/netwolf/netwolf.yml.swp",
        false,
    );
    let lost = notify::Event::new(EventKind::Other).set_flag(Flag::Rescan);
    assert!(is_change(&Ok(lost), &relevance), "events were lost");
    assert!(is_change(&Err(notify::Error::generic("lost")), &relevance));
}

#[tokio::test]
async fn no_words_come_when_the_watcher_is_dropped() {
    let Watched {
        root: _root,
        watcher,
        mut words,
    } = Watched::start(&["netwolf.yml"], &[]);
    drop(watcher);
    let end = tokio::time::timeout(DEADLINE, words.recv())
        .await
        .expect("the queue closes");
    assert_eq!(end, None);
}
