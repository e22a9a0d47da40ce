//! Findings as SARIF 2.1.0, which code-scanning services read.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Finding, Label};

/// Renders the findings as one SARIF log with a single run.
///
/// # Errors
/// Only if serialising fails, which plain strings and numbers cannot cause.
pub fn render(findings: &[Finding]) -> Result<String, serde_json::Error> {
    let rules: BTreeMap<&str, Value> = findings
        .iter()
        .map(|f| {
            let rule = json!({
                "id": f.rule.code,
                "name": f.rule.name,
                "fullDescription": { "text": f.rule.docs },
                "help": { "text": f.rule.docs, "markdown": f.rule.docs },
                "defaultConfiguration": { "level": f.rule.severity.word() },
            });
            (f.rule.code, rule)
        })
        .collect();
    let results: Vec<Value> = findings.iter().map(result).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "llmc",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.into_values().collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    serde_json::to_string_pretty(&log).map(|text| text + "\n")
}

fn result(finding: &Finding) -> Value {
    let mut text = finding.message.clone();
    for help in &finding.help {
        text.push_str("\nhelp: ");
        text.push_str(help);
    }
    json!({
        "ruleId": finding.rule.code,
        "level": finding.rule.severity.word(),
        "message": { "text": text },
        "locations": [location(&finding.primary)],
        "relatedLocations": finding.related.iter().map(location).collect::<Vec<_>>(),
    })
}

fn location(label: &Label) -> Value {
    let ((line, column), (end_line, end_column)) = (label.start(), label.end());
    let mut value = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": percent_encode(&label.path) },
            "region": { "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column },
        },
    });
    if !label.note.is_empty() {
        value["message"] = json!({ "text": label.note });
    }
    value
}

/// A path as a URI reference: everything but unreserved characters and `/` is escaped.
fn percent_encode(path: &str) -> String {
    path.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}
