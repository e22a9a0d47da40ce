//! Shares of a load that nobody states.

use std::collections::BTreeSet;

use super::support::traffic;
use super::{Check, Context};
use crate::capacity::{self, Purpose};
use crate::diagnostic::{Diagnostic, Route as Field, Rule, Severity};
use crate::stack::{Route, Target};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-T006",
    name: "unstated-load",
    severity: Severity::Warning,
    docs: "A route states a share of its requests, for a cache, a tier or a fallback, and no load that it is a \
           share of; or a model is reached by several routes, of which some have a load and one has none.\n\n\
           What such a route sends is not known, so the costs, savings and copies that depend on it are not \
           computed, or lack its part.\n\n\
           ```kdl\nroute \"support\" {\n    model \"llama-70b\"\n    cache \"semantic\" similarity=0.92 ttl=\"1h\" { hits at-least=0.1 }   // of how many?\n}\n```\n\n\
           Give the route a `load`: what applications send to it, before its cache and its tiers. A route \
           without these that alone reaches its model needs none: it has the load of the model.",
};

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    if !traffic::is_whole(cx) {
        return;
    }
    let stack = cx.stack;
    let traffic = capacity::traffic_of_stack(stack);
    for route in stack.routes.values().filter(|route| capacity::load_of_route(stack, route).is_none()) {
        let at = Field::of(["route", &route.name]);
        let shares = shares(route);
        let message = if shares.is_empty() {
            let others: BTreeSet<&str> = stack.routes.values().filter(|other| sends(other, &route.target)).map(|other| other.name.as_str()).collect();
            if others.is_empty() {
                continue;
            }
            let (Target::Model(model) | Target::External(model)) = &route.target;
            let others: Vec<&str> = others.into_iter().collect();
            let has = if others.len() == 1 { "which also reaches it, has one" } else { "which also reach it, have one" };
            format!("what `{}` sends to `{model}` is not known: it has no load, and `{}`, {has}", route.name, others.join("`, `"))
        } else {
            let take = if shares.len() == 1 { "takes" } else { "take" };
            format!("the {} of `{}` {take} a share of its load, which is not stated", shares.join(" and the "), route.name)
        };
        let finding = Diagnostic::at_key(&RULE, at, message).label("has no `load`");
        // Where this route alone is unknown, the load of the model says what is left for it.
        let rest = traffic.get(&route.target).filter(|traffic| shares.is_empty() && traffic.unknown_routes == [route.name.clone()]);
        let rest = rest.and_then(|traffic| traffic.flows.iter().find(|flow| flow.purpose == Purpose::Unrouted));
        out.push(finding.help(match rest {
            Some(rest) => format!(
                "the load of its model leaves `load requests-per-second={} input-tokens={:.0} output-tokens={:.0}` for it",
                (rest.requests_per_second * 1e4).round() / 1e4,
                rest.input_tokens,
                rest.output_tokens
            ),
            None => "state it: `load requests-per-second=… input-tokens=… output-tokens=…`".to_owned(),
        }));
    }
}

/// What of `route` states a share of its requests.
fn shares(route: &Route) -> Vec<String> {
    let traffic = &route.traffic;
    let cache = traffic.cache.as_ref().filter(|cache| cache.hits.is_some()).map(|_| "cache".to_owned());
    let tiers = traffic.tiers.iter().filter(|(_, tier)| tier.share.is_some()).map(|(name, _)| format!("tier `{name}`"));
    let fallback = traffic.fallback.as_ref().filter(|fallback| fallback.share.is_some()).map(|_| "fallback".to_owned());
    cache.into_iter().chain(tiers).chain(fallback).collect()
}

/// Whether `route` states what it sends, and some of it reaches `target`.
fn sends(route: &Route, target: &Target) -> bool {
    route.traffic.load.is_some() && capacity::reaches(route, target)
}
