//! Keyboard-interactive logins against a server that asks what a test says.

use std::{borrow::Cow, collections::VecDeque};

use super::*;

/// Prompts of one round, each with whether its answer is shown.
type Round = Vec<(&'static str, bool)>;

#[derive(Clone)]
struct Asker {
    rounds: VecDeque<Round>,
    answers: Arc<Mutex<Vec<String>>>,
}

impl server::Server for Asker {
    type Handler = Self;

    fn new_client(&mut self, _: Option<std::net::SocketAddr>) -> Self {
        self.clone()
    }
}

impl server::Handler for Asker {
    type Error = russh::Error;

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<server::Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        for answer in response.into_iter().flatten() {
            let answer = String::from_utf8_lossy(&answer).into_owned();
            self.answers.lock().unwrap().push(answer);
        }
        let Some(round) = self.rounds.pop_front() else {
            return Ok(Auth::Accept);
        };
        let prompts: Vec<(Cow<'static, str>, bool)> = round
            .into_iter()
            .map(|(prompt, echo)| (prompt.into(), echo))
            .collect();
        Ok(Auth::Partial {
            name: "".into(),
            instructions: "".into(),
            prompts: prompts.into(),
        })
    }
}

/// Logs in to a server that asks `rounds`; tells how it ended and what the server was told.
async fn log_in(rounds: &[Round]) -> (Result<(), Failure>, Vec<String>, bool) {
    let answers = Arc::default();
    let mut server = Asker {
        rounds: rounds.iter().cloned().collect(),
        answers: Arc::clone(&answers),
    };
    let config = server::Config {
        methods: MethodSet::from([MethodKind::KeyboardInteractive].as_slice()),
        auth_rejection_time: Duration::from_millis(1),
        keys: vec![PrivateKey::from(Ed25519Keypair::from_seed(&[1; 32]))],
        ..server::Config::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut target = target(listener.local_addr().unwrap().port());
    let serving =
        tokio::spawn(async move { server.run_on_socket(Arc::new(config), &listener).await });
    let dir = tempfile::tempdir().unwrap();
    let password = dir.path().join("password");
    std::fs::write(&password, "hunter2").unwrap();
    target.login.password = Some(SecretRef::File(password));
    let mut platform = linux();
    platform.questions.push(Question {
        ask: r"acknowledge the statement above \? \(yes/no\) :".into(),
        answer: Some("yes\n".into()),
    });
    let (result, offered) = Shared::default().connect(&target, &platform).await;
    serving.abort();
    let answers = answers.lock().unwrap().clone();
    (result.map(drop), answers, offered)
}

const PASSWORD: (&str, bool) = ("Password: ", false);
const STATEMENT: (&str, bool) = (
    "Do you accept and acknowledge the statement above ? (yes/no) : ",
    true,
);

#[tokio::test]
async fn several_questions_are_answered_in_their_order() {
    let (result, answers, _) = log_in(&[vec![("login: ", true), PASSWORD, STATEMENT]]).await;
    result.unwrap();
    assert_eq!(answers, ["netwolf", "hunter2", "yes"]);
    let (result, answers, _) = log_in(&[vec![PASSWORD], vec![], vec![STATEMENT]]).await;
    result.unwrap();
    assert_eq!(answers, ["hunter2", "yes"]);
    let (result, answers, _) = log_in(&[vec![STATEMENT], vec![PASSWORD]]).await;
    result.unwrap();
    assert_eq!(answers, ["yes", "hunter2"]);
}

#[tokio::test]
async fn an_unknown_question_is_quoted_and_nothing_is_told() {
    for (prompt, echo, reason) in [
        ("Favourite colour? ", true, Reason::NoPrompt),
        ("Verification code: ", false, Reason::NoPrompt),
        ("New password: ", false, Reason::PasswordChange),
    ] {
        let (result, answers, offered) = log_in(&[vec![(prompt, echo)]]).await;
        let failure = result.unwrap_err();
        assert_eq!(failure.reason, reason, "{failure:?}");
        assert!(failure.message.contains(prompt.trim()), "{failure:?}");
        assert!(failure.hint.is_some());
        assert_eq!((answers.as_slice(), offered), ([].as_slice(), false));
    }
}

#[tokio::test]
async fn a_password_that_is_asked_for_again_was_wrong_and_is_not_said_twice() {
    let (result, answers, offered) = log_in(&[vec![PASSWORD], vec![PASSWORD]]).await;
    assert_eq!(result.unwrap_err().reason, Reason::AuthFailed);
    assert_eq!(
        (answers.as_slice(), offered),
        (["hunter2".to_owned()].as_slice(), true)
    );
}
