//! What a request with a version of a prompt costs.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use super::{Tokens, small};
use crate::capacity::{self, Capacity};
use crate::cost::{Checks, Length, cost_of_request};
use crate::fit;
use crate::stack::{Route, Stack};

/// Prices requests of one stack.
pub struct Requests<'a> {
    stack: &'a Stack,
    capacities: Vec<Capacity>,
    /// By prompt the version that was live when the loads were stated, where that is another one than now.
    measured: BTreeMap<String, String>,
}

/// A request and what it costs: on the model that answers, without cache, tiers, fallback and self checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Request {
    /// Where its length comes from.
    pub basis: Basis,
    /// Tokens of the prompt.
    pub input_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
    /// At least, in the stack's currency.
    #[serde(serialize_with = "small")]
    pub low: Decimal,
    /// At most.
    #[serde(serialize_with = "small")]
    pub high: Decimal,
}

/// Where the length of a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The mean that the load of the route states, which is that of the live version; another version is as much
    /// longer as its own text is.
    Stated,
    /// No mean is stated: every variable and the answer at their longest.
    Longest,
}

impl<'a> Requests<'a> {
    /// The requests of `stack`, whose loads were stated while the versions `measured` were live: by prompt, where
    /// that is another one than now.
    pub fn of(stack: &'a Stack, measured: BTreeMap<String, String>) -> Self {
        Self { stack, capacities: capacity::of_stack(stack, &fit::of_stack(stack)), measured }
    }

    /// What a request of `route` costs with `version`, which has `tokens` by itself; none where a price or the
    /// throughput is not known.
    pub(super) fn of_version(&self, route: &Route, version: &str, tokens: Tokens) -> Option<Request> {
        let prompt = self.stack.prompts.get(&route.prompt)?;
        let content = prompt.versions.get(version)?;
        let most = content.sampling.max_tokens;
        let (basis, input, answer) = match &route.traffic.load {
            Some(load) => {
                let measured = self.measured.get(&prompt.name).unwrap_or(&prompt.live);
                // Without the version that it was, the load is taken to be that of what is live.
                let of = |version: &str| Tokens::of(self.stack, prompt, version, route);
                let live = of(measured).or_else(|| of(&prompt.live))?;
                let other = load.input_tokens.saturating_sub(live.total());
                (Basis::Stated, tokens.total().saturating_add(other), load.output_tokens.min(most))
            }
            None => (Basis::Longest, super::longest(prompt, content, tokens), most),
        };
        let length = Length { prompt_low: input, prompt_high: input, answer, checks: Checks::default() };
        let target = &route.answers.get(version)?.target;
        let cost = cost_of_request(self.stack, &self.capacities, target, length)?;
        Some(Request { basis, input_tokens: input, output_tokens: answer, low: cost.low, high: cost.high })
    }
}
