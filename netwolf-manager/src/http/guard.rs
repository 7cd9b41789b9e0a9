//! Before each answer: whether it may be given, by what stands beside the path in [`PATHS`].
//!
//! What the decision is: [`crate::access`]. Answers get the headers that keep browsers from guessing and caches from
//! keeping.

use std::time::Instant;

use axum::{
    Extension,
    extract::{Request, State as Shared},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use netwolf_web::{caller::Caller, refusals::Reason};
use tracing::{info, warn};

use super::{PATHS, PathInfo, Web, api::Problem, asked, is_api};
use crate::access::{
    Role, Tokens,
    cross_site::{self, CrossSite},
    verdict::{Asking, Need, Presented, Refused, decide},
};

/// Whether a method only reads.
fn is_reading(method: &Method) -> bool {
    [Method::GET, Method::HEAD].contains(method)
}

/// What a request takes. What is not in the table takes the most, lest something new stand open.
pub(super) fn need(method: &Method, path: &str) -> Need {
    let is_reading = is_reading(method);
    let fits = |info: &&PathInfo| (info.method == "GET") == is_reading && is_at(info.path, path);
    let needs = PATHS.iter().filter(fits).map(|info| info.role);
    match needs.max() {
        Some(Some(role)) => Need::Role(role),
        None if !is_reading => Need::Role(Role::Admin),
        None if is_api(path) => Need::Role(Role::View),
        Some(None) | None => Need::Nothing,
    }
}

/// Whether `path` is one of those that `pattern` stands for; the last name in braces may hold slashes.
pub(super) fn is_at(pattern: &str, path: &str) -> bool {
    let pattern = pattern.split('?').next().unwrap_or_default();
    let (Some((start, rest)), path) = (pattern.split_once('{'), path) else {
        return pattern
            == path
                .strip_suffix('/')
                .filter(|it| !it.is_empty())
                .unwrap_or(path);
    };
    let end = rest.split_once('}').map_or("", |(_, end)| end);
    let Some(rest) = path.strip_prefix(start) else {
        return false;
    };
    if end.contains('{') {
        let end_of_name = rest.find('/').unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end_of_name);
        return !name.is_empty() && is_at(end, rest);
    }
    rest.strip_suffix(end).is_some_and(|name| !name.is_empty())
}

/// Whether a path is text once its escapes are read; names are, and who routes would refuse anything else in a form of
/// its own.
fn is_text(path: &str) -> Result<(), Problem> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        rest = match (first, after) {
            (b'%', [high, low, after @ ..]) if digit(high).is_some() && digit(low).is_some() => {
                let digits = digit(high).unwrap_or(0) << 4 | digit(low).unwrap_or(0);
                bytes.push(u8::try_from(digits).expect("two digits of four bits"));
                after
            }
            _ => {
                bytes.push(*first);
                after
            }
        };
    }
    match std::str::from_utf8(&bytes) {
        Ok(_) => Ok(()),
        Err(_) => Err(Problem::new(format!(
            "{path:?} is not UTF-8 once its escapes are read"
        ))),
    }
}

/// How a path may be asked for.
pub(super) fn ways(path: &str) -> Vec<&'static str> {
    let here = PATHS.iter().filter(|info| is_at(info.path, path));
    let places: Vec<_> = here.map(|info| (info.path, info.method)).collect();
    // A name may hold slashes, so that a shorter pattern stands for what a longer one is meant for, too.
    let most = places
        .iter()
        .map(|(pattern, _)| pattern.matches('/').count())
        .max();
    let mut ways: Vec<_> = places
        .into_iter()
        .filter(|(pattern, _)| Some(pattern.matches('/').count()) == most)
        .map(|(_, method)| method)
        .collect();
    if path == "/-/reload" {
        ways.push("PUT");
    }
    if ways.is_empty() {
        // The page for people, which the table has no line for.
        ways.push("GET");
    }
    ways
}

/// The token of a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether a proxy passes somebody else's request on, so that where it comes from says nothing.
fn is_passed_on(headers: &HeaderMap) -> bool {
    let names = ["forwarded", "via", "x-forwarded-for", "x-real-ip"];
    names.into_iter().any(|name| headers.contains_key(name))
}

/// Whether the gate is to let through who has this token, though no user of the web configuration: only where the
/// token is asked for again, here.
pub(crate) fn vouches(tokens: &Tokens, path: &str, token: &str) -> bool {
    let takes_a_role = |info: &PathInfo| info.role.is_some() && is_at(info.path, path);
    (is_api(path) || PATHS.iter().any(takes_a_role)) && tokens.find(token).is_some()
}

/// Who asks for a change, in the extensions of its request.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    /// As the log and audit lines say it.
    pub(crate) name: String,
    /// What they may do; everything where nobody has to have a token.
    pub(crate) role: Role,
}

pub(super) async fn guard(
    Shared(web): Shared<Web>,
    Extension(caller): Extension<Caller>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let mut answer = match check(&web, &caller, &request) {
        Ok(None) => next.run(request).await,
        Ok(Some(asker)) => {
            let (method, who) = (request.method().clone(), asker.name.clone());
            request.extensions_mut().insert(asker);
            let answer = next.run(request).await;
            let status = answer.status().as_u16();
            info!(%method, path, who, peer.addr = %caller.peer, status, "a change was asked for");
            answer
        }
        Err(refusal) => *refusal,
    };
    let headers = answer.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if is_api(&path) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    answer
}

/// Whether a request may be answered; else the answer that says why not. Of a change it tells who asks for it.
fn check(web: &Web, caller: &Caller, request: &Request) -> Result<Option<Asker>, Box<Response>> {
    let (method, headers) = (request.method(), request.headers());
    let path = request.uri().path();
    let (need, is_change) = (need(method, path), !is_reading(method));
    let tokens = web.state.tokens.load();
    let token = match bearer(headers).filter(|_| !tokens.is_empty()) {
        None => Presented::Nothing,
        Some(token) => tokens
            .find(token)
            .map_or(Presented::Unknown, Presented::Known),
    };
    let asking = Asking {
        has_tokens: !tokens.is_empty(),
        token,
        is_known: caller.is_known(),
        is_local: caller.is_local() && !is_passed_on(headers),
    };
    decide(need, is_change, &asking)
        .map_err(|refused| Box::new(refuse(web, caller, path, refused)))?;
    is_text(path).map_err(|problem| Box::new(answer(StatusCode::BAD_REQUEST, problem, path)))?;
    if is_api(path) {
        asked::names(!is_change, request.uri()).map_err(|no| Box::new(no.into_response()))?;
    }
    if !is_change {
        return Ok(None);
    }
    let is_proven = caller.is_known() || matches!(token, Presented::Known(_));
    cross_site::check(headers, is_proven).map_err(|found| {
        web.gate.refusals.count(Reason::CrossSite);
        Box::new(foreign(found, path))
    })?;
    let name = match (token, &caller.user) {
        (Presented::Known(token), _) => token.name.clone(),
        (_, Some(user)) => user.to_string(),
        (_, None) if caller.has_certificate => "somebody with a certificate".into(),
        (_, None) => "somebody on this machine".into(),
    };
    let role = match token {
        Presented::Known(token) => token.role,
        Presented::Unknown | Presented::Nothing => Role::Admin,
    };
    Ok(Some(Asker { name, role }))
}

fn refuse(web: &Web, caller: &Caller, path: &str, refused: Refused) -> Response {
    let count = |reason| web.gate.refusals.count(reason);
    let (status, problem) = match refused {
        Refused::Unauthorized => {
            count(Reason::NoCredentials);
            let hint = "send `Authorization: Bearer TOKEN`; `netwolf token` makes one, and the verbs of `netwolf` take it by --token-file";
            let problem = Problem::new("a token is needed here").hint(hint);
            (StatusCode::UNAUTHORIZED, problem)
        }
        Refused::WrongToken => {
            // A program with a wrong token asks for ever: it is logged now and then.
            if !web.gate.may_attempt(caller.peer, Instant::now()) {
                count(Reason::Attempts);
                let problem =
                    Problem::new("too many wrong tokens from this address; wait a little");
                return answer(StatusCode::TOO_MANY_REQUESTS, problem, path);
            }
            count(Reason::Credentials);
            warn!(peer.addr = %caller.peer, path, "a token that is not in the configuration");
            let hint = "is it the one of this manager, and was the configuration reloaded since?";
            let problem = Problem::new("this token is not known here").hint(hint);
            (StatusCode::UNAUTHORIZED, problem)
        }
        Refused::Role(role) => {
            count(Reason::Role);
            let hint = format!("`netwolf token --role {role} NAME` makes one that may");
            let problem = Problem::new(format!(
                "this takes a token with the role {role:?}",
                role = role.as_str()
            ));
            (StatusCode::FORBIDDEN, problem.hint(hint))
        }
        Refused::Remote => {
            count(Reason::Remote);
            let hint = "ask on the manager's machine, or give tokens under `api` in the configuration (`netwolf token` makes one) or users in --web.config.file";
            let problem = Problem::new(
                "changes are taken from this machine only, as nobody has to prove who he is",
            );
            (StatusCode::FORBIDDEN, problem.hint(hint))
        }
    };
    answer(status, problem, path)
}

fn foreign(found: CrossSite, path: &str) -> Response {
    let problem = match found {
        CrossSite::Site | CrossSite::Origin => {
            Problem::new("a browser asks for this on behalf of another site")
        }
        CrossSite::Host => Problem::new(
            "the host of this request is a name that any site may have given to this server",
        )
        .hint("ask by the address, or prove who you are by a token or a user"),
    };
    answer(StatusCode::FORBIDDEN, problem, path)
}

fn answer(status: StatusCode, problem: Problem, path: &str) -> Response {
    let mut answer = if is_api(path) {
        problem.with(status)
    } else {
        let hint = problem.hint.map(|hint| format!("\nhint: {hint}"));
        let text = format!(
            "{}: {}{}\n",
            status.as_u16(),
            problem.error,
            hint.unwrap_or_default()
        );
        (status, text).into_response()
    };
    if status == StatusCode::UNAUTHORIZED {
        let value = HeaderValue::from_static("Bearer realm=\"NetWolf\"");
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_table_takes_the_most() {
        let role = |method: &str, path: &str| match need(&method.parse().unwrap(), path) {
            Need::Nothing => None,
            Need::Role(role) => Some(role),
        };
        for path in [
            "/metrics",
            "/probe",
            "/sd/agents",
            "/-/healthy",
            "/-/ready",
            "/",
        ] {
            assert_eq!(role("GET", path), None, "{path}");
            assert_eq!(role("HEAD", path), None, "{path}");
            assert_eq!(role("POST", path), Some(Role::Admin), "{path}");
        }
        for path in [
            "/api/v1",
            "/api/v1/",
            "/api/v1/devices",
            "/api/v1/devices/a/b/output",
            "/api/v2",
        ] {
            assert_eq!(role("GET", path), Some(Role::View), "{path}");
            assert_eq!(role("DELETE", path), Some(Role::Admin), "{path}");
        }
        assert_eq!(role("POST", "/api/v1/agents/a1/drain"), Some(Role::Operate));
        assert_eq!(role("POST", "/api/v1/agents/a1/other"), Some(Role::Admin));
        assert_eq!(role("POST", "/-/reload"), Some(Role::Admin));
        assert_eq!(role("PUT", "/-/reload"), Some(Role::Admin));
        assert_eq!(role("OPTIONS", "/api/v1/status"), Some(Role::Admin));
    }

    #[test]
    fn a_path_that_is_no_text_is_refused() {
        for path in ["/api/v1/devices/%C3%A9", "/a%zz%", "/%2F%00", "/100%"] {
            assert!(is_text(path).is_ok(), "{path}");
        }
        for path in ["/api/v1/devices/%FF", "/%C3", "/a%c3%28"] {
            assert!(is_text(path).is_err(), "{path}");
        }
    }

    #[test]
    fn each_path_tells_how_it_is_asked_for() {
        for (path, expected) in [
            ("/", &["GET"][..]),
            ("/-/reload", &["POST", "PUT"]),
            ("/api/v1/invites", &["POST"]),
            ("/api/v1/agents/a/drain", &["POST"]),
            ("/api/v1/runs", &["GET", "POST"]),
            ("/api/v1/runs/7", &["GET"]),
            ("/api/v1/runs/7/cancel", &["POST"]),
            ("/api/v1/runs/7/steps/a", &["GET"]),
            ("/api/v1/runs/7/steps/a/settle", &["POST"]),
            ("/api/v1/devices/a/b", &["GET"]),
        ] {
            assert_eq!(ways(path), expected, "{path}");
        }
    }

    #[test]
    fn a_name_may_hold_slashes_and_is_not_empty() {
        assert!(is_at("/a/{name}/b", "/a/x/y/b") && is_at("/a/{name}", "/a/x"));
        assert!(!is_at("/a/{name}/b", "/a/b") && !is_at("/a/{name}/b", "/a//b"));
        assert!(is_at("/probe?target={name}", "/probe") && !is_at("/probe", "/probes"));
        let settle = "/runs/{id}/steps/{device}/settle";
        assert!(is_at(settle, "/runs/7/steps/sw-1/settle"));
        assert!(is_at(settle, "/runs/7/steps/a/b/settle"));
        for path in [
            "/runs/7/steps/settle",
            "/runs//steps/sw-1/settle",
            "/runs/7/steps/sw-1",
        ] {
            assert!(!is_at(settle, path), "{path}");
        }
    }
}
