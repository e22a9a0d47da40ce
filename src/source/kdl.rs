//! KDL 2 text to a KDL document, within limits.

use kdl::{KdlDocument, KdlError};

use super::big_stack;
use super::rules::{SYNTAX, TOO_DEEP};
use crate::diagnostic::{Diagnostic, Place};

/// Deepest nesting of blocks.
const MAX_DEPTH: usize = 64;
/// Most opening braces, comments and brackets: an upper bound on what the parser recurses into.
const MAX_OPENINGS: usize = 4096;
/// One mistake makes the recovering parser report many; the first few say it.
const MAX_SYNTAX_FINDINGS: usize = 3;

/// Parses `text`, reporting syntax errors into `diagnostics`.
pub(super) fn parse(text: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<KdlDocument> {
    let openings = text.matches('{').count() + text.matches("/*").count() + text.matches("/-").count() + text.matches('(').count();
    if openings > MAX_OPENINGS {
        let at = text.find('{').unwrap_or(0);
        let message = format!("the spec has {openings} blocks and comments, more than the {MAX_OPENINGS} that are read");
        diagnostics.push(Diagnostic::new(&TOO_DEEP, in_spec(at..at + 1), message));
        return None;
    }
    match big_stack::run(|| KdlDocument::parse_v2(text)) {
        Err(message) => diagnostics.push(Diagnostic::new(&SYNTAX, in_spec(0..0), message)),
        Ok(Err(error)) => report(text, &error, diagnostics),
        Ok(Ok(document)) => match too_deep(&document, 0) {
            None => return Some(document),
            Some(range) => {
                let message = format!("blocks are nested deeper than {MAX_DEPTH} levels");
                diagnostics.push(Diagnostic::new(&TOO_DEEP, in_spec(range), message));
            }
        },
    }
    None
}

fn report(text: &str, error: &KdlError, diagnostics: &mut Vec<Diagnostic>) {
    for fault in error.diagnostics.iter().take(MAX_SYNTAX_FINDINGS) {
        let start = fault.span.offset().min(text.len());
        let end = (start + fault.span.len()).min(text.len());
        // A recovered block can span the file; its first line shows the place.
        let first_line = text.get(start..end).and_then(|s| s.find('\n')).map_or(end, |at| start + at);
        if let Some((message, help)) = text.get(start..end).and_then(first_version) {
            diagnostics.push(Diagnostic::new(&SYNTAX, in_spec(start..end), message).help(help));
            continue;
        }
        let message = fault.message.clone().unwrap_or_else(|| "this is not KDL".into());
        let mut finding = Diagnostic::new(&SYNTAX, in_spec(start..first_line), lower_first(&message));
        if let Some(label) = &fault.label {
            finding = finding.label(label.clone());
        }
        if let Some(help) = &fault.help {
            finding = finding.help(help.clone());
        }
        diagnostics.push(finding);
    }
    if error.diagnostics.is_empty() {
        diagnostics.push(Diagnostic::new(&SYNTAX, in_spec(0..0), "this is not KDL"));
    }
}

/// What to say where `word` is right in KDL 1 and wrong in KDL 2.
fn first_version(word: &str) -> Option<(String, String)> {
    match word {
        "true" | "false" | "null" => Some((format!("`{word}` is not written so in KDL 2"), format!("write `#{word}`"))),
        _ if word.starts_with("r\"") || word.starts_with("r#") => {
            Some(("a raw string does not begin with `r` in KDL 2".into(), "write `#\"…\"#`".into()))
        }
        _ => None,
    }
}

/// The range of the first block below `MAX_DEPTH`.
fn too_deep(document: &KdlDocument, depth: usize) -> Option<std::ops::Range<usize>> {
    document.nodes().iter().find_map(|node| {
        let span = node.name().span();
        if depth >= MAX_DEPTH {
            return Some(span.offset()..span.offset() + span.len());
        }
        node.children().and_then(|children| too_deep(children, depth + 1))
    })
}

fn in_spec(range: std::ops::Range<usize>) -> Place {
    Place::Text { file: String::new(), range }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}
