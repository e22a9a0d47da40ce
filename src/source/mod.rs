//! Text to one tree with a byte span on every key and value.
//!
//! KDL and YAML both become a [`Document`]: a JSON value that fits the spec's schema, and a span
//! for each [`Route`] in it. Nothing after this stage knows which syntax was used.

mod big_stack;
mod files;
mod format;
mod kdl;
mod lower;
pub mod rules;
mod shape;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use files::{Folder, MAX_FILE_BYTES, Unread, read_spec_file};
pub use format::format;
pub use shape::validate;

use crate::diagnostic::{Diagnostic, Finding, Label, Place, Route, find_secrets, redact, redact_ranges};

/// The syntax of a spec file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// KDL 2.
    Kdl,
    /// YAML 1.2.
    Yaml,
}

impl Syntax {
    /// The syntax that a file's ending names.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "kdl" => Some(Self::Kdl),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// Where a key and its value stand in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spans {
    /// The key, block name or map argument.
    pub key: Range<usize>,
    /// The value; for a block, the same as the key.
    pub value: Range<usize>,
}

/// A spec as a tree, with the place of everything in it.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The tree.
    pub value: Value,
    /// Spans by route.
    pub spans: BTreeMap<Route, Spans>,
    /// What was written but left out of `value` because it is wrong; a reference to it still
    /// counts as declared.
    pub dropped: BTreeSet<Route>,
    /// What looks like a secret in the text, or in a key or value once its escapes are read: what
    /// kind, and where.
    pub secrets: Vec<(&'static str, Range<usize>)>,
}

impl Document {
    /// Whether `route` was written, rightly or wrongly.
    pub fn mentions(&self, route: &Route) -> bool {
        self.spans.contains_key(route) || self.dropped.contains(route)
    }

    /// `place` of this document, which is that of the file `name` beside the spec, as a place in its text.
    fn place_in(&self, name: &str, place: Place) -> Place {
        let range = match place {
            Place::Key(route) => self.nearest(&route).map_or(0..0, |spans| spans.key.clone()),
            Place::Value(route) => match self.spans.get(&route) {
                Some(spans) => spans.value.clone(),
                None => self.nearest(&route).map_or(0..0, |spans| spans.key.clone()),
            },
            Place::Text { range, .. } => range,
            Place::File(_) => 0..0,
        };
        Place::Text { file: name.to_owned(), range }
    }

    /// The spans of `route`, or of its nearest ancestor that was written.
    fn nearest(&self, route: &Route) -> Option<&Spans> {
        self.spans.get(route).or_else(|| self.nearest(&route.parent()?))
    }
}

/// Parses a spec of either syntax and holds it against `schema`.
///
/// All findings are appended to `diagnostics`; the parts of the document that are wrong are left
/// out, so that the rest can still be checked. `None` when no tree could be made at all.
pub fn read(text: &str, syntax: Syntax, schema: &Value, diagnostics: &mut Vec<Diagnostic>) -> Option<Document> {
    let mut document = match syntax {
        Syntax::Kdl => lower::lower(&kdl::parse(text, diagnostics)?, schema, diagnostics)?,
        Syntax::Yaml => yaml::parse(text, diagnostics)?,
    };
    let shown = find_secrets(text);
    let mut escaped = Vec::new();
    secret_values(&document.value, &Route::root(), &document.spans, &shown, &mut escaped);
    document.secrets = shown.into_iter().chain(escaped).collect();
    validate(&mut document, schema, diagnostics);
    Some(document)
}

/// Reads `text` as [`read`] does: a file beside the spec, named `name`, that is held against `schema`.
/// What is found points into that file.
pub fn read_beside(name: &str, text: &str, syntax: Syntax, schema: &Value, diagnostics: &mut Vec<Diagnostic>) -> Option<Document> {
    let mut found = Vec::new();
    let document = read(text, syntax, schema, &mut found);
    let none = Document::default();
    let spans = document.as_ref().unwrap_or(&none);
    for Diagnostic { rule, message, primary, related, help } in found {
        let beside = |(place, note): (Place, String)| (spans.place_in(name, place), note);
        let related = related.into_iter().map(beside).collect();
        diagnostics.push(Diagnostic { rule, message, primary: beside(primary), related, help });
    }
    document
}

/// The type that the schema of `value` was made from.
///
/// # Errors
/// Where a value is that only its type can judge, such as a day that no calendar has, and why it is none.
pub fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, (Route, String)> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let mut route = Route::root();
        for segment in error.path() {
            route = match segment {
                serde_path_to_error::Segment::Seq { index } => route.index(*index),
                serde_path_to_error::Segment::Map { key } => route.key(key),
                serde_path_to_error::Segment::Enum { variant } => route.key(variant),
                serde_path_to_error::Segment::Unknown => route,
            };
        }
        (route, error.inner().to_string())
    })
}

/// The rule that reports secrets; what it says of them holds nothing of them.
const LITERAL_SECRET: &str = "LLMC-X001";

/// The texts of one stack: its spec, and the files beside it that the spec names.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Path of the spec as shown to people.
    spec_path: String,
    spec: Arc<str>,
    /// The spec as people see it, with secrets replaced character by character.
    shown: Arc<str>,
    /// Shown before the names of the files beside the spec; empty or ending in `/`.
    folder: String,
    files: BTreeMap<String, Arc<str>>,
    /// The files as people see them.
    shown_files: BTreeMap<String, Arc<str>>,
    spans: BTreeMap<Route, Spans>,
}

impl Sources {
    /// The spec at `spec_path` (as shown to people) with its text.
    pub fn new(spec_path: String, spec: &str) -> Self {
        let folder = spec_path.rfind('/').map_or(String::new(), |at| spec_path[..=at].to_owned());
        Self {
            spec_path,
            spec: spec.into(),
            shown: redact(spec).into(),
            folder,
            files: BTreeMap::new(),
            shown_files: BTreeMap::new(),
            spans: BTreeMap::new(),
        }
    }

    /// Lets routes be found, and hides values that are secrets once their escapes are read.
    pub fn set_document(&mut self, document: &Document) {
        self.spans = document.spans.clone();
        let ranges: Vec<Range<usize>> = document.secrets.iter().map(|(_, range)| range.clone()).collect();
        self.shown = redact_ranges(&self.shown, &ranges).into();
    }

    /// Adds a file beside the spec, named relative to the stack's folder.
    pub fn add_file(&mut self, name: &str, text: &str) {
        self.files.insert(name.to_owned(), text.into());
        self.shown_files.insert(name.to_owned(), redact(text).into());
    }

    /// The files beside the spec that it names: their names and texts, sorted by name.
    pub fn files(&self) -> Vec<(String, String)> {
        self.files.iter().map(|(name, text)| (name.clone(), text.to_string())).collect()
    }

    /// Turns the places of `diagnostic` into text and byte ranges, without any secret: a finding is
    /// all that a renderer sees.
    pub fn locate(&self, diagnostic: Diagnostic) -> Finding {
        let Diagnostic { rule, message, primary, related, help } = diagnostic;
        let mut finding = Finding {
            rule,
            message: redact(&message),
            primary: self.label(primary),
            related: related.into_iter().map(|label| self.label(label)).collect(),
            help: help.iter().map(|line| redact(line)).collect(),
        };
        if self.is_hidden(&finding.primary) && rule.code != LITERAL_SECRET {
            // A suggestion made from a secret is one too, and has another form.
            finding.help = vec!["remove the secret first".to_owned()];
            finding.primary.note.clear();
            finding.related.iter_mut().for_each(|label| label.note.clear());
        }
        finding
    }

    /// Whether the text under `label` is not shown as it is.
    fn is_hidden(&self, label: &Label) -> bool {
        let original = if label.path == self.spec_path {
            Some(&self.spec)
        } else {
            label.path.strip_prefix(self.folder.as_str()).and_then(|name| self.files.get(name))
        };
        original.is_some_and(|text| text.get(label.range.clone()) != label.text.get(label.range.clone()))
    }

    fn label(&self, (place, note): (Place, String)) -> Label {
        let note = redact(&note);
        match place {
            Place::Key(route) => self.in_spec(self.spans(&route).map_or(0..0, |s| s.key.clone()), note),
            Place::Value(route) => {
                // A value that is not there is shown at the block that should hold it.
                let exact = self.spans.get(&route).map(|s| s.value.clone());
                let range = exact.or_else(|| self.spans(&route).map(|s| s.key.clone()));
                self.in_spec(range.unwrap_or(0..0), note)
            }
            Place::Text { file, range } if file.is_empty() => self.in_spec(range, note),
            Place::Text { file, range } => {
                let text = self.shown_files.get(&file).cloned().unwrap_or_else(|| "".into());
                Label { path: redact(&format!("{}{file}", self.folder)), range: clamp(&text, range), text, note }
            }
            Place::File(file) => Label { path: redact(&format!("{}{file}", self.folder)), text: "".into(), range: 0..0, note },
        }
    }

    fn in_spec(&self, range: Range<usize>, note: String) -> Label {
        Label { path: self.spec_path.clone(), range: clamp(&self.shown, range), text: self.shown.clone(), note }
    }

    /// The spans of `route`, or of its nearest ancestor that was written.
    fn spans(&self, route: &Route) -> Option<&Spans> {
        let mut route = route.clone();
        loop {
            if let Some(spans) = self.spans.get(&route) {
                return Some(spans);
            }
            route = route.parent()?;
        }
    }
}

/// What looks like a secret, and where.
type Secrets = Vec<(&'static str, Range<usize>)>;

/// Adds to `secrets` the keys and values below `route` that hold a secret which is not among
/// `shown`, those that their text shows, sorted by place.
fn secret_values(value: &Value, route: &Route, spans: &BTreeMap<Route, Spans>, shown: &Secrets, secrets: &mut Secrets) {
    let mut add = |text: &str, range: Option<&Range<usize>>| {
        let (Some((what, _)), Some(range)) = (find_secrets(text).first().cloned(), range) else { return };
        let next = shown.partition_point(|(_, known)| known.end <= range.start);
        if shown.get(next).is_none_or(|(_, known)| known.start >= range.end) {
            secrets.push((what, range.clone()));
        }
    };
    match value {
        Value::String(text) => add(text, spans.get(route).map(|s| &s.value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| secret_values(item, &route.index(index), spans, shown, secrets))
        }
        Value::Object(fields) => {
            fields.keys().for_each(|name| add(name, spans.get(&route.key(name)).map(|s| &s.key)));
            fields.iter().for_each(|(name, field)| secret_values(field, &route.key(name), spans, shown, secrets));
        }
        _ => {}
    }
}

/// A range that lies on character boundaries inside `text`.
fn clamp(text: &str, range: Range<usize>) -> Range<usize> {
    let snap = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = snap(range.start);
    start..snap(range.end).max(start)
}
