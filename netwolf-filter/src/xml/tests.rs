//! What paths find, what is refused, and that no path and no output does harm.

use std::{cell::OnceCell, ops::ControlFlow};

use proptest::prelude::*;
use roxmltree::Document;

use super::*;
use crate::limits::MAX_XML_NESTING;

const PORTS: &str = r#"
warning: license expired
<rpc-reply xmlns:junos="http://xml.example.net/junos/1/junos">
  <interface-information xmlns="http://xml.example.net/junos/1/junos-interface" junos:style="normal">
    <physical-interface>
      <name>ge-0/0/0</name>
      <oper-status junos:format="Up">
up
</oper-status>
      <stats><in unit="b">1</in><out/></stats>
      <logical-interface><name>ge-0/0/0.0</name></logical-interface>
      <logical-interface><name>ge-0/0/0.1</name></logical-interface>
    </physical-interface>
    <physical-interface>
      <name>a &lt;b&gt; <!-- odd --><![CDATA[c]]></name>
      <oper-status>down</oper-status>
    </physical-interface>
  </interface-information>
</rpc-reply>

{master}
"#;

/// Gives the document in `output` to `each`.
fn with_document<R>(output: &str, each: impl FnOnce(&Document<'_>) -> R) -> Result<R, Unread> {
    let closed = OnceCell::new();
    read(output, &closed).map(|read| each(&read.document))
}

/// What `path` finds from the document: texts, and elements by their names.
fn find(path: &str, output: &str) -> Vec<String> {
    let path = Path::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let found = with_document(output, |document| {
        let mut all = Vec::new();
        let walked = path.walk(document.root(), &mut Work::new(), |found, _| {
            all.push(match (&found, found.text()) {
                (_, Some(text)) => text.into_owned(),
                (Found::Element(element), None) => format!("<{}>", element.tag_name().name()),
                (Found::Text(text), None) => text.to_string(),
            });
            ControlFlow::Continue(())
        });
        assert_eq!(walked, Ok(()));
        all
    });
    found.unwrap_or_else(|error| panic!("{error:?}"))
}

fn check(path: &str, expected: &[&str]) {
    assert_eq!(find(path, PORTS), expected, "{path}");
}

#[test]
fn steps_lead_to_local_names_in_the_order_of_the_document() {
    check(
        "rpc-reply/interface-information/physical-interface/oper-status",
        &["up", "down"],
    );
    check(
        "/rpc-reply/*/physical-interface",
        &["<physical-interface>", "<physical-interface>"],
    );
    check("//physical-interface/name", &["ge-0/0/0", "a <b> c"]);
    check(
        "//name",
        &["ge-0/0/0", "ge-0/0/0.0", "ge-0/0/0.1", "a <b> c"],
    );
    check(
        "rpc-reply//logical-interface//name",
        &["ge-0/0/0.0", "ge-0/0/0.1"],
    );
    let nested = "<a><b><c>1</c></b><c>2</c></a>";
    assert_eq!(find("//c", nested), ["1", "2"]);
    assert_eq!(find(".//c[.='2']", nested), ["2"]);
    check("//in/@unit", &["b"]);
    check("//oper-status/@format", &["Up"]);
    check("//@style", &["normal"]);
    check("//out", &[""]);
    check("//in/text()", &["1"]);
    check("//in/../../name", &["ge-0/0/0"]);
    check("//in/./.", &["1"]);
    check("../..//in", &[]);
    check("name", &[]);
    check("//nothing/..", &[]);
}

#[test]
fn predicates_pick_some() {
    check("//physical-interface[1]/name", &["ge-0/0/0"]);
    check("//physical-interface[2]/oper-status", &["down"]);
    check("//physical-interface[3]/name", &[]);
    check("//physical-interface[oper-status='up']/name", &["ge-0/0/0"]);
    check(
        "//physical-interface[oper-status=\"down\"][1]/name",
        &["a <b> c"],
    );
    check(
        "//physical-interface[stats/in/@unit='b']/name",
        &["ge-0/0/0"],
    );
    check(
        "//physical-interface[logical-interface]/oper-status",
        &["up"],
    );
    check("//*[@unit]", &["1"]);
    check("//*[text()='down']/../name", &["a <b> c"]);
    check(
        "//logical-interface[name='ge-0/0/0.1'][1]/name",
        &["ge-0/0/0.1"],
    );
    check("//oper-status[.!='up']/../name", &["a <b> c"]);
    check(
        "//physical-interface[name!='ge-0/0/0']/oper-status",
        &["down"],
    );
    check("//physical-interface[nothing!='x']", &[]);
    check(
        "//logical-interface[2][name='ge-0/0/0.1']/name",
        &["ge-0/0/0.1"],
    );
}

#[test]
fn what_is_no_path_is_refused_with_its_place() {
    let deep = format!("a{}", "[a".repeat(MAX_XML_NESTING + 2));
    let long = "a/".repeat(200);
    let paths = [
        "",
        "/",
        "//",
        "a/",
        "a//",
        "a b",
        "a|b",
        "junos:name",
        "@",
        "@a/b",
        "text()/a",
        "a[",
        "a[]",
        "a[0]",
        "a[1",
        "a[b=c]",
        "a[b='c]",
        "..[1]",
        "@a[1]",
        "a[b='c'",
        "1a",
        "-a",
        "a[99999999999999999999]",
        "a[last()]",
        &deep,
        &long,
    ];
    let told: Vec<_> = paths
        .into_iter()
        .map(|path| {
            let error = Path::parse(path).expect_err(path);
            format!("{path:.40}: {error}")
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_document_that_is_broken_is_not_read() {
    let read = |output| with_document(output, |document| document.descendants().count());
    assert_eq!(read("<a/>"), Ok(2));
    assert_eq!(
        read("x > y\n<189>: log\n  <?xml version=\"1.0\"?>\n<a/>\n{master}\n"),
        Ok(2)
    );
    assert_eq!(read(""), Err(Unread::None));
    assert_eq!(read("error: <a/>"), Err(Unread::None));
    let broken = |text: &str| Err(Unread::Broken(text.into()));
    assert_eq!(
        read("head\n<a>\n<b>1\n"),
        broken("line 2: the root node was opened but never closed: <a>")
    );
    assert_eq!(
        read("<a>&x;</a>"),
        broken("line 1: unknown entity reference 'x': <a>&x;</a>")
    );
    assert!(matches!(
        read("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>"),
        Err(Unread::Broken(_))
    ));
    // It may be as deep as it is long.
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    assert_eq!(read(&deep), Ok(100_001));
    assert_eq!(
        read(&format!("<a>{}</a>", "<b/>".repeat(600_000))),
        Err(Unread::TooMany)
    );
}

#[test]
fn work_is_bounded() {
    let deep = format!("{}{}", "<a>".repeat(20_000), "</a>".repeat(20_000));
    let wide = format!("<a>{}</a>", "<a/>".repeat(20_000));
    for (path, output) in [
        ("//a//a//a//b", &deep),
        ("//a[.//b]/c", &deep),
        ("//a/../a/../a/../b", &wide),
        ("//a[../a[../a='x']]", &wide),
    ] {
        let path = Path::parse(path).unwrap();
        let walked = with_document(output, |document| {
            let each = |_, _: &mut Work| ControlFlow::Continue(());
            path.walk(document.root(), &mut Work::new(), each)
        });
        assert_eq!(walked, Ok(Err(Over)), "{path:?}");
    }
}

/// A path, most often one that parses.
pub(crate) fn path() -> impl Strategy<Value = String> {
    let step = r"(a|b|\*|\.|\.\.|text\(\)|@k|a\[1\]|b\[a\]|\*\[a='1'\]|\*\[\.//b\]\[@k='x'\])";
    let steps = prop::collection::vec((step, "(/|//)"), 1..5);
    (steps, "(|/|//)").prop_map(|(steps, first)| {
        let path: Vec<_> = steps.into_iter().map(|(step, sign)| step + &sign).collect();
        first + path.concat().trim_end_matches('/')
    })
}

/// A document.
pub(crate) fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[0-9x]{0,3}",
        Just("<b/>".to_owned()),
        Just("<a k='x'>1</a>".to_owned())
    ];
    let inner = leaf.prop_recursive(5, 30, 4, |inner| {
        (prop::collection::vec(inner, 0..4), "[ab]")
            .prop_map(|(inner, name)| format!("<{name}>{}</{name}>", inner.concat()))
    });
    inner.prop_map(|inner| format!("<a>{inner}</a>"))
}

proptest! {
    #[test]
    fn no_path_is_more_than_a_path_or_a_fault(text in r#"[a-c/.*@\[\]()='"0-3: ]{0,30}|.{0,20}"#) {
        let _parsed = Path::parse(&text);
    }

    #[test]
    fn every_path_ends_on_every_document(path in path(), document in document()) {
        if let Ok(path) = Path::parse(&path) {
            let count = with_document(&document, |document| {
                let mut count = 0;
                let walked = path.walk(document.root(), &mut Work::new(), |found, _| {
                    let _text = found.text();
                    count += 1;
                    ControlFlow::Continue(())
                });
                (walked, count)
            });
            prop_assert!(matches!(count, Ok((Ok(()), _))));
        }
    }

    #[test]
    fn of_a_document_that_is_cut_off_the_whole_elements_are_read(document in document(), at in any::<prop::sample::Index>()) {
        let shown = |read: &Read<'_>| {
            let open = read.open_elements();
            let all = read.document.root_element().descendants().filter(roxmltree::Node::is_element);
            let whole = all.filter(|element| !open.contains(&element.id()));
            whole.map(|element| element.document().input_text().get(element.range()).unwrap().to_owned()).collect::<Vec<_>>()
        };
        let (cut, closed) = (document.get(..at.index(document.len())).unwrap_or_default(), OnceCell::new());
        let whole = read(&document, &closed).unwrap();
        prop_assert!(whole.cut.is_none());
        let Ok(read) = read(cut, &closed) else {
            // Nothing is whole.
            prop_assert!(!cut.contains("</") && !cut.contains("/>") || cut.rfind("</") > cut.rfind('>'));
            return Ok(());
        };
        prop_assert!(read.cut.is_some());
        let (mut left, all) = (shown(&whole).into_iter(), shown(&read));
        prop_assert!(all.iter().all(|element| left.any(|it| it == *element)), "{all:?}");
        prop_assert!(!all.is_empty());
    }

    #[test]
    fn no_output_does_harm(output in r#"[<>/a-c&;!?\[\]'"= -]{0,60}|.{0,60}"#) {
        let _read = with_document(&output, |document| document.descendants().count());
    }
}
