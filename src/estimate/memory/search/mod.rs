//! The nearest settings that are proven to work, found by asking the proof.
//!
//! Each change is of one setting; the rest of the setup stays. Where the answer can only turn once, the
//! border is found by halving; other settings have few values, which are tried in order of nearness.

use super::{Proof, Setup, Verdict, prove};
use crate::catalog;
use semver::Version;

/// What settings must reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Be proven to start.
    Start,
    /// Be proven to start, and to hold so many requests of full length at once.
    Hold(u64),
}

impl Goal {
    /// Whether `proof` reaches it at the least that the bounds allow.
    pub fn is_reached(self, proof: &Proof) -> bool {
        let held = || proof.cache.as_ref().map_or(0.0, |cache| cache.max_concurrency.0);
        proof.verdict == Verdict::ProvenToStart
            && match self {
                Self::Start => true,
                Self::Hold(requests) => held() >= requests as f64,
            }
    }
}

/// A change of one setting.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// `--max-num-seqs`.
    MaxNumSeqs(u64),
    /// `--max-num-batched-tokens`.
    MaxNumBatchedTokens(u64),
    /// `--gpu-memory-utilization`.
    GpuMemoryUtilization(f64),
    /// `--kv-cache-memory-bytes`.
    KvCacheMemoryBytes(u64),
    /// `--kv-cache-dtype`.
    KvCacheDtype(String),
    /// `--max-model-len`.
    MaxModelLen(u64),
    /// `--enforce-eager`.
    EnforceEager,
    /// `--tensor-parallel-size`.
    TensorParallel(u64),
    /// Another GPU of the catalogue.
    Gpu(String),
}

/// A change that works, and what follows from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// What to change.
    pub change: Change,
    /// The proof with it.
    pub proof: Proof,
}

/// What may be changed beside the settings of the engine.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// GPUs of one node, within which `tensor_parallel` stays.
    pub gpus_per_node: u64,
    /// Whether GPUs of another kind may be named.
    pub other_gpus: bool,
}

impl Change {
    /// To a cache of 8-bit floats, of half the size.
    pub fn eight_bit_cache() -> Self {
        Self::KvCacheDtype("fp8".to_owned())
    }

    /// `setup` with the change.
    #[must_use]
    pub fn applied<'a>(&self, setup: &Setup<'a>) -> Setup<'a> {
        let mut next = setup.clone();
        match self {
            Self::MaxNumSeqs(value) => next.max_num_seqs = *value,
            Self::MaxNumBatchedTokens(value) => next.max_num_batched_tokens = *value,
            Self::GpuMemoryUtilization(value) => next.gpu_memory_utilization = *value,
            Self::KvCacheMemoryBytes(value) => next.kv_cache_memory_bytes = Some(*value),
            Self::KvCacheDtype(value) => next.kv_cache_dtype.clone_from(value),
            Self::MaxModelLen(value) => next.max_model_len = Some(*value),
            Self::EnforceEager => next.enforce_eager = true,
            Self::TensorParallel(value) => next.tensor_parallel = *value,
            Self::Gpu(name) => {
                if let Some(gpu) = catalog::gpu(name) {
                    next.gpu = gpu.into();
                }
            }
        }
        next
    }
}

/// Changes of one setting that reach `goal`, those that cost least first: limits on the load, then the
/// memory that the engine may use, then the cache's type and the length of requests, then hardware.
/// Empty where nothing near works, or where no setting settles what is missing.
pub fn nearest(setup: &Setup<'_>, goal: Goal, limits: Limits) -> Vec<Way> {
    let first = |candidates: Vec<Change>| candidates.into_iter().find_map(|change| way(setup, goal, change));
    let ways = [
        first(fewer_requests(setup, goal)),
        first(shorter_steps(setup)),
        first(utilizations(setup)),
        first(if setup.enforce_eager { Vec::new() } else { vec![Change::EnforceEager] }),
        stated_cache(setup, goal),
        eight_bit_cache(setup).filter(|cache| *cache == EightBitCache::Native).and_then(|_| way(setup, goal, Change::eight_bit_cache())),
        shorter_requests(setup, goal),
        first(more_gpus(setup, limits)),
        first(if limits.other_gpus { larger_gpus(setup) } else { Vec::new() }),
    ];
    ways.into_iter().flatten().collect()
}

fn way(setup: &Setup<'_>, goal: Goal, change: Change) -> Option<Way> {
    let proof = prove(&change.applied(setup));
    goal.is_reached(&proof).then_some(Way { change, proof })
}

/// Round numbers below the setup's, down to what the goal needs.
fn fewer_requests(setup: &Setup<'_>, goal: Goal) -> Vec<Change> {
    let least = if let Goal::Hold(requests) = goal { requests.max(1) } else { 1 };
    let round = [1024, 768, 512, 384, 256, 192, 128, 96, 64, 48, 32, 16, 8, 4, 2, 1];
    round.into_iter().filter(|count| *count < setup.max_num_seqs && *count >= least).map(Change::MaxNumSeqs).collect()
}

/// Powers of two below the setup's, not so small that prompts take many steps, nor below a token of each
/// request, which the engine refuses.
fn shorter_steps(setup: &Setup<'_>) -> Vec<Change> {
    let steps = [16384, 8192, 4096, 2048];
    let fits = |tokens: &u64| *tokens < setup.max_num_batched_tokens && *tokens >= setup.max_num_seqs;
    steps.into_iter().filter(fits).map(Change::MaxNumBatchedTokens).collect()
}

/// Hundredths around the setup's, nearest first, up to 0.97 and down to 0.5.
fn utilizations(setup: &Setup<'_>) -> Vec<Change> {
    if setup.kv_cache_memory_bytes.is_some() || !setup.gpu_memory_utilization.is_finite() {
        return Vec::new();
    }
    let now = (setup.gpu_memory_utilization.clamp(0.0, 1.0) * 100.0).round() as i64;
    let around = (1..=50).flat_map(|step| [now + step, now - step]);
    around.filter(|percent| (50..=97).contains(percent)).map(|percent| Change::GpuMemoryUtilization(percent as f64 / 100.0)).collect()
}

/// The largest cache in steps of 256 MiB that leaves enough for everything else.
fn stated_cache(setup: &Setup<'_>, goal: Goal) -> Option<Way> {
    const STEP: u64 = 256 << 20;
    let most = setup.gpu.total_bytes.low / STEP;
    // Too large a cache is refused after it is taken; a smaller one never is.
    let fits = |steps: u64| {
        let proof = prove(&Change::KvCacheMemoryBytes(steps * STEP).applied(setup));
        !proof.refusal.is_some_and(|refusal| matches!(refusal.check, super::Check::Capture))
    };
    way(setup, goal, Change::KvCacheMemoryBytes(largest(1, most.min(1 << 20), fits)? * STEP))
}

/// How a GPU reads a cache of 8-bit floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EightBitCache {
    /// It computes with them.
    Native,
    /// FlashInfer's kernels widen them, which vLLM chooses for such a cache since 0.32.0
    /// (`get_attn_backend` in `vllm/platforms/cuda.py`); the other backends refuse it.
    Widened,
}

/// Whether a cache of 8-bit floats can take the place of the setup's wider one, and how it is read.
pub fn eight_bit_cache(setup: &Setup<'_>) -> Option<EightBitCache> {
    let is_wide = matches!(setup.kv_cache_dtype.as_str(), "auto" | "bfloat16" | "float16");
    match setup.gpu.compute_capability {
        _ if !is_wide => None,
        (8, 9..) | (9.., _) => Some(EightBitCache::Native),
        (8, _) if setup.version >= Version::new(0, 32, 0) => Some(EightBitCache::Widened),
        _ => None,
    }
}

/// The longest request that works, in whole Ki tokens, or in blocks where less than that fits.
fn shorter_requests(setup: &Setup<'_>, goal: Goal) -> Option<Way> {
    let now = setup.max_model_len.unwrap_or(setup.facts.context_tokens);
    [1024, 16].into_iter().find_map(|step| {
        let works = |steps: u64| goal.is_reached(&prove(&Change::MaxModelLen(steps * step).applied(setup)));
        let most = now.saturating_sub(1) / step;
        way(setup, goal, Change::MaxModelLen(largest(1, most.min(1 << 24), works)? * step))
    })
}

/// More GPUs for each layer, among the numbers that divide the attention heads.
fn more_gpus(setup: &Setup<'_>, limits: Limits) -> Vec<Change> {
    let heads = u64::from(setup.facts.attention_heads);
    let most = limits.gpus_per_node.min(64);
    let counts = setup.tensor_parallel.saturating_add(1)..=most;
    counts.filter(|count| heads.is_multiple_of(*count)).map(Change::TensorParallel).collect()
}

/// GPUs with more memory that are at least as new, the smallest first.
fn larger_gpus(setup: &Setup<'_>) -> Vec<Change> {
    let floor = setup.gpu.total_bytes.high as f64 / f64::from(1 << 30);
    let mut gpus: Vec<&catalog::Gpu> = catalog::gpus()
        .iter()
        .filter(|gpu| gpu.torch_gib.0 > floor && !gpu.unified_memory && gpu.compute_capability >= setup.gpu.compute_capability)
        .collect();
    gpus.sort_by(|a, b| a.torch_gib.1.total_cmp(&b.torch_gib.1).then_with(|| a.name.cmp(&b.name)));
    gpus.into_iter().map(|gpu| Change::Gpu(gpu.name.clone())).collect()
}

/// The largest number from `low` to `high` for which `works` holds, if it holds for `low` and turns once.
pub fn largest(low: u64, high: u64, works: impl Fn(u64) -> bool) -> Option<u64> {
    if low > high || !works(low) {
        return None;
    }
    let (mut good, mut bad) = (low, high.saturating_add(1));
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if works(middle) { good = middle } else { bad = middle }
    }
    Some(good)
}

#[cfg(test)]
mod tests;
