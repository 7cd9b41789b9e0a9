//! Commands, keys and texts of made-up platforms; the bundled ones are tried in `tests/platforms`.

use super::*;

fn polled<'l>(texts: &[&'l str]) -> Vec<Command<'l>> {
    let command = |text: &&'l str| Command {
        text,
        when: When::Poll,
        collectors: vec!["a"],
    };
    texts.iter().map(command).collect()
}

fn privilege(each: &str, between: Option<&str>) -> Privilege {
    Privilege {
        name: "role".into(),
        effect: "The account may do this.".into(),
        before: "begin\n".into(),
        each: Some(each.into()),
        between: between.map(Into::into),
        after: "end\n".into(),
    }
}

#[track_caller]
fn check_text(each: &str, between: Option<&str>, commands: &[&str], expected: &str) {
    let commands = polled(commands);
    assert_eq!(text(&privilege(each, between), &commands), expected);
}

#[test]
fn each_command_fills_its_places() {
    check_text(
        "${number} ${plain} / ${arguments}",
        None,
        &["show a b | json", "show c"],
        "begin\n101 show a b / a b\n102 show c / c\nend\n",
    );
    check_text(
        "^${regex}$",
        None,
        &["show a.b | json"],
        "begin\n^show a\\.b \\| json$\nend\n",
    );
    check_text(
        "${quoted}) ;;\n",
        None,
        &["echo 'a' ${number}"],
        "begin\n'echo '\\''a'\\'' ${number}') ;;\nend\n",
    );
    check_text("(${plain})", Some("|"), &["a", "b"], "begin(a)|(b)end\n");
    check_text("${command}", None, &[], "begin\nend\n");
}

#[test]
fn what_comes_to_the_same_is_written_once() {
    check_text(
        "${number} ${plain}",
        None,
        &["show a | json", "show a", "show b"],
        "begin\n101 show a\n102 show b\nend\n",
    );
}

#[test]
fn what_a_login_types_is_no_command_of_a_collector() {
    let login = Command {
        text: "terminal length 0",
        when: When::Login,
        collectors: Vec::new(),
    };
    let text = text(&privilege("${command}", None), &[login]);
    assert_eq!(text, "begin\nend\n");
}

#[test]
fn what_cannot_be_written_out_is_at_fault() {
    assert_eq!(check(&privilege("${plain}", None)), Ok(()));
    for (each, between, key) in [
        ("permit ${comand}", None, "each"),
        ("permit ${number}", None, "each"),
        ("permit", Some("|"), "each"),
    ] {
        let (at, message) = check(&privilege(each, between)).unwrap_err();
        assert_eq!(at, key, "{message}");
    }
    let mut fixed = privilege("", Some("|"));
    fixed.each = None;
    assert_eq!(check(&fixed).unwrap_err().0, "between");
    fixed.between = None;
    assert_eq!(check(&fixed), Ok(()));
    fixed.effect = " ".into();
    assert_eq!(check(&fixed).unwrap_err().0, "effect");
}

#[test]
fn keys_have_names() {
    for (keys, names) in [
        ("\r\n", "Return"),
        ("yes\n", "yes Return"),
        ("N\n", "N Return"),
        (" ", "Space"),
        ("\u{3}", "Ctrl-C"),
    ] {
        assert_eq!(names_of(keys), names);
    }
}

#[test]
fn a_command_of_several_collectors_is_listed_once() {
    let library = Library::bundled().unwrap();
    let commands = commands(&library, "juniper_junos", &["memory", "cpu", "cpu"]);
    assert!(commands.iter().all(|command| command.when == When::Poll));
    let shared = commands
        .iter()
        .find(|command| command.text == "show chassis routing-engine | display xml");
    assert_eq!(shared.unwrap().collectors, ["cpu", "memory"]);
    assert_eq!(super::commands(&library, "nobody_os", &[]), []);
}
