//! YAML text to a document.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{DuplicateKeyPolicy, Location, Options, Spanned};

use super::rules::{DUPLICATE, SYNTAX, TOO_DEEP};
use super::{Document, Spans};
use crate::diagnostic::{Diagnostic, Place, Route};

/// Most nodes that a spec may have after its aliases are expanded.
const MAX_NODES: usize = 50_000;
/// Deepest nesting.
const MAX_DEPTH: usize = 64;

/// Parses `text`, reporting faults into `diagnostics`.
pub(super) fn parse(text: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<Document> {
    let parsed = match serde_saphyr::from_str_with_options::<Spanned<Node>>(text, options(DuplicateKeyPolicy::Error)) {
        Ok(tree) => tree,
        Err(error) => {
            let duplicate = error.to_string().contains("duplicate");
            diagnostics.push(report(text, &error, duplicate));
            // The rest of a spec with a duplicate key is still worth checking.
            if !duplicate {
                return None;
            }
            serde_saphyr::from_str_with_options(text, options(DuplicateKeyPolicy::FirstWins)).ok()?
        }
    };
    let mut document = Document::default();
    let lines = Lines::of(text);
    document.value = place(parsed.value, &Route::root(), &lines, &mut document);
    document.spans.insert(Route::root(), Spans { key: 0..0, value: 0..0 });
    Some(document)
}

fn options(duplicate_keys: DuplicateKeyPolicy) -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: MAX_NODES,
            max_events: MAX_NODES * 4,
            max_depth: MAX_DEPTH,
        },
        duplicate_keys: duplicate_keys,
        strict_booleans: true,
        with_snippet: false,
    }
}

fn report(text: &str, error: &serde_saphyr::Error, duplicate: bool) -> Diagnostic {
    let words = error.to_string();
    let start = error.location().map_or(0, |l| Lines::of(text).offset(l));
    let end = text[start..].find(['\n', '\r']).map_or(text.len(), |at| start + at).max(start);
    let lower = words.to_lowercase();
    let limit = ["budget", "limit", "breach", "depth", "recursion"].iter().any(|word| lower.contains(word));
    let rule = if duplicate {
        &DUPLICATE
    } else if limit {
        &TOO_DEEP
    } else {
        &SYNTAX
    };
    let message = words.lines().next().unwrap_or("this is not YAML").trim_end_matches(':').to_owned();
    Diagnostic::new(rule, Place::Text { file: String::new(), range: start..end }, message)
}

/// A YAML node whose keys and values know their place.
enum Node {
    Scalar(Value),
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Bool(v)))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Node, E> {
        Ok(Node::Scalar(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Node, E> {
        Ok(Node::Scalar(v.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Node, E> {
        Number::from_f64(v).map(|n| Node::Scalar(Value::Number(n))).ok_or_else(|| E::custom("infinity and NaN are not numbers here"))
    }

    fn visit_str<E>(self, v: &str) -> Result<Node, E> {
        Ok(Node::Scalar(Value::String(v.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries: Vec<(Spanned<String>, Spanned<Node>)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<Spanned<String>, Spanned<Node>>()? {
            if entries.iter().any(|(known, _)| known.value == key.value) {
                return Err(A::Error::custom(format!("duplicate key `{}`", key.value)));
            }
            entries.push((key, value));
        }
        Ok(Node::Map(entries))
    }
}

fn place(node: Node, route: &Route, lines: &Lines<'_>, document: &mut Document) -> Value {
    match node {
        Node::Scalar(value) => value,
        Node::List(items) => items
            .into_iter()
            .enumerate()
            .map(|(index, item)| {
                let below = route.index(index);
                let range = lines.range(item.referenced, &item.value, None);
                document.spans.insert(below.clone(), Spans { key: range.clone(), value: range });
                place(item.value, &below, lines, document)
            })
            .collect(),
        Node::Map(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let below = route.key(&key.value);
                let at = lines.word(key.referenced);
                let range = lines.range(value.referenced, &value.value, Some(&at));
                document.spans.insert(below.clone(), Spans { key: at, value: range });
                let value = place(value.value, &below, lines, document);
                map.insert(key.value, value);
            }
            Value::Object(map)
        }
    }
}

/// Turns the parser's places into byte ranges.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// Byte offset of a place; its line counts from 1, its column in characters from 1.
    fn offset(&self, location: Location) -> usize {
        let line = usize::try_from(location.line()).unwrap_or(1).max(1) - 1;
        let column = usize::try_from(location.column()).unwrap_or(1).max(1) - 1;
        let Some(start) = self.starts.get(line).copied() else { return self.text.len() };
        let rest = &self.text[start..];
        rest.char_indices().nth(column).map_or(self.text.len(), |(at, _)| start + at)
    }

    /// The key or plain word at a place.
    fn word(&self, location: Location) -> Range<usize> {
        let start = self.offset(location);
        let rest = &self.text[start..];
        let end = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => rest[1..].find(quote).map(|at| at + 2),
            _ => rest.find([':', '\n', ',', '}', ']']),
        };
        start..start + end.unwrap_or(rest.len())
    }

    /// The range of a value: a scalar's own, and the key's for a map or list.
    fn range(&self, location: Location, node: &Node, key: Option<&Range<usize>>) -> Range<usize> {
        match (node, key) {
            (Node::Scalar(_), _) => {
                let start = self.offset(location);
                let rest = &self.text[start..];
                let line = &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())];
                let length = match line.chars().next() {
                    Some(quote @ ('"' | '\'')) => line[1..].find(quote).map_or(line.len(), |at| at + 2),
                    _ => line.find(" #").map_or(line, |at| &line[..at]).trim_end_matches([' ', ',', ']', '}']).len(),
                };
                start..start + length
            }
            (_, Some(key)) => key.clone(),
            (_, None) => self.word(location),
        }
    }
}
