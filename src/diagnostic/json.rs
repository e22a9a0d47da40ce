//! Findings for programs: one JSON document with a version and a schema.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Finding, Label, Severity};

/// Raised when a field changes its meaning or goes away; new fields do not raise it.
const FORMAT_VERSION: u32 = 1;

/// All findings of one run.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "llmc diagnostics")]
struct Report {
    /// Version of this format. New fields may appear under the same version; none changes or goes.
    format_version: u32,
    /// Number of findings of severity `error`.
    errors: usize,
    /// Number of findings of severity `warning`.
    warnings: usize,
    /// The findings, sorted by file, place and code.
    findings: Vec<Item>,
}

#[derive(Serialize, JsonSchema)]
struct Item {
    /// Stable code; `llmc explain CODE` documents it.
    code: &'static str,
    /// Kebab-case name of the rule.
    name: &'static str,
    /// `error` or `warning`.
    severity: &'static str,
    /// What is wrong.
    message: String,
    /// Where it is wrong.
    primary: Place,
    /// Other places that explain it.
    related: Vec<Place>,
    /// What to do, one line each.
    help: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct Place {
    /// Path as shown to people, with forward slashes.
    path: String,
    /// First line, from 1.
    line: usize,
    /// First column in characters, from 1.
    column: usize,
    /// Last line, from 1.
    end_line: usize,
    /// Column after the last character, from 1.
    end_column: usize,
    /// Why this place matters; may be empty.
    note: String,
}

impl From<&Label> for Place {
    fn from(label: &Label) -> Self {
        let ((line, column), (end_line, end_column)) = (label.start(), label.end());
        Self { path: label.path.clone(), line, column, end_line, end_column, note: label.note.clone() }
    }
}

/// Renders the findings as one pretty-printed JSON document.
///
/// # Errors
/// Only if serialising fails, which plain strings and numbers cannot cause.
pub fn render(findings: &[Finding]) -> Result<String, serde_json::Error> {
    let count = |severity| findings.iter().filter(|f| f.rule.severity == severity).count();
    let report = Report {
        format_version: FORMAT_VERSION,
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        findings: findings
            .iter()
            .map(|f| Item {
                code: f.rule.code,
                name: f.rule.name,
                severity: f.rule.severity.word(),
                message: f.message.clone(),
                primary: (&f.primary).into(),
                related: f.related.iter().map(Place::from).collect(),
                help: f.help.clone(),
            })
            .collect(),
    };
    serde_json::to_string_pretty(&report).map(|text| text + "\n")
}

/// JSON Schema of the document that [`render`] writes.
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Report)
}
