//! Tokens of external models, at their price by the million.

use rust_decimal::Decimal;

use super::bill::{self, Item, Kind};
use super::{HOURS_PER_MONTH, Overflow, money};
use crate::capacity::{self, Flow, Traffic};
use crate::diagnostic::thousands;
use crate::stack::{External, Price, Share, Stack, Target, TokenPrices};

/// Seconds of a month.
pub(super) const SECONDS_PER_MONTH: u32 = HOURS_PER_MONTH * 3600;
/// Tokens that a price is for.
pub(super) const MILLION: u32 = 1_000_000;

/// Mean tokens of a request, or tokens of a month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) input: Decimal,
    pub(super) cached: Decimal,
    pub(super) output: Decimal,
}

impl Tokens {
    /// Those of one mean request of `flow`; none where a number is larger than a decimal.
    pub(super) fn of(flow: &Flow) -> Option<Self> {
        let all = money::figure(flow.input_tokens)?;
        let cached = all.checked_mul(money::figure(flow.cached_share)?)?.min(all);
        Some(Self { input: all - cached, cached, output: money::figure(flow.output_tokens)? })
    }

    /// So many of them.
    pub(super) fn times(self, number: Decimal) -> Option<Self> {
        Some(Self {
            input: self.input.checked_mul(number)?,
            cached: self.cached.checked_mul(number)?,
            output: self.output.checked_mul(number)?,
        })
    }

    /// Both together.
    pub(super) fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            input: self.input.checked_add(other.input)?,
            cached: self.cached.checked_add(other.cached)?,
            output: self.output.checked_add(other.output)?,
        })
    }

    /// What they cost; a price that is not known counts as nothing, which the flag says.
    pub(super) fn price(self, prices: &TokenPrices) -> Option<(Decimal, bool)> {
        let mut is_whole = true;
        let mut of = |tokens: Decimal, price: Option<&Price>| match price {
            Some(price) => tokens.checked_div(MILLION.into())?.checked_mul(price.amount.0),
            None => {
                is_whole &= tokens.is_zero();
                Some(Decimal::ZERO)
            }
        };
        let cached = prices.cached_input.as_ref().or(prices.input.as_ref());
        let amounts = [of(self.input, prices.input.as_ref())?, of(self.cached, cached)?, of(self.output, prices.output.as_ref())?];
        Some((money::sum(amounts)?, is_whole))
    }
}

/// Requests of `flow` in a month.
pub(super) fn requests_of(flow: &Flow) -> Option<Decimal> {
    requests(flow, flow.load_factor)
}

/// Requests of `flow` in a month whose average hour has `load_factor` of the busy one.
fn requests(flow: &Flow, load_factor: f64) -> Option<Decimal> {
    money::product([money::figure(flow.requests_per_second)?, money::figure(load_factor)?, SECONDS_PER_MONTH.into()])
}

/// What the tokens of `traffic` cost in a month.
fn month(external: &External, traffic: &Traffic, load_factor: fn(&Flow) -> f64) -> Option<(Decimal, bool)> {
    let (mut amount, mut is_whole) = (Decimal::ZERO, true);
    for flow in &traffic.flows {
        let (part, is_known) = Tokens::of(flow)?.times(requests(flow, load_factor(flow))?)?.price(&external.prices)?;
        amount = amount.checked_add(part)?;
        is_whole &= is_known;
    }
    Some((amount, is_whole))
}

/// An item for each external model that a route reaches.
pub(super) fn items(stack: &Stack, items: &mut Vec<Item>) -> Result<(), Overflow> {
    let traffic = capacity::traffic_of_stack(stack);
    let worst = worst(stack).map(|stack| capacity::traffic_of_stack(&stack));
    for external in stack.externals.values() {
        let target = Target::External(external.name.clone());
        if !is_reached(stack, &target) {
            continue;
        }
        let overflow = || Overflow::of(Kind::Tokens, &external.name);
        let Some(stated) = traffic.get(&target) else {
            items.push(Item {
                kind: Kind::Tokens,
                name: external.name.clone(),
                monthly: bill::rounded([Decimal::ZERO; 3]),
                how: "by the token".to_owned(),
                unknown: Some(format!("the tokens of `{}`: {}", external.name, where_to_state(stack, &target))),
            });
            continue;
        };
        let most = worst.as_ref().map_or(Some(stated), |worst| worst.get(&target)).unwrap_or(stated);
        let (expected, is_whole) = month(external, stated, |flow| flow.load_factor).ok_or_else(overflow)?;
        let (maximum, _) = month(external, most, |_| 1.0).ok_or_else(overflow)?;
        items.push(Item {
            kind: Kind::Tokens,
            name: external.name.clone(),
            monthly: bill::rounded([Decimal::ZERO, expected, maximum.max(expected)]),
            how: format!("{} requests/s in a busy hour", thousands(money::figure(stated.requests_per_second()).ok_or_else(overflow)?)),
            unknown: (!is_whole).then(|| format!("a price of the tokens of `{}`", external.name)),
        });
    }
    Ok(())
}

/// Whether a route, one of its tiers or its fallback targets it.
fn is_reached(stack: &Stack, target: &Target) -> bool {
    stack.routes.values().any(|route| capacity::reaches(route, target))
}

/// The field that would state the traffic of `target`.
fn where_to_state(stack: &Stack, target: &Target) -> String {
    let reaching = stack.routes.values().filter(|route| capacity::reaches(route, target));
    let fields: Vec<String> = reaching
        .flat_map(|route| {
            let load = capacity::load_of_route(stack, route).is_none().then(|| format!("`load` of route `{}`", route.name));
            let unstated = route.traffic.tiers.iter().filter(|(_, tier)| tier.target == *target && tier.share.is_none());
            load.into_iter().chain(unstated.map(|(name, _)| format!("`share` of tier `{name}` of route `{}`", route.name)))
        })
        .collect();
    format!("state {}", fields.join(" and "))
}

/// The stack with the greatest stated share for every tier and fallback that an external model answers;
/// none where that is no other stack.
fn worst(stack: &Stack) -> Option<Stack> {
    let is_open =
        |target: &Target, share: Option<Share>| matches!(target, Target::External(_)) && share.is_some_and(|s| s.at_least < s.at_most);
    let any = stack
        .routes
        .values()
        .any(|route| route.traffic.tiers.values().chain(&route.traffic.fallback).any(|tier| is_open(&tier.target, tier.share)));
    any.then(|| {
        let mut stack = stack.clone();
        for route in stack.routes.values_mut() {
            for tier in route.traffic.tiers.values_mut().chain(&mut route.traffic.fallback) {
                if matches!(tier.target, Target::External(_)) {
                    tier.share = tier.share.map(|share| Share { at_least: share.at_most, ..share });
                }
            }
        }
        stack
    })
}
