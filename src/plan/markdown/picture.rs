//! The stack as a Mermaid flowchart: routes, their guardrails, models, and the pools these run on.
//!
//! GitHub draws at most 50,000 characters and 500 edges, and people read far less. Blocks that
//! change are shown first; what does not fit is counted in a box of its own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Subject;
use super::document::Section;

/// Most boxes of a kind.
const MOST_BOXES: usize = 16;

/// Longest label in characters.
const LABEL_CHARS: usize = 40;

/// Kinds of blocks with the plural for what is left out, and the two ends of their box.
const KINDS: [(&str, &str, &str, &str); 5] = [
    ("route", "routes", "([", "])"),
    ("guardrails", "guardrails", "{{", "}}"),
    ("model", "models", "[", "]"),
    ("external", "external models", "[/", "/]"),
    ("pool", "pools", "[(", ")]"),
];

/// The picture; none when the stack is gone.
pub(super) fn section(subject: &Subject<'_>) -> Option<Section> {
    let mut lines = vec!["flowchart LR".to_owned()];
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for (kind, plural, open, close) in KINDS {
        let mut blocks: Vec<(&str, &Value, &str)> =
            subject.new.blocks(kind).map(|(name, block)| (name, block, state(subject.old.block(kind, name), block))).collect();
        blocks.sort_by_key(|(name, _, state)| (state.is_empty(), *name));
        let count = blocks.len();
        for (index, (name, _, state)) in blocks.into_iter().take(MOST_BOXES).enumerate() {
            let id = format!("{kind}{index}");
            let (note, class) = if state.is_empty() { (String::new(), "") } else { (format!(" ({state})"), ":::changed") };
            lines.push(format!("    {id}{open}\"{}{note}\"{close}{class}", label(name)));
            ids.insert(format!("{kind}/{name}"), id);
        }
        if count > MOST_BOXES {
            lines.push(format!("    {kind}More[\"and {} more {plural}\"]", count - MOST_BOXES));
        }
    }
    if ids.is_empty() {
        return None;
    }
    lines.extend(edges(subject, &ids).into_iter().map(|(from, to)| format!("    {from} --> {to}")));
    lines.push("    classDef changed stroke-width:4px".to_owned());
    let note = "Boxes with a thick border change.";
    // Labels cannot hold a backtick, so three are enough.
    let text = format!("### The stack after the change\n\n```mermaid\n{}\n```\n\n{note}", lines.join("\n"));
    Some(Section { rank: 3, ..Section::text(text) })
}

fn state(old: Option<&Value>, new: &Value) -> &'static str {
    match old {
        None => "new",
        Some(old) if old != new => "changed",
        Some(_) => "",
    }
}

/// Lines between boxes that are shown, each once.
fn edges<'a>(subject: &Subject<'_>, ids: &'a BTreeMap<String, String>) -> BTreeSet<(&'a str, &'a str)> {
    let id = |kind: &str, name: Option<&str>| ids.get(&format!("{kind}/{}", name?)).map(String::as_str);
    let mut edges = BTreeSet::new();
    for (name, route) in subject.new.blocks("route") {
        let field = |field: &str| route.get(field).and_then(Value::as_str);
        let (id_of_route, rails) = (id("route", Some(name)), id("guardrails", field("guardrails")));
        let tiers = route.get("tier").and_then(Value::as_object).into_iter().flatten().map(|(_, tier)| tier);
        for answerer in std::iter::once(route).chain(tiers).chain(route.get("fallback")) {
            let model = answerer.get("model").and_then(Value::as_str);
            let target = id("model", model).or_else(|| id("external", model));
            let path: Vec<&str> = [id_of_route, rails, target].into_iter().flatten().collect();
            edges.extend(path.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?))));
        }
    }
    for (name, model) in subject.new.blocks("model") {
        let pool = model.pointer("/place/pool").and_then(Value::as_str);
        edges.extend(id("model", Some(name)).zip(id("pool", pool)));
    }
    edges
}

/// Letters, digits and a few marks: nothing that Mermaid, HTML or Markdown reads as anything else.
fn label(name: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '?' };
    let mut label: String = name.chars().take(LABEL_CHARS).map(safe).collect();
    if name.chars().nth(LABEL_CHARS).is_some() {
        label.push('…');
    }
    label
}
