//! The program `netwolf-agent` as a person or a supervisor runs it.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use crate::support::*;

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf-agent"));
    command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Ends with the test, whatever happens.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Running {
    fn start(args: &[&str]) -> Self {
        Self(program(args).spawn().unwrap())
    }

    fn first_line(&mut self) -> String {
        let mut line = String::new();
        let stdout = self.0.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    async fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the program does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn a_signal_ends_it_with_a_goodbye_and_exit_code_0() {
    let mut manager = Manager::start().await;
    let address = manager.address();
    let args = [
        "--manager.address",
        &address,
        "--name",
        "a1",
        "--shards",
        "1",
        "--announce",
    ];
    let mut running = Running::start(&args);
    assert_eq!(
        running.first_line(),
        r#"{"name":"a1","ready":"agent","shards":1}"#
    );
    let mut link = manager.welcome().await;
    link.until("the link to stand", |world| world.beats > 0)
        .await;
    let pid = running.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    link.until_closed().await;
    assert!(link.world.goodbye);
    assert_eq!(running.end().await.code(), Some(0));
}

#[tokio::test]
async fn the_end_of_its_parent_ends_it() {
    let mut manager = Manager::start().await;
    let address = manager.address();
    let args = [
        "--manager.address",
        &address,
        "--name",
        "a1",
        "--shards",
        "1",
        "--exit-with-parent",
    ];
    let mut running = Running::start(&args);
    let mut link = manager.welcome().await;
    link.until("the link to stand", |world| world.beats > 0)
        .await;
    drop(running.0.stdin.take());
    link.until_closed().await;
    assert!(link.world.goodbye);
    assert_eq!(running.end().await.code(), Some(0));
}

#[test]
fn bad_usage_is_exit_code_2_and_says_what_to_do() {
    for (args, said) in [
        (
            &["--manager.address", "192.0.2.1:9798"][..],
            "netwolf agents invite",
        ),
        (
            &["--manager.address", "192.0.2.1:9798", "--join", "NW1.a.b.c"],
            "must not stand on a command line",
        ),
        (
            &["--manager.address", "192.0.2.1:9798", "--join", "token"],
            "file:/absolute/path",
        ),
        (
            &["--manager.address", "manager"],
            "such as `--manager.address",
        ),
        (
            &[
                "--manager.address",
                "127.0.0.1:1",
                "--name",
                "no spaces please",
            ],
            "cannot stand in a name",
        ),
        (&[], "--manager.address"),
    ] {
        let output = program(args).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
}

#[tokio::test]
async fn a_manager_that_wants_nothing_to_do_with_it_is_exit_code_1() {
    let mut manager = Manager::start().await;
    let address = manager.address();
    let mut running = Running::start(&[
        "--manager.address",
        &address,
        "--name",
        "a1",
        "--shards",
        "1",
    ]);
    let mut link = manager.greet().await;
    link.send(netwolf_wire::message::Refused {
        protocol: netwolf_wire::version::CURRENT,
        message: "protocol 1.0 is too old".into(),
        retry: false,
    })
    .await;
    assert_eq!(running.end().await.code(), Some(1));
    let mut stderr = String::new();
    std::io::Read::read_to_string(running.0.stderr.as_mut().unwrap(), &mut stderr).unwrap();
    assert!(stderr.contains("protocol 1.0 is too old"), "{stderr}");
}

/// The first line of what `/-/ready` of a page answers.
async fn readiness(web: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut stream = tokio::net::TcpStream::connect(web).await.unwrap();
    let request = b"GET /-/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn its_own_page_is_told_to_the_manager_and_is_ready_while_a_shard_is_linked() {
    let mut manager = Manager::start().await;
    let address = manager.address();
    let args = [
        "--manager.address",
        &address,
        "--name",
        "a1",
        "--shards",
        "1",
        "--web.listen-address",
        "127.0.0.1:0",
        "--announce",
    ];
    let mut running = Running::start(&args);
    let announced: serde_json::Value = serde_json::from_str(&running.first_line()).unwrap();
    let web = announced["web"].as_str().unwrap();
    assert_eq!(readiness(web).await, "HTTP/1.1 503 Service Unavailable");
    let mut link = manager.welcome().await;
    assert_eq!(link.hello.web, Some(web.parse().unwrap()));
    link.until("the link to stand", |world| world.beats > 0)
        .await;
    assert_eq!(readiness(web).await, "HTTP/1.1 200 OK");
    drop(link);
    let deadline = Instant::now() + PATIENCE;
    while readiness(web).await == "HTTP/1.1 200 OK" {
        assert!(
            Instant::now() < deadline,
            "the loss of the link is not seen"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_page_that_cannot_be_is_named_with_a_way_out() {
    let check = |address: &str, code: i32, words: &str| {
        let args = [
            "--manager.address",
            "127.0.0.1:1",
            "--web.listen-address",
            address,
        ];
        let output = program(&args).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(words) && said.contains("hint: "), "{said}");
    };
    check("9797", 2, "is not an address to listen on");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    check(&address, 1, &format!("cannot listen on {address}"));
}
