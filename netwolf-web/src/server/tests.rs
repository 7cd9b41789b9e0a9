use std::{convert::Infallible, fs};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{StatusCode, service::service_fn};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::*;
use crate::client::Trust;

/// Longer than anything takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(30);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// Short enough to wait for, and long enough for whoever is quick.
const SHORT: Duration = Duration::from_secs(1);

/// A server of a test, and whoever stops it.
struct Scene {
    address: SocketAddr,
    gate: Arc<Gate>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    folder: tempfile::TempDir,
}

impl Scene {
    /// Takes four connections and echoes bodies; over TLS where that is wanted.
    async fn new(is_tls: bool, deadlines: Deadlines) -> Self {
        let echo = service_fn(async |request: Asked| {
            let body = request.into_body().collect().await;
            let mut answer = Response::new(Full::default());
            match body {
                Ok(body) => *answer.body_mut() = Full::new(body.to_bytes()),
                Err(_) => *answer.status_mut() = StatusCode::PAYLOAD_TOO_LARGE,
            }
            Ok::<_, Infallible>(answer)
        });
        Self::of(is_tls, deadlines, echo).await
    }

    async fn of<P>(is_tls: bool, deadlines: Deadlines, pages: P) -> Self
    where
        P: Pages<Error = Infallible> + Clone + Send + Sync + 'static,
        P::Future: Send,
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.yml");
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".into()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(folder.path().join("crt"), certificate.pem()).unwrap();
        fs::write(folder.path().join("key"), key.serialize_pem()).unwrap();
        let tls = "tls_server_config: { cert_file: crt, key_file: key }";
        fs::write(&path, if is_tls { tls } else { "" }).unwrap();
        let gate = Arc::new(Gate::new(Some(path)).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server {
            deadlines,
            ..Server::new(listener, gate.clone(), 4)
        };
        let (stop, stopped) = oneshot::channel();
        let stopped = async move { drop(stopped.await) };
        let serving = tokio::spawn(server.serve(pages, stopped));
        Self {
            address,
            gate,
            stop,
            serving,
            folder,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn encrypted(&self) -> TlsStream<TcpStream> {
        let trust = Trust {
            ca_file: Some(self.folder.path().join("crt")),
            identity: None,
        };
        let server = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(trust.load().unwrap());
        connector
            .connect(server, self.connect().await)
            .await
            .unwrap()
    }

    async fn counted(&self, reason: Reason) {
        let counting = async {
            while self.gate.refusals.get(reason) == 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, counting).await.unwrap();
    }

    async fn end(self) {
        drop(self.stop);
        timeout(PATIENCE, self.serving).await.unwrap().unwrap();
    }
}

/// The first bytes of an answer; nothing at the end of the connection.
async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = [0; 1024];
    let reading = timeout(PATIENCE, stream.read(&mut answer));
    let n_read = reading.await.unwrap().unwrap_or_default();
    String::from_utf8_lossy(&answer[..n_read]).into_owned()
}

async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &[u8]) -> String {
    // Who is refused early may find the connection closed.
    drop(stream.write_all(request).await);
    answer(stream).await
}

#[tokio::test]
async fn who_asks_nothing_is_closed_and_who_has_asked_may_stay() {
    let deadlines = Deadlines {
        first_header: SHORT,
        ..Deadlines::USUAL
    };
    let scene = Scene::new(false, deadlines).await;
    let mut asks = scene.connect().await;
    assert!(ask(&mut asks, REQUEST).await.starts_with("HTTP/1.1 200"));
    let mut silent = scene.connect().await;
    // Half a request is none.
    assert_eq!(ask(&mut silent, &REQUEST[..10]).await, "");
    let again = ask(&mut asks, REQUEST).await;
    assert!(
        again.starts_with("HTTP/1.1 200"),
        "it connected before the other one"
    );
    scene.end().await;
}

#[tokio::test]
async fn a_handshake_has_a_time_and_plain_http_is_told_of_https() {
    let deadlines = Deadlines {
        handshake: SHORT,
        ..Deadlines::USUAL
    };
    let scene = Scene::new(true, deadlines).await;
    let mut slow = scene.connect().await;
    assert_eq!(ask(&mut slow, &[TLS_HANDSHAKE]).await, "");
    scene.counted(Reason::Handshake).await;
    let mut silent = scene.connect().await;
    assert_eq!(answer(&mut silent).await, "");
    let mut plain = scene.connect().await;
    assert!(ask(&mut plain, REQUEST).await.contains("speaks https"));
    let mut good = scene.encrypted().await;
    assert!(ask(&mut good, REQUEST).await.starts_with("HTTP/1.1 200"));
    scene.end().await;
}

#[tokio::test]
async fn an_address_has_half_of_the_connections() {
    let scene = Scene::new(false, Deadlines::USUAL).await;
    let (mut first, mut second) = (scene.connect().await, scene.connect().await);
    assert!(!ask(&mut first, REQUEST).await.is_empty());
    assert!(!ask(&mut second, REQUEST).await.is_empty());
    assert_eq!(answer(&mut scene.connect().await).await, "");
    assert_eq!(scene.gate.refusals.get(Reason::Connections), 1);
    scene.end().await;
}

#[tokio::test]
async fn headers_and_bodies_are_bounded() {
    let scene = Scene::new(false, Deadlines::USUAL).await;
    let long = "x".repeat(HEADER_BYTES);
    let headers = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n");
    let refused = ask(&mut scene.connect().await, headers.as_bytes()).await;
    assert!(
        refused.is_empty() || refused.starts_with("HTTP/1.1 431"),
        "{refused}"
    );
    let declared = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n";
    let refused = ask(&mut scene.connect().await, declared).await;
    assert!(refused.starts_with("HTTP/1.1 413"), "{refused}");
    assert_eq!(scene.gate.refusals.get(Reason::Body), 1);
    let declared = b"POST /api/v1/runs HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n";
    let refused = ask(&mut scene.connect().await, declared).await;
    let json = "\r\n\r\n{\"error\":\"a request has at most 65536 bytes\"}";
    assert!(
        refused.starts_with("HTTP/1.1 413")
            && refused.contains("application/json")
            && refused.ends_with(json),
        "{refused}"
    );
    let mut undeclared =
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..5 {
        undeclared.extend_from_slice(b"4000\r\n");
        undeclared.extend_from_slice(&[b'x'; 0x4000]);
        undeclared.extend_from_slice(b"\r\n");
    }
    let refused = ask(&mut scene.connect().await, &undeclared).await;
    assert!(refused.starts_with("HTTP/1.1 413"), "{refused}");
    scene.end().await;
}

/// A page that tells when nobody holds it any more.
struct Held(Vec<u8>, Option<oneshot::Sender<()>>);

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.1.take());
    }
}

#[tokio::test]
async fn who_takes_nothing_is_cut_off_over_tls_too() {
    let deadlines = Deadlines {
        write: SHORT,
        ..Deadlines::USUAL
    };
    let (held, dropped) = oneshot::channel();
    // Longer than what two sockets hold.
    let page = Bytes::from_owner(Held(vec![b'x'; 64 << 20], Some(held)));
    let page = Arc::new(std::sync::Mutex::new(Some(page)));
    let pages = service_fn(move |_: Asked| {
        let page = page.lock().unwrap().take().unwrap_or_default();
        std::future::ready(Ok::<_, Infallible>(Response::new(Full::new(page))))
    });
    let scene = Scene::of(true, deadlines, pages).await;
    let mut stream = scene.encrypted().await;
    assert!(ask(&mut stream, REQUEST).await.starts_with("HTTP/1.1 200"));
    let cut = timeout(PATIENCE, dropped).await;
    assert!(cut.is_ok(), "the page is held still");
    scene.end().await;
}
