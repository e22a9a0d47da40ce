//! The models that may answer a version of a prompt.

use crate::diagnostic::Route as Path;
use crate::spec::{PromptVersion, Route};

/// The models and external models that may answer `version` of the prompt of `route`, each with the place that names
/// it: the version's own or the route's, then those of tiers and the fallback.
pub(in crate::check) fn answerers<'a>(
    (name, route): (&str, &'a Route),
    (version_name, version): (&str, &'a PromptVersion),
) -> Vec<(Path, &'a str)> {
    let at = Path::of(["route", name]);
    let own = match &version.model {
        Some(model) => (Path::of(["prompt", &route.prompt, "version", version_name, "model"]), model.as_str()),
        None => (at.key("model"), route.model.as_str()),
    };
    let tiers = route.tier.iter().map(|(tier, t)| (at.key("tier").key(tier).key("model"), t.model.as_str()));
    let fallback = route.fallback.iter().map(|fallback| (at.key("fallback").key("model"), fallback.model.as_str()));
    std::iter::once(own).chain(tiers).chain(fallback).collect()
}
