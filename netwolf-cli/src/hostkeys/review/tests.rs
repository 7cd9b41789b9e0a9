use super::*;

fn key(algorithm: &str, fingerprint: &str) -> FoundKey {
    FoundKey {
        algorithm: algorithm.into(),
        fingerprint: format!("SHA256:{fingerprint}"),
        line: format!("{algorithm} AAAA{fingerprint}"),
    }
}

fn objection(reason: Reason, message: &str) -> Failure {
    Failure {
        reason,
        message: message.into(),
        hint: None,
    }
}

fn review(name: &str, configured: HostKey, found: Vec<(FoundKey, Option<Failure>)>) -> Review {
    let says_nothing = configured == HostKey::AcceptNew;
    let mut subject = Subject::parse("192.0.2.1:2200").unwrap();
    subject.name = name.into();
    subject.configured = Some(configured);
    Review {
        subject,
        found: Ok(found
            .into_iter()
            .map(|(key, objection)| Found {
                key,
                trusted: (!says_nothing).then_some(objection.is_none()),
                objection,
            })
            .collect()),
    }
}

fn some() -> Vec<Review> {
    let pinned = || HostKey::Pinned("SHA256:a".into());
    let known = || HostKey::KnownHosts("known_hosts".into());
    let mismatch = || Some(objection(Reason::HostKeyMismatch, "presents another one"));
    let unknown = || Some(objection(Reason::HostKeyUnknown, "has no key for it"));
    vec![
        review(
            "good",
            pinned(),
            vec![
                (key("ssh-rsa", "r"), mismatch()),
                (key("ssh-ed25519", "a"), None),
            ],
        ),
        review(
            "changed",
            pinned(),
            vec![(key("ssh-ed25519", "b"), mismatch())],
        ),
        review(
            "new",
            known(),
            vec![(key("ecdsa-sha2-nistp256", "c"), unknown())],
        ),
        review(
            "open",
            HostKey::AcceptNew,
            vec![(key("ssh-ed25519", "d"), None)],
        ),
        Review {
            found: Err(objection(Reason::Refused, "the port is closed")),
            ..review("gone", pinned(), Vec::new())
        },
    ]
}

#[test]
fn the_table_says_what_is_at_odds() {
    assert_eq!(
        render(&some(), Format::Table),
        "\
DEVICE   ADDRESS         KEY                  FINGERPRINT  CONFIGURED
good     192.0.2.1:2200  ssh-rsa              SHA256:r     not listed
good     192.0.2.1:2200  ssh-ed25519          SHA256:a     pinned
changed  192.0.2.1:2200  ssh-ed25519          SHA256:b     DIFFERS
new      192.0.2.1:2200  ecdsa-sha2-nistp256  SHA256:c     not known
open     192.0.2.1:2200  ssh-ed25519          SHA256:d     accept-new
gone     192.0.2.1:2200  -                    -            refused
"
    );
    let complaints: Vec<_> = some()
        .iter()
        .map(|review| review.complaint().map(|failure| failure.reason))
        .collect();
    assert_eq!(
        complaints,
        [
            None,
            Some(Reason::HostKeyMismatch),
            Some(Reason::HostKeyUnknown),
            None,
            Some(Reason::Refused)
        ]
    );
}

#[test]
fn a_revoked_key_is_said_even_beside_a_trusted_one() {
    let revoked = objection(Reason::HostKeyMismatch, "\"known_hosts\" marks as revoked");
    let review = review(
        "r1",
        HostKey::KnownHosts("known_hosts".into()),
        vec![
            (key("ssh-ed25519", "a"), None),
            (key("ssh-rsa", "r"), Some(revoked)),
        ],
    );
    assert!(review.complaint().is_some());
    assert!(render(&[review], Format::Table).contains("REVOKED"));
}

#[test]
fn known_hosts_lines_name_the_port() {
    assert_eq!(
        render(&some()[..1], Format::KnownHosts),
        "[192.0.2.1]:2200 ssh-rsa AAAAr\n[192.0.2.1]:2200 ssh-ed25519 AAAAa\n"
    );
}

#[test]
fn the_key_to_pin_is_the_one_that_a_login_is_shown() {
    assert_eq!(
        render(&some()[..1], Format::Yaml),
        "# good, 192.0.2.1:2200, ssh-ed25519\nhost_key: \"SHA256:a\"\n"
    );
}

#[test]
fn the_summary_claims_no_more_than_was_seen() {
    let text = summary(&some());
    assert!(
        text.starts_with("5 devices: 4 showed keys, 1 as configured, 2 not\n"),
        "{text}"
    );
    assert!(text.contains("console"));
    assert!(!summary(&some()[..1]).contains("console"));
}
