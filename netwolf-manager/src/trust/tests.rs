//! A manager's trust over weeks of injected time.

use netwolf_wire::tls::{certificate::agent_of, pki::UnixTime, request::NewKey};
use rustls::{RootCertStore, server::WebPkiClientVerifier};

use super::*;

const T: u64 = 1_800_000_000;
const HOUR: u64 = 3600;

struct Scene {
    storage: tempfile::TempDir,
    trust: Trust,
    instant: Instant,
}

fn name(text: &str) -> AgentName {
    text.parse().unwrap()
}

fn source() -> IpAddr {
    "192.0.2.1".parse().unwrap()
}

impl Scene {
    fn new() -> Self {
        let storage = tempfile::tempdir().unwrap();
        let trust = Trust::start(storage.path(), T).unwrap();
        Self {
            storage,
            trust,
            instant: Instant::now(),
        }
    }

    fn certify(&self, agent: &str, grounds: &Grounds<'_>, now: u64) -> Result<Issued, Refusal> {
        let agent = name(agent);
        let key = NewKey::generate(&agent).unwrap();
        let key = ProvenKey::check(&agent, &key.public, &key.proof).unwrap();
        self.trust.certify(&agent, &key, grounds, now, self.instant)
    }

    fn join(&self, agent: &str, token: &JoinToken, now: u64) -> Result<Issued, Refusal> {
        self.certify(agent, &Grounds::Invite(&token.invite, source()), now)
    }

    fn invite(&self, agent: Option<&str>, now: u64) -> JoinToken {
        let agent = agent.map(name);
        self.trust.invite(agent, 900, now).unwrap().0
    }
}

fn der(pem: &str) -> CertificateDer<'static> {
    pem::certificates(pem.as_bytes()).unwrap().remove(0)
}

/// Whether an agent or a manager that knows `authorities` takes the certificate then.
fn holds(issued: &Issued, authorities: &[String], now: u64) -> bool {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(der(authority)).unwrap();
    }
    let provider = netwolf_wire::tls::provider();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now));
    let certificate = der(&issued.certificate);
    let taken = verifier
        .build()
        .unwrap()
        .verify_client_cert(&certificate, &[], now);
    taken.is_ok()
}

#[test]
fn an_invited_agent_gets_a_certificate_for_a_day_and_only_once() {
    let scene = Scene::new();
    let token = scene.invite(None, T);
    let issued = scene.join("a", &token, T + 60).unwrap();
    assert_eq!(agent_of(&der(&issued.certificate)), Some(name("a")));
    assert!(holds(&issued, &issued.authorities, T + 60 - HOUR));
    assert!(holds(&issued, &issued.authorities, T + 24 * HOUR));
    assert!(!holds(&issued, &issued.authorities, T + 25 * HOUR));
    let error = scene.join("b", &token, T + 61).unwrap_err();
    assert!(matches!(error, Refusal::Used), "{error}");
    assert!(error.hint().contains("netwolf agents invite"));
}

#[test]
fn a_token_outlives_a_restart_and_so_does_its_use() {
    let storage = tempfile::tempdir().unwrap();
    let start = || Scene {
        storage: tempfile::tempdir().unwrap(),
        trust: Trust::start(storage.path(), T).unwrap(),
        instant: Instant::now(),
    };
    let scene = start();
    let (token, other) = (scene.invite(None, T), scene.invite(None, T));
    assert!(start().join("a", &token, T).is_ok());
    let scene = start();
    assert!(matches!(scene.join("a", &token, T), Err(Refusal::Used)));
    assert!(matches!(scene.join("a", &other, T), Err(Refusal::Taken(_))));
}

#[test]
fn a_name_with_a_certificate_is_given_only_to_a_token_for_that_name() {
    let scene = Scene::new();
    scene.join("a", &scene.invite(None, T), T).unwrap();
    let token = scene.invite(None, T);
    let error = scene.join("a", &token, T).unwrap_err();
    assert!(matches!(error, Refusal::Taken(_)), "{error}");
    assert!(error.hint().contains("--name a"));
    assert!(scene.join("b", &token, T).is_ok(), "it was not used up");
    let bound = scene.invite(Some("a"), T);
    assert!(matches!(scene.join("b", &bound, T), Err(Refusal::Name(_))));
    assert!(scene.join("a", &bound, T).is_ok());
    // When the certificate has ended, the name is free.
    let later = T + 25 * HOUR;
    let token = scene.invite(None, later);
    assert!(scene.join("a", &token, later).is_ok());
}

#[test]
fn who_guesses_is_not_heard_for_long() {
    let scene = Scene::new();
    let (good, mut bad) = (scene.invite(None, T), scene.invite(None, T));
    bad.invite.secret = InviteSecret::new("guess");
    for _ in 0..10 {
        assert!(matches!(scene.join("a", &bad, T), Err(Refusal::Unknown)));
    }
    assert!(matches!(scene.join("a", &good, T), Err(Refusal::TooMany)));
    let elsewhere: IpAddr = "192.0.2.2".parse().unwrap();
    let grounds = Grounds::Invite(&good.invite, elsewhere);
    assert!(scene.certify("a", &grounds, T).is_ok());
}

#[test]
fn a_revoked_agent_renews_nothing_and_comes_back_with_a_token_for_its_name() {
    let scene = Scene::new();
    assert!(!scene.trust.revoke(&name("a"), T).unwrap());
    let issued = scene.join("a", &scene.invite(None, T), T).unwrap();
    let made = roll::made(Validity::of(&der(&issued.certificate)).unwrap());
    assert!(
        scene
            .certify("a", &Grounds::Renewal(made), T + HOUR)
            .is_ok()
    );
    assert!(scene.trust.revoke(&name("a"), T + HOUR).unwrap());
    assert!(!scene.trust.admits(&name("a"), made));
    assert!(scene.trust.agents()[0].2);
    let renewal = scene.certify("a", &Grounds::Renewal(made), T + HOUR);
    assert!(matches!(renewal, Err(Refusal::Revoked(_))));
    let token = scene.invite(Some("a"), T + HOUR);
    let again = scene.join("a", &token, T + HOUR).unwrap();
    let again = roll::made(Validity::of(&der(&again.certificate)).unwrap());
    assert!(scene.trust.admits(&name("a"), again) && !scene.trust.admits(&name("a"), made));
    assert!(!scene.trust.agents()[0].2);
}

#[test]
fn a_rotation_loses_no_agent_that_renews() {
    let scene = Scene::new();
    let Scene { trust, .. } = &scene;
    let before = scene.join("a", &scene.invite(None, T), T).unwrap();
    let made = roll::made(Validity::of(&der(&before.certificate)).unwrap());
    let ends = trust.rotate(T + HOUR).unwrap().unwrap();
    assert_eq!(trust.rotate(T + HOUR).unwrap(), Err(Rotating { ends }));
    // Between: both are believed, the old one is shown, the new one signs.
    let views = trust.authorities();
    assert_eq!(views.len(), 2);
    assert!(views[0].shown && !views[0].signs && views[1].signs && !views[1].shown);
    let renewed = scene
        .certify("a", &Grounds::Renewal(made), T + 16 * HOUR)
        .unwrap();
    assert_eq!(renewed.authorities.len(), 2);
    assert!(holds(&renewed, &renewed.authorities[1..], T + 17 * HOUR));
    assert!(!holds(&renewed, &renewed.authorities[..1], T + 17 * HOUR));
    let (token, expires) = trust.invite(None, 24 * HOUR, ends - HOUR).unwrap();
    assert_eq!(
        (token.pin, expires),
        (views[0].pin, ends),
        "it ends with what it names"
    );
    // After: one is left.
    trust.tick(ends - 1).unwrap();
    assert_eq!(trust.authorities().len(), 2);
    trust.tick(ends).unwrap();
    let after = trust.authorities();
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].pin, views[1].pin);
    let restarted = Trust::start(scene.storage.path(), ends + 1).unwrap();
    assert_eq!(restarted.authorities()[0].pin, views[1].pin);
    let files = std::fs::read_dir(scene.storage.path().join(store::FOLDER)).unwrap();
    assert_eq!(files.count(), 3, "the old key is gone");
}

#[test]
fn the_managers_own_certificate_is_made_anew_in_time() {
    let scene = Scene::new();
    let first = scene.trust.settings();
    scene.trust.tick(T + 12 * HOUR - 1).unwrap();
    assert!(Arc::ptr_eq(&first, &scene.trust.settings()));
    scene.trust.tick(T + 12 * HOUR).unwrap();
    let second = scene.trust.settings();
    assert!(!Arc::ptr_eq(&first, &second));
    scene.trust.tick(T - 100 * HOUR).unwrap();
    assert!(
        !Arc::ptr_eq(&second, &scene.trust.settings()),
        "a clock that was set back"
    );
}
