//! Where the requests of each route go.

use std::collections::BTreeMap;

use super::{Flow, Purpose, Scenario, bounds, load_of_target, prefix_bounds, self_checks};
use crate::stack::{Load, Route, Stack, Target, Tier};

/// What applications send to a route, and what its cache answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Routed {
    /// Requests in each second of a busy hour, before the cache.
    pub requests_per_second: f64,
    /// Of these, requests that the cache answers.
    pub hits_per_second: f64,
    /// Mean length of a prompt in tokens.
    pub input_tokens: f64,
    /// Mean length of an answer in tokens.
    pub output_tokens: f64,
    /// An average hour as a share of the busy one, in (0, 1].
    pub load_factor: f64,
}

/// Whether requests of `route` reach `target`: as its own model, a tier, or a fallback that is counted.
pub fn reaches(route: &Route, target: &Target) -> bool {
    let fallback = counted_fallback(route).is_some_and(|fallback| fallback.target == *target);
    route.target == *target || fallback || route.traffic.tiers.values().any(|tier| tier.target == *target)
}

/// The fallback, where a share of requests is stated for it.
fn counted_fallback(route: &Route) -> Option<&Tier> {
    route.traffic.fallback.as_ref().filter(|fallback| fallback.share.is_some())
}

/// The load of `route`: its own, or that of its model where nothing else decides what reaches that one.
pub fn load<'a>(stack: &'a Stack, route: &'a Route) -> Option<&'a Load> {
    if route.traffic.load.is_some() {
        return route.traffic.load.as_ref();
    }
    let is_alone = stack.routes.values().all(|other| other.name == route.name || !reaches(other, &route.target));
    let is_whole = route.traffic.cache.is_none() && route.traffic.tiers.is_empty();
    let is_own_fallback = counted_fallback(route).is_some_and(|fallback| fallback.target == route.target);
    (is_alone && is_whole && !is_own_fallback).then(|| load_of_target(stack, &route.target)).flatten()
}

/// What applications send to each route of `stack` whose load is known, in `scenario`.
pub fn of_routes(stack: &Stack, scenario: Scenario) -> BTreeMap<String, Routed> {
    let known = stack.routes.values().filter_map(|route| Some((route, load(stack, route)?)));
    known
        .map(|(route, load)| {
            let routed = Routed {
                requests_per_second: load.requests_per_second,
                hits_per_second: load.requests_per_second * hits(route, scenario),
                input_tokens: load.input_tokens as f64,
                output_tokens: load.output_tokens as f64,
                load_factor: load.load_factor,
            };
            (route.name.clone(), routed)
        })
        .collect()
}

fn hits(route: &Route, scenario: Scenario) -> f64 {
    scenario.cache.of(route.traffic.cache.as_ref().and_then(|cache| cache.hits).and_then(bounds))
}

/// The routes to each target of which it is not known how much they send, sorted.
pub(super) fn unknown(stack: &Stack) -> BTreeMap<Target, Vec<String>> {
    let mut unknown: BTreeMap<Target, Vec<String>> = BTreeMap::new();
    for route in stack.routes.values() {
        let is_known = load(stack, route).is_some();
        let own = (!is_known).then_some(&route.target);
        let fallback = counted_fallback(route).filter(|_| !is_known).map(|fallback| &fallback.target);
        let tiers = route.traffic.tiers.values().filter(|tier| !is_known || tier.share.is_none()).map(|tier| &tier.target);
        for target in own.into_iter().chain(fallback).chain(tiers) {
            let names = unknown.entry(target.clone()).or_default();
            if !names.contains(&route.name) {
                names.push(route.name.clone());
            }
        }
    }
    unknown
}

/// What the routes send to each target, with what their guardrails ask.
pub(super) fn flows(stack: &Stack, scenario: Scenario) -> BTreeMap<Target, Vec<Flow>> {
    let mut flows: BTreeMap<Target, Vec<Flow>> = BTreeMap::new();
    for route in stack.routes.values() {
        let Some(load) = load(stack, route) else { continue };
        for (target, purpose, requests_per_second) in answers(route, load, scenario) {
            let prefix = prefix_bounds(load).or_else(|| load_of_target(stack, target).and_then(prefix_bounds));
            let answer = Flow {
                route: Some(route.name.clone()),
                purpose,
                requests_per_second,
                input_tokens: load.input_tokens as f64,
                output_tokens: load.output_tokens as f64,
                cached_share: scenario.prefix.of(prefix),
                load_factor: load.load_factor,
            };
            let checks = self_checks::of(stack, route, &answer);
            flows.entry(target.clone()).or_default().extend(std::iter::once(answer).chain(checks));
        }
    }
    flows
}

/// What answers how many requests of `route` in a second. A share that is stated has its flow also where it is
/// zero, since that is known.
fn answers<'a>(route: &'a Route, load: &Load, scenario: Scenario) -> Vec<(&'a Target, Purpose, f64)> {
    let missed = load.requests_per_second * (1.0 - hits(route, scenario));
    let mut answers = Vec::new();
    let mut own = 1.0;
    for (name, tier) in route.traffic.tiers.iter().filter(|(_, tier)| tier.share.is_some()) {
        // Tiers that together take more than there is are an error; here none of it may be counted twice.
        let share = scenario.tiers.of(tier.share.and_then(bounds)).min(own);
        own -= share;
        answers.push((&tier.target, Purpose::Tier(name.clone()), missed * share));
    }
    answers.insert(0, (&route.target, Purpose::Answer, missed * own));
    if let Some(fallback) = counted_fallback(route) {
        let share = scenario.fallback.of(fallback.share.and_then(bounds));
        answers.push((&fallback.target, Purpose::Fallback, missed * own * share));
    }
    answers
}
