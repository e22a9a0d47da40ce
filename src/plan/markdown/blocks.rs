//! What changes in the rest of the spec: guardrails, experiments, objectives, and every other block.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::Section;
use super::record::differences;
use super::{Subject, diff, text};
use crate::plan::words::count;
use crate::plan::{Action, Totals};

/// Fields of the record that are maps of named blocks, in the order of a reviewer's interest.
const KINDS: [&str; 8] = ["guardrails", "experiment", "route", "model", "pool", "external", "prompt", "waive"];

/// Most names of a list.
const MOST_NAMES: usize = 30;

/// Guardrails and what the sums say about them; then every block that differs, folded.
pub(super) fn sections(subject: &Subject<'_>) -> Vec<Section> {
    let mut sections = Vec::new();
    let items = sums(&subject.review.plan.totals);
    let texts = guardrail_texts(subject);
    if !items.is_empty() {
        sections.push(Section::list("### Guardrails, objectives and alerts", items, "lines", 2));
    }
    if !texts.is_empty() {
        sections.push(Section::items("### Guardrail configuration", texts, "guardrail files", 2));
    }
    let mut items = Vec::new();
    for kind in KINDS {
        let names: BTreeSet<&str> = subject.old.blocks(kind).chain(subject.new.blocks(kind)).map(|(name, _)| name).collect();
        for name in names {
            let title = format!("{kind} {}", text::html_code(name, 80));
            items.extend(block(&title, subject.old.block(kind, name), subject.new.block(kind, name)));
        }
    }
    let fields: BTreeSet<&str> =
        subject.old.fields().into_iter().chain(subject.new.fields()).filter(|name| !KINDS.contains(name)).collect();
    for name in fields {
        items.extend(block(&text::html_code(name, 80), subject.old.field(name), subject.new.field(name)));
    }
    if !items.is_empty() {
        sections.push(Section { between: "\n\n", ..Section::items("### Spec, with every default filled in", items, "blocks", 5) });
    }
    sections
}

fn block(title: &str, old: Option<&Value>, new: Option<&Value>) -> Option<String> {
    let found = differences(old, new);
    if found.is_empty() {
        return None;
    }
    let word = match (old, new) {
        (None, _) => "new".to_owned(),
        (_, None) => "removed".to_owned(),
        _ => count(found.len(), "field"),
    };
    Some(text::folded(&format!("{title}: {word}"), &diff::spec_fields(&found)))
}

fn sums(totals: &Totals) -> Vec<String> {
    let lists = [
        ("Guardrails lost", &totals.guardrails_lost),
        ("Guardrails added", &totals.guardrails_added),
        ("Objectives that promise less", &totals.objectives_loosened),
        ("Alerts that go", &totals.alerts_removed),
        ("New alerts", &totals.alerts_added),
    ];
    let mut items: Vec<String> =
        lists.iter().filter(|(_, names)| !names.is_empty()).map(|(what, names)| format!("- {what}: {}", list(names))).collect();
    for (route, [before, after]) in
        totals.tokens_per_request.iter().flatten().filter(|(_, [before, after])| before != after).take(MOST_NAMES)
    {
        let number = |tokens: &Option<u64>| tokens.map_or("none".to_owned(), |tokens| tokens.to_string());
        items.push(format!("- Tokens of a request of route {}: {} → {}", text::code(route, 80), number(before), number(after)));
    }
    items
}

fn list(names: &[String]) -> String {
    text::some(names.iter().map(|name| text::code(name, 120)), MOST_NAMES)
}

/// Files of a guardrail configuration that people read: `guardrails/<name>/<route>/…`. Its Python
/// follows from them.
pub(super) fn is_guardrail_text(path: &str) -> bool {
    path.starts_with("guardrails/") && path.matches('/').count() == 3 && !path.ends_with(".py")
}

fn guardrail_texts(subject: &Subject<'_>) -> Vec<String> {
    let changed = subject.review.plan.files.iter().filter(|file| is_guardrail_text(&file.path));
    changed
        .map(|file| {
            let old = subject.review.old.text(&file.path).unwrap_or_default();
            let new = subject.review.new.get(&file.path).unwrap_or_default();
            let title = format!("{} {}", super::word(file.action), text::html_code(&file.path, 200));
            let content = match file.action {
                Action::Delete => "The file goes.".to_owned(),
                _ => diff::lines(old, new),
            };
            text::folded(&title, &content)
        })
        .collect()
}
