//! What no engine on the GPU exceeds: peaks of the data sheet, and every choice the kindest.
//!
//! Prompts are computed while answers are read from memory, at full speed both; GPUs of a copy exchange
//! nothing; a step reads the experts of one token; requests share the caches of common prefixes; and 8-bit
//! or 4-bit arithmetic is used wherever the weights have as few bits.

use super::Question;
use super::copy::{answer, computed_tokens, prompt};
use super::work::{Attends, Span, Work};
use crate::estimate::memory::CacheFigures;

const GIGA: f64 = 1e9;

/// Ceilings and floors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ceiling {
    pub(super) batch: f64,
    pub(super) requests_per_second: f64,
    /// Of one request alone.
    pub(super) ttft_seconds: f64,
    /// Of one request alone.
    pub(super) tpot_seconds: f64,
}

fn attention_seconds(work: &Work, span: Span, prefill: bool) -> f64 {
    let layer = |layer: &Attends| {
        let each = if prefill { layer.prefill } else { layer.decode };
        each.least * span.seen(layer.reach, layer.chosen_tokens)
    };
    span.tokens * work.attention.iter().map(layer).sum::<f64>()
}

/// The ceiling of a copy with at most the blocks of `cache`.
pub(super) fn ceiling(question: &Question<'_>, work: &Work, cache: &CacheFigures) -> Ceiling {
    let gpus = question.setup.tensor_parallel as f64;
    let bytes_per_second = question.gpu.peak.memory_gb_per_second * GIGA;
    let (prompt, answer) = (prompt(question), answer(question));

    // Caches of prefixes may be one and the same for all requests.
    let own = Span { start: computed_tokens(question), tokens: answer.tokens };
    let cache_bytes = cache.bytes_per_block as f64 * cache.blocks.high as f64;
    let held = cache_bytes / work.kept_bytes(own).max(1.0);
    let batch = (question.setup.max_num_seqs.max(1) as f64).min(held).max(1.0);

    let prefill_compute = (work.linear.least * prompt.tokens + attention_seconds(work, prompt, true) + work.head.least) / gpus;
    let decode_compute = (answer.tokens * (work.linear.least + work.head.least) + attention_seconds(work, answer, false)) / gpus;
    let weights = work.least_weight_bytes() / gpus;
    let decode_reading = answer.tokens * (weights / batch + work.read_bytes(own)) / bytes_per_second;
    let seconds = (prefill_compute + decode_compute).max(decode_reading);

    let alone = answer.tokens * (weights + work.read_bytes(answer)) / bytes_per_second;
    let per_token = |seconds: f64| if answer.tokens > 0.0 { seconds / answer.tokens } else { 0.0 };
    Ceiling {
        batch,
        requests_per_second: 1.0 / seconds,
        ttft_seconds: prefill_compute.max(weights / bytes_per_second),
        tpot_seconds: per_token(alone.max(decode_compute)),
    }
}
