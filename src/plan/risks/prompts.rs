//! Prompts: what is live, what was edited, what can be gone back to.

use super::{Found, View};
use crate::diagnostic::{Route, thousands};
use crate::plan::objects::Object;
use crate::plan::types::{RiskLevel, StackPlan};
use crate::spec::{Spec, Stage};

/// Annotation with the prompt and its version.
const PROMPT: &str = "llmc.dev/prompt";

pub(super) fn risks(view: &View<'_>, plan: &StackPlan, found: &mut Found) {
    // What is planned, such as a step of a ramp, is told for itself.
    for change in plan.experiments.iter().filter(|change| change.level < RiskLevel::Low) {
        found.add(change.level, &Route::of(["experiment", &change.experiment]).to_string(), format!("experiment: {}", change.what));
    }
    for change in plan.prompts.iter().filter(|change| !change.is_pinned && needs_pin(view)) {
        let [_, live] = &change.live;
        let message = format!(
            "version `{}` of prompt `{}` goes live without a pin in `llmc.lock`, so its text may still change",
            live.as_deref().unwrap_or_default(),
            change.prompt
        );
        found.add(RiskLevel::Medium, &Route::of(["prompt", &change.prompt]).to_string(), message);
    }
    unstated(view, plan, found);
    if let Some((old, new)) = view.specs() {
        for (name, prompt) in &new.prompt {
            let Some(before) = old.prompt.get(name) else { continue };
            let route = format!("/prompt/{name}");
            if before.live != prompt.live {
                // What was good before is known better than what is new.
                let is_back = before.rollback.as_ref() == Some(&prompt.live);
                let (level, back) = if is_back { (RiskLevel::Low, ", the one to go back to") } else { (RiskLevel::Medium, "") };
                let message = format!("the live version of prompt `{name}` changes from `{}` to `{}`{back}", before.live, prompt.live);
                found.add(level, &route, message);
            }
            match (&before.rollback, &prompt.rollback) {
                (Some(_), None) => found.add(RiskLevel::Medium, &route, format!("prompt `{name}` names no version to go back to")),
                (_, None) if before.live != prompt.live => {
                    found.add(RiskLevel::Low, &route, format!("prompt `{name}` names no version to go back to"));
                }
                (_, Some(rollback)) if *rollback == prompt.live && before.live != prompt.live => {
                    found.add(RiskLevel::Low, &route, format!("prompt `{name}` names its live version as the one to go back to"));
                }
                _ => {}
            }
        }
    }
    edited(view, found);
}

/// Loads whose mean length is that of another prompt than the one that goes live, so that the cost of a month is
/// not what it will be.
fn unstated(view: &View<'_>, plan: &StackPlan, found: &mut Found) {
    let Some((old, new)) = view.specs() else { return };
    let stated = |spec: &Spec, route: &str| spec.route.get(route).and_then(|route| Some(route.load.as_ref()?.input_tokens));
    for route in plan.prompts.iter().flat_map(|change| &change.routes) {
        let name = &route.route;
        let (Some(was), Some(is)) = (stated(old, name), stated(new, name)) else { continue };
        if let [Some(before), Some(after)] = route.input_tokens
            && was == is
            && before != after
        {
            let message = format!(
                "the load of route `{name}` still states {} input tokens, which are about {} with the prompt that goes live; the cost of a month follows the load",
                thousands(is),
                thousands(after)
            );
            found.add(RiskLevel::Low, &Route::of(["route", name, "load"]).to_string(), message);
        }
    }
}

/// Whether what is live must be pinned.
fn needs_pin(view: &View<'_>) -> bool {
    view.new.spec().is_some_and(|spec| spec.stage == Stage::Production)
}

/// Versions whose content is another one under the same name, so that nobody can tell which of the
/// two answered.
fn edited(view: &View<'_>, found: &mut Found) {
    for (pair, fields) in view.pairs {
        let Some((old, new)) = pair.old.zip(pair.new) else { continue };
        let Some((prompt, version)) = version(new).filter(|of_new| version(old).as_ref() == Some(of_new)) else { continue };
        if !fields.iter().any(|field| field.path.starts_with("data")) {
            continue;
        }
        let is_live = view.new.spec().and_then(|spec| spec.prompt.get(prompt)).is_some_and(|prompt| prompt.live == version);
        let (level, live) = if is_live { (RiskLevel::Medium, ", and it is live") } else { (RiskLevel::Low, "") };
        let message = format!("version `{version}` of prompt `{prompt}` is edited under its old name{live}");
        found.add(level, &Route::of(["prompt", prompt, "version", version]).to_string(), message);
    }
}

fn version(object: &Object) -> Option<(&str, &str)> {
    object.value.pointer("/metadata/annotations")?.get(PROMPT)?.as_str()?.split_once('@')
}
