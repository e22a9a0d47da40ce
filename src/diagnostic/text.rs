//! Findings for people: the source line underlined, the reason, and what works.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Finding, Label, Severity, printable};

/// Renders each finding in full. With `colour`, ANSI styles are used.
pub fn render(findings: &[Finding], colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    findings.iter().map(|finding| format!("{}\n\n", renderer.render(&groups(finding)))).collect()
}

/// Renders each finding on a line of its own: `path:line:column: severity[code]: message`.
pub fn render_short(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(|f| {
            let (line, column) = f.primary.start();
            let severity = f.rule.severity.word();
            format!("{}:{line}:{column}: {severity}[{}]: {}\n", f.primary.path, f.rule.code, printable(&f.message))
        })
        .collect()
}

fn groups(finding: &Finding) -> Vec<Group<'_>> {
    let level = match finding.rule.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = level.primary_title(printable(&finding.message)).id(finding.rule.code).element(snippet(&finding.primary, true));
    for label in &finding.related {
        group = group.element(snippet(label, false));
    }
    for help in &finding.help {
        group = group.element(Level::HELP.message(printable(help)));
    }
    vec![group]
}

fn snippet(label: &Label, primary: bool) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
    let kind = if primary { AnnotationKind::Primary } else { AnnotationKind::Context };
    let annotation = kind.span(label.range.clone());
    let annotation = if label.note.is_empty() { annotation } else { annotation.label(printable(&label.note)) };
    Snippet::source(&*label.text).line_start(label.first_line).path(&label.path).fold(true).annotation(annotation)
}
