//! `/`: what this is, how it does, and where to look. No scripts, nothing from elsewhere, all text escaped.

use std::{collections::BTreeMap, fmt};

use axum::{
    extract::State as Shared,
    http::header::CONTENT_SECURITY_POLICY,
    response::{Html, IntoResponse, Response},
};

use super::{Web, api, readiness::Readiness};
use crate::{exposition::put, state::State};

/// Rows of a table: a page for a glance, and the API for the rest.
const ROWS: usize = 20;

/// Nothing is fetched, sent or framed; the styles are in the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) async fn page(Shared(web): Shared<Web>) -> Response {
    let mut html = String::from(HEAD);
    totals(&mut html, &web.state);
    held(&mut html, &web.state);
    agents(&mut html, &web.state);
    down(&mut html, &web.state);
    html.push_str("<h2>Paths</h2><ul>");
    for info in web.part.paths() {
        let (path, about) = (info.path, Escaped(info.about));
        if info.method == "GET" && !path.contains('{') {
            put(
                &mut html,
                format_args!("<li><a href=\"{path}\">{path}</a>: {about}</li>"),
            );
        } else {
            let method = info.method;
            put(&mut html, format_args!("<li>{method} {path}: {about}</li>"));
        }
    }
    html.push_str("</ul></body></html>\n");
    ([(CONTENT_SECURITY_POLICY, POLICY)], Html(html)).into_response()
}

fn totals(html: &mut String, state: &State) {
    let totals = api::Status::of(state);
    let readiness = Readiness::of(state).to_string();
    let states: Vec<_> = totals
        .devices
        .states
        .iter()
        .map(|(state, count)| format!("{state} {}", Thousands(*count)))
        .collect();
    put(
        html,
        format_args!(
            "<p>Manager, version {}: {}.</p>",
            totals.version,
            Escaped(&readiness.replace('\n', "; "))
        ),
    );
    let number = |count| Thousands(count).to_string();
    let rows = [
        ("Devices", number(totals.devices.total)),
        ("Devices up", number(totals.devices.up)),
        ("Sessions", states.join(", ")),
        ("Shards of agents", number(totals.shards.linked)),
        ("Shards lost", number(totals.shards.lost)),
        ("Series", number(totals.series)),
    ];
    html.push_str("<table>");
    for (name, value) in rows {
        put(
            html,
            format_args!("<tr><th>{name}</th><td>{value}</td></tr>"),
        );
    }
    html.push_str("</table>");
}

/// What an agent's shards come to.
#[derive(Default)]
struct Agent {
    shards: usize,
    lost: usize,
    devices: u64,
    sessions: u64,
}

fn agents(html: &mut String, state: &State) {
    let mut agents = BTreeMap::<_, Agent>::new();
    for slot in state.board.agents(state.clock.now()) {
        let agent = agents.entry(slot.shard.agent.clone()).or_default();
        if slot.is_up() {
            agent.shards += 1;
            slot.with_stats(|stats| {
                agent.devices = agent.devices.saturating_add(stats.devices);
                agent.sessions = agent.sessions.saturating_add(stats.sessions);
            });
        } else {
            agent.lost += 1;
        }
    }
    if agents.is_empty() {
        return;
    }
    html.push_str("<h2>Agents</h2><table><tr><th>name</th><td>shards</td><td>lost</td><td>devices</td><td>sessions</td></tr>");
    for (name, agent) in agents.iter().take(ROWS) {
        let count = |n: u64| Thousands(usize::try_from(n).unwrap_or(usize::MAX));
        put(
            html,
            format_args!(
                "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                Escaped(name.as_str()),
                agent.shards,
                agent.lost,
                count(agent.devices),
                count(agent.sessions),
            ),
        );
    }
    html.push_str("</table>");
    more(html, agents.len(), "/api/v1/agents");
}

/// Credentials that nobody tries.
fn held(html: &mut String, state: &State) {
    let credentials = state.board.credentials();
    let failures = credentials.iter().filter_map(|view| view.failure.as_ref());
    for failure in failures.take(ROWS) {
        let (message, hint) = (&failure.message, failure.hint.as_deref());
        put(
            html,
            format_args!(
                "<p><strong>{}</strong> {}</p>",
                Escaped(message),
                Escaped(hint.unwrap_or_default())
            ),
        );
    }
}

fn down(html: &mut String, state: &State) {
    let (now, devices) = (state.clock.now(), state.board.devices());
    let readiness = Readiness::of(state);
    let mut rows = Vec::new();
    let mut n_down = 0;
    for slot in devices.values() {
        slot.inspect(now, |view| {
            if view.up || !view.is_known {
                return;
            }
            n_down += 1;
            if rows.len() < ROWS {
                let failure = readiness.failure_of(&view);
                rows.push((slot.name.clone(), view.state(), failure));
            }
        });
    }
    if rows.is_empty() {
        return;
    }
    html.push_str("<h2>Devices that are down</h2><table>");
    for (name, state, failure) in rows {
        let (reason, message) = failure.map_or(("", String::new()), |failure| {
            (failure.reason.as_str(), failure.message)
        });
        put(
            html,
            format_args!(
                "<tr><th>{}</th><td>{state}</td><td>{reason}</td><td>{}</td></tr>",
                Escaped(name.as_str()),
                Escaped(&message),
            ),
        );
    }
    html.push_str("</table>");
    more(html, n_down, "/api/v1/devices");
}

/// Says where the rest is, when a table does not show all.
fn more(html: &mut String, total: usize, path: &str) {
    if total > ROWS {
        let more = Thousands(total - ROWS);
        put(
            html,
            format_args!("<p>and {more} more at <a href=\"{path}\">{path}</a></p>"),
        );
    }
}

/// Text that is no markup, whatever is in it.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c => fmt::Write::write_char(f, c),
        })
    }
}

/// A number for people: `12,345`.
struct Thousands(usize);

impl fmt::Display for Thousands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1_000 {
            return write!(f, "{}", self.0);
        }
        write!(f, "{},{:03}", Self(self.0 / 1_000), self.0 % 1_000)
    }
}

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta http-equiv=\"refresh\" content=\"5\"><title>NetWolf</title>\
<style>body{font-family:sans-serif;max-width:50em;margin:2em auto}\
th{text-align:left;padding-right:2em;font-weight:normal}td{text-align:right;padding-right:1em}</style>\
</head><body><h1>NetWolf</h1>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_numbers_are_separated() {
        assert_eq!(
            Escaped("<b>'a' & \"b\"</b>").to_string(),
            "&lt;b&gt;&#39;a&#39; &amp; &quot;b&quot;&lt;/b&gt;"
        );
        for (number, text) in [
            (7, "7"),
            (1_000, "1,000"),
            (12_345, "12,345"),
            (1_002_003, "1,002,003"),
        ] {
            assert_eq!(Thousands(number).to_string(), text);
        }
    }
}
