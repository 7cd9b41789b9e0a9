//! Requests that change something and that a browser makes on behalf of a page from elsewhere. Pure.
//!
//! A browser says where a request comes from, in `Sec-Fetch-Site` and, older ones too, in `Origin`; other programs say
//! neither. A page whose own name was made to point at this server (DNS rebinding) is of the same origin in the
//! browser's eyes; its `Host` is that name. So where nobody proves who he is, the host has to be an address or
//! `localhost`: names that no stranger can have.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, header};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a request may be another site's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrossSite {
    /// The browser says so.
    Site,
    /// The page is of another origin.
    Origin,
    /// The host is a name that anybody may have given to this server.
    Host,
}

/// Looks at the headers of a request that changes something; `is_proven` where whoever sends it has proved who he is.
///
/// # Errors
/// What speaks against it.
pub fn check(headers: &HeaderMap, is_proven: bool) -> Result<(), CrossSite> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text(SEC_FETCH_SITE)
        && !["same-origin", "none"].contains(&site)
    {
        return Err(CrossSite::Site);
    }
    let host = text(header::HOST);
    if let Some(origin) = text(header::ORIGIN) {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        let is_same = authority
            .zip(host)
            .is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host));
        if !is_same {
            return Err(CrossSite::Origin);
        }
    }
    match host {
        Some(host) if !is_proven && !is_nobodys_name(host) => Err(CrossSite::Host),
        _ => Ok(()),
    }
}

/// Whether `HOST[:PORT]` is an address or this machine.
fn is_nobodys_name(host: &str) -> bool {
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    bare.is_some_and(|bare| {
        bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn finds(
        headers: &[(&'static str, &'static str)],
        is_proven: bool,
        found: Result<(), CrossSite>,
    ) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        assert_eq!(check(&map, is_proven), found, "{headers:?}");
    }

    #[test]
    fn programs_and_own_pages_may() {
        for host in [
            "127.0.0.1:9799",
            "[::1]:9799",
            "localhost",
            "LOCALHOST:1",
            "192.0.2.1",
        ] {
            finds(&[("host", host)], false, Ok(()));
        }
        finds(&[], false, Ok(()));
        finds(
            &[
                ("host", "127.0.0.1:9799"),
                ("origin", "http://127.0.0.1:9799"),
                ("sec-fetch-site", "same-origin"),
            ],
            false,
            Ok(()),
        );
        finds(
            &[
                ("host", "noc.example.net"),
                ("origin", "https://NOC.example.net"),
            ],
            true,
            Ok(()),
        );
    }

    #[test]
    fn other_sites_may_not() {
        let host = ("host", "127.0.0.1:9799");
        for site in ["cross-site", "same-site", "odd"] {
            finds(
                &[host, ("sec-fetch-site", site)],
                true,
                Err(CrossSite::Site),
            );
        }
        for origin in [
            "http://evil.example",
            "null",
            "http://127.0.0.1:80",
            "http://127.0.0.1:9799.evil.example",
        ] {
            finds(&[host, ("origin", origin)], true, Err(CrossSite::Origin));
        }
        finds(
            &[("origin", "http://evil.example")],
            true,
            Err(CrossSite::Origin),
        );
    }

    #[test]
    fn a_name_that_anybody_may_have_needs_a_proof() {
        for host in [
            "evil.example",
            "evil.example:9799",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "[evil",
        ] {
            finds(&[("host", host)], false, Err(CrossSite::Host));
            finds(&[("host", host)], true, Ok(()));
        }
        let rebound = [
            ("host", "evil.example:9799"),
            ("origin", "http://evil.example:9799"),
            ("sec-fetch-site", "same-origin"),
        ];
        finds(&rebound, false, Err(CrossSite::Host));
    }
}
