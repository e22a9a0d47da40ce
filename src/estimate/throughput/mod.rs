//! How many requests one copy of a model computes in a second: a roofline with bounds.

use crate::catalog;
use crate::estimate::memory::{Proof, Setup};

/// What is asked: one copy of a model, and the requests that it gets.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The copy.
    pub setup: &'a Setup<'a>,
    /// What is known about its memory.
    pub proof: &'a Proof,
    /// Its GPU.
    pub gpu: &'a catalog::Gpu,
    /// Mean length of a prompt in tokens; at least 1.
    pub input_tokens: f64,
    /// Mean length of an answer in tokens; at least 1.
    pub output_tokens: f64,
    /// Share of prompt tokens whose keys and values are cached already, from 0 to 1.
    pub cached_share: f64,
    /// Longest mean time to the first token that is allowed, in seconds.
    pub ttft_seconds: Option<f64>,
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
    /// Requests finished in a second.
    pub requests_per_second: Range,
    /// Requests at once.
    pub batch: Range,
    /// Seconds until the first token of a request that does not wait.
    pub ttft_seconds: Range,
    /// Seconds for each further token.
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
pub fn estimate(_question: &Question<'_>) -> Result<Throughput, Vec<String>> {
    Err(vec!["throughput is not estimated".to_owned()])
}
