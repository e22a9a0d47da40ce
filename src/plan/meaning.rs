//! What two specs mean to people: guardrails of a route, objectives of a model, alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::objects::yaml;
use super::record::Side;
use super::renames::Renames;
use crate::spec::{Objective, PiiKind, SelfCheck, Spec};

/// The rule files of a tree.
const RULE_FILES: [&str; 3] = ["prometheus/rules.yaml", "prometheus/cost.yaml", "prometheus/experiments.yaml"];

/// A check that a route has in force.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rail {
    pub(super) route: String,
    /// `input` or `output`.
    pub(super) direction: &'static str,
    /// Such as `self-check` or `block-pii email`.
    pub(super) check: String,
}

/// Checks of the routes that both specs have.
#[derive(Debug, Default)]
pub(super) struct Rails {
    pub(super) added: BTreeSet<Rail>,
    pub(super) lost: BTreeSet<Rail>,
    /// Routes that had checks and have none.
    pub(super) bare: BTreeSet<String>,
    /// Checks by pattern whose pattern is another one.
    pub(super) changed: BTreeSet<Rail>,
}

/// Which checks each route gains and loses, whichever blocks they stand in.
pub(super) fn rails(old: Option<&Spec>, new: Option<&Spec>) -> Rails {
    let mut rails = Rails::default();
    let (Some(old), Some(new)) = (old, new) else { return rails };
    for route in old.route.keys().filter(|route| new.route.contains_key(*route)) {
        let (before, after) = (in_force(old, route), in_force(new, route));
        if after.is_empty() && !before.is_empty() {
            rails.bare.insert(route.clone());
        }
        let key = |(rail, _): &(Rail, String)| rail.clone();
        let (kept, kept_after): (BTreeSet<Rail>, BTreeSet<Rail>) = (before.iter().map(key).collect(), after.iter().map(key).collect());
        rails.lost.extend(kept.difference(&kept_after).cloned());
        rails.added.extend(kept_after.difference(&kept).cloned());
        let changed = before.iter().filter(|(rail, content)| after.iter().any(|(other, next)| other == rail && next != content));
        rails.changed.extend(changed.map(key));
    }
    rails
}

/// The checks of `route`, each with what it looks for.
pub(super) fn in_force(spec: &Spec, route: &str) -> BTreeSet<(Rail, String)> {
    let name = spec.route.get(route).and_then(|route| route.guardrails.as_ref());
    let Some(block) = name.and_then(|name| spec.guardrails.get(name)) else { return BTreeSet::new() };
    let mut rails = BTreeSet::new();
    let mut add = |direction, pii: &[PiiKind], patterns: &BTreeMap<String, String>, check: Option<&SelfCheck>| {
        let mut rail =
            |check: String, content: &str| rails.insert((Rail { route: route.to_owned(), direction, check }, content.to_owned()));
        for kind in pii {
            rail(format!("block-pii {}", kind.name()), "");
        }
        for (name, pattern) in patterns {
            rail(format!("block-pattern {name}"), pattern);
        }
        if check.is_some() {
            rail("self-check".to_owned(), "");
        }
    };
    if let Some(input) = &block.input {
        add("input", &input.block_pii, &input.block_pattern, input.self_check.as_ref());
    }
    if let Some(output) = &block.output {
        add("output", &output.block_pii, &output.block_pattern, output.self_check.as_ref());
    }
    rails
}

/// Objectives that promise less than before: the model's new name, and what, in words.
pub(super) fn loosened(old: Option<&Spec>, new: Option<&Spec>, renames: &Renames) -> Vec<(String, String)> {
    let (Some(old), Some(new)) = (old, new) else { return Vec::new() };
    let mut loosened = Vec::new();
    for (name, before) in &old.model {
        let name = renames.model.get(name).unwrap_or(name);
        let Some(after) = new.model.get(name) else { continue };
        for (indicator, objective) in &before.objective {
            let words = match after.objective.get(indicator) {
                None => Some("removed".to_owned()),
                Some(next) => looser(objective, next),
            };
            loosened.extend(words.map(|words| (name.clone(), format!("{name}: {indicator} {words}"))));
        }
    }
    loosened
}

/// In which way `new` promises less than `old`.
fn looser(old: &Objective, new: &Objective) -> Option<String> {
    let mut ways = Vec::new();
    if let (Some(before), Some(after)) = (old.below, new.below)
        && after > before
    {
        ways.push(format!("below {before} → {after}"));
    }
    if new.target < old.target {
        ways.push(format!("target {} → {}", old.target, new.target));
    }
    (!ways.is_empty()).then(|| ways.join(", "))
}

/// An alert, by what tells it from others of its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Alert {
    pub(super) name: String,
    /// The model or guardrails that it is about.
    pub(super) about: Option<String>,
    /// Other labels of llmc, such as the objective.
    labels: Vec<String>,
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about: Vec<&str> = self.about.iter().chain(&self.labels).map(String::as_str).collect();
        if about.is_empty() { f.write_str(&self.name) } else { write!(f, "{} ({})", self.name, about.join(", ")) }
    }
}

/// Alerts that come and go.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    pub(super) added: BTreeSet<Alert>,
    pub(super) removed: BTreeSet<Alert>,
    /// Whether the old rules stand there and cannot be read.
    pub(super) unreadable: bool,
}

/// The alerts of either tree that the other lacks. Alerts of a renamed model are the same.
pub(super) fn alerts(old: &Side<'_>, new: &Side<'_>, renames: &Renames) -> Alerts {
    if RULE_FILES.iter().all(|file| old.tree.files.get(*file) == new.tree.files.get(*file)) {
        return Alerts::default();
    }
    let (before, after) = (of_side(old, Some(renames)), of_side(new, None));
    let unreadable = before.is_none();
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let added = if unreadable { BTreeSet::new() } else { after.difference(&before).cloned().collect() };
    Alerts { added, removed: before.difference(&after).cloned().collect(), unreadable }
}

fn of_side(side: &Side<'_>, renames: Option<&Renames>) -> Option<BTreeSet<Alert>> {
    let mut alerts = BTreeSet::new();
    for file in RULE_FILES.into_iter().filter(|file| side.tree.files.contains_key(*file)) {
        let rules = side.tree.text(file).and_then(yaml)?;
        let groups = rules.get("groups")?.as_array()?;
        let rules = groups.iter().filter_map(|group| group.get("rules")?.as_array()).flatten();
        alerts.extend(rules.filter_map(|rule| alert(rule, renames)));
    }
    Some(alerts)
}

fn alert(rule: &Value, renames: Option<&Renames>) -> Option<Alert> {
    let mut alert = Alert { name: rule.get("alert")?.as_str()?.to_owned(), about: None, labels: Vec::new() };
    // The stack's own name is on all of them.
    let labels = rule.get("labels").and_then(Value::as_object).into_iter().flatten();
    for (label, value) in labels.filter(|(label, _)| label.starts_with("llmc_") && *label != "llmc_stack") {
        let Some(value) = value.as_str() else { continue };
        let renamed = |names: fn(&Renames) -> &BTreeMap<String, String>| {
            renames.and_then(|renames| names(renames).get(value)).map_or(value, String::as_str).to_owned()
        };
        match label.as_str() {
            "llmc_model" => alert.about = Some(renamed(|renames| &renames.model)),
            "llmc_guardrails" => alert.about = Some(renamed(|renames| &renames.guardrails)),
            "llmc_pool" => alert.labels.push(renamed(|renames| &renames.pool)),
            _ => alert.labels.push(value.to_owned()),
        }
    }
    Some(alert)
}
