//! Requests to the manager, whatever their query, headers and body.

use std::sync::LazyLock;

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use netwolf_exposition::Format;
use netwolf_manager::{fuzzing, http::PATHS};
use tokio::runtime::{Builder, Runtime};

use crate::{page, parts};

/// Bytes of an answer: those of a manager with two devices are short.
const MAX_ANSWER: usize = 1 << 20;

struct Lab {
    runtime: Runtime,
    router: TowerToHyperService<axum::Router>,
}

/// Asks for a path with a query, headers and a body, each a part. The first byte chooses the path and the method;
/// what follows it in the first part stands for the name in the path.
///
/// # Panics
/// When the answer is none, or not what its type says.
pub fn run(data: &[u8]) {
    static LAB: LazyLock<Lab> = LazyLock::new(|| Lab {
        runtime: Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime"),
        router: TowerToHyperService::new(fuzzing::router(&["r1", "r2"])),
    });
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let Some(request) = request(*first, parts::texts(rest)) else {
        return;
    };
    LAB.runtime.block_on(async {
        let uri = request.uri().clone();
        let answer = LAB
            .router
            .call(request)
            .await
            .expect("a router never fails");
        let (head, body) = answer.into_parts();
        let body = to_bytes(body, MAX_ANSWER)
            .await
            .expect("an answer has an end");
        check(head.status, &head.headers, &body, uri.path());
    });
}

fn request(first: u8, [name, query, headers, body]: [String; 4]) -> Option<Request<Body>> {
    let info = PATHS[usize::from(first >> 1) % PATHS.len()];
    let path = info.path.split('?').next().unwrap_or_default();
    let path = path.replace("{name}", &name);
    let method = if first & 1 == 0 {
        info.method.parse().ok()?
    } else {
        Method::POST
    };
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{path}?{query}"));
    for (name, value) in headers.lines().filter_map(|line| line.split_once(':')) {
        request = request.header(name, value.trim());
    }
    request.body(Body::from(body)).ok()
}

fn check(status: StatusCode, headers: &HeaderMap, body: &[u8], path: &str) {
    // There is no core here to ask, nothing to read again, and no disk for what is to be kept.
    let is_kept = ["/-/reload", "/api/v1/invites", "/api/v1/authorities"]
        .iter()
        .any(|beginning| path.starts_with(beginning));
    let is_told = !status.is_server_error()
        || status == StatusCode::SERVICE_UNAVAILABLE
        || is_kept
        || path.ends_with("/revoke");
    assert!(is_told, "{status} at {path}");
    if headers.contains_key(header::CONTENT_ENCODING) {
        return;
    }
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let text = std::str::from_utf8(body).expect("all answers are text");
    if kind.starts_with("application/json") {
        let read = serde_json::from_str::<serde_json::Value>(text);
        assert!(read.is_ok(), "{path}: {text}");
    } else if status == StatusCode::OK && matches!(path, "/metrics" | "/probe") {
        let is_open = kind.starts_with("application/openmetrics-text");
        page::read(
            text,
            if is_open {
                Format::OpenMetrics
            } else {
                Format::Text
            },
        );
    }
}
