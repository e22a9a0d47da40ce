//! What a single request costs, between bounds.

use rust_decimal::Decimal;

use super::tokens::{MILLION, SECONDS_PER_MONTH};
use super::{HOURS_PER_MONTH, money};
use crate::capacity::{self, Capacity};
use crate::stack::{GpuPrices, Stack, Target, TokenPrices};

/// Tokens of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// Of the prompt, at least.
    pub prompt_low: u64,
    /// Of the prompt, at most.
    pub prompt_high: u64,
    /// Of the answer.
    pub answer: u64,
}

/// What a request costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestCost {
    /// At least.
    pub low: Decimal,
    /// At most.
    pub high: Decimal,
    /// Of the lower bound, what the answer takes.
    pub low_answer: Decimal,
}

/// What one request of `length` costs on `target`, without the checks of guardrails: of an external model its
/// tokens, of a model of the stack the time that it takes of the GPUs of a copy that is fully used. None where
/// a price or the throughput is not known, or an amount is larger than a decimal.
pub fn cost_of_request(stack: &Stack, capacities: &[Capacity], target: &Target, length: Length) -> Option<RequestCost> {
    match target {
        Target::External(name) => by_tokens(&stack.externals.get(name)?.prices, length),
        Target::Model(name) => {
            let model = stack.models.get(name)?;
            let (least, most) = hour_bounds(&stack.pools.get(&model.pool)?.prices)?;
            let copy = |hour: Decimal| {
                let seconds = Decimal::from(SECONDS_PER_MONTH.checked_div(HOURS_PER_MONTH)?);
                hour.checked_mul(model.tensor_parallel.into())?.checked_div(seconds)
            };
            let capacity = capacity::of_model(capacities, name)?;
            by_time(capacity, copy(least)?, copy(most)?, length)
        }
    }
}

fn by_tokens(prices: &TokenPrices, length: Length) -> Option<RequestCost> {
    let (input, output) = (prices.input.as_ref()?.amount.0, prices.output.as_ref()?.amount.0);
    let cached = prices.cached_input.as_ref().map_or(input, |price| price.amount.0);
    let of = |tokens: u64, price: Decimal| Decimal::from(tokens).checked_div(MILLION.into())?.checked_mul(price);
    let answer = of(length.answer, output)?;
    let low = of(length.prompt_low, input.min(cached))?.checked_add(answer)?;
    let high = of(length.prompt_high, input.max(cached))?.checked_add(answer)?;
    Some(RequestCost { low, high, low_answer: answer })
}

/// By the seconds that each token takes of a copy that always has work; `least` and `most` are what a second
/// of it costs.
fn by_time(capacity: &Capacity, least: Decimal, most: Decimal, length: Length) -> Option<RequestCost> {
    let (traffic, throughput) = (capacity.traffic.as_ref()?, capacity.throughput.as_ref()?);
    let prefill = throughput.prefill_share.clamp(0.0, 1.0);
    // The mean request, of which the shares are: cached tokens are not computed again.
    let (input, output) = (traffic.input_tokens() * (1.0 - traffic.cached_share()), traffic.output_tokens());
    let seconds = |requests_per_second: f64, prompt: u64| {
        let per_prompt_token = if input > 0.0 { prefill / (requests_per_second * input) } else { 0.0 };
        let per_answer_token = (1.0 - prefill) / (requests_per_second * output);
        let answer = money::figure(per_answer_token * length.answer as f64)?;
        Some((money::figure(per_prompt_token * prompt as f64)?.checked_add(answer)?, answer))
    };
    let (low, low_answer) = seconds(throughput.requests_per_second.high, length.prompt_low)?;
    let (high, _) = seconds(throughput.requests_per_second.low, length.prompt_high)?;
    Some(RequestCost { low: low.checked_mul(least)?, high: high.checked_mul(most)?, low_answer: low_answer.checked_mul(least)? })
}

/// The cheapest and the dearest hour of a GPU.
fn hour_bounds(prices: &GpuPrices) -> Option<(Decimal, Decimal)> {
    let spot = prices.spot.as_ref().map(|(_, price)| price);
    let reserved = prices.reserved.as_ref().map(|(_, price)| price);
    let hours = || [prices.on_demand.as_ref(), reserved, spot].into_iter().flatten().map(|price| price.amount.0);
    Some((hours().min()?, hours().max()?))
}
