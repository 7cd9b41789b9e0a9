//! What the tests build their scenes from: processes that end with the test, pages, conditions with a deadline.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

mod devices;
mod page;

pub(crate) use devices::Devices;
pub(crate) use page::{Page, label, moved};

/// Generous, because the machine may be loaded: a condition that holds is seen at once, whatever this is.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The password of every simulated device.
pub(crate) const PASSWORD: &str = "correct-horse";

/// A folder for one test's files.
pub(crate) fn folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("netwolf-e2e-")
        .tempdir()
        .unwrap()
}

/// Calls `attempt` until it gives a value, and panics with its last objection when `patience` is over.
#[track_caller]
pub(crate) fn eventually<T>(
    patience: Duration,
    what: &str,
    mut attempt: impl FnMut() -> Result<T, String>,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(objection) if Instant::now() >= deadline => {
                panic!("{what}: not within {patience:?}: {objection}")
            }
            Err(_) => pause(),
        }
    }
}

/// Looks for `time` whether what must not happen happens.
#[track_caller]
pub(crate) fn holds(time: Duration, what: &str, mut look: impl FnMut() -> Result<(), String>) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        if let Err(objection) = look() {
            panic!("{what}: {objection}");
        }
        pause();
    }
}

/// The time between two looks at a condition.
pub(crate) fn pause() {
    thread::park_timeout(Duration::from_millis(40));
}

/// An address that was free a moment ago, for a program that cannot be asked which port it took.
pub(crate) fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// `text` as a value in a query.
pub(crate) fn quoted(text: &str) -> String {
    text.bytes().fold(String::new(), |mut quoted, byte| {
        if byte.is_ascii_alphanumeric() {
            quoted.push(byte.into());
        } else {
            write!(quoted, "%{byte:02X}").expect("a string takes all");
        }
        quoted
    })
}

/// Whether a part that a test needs is on this machine. If not, that is said, and in CI it is a failure.
#[track_caller]
pub(crate) fn have(program: &str, package: &str) -> Option<PathBuf> {
    have_by(program, &format!("apt-get install {package}"))
}

/// As [`have`], for what is no package of Debian; `how` it is got.
#[track_caller]
pub(crate) fn have_by(program: &str, how: &str) -> Option<PathBuf> {
    let places = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&places)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|path| path.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none_or(|value| value.is_empty()),
            "{program} is missing: {how}"
        );
        leave_out(&format!("{program} is not on this machine ({how})"));
    }
    found
}

/// Says what is left out and why.
pub(crate) fn leave_out(why: &str) {
    say(&format!("left out: {why}"));
}

/// Says something past the test runner, which hides what a passing test prints.
pub(crate) fn say(line: &str) {
    std::io::stderr()
        .write_all(format!("{line}\n").as_bytes())
        .unwrap();
}

/// A process that is killed when the test is done with it.
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its standard error in a log under `folder`.
    pub(crate) fn spawn(name: &str, mut command: Command, folder: &Path) -> Self {
        let log = folder.join(format!("{name}.log"));
        command.stdin(Stdio::piped()).stderr(
            fs::File::options()
                .create(true)
                .append(true)
                .open(&log)
                .unwrap(),
        );
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self {
            name: name.into(),
            child,
            log,
        }
    }

    /// Starts the command that is under test, and waits for its line of JSON that says that it is ready.
    pub(crate) fn netwolf(name: &str, args: &[&str], folder: &Path) -> (Self, serde_json::Value) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf"));
        command.args(args);
        Self::ready(name, command, folder)
    }

    /// As [`Process::netwolf`], for a command that has more to it than arguments.
    pub(crate) fn ready(
        name: &str,
        mut command: Command,
        folder: &Path,
    ) -> (Self, serde_json::Value) {
        command
            .args(["--announce", "--exit-with-parent"])
            .stdout(Stdio::piped());
        let mut process = Self::spawn(name, command, folder);
        let line = process.lines().recv_timeout(PATIENCE);
        let line = line.unwrap_or_else(|_| panic!("{name} was not ready:\n{}", process.log()));
        let ready = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{name} said {line:?}: {error}"));
        (process, ready)
    }

    /// What it prints, line by line.
    pub(crate) fn lines(&mut self) -> mpsc::Receiver<String> {
        let stdout = self.child.stdout.take().expect("standard output is a pipe");
        let (sender, receiver) = mpsc::sync_channel(10_000);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        receiver
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, such as `INT`.
    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([&format!("-{signal}"), &self.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success(), "kill -{signal} {}", self.name);
    }

    /// Kills it at once, without a chance to say goodbye.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Kills it; already gone is as good.
    pub(crate) fn stop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(&mut self, patience: Duration) -> ExitStatus {
        let name = self.name.clone();
        eventually(patience, &format!("the end of {name}"), || {
            self.child
                .try_wait()
                .unwrap()
                .ok_or_else(|| "it runs".into())
        })
    }

    /// The processes that it started and that run.
    pub(crate) fn children(&self) -> Vec<String> {
        let output = Command::new("ps")
            .args(["-o", "pid=", "--ppid", &self.id().to_string()])
            .output()
            .unwrap();
        String::from_utf8(output.stdout)
            .unwrap()
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    }

    /// All that it logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
        // Its log helps whoever reads a failure.
        if thread::panicking() {
            eprintln!("--- log of {}\n{}", self.name, self.log());
        }
    }
}

/// A configuration for simulated devices polled every second.
pub(crate) fn configuration(folder: &Path, devices: &str) -> PathBuf {
    let password = folder.join("password");
    fs::write(&password, PASSWORD).unwrap();
    let config = folder.join("netwolf.yml");
    let text = format!(
        "defaults: {{ interval: 1s, credential: monitoring, collectors: [cpu] }}\n\
         credentials:\n  monitoring: {{ username: netwolf, password: \"file:{}\" }}\n{devices}",
        password.display()
    );
    fs::write(&config, text).unwrap();
    config
}

/// A manager as a process of its own.
pub(crate) struct Manager {
    pub(crate) process: Process,
    /// Where it serves HTTP.
    pub(crate) web: String,
    /// Where it listens for agents.
    pub(crate) agents: String,
}

impl Manager {
    /// Starts it on ports of the operating system's choice.
    pub(crate) fn start(config: &Path, folder: &Path) -> Self {
        Self::start_on(config, folder, "127.0.0.1:0", "127.0.0.1:0")
    }

    /// Starts it where one ran before.
    pub(crate) fn start_on(config: &Path, folder: &Path, web: &str, agents: &str) -> Self {
        let (config, data) = (config.to_str().unwrap(), folder.join("data"));
        let args = [
            "manager",
            "--config.file",
            config,
            "--storage.path",
            data.to_str().unwrap(),
        ];
        let addresses = [
            "--web.listen-address",
            web,
            "--agent.listen-address",
            agents,
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf"));
        command.args(args).args(addresses);
        Self::ready(command, folder)
    }

    /// Starts it by a command of the test's own.
    pub(crate) fn ready(command: Command, folder: &Path) -> Self {
        let (process, ready) = Process::ready("manager", command, folder);
        let address = |key: &str| ready[key].as_str().expect("an address").to_owned();
        Self {
            web: address("web"),
            agents: address("agents"),
            process,
        }
    }

    /// Starts an agent that calls this manager.
    pub(crate) fn agent(&self, name: &str, shards: u16, folder: &Path) -> Process {
        self.agent_with(name, shards, folder, |_| {})
    }

    /// As [`Manager::agent`], with more flags or an environment of its own.
    pub(crate) fn agent_with(
        &self,
        name: &str,
        shards: u16,
        folder: &Path,
        more: impl FnOnce(&mut Command),
    ) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf"));
        command
            .args(["agent", "--name", name])
            .args(["--manager.address", &self.agents])
            .args(["--shards", &shards.to_string()]);
        more(&mut command);
        Process::ready(name, command, folder).0
    }

    /// Has it read its configuration again, as an operator does.
    pub(crate) fn reload(&self) -> Result<String, String> {
        request("POST", &self.web, "/-/reload", "Content-Length: 0\r\n")
    }

    /// The page at `/metrics`.
    pub(crate) fn metrics(&self) -> Result<Page, String> {
        get(&self.web, "/metrics", "").map(|body| Page::parse(&body))
    }

    /// JSON at `path`.
    pub(crate) fn json(&self, path: &str) -> Result<serde_json::Value, String> {
        serde_json::from_str(&get(&self.web, path, "")?).map_err(|error| error.to_string())
    }

    /// Sends JSON to `path`: the status of the answer, and its JSON.
    pub(crate) fn post(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<(u16, serde_json::Value), String> {
        let body = body.to_string();
        let headers = format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let (head, answer) = exchange("POST", &self.web, path, &headers)?;
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
        let status = status.ok_or_else(|| format!("no status: {head}"))?;
        let answer = serde_json::from_str(&answer).map_err(|error| format!("{error}: {answer}"))?;
        Ok((status, answer))
    }

    /// The API's view of one device.
    pub(crate) fn device(&self, name: &str) -> Result<serde_json::Value, String> {
        self.json(&format!("/api/v1/devices/{name}"))
    }
}

/// Waits until `/metrics` at `web` says that exactly `count` devices are up.
#[track_caller]
pub(crate) fn wait_until_up(web: &str, count: f64) {
    eventually(PATIENCE, &format!("{count} devices up"), || {
        are_up(web, count)
    });
}

/// Whether `/metrics` at `web` says that exactly `count` devices are up.
pub(crate) fn are_up(web: &str, count: f64) -> Result<(), String> {
    let up = Page::parse(&get(web, "/metrics", "")?).sum("netwolf_device_up");
    if up == count {
        Ok(())
    } else {
        Err(format!("{up} are up"))
    }
}

/// Runs `netwolf` to its end: exit code, standard output, standard error.
pub(crate) fn netwolf(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_netwolf"))
        .args(args)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().expect("an exit code"),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Fetches a page; anything but 200 is an error with the body.
pub(crate) fn get(address: &str, path: &str, headers: &str) -> Result<String, String> {
    request("GET", address, path, headers)
}

/// One HTTP request, as plain as can be: HTTP/1.0, so the end of the stream ends the body.
pub(crate) fn request(
    method: &str,
    address: &str,
    path: &str,
    headers: &str,
) -> Result<String, String> {
    let (head, body) = exchange(method, address, path, headers)?;
    if head.split(' ').nth(1) == Some("200") {
        Ok(body)
    } else {
        Err(format!("{head}\n\n{body}"))
    }
}

/// One exchange: the head of the answer and its body. A body of the request stands behind the `headers` and an empty line.
fn exchange(
    method: &str,
    address: &str,
    path: &str,
    headers: &str,
) -> Result<(String, String), String> {
    let exchange = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{headers}\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = exchange().map_err(|error| format!("{method} http://{address}{path}: {error}"))?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or("an answer without an end of its head")?;
    Ok((head.into(), body.into()))
}
