//! `/`: what this is, how it does, and where to look. No scripts, nothing from elsewhere.

use axum::{extract::State as Shared, response::Html};

use super::{Web, api};
use crate::exposition::put;

const LINKS: [(&str, &str); 6] = [
    ("/metrics", "metrics for Prometheus"),
    ("/api/v1/devices", "all devices"),
    ("/api/v1/agents", "all agents"),
    ("/api/v1/status", "totals"),
    ("/-/ready", "whether devices have been placed"),
    ("/-/healthy", "whether the program runs"),
];

pub(super) async fn page(Shared(web): Shared<Web>) -> Html<String> {
    let status = api::Status::of(&web.state);
    let mut rows = vec![
        ("Devices", status.devices.total),
        ("Devices up", status.devices.up),
        ("Shards of agents", status.shards.linked),
        ("Shards lost", status.shards.lost),
        ("Series", status.series),
    ];
    rows.extend(
        status
            .devices
            .states
            .iter()
            .map(|(state, count)| (*state, *count)),
    );
    let mut html = String::from(HEAD);
    put(
        &mut html,
        format_args!("<p>Manager, version {}. ", status.version),
    );
    match &status.waits_for {
        None => html.push_str("Ready.</p>"),
        Some(reason) => put(&mut html, format_args!("Not ready: {reason}.</p>")),
    }
    html.push_str("<table>");
    for (name, count) in rows {
        put(
            &mut html,
            format_args!("<tr><th>{name}</th><td>{count}</td></tr>"),
        );
    }
    html.push_str("</table><ul>");
    for (path, what) in LINKS {
        put(
            &mut html,
            format_args!("<li><a href=\"{path}\">{path}</a>: {what}</li>"),
        );
    }
    html.push_str("</ul></body></html>\n");
    Html(html)
}

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>NetWolf</title>\
<style>body{font-family:sans-serif;max-width:40em;margin:2em auto}\
th{text-align:left;padding-right:2em;font-weight:normal}td{text-align:right}</style>\
</head><body><h1>NetWolf</h1>";
