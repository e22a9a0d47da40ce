//! What reaches each model.
//!
//! A route's load passes its cache first; of what the cache leaves, tiers take their shares, and the rest is
//! the route's own model's, of which the fallback answers a share once more. Hits are taken to be as long as
//! other requests. Whatever answers a guarded route is also asked to judge its questions and answers.

mod routes;
mod self_checks;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rust_decimal::prelude::ToPrimitive;

pub use routes::{Routed, load as load_of_route, of_routes, reaches};

use crate::stack::{Load, Share, Stack, Target};

/// What requests are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The load of a model that none of its routes accounts for.
    Unrouted,
    /// Answers of a route by its own model.
    Answer,
    /// Answers of a route by the tier of that name.
    Tier(String),
    /// Answers of a route by its fallback.
    Fallback,
    /// Judgements of a route's questions.
    InputCheck,
    /// Judgements of a route's answers.
    OutputCheck,
}

impl Purpose {
    /// Whether an application asked, and not a guardrail.
    pub fn is_answer(&self) -> bool {
        !matches!(self, Self::InputCheck | Self::OutputCheck)
    }
}

/// Requests of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Name of the route that they belong to; none exactly where [`Purpose::Unrouted`].
    pub route: Option<String>,
    /// What they are for.
    pub purpose: Purpose,
    /// In each second of a busy hour.
    pub requests_per_second: f64,
    /// Mean length of a prompt in tokens.
    pub input_tokens: f64,
    /// Mean length of an answer in tokens.
    pub output_tokens: f64,
    /// Share of prompt tokens whose prefix is cached.
    pub cached_share: f64,
    /// An average hour as a share of the busy one, in (0, 1].
    pub load_factor: f64,
}

impl Flow {
    /// Where the requests come from, in words, such as `route support` or `input check of route support`.
    pub fn from(&self) -> String {
        let Some(route) = &self.route else { return "no stated route".to_owned() };
        match &self.purpose {
            Purpose::Unrouted | Purpose::Answer => format!("route {route}"),
            Purpose::Tier(tier) => format!("tier {tier} of route {route}"),
            Purpose::Fallback => format!("fallback of route {route}"),
            Purpose::InputCheck => format!("input check of route {route}"),
            Purpose::OutputCheck => format!("output check of route {route}"),
        }
    }
}

/// All requests of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    /// Each kind; never empty.
    pub flows: Vec<Flow>,
    /// An average hour as a share of the busy one, in (0, 1]: the mean over requests.
    pub load_factor: f64,
    /// Names of the routes to it whose load is not known, sorted. Their answers are in the load of the model,
    /// and their self checks are not counted.
    pub unknown_routes: Vec<String>,
}

impl Traffic {
    /// The traffic of `flows`, which are not empty.
    fn of(flows: Vec<Flow>, unknown_routes: Vec<String>) -> Self {
        let mut traffic = Self { flows, load_factor: 1.0, unknown_routes };
        traffic.load_factor = traffic.mean(|flow| flow.load_factor);
        traffic
    }

    /// Requests in each second of a busy hour.
    pub fn requests_per_second(&self) -> f64 {
        self.flows.iter().map(|flow| flow.requests_per_second).sum()
    }

    /// Mean length of a prompt in tokens.
    pub fn input_tokens(&self) -> f64 {
        self.mean(|flow| flow.input_tokens)
    }

    /// Mean length of an answer in tokens.
    pub fn output_tokens(&self) -> f64 {
        self.mean(|flow| flow.output_tokens)
    }

    /// Share of all prompt tokens whose prefix is cached.
    pub fn cached_share(&self) -> f64 {
        let tokens = self.input_tokens();
        if tokens > 0.0 { self.mean(|flow| flow.input_tokens * flow.cached_share) / tokens } else { 0.0 }
    }

    /// The mean over requests; without any, that over the kinds of them, so that no length is zero.
    fn mean(&self, of: impl Fn(&Flow) -> f64) -> f64 {
        let requests = self.requests_per_second();
        if requests <= 0.0 {
            return self.flows.iter().map(of).sum::<f64>() / self.flows.len().max(1) as f64;
        }
        self.flows.iter().map(|flow| flow.requests_per_second * of(flow)).sum::<f64>() / requests
    }
}

/// Which bound of a stated share is counted on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counted {
    /// None: as if the share were zero.
    Off,
    /// `at-least`.
    #[default]
    Least,
    /// `at-most`.
    Most,
}

impl Counted {
    /// Which of the two bounds counts; an unstated share is zero.
    fn of(self, bounds: Option<(f64, f64)>) -> f64 {
        let Some((at_least, at_most)) = bounds else { return 0.0 };
        let share = match self {
            Self::Off => 0.0,
            Self::Least => at_least,
            Self::Most => at_most,
        };
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// Both bounds of a share.
fn bounds(share: Share) -> Option<(f64, f64)> {
    Some((share.at_least.to_f64()?, share.at_most.to_f64()?))
}

/// Both bounds of the prefix hits of `load`.
fn prefix_bounds(load: &Load) -> Option<(f64, f64)> {
    load.prefix_hits.map(|share| (share.at_least, share.at_most.unwrap_or(share.at_least)))
}

/// Which effects are counted on. The default is what a spec is priced by: the least of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scenario {
    /// Hits of caches of answers.
    pub cache: Counted,
    /// Hits of prefix caches.
    pub prefix: Counted,
    /// Requests that tiers take.
    pub tiers: Counted,
    /// Requests that fallbacks answer.
    pub fallback: Counted,
}

/// What reaches each model and external model of `stack` whose load is known.
pub fn of_stack(stack: &Stack) -> BTreeMap<Target, Traffic> {
    of_stack_in(stack, Scenario::default())
}

/// The same in `scenario`. Load that no route accounts for stays as it is: nothing is known of its effects.
pub fn of_stack_in(stack: &Stack, scenario: Scenario) -> BTreeMap<Target, Traffic> {
    let (mut flows, mut unknown) = (routes::flows(stack, scenario), routes::unknown(stack));
    let unrouted = unrouted(stack, scenario, &unknown);
    for (target, flow) in unrouted {
        flows.entry(target).or_default().push(flow);
    }
    let has_load = |target: &Target| load_of_target(stack, target).is_some();
    let mut traffic = BTreeMap::new();
    for (target, flows) in flows {
        let unknown = unknown.remove(&target).unwrap_or_default();
        if !flows.is_empty() && (unknown.is_empty() || has_load(&target)) {
            traffic.insert(target, Traffic::of(flows, unknown));
        }
    }
    traffic
}

/// The stated load of a target; external models have none.
fn load_of_target<'a>(stack: &'a Stack, target: &Target) -> Option<&'a Load> {
    match target {
        Target::Model(name) => stack.models.get(name)?.load.as_ref(),
        Target::External(_) => None,
    }
}

/// What of the models' loads no route accounts for, where some route is not known or there is none.
fn unrouted(stack: &Stack, scenario: Scenario, unknown: &BTreeMap<Target, Vec<String>>) -> Vec<(Target, Flow)> {
    let routed = routes::flows(stack, Scenario::default());
    let mut rest = Vec::new();
    for model in stack.models.values() {
        let (target, Some(load)) = (Target::Model(model.name.clone()), &model.load) else { continue };
        let known: Vec<&Flow> = routed.get(&target).into_iter().flatten().filter(|flow| flow.purpose.is_answer()).collect();
        if !known.is_empty() && !unknown.contains_key(&target) {
            continue;
        }
        let sum = |of: fn(&Flow) -> f64| known.iter().map(|flow| flow.requests_per_second * of(flow)).sum::<f64>();
        let requests = load.requests_per_second - sum(|_| 1.0);
        // A rest of rounding has no length of its own.
        let is_small = requests <= load.requests_per_second * 1e-6;
        if is_small && !known.is_empty() {
            continue;
        }
        let length = |stated: u64, routed: f64| {
            let tokens = if is_small { stated as f64 } else { (load.requests_per_second * stated as f64 - routed) / requests };
            tokens.max(1.0)
        };
        let flow = Flow {
            route: None,
            purpose: Purpose::Unrouted,
            requests_per_second: requests.max(0.0),
            input_tokens: length(load.input_tokens, sum(|flow| flow.input_tokens)),
            output_tokens: length(load.output_tokens, sum(|flow| flow.output_tokens)),
            cached_share: scenario.prefix.of(prefix_bounds(load)),
            load_factor: load.load_factor,
        };
        rest.push((target, flow));
    }
    rest
}
