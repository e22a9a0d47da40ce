//! The nearest settings that work, in the words of a spec.

use super::{Fit, gib};
use crate::diagnostic::thousands;
use crate::engine;
use crate::estimate::memory::search::{self, Change, EightBitCache, Goal, Limits};
use crate::estimate::memory::{Setup, Verdict, prove};

/// Most remedies that are named.
const MOST: usize = 8;

/// Settings near those of `fit` with which it starts, or, with a load, also holds that with the least
/// copies; the least change first.
pub(super) fn remedies(fit: &Fit<'_>, goal: Goal) -> Vec<String> {
    let Some(setup) = fit.setup.as_ref().filter(|_| fit.is_known() || fit.verdict() == Verdict::ProvenToRefuse) else {
        // What is not known stays so with other settings.
        return Vec::new();
    };
    let limits = Limits { gpus_per_node: fit.pool.gpus_per_node.into(), other_gpus: true };
    let mut ways: Vec<Change> = search::nearest(setup, goal, limits).into_iter().map(|way| way.change).collect();
    let would = if goal == Goal::Start { "would start" } else { "would hold it" };
    let is_hardware = |change: &Change| matches!(change, Change::TensorParallel(_) | Change::Gpu(_));
    let told = |hardware: bool, ways: &[Change]| -> Vec<String> {
        ways.iter().filter(|change| is_hardware(change) == hardware).map(|change| format!("{} {would}", words(change))).collect()
    };
    if setup.version < engine::of(fit.model.engine).stated_cache_since() {
        ways.retain(|change| !matches!(change, Change::KvCacheMemoryBytes(_)));
    }
    if let Goal::Hold(_) = goal {
        // Fewer requests at once hold the load as a queue, which another line says.
        ways.retain(|change| !matches!(change, Change::MaxNumSeqs(_)));
    }
    let mut found = told(false, &ways);
    if let Goal::Hold(_) = goal {
        found.extend(around_the_load(fit, setup));
    }
    found.extend(told(true, &ways));
    found.extend(with_eight_bits(setup, goal, limits, &ways).into_iter().map(|(setting, note)| format!("{setting} {would}{note}")));
    if found.is_empty() {
        found.push(format!("no setting near these is proven to work; `llmc fit` shows the figures of `{}`", fit.model.name));
    }
    found.truncate(MOST);
    found
}

/// A change as a spec has it.
fn words(change: &Change) -> String {
    match change {
        Change::MaxNumSeqs(count) => format!("`max-num-seqs={count}`"),
        Change::MaxNumBatchedTokens(tokens) => format!("`max-num-batched-tokens={tokens}`"),
        Change::GpuMemoryUtilization(share) => format!("`gpu-memory-utilization={share}`"),
        Change::KvCacheMemoryBytes(bytes) => format!("`kv-cache-memory-bytes={bytes}` ({})", gib(*bytes)),
        Change::KvCacheDtype(dtype) => format!("`kv-cache-dtype=\"{dtype}\"`"),
        Change::MaxModelLen(tokens) => format!("`max-model-len={tokens}`"),
        Change::EnforceEager => "`args \"--enforce-eager\"`".to_owned(),
        Change::TensorParallel(gpus) => format!("`tensor-parallel={gpus}`"),
        Change::Gpu(name) => format!("`gpu \"{name}\"`"),
    }
}

/// A queue, more copies, or a smaller load.
fn around_the_load(fit: &Fit<'_>, setup: &Setup<'_>) -> Vec<String> {
    let (Some(load), Some(held)) = (&fit.load, fit.least_held().filter(|held| *held > 0)) else { return Vec::new() };
    let mut found = Vec::new();
    if held < setup.max_num_seqs {
        found.push(format!("`max-num-seqs={held}` would hold so many, while further requests wait"));
    }
    let copies = load.concurrency.div_ceil(held);
    let (gpus, has) = (copies.saturating_mul(setup.tensor_parallel), fit.pool.gpus());
    let of = if gpus > has { format!(", of which `{}` has {}", fit.pool.name, thousands(has)) } else { String::new() };
    found.push(format!("`replicas min={copies}` would hold it, on {} GPUs{of}", thousands(gpus)));
    found.push(format!("`concurrency={}` is what it holds", held.saturating_mul(fit.model.replicas.min.into())));
    found
}

/// What an 8-bit cache reaches, alone where the search leaves it out for being widened, and with another
/// change that it makes smaller than that is among `alone`.
fn with_eight_bits(setup: &Setup<'_>, goal: Goal, limits: Limits, alone: &[Change]) -> Vec<(String, &'static str)> {
    let change = Change::eight_bit_cache();
    let Some(cache) = search::eight_bit_cache(setup).filter(|_| !alone.contains(&change)) else { return Vec::new() };
    let note = if cache == EightBitCache::Native { "" } else { ", by FlashInfer's kernels" };
    let eight_bit = change.applied(setup);
    if goal.is_reached(&prove(&eight_bit)) {
        return vec![(words(&change), note)];
    }
    let is_near = |change: &Change| matches!(change, Change::MaxModelLen(_) | Change::TensorParallel(_) | Change::Gpu(_));
    let other = search::nearest(&eight_bit, goal, limits).into_iter().map(|way| way.change);
    let other = other.filter(|change| is_near(change) && !alone.contains(change));
    let on_this_gpu = |change: &Change| if matches!(change, Change::Gpu(_)) { "" } else { note };
    other.map(|other| (format!("{} with {}", words(&change), words(&other)), on_this_gpu(&other))).collect()
}

/// What would decide an answer that is not proven.
pub(super) fn what_settles(fit: &Fit<'_>) -> Vec<String> {
    let add = || {
        let repository = &fit.model.repository;
        format!("`llmc model add CONFIG.JSON --repository {repository}` writes a file of its facts, which `facts=\"…\"` of `source` names")
    };
    let Some(setup) = &fit.setup else { return vec![add()] };
    let unknown = setup.unknown_arguments.iter().map(|flag| format!("remove `{flag}`, whose effect on memory is not known"));
    let mut found: Vec<String> = unknown.collect();
    if setup.facts.shape.is_none() {
        found.push(add());
    }
    if !fit.is_known() {
        if found.is_empty() {
            found.push("the log of a first start tells it: `Available KV cache memory` and `GPU KV cache size`".to_owned());
        }
        return found;
    }
    found.extend(stated_memory(fit, setup));
    found.extend(remedies(fit, Goal::Start));
    found
}

/// The memory that a GPU must report for a proof, where the bounds hold one.
fn stated_memory(fit: &Fit<'_>, setup: &Setup<'_>) -> Option<String> {
    const HUNDREDTH_BYTES: f64 = 10_737_418.24;
    if fit.pool.gpu_memory_gib.is_some() {
        return None;
    }
    let hundredths = |bytes: u64| (bytes as f64 / HUNDREDTH_BYTES) as u64;
    let total = setup.gpu.total_bytes;
    let starts = |less: u64| {
        let gib = hundredths(total.high).saturating_sub(less) as f64 / 100.0;
        Goal::Start.is_reached(&prove(&Setup { gpu: setup.gpu.clone().reporting_gib(gib), ..setup.clone() }))
    };
    let less = search::largest(0, hundredths(total.high).saturating_sub(hundredths(total.low)), starts)?;
    let gib = hundredths(total.high).saturating_sub(less) as f64 / 100.0;
    Some(format!("a GPU that reports {gib:.2} GiB or more would start; `gpu-memory-gib` of `{}` says so", fit.pool.name))
}
