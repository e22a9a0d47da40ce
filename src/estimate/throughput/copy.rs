//! One copy at work: how long prompts, steps and requests take, and how many requests run at once.

use super::rates::Rates;
use super::work::{Attends, Span, Work};
use super::{Limit, Question};
use crate::estimate::memory::cache::{self, Layout};

const GIGA: f64 = 1e9;

/// A copy, its requests and how well it works.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copy<'a> {
    pub(super) question: &'a Question<'a>,
    pub(super) work: &'a Work,
    pub(super) rates: Rates,
}

/// What a copy does that always has work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Busy {
    pub(super) batch: f64,
    pub(super) requests_per_second: f64,
    pub(super) tpot_seconds: f64,
    pub(super) prefill_share: f64,
    pub(super) limit: Limit,
}

/// Tokens of a prompt that are computed: those that are not cached, and always the last one.
pub(super) fn computed_tokens(question: &Question<'_>) -> f64 {
    (question.input_tokens * (1.0 - question.cached_share)).max(1.0)
}

/// The tokens of a prompt that are computed, behind those that are cached.
pub(super) fn prompt(question: &Question<'_>) -> Span {
    let tokens = computed_tokens(question);
    Span { start: (question.input_tokens - tokens).max(0.0), tokens }
}

/// The tokens of an answer after the first, which the prompt gives.
pub(super) fn answer(question: &Question<'_>) -> Span {
    Span { start: question.input_tokens, tokens: (question.output_tokens - 1.0).max(0.0) }
}

impl Copy<'_> {
    fn gpus(&self) -> f64 {
        self.question.setup.tensor_parallel as f64
    }

    fn bytes_per_second(&self) -> f64 {
        self.question.gpu.peak.memory_gb_per_second * GIGA * self.rates.bandwidth
    }

    /// Seconds of attention on all GPUs together for the tokens of `span`.
    fn attention_seconds(&self, span: Span, prefill: bool) -> f64 {
        let layer = |layer: &Attends| {
            let each = if prefill { layer.prefill } else { layer.decode };
            each.usual * span.seen(layer.reach, layer.chosen_tokens)
        };
        span.tokens * self.work.attention.iter().map(layer).sum::<f64>()
    }

    /// Seconds in which the GPUs add up `tokens` tokens in `steps` steps: a ring moves `2 (n - 1) / n` of
    /// the bytes each way (Patarasuk and Yuan 2009), and a data sheet counts both ways.
    fn reduction_seconds(&self, tokens: f64, steps: f64) -> f64 {
        let gpus = self.gpus();
        if gpus <= 1.0 {
            return 0.0;
        }
        let moved = 2.0 * (gpus - 1.0) / gpus * self.work.reduced_bytes * tokens;
        let link = self.question.gpu.peak.link_gb_per_second * GIGA / 2.0 * self.rates.link;
        moved / link + steps * self.work.reductions * self.rates.reduction_seconds
    }

    /// Seconds of a prompt of which each step reads `step_tokens` tokens, its own or those of others.
    fn prefill_seconds_in(&self, step_tokens: f64) -> f64 {
        let span = prompt(self.question);
        let operations = self.work.linear.usual * span.tokens + self.attention_seconds(span, true) + self.work.head.usual;
        let steps = span.tokens / step_tokens;
        let reading = steps * self.work.weight_bytes(step_tokens) / (self.gpus() * self.bytes_per_second());
        let compute = operations / (self.gpus() * self.rates.compute);
        compute.max(reading) + self.reduction_seconds(span.tokens, steps) + steps * self.rates.step_seconds
    }

    /// Seconds of a prompt among others, with which it shares steps.
    pub(super) fn prefill_seconds(&self) -> f64 {
        self.prefill_seconds_in(self.question.setup.max_num_batched_tokens.max(1) as f64)
    }

    /// Seconds to the first token of a request that does not wait and shares its steps with nobody.
    pub(super) fn ttft_seconds(&self) -> f64 {
        let most = self.question.setup.max_num_batched_tokens.max(1) as f64;
        self.prefill_seconds_in(most.min(computed_tokens(self.question)))
    }

    /// Seconds of one step of `batch` requests that write.
    pub(super) fn step_seconds(&self, batch: f64) -> f64 {
        let span = answer(self.question);
        let cached = batch * self.work.read_bytes(span);
        let reading = (self.work.weight_bytes(batch) / self.gpus() + cached) / self.bytes_per_second();
        let attention = self.attention_seconds(Span { tokens: 1.0, start: span.start + span.tokens / 2.0 }, false);
        let operations = batch * (self.work.linear.usual + self.work.head.usual + attention);
        let compute = operations / (self.gpus() * self.rates.compute);
        reading.max(compute) + self.reduction_seconds(batch, 1.0) + self.rates.step_seconds
    }

    /// Mean seconds for each further token: a step, and the prompts of others between steps.
    fn tpot_seconds(&self, batch: f64) -> f64 {
        let answered = answer(self.question).tokens;
        if answered <= 0.0 {
            return 0.0;
        }
        self.step_seconds(batch) + (batch - 1.0) * self.prefill_seconds() / answered
    }

    fn requests_per_second(&self, batch: f64) -> f64 {
        let answering = answer(self.question).tokens * self.step_seconds(batch);
        batch / (batch * self.prefill_seconds() + answering)
    }

    /// The copy with as many requests at once as settings, memory and objectives allow.
    pub(super) fn busy(&self, cached: f64) -> Busy {
        let sequences = self.question.setup.max_num_seqs.max(1) as f64;
        let held = (cached * self.rates.occupancy).max(1.0);
        let most = sequences.min(held);
        let (batch, is_objective) = match self.question.tpot_seconds {
            Some(longest) if self.tpot_seconds(most) > longest => (self.largest_batch(most, longest), true),
            _ => (most, false),
        };
        let requests_per_second = self.requests_per_second(batch);
        let prefill_share = (requests_per_second * self.prefill_seconds()).clamp(0.0, 1.0);
        let limit = if is_objective {
            Limit::Objective
        } else if self.requests_per_second(batch * 1.1) > 1.02 * requests_per_second {
            if sequences <= held { Limit::Sequences } else { Limit::Cache }
        } else if prefill_share > 0.5 {
            Limit::Compute
        } else {
            Limit::Bandwidth
        };
        Busy { batch, requests_per_second, tpot_seconds: self.tpot_seconds(batch), prefill_share, limit }
    }

    /// The largest batch up to `most` whose further tokens come within `longest` seconds; 1 where none does.
    fn largest_batch(&self, most: f64, longest: f64) -> f64 {
        let (mut low, mut high) = (1.0, most);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if self.tpot_seconds(middle) <= longest { low = middle } else { high = middle }
        }
        low
    }
}

/// Requests of mean length that `blocks` blocks hold at once: half of an answer is written on average.
pub(super) fn held_requests(question: &Question<'_>, blocks: u64) -> Result<f64, Vec<String>> {
    let tokens = (question.input_tokens + question.output_tokens / 2.0).ceil() as u64;
    let layouts = cache::per_stage(question.setup)?;
    let each = |layout: &Layout| blocks as f64 / layout.blocks_per_request(tokens).max(1) as f64;
    Ok(layouts.iter().map(each).fold(f64::INFINITY, f64::min))
}
