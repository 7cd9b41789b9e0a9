//! The least of an HTTP client.

use std::{io::Read, net::SocketAddr};

use flate2::read::GzDecoder;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: String,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(super) fn unzipped(&self) -> String {
        let mut text = String::new();
        GzDecoder::new(&self.body[..])
            .read_to_string(&mut text)
            .unwrap();
        text
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub(super) async fn get(address: SocketAddr, path: &str) -> Answer {
    request(address, "GET", path, &[]).await
}

pub(super) async fn get_with(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    request(address, "GET", path, headers).await
}

pub(super) async fn post_with(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    request(address, "POST", path, headers).await
}

pub(super) async fn post(address: SocketAddr, path: &str) -> Answer {
    request(address, "POST", path, &[]).await
}

pub(super) async fn post_json(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: &serde_json::Value,
) -> Answer {
    exchange(address, "POST", path, headers, &body.to_string()).await
}

/// A body as it is typed.
pub(super) async fn post_text(address: SocketAddr, path: &str, body: &str) -> Answer {
    exchange(address, "POST", path, &[], body).await
}

/// A body whose length is told by nobody before it is there.
pub(super) async fn post_chunked(address: SocketAddr, path: &str, body: &str) -> Answer {
    let body = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let headers = [("Transfer-Encoding", "chunked")];
    raw_exchange(address, "POST", path, &headers, &body).await
}

async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Answer {
    exchange(address, method, path, headers, "").await
}

async fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    if body.is_empty() {
        return raw_exchange(address, method, path, headers, body).await;
    }
    let length = body.len().to_string();
    let of_body = [
        ("Content-Type", "application/json"),
        ("Content-Length", &*length),
    ];
    let headers = [headers, &of_body].concat();
    raw_exchange(address, method, path, &headers, body).await
}

/// As it is, with no more headers than it takes.
async fn raw_exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    request += "\r\n";
    request += body;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .unwrap();
    let mut body = answer.split_off(end + 4);
    let head = String::from_utf8(answer).unwrap();
    if head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked")
    {
        body = unchunked(&body);
    }
    let (first, headers) = head.split_once("\r\n").unwrap();
    let status = first.split(' ').nth(1).unwrap().parse().unwrap();
    Answer {
        status,
        headers: headers.replace('\r', ""),
        body,
    }
}

/// RFC 9112, section 7.1; the last chunk has to be there.
fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|bytes| bytes == b"\r\n").unwrap();
        let size = std::str::from_utf8(&rest[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..][..size]);
        rest = &rest[end + 2 + size + 2..];
    }
}
