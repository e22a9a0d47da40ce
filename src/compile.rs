//! One spec file through the whole pipeline, in memory.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::check::{self, Context};
use crate::diagnostic::{self, Diagnostic, Finding, Place, Route, Rule, Severity};
use crate::emit::{self, FileSet};
use crate::resolve::{self, Resolved};
use crate::source::{self, Folder, Sources, Syntax};
use crate::spec::{self, Spec};
use crate::stack::Stack;

/// What became of one spec file.
pub struct Compilation {
    /// Path of the spec as shown to people.
    pub spec_path: String,
    /// The resolved stack, as far as it could be resolved; none without a name.
    pub stack: Option<Stack>,
    /// Everything that was found, sorted.
    pub findings: Vec<Finding>,
    /// The output; `None` when a finding is an error.
    pub files: Option<FileSet>,
}

/// A fault of the compiler itself. It can only be reported, never waived.
pub static INTERNAL: Rule = Rule {
    code: "LLMC-X999",
    name: "internal-fault",
    severity: Severity::Error,
    docs: "The compiler contradicted itself: something could not be compiled and no rule says why.\n\n\
           Nothing was written. Please report it with the spec; this is never the spec's fault alone.",
};

/// Compiles the spec at `path`, which is shown to people as `shown`.
pub fn compile(path: &Path, shown: &str) -> Compilation {
    let mut diagnostics = Vec::new();
    let text = match source::read_spec_file(path) {
        Ok(text) => text,
        Err(fault) => {
            let (diagnostic, text) = *fault;
            diagnostics.push(diagnostic);
            text
        }
    };
    let mut sources = Sources::new(shown.to_owned(), &text);
    let mut stack = None;
    let mut files = None;
    // A file that could not be read at all was reported; there is nothing to parse.
    if diagnostics.is_empty() || !text.is_empty() {
        let syntax = Syntax::of(path).unwrap_or(Syntax::Kdl);
        let document = source::read(&text, syntax, spec::schema(), &mut diagnostics);
        // The places are known even where the types refuse what they hold.
        document.iter().for_each(|document| sources.set_document(document));
        if let Some((spec, document)) = document.and_then(|document| typed(document, &mut diagnostics)) {
            let Resolved { stack: resolved, left_out } = resolve::resolve(&spec, &Folder::of(path), &mut sources, &mut diagnostics);
            check::run(&Context { spec: &spec, document: &document, stack: &resolved }, &mut diagnostics);
            let is_error = |d: &Diagnostic| d.rule.severity == Severity::Error;
            if !diagnostics.iter().any(is_error) {
                for route in left_out {
                    let message = format!("`{route}` could not be resolved, and no rule says why");
                    diagnostics.push(Diagnostic::at_key(&INTERNAL, route, message));
                }
            }
            if !diagnostics.iter().any(is_error) {
                match emit::emit(&resolved, &sources.files()) {
                    Ok(set) => files = Some(set),
                    Err(faults) => diagnostics.extend(faults),
                }
            }
            let name = Route::of(["stack"]);
            stack = (document.spans.contains_key(&name) && !document.dropped.contains(&name)).then_some(resolved);
        }
    }
    let mut findings: Vec<Finding> = diagnostics.into_iter().map(|d| sources.locate(d)).collect();
    diagnostic::sort(&mut findings);
    Compilation { spec_path: shown.to_owned(), stack, findings, files }
}

/// What becomes of a spec, shown as `shown`, on which the compiler fails.
pub fn crashed(shown: &str) -> Compilation {
    let message = "the compiler failed on this spec".to_owned();
    let fault = Diagnostic::new(&INTERNAL, Place::Text { file: String::new(), range: 0..0 }, message);
    let findings = vec![Sources::new(shown.to_owned(), "").locate(fault)];
    Compilation { spec_path: shown.to_owned(), stack: None, findings, files: None }
}

/// The spec that `document` holds, beside it, or `None` when the types refuse it.
fn typed(mut document: source::Document, diagnostics: &mut Vec<Diagnostic>) -> Option<(Spec, source::Document)> {
    fill_root(&mut document.value, diagnostics);
    match deserialize::<Spec>(&document.value) {
        Ok(spec) => Some((spec, document)),
        Err((route, message)) => {
            // The schema accepted what the types refuse: a value that only a type can judge.
            diagnostics.push(Diagnostic::at_value(&source::rules::OUT_OF_RANGE, route, message));
            None
        }
    }
}

/// The root's required fields cannot be dropped with a block, so a missing one gets a stand-in;
/// its absence was reported.
fn fill_root(value: &mut Value, diagnostics: &[Diagnostic]) {
    if value.is_null() {
        *value = Value::Object(serde_json::Map::new());
    }
    if diagnostics.iter().all(|d| d.rule.severity != Severity::Error) {
        return;
    }
    if let Some(map) = value.as_object_mut() {
        for field in ["stack", "namespace"] {
            map.entry(field).or_insert_with(|| Value::String("missing".into()));
        }
    }
}

fn deserialize<T: DeserializeOwned>(value: &Value) -> Result<T, (Route, String)> {
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

/// Number of findings of each severity.
pub fn count(findings: &[Finding]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::from([("error", 0), ("warning", 0)]);
    for finding in findings {
        *counts.entry(finding.rule.severity.word()).or_default() += 1;
    }
    counts
}

/// Every rule of every stage, this one's included, sorted by code.
pub fn rules() -> Vec<&'static Rule> {
    let mut rules: Vec<&Rule> =
        source::rules::RULES.iter().copied().chain(check::CHECKS.iter().map(|c| c.rule)).chain(emit::rules()).chain([&INTERNAL]).collect();
    rules.sort_by_key(|r| r.code);
    rules
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::rules;

    #[test]
    fn codes_are_unique_well_formed_and_sorted() {
        let rules = rules();
        let codes: BTreeSet<&str> = rules.iter().map(|r| r.code).collect();
        assert_eq!(codes.len(), rules.len(), "a code is used twice");
        let names: BTreeSet<&str> = rules.iter().map(|r| r.name).collect();
        assert_eq!(names.len(), rules.len(), "a name is used twice");
        for rule in &rules {
            let form = rule
                .code
                .strip_prefix("LLMC-")
                .is_some_and(|c| c.len() == 4 && c.as_bytes()[0].is_ascii_uppercase() && c[1..].bytes().all(|b| b.is_ascii_digit()));
            assert!(form, "{} is not LLMC-<letter><three digits>", rule.code);
            assert!(rule.docs.len() > 60, "{} is hardly documented", rule.code);
        }
    }
}
