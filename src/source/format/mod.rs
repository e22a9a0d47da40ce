//! Formatting a spec without changing what it says.

mod layout;
mod tokens;

use serde_json::Value;

use super::{Document, Syntax, kdl, lower, yaml};
use crate::spec;

/// The formatted text: indented by four spaces in KDL, without stray white space in both syntaxes.
///
/// # Errors
/// In words, when the text does not parse, or when formatting would change its meaning.
pub fn format(text: &str, syntax: Syntax) -> Result<String, String> {
    let before = meaning(text, syntax)?;
    let formatted = match syntax {
        // The parser's own formatter drops comments between values and rewrites strings.
        Syntax::Kdl => layout::lay_out(&tokens::tokens(text)),
        // No library writes YAML back with its comments, so lines stay as they are.
        Syntax::Yaml => text.lines().map(str::trim_end).fold(String::new(), |all, line| all + line + "\n"),
    };
    let formatted = match formatted.trim_end() {
        "" => String::new(),
        body => format!("{}\n", body.trim_start_matches('\n')),
    };
    if meaning(&formatted, syntax).ok() != Some(before) {
        return Err("formatting would change its meaning, so it is left alone".into());
    }
    Ok(formatted)
}

/// What the text says, as a tree.
fn meaning(text: &str, syntax: Syntax) -> Result<Value, String> {
    let mut diagnostics = Vec::new();
    let document: Option<Document> = match syntax {
        Syntax::Kdl => kdl::parse(text, &mut diagnostics).and_then(|kdl| lower::lower(&kdl, spec::schema(), &mut diagnostics)),
        Syntax::Yaml => yaml::parse(text, &mut diagnostics),
    };
    document.map(|d| d.value).ok_or_else(|| "it does not parse; run `llmc check`".to_owned())
}
