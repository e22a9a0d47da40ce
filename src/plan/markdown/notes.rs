//! Warnings, waivers, and where the plan comes from.

use super::Subject;
use super::document::Section;
use super::text;

/// Most warnings that are listed.
const MOST_FINDINGS: usize = 20;

/// Most policies that are named.
const MOST_POLICIES: usize = 30;

/// Longest message or reason in characters.
const MESSAGE_CHARS: usize = 400;

/// Findings that do not stop the change.
pub(super) fn findings(subject: &Subject<'_>) -> Option<Section> {
    let mut findings: Vec<_> = subject.review.findings.iter().collect();
    findings.sort_by_key(|finding| finding.rule.severity);
    let items: Vec<String> = findings
        .into_iter()
        .map(|finding| {
            let (line, _) = finding.primary.start();
            let place = text::code(&format!("{}:{line}", finding.primary.path), 200);
            let help = finding.help.first().map_or(String::new(), |help| format!("; {}", text::words(help, MESSAGE_CHARS)));
            let severity = finding.rule.severity.word();
            format!(
                "- **{severity}** {} {}: {}{help}",
                text::code(finding.rule.code, 40),
                place,
                text::words(&finding.message, MESSAGE_CHARS)
            )
        })
        .collect();
    (!items.is_empty()).then(|| Section::list("### Findings", items, "findings", 2).capped(MOST_FINDINGS))
}

/// The specs at `paths`, which have errors; empty when there are none.
pub(super) fn failed(paths: &[String]) -> String {
    const MOST: usize = 20;
    if paths.is_empty() {
        return String::new();
    }
    let shown = text::some(paths.iter().map(|path| text::code(path, 200)), MOST);
    format!("**Errors in {shown}**: nothing is applied until they are mended; `llmc check` shows them.")
}

/// What was let through, and who answers for it.
pub(super) fn waivers(subject: &Subject<'_>) -> Option<Section> {
    let items: Vec<String> = subject
        .review
        .policies
        .waived
        .iter()
        .map(|waived| {
            format!(
                "- {} until {}, by {}: {} (it says: {})",
                text::code(&waived.policy, 120),
                text::code(&waived.until, 40),
                text::code(&waived.owner, 120),
                text::words(&waived.reason, MESSAGE_CHARS),
                text::words(&waived.message, MESSAGE_CHARS)
            )
        })
        .collect();
    (!items.is_empty()).then(|| Section::list("### Waived policies", items, "waivers", 1))
}

/// What the plan was made from, and how to apply it.
pub(super) fn provenance(subject: &Subject<'_>) -> Option<Section> {
    let of = &subject.review.provenance;
    let mut items =
        vec![format!("- Spec: {}", of.spec.as_ref().map_or_else(|| "none, the stack is gone".to_owned(), |spec| text::code(spec, 300)))];
    items.extend(of.commit.as_ref().map(|commit| format!("- Source commit: {}", text::code(commit, 80))));
    items.push(format!("- Output: {}", text::code(&subject.review.plan.output, 300)));
    items.push(format!("- Plan: {}", text::code(&of.plan_sha256, 80)));
    items.push(format!("- Version of llmc: {}", text::code(&of.llmc_version, 40)));
    items.push(format!("- Apply with: {}", text::code(&of.command, 300)));
    let policies = &subject.review.policies.evaluated;
    if !policies.is_empty() {
        items.push(format!("- Policies: {}", text::some(policies.iter().map(|name| text::code(name, 80)), MOST_POLICIES)));
    }
    Some(Section { rank: 1, ..Section::text(format!("### Provenance\n\n{}", items.join("\n"))) })
}
