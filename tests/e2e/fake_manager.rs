//! A manager's API that says what a test wants: to meet what a real one does seldom, such as breaking off.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use serde_json::Value;

/// What was asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    /// Null where there was none.
    pub(crate) body: Value,
}

/// What is answered.
pub(crate) enum Reply {
    /// A status and a body.
    Json(u16, Value),
    /// Server-sent events, and then the end of the connection.
    Events(Vec<(&'static str, Value)>),
    /// The same, and then nothing until whoever asked goes away.
    Endless(Vec<(&'static str, Value)>),
    /// The connection ends without an answer.
    Nothing,
}

type Answers = dyn Fn(&Asked, usize) -> Reply + Send + Sync;

/// One that listens until it is dropped.
pub(crate) struct FakeManager {
    /// As `--manager.url` wants it.
    pub(crate) url: String,
    address: std::net::SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    ends: Arc<AtomicBool>,
}

impl FakeManager {
    /// `answers` gets what is asked, and how often the same was asked before.
    pub(crate) fn start(answers: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, ends) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (answers, told, until): (Arc<Answers>, _, _) =
            (Arc::new(answers), Arc::clone(&asked), Arc::clone(&ends));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if until.load(Relaxed) {
                    return;
                }
                let (answers, told) = (Arc::clone(&answers), Arc::clone(&told));
                // Whoever went away is no fault of the server.
                thread::spawn(move || drop(serve(stream, &*answers, &told)));
            }
        });
        Self {
            url: format!("http://{address}"),
            address,
            asked,
            ends,
        }
    }

    /// All that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The bodies that were posted to `path`.
    pub(crate) fn posted(&self, path: &str) -> Vec<Value> {
        let asked = self.asked().into_iter();
        let posted = asked.filter(|asked| asked.method == "POST" && asked.path == path);
        posted.map(|asked| asked.body).collect()
    }
}

impl Drop for FakeManager {
    fn drop(&mut self) {
        self.ends.store(true, Relaxed);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

/// Answers what comes over one connection, until either side ends it.
fn serve(stream: TcpStream, answers: &Answers, told: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    let mut out = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read(&mut reader)? {
        let before = {
            let mut told = told.lock().unwrap();
            let same = told
                .iter()
                .filter(|other| (&other.method, &other.path) == (&asked.method, &asked.path));
            let before = same.count();
            told.push(asked.clone());
            before
        };
        match answers(&asked, before) {
            Reply::Json(status, body) => {
                let body = body.to_string();
                write!(
                    out,
                    "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )?;
            }
            Reply::Events(events) => {
                write_events(&mut out, &events)?;
                return Ok(());
            }
            Reply::Endless(events) => {
                write_events(&mut out, &events)?;
                // Comes back when the other side is gone.
                reader.read_line(&mut String::new())?;
                return Ok(());
            }
            Reply::Nothing => return Ok(()),
        }
    }
    Ok(())
}

fn write_events(out: &mut TcpStream, events: &[(&str, Value)]) -> std::io::Result<()> {
    write!(
        out,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n: hello\n\n"
    )?;
    for (no, (name, data)) in events.iter().enumerate() {
        write!(out, "event: {name}\nid: {no}\ndata: {data}\n\n")?;
        out.flush()?;
    }
    Ok(())
}

fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Asked>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        if header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Ok(Some(Asked { method, path, body }))
}
