//! The stated load against the cache.

use crate::estimate::memory::{self, Proof, Setup};
use crate::stack::Model;

/// How the cache of one copy meets the stated load.
///
/// Requests are shared evenly among copies, rounded up. A copy never computes more than its
/// `max-num-seqs` at once; the others wait, and waiting requests have no cache.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Requests at the same time on all copies.
    pub concurrency: u64,
    /// Requests in one copy at the least number of copies: what meets a copy before others have started.
    pub each_at_least_copies: u64,
    /// Requests in one copy at the greatest number of copies.
    pub each_at_most_copies: u64,
    /// Prompt and answer of a mean request together, in tokens.
    pub mean_tokens: u64,
    /// Share of the cache that is left in percent, where each of `each_at_least_copies` requests has its
    /// mean length; below zero where they do not fit, so that the engine interrupts some of them.
    pub headroom_percent: Option<f64>,
}

impl Load {
    /// The load of `model`, whose `setup` has `proof`; none where no concurrency is stated.
    pub(super) fn of(model: &Model, setup: &Setup<'_>, proof: &Proof) -> Option<Self> {
        let load = model.load.as_ref()?;
        let concurrency = u64::from(load.concurrency?);
        let each = |copies: u32| concurrency.div_ceil(u64::from(copies.max(1))).min(setup.max_num_seqs);
        let each_at_least_copies = each(model.replicas.min);
        let mean_tokens = load.input_tokens.saturating_add(load.output_tokens).min(model.serve.max_model_len);
        Some(Self {
            concurrency,
            each_at_least_copies,
            each_at_most_copies: each(model.replicas.max),
            mean_tokens,
            headroom_percent: headroom_percent(setup, proof, each_at_least_copies, mean_tokens),
        })
    }
}

/// What `requests` of `tokens` each leave of the cache.
fn headroom_percent(setup: &Setup<'_>, proof: &Proof, requests: u64, tokens: u64) -> Option<f64> {
    let blocks = proof.cache.as_ref()?.blocks.expected;
    // The blocks of a shorter request are those of an engine whose longest request is that short.
    let shorter = memory::prove(&Setup { max_model_len: Some(tokens.max(1)), ..setup.clone() });
    let used = shorter.cache?.blocks_per_request.saturating_mul(requests);
    (blocks > 0).then(|| 100.0 * (1.0 - used as f64 / blocks as f64)).map(|percent| (percent * 10.0).round() / 10.0)
}
