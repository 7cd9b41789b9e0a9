//! A Docker engine, by its HTTP API over its socket: requests as plain as can be, and the console of a container.

use std::{
    env,
    fmt::Write as _,
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

use serde_json::Value;

/// Where Debian's engine listens.
const SOCKET: &str = "/var/run/docker.sock";

/// Longer than anything that is asked of it takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// An engine that answers.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    socket: PathBuf,
}

/// What it answered.
struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Engine {
    /// The engine that `DOCKER_HOST` names, or else the machine's own; an error that says why there is none.
    pub(crate) fn find() -> Result<Self, String> {
        let socket = match env::var("DOCKER_HOST") {
            Err(_) => PathBuf::from(SOCKET),
            Ok(host) => host
                .strip_prefix("unix://")
                .map(PathBuf::from)
                .ok_or_else(|| format!("DOCKER_HOST is \"{host}\", which is no local socket"))?,
        };
        let engine = Self { socket };
        let answer = engine.exchange("GET", "/_ping", "", &[]);
        let why = match answer {
            Ok(answer) if answer.status == 200 => return Ok(engine),
            Ok(answer) => String::from_utf8_lossy(&answer.body).into_owned(),
            Err(error) => error.to_string(),
        };
        Err(format!(
            "no Docker engine answers at {}: {why}",
            engine.socket.display()
        ))
    }

    /// Asks for `path`; nothing where there is no such thing.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.json("GET", path, &[])
    }

    /// Has it do what `path` says.
    #[track_caller]
    pub(crate) fn post(&self, path: &str) {
        self.json("POST", path, &[]);
    }

    /// Has it do what `path` and `body` say.
    #[track_caller]
    pub(crate) fn send(&self, path: &str, body: &Value) -> Option<Value> {
        self.json("POST", path, body.to_string().as_bytes())
    }

    /// Has it forget what `path` names; forgotten already is as good.
    #[track_caller]
    pub(crate) fn delete(&self, path: &str) {
        self.json("DELETE", path, &[]);
    }

    #[track_caller]
    fn json(&self, method: &str, path: &str, body: &[u8]) -> Option<Value> {
        let answer = self.exchange(method, path, "application/json", body);
        let answer = answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        if answer.status == 404 && method != "POST" {
            return None;
        }
        let text = String::from_utf8_lossy(&answer.body);
        assert!(
            (200..300).contains(&answer.status),
            "{method} {path}: {} {text}",
            answer.status
        );
        serde_json::from_slice(&answer.body).ok()
    }

    /// Sends an archive, as for building an image or for files of a container; what the engine said.
    #[track_caller]
    pub(crate) fn archive(&self, method: &str, path: &str, tar: &[u8]) -> String {
        let answer = self.exchange(method, path, "application/x-tar", tar);
        let answer = answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 200, "{method} {path}: {text}");
        text
    }

    /// What a container wrote to its standard error of late.
    pub(crate) fn log(&self, container: &str) -> String {
        let path = format!("/containers/{container}/logs?stderr=1&tail=400");
        match self.exchange("GET", &path, "", &[]) {
            Ok(answer) => pieces(&answer.body),
            Err(error) => error.to_string(),
        }
    }

    /// HTTP/1.0, so that the end of the stream ends the body.
    fn exchange(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> io::Result<Answer> {
        let mut stream = self.request(method, path, kind, body)?;
        let status = read_head(&mut stream)?;
        let mut body = Vec::new();
        match stream.read_to_end(&mut body) {
            // The engine need not read an archive to the end of its padding, and then its close is a reset.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset && !body.is_empty() => {}
            read => drop(read?),
        }
        Ok(Answer { status, body })
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &[u8],
    ) -> io::Result<BufReader<UnixStream>> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut head = format!("{method} {path} HTTP/1.0\r\nHost: docker\r\n");
        if !body.is_empty() {
            write!(head, "Content-Type: {kind}\r\n").expect("a string takes all");
        }
        write!(head, "Content-Length: {}\r\n\r\n", body.len()).expect("a string takes all");
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        Ok(BufReader::new(stream))
    }

    /// The standard input and output of a container that runs.
    #[track_caller]
    pub(crate) fn console(&self, container: &str) -> Console {
        let path = format!("/containers/{container}/attach?stream=1&stdin=1&stdout=1");
        let mut stream = self.request("POST", &path, "", &[]).unwrap();
        let status = read_head(&mut stream).unwrap();
        assert_eq!(status, 200, "POST {path}");
        Console { stream }
    }
}

/// Reads an answer up to its body; its status.
fn read_head(stream: &mut BufReader<UnixStream>) -> io::Result<u16> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 || line.trim_end().is_empty() {
            break;
        }
        lines.push(line);
    }
    let status = lines.first().and_then(|line| line.split(' ').nth(1));
    status
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| io::Error::other(format!("no answer: {lines:?}")))
}

/// The head of a piece of output: which stream, three zeros, how many bytes.
const HEAD: usize = 8;

fn length(head: &[u8]) -> Option<usize> {
    let bytes = head.get(4..HEAD)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(bytes)).ok()
}

/// The text of a stream in pieces.
fn pieces(mut stream: &[u8]) -> String {
    let mut text = Vec::new();
    while let Some((piece, rest)) = length(stream).and_then(|n| stream[HEAD..].split_at_checked(n))
    {
        text.extend_from_slice(piece);
        stream = rest;
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// A way to talk to a container.
pub(crate) struct Console {
    stream: BufReader<UnixStream>,
}

impl Console {
    /// Types an empty line and waits for the line of JSON that answers.
    #[track_caller]
    pub(crate) fn ask(&mut self) -> String {
        self.stream.get_mut().write_all(b"\n").unwrap();
        let mut text = Vec::new();
        loop {
            let mut head = [0; HEAD];
            self.stream.read_exact(&mut head).unwrap();
            let mut piece = vec![0; length(&head).expect("a head has a length")];
            self.stream.read_exact(&mut piece).unwrap();
            text.extend_from_slice(&piece);
            // What it says to people when it starts comes first.
            let said = String::from_utf8_lossy(&text);
            let whole = said.strip_suffix('\n').unwrap_or_default().lines().last();
            if let Some(line) = whole.filter(|line| line.starts_with('{')) {
                return line.to_owned();
            }
        }
    }
}

#[test]
fn output_in_pieces_is_one_text() {
    let stream = b"\x02\0\0\0\0\0\0\x03ab\n\x01\0\0\0\0\0\0\x01c\x01\0\0\0\0\0\0\x09cut";
    assert_eq!(pieces(stream), "ab\nc");
    assert_eq!(pieces(b"\x01\0\0"), "");
}

#[test]
fn a_filter_stands_in_a_query() {
    assert_eq!(crate::lab::quoted(r#"{"a":1}"#), "%7B%22a%22%3A1%7D");
}
