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
    /// Of what guardrails ask about it.
    pub checks: Checks,
}

/// Tokens of what guardrails ask the same model about one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// Of the question that they read, at least.
    pub question_low: u64,
    /// The same, at most, with what is put around it.
    pub question_high: u64,
    /// Of the answer that they read, at least.
    pub answer_low: u64,
    /// The same, at most, with what is put around each part of it.
    pub answer_high: u64,
    /// Of their verdicts, at most.
    pub verdicts: u64,
}

impl Length {
    /// Tokens that are read at least, beside those of the answer.
    fn read_low(&self) -> u64 {
        self.prompt_low.saturating_add(self.checks.question_low)
    }

    /// Tokens that are read at most.
    fn read_high(&self) -> u64 {
        self.prompt_high.saturating_add(self.checks.question_high).saturating_add(self.checks.answer_high)
    }

    /// Tokens that are written at most.
    fn written_high(&self) -> u64 {
        self.answer.saturating_add(self.checks.verdicts)
    }
}

/// What a request costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestCost {
    /// At least.
    pub low: Decimal,
    /// At most.
    pub high: Decimal,
    /// Of the lower bound, what the answer takes: to write it, and to check it.
    pub low_answer: Decimal,
}

/// What one request of `length` costs on `target`, with its checks: of an external model its tokens, of a model of
/// the stack the time that it takes of the GPUs of a copy that is fully used. None where a price or the
/// throughput is not known, or an amount is larger than a decimal.
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
    let low_answer = of(length.answer, output)?.checked_add(of(length.checks.answer_low, input.min(cached))?)?;
    let low = of(length.read_low(), input.min(cached))?.checked_add(low_answer)?;
    let high = of(length.read_high(), input.max(cached))?.checked_add(of(length.written_high(), output)?)?;
    Some(RequestCost { low, high, low_answer })
}

/// By the seconds that each token takes of a copy that always has work; `least` and `most` are what a second
/// of it costs.
fn by_time(capacity: &Capacity, least: Decimal, most: Decimal, length: Length) -> Option<RequestCost> {
    let (traffic, throughput) = (capacity.traffic.as_ref()?, capacity.throughput.as_ref()?);
    let prefill = throughput.prefill_share.clamp(0.0, 1.0);
    // The mean request, of which the shares are: cached tokens are not computed again.
    let (input, output) = (traffic.input_tokens() * (1.0 - traffic.cached_share()), traffic.output_tokens());
    let seconds = |requests_per_second: f64, read: u64, written: u64| {
        let per_read = if input > 0.0 { prefill / (requests_per_second * input) } else { 0.0 };
        let per_written = (1.0 - prefill) / (requests_per_second * output);
        money::figure(per_read * read as f64)?.checked_add(money::figure(per_written * written as f64)?)
    };
    let (fastest, slowest) = (throughput.requests_per_second.high, throughput.requests_per_second.low);
    let low_answer = seconds(fastest, length.checks.answer_low, length.answer)?;
    let low = seconds(fastest, length.read_low(), 0)?.checked_add(low_answer)?;
    let high = seconds(slowest, length.read_high(), length.written_high())?;
    Some(RequestCost { low: low.checked_mul(least)?, high: high.checked_mul(most)?, low_answer: low_answer.checked_mul(least)? })
}

/// The cheapest and the dearest hour of a GPU.
fn hour_bounds(prices: &GpuPrices) -> Option<(Decimal, Decimal)> {
    let spot = prices.spot.as_ref().map(|(_, price)| price);
    let reserved = prices.reserved.as_ref().map(|(_, price)| price);
    let hours = || [prices.on_demand.as_ref(), reserved, spot].into_iter().flatten().map(|price| price.amount.0);
    Some((hours().min()?, hours().max()?))
}
