//! Formatting a spec without changing what it says.

use kdl::FormatConfig;
use serde_json::Value;

use super::{Document, Syntax, kdl as kdl_text, lower, yaml};
use crate::spec;

/// The formatted text.
///
/// # Errors
/// In words, when the text does not parse, or when formatting would change its meaning.
pub fn format(text: &str, syntax: Syntax) -> Result<String, String> {
    let before = meaning(text, syntax)?;
    let formatted = match syntax {
        Syntax::Kdl => {
            let mut document = kdl_text::parse(text, &mut Vec::new()).ok_or("it does not parse; run `llmc check`")?;
            document.autoformat_config(&FormatConfig::builder().indent("    ").build());
            tidy(&document.to_string())
        }
        Syntax::Yaml => tidy(text),
    };
    if meaning(&formatted, syntax)? != before {
        return Err("formatting would change its meaning; the file is left alone".into());
    }
    Ok(formatted)
}

/// No white space at line ends and one line end at the end of the file.
fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let body = lines.join("\n");
    let body = body.trim_matches('\n');
    if body.is_empty() { String::new() } else { format!("{body}\n") }
}

/// What the text says, as a tree.
fn meaning(text: &str, syntax: Syntax) -> Result<Value, String> {
    let mut diagnostics = Vec::new();
    let document: Option<Document> = match syntax {
        Syntax::Kdl => kdl_text::parse(text, &mut diagnostics).map(|kdl| lower::lower(&kdl, &spec::schema(), &mut diagnostics)),
        Syntax::Yaml => yaml::parse(text, &mut diagnostics),
    };
    document.map(|d| d.value).ok_or_else(|| "it does not parse; run `llmc check`".to_owned())
}
