use std::fs;

use super::*;

/// A folder with a program, which adds a line to `runs` each time, and what `exec:` keeps of it.
struct Bench {
    folder: tempfile::TempDir,
    programs: &'static Programs,
}

impl Bench {
    fn new(kept: Duration, script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        let runs = folder.path().join("runs");
        let draft = folder.path().join("draft");
        let text = format!("#!/bin/sh\necho run >>{}\n{script}\n", runs.display());
        fs::write(&draft, text).unwrap();
        // Had this process written it, what another thread starts meanwhile would hold it open: "text file busy".
        let mut install = std::process::Command::new("install");
        let installed = install.args(["-m", "700"]).args([&draft, &path]).status();
        assert!(installed.unwrap().success());
        let programs: &'static Programs = Box::leak(Box::new(Programs::keeping(kept)));
        programs.allowed.set(vec![path]).unwrap();
        Self { folder, programs }
    }

    fn program(&self, arguments: &str) -> Program {
        let path = self.folder.path().join("program");
        format!("{} {arguments}", path.display()).parse().unwrap()
    }

    async fn ask(&self, arguments: &str) -> Result<String, SecretError> {
        let secret = self.programs.ask(&self.program(arguments)).await?;
        Ok(secret.expose().to_owned())
    }

    fn runs(&self) -> usize {
        let runs = fs::read_to_string(self.folder.path().join("runs"));
        runs.unwrap_or_default().lines().count()
    }
}

const LONG: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_program_prints_the_secret_and_is_told_its_arguments() {
    let bench = Bench::new(LONG, r#"cat; printf '%s|' "$@""#);
    let secret = bench.ask("read 'a b' $HOME").await.unwrap();
    assert_eq!(secret, "read|a b|$HOME|");
    let bench = Bench::new(LONG, "echo sesame");
    assert_eq!(bench.ask("").await.unwrap(), "sesame");
}

#[tokio::test]
async fn what_is_not_allowed_is_not_run() {
    let bench = Bench::new(LONG, "echo sesame");
    let other: Program = "/bin/echo sesame".parse().unwrap();
    let error = bench.programs.ask(&other).await.unwrap_err().to_string();
    assert!(error.contains("--secret.exec-allow /bin/echo"), "{error}");
    let strict: &'static Programs = Box::leak(Box::new(Programs::keeping(LONG)));
    strict.ask(&bench.program("")).await.unwrap_err();
    assert_eq!(bench.runs(), 0);
}

#[tokio::test]
async fn who_asks_at_the_same_moment_shares_an_answer() {
    let bench = Bench::new(LONG, "echo sesame");
    let (one, two, other) = tokio::join!(bench.ask("x"), bench.ask("x"), bench.ask("y"));
    assert_eq!([one.unwrap(), two.unwrap(), other.unwrap()], ["sesame"; 3]);
    assert_eq!(bench.runs(), 2);
    bench.ask("x").await.unwrap();
    assert_eq!(bench.runs(), 2);
    // A failure is an answer, too.
    let bench = Bench::new(LONG, "exit 3");
    let (one, two) = tokio::join!(bench.ask("x"), bench.ask("x"));
    assert_eq!(one.unwrap_err().to_string(), two.unwrap_err().to_string());
    assert_eq!(bench.runs(), 1);
}

#[tokio::test]
async fn an_answer_is_forgotten_after_a_moment() {
    let bench = Bench::new(Duration::ZERO, "echo sesame");
    bench.ask("x").await.unwrap();
    while !bench.programs.slots().is_empty() {
        tokio::task::yield_now().await;
    }
    bench.ask("x").await.unwrap();
    assert_eq!(bench.runs(), 2);
}

#[tokio::test]
async fn who_gives_up_kills_what_he_has_started_and_the_next_one_runs_it() {
    let bench = Bench::new(
        LONG,
        "echo $$ >$0.id; if [ $1 = hang ]; then sleep 3600 & wait; fi; echo sesame",
    );
    let asking = tokio::spawn(
        bench
            .programs
            .ask(Box::leak(Box::new(bench.program("hang")))),
    );
    let id = bench.folder.path().join("program.id");
    let id = loop {
        // Written in one piece, and its end is the line's.
        match fs::read_to_string(&id) {
            Ok(text) if text.ends_with('\n') => break text.trim().to_owned(),
            _ => tokio::task::yield_now().await,
        }
    };
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    // All of the group: nobody of it is left but those that nobody has waited for.
    let is_alive = || {
        fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let fields: Vec<_> = stat
                .rsplit(')')
                .next()
                .unwrap_or_default()
                .split_whitespace()
                .collect();
            fields.get(2) == Some(&id.as_str()) && fields.first() != Some(&"Z")
        })
    };
    while is_alive() {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.ask("").await.unwrap(), "sesame");
}

#[tokio::test]
async fn what_is_wrong_is_told_without_what_was_printed() {
    let bench = Bench::new(
        LONG,
        "echo hunter2; echo 'no such thing as hunter2\u{1b}[2J' >&2; exit 4",
    );
    let error = bench.ask("--token=hunter3").await.unwrap_err().to_string();
    assert!(
        error.ends_with("failed with exit status: 4: no such thing as *** [2J"),
        "{error}"
    );
    assert!(!error.contains("hunter"), "{error}");
    let bench = Bench::new(LONG, "head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1");
    let error = bench.ask("").await.unwrap_err().to_string();
    assert!(error.len() < 600 && error.contains("xxx"), "{error}");
    let bench = Bench::new(LONG, "yes");
    assert!(matches!(bench.ask("").await, Err(SecretError::TooLong(_))));
    let bench = Bench::new(LONG, "");
    assert!(matches!(bench.ask("").await, Err(SecretError::Empty(_))));
    fs::remove_file(bench.folder.path().join("program")).unwrap();
    let error = bench.ask("again").await.unwrap_err().to_string();
    assert!(error.starts_with("cannot run"), "{error}");
}
