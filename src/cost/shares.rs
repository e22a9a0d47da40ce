//! The bill by model, by route and by request.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::against::{self, Against};
use super::bill::Monthly;
use super::tokens::{self, MILLION, Tokens};
use super::{Cost, Kind, money};
use crate::capacity::{self, Capacity, Flow, Purpose, Traffic};
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
    /// What a million tokens that are read cost: of GPUs the share of the time that prompts take, of an
    /// external model its prices, with the share of the prompts that it has in its cache.
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
    /// External models that they are not held against, and why, in words, each once.
    pub not_compared: Vec<String>,
}

/// All models that cost something; none where a number is larger than a decimal.
pub(super) fn models(stack: &Stack, cost: &Cost, capacities: &[Capacity]) -> Option<Vec<ModelCost>> {
    let traffic = capacity::traffic_of_stack(stack);
    let own = stack.models.keys().map(|name| Target::Model(name.clone()));
    let others = stack.externals.keys().map(|name| Target::External(name.clone()));
    let others = others.filter(|target| cost.items.iter().any(|item| belongs(target, item.kind, &item.name)));
    own.chain(others).map(|target| model(stack, cost, capacities, traffic.get(&target), target)).collect()
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

fn model(stack: &Stack, cost: &Cost, capacities: &[Capacity], traffic: Option<&Traffic>, target: Target) -> Option<ModelCost> {
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
    let mut requests = Decimal::ZERO;
    let mut tokens = Tokens::default();
    for flow in &traffic.flows {
        let number = tokens::requests_of(flow)?;
        let all = Tokens::of(flow)?.times(number)?;
        requests = requests.checked_add(number)?;
        tokens = tokens.plus(all)?;
    }
    let (input, output) = (tokens.input.checked_add(tokens.cached)?, tokens.output);
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
    if let Target::External(name) = &out.target
        && let Some(external) = stack.externals.get(name)
        && !is_partial
    {
        let read = Tokens { output: Decimal::ZERO, ..tokens };
        let written = Tokens { output, ..Tokens::default() };
        out.per_million_input = per_million(read.price(&external.prices)?.0, input);
        out.per_million_output = per_million(written.price(&external.prices)?.0, output);
    }
    Some(out)
}

/// Share of GPU time in which the model `name` reads prompts.
pub(super) fn prefill_share(capacities: &[Capacity], name: &str) -> Option<Decimal> {
    let throughput = capacity::of_model(capacities, name)?.throughput.as_ref()?;
    money::figure(throughput.prefill_share.clamp(0.0, 1.0))
}

/// The flows of `route` in the traffic of one model.
pub(super) fn flows_of<'t>(traffic: &'t Traffic, route: &'t Route) -> impl Iterator<Item = &'t Flow> + Clone {
    traffic.flows.iter().filter(|flow| flow.route.as_ref() == Some(&route.name))
}

/// What a flow to the model `name` is for, in words.
fn words(name: &str, purpose: &Purpose) -> String {
    match purpose {
        Purpose::Unrouted | Purpose::Answer => name.to_owned(),
        Purpose::Tier(tier) => format!("{name} as tier {tier}"),
        Purpose::Fallback => format!("{name} as fallback"),
        Purpose::InputCheck => format!("{name}: input checks"),
        Purpose::OutputCheck => format!("{name}: output checks"),
    }
}

/// GPU time, or money of tokens, that a flow takes; only its proportion to other flows of a model counts.
fn weight(flow: &Flow, traffic: &Traffic, prefill: Option<Decimal>) -> Option<Decimal> {
    let read = |flow: &Flow| flow.input_tokens * (1.0 - flow.cached_share);
    let number = |flow: &Flow| flow.requests_per_second * flow.load_factor;
    let all = |of: &dyn Fn(&Flow) -> f64| traffic.flows.iter().map(|flow| number(flow) * of(flow)).sum::<f64>();
    let share = |part: f64, all: f64| money::figure(if all > 0.0 { part / all } else { 0.0 });
    let (input, output) = (number(flow) * read(flow), number(flow) * flow.output_tokens);
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

/// Requests of applications to `route` in a month; none where its load is not known.
fn requests_to(stack: &Stack, route: &Route) -> Option<Decimal> {
    let load = capacity::load_of_route(stack, route)?;
    money::product([money::figure(load.requests_per_second)?, money::figure(load.load_factor)?, tokens::SECONDS_PER_MONTH.into()])
}

fn of_route(stack: &Stack, cost: &Cost, capacities: &[Capacity], traffic: &BTreeMap<Target, Traffic>, route: &Route) -> Option<RouteCost> {
    let mut out = RouteCost { name: route.name.clone(), requests: requests_to(stack, route), ..RouteCost::default() };
    if out.requests.is_none() {
        out.unknown.push(format!("its requests: state `load` of route `{}`", route.name));
    }
    for (target, on_target) in traffic.iter().filter(|_| out.requests.is_some()) {
        let (Target::Model(name) | Target::External(name)) = target;
        let (monthly, is_partial) = monthly_of(cost, target)?;
        let flows = flows_of(on_target, route);
        if flows.clone().next().is_some() && is_partial {
            out.unknown.push(format!("a part of the cost of `{name}`"));
        }
        let prefill = if let Target::Model(name) = target { prefill_share(capacities, name) } else { None };
        let mut on_this = Decimal::ZERO;
        for flow in flows {
            let amount = match target {
                Target::Model(_) => weight(flow, on_target, prefill)?.checked_mul(monthly.expected)?,
                Target::External(name) => {
                    let all = Tokens::of(flow)?.times(tokens::requests_of(flow)?)?;
                    all.price(&stack.externals.get(name)?.prices)?.0
                }
            };
            // Each part is what it adds to the rounded sum, so that parts add up to the cent.
            let before = money::cents(on_this);
            on_this = on_this.checked_add(amount)?;
            out.parts.push(Part { what: words(name, &flow.purpose), monthly: money::cents(on_this) - before });
        }
        if let Target::Model(model) = target {
            match against::of_route(stack, cost, capacities, on_target, route, model, on_this) {
                Some(found) => {
                    out.against.extend(found.against);
                    out.not_compared.extend(found.left_out);
                }
                None => out.not_compared.push(format!("what `{model}` serves: an amount is larger than a number holds")),
            }
        }
    }
    out.not_compared.dedup();
    // Of a model whose traffic is not known as a whole, the route's share is not either.
    let unknown = stack
        .models
        .keys()
        .map(|name| Target::Model(name.clone()))
        .chain(stack.externals.keys().map(|name| Target::External(name.clone())));
    for target in unknown.filter(|target| out.requests.is_some() && capacity::reaches(route, target) && !traffic.contains_key(target)) {
        let (Target::Model(name) | Target::External(name)) = target;
        out.unknown.push(format!("its share of `{name}`, which other routes reach whose load is not stated"));
    }
    beside(stack, cost, route, &mut out)?;
    out.monthly = money::sum(out.parts.iter().map(|part| part.monthly))?;
    out.per_request = out.requests.and_then(|requests| out.monthly.checked_div(requests));
    Some(out)
}

/// The guardrails and the cache of a route.
fn beside(stack: &Stack, cost: &Cost, route: &Route, out: &mut RouteCost) -> Option<()> {
    let item = |kind: Kind, name: &str| cost.items.iter().find(|item| item.kind == kind && item.name == name);
    if let Some(guardrails) = &route.guardrails
        && let Some(item) = item(Kind::Guardrails, guardrails)
    {
        // Who pays is who uses it now.
        let users: Vec<&Route> = stack.routes.values().filter(|user| user.guardrails.as_ref() == Some(guardrails)).collect();
        let all: Option<Vec<Decimal>> = users.iter().map(|user| requests_to(stack, user)).collect();
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
