//! Logins: each method, and all that a device may say to one.

use super::{
    device::Options,
    pair::{Event, Field, Pair, message},
};
use crate::{
    Error, Reply, RsaSignatures,
    codec::{Reader, Write},
    numbers::{
        CHANNEL_DATA, EXT_INFO, SERVICE_ACCEPT, UNIMPLEMENTED, USERAUTH_BANNER, USERAUTH_FAILURE,
        USERAUTH_INFO_RESPONSE, USERAUTH_OF_METHOD, USERAUTH_REQUEST, USERAUTH_SUCCESS,
    },
};

/// The fields that every attempt begins with, and those of `method`.
fn attempt(method: &str, rest: &[Field<'_>]) -> Vec<u8> {
    let mut fields = vec![
        Field::S("admin"),
        Field::S("ssh-connection"),
        Field::S(method),
    ];
    fields.extend_from_slice(rest);
    message(USERAUTH_REQUEST, &fields)
}

fn refusal(methods: &str, partial: bool) -> Vec<u8> {
    message(USERAUTH_FAILURE, &[Field::S(methods), Field::B(partial)])
}

fn refused(methods: &[&str], partial: bool) -> Reply {
    Reply::Refused {
        methods: methods.iter().map(|name| (*name).to_owned()).collect(),
        partial,
    }
}

/// A first attempt with no method, refused.
#[track_caller]
fn asked() -> Pair {
    let mut pair = Pair::keyed(Options::default());
    pair.connection.try_none("admin").unwrap();
    assert_eq!(pair.connection.poll_login(), None);
    pair.accept_service();
    assert_eq!(pair.device.one(), attempt("none", &[]));
    let reply = pair.reply(&refusal("publickey,password,keyboard-interactive", false));
    let methods = ["publickey", "password", "keyboard-interactive"];
    assert_eq!(reply, Ok(Some(refused(&methods, false))));
    assert_eq!(pair.connection.poll_login(), None, "a reply is told once");
    pair
}

#[track_caller]
fn check_accepted(mut pair: Pair) {
    assert!(!pair.connection.login.is_done());
    let reply = pair.reply(&[USERAUTH_SUCCESS]);
    assert_eq!(reply, Ok(Some(Reply::Accepted)));
    assert!(pair.connection.login.is_done());
    assert_eq!(pair.events(), []);
    assert_eq!(
        pair.connection.try_none("admin"),
        Err(Error::OutOfTurn(USERAUTH_REQUEST))
    );
    pair.open(100, 100);
}

#[test]
fn a_device_may_ask_for_nothing() {
    let mut pair = Pair::keyed(Options::default());
    pair.connection.try_none("admin").unwrap();
    pair.accept_service();
    pair.device.one();
    check_accepted(pair);
}

#[test]
fn an_attempt_waits_for_keys() {
    let mut pair = Pair::greet(Options::default()).unwrap();
    pair.connection.try_password("admin", "secret").unwrap();
    pair.accept_service();
    let expected = attempt("password", &[Field::B(false), Field::S("secret")]);
    assert_eq!(pair.device.one(), expected);
}

/// Dropbear and others, of old, take the service without its name.
#[test]
fn a_service_may_be_accepted_without_its_name() {
    let mut pair = Pair::keyed(Options::default());
    pair.connection.try_none("admin").unwrap();
    pair.pump().unwrap();
    pair.device.one();
    pair.say(&[SERVICE_ACCEPT]).unwrap();
    assert_eq!(pair.device.one(), attempt("none", &[]));
    let mut pair = Pair::keyed(Options::default());
    pair.connection.try_none("admin").unwrap();
    let other = message(SERVICE_ACCEPT, &[Field::S("ssh-connection")]);
    assert_eq!(pair.say(&other), Err(Error::NoLogin));
}

#[test]
fn an_attempt_before_the_service_is_there_takes_the_place_of_the_first() {
    let mut pair = Pair::keyed(Options::default());
    pair.connection.try_none("admin").unwrap();
    pair.connection.try_password("admin", "secret").unwrap();
    pair.accept_service();
    let expected = attempt("password", &[Field::B(false), Field::S("secret")]);
    assert_eq!(pair.device.one(), expected);
    check_accepted(pair);
}

#[test]
fn a_password_is_tried_refused_and_tried_again() {
    let mut pair = asked();
    for password in ["wrong", "r\u{e4}t", ""] {
        pair.connection.try_password("admin", password).unwrap();
        pair.pump().unwrap();
        let expected = attempt("password", &[Field::B(false), Field::S(password)]);
        assert_eq!(pair.device.one(), expected);
        if !password.is_empty() {
            let reply = pair.reply(&refusal("password", false));
            assert_eq!(reply, Ok(Some(refused(&["password"], false))));
        }
    }
    check_accepted(pair);
}

#[test]
fn a_password_that_must_be_changed_is_told_in_the_words_of_the_device() {
    let mut pair = asked();
    pair.connection.try_password("admin", "old").unwrap();
    let wanted = message(
        USERAUTH_OF_METHOD,
        &[Field::S("Your password has expired"), Field::S("")],
    );
    let reply = pair.reply(&wanted);
    assert_eq!(
        reply,
        Ok(Some(Reply::PasswordChange(
            "Your password has expired".into()
        )))
    );
}

#[test]
fn a_key_is_offered_and_then_signs() {
    let mut pair = asked();
    let key = "\u{1}key";
    pair.connection
        .offer_key("admin", "ssh-ed25519", key.as_bytes())
        .unwrap();
    pair.pump().unwrap();
    let fields = |signs| [Field::B(signs), Field::S("ssh-ed25519"), Field::S(key)];
    assert_eq!(pair.device.one(), attempt("publickey", &fields(false)));
    let will_do = message(
        USERAUTH_OF_METHOD,
        &[Field::S("ssh-ed25519"), Field::S(key)],
    );
    assert_eq!(pair.reply(&will_do), Ok(Some(Reply::KeyWanted)));
    let mut signed = pair
        .connection
        .to_sign("admin", "ssh-ed25519", key.as_bytes());
    let session = Reader::new(&signed).string().unwrap().len();
    assert_eq!(session, 32, "a key signs for this session only");
    signed.put_string(b"signature");
    pair.connection.try_signed(&signed).unwrap();
    pair.pump().unwrap();
    let mut expected = attempt("publickey", &fields(true));
    expected.put_string(b"signature");
    assert_eq!(pair.device.one(), expected);
    // It was right, and not enough.
    let reply = pair.reply(&refusal("password", true));
    assert_eq!(reply, Ok(Some(refused(&["password"], true))));
    pair.connection.try_password("admin", "secret").unwrap();
    pair.pump().unwrap();
    pair.device.one();
    check_accepted(pair);
}

#[test]
fn what_was_signed_for_another_session_is_not_sent() {
    let signed = asked().connection.to_sign("admin", "ssh-ed25519", b"key");
    let mut pair = asked();
    assert_eq!(pair.connection.try_signed(&signed), Err(Error::Malformed));
    assert!(pair.connection.output().is_empty());
}

#[test]
fn a_key_that_would_not_do_is_refused() {
    let mut pair = asked();
    pair.connection
        .offer_key("admin", "ssh-ed25519", b"key")
        .unwrap();
    let reply = pair.reply(&refusal("publickey,password", false));
    assert_eq!(reply, Ok(Some(refused(&["publickey", "password"], false))));
}

/// Questions with these prompts.
fn questions(prompts: &[(&str, bool)]) -> Vec<u8> {
    let n = u32::try_from(prompts.len()).unwrap();
    let mut fields = vec![
        Field::S("name"),
        Field::S("above"),
        Field::S(""),
        Field::N(n),
    ];
    for (text, shown) in prompts {
        fields.extend([Field::S(text), Field::B(*shown)]);
    }
    message(USERAUTH_OF_METHOD, &fields)
}

#[test]
fn questions_are_asked_and_answered_until_there_are_none() {
    let mut pair = asked();
    pair.connection.try_questions("admin").unwrap();
    pair.pump().unwrap();
    let expected = attempt("keyboard-interactive", &[Field::S(""), Field::S("")]);
    assert_eq!(pair.device.one(), expected);
    for (prompts, answers) in [
        (
            &[("Password: ", false), ("Code: ", true)][..],
            &["one", "two"][..],
        ),
        (&[], &[]),
    ] {
        let reply = pair.reply(&questions(prompts));
        assert_eq!(
            reply,
            Ok(Some(Reply::Questions {
                instructions: "above".into(),
                prompts: prompts
                    .iter()
                    .map(|(text, shown)| ((*text).to_owned(), *shown))
                    .collect(),
            }))
        );
        let answers: Vec<String> = answers.iter().map(|text| (*text).to_owned()).collect();
        pair.connection.answer(&answers).unwrap();
        pair.pump().unwrap();
        let mut fields = vec![Field::N(u32::try_from(answers.len()).unwrap())];
        fields.extend(answers.iter().map(|text| Field::S(text)));
        assert_eq!(pair.device.one(), message(USERAUTH_INFO_RESPONSE, &fields));
    }
    check_accepted(pair);
}

#[test]
fn nobody_asks_without_end() {
    let mut pair = asked();
    pair.connection.try_questions("admin").unwrap();
    let reply = pair.reply(&questions(&[("?", true); 65]));
    assert_eq!(reply, Err(Error::Malformed));
    let mut pair = asked();
    pair.connection.try_questions("admin").unwrap();
    let reply = pair.reply(&message(
        USERAUTH_OF_METHOD,
        &[Field::S(""), Field::S(""), Field::S(""), Field::N(u32::MAX)],
    ));
    assert_eq!(reply, Err(Error::Malformed));
}

#[test]
fn a_banner_is_no_reply() {
    let mut pair = asked();
    pair.connection.try_password("admin", "secret").unwrap();
    let banner = message(
        USERAUTH_BANNER,
        &[Field::S("Authorised users only"), Field::S("")],
    );
    assert_eq!(pair.reply(&banner), Ok(None));
    pair.device.received();
    check_accepted(pair);
}

#[test]
fn what_the_device_says_of_keys_of_rsa_is_known() {
    let mut pair = Pair::keyed(Options::default());
    assert_eq!(pair.connection.rsa_signatures(), None);
    let extensions = |kinds: &str| {
        message(
            EXT_INFO,
            &[
                Field::N(2),
                Field::S("ping@openssh.com"),
                Field::S("0"),
                Field::S("server-sig-algs"),
                Field::S(kinds),
            ],
        )
    };
    pair.say(&extensions("ssh-ed25519,rsa-sha2-512")).unwrap();
    let known = |sha1, sha256, sha512| {
        Some(RsaSignatures {
            sha1,
            sha256,
            sha512,
        })
    };
    assert_eq!(pair.connection.rsa_signatures(), known(false, false, true));
    // It may be said again, once it is known who logs in.
    pair.connection.try_none("admin").unwrap();
    pair.accept_service();
    pair.say(&extensions("rsa-sha2-256,ssh-rsa")).unwrap();
    assert_eq!(pair.connection.rsa_signatures(), known(true, true, false));
    pair.device.one();
    check_accepted(pair);
}

#[test]
fn extensions_have_an_end() {
    let mut pair = Pair::keyed(Options::default());
    let without_end = message(EXT_INFO, &[Field::N(u32::MAX), Field::S(""), Field::S("")]);
    assert_eq!(pair.say(&without_end), Err(Error::Malformed));
}

/// Whatever a device says, nobody is logged in who has not tried.
#[track_caller]
fn check_not_logged_in(mut pair: Pair, payload: &[u8], expected: Error) {
    assert_eq!(pair.say(payload), Err(expected), "{payload:?}");
    assert!(!pair.connection.login.is_done());
    assert_eq!(pair.connection.poll_login(), None);
    // Nor is anybody by going on after the end.
    assert!(pair.say(&[USERAUTH_SUCCESS]).is_err());
    assert!(!pair.connection.login.is_done());
    assert_eq!(pair.connection.poll_timeout(), None);
    assert_eq!(pair.events(), []);
}

#[test]
fn nobody_is_logged_in_who_has_not_tried() {
    let success = [USERAUTH_SUCCESS];
    let out_of_turn = Error::OutOfTurn(USERAUTH_SUCCESS);
    let before = Pair::keyed(Options::default());
    check_not_logged_in(before, &success, out_of_turn.clone());
    let mut asking = Pair::keyed(Options::default());
    asking.connection.try_none("admin").unwrap();
    asking.carry();
    check_not_logged_in(asking, &success, out_of_turn.clone());
    // Nor who was refused and has not tried again, or has not signed.
    check_not_logged_in(asked(), &success, out_of_turn.clone());
    let mut offered = asked();
    offered
        .connection
        .offer_key("admin", "ssh-ed25519", b"key")
        .unwrap();
    let will_do = message(USERAUTH_OF_METHOD, &[Field::S("ssh-ed25519"), Field::S("")]);
    assert_eq!(offered.reply(&will_do), Ok(Some(Reply::KeyWanted)));
    check_not_logged_in(offered, &success, out_of_turn);
}

#[test]
fn replies_that_fit_no_attempt_end_the_login() {
    let of_method = message(USERAUTH_OF_METHOD, &[Field::S("x"), Field::S("y")]);
    let mut none = Pair::keyed(Options::default());
    none.connection.try_none("admin").unwrap();
    none.accept_service();
    check_not_logged_in(none, &of_method, Error::OutOfTurn(USERAUTH_OF_METHOD));
    for number in [USERAUTH_REQUEST, USERAUTH_INFO_RESPONSE] {
        let mut pair = asked();
        pair.connection.try_none("admin").unwrap();
        check_not_logged_in(pair, &[number], Error::OutOfTurn(number));
    }
    let accepted = message(SERVICE_ACCEPT, &[Field::S("ssh-userauth")]);
    check_not_logged_in(asked(), &accepted, Error::OutOfTurn(SERVICE_ACCEPT));
    let data = message(CHANNEL_DATA, &[Field::N(0), Field::S("x")]);
    check_not_logged_in(asked(), &data, Error::OutOfTurn(CHANNEL_DATA));
}

#[test]
fn a_refusal_that_answers_nothing_is_passed_over() {
    let mut pair = asked();
    assert_eq!(pair.reply(&refusal("password", false)), Ok(None));
    pair.connection.try_password("admin", "secret").unwrap();
    pair.pump().unwrap();
    pair.device.one();
    check_accepted(pair);
}

/// Some devices have nothing to ask, and do not wait for the answer to that.
#[test]
fn a_device_that_asks_nothing_may_go_on_at_once() {
    let mut pair = asked();
    pair.connection.try_questions("admin").unwrap();
    pair.pump().unwrap();
    pair.device.one();
    pair.device.send(&questions(&[]));
    check_accepted(pair);
    let mut pair = asked();
    pair.connection.try_questions("admin").unwrap();
    pair.device.send(&questions(&[("?", false)]));
    let reply = pair.reply(&refusal("password", false));
    assert_eq!(reply, Ok(Some(refused(&["password"], false))));
}

/// Old servers send strange things behind a success.
#[test]
fn what_is_said_of_a_login_that_is_over_changes_nothing() {
    let mut pair = Pair::logged_in(Options::default());
    for payload in [vec![USERAUTH_SUCCESS], refusal("password", false)] {
        assert_eq!(pair.reply(&payload), Ok(None));
        assert!(pair.connection.login.is_done());
    }
    pair.open(1, 1);
    assert_eq!(
        pair.say(&[USERAUTH_REQUEST]),
        Err(Error::OutOfTurn(USERAUTH_REQUEST))
    );
    assert_eq!(pair.events(), []);
}

#[test]
fn what_is_not_known_is_answered_so_with_its_number() {
    let mut pair = Pair::logged_in(Options::default());
    // SERVICE_ACCEPT and USERAUTH_SUCCESS came before it, under these keys.
    pair.say(&[192, 1, 2, 3]).unwrap();
    assert_eq!(pair.device.one(), message(UNIMPLEMENTED, &[Field::N(2)]));
    assert_eq!(pair.events(), Vec::<Event>::new());
}
