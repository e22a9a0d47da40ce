//! A place in an object: its value, and its path for people.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::set::Object;
use crate::diagnostic::{Diagnostic, Place, Rule, printable};

/// A value in an object.
#[derive(Clone)]
pub(super) struct Node<'a> {
    object: &'a Object<'a>,
    /// The last step to it, with those before; `None` for the object itself. Written out only for a
    /// finding: nearly every value that is looked at is in order.
    path: Option<Rc<Step<'a>>>,
    /// The value; never null below the root, since an API server drops nulls.
    pub(super) value: &'a Value,
}

/// A step into an object.
struct Step<'a> {
    before: Option<Rc<Step<'a>>>,
    to: To<'a>,
}

/// Where a step leads.
#[derive(Clone, Copy)]
enum To<'a> {
    Key(&'a str),
    Item(usize),
}

impl<'a> Node<'a> {
    /// The object itself.
    pub(super) fn root(object: &'a Object<'a>) -> Self {
        Self { object, path: None, value: object.value }
    }

    /// The child `key`.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let (key, value) = self.value.as_object()?.get_key_value(key)?;
        (!value.is_null()).then(|| self.child(To::Key(key), value))
    }

    /// The one value at `path`, whose steps are keys parted by dots.
    pub(super) fn at(&self, path: &str) -> Option<Self> {
        path.split('.').try_fold(self.clone(), |node, key| node.get(key))
    }

    /// Every value at `path`, where `[]` after a key takes each item of a list, and `{}` each
    /// value of a map: `spec.ports[].port`.
    pub(super) fn each(&self, path: &str) -> Vec<Self> {
        let mut nodes = vec![self.clone()];
        for step in path.split('.') {
            nodes = match (step.strip_suffix("[]"), step.strip_suffix("{}")) {
                (Some(key), _) => nodes.iter().filter_map(|n| n.get(key)).flat_map(|n| n.items()).collect(),
                (_, Some(key)) => nodes.iter().filter_map(|n| n.get(key)).flat_map(|n| n.entries()).map(|(_, n)| n).collect(),
                _ => nodes.iter().filter_map(|n| n.get(step)).collect(),
            };
        }
        nodes
    }

    /// The items of this list; none if it is no list.
    pub(super) fn items(&self) -> Vec<Self> {
        let items = self.value.as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().enumerate().map(|(index, value)| self.child(To::Item(index), value)).collect()
    }

    /// The keys and values of this map; none if it is no map.
    pub(super) fn entries(&self) -> Vec<(&'a str, Self)> {
        self.value.as_object().into_iter().flat_map(Map::iter).map(|(key, value)| (key.as_str(), self.child(To::Key(key), value))).collect()
    }

    /// The text at `path`.
    pub(super) fn text(&self, path: &str) -> Option<&'a str> {
        self.at(path)?.value.as_str()
    }

    /// The whole number at `path`.
    pub(super) fn integer(&self, path: &str) -> Option<i64> {
        self.at(path)?.value.as_i64()
    }

    /// Whether the value at `path` is `true`.
    pub(super) fn is_true(&self, path: &str) -> bool {
        self.at(path).is_some_and(|node| node.value == &Value::Bool(true))
    }

    /// Calls `visit` with this value and every value below it.
    pub(super) fn walk(&self, visit: &mut impl FnMut(&Self)) {
        visit(self);
        let below = self.entries().into_iter().map(|(_, node)| node).chain(self.items());
        below.for_each(|node| node.walk(visit));
    }

    /// The last key of the path; empty for an item of a list.
    pub(super) fn key(&self) -> &'a str {
        match self.path.as_ref().map(|step| step.to) {
            Some(To::Key(key)) => key,
            Some(To::Item(_)) | None => "",
        }
    }

    /// A finding about this value, with its text; `why` reads after it.
    pub(super) fn fault(&self, rule: &'static Rule, why: impl AsRef<str>) -> Diagnostic {
        let shown = match self.value {
            Value::String(text) => format!(" is `{}`, which", shorten(text)),
            Value::Number(number) => format!(" is {number}, which"),
            _ => String::new(),
        };
        self.report(rule, &format!("{shown} {}", why.as_ref()))
    }

    /// A finding about this place, or about a key that it lacks; `what` reads after its path.
    pub(super) fn finding(&self, rule: &'static Rule, what: impl AsRef<str>) -> Diagnostic {
        self.report(rule, &format!(" {}", what.as_ref()))
    }

    fn report(&self, rule: &'static Rule, what: &str) -> Diagnostic {
        let path = self.path.as_ref().map_or_else(String::new, |step| format!(" `{}`", printable(&step.written())));
        Diagnostic::new(rule, Place::File(self.object.file.to_owned()), format!("{}:{path}{what}", self.object))
    }

    fn child(&self, to: To<'a>, value: &'a Value) -> Self {
        Self { object: self.object, path: Some(Rc::new(Step { before: self.path.clone(), to })), value }
    }
}

impl Step<'_> {
    /// The path up to here, for people: `spec.ports[0].name`.
    fn written(&self) -> String {
        let before = self.before.as_ref().map(|step| step.written());
        match (before, self.to) {
            (before, To::Item(index)) => format!("{}[{index}]", before.unwrap_or_default()),
            (None, To::Key(key)) => key.to_owned(),
            (Some(path), To::Key(key)) if key.contains(['.', '/', '[', ' ']) => format!("{path}[\"{}\"]", shorten(key)),
            (Some(path), To::Key(key)) => format!("{path}.{key}"),
        }
    }
}

/// Text for a message: one line, and not a whole file.
pub(super) fn shorten(text: &str) -> String {
    const MOST_CHARACTERS: usize = 80;
    let mut shown: String = text.chars().take(MOST_CHARACTERS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    printable(&shown)
}
