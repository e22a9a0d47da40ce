//! What to look at before, during and after the deployment. A box is ticked where the compiler
//! itself knows the answer, and says why; the others are for people, with what is known about them.

use serde_json::Value;

use super::document::Section;
use super::{Subject, cost, text};
use crate::plan::objects::yaml;

/// Greatest share of GPU memory that an engine may take.
const MOST_MEMORY: f64 = 0.95;

/// Most names of a list.
const MOST_NAMES: usize = 12;

/// An item: what to check, whether it is proved, and what is known.
struct Item(&'static str, bool, Option<String>);

impl Item {
    fn open(what: &'static str) -> Self {
        Self(what, false, None)
    }

    fn line(&self) -> String {
        let known = self.2.as_ref().map_or(String::new(), |known| format!(" ({known})"));
        format!("- [{}] {}{known}", if self.1 { 'x' } else { ' ' }, self.0)
    }
}

/// The list, of one piece: half of it would look like all of it.
pub(super) fn sections(subject: &Subject<'_>) -> Option<Section> {
    if subject.review.plan.is_empty() || subject.review.new.is_empty() {
        return None;
    }
    let groups = [("Before", before(subject)), ("During", during(subject)), ("After", after(subject))];
    let mut text = "### Checklist\n\nTicked is what llmc verified; the rest is for people.".to_owned();
    for (title, items) in groups {
        let lines: Vec<String> = items.iter().map(Item::line).collect();
        text.push_str(&format!("\n\n**{title} the deployment**\n\n{}", lines.join("\n")));
    }
    Some(Section { rank: 1, ..Section::text(text) })
}

fn before(subject: &Subject<'_>) -> Vec<Item> {
    vec![
        Item::open("The health endpoint of every serving engine answers"),
        memory(subject),
        registered(subject),
        guardrails(subject),
        rollback(subject),
    ]
}

fn memory(subject: &Subject<'_>) -> Item {
    let what = "GPU memory use stays at or below 95 %";
    let shares: Vec<Option<f64>> = subject.new.blocks("model").map(|(_, m)| m.pointer("/serve/gpu-memory-utilization")?.as_f64()).collect();
    let headroom = subject.review.plan.totals.memory_headroom.iter().flatten();
    let is_short = headroom.filter_map(|(_, [_, after])| *after).any(|percent| percent < 0.0);
    let most = shares.iter().flatten().copied().fold(0.0, f64::max);
    let is_known = !shares.is_empty() && shares.iter().all(Option::is_some);
    if !is_known || is_short {
        return Item::open(what);
    }
    let percent = most * 100.0;
    Item(what, most <= MOST_MEMORY, Some(format!("every engine is limited to {percent:.0} % or less")))
}

/// Live version of every prompt, and whether the compiled index and texts have it.
fn registered(subject: &Subject<'_>) -> Item {
    let what = "Every prompt version is in the registry";
    let index = subject.review.new.get("prompts/index.yaml");
    let index = index.and_then(yaml);
    let index = index.as_ref().and_then(|map| map.pointer("/data/index.json")?.as_str());
    let index: Option<Value> = index.and_then(|text| serde_json::from_str(text).ok());
    let has = |prompt: &str, version: &str| {
        let listed = index.as_ref().and_then(|index| index.get("prompts")?.get(prompt)?.get("versions")?.get(version));
        listed.is_some() && subject.review.new.get(&format!("prompts/{prompt}/{version}.yaml")).is_some()
    };
    let versions = |block: &Value| block.get("version").and_then(Value::as_object).map(|all| all.keys().cloned().collect::<Vec<_>>());
    let mut count = 0;
    for (name, block) in subject.new.blocks("prompt") {
        let Some(all) = versions(block).filter(|all| all.iter().all(|version| has(name, version))) else {
            return Item(what, false, Some(format!("{} is not", text::code(name, 80))));
        };
        count += all.len();
    }
    if count == 0 {
        return Item(what, false, Some("the stack has no prompt".to_owned()));
    }
    Item(what, true, Some(format!("all {count} are in {}", text::code("prompts/index.yaml", 80))))
}

fn guardrails(subject: &Subject<'_>) -> Item {
    let what = "The guardrails reflect the latest policy";
    let file = |block: &Value| block.pointer("/instructions/file").and_then(Value::as_str).map(|file| text::code(file, 120));
    let files: Vec<String> = subject.new.blocks("guardrails").filter_map(|(_, block)| file(block)).take(MOST_NAMES).collect();
    let unguarded =
        subject.new.blocks("route").filter(|(_, route)| route.get("guardrails").is_none()).map(|(name, _)| text::code(name, 80));
    let unguarded: Vec<String> = unguarded.take(MOST_NAMES).collect();
    let mut known = Vec::new();
    if !files.is_empty() {
        known.push(format!("compiled from {}", files.join(", ")));
    }
    if !unguarded.is_empty() {
        known.push(format!("without any: route {}", unguarded.join(", ")));
    }
    Item(what, false, (!known.is_empty()).then(|| known.join("; ")))
}

fn rollback(subject: &Subject<'_>) -> Item {
    let what = "The prompt version to roll back to is named";
    let (mut named, mut missing, mut single) = (Vec::new(), Vec::new(), Vec::new());
    for (name, block) in subject.new.blocks("prompt") {
        let versions = block.get("version").and_then(Value::as_object).map_or(0, serde_json::Map::len);
        match block.get("rollback").and_then(Value::as_str) {
            Some(version) => named.push(format!("{} → {}", text::code(name, 80), text::code(version, 80))),
            None if versions < 2 => single.push(text::code(name, 80)),
            None => missing.push(text::code(name, 80)),
        }
    }
    let is_done = missing.is_empty() && !named.is_empty();
    let parts = [("prompt", named), ("not for", missing), ("one version only:", single)];
    let known: Vec<String> = parts
        .iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(word, names)| format!("{word} {}", text::some(names.iter().cloned(), MOST_NAMES)))
        .collect();
    Item(what, is_done, (!known.is_empty()).then(|| known.join("; ")))
}

fn during(subject: &Subject<'_>) -> Vec<Item> {
    let dashboard = format!("grafana/{}.json", subject.review.plan.stack);
    let dashboard = subject.review.new.get(&dashboard).map(|_| format!("dashboard {}", text::code(&dashboard, 120)));
    vec![
        Item::open("The new version starts with 10 % of the traffic and gets more step by step"),
        Item("Time to first token, time per output token and total latency are watched live", false, dashboard),
        Item::open("The rate of guardrail violations does not jump above its baseline"),
        Item("Token use and cost stay within the budget", false, cost::within(subject.review.plan)),
    ]
}

fn after(_: &Subject<'_>) -> Vec<Item> {
    vec![
        Item::open("An experiment's result is statistically significant before its winner gets all traffic"),
        Item::open("The quality metrics (relevance, accuracy, helpfulness) are reviewed on the dashboard every week"),
        Item::open("A cost report is made every month and held against the budget"),
        Item::open("Feedback of users is collected and goes into better prompts"),
        Item::open("Guardrail logs are searched for new kinds of risk, and the policy gets them"),
    ]
}
