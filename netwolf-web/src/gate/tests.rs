use std::fs;

use hyper::Request;

use super::*;

/// The password is `open sesame`.
fn hash() -> String {
    bcrypt::hash("open sesame", 4).unwrap()
}

/// `ali:open sesame` and `ali:open barley`.
const RIGHT: &str = "Basic YWxpOm9wZW4gc2VzYW1l";
const WRONG: &str = "Basic YWxpOm9wZW4gYmFybGV5";

struct Door {
    gate: Gate,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Door {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.yml");
        fs::write(&path, text).unwrap();
        let gate = Gate::new(Some(path.clone())).unwrap();
        let gate = gate.vouching(|path, token| path.starts_with("/api/") && token == "t0ken");
        Self {
            gate,
            path,
            _folder: folder,
        }
    }

    /// The status of a refusal, or 200 and who it is.
    async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> (u16, Option<Caller>) {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let peer = "192.0.2.1:1000".parse().unwrap();
        match self.gate.admit(&head, peer, false).await {
            Ok(caller) => (200, Some(caller)),
            Err(refusal) => (refusal.status.as_u16(), None),
        }
    }

    async fn status(&self, path: &str, authorization: &str) -> u16 {
        self.ask(path, &[("Authorization", authorization)]).await.0
    }
}

#[tokio::test]
async fn users_pass_and_others_do_not() {
    let door = Door::new(&format!("basic_auth_users: {{ ali: {} }}", hash()));
    assert_eq!(door.ask("/metrics", &[]).await.0, 401);
    let (status, caller) = door.ask("/metrics", &[("Authorization", RIGHT)]).await;
    let caller = caller.unwrap();
    assert!(status == 200 && caller.is_known() && caller.user.as_deref() == Some("ali"));
    assert_eq!(door.status("/metrics", WRONG).await, 401);
    assert_eq!(door.status("/metrics", "Digest x").await, 401);
    // A token serves where the program says so.
    assert_eq!(door.status("/metrics", "Bearer t0ken").await, 401);
    assert_eq!(door.status("/api/v1", "Bearer t0ken").await, 200);
    assert_eq!(door.status("/api/v1", "bearer other").await, 401);
    assert_eq!(door.gate.refusals.get(Reason::NoCredentials), 1);
    assert_eq!(door.gate.refusals.get(Reason::Credentials), 4);
}

#[tokio::test]
async fn guesses_end_soon_and_whoever_is_known_goes_on() {
    let door = Door::new(&format!("basic_auth_users: {{ ali: {} }}", hash()));
    assert_eq!(door.status("/metrics", RIGHT).await, 200);
    let mut n_refused = 0;
    for _ in 0..2 * ATTEMPTS.burst {
        n_refused += u32::from(door.status("/metrics", "Bearer guess").await == 429);
    }
    assert!(n_refused >= 5, "{n_refused}");
    assert_eq!(door.status("/metrics", RIGHT).await, 200);
    assert!(door.gate.refusals.get(Reason::Attempts) >= 5);
}

#[tokio::test]
async fn more_than_the_limit_or_too_long_is_refused() {
    let door = Door::new("rate_limit: { interval: 1h, burst: 2 }");
    let statuses = [
        door.status("/", "").await,
        door.status("/", "").await,
        door.status("/", "").await,
    ];
    assert_eq!(statuses, [200, 200, 429]);
    let door = Door::new("");
    let long = (MAX_BODY + 1).to_string();
    assert_eq!(door.ask("/", &[("Content-Length", &long)]).await.0, 413);
    let open = Gate::new(None).unwrap();
    assert!(!open.knows_callers());
}

#[tokio::test]
async fn a_changed_file_is_read_and_a_bad_one_is_not_taken() {
    let door = Door::new("");
    assert_eq!(door.status("/", "").await, 200);
    fs::write(
        &door.path,
        format!("basic_auth_users: {{ ali: {} }}", hash()),
    )
    .unwrap();
    door.gate.look();
    assert_eq!(door.status("/", WRONG).await, 401);
    fs::write(&door.path, "basic_auth_user: {}").unwrap();
    door.gate.look();
    assert!(door.gate.read().is_err());
    assert_eq!(
        door.status("/", WRONG).await,
        401,
        "the one before is in force"
    );
    fs::remove_file(&door.path).unwrap();
    door.gate.look();
    assert_eq!(door.status("/", RIGHT).await, 200, "and its users");
    fs::write(&door.path, "rate_limit: {}").unwrap();
    door.gate.look();
    assert_eq!(door.ask("/", &[]).await.0, 200);
}
