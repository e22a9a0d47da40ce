//! One finding type for every stage, and its renderers.
//!
//! A stage reports a [`Diagnostic`], which points at a [`Route`] of the spec or at a range of a
//! file beside it. [`crate::source::Sources::locate`] turns that into a [`Finding`], which carries
//! its source text and is all that a renderer needs.

mod github;
mod json;
mod numbers;
mod route;
mod sarif;
mod secret;
mod style;
mod text;

use std::ops::Range;
use std::sync::Arc;

pub use github::render as render_github;
pub use json::{render as render_json, schema as json_schema};
pub use numbers::thousands;
pub use route::Route;
pub use sarif::render as render_sarif;
pub use secret::{find_secrets, redact, redact_ranges};
pub use style::Style;
pub use text::{render as render_text, render_short};

/// How bad a finding is. Errors stop a compile; warnings do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is written while one of these stands.
    Error,
    /// Worth a look, but the output is right.
    Warning,
}

impl Severity {
    /// The lower-case word used in every output format.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// What `llmc explain` knows about a code. Each lives beside the logic that reports it.
#[derive(Debug)]
pub struct Rule {
    /// Stable code, such as `LLMC-R001`.
    pub code: &'static str,
    /// Kebab-case name of the fault; reads after "allow".
    pub name: &'static str,
    /// Severity of its findings.
    pub severity: Severity,
    /// Markdown: what it finds, why that hurts, an example and its fix.
    pub docs: &'static str,
}

/// Where a label points, before it is turned into bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The key (or block name) at a route; the nearest existing ancestor if the key is missing.
    Key(Route),
    /// The value at a route.
    Value(Route),
    /// A byte range of a file, named relative to the stack's folder.
    Text {
        /// Path relative to the stack's folder.
        file: String,
        /// Byte range in the file.
        range: Range<usize>,
    },
    /// A file as a whole, for faults that have no text to show.
    File(String),
}

/// A fault that a stage found.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// The rule that was broken.
    pub rule: &'static Rule,
    /// What is wrong, as a lower-case phrase with its numbers.
    pub message: String,
    /// The place at fault, with why it is wrong.
    pub primary: (Place, String),
    /// Other places that explain it.
    pub related: Vec<(Place, String)>,
    /// What to do: the nearest thing that works.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// A finding of `rule` that points at the value of `route`.
    pub fn at_value(rule: &'static Rule, route: Route, message: impl Into<String>) -> Self {
        Self::new(rule, Place::Value(route), message)
    }

    /// A finding of `rule` that points at the key of `route`.
    pub fn at_key(rule: &'static Rule, route: Route, message: impl Into<String>) -> Self {
        Self::new(rule, Place::Key(route), message)
    }

    /// A finding of `rule` at any place.
    pub fn new(rule: &'static Rule, place: Place, message: impl Into<String>) -> Self {
        Self { rule, message: message.into(), primary: (place, String::new()), related: Vec::new(), help: Vec::new() }
    }

    /// Says under the underlined source why it is wrong.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.1 = text.into();
        self
    }

    /// Adds another place that explains the finding.
    #[must_use]
    pub fn related(mut self, place: Place, text: impl Into<String>) -> Self {
        self.related.push((place, text.into()));
        self
    }

    /// Adds a line that says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }
}

/// A label with its source text.
#[derive(Clone, Debug)]
pub struct Label {
    /// Path to show, relative to the working directory where possible, with `/`.
    pub path: String,
    /// Whole text of the file, or of one line of it; empty when the file could not be read as text.
    pub text: Arc<str>,
    /// Line that the text begins with, from 1.
    pub first_line: usize,
    /// Byte range in `text`.
    pub range: Range<usize>,
    /// Why this place matters; may be empty.
    pub note: String,
}

impl Label {
    /// One-based line and column (in characters) of the start.
    pub fn start(&self) -> (usize, usize) {
        self.line_and_column(self.range.start)
    }

    /// One-based line and column (in characters) of the end.
    pub fn end(&self) -> (usize, usize) {
        self.line_and_column(self.range.end)
    }

    fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let (line, column) = line_and_column(&self.text, offset);
        (line + self.first_line - 1, column)
    }
}

/// A finding that carries everything a renderer needs.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule that was broken.
    pub rule: &'static Rule,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub primary: Label,
    /// Other places that explain it.
    pub related: Vec<Label>,
    /// What to do.
    pub help: Vec<String>,
}

/// Sorts findings by file, place and code, and drops exact repeats.
pub fn sort(findings: &mut Vec<Finding>) {
    let key = |f: &Finding| (f.primary.path.clone(), f.primary.range.start, f.rule.code, f.message.clone());
    findings.sort_by_key(key);
    findings.dedup_by(|a, b| key(a) == key(b));
}

/// Whether any finding is an error.
pub fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|f| f.rule.severity == Severity::Error)
}

/// One-based line and column of a byte offset; columns count characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    (line, column)
}

/// The nearest of `candidates` to a misspelt `word`, if one is near enough to be meant.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count().min(word.chars().count()) / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Text from a user, made safe to show on one line: control and bidirectional characters escaped.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_bidirectional_control(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// Characters that reorder the text around them, so that a reviewer reads something else than
/// the parser does (CVE-2021-42574).
pub fn is_bidirectional_control(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
