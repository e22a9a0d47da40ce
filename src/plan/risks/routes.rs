//! Guardrails, routes, objectives and alerts.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, View, list};
use crate::plan::meaning;
use crate::plan::types::RiskLevel;
use crate::plan::words;
use crate::spec::{External, Provider, Route, Spec};

pub(super) fn risks(view: &View<'_>, found: &mut Found) {
    if let Some((old, new)) = view.specs() {
        guardrails(old, new, found);
        targets(old, new, view, found);
    }
    for (model, message) in meaning::loosened(view.old.spec(), view.new.spec(), view.renames) {
        found.add(RiskLevel::Medium, &format!("/model/{model}"), format!("objective loosened: {message}"));
    }
    alerts(view, found);
}

fn guardrails(old: &Spec, new: &Spec, found: &mut Found) {
    let rails = meaning::rails(Some(old), Some(new));
    for route in &rails.bare {
        found.add(RiskLevel::High, &format!("/route/{route}"), format!("route `{route}` is left without guardrails"));
    }
    for rail in &rails.lost {
        let message = format!("guardrail `{}` removed from route `{}` ({})", rail.check, rail.route, rail.direction);
        found.add(RiskLevel::High, &format!("/route/{}", rail.route), message);
    }
    for rail in &rails.changed {
        let message =
            format!("guardrail `{}` of route `{}` ({}) looks for something else than before", rail.check, rail.route, rail.direction);
        found.add(RiskLevel::Medium, &format!("/route/{}", rail.route), message);
    }
    for route in new.route.keys().filter(|route| !old.route.contains_key(*route)) {
        if meaning::in_force(new, route).is_empty() {
            found.add(RiskLevel::Medium, &format!("/route/{route}"), format!("route `{route}` is new and has no guardrails"));
        }
    }
}

/// What answers each route.
fn targets(old: &Spec, new: &Spec, view: &View<'_>, found: &mut Found) {
    for route in old.route.keys().filter(|route| !new.route.contains_key(*route)) {
        found.add(RiskLevel::High, "/route", format!("route `{route}` is removed: applications that call it fail"));
    }
    let places = |spec: &Spec| -> BTreeSet<String> {
        spec.route.values().flat_map(|route| route.models()).filter_map(|model| place(spec, model)).collect()
    };
    let known = places(old);
    for (name, route) in &new.route {
        let at = format!("/route/{name}");
        let new_places: BTreeSet<String> =
            route.models().filter_map(|model| place(new, model)).filter(|place| !known.contains(place)).collect();
        for place in new_places {
            let message = format!("what users write to route `{name}` goes to {place}, where this stack sent nothing before");
            found.add(RiskLevel::High, &at, message);
        }
        let Some(before) = old.route.get(name) else { continue };
        let renamed = view.renames.model.get(&before.model).unwrap_or(&before.model);
        if *renamed != route.model {
            found.add(RiskLevel::Medium, &at, format!("route `{name}` is answered by `{}`, before by `{}`", route.model, before.model));
        }
        let (was, is) = (others(before, &view.renames.model), others(route, &BTreeMap::new()));
        if was != is {
            let words = |others: &[String]| if others.is_empty() { "neither tier nor fallback".to_owned() } else { others.join(", ") };
            found.add(RiskLevel::Medium, &at, format!("route `{name}` has {}, before {}", words(&is), words(&was)));
        }
        if before.prompt != route.prompt {
            found.add(RiskLevel::Medium, &at, format!("route `{name}` uses the prompt `{}`, before `{}`", route.prompt, before.prompt));
        }
    }
}

/// What answers a route beside its own model, under the names that `renames` gives.
fn others(route: &Route, renames: &BTreeMap<String, String>) -> Vec<String> {
    let named = |model| renames.get(model).unwrap_or(model);
    let tiers = route.tier.iter().map(|(tier, t)| format!("the tier `{tier}` by `{}`", named(&t.model)));
    tiers.chain(route.fallback.iter().map(|fallback| format!("the fallback `{}`", named(&fallback.model)))).collect()
}

/// Who else reads what is sent to `model`: the provider of an external model and its address.
fn place(spec: &Spec, model: &str) -> Option<String> {
    let External { provider, base_url, .. } = spec.external.get(model)?;
    let provider = match provider {
        Provider::Openai => "OpenAI",
    };
    Some(base_url.as_ref().map_or_else(|| provider.to_owned(), |url| format!("`{url}`")))
}

/// Alerts that go although what they are about stays.
fn alerts(view: &View<'_>, found: &mut Found) {
    let alerts = view.alerts;
    if alerts.unreadable {
        found.add(RiskLevel::Medium, "", "the alerts of the tree that stands cannot be read, so whether one goes is not known".into());
    }
    let stays = |alert: &&meaning::Alert| match (&alert.about, view.new.spec()) {
        (Some(about), Some(new)) => new.model.contains_key(about) || new.guardrails.contains_key(about),
        (None, Some(_)) => true,
        (_, None) => false,
    };
    let names: Vec<String> = alerts.removed.iter().filter(stays).map(ToString::to_string).collect();
    if !names.is_empty() {
        let message = format!("{} removed: {}", words::count(names.len(), "alert"), list(names.iter().map(String::as_str)));
        found.add(RiskLevel::Medium, "", message);
    }
}
