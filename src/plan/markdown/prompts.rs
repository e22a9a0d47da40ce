//! What changes in the prompts: which version is live, and every text that differs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::document::Section;
use super::{Subject, diff, text};
use crate::diagnostic::thousands;
use crate::plan::objects::yaml;
use crate::plan::{ExperimentChange, PromptChange, RouteChange, words};
use crate::prompt::short_identity;

/// Most routes of a prompt that are listed.
const MOST_ROUTES: usize = 20;

/// Most characters of a sentence.
const MESSAGE_CHARS: usize = 400;

/// Texts of a version of a prompt by their name: system, user and sampling.
type Texts = BTreeMap<String, String>;

/// Prompts that change and experiments that do; a note that none does would be noise.
pub(super) fn sections(subject: &Subject<'_>) -> Vec<Section> {
    let experiments = &subject.review.plan.experiments;
    let of = |change: &ExperimentChange| format!("- {}", text::words(&change.what, MESSAGE_CHARS));
    let experiments: Vec<String> = experiments.iter().map(of).collect();
    let experiments = (!experiments.is_empty()).then(|| Section::list("### Experiments", experiments, "changes", 2));
    texts_of(subject).into_iter().chain(experiments).collect()
}

fn texts_of(subject: &Subject<'_>) -> Option<Section> {
    let names: BTreeSet<&str> = subject.old.blocks("prompt").chain(subject.new.blocks("prompt")).map(|(name, _)| name).collect();
    let items: Vec<String> = names.into_iter().filter_map(|name| prompt(subject, name)).collect();
    (!items.is_empty()).then(|| Section::items("### Prompts", items, "prompts", 2))
}

fn prompt(subject: &Subject<'_>, name: &str) -> Option<String> {
    let (was, is) = (subject.old.block("prompt", name), subject.new.block("prompt", name));
    let shown = text::code(name, 80);
    let is = match (was, is) {
        (_, None) => return Some(format!("{shown} is removed.")),
        (_, Some(is)) => is,
    };
    let (live, was_live) = (string(is, "live"), was.and_then(|was| string(was, "live")));
    let mut parts = Vec::new();
    match (was_live, live) {
        (None, Some(live)) => parts.push(format!("{shown} is new, with version {} live.", text::code(live, 80))),
        (Some(was), Some(live)) if was != live => {
            parts.push(format!("{shown}: version {} goes live in place of {}.", text::code(live, 80), text::code(was, 80)));
        }
        _ => {}
    }
    let versions = |block: Option<&Value>| -> BTreeSet<String> {
        block.and_then(|block| block.get("version")?.as_object()).into_iter().flatten().map(|(version, _)| version.clone()).collect()
    };
    let (before, after) = (versions(was), versions(Some(is)));
    let mut folds = Vec::new();
    for version in before.union(&after) {
        let (old, new) = (old_texts(subject, name, version), new_texts(subject, name, version));
        match (old, new) {
            (Some(_), None) => parts.push(format!("Version {} of {shown} is removed.", text::code(version, 80))),
            (Some(old), Some(new)) if old != new => {
                folds.push(fold(&format!("{} edited in place", text::html_code(version, 80)), &old, &new))
            }
            // A new version is read against the one that it follows.
            (None, Some(new)) => {
                let base = was_live.and_then(|live| old_texts(subject, name, live));
                let against =
                    base.as_ref().and(was_live).map_or("all of it".to_owned(), |live| format!("against {}", text::html_code(live, 80)));
                folds.push(fold(&format!("{} is new, {against}", text::html_code(version, 80)), &base.unwrap_or_default(), &new));
            }
            _ => {}
        }
    }
    if let (Some(was), Some(live)) = (was_live, live)
        && was != live
        && before.contains(live)
        && let (Some(old), Some(new)) = (old_texts(subject, name, was), new_texts(subject, name, live))
    {
        folds.push(fold(&format!("what goes live: {} against {}", text::html_code(live, 80), text::html_code(was, 80)), &old, &new));
    }
    if parts.is_empty() && folds.is_empty() {
        return None;
    }
    parts.extend(subject.review.plan.prompts.iter().filter(|change| change.prompt == name).map(|change| goes_live(subject, change)));
    if parts.is_empty() {
        parts.push(format!("{shown}: texts change, the live version stays."));
    }
    parts.extend(folds);
    Some(parts.join("\n\n"))
}

/// What goes live, as a table of its routes.
fn goes_live(subject: &Subject<'_>, change: &PromptChange) -> String {
    let currency = subject.review.plan.totals.budget.as_ref().map(|budget| budget.currency.as_str()).unwrap_or_default();
    let head = ["Route", "Identity", "Tokens", &format!("A request, {}", text::cell(currency, 8))].map(str::to_owned);
    let both = |sides: [Option<String>; 2]| match sides {
        [Some(was), Some(now)] if was == now => text::cell(&now, 60),
        [Some(was), Some(now)] => format!("{} → {}", text::cell(&was, 60), text::cell(&now, 60)),
        [None, Some(now)] => text::cell(&now, 60),
        [_, None] => "not known".to_owned(),
    };
    let row = |route: &RouteChange| {
        let mark = if route.is_estimated { "~" } else { "" };
        let identity = [0, 1].map(|at| route.identity[at].as_deref().map(short_identity));
        let tokens = route.tokens.map(|tokens| tokens.map(|tokens| format!("{mark}{}", thousands(tokens))));
        let request = [0, 1].map(|at| words::range(route.request_low[at].as_deref(), route.request_high[at].as_deref()));
        text::row(&[text::cell(&route.route, 80), both(identity), both(tokens), both(request)])
    };
    let rows: Vec<String> = change.routes.iter().take(MOST_ROUTES).map(row).collect();
    let pinned = if change.is_pinned { "It is pinned in `llmc.lock`." } else { "It is not pinned in `llmc.lock`." };
    let more = change.routes.len().saturating_sub(MOST_ROUTES);
    let more = if more > 0 { format!("\n\n{more} more routes.") } else { String::new() };
    format!("{pinned}\n\n{}\n|{}\n{}{more}", text::row(&head), " --- |".repeat(head.len()), rows.join("\n"))
}

fn string<'a>(block: &'a Value, field: &str) -> Option<&'a str> {
    block.get(field)?.as_str()
}

fn fold(summary: &str, old: &Texts, new: &Texts) -> String {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let text = |texts: &Texts, name: &String| texts.get(name).cloned().unwrap_or_default();
    let parts: Vec<String> = names
        .into_iter()
        .map(|name| (name, text(old, name), text(new, name)))
        .filter(|(_, old, new)| old != new)
        .map(|(name, old, new)| format!("{}\n\n{}", text::code(name, 80), diff::lines(&old, &new)))
        .collect();
    let content = if parts.is_empty() { "The texts are equal.".to_owned() } else { parts.join("\n\n") };
    text::folded(summary, &content)
}

/// Where the texts of a version stand in a tree.
fn path(prompt: &str, version: &str) -> String {
    format!("prompts/{prompt}/{version}.yaml")
}

fn old_texts(subject: &Subject<'_>, prompt: &str, version: &str) -> Option<Texts> {
    subject.review.old.text(&path(prompt, version)).map(texts)
}

fn new_texts(subject: &Subject<'_>, prompt: &str, version: &str) -> Option<Texts> {
    subject.review.new.get(&path(prompt, version)).map(texts)
}

/// The texts in a version's ConfigMap, or the file itself where it is none.
fn texts(file: &str) -> Texts {
    let map = yaml(file);
    let data = map.as_ref().and_then(|map| map.get("data")?.as_object());
    match data {
        Some(data) => data.iter().filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect(),
        None => BTreeMap::from([("file".to_owned(), file.to_owned())]),
    }
}
