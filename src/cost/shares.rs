//! The bill by model, by route and by request.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::against::{self, Against};
use super::bill::Monthly;
use super::tokens::{self, MILLION, Tokens};
use super::{Cost, Kind, money};
use crate::capacity::{self, Capacity, Flow, Traffic};
use crate::stack::{Route, Stack, Target};

/// What a model costs, whoever serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCost {
    /// Which one.
    pub target: Target,
    /// Its GPUs, rollouts and volume, or its tokens.
    pub monthly: Monthly,
    /// Whether something of that is not known.
    pub is_partial: bool,
    /// Requests in a month at the stated load, with the checks of guardrails; none where no load is stated.
    pub requests: Option<Decimal>,
    /// What one of them costs.
    pub per_request: Option<Decimal>,
    /// What a million tokens cost, read and written alike.
    pub per_million: Option<Decimal>,
    /// What a million tokens that are read cost: of GPUs the share of the time that prompts take.
    pub per_million_input: Option<Decimal>,
    /// What a million tokens that are written cost.
    pub per_million_output: Option<Decimal>,
}

/// A part of what a route costs at the stated load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is for, in words, such as `llama-70b`, `guardrails default`.
    pub what: String,
    /// For a month.
    pub monthly: Decimal,
}

/// What a route costs at the stated load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteCost {
    /// Its name.
    pub name: String,
    /// What it answers with: the sum of its parts.
    pub monthly: Decimal,
    /// Its share of models, guardrails and caches.
    pub parts: Vec<Part>,
    /// Requests of applications in a month; none where no load is stated.
    pub requests: Option<Decimal>,
    /// What one of them costs.
    pub per_request: Option<Decimal>,
    /// What is not known, in words; the amounts are then at least what it costs.
    pub unknown: Vec<String>,
    /// The same requests on external models.
    pub against: Vec<Against>,
}

/// All models that cost something; none where a number is larger than a decimal.
pub(super) fn models(stack: &Stack, cost: &Cost, capacities: &[Capacity]) -> Option<Vec<ModelCost>> {
    let traffic = capacity::traffic_of_stack(stack);
    let own = stack.models.keys().map(|name| Target::Model(name.clone()));
    let others = stack.externals.keys().map(|name| Target::External(name.clone()));
    let others = others.filter(|target| cost.items.iter().any(|item| belongs(target, item.kind, &item.name)));
    own.chain(others).map(|target| model(cost, capacities, traffic.get(&target), target)).collect()
}

/// Whether an item is part of what `target` costs.
fn belongs(target: &Target, kind: Kind, name: &str) -> bool {
    match target {
        Target::Model(model) => matches!(kind, Kind::Gpus | Kind::Rollouts | Kind::Storage) && model == name,
        Target::External(external) => kind == Kind::Tokens && external == name,
    }
}

/// What `target` costs for a month, and whether that is all.
pub(super) fn monthly_of(cost: &Cost, target: &Target) -> Option<(Monthly, bool)> {
    let items = cost.items.iter().filter(|item| belongs(target, item.kind, &item.name));
    Some((Monthly::sum(items.clone().map(|item| &item.monthly))?, items.clone().any(|item| item.unknown.is_some())))
}

fn model(cost: &Cost, capacities: &[Capacity], traffic: Option<&Traffic>, target: Target) -> Option<ModelCost> {
    let (monthly, is_partial) = monthly_of(cost, &target)?;
    let mut out = ModelCost {
        monthly,
        is_partial,
        requests: None,
        per_request: None,
        per_million: None,
        per_million_input: None,
        per_million_output: None,
        target,
    };
    let Some(traffic) = traffic else { return Some(out) };
    let (mut requests, mut input, mut output) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
    for flow in &traffic.flows {
        let number = tokens::requests(flow, traffic.load_factor)?;
        let all = Tokens::of(flow)?.times(number)?;
        requests = requests.checked_add(number)?;
        input = money::sum([input, all.input, all.cached])?;
        output = output.checked_add(all.output)?;
    }
    out.requests = Some(requests);
    let million = Decimal::from(MILLION);
    let per = |amount: Decimal, number: Decimal| amount.checked_div(number);
    let per_million = |amount: Decimal, tokens: Decimal| amount.checked_mul(million)?.checked_div(tokens);
    out.per_request = per(monthly.expected, requests);
    out.per_million = per_million(monthly.expected, input.checked_add(output)?);
    if let Target::Model(name) = &out.target
        && let Some(share) = prefill_share(capacities, name)
    {
        out.per_million_input = per_million(monthly.expected.checked_mul(share)?, input);
        out.per_million_output = per_million(monthly.expected.checked_mul(Decimal::ONE - share)?, output);
    }
    Some(out)
}

/// Share of GPU time in which the model `name` reads prompts.
pub(super) fn prefill_share(capacities: &[Capacity], name: &str) -> Option<Decimal> {
    let throughput = capacities.iter().find(|capacity| capacity.model == name)?.throughput.as_ref()?;
    money::figure(throughput.prefill_share.clamp(0.0, 1.0))
}

/// What `flow` comes from the route `route`.
fn is_from(flow: &Flow, route: &str) -> bool {
    let words = format!("route {route}");
    flow.from == words || flow.from.ends_with(&format!(" {words}"))
}

/// The flows of `route` in the traffic of one model. Traffic that is stated for the model itself is the
/// route's where nothing else reaches the model.
pub(super) fn flows_of<'t>(stack: &Stack, traffic: &'t Traffic, target: &Target, route: &Route) -> Vec<&'t Flow> {
    let reaches = |other: &Route| {
        let tiers = other.traffic.tiers.values().chain(&other.traffic.fallback);
        other.target == *target || tiers.into_iter().any(|tier| tier.target == *target)
    };
    let is_alone = route.target == *target && stack.routes.values().filter(|other| reaches(other)).count() == 1;
    traffic.flows.iter().filter(|flow| is_from(flow, &route.name) || (is_alone && !flow.from.contains("route "))).collect()
}

/// GPU time, or money of tokens, that a flow takes; only its proportion to other flows of a model counts.
fn weight(flow: &Flow, traffic: &Traffic, prefill: Option<Decimal>) -> Option<Decimal> {
    let read = |flow: &Flow| flow.input_tokens * (1.0 - flow.cached_share);
    let all = |of: &dyn Fn(&Flow) -> f64| traffic.flows.iter().map(|flow| flow.requests_per_second * of(flow)).sum::<f64>();
    let share = |part: f64, all: f64| money::figure(if all > 0.0 { part / all } else { 0.0 });
    let (input, output) = (flow.requests_per_second * read(flow), flow.requests_per_second * flow.output_tokens);
    let (all_input, all_output) = (all(&read), all(&|flow| flow.output_tokens));
    match prefill {
        Some(prefill) => {
            let (input, output) = (share(input, all_input)?, share(output, all_output)?);
            money::sum([input.checked_mul(prefill)?, output.checked_mul(Decimal::ONE - prefill)?])
        }
        // Without a roofline, tokens count alike.
        None => share(input + output, all_input + all_output),
    }
}

/// All routes; none where a number is larger than a decimal.
pub(super) fn routes(stack: &Stack, cost: &Cost, capacities: &[Capacity]) -> Option<Vec<RouteCost>> {
    let traffic = capacity::traffic_of_stack(stack);
    stack.routes.values().map(|route| of_route(stack, cost, capacities, &traffic, route)).collect()
}

/// Requests of applications to `route` in a month.
fn requests_of(stack: &Stack, traffic: &BTreeMap<Target, Traffic>, route: &Route) -> Option<Decimal> {
    if let Some(load) = &route.traffic.load {
        return money::product([
            money::figure(load.requests_per_second)?,
            money::figure(load.load_factor)?,
            tokens::SECONDS_PER_MONTH.into(),
        ]);
    }
    let on_target = traffic.get(&route.target)?;
    let flows = flows_of(stack, on_target, &route.target, route).into_iter().filter(|flow| !flow.from.contains(" of "));
    let numbers: Option<Vec<Decimal>> = flows.map(|flow| tokens::requests(flow, on_target.load_factor)).collect();
    numbers.filter(|numbers| !numbers.is_empty()).and_then(money::sum)
}

fn of_route(stack: &Stack, cost: &Cost, capacities: &[Capacity], traffic: &BTreeMap<Target, Traffic>, route: &Route) -> Option<RouteCost> {
    let mut out = RouteCost { name: route.name.clone(), requests: requests_of(stack, traffic, route), ..RouteCost::default() };
    let others = route.traffic.tiers.values().chain(&route.traffic.fallback).map(|tier| &tier.target);
    let mut targets: Vec<&Target> = others.chain([&route.target]).collect();
    targets.sort();
    targets.dedup();
    for target in targets {
        let (Target::Model(name) | Target::External(name)) = target;
        let (monthly, is_partial) = monthly_of(cost, target)?;
        let Some(on_target) = traffic.get(target) else {
            out.unknown.push(format!("its share of `{name}`: no load is stated"));
            continue;
        };
        let flows = flows_of(stack, on_target, target, route);
        if flows.is_empty() && *target == route.target {
            out.unknown.push(format!("its share of `{name}`, which several routes use: state `load` of each route"));
            continue;
        }
        if is_partial {
            out.unknown.push(format!("a part of the cost of `{name}`"));
        }
        let prefill = if let Target::Model(name) = target { prefill_share(capacities, name) } else { None };
        let mut on_this = Decimal::ZERO;
        for flow in flows {
            let amount = match target {
                Target::Model(_) => weight(flow, on_target, prefill)?.checked_mul(monthly.expected)?,
                Target::External(name) => {
                    let all = Tokens::of(flow)?.times(tokens::requests(flow, on_target.load_factor)?)?;
                    all.price(&stack.externals.get(name)?.prices)?.0
                }
            };
            on_this = on_this.checked_add(amount)?;
            let what =
                flow.from.strip_suffix(&format!(" of route {}", route.name)).map_or_else(|| name.clone(), |kind| format!("{name}: {kind}"));
            out.parts.push(Part { what, monthly: money::cents(amount) });
        }
        if let Target::Model(model) = target {
            out.against.extend(against::of_route(stack, cost, capacities, on_target, route, model, on_this)?);
        }
    }
    beside(stack, cost, traffic, route, &mut out)?;
    out.monthly = money::sum(out.parts.iter().map(|part| part.monthly))?;
    out.per_request = out.requests.and_then(|requests| out.monthly.checked_div(requests));
    Some(out)
}

/// The guardrails and the cache of a route.
fn beside(stack: &Stack, cost: &Cost, traffic: &BTreeMap<Target, Traffic>, route: &Route, out: &mut RouteCost) -> Option<()> {
    let item = |kind: Kind, name: &str| cost.items.iter().find(|item| item.kind == kind && item.name == name);
    if let Some(guardrails) = &route.guardrails
        && let Some(item) = item(Kind::Guardrails, guardrails)
    {
        let users: Vec<&Route> = stack.routes_guarded_by(guardrails).collect();
        let all: Option<Vec<Decimal>> = users.iter().map(|user| requests_of(stack, traffic, user)).collect();
        let share = match (all.and_then(money::sum), out.requests) {
            _ if users.len() == 1 => Some(Decimal::ONE),
            (Some(all), Some(own)) => own.checked_div(all),
            _ => None,
        };
        match share {
            // An amount of which nothing is known is no part.
            Some(_) if item.unknown.is_some() && item.monthly.expected.is_zero() => {}
            Some(share) => {
                let monthly = money::cents(item.monthly.expected.checked_mul(share)?);
                out.parts.push(Part { what: format!("guardrails {guardrails}"), monthly });
            }
            None => out.unknown.push(format!("its share of guardrails `{guardrails}`: not every route that uses them has a load")),
        }
        out.unknown.extend(item.unknown.as_ref().map(|words| format!("of guardrails `{guardrails}`: {words}")));
    }
    if let Some(item) = item(Kind::SemanticCache, &route.name) {
        out.parts.push(Part { what: "semantic cache".to_owned(), monthly: item.monthly.expected });
        out.unknown.extend(item.unknown.as_ref().map(|words| format!("of its cache: {words}")));
    }
    Some(())
}
