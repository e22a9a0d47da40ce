//! A stack held against its lock: what is not pinned and must be, and what changed since it was pinned.

use std::collections::{BTreeMap, BTreeSet};

use super::{Pin, Use, identity};
use crate::spec::Sampling;
use crate::stack::{Prompt, Stack, Target};

/// Why a version must be pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Applications load it.
    Live,
    /// It is what the prompt goes back to.
    Rollback,
    /// The running experiment of this name serves it.
    Experiment(String),
}

/// A version that must be pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Name of the prompt.
    pub prompt: String,
    /// Name of the version.
    pub version: String,
    /// The first reason in the order of [`Reason`].
    pub reason: Reason,
}

/// A version that must be pinned and is not, or not on every route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpinned {
    /// What must be pinned.
    pub need: Need,
    /// Routes that its pin does not know; none where it has no pin.
    pub routes: Option<Vec<String>>,
}

/// A difference between a version and its pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What changed: `system`, `user`, a field of the sampling, `model` or `guardrails`.
    pub what: &'static str,
    /// Routes on which it did; empty where it did on all.
    pub routes: Vec<String>,
    /// What was pinned; none where nothing was. A digest of a text says nothing to people.
    pub old: Option<String>,
    /// What it is.
    pub new: Option<String>,
}

/// A version that differs from its pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Name of the prompt.
    pub prompt: String,
    /// Name of the version.
    pub version: String,
    /// Every difference; never empty.
    pub changes: Vec<Change>,
}

/// The versions that must be pinned, sorted by prompt: the one to go back to first, then the live one, then
/// those of experiments.
pub(super) fn needs(stack: &Stack) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    for prompt in stack.prompts.values() {
        let mut add = |version: &String, reason: Reason| {
            let is_new = !needs.iter().any(|need| need.prompt == prompt.name && need.version == *version);
            if is_new && prompt.versions.contains_key(version) {
                needs.push(Need { prompt: prompt.name.clone(), version: version.clone(), reason });
            }
        };
        if let Some(rollback) = prompt.rollback.as_ref().filter(|rollback| **rollback != prompt.live) {
            add(rollback, Reason::Rollback);
        }
        add(&prompt.live, Reason::Live);
        for experiment in stack.experiments.values().filter(|e| e.is_running() && e.prompt == prompt.name) {
            experiment.arms.values().for_each(|arm| add(&arm.version, Reason::Experiment(experiment.name.clone())));
        }
    }
    needs
}

/// What `version` of `prompt` is made of on every route that uses it, without a parent, counts or a seal. A
/// route is left out where something it names is not there, which is reported for that.
pub fn describe(stack: &Stack, prompt: &Prompt, version: &str) -> Option<Pin> {
    let content = prompt.versions.get(version)?;
    let mut pin = Pin {
        parent: None,
        system: content.system.as_ref().map(|file| identity::text(&file.text)),
        user: identity::text(&content.user.text),
        sampling: content.sampling.clone(),
        routes: BTreeMap::new(),
        seal: String::new(),
    };
    for route in stack.routes.values().filter(|route| route.prompt == prompt.name) {
        let Some(answer) = route.answers.get(version) else { continue };
        let Some(used) = used(stack, &answer.target, answer.guardrails.as_deref()) else { continue };
        let sha256 = identity::version(&pin, &used);
        pin.routes.insert(route.name.clone(), Use { sha256, ..used });
    }
    Some(pin)
}

fn used(stack: &Stack, target: &Target, guardrails: Option<&str>) -> Option<Use> {
    let guardrails = match guardrails {
        Some(name) => Some(identity::guardrails(stack.guardrails.get(name)?)),
        None => None,
    };
    Some(Use { sha256: String::new(), model: identity::model(stack, target)?, guardrails, tokens: None })
}

/// Versions that must be pinned and are not, or not on every route that uses them.
pub fn unpinned(stack: &Stack) -> Vec<Unpinned> {
    let missing = |need: Need| {
        let Some(pin) = stack.lock.prompts.get(&need.prompt).and_then(|pins| pins.get(&need.version)) else {
            return Some(Unpinned { need, routes: None });
        };
        let now = describe(stack, stack.prompts.get(&need.prompt)?, &need.version)?;
        let routes: Vec<String> = now.routes.into_keys().filter(|route| !pin.routes.contains_key(route)).collect();
        (!routes.is_empty()).then_some(Unpinned { need, routes: Some(routes) })
    };
    needs(stack).into_iter().filter_map(missing).collect()
}

/// Versions of the stack that differ from their pins, sorted by prompt and version.
pub fn changed(stack: &Stack) -> Vec<Changed> {
    let mut found = Vec::new();
    for (prompt_name, pins) in &stack.lock.prompts {
        let Some(prompt) = stack.prompts.get(prompt_name) else { continue };
        for (version, pin) in pins {
            let Some(now) = describe(stack, prompt, version) else { continue };
            let changes = changes(pin, &now);
            if !changes.is_empty() {
                found.push(Changed { prompt: prompt_name.clone(), version: version.clone(), changes });
            }
        }
    }
    found
}

fn changes(pin: &Pin, now: &Pin) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut everywhere = |what, old: Option<String>, new: Option<String>| {
        if old != new {
            changes.push(Change { what, routes: Vec::new(), old, new });
        }
    };
    everywhere("system", pin.system.clone(), now.system.clone());
    everywhere("user", Some(pin.user.clone()), Some(now.user.clone()));
    for ((field, old), (_, new)) in fields(&pin.sampling).into_iter().zip(fields(&now.sampling)) {
        everywhere(field, old, new);
    }
    // Equal changes of several routes are one.
    let mut by_route: Vec<Change> = Vec::new();
    for (route, new) in &now.routes {
        let Some(old) = pin.routes.get(route) else { continue };
        let pairs =
            [("model", Some(old.model.clone()), Some(new.model.clone())), ("guardrails", old.guardrails.clone(), new.guardrails.clone())];
        for (what, old, new) in pairs.into_iter().filter(|(_, old, new)| old != new) {
            match by_route.iter_mut().find(|change| change.what == what && change.old == old && change.new == new) {
                Some(change) => change.routes.push(route.clone()),
                None => by_route.push(Change { what, routes: vec![route.clone()], old, new }),
            }
        }
    }
    changes.extend(by_route);
    changes
}

/// The fields of a sampling and their values as people write them.
fn fields(sampling: &Sampling) -> [(&'static str, Option<String>); 5] {
    let stop = (!sampling.stop.is_empty()).then(|| format!("{:?}", sampling.stop));
    [
        ("temperature", Some((sampling.temperature + 0.0).to_string())),
        ("top-p", Some((sampling.top_p + 0.0).to_string())),
        ("max-tokens", Some(sampling.max_tokens.to_string())),
        ("seed", sampling.seed.map(|seed| seed.to_string())),
        ("stop", stop),
    ]
}

/// The pins that no other pin of the prompt names as its parent, by name.
pub(super) fn latest(pins: &BTreeMap<String, Pin>) -> BTreeSet<&String> {
    let parents: BTreeSet<&String> = pins.values().filter_map(|pin| pin.parent.as_ref()).collect();
    pins.keys().filter(|name| !parents.contains(name)).collect()
}
