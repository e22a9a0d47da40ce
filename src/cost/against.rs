//! The load of a route held against the same load on an external model.

use rust_decimal::Decimal;

use super::tokens::{self, Tokens};
use super::{Cost, money, shares};
use crate::capacity::{self, Capacity, Traffic};
use crate::stack::{Route, Stack, Target};

/// The same requests on an external model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Against {
    /// Name of the model of the stack.
    pub model: String,
    /// Name of the external model.
    pub external: String,
    /// What the requests cost on the model of the stack in a month.
    pub own: Decimal,
    /// What they would cost on the external model in a month.
    pub theirs: Decimal,
    /// What one request would cost there.
    pub theirs_per_request: Decimal,
    /// Requests in a second, as the mean over a month, from which on the model of the stack costs less.
    pub break_even: Option<Decimal>,
    /// Requests in a second, as the mean over a month, that are stated.
    pub stated: Decimal,
    /// Whether the expected copies serve as many as break even; none where that is not known.
    pub is_served: Option<bool>,
}

/// A route on a model of the stack, held against external models.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) against: Vec<Against>,
    /// External models that nothing is held against, and why, in words.
    pub(super) left_out: Vec<String>,
}

/// The comparison for the flows of `route` on `model`, which cost `own` in a month; none where a number is
/// larger than a decimal.
pub(super) fn of_route(
    stack: &Stack,
    cost: &Cost,
    capacities: &[Capacity],
    traffic: &Traffic,
    route: &Route,
    model: &str,
    own: Decimal,
) -> Option<Comparison> {
    let flows = || shares::flows_of(traffic, route);
    // Checks of guardrails come with the requests that they check and are none by themselves.
    let asked: Vec<Decimal> = flows().filter(|flow| flow.purpose.is_answer()).map(tokens::requests_of).collect::<Option<_>>()?;
    if asked.is_empty() {
        return Some(Comparison::default());
    }
    let requests = money::sum(asked)?;
    let fallback = route.traffic.fallback.as_ref().map(|tier| &tier.target);
    let candidates = stack.externals.values().filter(|external| match fallback {
        Some(Target::External(name)) => external.name == *name,
        _ => true,
    });
    let mut out = Comparison::default();
    for external in candidates {
        let mut theirs = Decimal::ZERO;
        let mut is_known = true;
        for flow in flows() {
            let all = Tokens::of(flow)?.times(tokens::requests_of(flow)?)?;
            let (amount, is_whole) = all.price(&external.prices)?;
            theirs = theirs.checked_add(amount)?;
            is_known &= is_whole;
        }
        if !is_known {
            let missing = [("input", &external.prices.input), ("output", &external.prices.output)];
            let missing: Vec<&str> = missing.into_iter().filter(|(_, price)| price.is_none()).map(|(name, _)| name).collect();
            out.left_out.push(format!("`{}`, whose price of {} tokens is not known", external.name, missing.join(" and ")));
            continue;
        }
        // Without requests there is nothing to compare.
        let Some(theirs_per_request) = theirs.checked_div(requests) else { continue };
        let seconds = Decimal::from(tokens::SECONDS_PER_MONTH);
        let break_even = own.checked_div(theirs_per_request.checked_mul(seconds)?);
        let each = capacity::of_model(capacities, model).and_then(|capacity| capacity.throughput.as_ref());
        let each = each.and_then(|throughput| money::figure(throughput.requests_per_second.expected));
        let served = each.zip(cost.copies.get(model)).and_then(|(each, copies)| each.checked_mul(copies.mean()));
        out.against.push(Against {
            model: model.to_owned(),
            external: external.name.clone(),
            own: money::cents(own),
            theirs: money::cents(theirs),
            theirs_per_request,
            break_even,
            stated: requests.checked_div(seconds)?,
            is_served: break_even.zip(served).map(|(even, served)| even <= served),
        });
    }
    Some(out)
}
