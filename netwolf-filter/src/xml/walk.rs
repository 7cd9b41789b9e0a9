//! Walks paths, step by step and in the order of the document.

use std::{borrow::Cow, ops::ControlFlow};

use roxmltree::Node;

use super::path::{Path, Predicate, Step, To};
use crate::limits::MAX_XML_VISITS;

/// What a path leads to.
#[derive(Clone, Debug)]
pub(crate) enum Found<'d> {
    Element(Node<'d, 'd>),
    Text(Cow<'d, str>),
}

/// All elements are looked at that one output may take.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Over;

/// The elements that may still be looked at.
#[derive(Debug)]
pub(crate) struct Work(u64);

/// Why a walk ends early.
enum Stop {
    Over,
    Enough,
}

type Flow = Result<(), Stop>;

impl Work {
    pub(crate) const fn new() -> Self {
        Self(MAX_XML_VISITS)
    }

    fn spend(&mut self) -> Flow {
        self.0 = self.0.checked_sub(1).ok_or(Stop::Over)?;
        Ok(())
    }
}

impl Path {
    /// Gives `each` what the path leads to from `node`, until it breaks. What is reached in two ways comes twice.
    ///
    /// # Errors
    /// The work is over.
    pub(crate) fn walk<'d>(
        &self,
        node: Node<'d, 'd>,
        work: &mut Work,
        mut each: impl FnMut(Found<'d>, &mut Work) -> ControlFlow<()>,
    ) -> Result<(), Over> {
        let flow = walk(
            &self.steps,
            node,
            work,
            &mut |found, work| match each(found, work) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(Stop::Enough),
            },
        );
        match flow {
            Ok(()) | Err(Stop::Enough) => Ok(()),
            Err(Stop::Over) => Err(Over),
        }
    }

    /// The first that it leads to.
    ///
    /// # Errors
    /// The work is over.
    pub(crate) fn first<'d>(
        &self,
        node: Node<'d, 'd>,
        work: &mut Work,
    ) -> Result<Option<Found<'d>>, Over> {
        let mut first = None;
        self.walk(node, work, |found, _| {
            first = Some(found);
            ControlFlow::Break(())
        })?;
        Ok(first)
    }
}

impl<'d> Found<'d> {
    /// Its text, trimmed; `None` for an element that has others in it and no text of its own.
    pub(crate) fn text(&self) -> Option<Cow<'d, str>> {
        let element = match self {
            Self::Element(element) => element,
            Self::Text(text) => return Some(trimmed(text.clone())),
        };
        let text = trimmed(text_of(*element));
        let is_nested = text.is_empty() && element.children().any(|child| child.is_element());
        (!is_nested).then_some(text)
    }
}

type Each<'e, 'd> = dyn FnMut(Found<'d>, &mut Work) -> Flow + 'e;

fn walk<'d>(steps: &[Step], node: Node<'d, 'd>, work: &mut Work, each: &mut Each<'_, 'd>) -> Flow {
    let [step, rest @ ..] = steps else {
        return each(Found::Element(node), work);
    };
    if !step.is_deep {
        return take(step, rest, node, work, each);
    }
    if let To::Child(name) = &step.to
        && !step.counts()
    {
        // In the order of the document, and each once: children of one parent need not be told from others.
        for inner in node.descendants().skip(1) {
            work.spend()?;
            if is_named(inner, name.as_deref()) && holds(&step.predicates, &mut [], inner, work)? {
                walk(rest, inner, work, each)?;
            }
        }
        return Ok(());
    }
    for inner in node.descendants() {
        work.spend()?;
        if !inner.is_text() {
            take(step, rest, inner, work, each)?;
        }
    }
    Ok(())
}

/// Takes `step` from `node`, and then the `rest`.
fn take<'d>(
    step: &Step,
    rest: &[Step],
    node: Node<'d, 'd>,
    work: &mut Work,
    each: &mut Each<'_, 'd>,
) -> Flow {
    work.spend()?;
    let name = match &step.to {
        To::Itself => return walk(rest, node, work, each),
        To::Parent => {
            return match node.parent() {
                Some(parent) => walk(rest, parent, work, each),
                None => Ok(()),
            };
        }
        To::Attribute(name) => {
            let mut attributes = node.attributes();
            return match attributes.find(|attribute| attribute.name() == name) {
                Some(attribute) => {
                    each(Found::Text(Cow::Owned(attribute.value().to_owned())), work)
                }
                None => Ok(()),
            };
        }
        To::Text => return each(Found::Text(text_of(node)), work),
        To::Child(name) => name.as_deref(),
    };
    let mut passed = vec![0; step.predicates.len()];
    for child in node.children() {
        work.spend()?;
        if is_named(child, name) && holds(&step.predicates, &mut passed, child, work)? {
            walk(rest, child, work, each)?;
        }
    }
    Ok(())
}

fn is_named(node: Node<'_, '_>, name: Option<&str>) -> bool {
    node.is_element() && name.is_none_or(|name| node.tag_name().name() == name)
}

/// Whether all `predicates` hold for `element`. `passed` counts those before it for which each was asked; without
/// positions nothing needs to be counted, and it may be empty.
fn holds(
    predicates: &[Predicate],
    passed: &mut [usize],
    element: Node<'_, '_>,
    work: &mut Work,
) -> Result<bool, Stop> {
    for (nth, predicate) in predicates.iter().enumerate() {
        let passed = passed.get_mut(nth).map_or(0, |passed| {
            *passed += 1;
            *passed
        });
        let holds = match predicate {
            Predicate::Position(position) => passed == *position,
            Predicate::Has(path) => any(path, element, work, &mut |_| true)?,
            Predicate::Is(path, wanted) => any(path, element, work, &mut |found| {
                found.text().is_some_and(|text| text == wanted.as_str())
            })?,
            Predicate::IsNot(path, unwanted) => any(path, element, work, &mut |found| {
                found.text().is_some_and(|text| text != unwanted.as_str())
            })?,
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether anything that `path` leads to is what is looked for.
fn any(
    path: &Path,
    element: Node<'_, '_>,
    work: &mut Work,
    is_it: &mut dyn FnMut(&Found<'_>) -> bool,
) -> Result<bool, Stop> {
    let mut any = false;
    let flow = walk(&path.steps, element, work, &mut |found, _| {
        any = is_it(&found);
        if any { Err(Stop::Enough) } else { Ok(()) }
    });
    match flow {
        Ok(()) | Err(Stop::Enough) => Ok(any),
        Err(Stop::Over) => Err(Stop::Over),
    }
}

/// The text that stands in `element` itself.
fn text_of<'d>(element: Node<'d, 'd>) -> Cow<'d, str> {
    let mut texts = element
        .children()
        .filter(Node::is_text)
        .filter_map(|text| text.text());
    match (texts.next(), texts.next()) {
        (None, _) => Cow::Borrowed(""),
        (Some(only), None) => Cow::Borrowed(only),
        (Some(first), Some(second)) => {
            let mut text = [first, second].concat();
            text.extend(texts);
            Cow::Owned(text)
        }
    }
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}
