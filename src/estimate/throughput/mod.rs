//! How many requests one copy of a model computes in a second: a roofline with bounds.
//!
//! A copy alternates between prompts, which are arithmetic, and steps in which every running request gets a
//! token, for which all weights and all caches are read ([`work`], [`copy`]). How much of a peak is reached
//! is calibrated on published measurements ([`rates`]); the upper bound is the data sheet's ([`ceiling`]).

mod ceiling;
mod copy;
mod peaks;
mod rates;
mod work;

pub use rates::Rates;

use self::copy::Copy;
use self::work::Work;
use crate::catalog::Gpu;
use crate::estimate::memory::{CacheFigures, Proof, Setup, Verdict};

/// What is asked: one copy of a model, and the requests that it gets.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The copy.
    pub setup: &'a Setup<'a>,
    /// What is known about its memory.
    pub proof: &'a Proof,
    /// Its GPU.
    pub gpu: &'a Gpu,
    /// Mean length of a prompt in tokens; at least 1.
    pub input_tokens: f64,
    /// Mean length of an answer in tokens; at least 1.
    pub output_tokens: f64,
    /// Share of prompt tokens whose keys and values are cached already, from 0 to 1.
    pub cached_share: f64,
    /// Longest mean time for each further token that is allowed, in seconds.
    pub tpot_seconds: Option<f64>,
}

/// A figure between two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// At least.
    pub low: f64,
    /// Most likely.
    pub expected: f64,
    /// At most; no engine on this GPU does more.
    pub high: f64,
}

/// Which figure of a [`Range`] is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// At least.
    Low,
    /// Most likely.
    Expected,
    /// At most.
    High,
}

impl Range {
    /// One of its figures.
    pub const fn at(&self, bound: Bound) -> f64 {
        match bound {
            Bound::Low => self.low,
            Bound::Expected => self.expected,
            Bound::High => self.high,
        }
    }
}

/// What ends the growth of throughput.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Arithmetic of prompts and large batches.
    Compute,
    /// Weights and caches are read for each token.
    Bandwidth,
    /// The cache holds no more requests at once.
    Cache,
    /// The setting `max-num-seqs`.
    Sequences,
    /// A larger batch would be slower than an objective allows.
    Objective,
}

/// What one copy does when it always has work.
#[derive(Clone, Debug, PartialEq)]
pub struct Throughput {
    /// Requests finished in a second. The upper bound is the GPU's, whatever the objectives.
    pub requests_per_second: Range,
    /// Requests at once.
    pub batch: Range,
    /// Seconds until the first token of a request that does not wait; the lower bound is physical.
    pub ttft_seconds: Range,
    /// Seconds for each further token; the lower bound is physical, for one request alone.
    pub tpot_seconds: Range,
    /// Share of the time in which prompts are read, as opposed to answers written.
    pub prefill_share: f64,
    /// What ends the growth.
    pub limit: Limit,
}

/// The throughput of a copy that always has work.
///
/// # Errors
/// What is not known, in words.
pub fn estimate(question: &Question<'_>) -> Result<Throughput, Vec<String>> {
    estimate_with(question, Rates::LOW, Rates::EXPECTED)
}

/// The throughput of a copy that reaches `low` at least, and most likely `expected`.
///
/// # Errors
/// What is not known, in words.
pub fn estimate_with(question: &Question<'_>, low: Rates, expected: Rates) -> Result<Throughput, Vec<String>> {
    let question = &valid(question)?;
    let cache = known(question)?;
    let work = Work::of(question.setup, question.gpu).map_err(|unknown| vec![unknown])?;
    let ceiling = ceiling::ceiling(question, &work, cache);
    let copy = |rates| Copy { question, work: &work, rates };
    let (low, usual) = (copy(low), copy(expected));
    let (least, busy) =
        (low.busy(copy::held_requests(question, cache.blocks.low)?), usual.busy(copy::held_requests(question, cache.blocks.expected)?));
    let throughput = Throughput {
        requests_per_second: below(least.requests_per_second, busy.requests_per_second, ceiling.requests_per_second),
        batch: below(least.batch, busy.batch, ceiling.batch),
        ttft_seconds: above(ceiling.ttft_seconds, usual.ttft_seconds(), low.ttft_seconds()),
        tpot_seconds: above(ceiling.tpot_seconds, busy.tpot_seconds, least.tpot_seconds),
        prefill_share: busy.prefill_share,
        limit: busy.limit,
    };
    let is_sane = |range: &Range| range.low.is_finite() && range.expected.is_finite() && range.high.is_finite() && range.low >= 0.0;
    let ranges = [&throughput.requests_per_second, &throughput.batch, &throughput.ttft_seconds, &throughput.tpot_seconds];
    if ranges.into_iter().all(is_sane) && throughput.requests_per_second.low > 0.0 && throughput.prefill_share.is_finite() {
        Ok(throughput)
    } else {
        Err(vec!["a throughput within the range of numbers: the sizes are beyond any machine".to_owned()])
    }
}

/// A range whose upper bound is the firm one.
fn below(low: f64, expected: f64, ceiling: f64) -> Range {
    let expected = expected.min(ceiling);
    Range { low: low.min(expected), expected, high: ceiling }
}

/// A range whose lower bound is the firm one.
fn above(floor: f64, expected: f64, high: f64) -> Range {
    let expected = expected.max(floor);
    Range { low: floor, expected, high: high.max(expected) }
}

/// The question with figures that can be computed with.
fn valid<'a>(question: &Question<'a>) -> Result<Question<'a>, Vec<String>> {
    let tokens = |tokens: f64, what: &str| {
        if tokens.is_finite() && tokens >= 0.0 {
            Ok(tokens.max(1.0))
        } else {
            Err(vec![format!("requests with {tokens} tokens of {what}")])
        }
    };
    let share = question.cached_share;
    if !(0.0..=1.0).contains(&share) {
        return Err(vec![format!("a cached share of {share}")]);
    }
    Ok(Question {
        input_tokens: tokens(question.input_tokens, "prompt")?,
        output_tokens: tokens(question.output_tokens, "answer")?,
        ..question.clone()
    })
}

/// The cache of the copy, where all that decides throughput is known.
fn known<'a>(question: &Question<'a>) -> Result<&'a CacheFigures, Vec<String>> {
    let (setup, proof) = (question.setup, question.proof);
    let mut unknown = Vec::new();
    let mut ask = |is_unknown: bool, what: String| {
        if is_unknown {
            unknown.push(what);
        }
    };
    ask(proof.verdict == Verdict::ProvenToRefuse, "what a copy serves that is proven not to start".to_owned());
    ask(setup.tensor_parallel == 0, "what a copy without a GPU serves".to_owned());
    ask(setup.pipeline_parallel > 1, format!("how well {} pipeline stages work at the same time", setup.pipeline_parallel));
    ask(setup.decode_context_parallel > 1, "how fast tokens of one request are read by several GPUs".to_owned());
    ask(setup.speculative_tokens > 0, "how many of the guessed tokens are right".to_owned());
    for argument in &setup.unknown_arguments {
        ask(true, format!("what `{argument}` does to the throughput"));
    }
    for reason in &setup.unsupported {
        ask(true, reason.clone());
    }
    let tokens = question.input_tokens + question.output_tokens;
    if let Some(most) = setup.max_model_len.filter(|most| tokens > *most as f64) {
        ask(true, format!("how requests of {tokens} tokens are served with `max-model-len` {most}"));
    }
    match &proof.cache {
        Some(cache) if unknown.is_empty() && cache.blocks.high > 0 => Ok(cache),
        Some(cache) => {
            if cache.blocks.high == 0 {
                unknown.push("what is served without a cache".to_owned());
            }
            Err(unknown)
        }
        None => {
            unknown.push("how many requests the cache holds".to_owned());
            unknown.extend(proof.missing.iter().cloned());
            Err(unknown)
        }
    }
}

#[cfg(test)]
mod tests;
