//! Findings as GitHub workflow commands, which annotate the lines of a pull request.

use super::Finding;

/// Renders each finding as an `::error` or `::warning` command.
pub fn render(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(|f| {
            let ((line, column), (end_line, end_column)) = (f.primary.start(), f.primary.end());
            let mut text = f.message.clone();
            for help in &f.help {
                text.push_str("\nhelp: ");
                text.push_str(help);
            }
            format!(
                "::{} file={},line={line},endLine={end_line},col={column},endColumn={end_column},title={}::{}\n",
                f.rule.severity.word(),
                property(&f.primary.path),
                property(f.rule.code),
                message(&text),
            )
        })
        .collect()
}

/// Escapes the text of a command: a line break would end it.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property, which a colon or a comma would end too.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}
