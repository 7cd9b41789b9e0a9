//! A program's answers behind the gate: each request is let through or refused, and has a time.

use std::{
    error::Error,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use http_body_util::{Either, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
    service::Service,
};
use tokio::time::timeout;

use super::{ANSWER_DEADLINE, Pages};
use crate::{
    gate::{Gate, MAX_BODY, Refusal},
    refusals::Reason,
};

/// Where programs ask: below it whatever is answered is JSON, what the gate answers, too.
const API: &str = "/api/";

/// What serves one connection.
#[derive(Debug)]
pub(super) struct Guarded<P> {
    pub(super) gate: Arc<Gate>,
    pub(super) peer: SocketAddr,
    pub(super) has_certificate: bool,
    /// Whether a request has come.
    pub(super) asked: Arc<AtomicBool>,
    pub(super) pages: P,
}

/// The answer that a refusal is.
fn answer(refusal: Refusal, is_api: bool) -> Response<Full<Bytes>> {
    let Refusal {
        status,
        why,
        header: beside,
    } = refusal;
    let (kind, text) = if is_api {
        let json = serde_json::json!({ "error": why });
        ("application/json", json.to_string())
    } else {
        let text = format!("{}: {why}\n", status.as_u16());
        ("text/plain; charset=utf-8", text)
    };
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    for (name, value) in beside.into_iter().chain([(header::CONTENT_TYPE, kind)]) {
        let value = HeaderValue::from_static(value);
        answer.headers_mut().insert(name, value);
    }
    answer
}

type Answered<B, E> = Result<Response<Either<B, Full<Bytes>>>, E>;

impl<P> Service<Request<Incoming>> for Guarded<P>
where
    P: Pages + Clone + Send + Sync + 'static,
    P::Future: Send,
    P::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<Either<P::Content, Full<Bytes>>>;
    type Error = P::Error;
    type Future = Pin<Box<dyn Future<Output = Answered<P::Content, P::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.asked.store(true, Relaxed);
        let (gate, pages) = (self.gate.clone(), self.pages.clone());
        let (peer, has_certificate) = (self.peer, self.has_certificate);
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let is_api = head.uri.path().starts_with(API);
            let ours = |refusal| answer(refusal, is_api).map(Either::Right);
            let mut answer = match gate.admit(&head, peer, has_certificate).await {
                Ok(caller) => {
                    let limit = usize::try_from(MAX_BODY).unwrap_or(usize::MAX);
                    let mut request = Request::from_parts(head, Limited::new(body, limit));
                    request.extensions_mut().insert(caller);
                    if let Ok(answered) = timeout(ANSWER_DEADLINE, pages.call(request)).await {
                        answered?.map(Either::Left)
                    } else {
                        let why = "the request was not answered in time";
                        ours(gate.refuse(Reason::Timeout, StatusCode::REQUEST_TIMEOUT, why))
                    }
                }
                Err(refusal) => ours(refusal),
            };
            for (name, value) in &gate.config().headers {
                answer.headers_mut().insert(name, value.clone());
            }
            Ok(answer)
        })
    }
}
