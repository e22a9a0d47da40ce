//! YAML text to a document.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::granit_parser::{Marker, Parser};
use serde_saphyr::{DuplicateKeyPolicy, Location, Options, Spanned};

use super::rules::{DUPLICATE, SYNTAX, TOO_DEEP, WRONG_TYPE};
use super::{Document, Spans, big_stack};
use crate::diagnostic::{Diagnostic, Place, Route};

/// Most nodes that a spec may have after its aliases are expanded.
const MAX_NODES: usize = 50_000;
/// Deepest nesting.
const MAX_DEPTH: usize = 64;

/// Parses `text`, reporting faults into `diagnostics`.
pub(super) fn parse(text: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<Document> {
    let read = |duplicates| big_stack::run(|| serde_saphyr::from_str_with_options::<Spanned<Node>>(text, options(duplicates)));
    let parsed = match read(DuplicateKeyPolicy::Error) {
        Ok(Ok(tree)) => tree,
        Err(message) => {
            diagnostics.push(Diagnostic::new(&SYNTAX, Place::Text { file: String::new(), range: 0..0 }, message));
            return None;
        }
        Ok(Err(error)) => {
            let finding = report(text, &error);
            let duplicate = std::ptr::eq(finding.rule, &DUPLICATE);
            diagnostics.push(finding);
            // The rest of a spec with a duplicate key is still worth checking.
            if !duplicate {
                return None;
            }
            read(DuplicateKeyPolicy::FirstWins).ok()?.ok()?
        }
    };
    let mut document = Document::default();
    let lines = Lines::of(text);
    refuse_tags(&lines, diagnostics);
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

fn report(text: &str, error: &serde_saphyr::Error) -> Diagnostic {
    use serde_saphyr::Error;
    let lines = Lines::of(text);
    let start = error.location().map_or(0, |l| lines.offset(l));
    let end = text[start..].find(['\n', '\r']).map_or(text.len(), |at| start + at).max(start);
    let at = |rule, range: Range<usize>, message: String| Diagnostic::new(rule, Place::Text { file: String::new(), range }, message);
    match error.without_snippet() {
        Error::DuplicateMappingKey { .. } => {
            let range = error.location().map_or(start..end, |l| lines.word(l));
            let name = text[range.clone()].trim_matches(['"', '\'']).to_owned();
            at(&DUPLICATE, range, format!("`{name}` is given twice")).help("keep one of them")
        }
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            let message =
                format!("the spec nests deeper than {MAX_DEPTH} levels, or has more than {MAX_NODES} values once aliases are expanded");
            at(&TOO_DEEP, start..end, message).help("write the values out; a stack needs a few hundred")
        }
        Error::MultipleDocuments { .. } => at(&SYNTAX, start..end, "the file holds more than one YAML document".into())
            .help("one file declares one stack; give each a folder of its own"),
        other => {
            let words = other.to_string();
            // The place is shown by the finding itself.
            let message = words.lines().next().unwrap_or_default().split(" at line ").next().unwrap_or_default().trim_end_matches(':');
            // Inside an alias the limits arrive as words only.
            if ["recursion limit", "budget breached"].iter().any(|limit| message.starts_with(limit)) {
                return too_large(start..end);
            }
            // The library's words for these are about its own types.
            let (message, help) = match message {
                m if m.starts_with("cannot deserialize null into string") || m.starts_with("expected string scalar") => {
                    ("a key must be a word", Some("write it as a plain word, or in quotes"))
                }
                m if m.starts_with("non-finite float") => ("infinity and NaN are not numbers here", None),
                m if m.ends_with("found a tab") => ("a tab cannot indent YAML", Some("indent with spaces; the tab is near this place")),
                m => (m, None),
            };
            let finding = at(&SYNTAX, start..end, if message.is_empty() { "this is not YAML".into() } else { message.to_owned() });
            match help {
                Some(help) => finding.help(help),
                None => finding,
            }
        }
    }
}

/// The deserializer drops a tag that it does not know and converts by one that it does; a field
/// reads neither, so every tag is refused.
fn refuse_tags(lines: &Lines<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for (event, span) in Parser::new_from_str(lines.text).map_while(Result::ok) {
        let (Some(tag), Some(place)) = (event.tag(), span.tag_span().or(Some(span))) else { continue };
        let range = lines.at(place.start)..lines.at(place.end);
        let finding = Diagnostic::new(
            &WRONG_TYPE,
            Place::Text { file: String::new(), range },
            format!("the tag `{}` has no meaning here", tag.original()),
        );
        diagnostics.push(finding.help("remove it; the field decides the type, and quotes make a string"));
    }
}

fn too_large(range: Range<usize>) -> Diagnostic {
    let message = format!("the spec nests deeper than {MAX_DEPTH} levels, or has more than {MAX_NODES} values once aliases are expanded");
    let place = Place::Text { file: String::new(), range };
    Diagnostic::new(&TOO_DEEP, place, message).help("write the values out; a stack needs a few hundred")
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
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
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
    /// Where each character begins, in bytes: a spec can be one line of a megabyte.
    characters: Vec<usize>,
    /// Where each line begins, in characters.
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let characters = text.char_indices().map(|(at, _)| at).collect();
        let ends = text.chars().enumerate().filter(|(_, c)| *c == '\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { text, characters, starts }
    }

    /// Byte offset of a place; its line counts from 1, its column in characters from 1.
    fn offset(&self, location: Location) -> usize {
        let line = usize::try_from(location.line()).unwrap_or(1).max(1) - 1;
        let column = usize::try_from(location.column()).unwrap_or(1).max(1) - 1;
        self.position(line, column)
    }

    /// Byte offset of a mark; its line counts from 1, its column in characters from 0.
    fn at(&self, mark: Marker) -> usize {
        self.position(mark.line().max(1) - 1, mark.col())
    }

    /// Byte offset of a line and a column in characters, both from 0.
    fn position(&self, line: usize, column: usize) -> usize {
        let Some(start) = self.starts.get(line) else { return self.text.len() };
        self.characters.get(start + column).copied().unwrap_or(self.text.len())
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
                // The parser's length says where to stop looking; an empty value has none.
                let length = usize::try_from(location.span().len()).unwrap_or(0);
                let end = self.characters.partition_point(|at| *at < start) + length;
                let end = self.characters.get(end).filter(|_| length > 0).map_or(self.text.len(), |end| *end);
                let rest = rest.get(..end.saturating_sub(start)).unwrap_or(rest);
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
