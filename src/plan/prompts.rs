//! What goes live: which versions, what they are, how long they are and what a request with them costs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::Side;
use crate::cost::unit_amount;
use crate::prompt::{OnRoute, Version};

/// Another version of a prompt that goes live, or the first of a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PromptChange {
    /// Name of the prompt.
    pub prompt: String,
    /// The live version before (none of a new prompt) and after.
    pub live: [Option<String>; 2],
    /// Whether it is the version that the stack that stands names as the one to go back to.
    pub is_rollback: bool,
    /// Whether `llmc.lock` pins what goes live.
    pub is_pinned: bool,
    /// What that means on each route that uses the prompt, by name.
    pub routes: Vec<RouteChange>,
}

/// What another live version means on a route. The old one is told as the new spec has it, and not at all
/// where that has it no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouteChange {
    /// Name of the route.
    pub route: String,
    /// SHA-256 of all that decides an answer, before and after.
    pub identity: [Option<String>; 2],
    /// Tokens of the prompt by itself, before and after.
    pub tokens: [Option<u64>; 2],
    /// Whether one of them is estimated.
    pub is_estimated: bool,
    /// Tokens of a request's prompt, before and after; the mean where the route states one.
    pub input_tokens: [Option<u64>; 2],
    /// What a request costs at least, before and after, in the currency of the budget; none where it is not
    /// known. It has the mean length that the route states, and counts no cache, tier, fallback or self check.
    pub request_low: [Option<String>; 2],
    /// The same at most.
    pub request_high: [Option<String>; 2],
}

/// What goes live with the change from `old` to `new`, whose `versions` are known.
pub(super) fn changes(old: &Side<'_>, new: &Side<'_>, versions: &[Version]) -> Vec<PromptChange> {
    let Some(spec) = new.spec() else { return Vec::new() };
    let find = |prompt: &str, version: &str| versions.iter().find(|of| of.prompt == prompt && of.version == version);
    let mut changes = Vec::new();
    for (name, prompt) in &spec.prompt {
        let before = old.spec().and_then(|old| old.prompt.get(name));
        let was = before.map(|before| before.live.clone());
        if was.as_deref() == Some(prompt.live.as_str()) {
            continue;
        }
        let Some(after) = find(name, &prompt.live) else { continue };
        let earlier = was.as_ref().and_then(|was| find(name, was));
        let on =
            |version: Option<&'_ Version>, route: &str| -> Option<OnRoute> { version?.routes.iter().find(|on| on.route == route).cloned() };
        let routes = after.routes.iter().map(|now| route_change(on(earlier, &now.route).as_ref(), now)).collect();
        changes.push(PromptChange {
            prompt: name.clone(),
            is_rollback: before.is_some_and(|before| before.rollback.as_ref() == Some(&prompt.live)),
            live: [was, Some(prompt.live.clone())],
            is_pinned: after.pinned,
            routes,
        });
    }
    changes
}

fn route_change(was: Option<&OnRoute>, now: &OnRoute) -> RouteChange {
    let both = [was, Some(now)];
    RouteChange {
        route: now.route.clone(),
        identity: both.map(|on| on?.identity.clone()),
        tokens: both.map(|on| Some(on?.tokens.total())),
        is_estimated: both.iter().flatten().any(|on| on.tokens.estimated),
        input_tokens: both.map(|on| Some(on?.request?.input_tokens)),
        request_low: both.map(|on| Some(unit_amount(on?.request?.low))),
        request_high: both.map(|on| Some(unit_amount(on?.request?.high))),
    }
}

/// Tokens of the live prompt of each route, before and after; none where nothing was counted.
pub(super) fn tokens(old: &Side<'_>, new: &Side<'_>, versions: &[Version]) -> Option<BTreeMap<String, [Option<u64>; 2]>> {
    let mut routes: BTreeMap<String, [Option<u64>; 2]> = BTreeMap::new();
    for (at, side) in [old, new].into_iter().enumerate() {
        let Some(spec) = side.spec() else { continue };
        for (name, route) in &spec.route {
            let Some(live) = spec.prompt.get(&route.prompt).map(|prompt| &prompt.live) else { continue };
            let version = versions.iter().find(|of| of.prompt == route.prompt && of.version == *live);
            // A route that is gone has no figure on either side.
            let Some(on) = version.and_then(|version| version.routes.iter().find(|on| on.route == *name)) else { continue };
            routes.entry(name.clone()).or_default()[at] = Some(on.tokens.total());
        }
    }
    (!routes.is_empty()).then_some(routes)
}
