//! Loads and shares that cannot hold at the same time.

use std::collections::BTreeSet;

use super::support::traffic;
use super::{Check, Context};
use crate::capacity::{self, Flow, Traffic};
use crate::diagnostic::{Diagnostic, Place, Route, Rule, Severity};
use crate::spec::Share;
use crate::stack::{Load, Stack, Target};

pub(super) static CHECK: Check = Check { rule: &RULE, run };

static RULE: Rule = Rule {
    code: "LLMC-T005",
    name: "contradictory-loads",
    severity: Severity::Error,
    docs: "The load of a model is not what its routes send it, by more than 1 %; or the tiers of a route take \
           more than all of its requests, or a share is at most less than it is at least.\n\n\
           The load of a route is what applications send to it. Its cache answers the share `hits` of it, each \
           tier takes its share of what the cache leaves, the model has the rest, and the fallback answers its \
           share of that once more. The load of a model is what reaches it after all that, self checks of \
           guardrails not counted. Of two loads that differ, one is wrong, and with it the copies, the costs \
           and the budget.\n\n\
           ```kdl\nmodel \"llama-70b\" { load requests-per-second=6 … }\n\
           route \"support\" { model \"llama-70b\"; load requests-per-second=10 … }    // its only route\n```\n\n\
           Correct one of them, or remove the load of the model: it then has the sum of its routes. Compared \
           are requests, mean lengths and `load-factor`, at the least stated effect of caches and tiers.",
};

/// Largest difference that counts as the same, as a share.
const TOLERANCE: f64 = 0.01;
/// Mean lengths are written in whole tokens.
const ROUNDING_TOKENS: f64 = 0.5;

fn run(cx: &Context<'_>, out: &mut Vec<Diagnostic>) {
    let wrong_routes = shares(cx, out);
    if !traffic::is_whole(cx) {
        return;
    }
    let traffic = capacity::traffic_of_stack(cx.stack);
    for model in cx.stack.models.values() {
        let target = Target::Model(model.name.clone());
        if let (Some(load), Some(traffic)) = (&model.load, traffic.get(&target)) {
            // From shares that are wrong follow loads that are, and they have their own finding.
            let is_wrong = |flow: &Flow| flow.route.as_deref().is_some_and(|route| wrong_routes.contains(route));
            if !traffic.flows.iter().any(is_wrong) {
                out.extend(of_model(cx.stack, &model.name, load, traffic));
            }
        }
    }
}

/// What differs between the load of a model and its routes.
fn of_model(stack: &Stack, model: &str, load: &Load, traffic: &Traffic) -> Option<Diagnostic> {
    let is_routed = |flow: &&Flow| flow.purpose.is_answer() && flow.route.is_some();
    let flows: Vec<Flow> = traffic.flows.iter().filter(is_routed).cloned().collect();
    if flows.is_empty() {
        return None;
    }
    let all_known = traffic.unknown_routes.is_empty();
    let routed = Traffic { flows, load_factor: 1.0, unknown_routes: Vec::new() };
    let at = Route::of(["model", model, "load"]);
    let (stated, sum) = (load.requests_per_second, routed.requests_per_second());
    let (field, message, label) = if sum > stated * (1.0 + TOLERANCE) || all_known && differs(stated, sum, 0.0) {
        let known = if all_known { "its routes send" } else { "those of its routes whose load is known send" };
        let message = format!("the load of `{model}` has {} requests in a second, and {known} it {}", figure(stated), figure(sum));
        ("requests-per-second", message, figure(sum))
    } else if !all_known || sum <= 0.0 {
        return None;
    } else {
        let mean_factor = routed.flows.iter().map(|f| f.requests_per_second * f.load_factor).sum::<f64>() / sum;
        let compared = [
            ("input-tokens", "prompts of", " tokens", load.input_tokens as f64, routed.input_tokens(), ROUNDING_TOKENS),
            ("output-tokens", "answers of", " tokens", load.output_tokens as f64, routed.output_tokens(), ROUNDING_TOKENS),
            ("load-factor", "a load factor of", "", load.load_factor, mean_factor, 0.0),
        ];
        let (field, what, unit, stated, mean, _) = compared.into_iter().find(|(_, _, _, a, b, slack)| differs(*a, *b, *slack))?;
        let shown = if unit.is_empty() { figure(mean) } else { format!("{mean:.0}") };
        let message = format!("the load of `{model}` has {what} {}{unit}, and its routes have {shown}{unit} in the mean", figure(stated));
        (field, message, shown)
    };
    let mut finding = Diagnostic::at_value(&RULE, at.key(field), message);
    for flow in &routed.flows {
        let from = flow.from();
        let words = format!(
            "{from}: {} in a second, {} and {} tokens, load factor {}",
            figure(flow.requests_per_second),
            figure(flow.input_tokens),
            figure(flow.output_tokens),
            figure(flow.load_factor)
        );
        if let Some(load) = flow.route.as_ref().and_then(|name| stated_load(stack, name)) {
            finding = finding.related(Place::Value(load), words);
        }
    }
    let finding = finding.help(format!("`{field}={label}` would be what the routes send"));
    Some(finding.help(if all_known { "or remove the load of the model, which then has the sum of its routes" } else { "or correct the loads of the routes" }))
}

/// Where the load of a route is stated: in the route, or in its model.
fn stated_load(stack: &Stack, route: &str) -> Option<Route> {
    let route = stack.routes.get(route)?;
    match (&route.traffic.load, &route.target) {
        (Some(_), _) => Some(Route::of(["route", &route.name, "load"])),
        (None, Target::Model(model)) => Some(Route::of(["model", model, "load"])),
        (None, Target::External(_)) => None,
    }
}

fn differs(a: f64, b: f64, slack: f64) -> bool {
    (a - b).abs() > a.max(b) * TOLERANCE + slack
}

/// A number in at most four digits after the point.
fn figure(number: f64) -> String {
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Finds shares that contradict themselves, and names the routes that state them.
fn shares<'a>(cx: &Context<'a>, out: &mut Vec<Diagnostic>) -> BTreeSet<&'a str> {
    let mut wrong = BTreeSet::new();
    let bounds = |at: Route, share: Option<Share>, out: &mut Vec<Diagnostic>| {
        let Some(Share { at_least, at_most: Some(at_most) }) = share else { return };
        if at_most < at_least {
            let message = format!("a share of at most {at_most} cannot be at least {at_least}");
            let finding = Diagnostic::at_value(&RULE, at.key("at-most"), message).related(Place::Value(at.key("at-least")), "at least");
            out.push(finding.help(format!("`at-least={at_most} at-most={at_least}` would be a range")));
        }
    };
    for (name, model) in &cx.spec.model {
        bounds(Route::of(["model", name, "load", "prefix-hits"]), model.load.as_ref().and_then(|load| load.prefix_hits), out);
    }
    for (name, route) in &cx.spec.route {
        let at = Route::of(["route", name]);
        let before = out.len();
        bounds(at.key("load").key("prefix-hits"), route.load.as_ref().and_then(|load| load.prefix_hits), out);
        bounds(at.key("cache").key("hits"), route.cache.as_ref().and_then(|cache| cache.hits), out);
        bounds(at.key("fallback").key("share"), route.fallback.as_ref().and_then(|fallback| fallback.share), out);
        for (tier_name, tier) in &route.tier {
            bounds(at.key("tier").key(tier_name).key("share"), tier.share, out);
        }
        if out.len() > before {
            wrong.insert(name.as_str());
        }
    }
    for (name, route) in &cx.spec.route {
        let sum: f64 = route.tier.values().filter_map(|tier| tier.share).map(|share| share.at_least).sum();
        if sum > 1.0 + 1e-9 {
            let message = format!("the tiers of `{name}` take {} of its requests, and there is only 1", figure(sum));
            let mut finding = Diagnostic::at_key(&RULE, Route::of(["route", name]), message);
            for (tier, at_least) in route.tier.iter().filter_map(|(tier, t)| Some((tier, t.share?.at_least))) {
                let at = Route::of(["route", name, "tier", tier, "share", "at-least"]);
                finding = finding.related(Place::Value(at), format!("{} by `{tier}`", figure(at_least)));
            }
            out.push(finding.help("the route's own model has what the tiers leave, so their shares sum up to less than 1"));
            wrong.insert(name.as_str());
        }
    }
    wrong
}
