//! Addresses: where a device is, and nothing about who logs in or how.

use std::net::{IpAddr, Ipv6Addr};

use super::host_key::Complaint;

/// Longest host name in DNS.
const MAX_ADDRESS: usize = 253;

/// Whether `address` is an IP address or a DNS name and nothing besides.
pub(super) fn check(address: &str) -> Result<(), Complaint> {
    if address.is_empty() {
        return Err(("the address is empty".into(), None));
    }
    // What stands before an `@` may be a user name with a password: it is not repeated.
    let (user, host) = address
        .rsplit_once('@')
        .map_or((None, address), |(user, host)| (Some(user), host));
    if user.is_some() || host.contains("://") {
        let host = host.split_once("://").map_or(host, |(_, rest)| rest);
        let bare = host.split(['/', ':']).next().unwrap_or_default();
        let what = if user.is_some() {
            "a user name"
        } else {
            "a scheme"
        };
        return Err((
            format!("the address has {what} before the host"),
            Some(format!(
                "write the bare name or IP address: {bare}; the user name belongs into the credential"
            )),
        ));
    }
    let without_zone = address.split('%').next().unwrap_or_default();
    if address.parse::<IpAddr>().is_ok() || without_zone.parse::<Ipv6Addr>().is_ok() {
        return Ok(());
    }
    let is_fit = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if address.len() <= MAX_ADDRESS
        && address.chars().all(is_fit)
        && !address.starts_with(['-', '.'])
    {
        return Ok(());
    }
    let hint = match address.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => Some(format!(
            "write `address: {}` and `port: {port}`",
            host.trim_matches(['[', ']'])
        )),
        _ if address.starts_with('[') => Some("write an IPv6 address without brackets".into()),
        _ => None,
    };
    Err((
        format!("address {address:?} is neither an IP address nor a DNS name"),
        hint,
    ))
}

#[cfg(test)]
mod tests {
    fn check(address: &str, is_good: bool) {
        assert_eq!(super::check(address).is_ok(), is_good, "{address}");
    }

    #[test]
    fn what_may_be_a_password_is_not_repeated() {
        for address in [
            "admin:hunter2@x",
            "ssh://admin:hunter2@x:22",
            "ssh://admin:hunt@er2@x",
        ] {
            let (message, hint) = super::check(address).unwrap_err();
            let said = format!("{message} {hint:?}");
            assert!(!said.contains("hunt") && !said.contains("er2"), "{said}");
        }
    }

    #[test]
    fn an_address_is_an_ip_address_or_a_dns_name() {
        for address in [
            "192.0.2.1",
            "2001:db8::1",
            "fe80::1%eth0",
            "sw-17.example.net",
            "localhost",
            "a_b",
        ] {
            check(address, true);
        }
        for address in [
            "",
            "ssh://x",
            "admin@x",
            "ssh://admin:pw@x",
            "x:22",
            "[2001:db8::1]",
            "[::1]:22",
            "a b",
            "-oProxy",
            "é",
        ] {
            check(address, false);
        }
    }
}
