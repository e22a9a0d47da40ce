//! The proof: every check at both ends of the bounds.

use super::cache::{self, Layout};
use super::overhead::{self, Overhead};
use super::refusal::{End, Side};
use super::{Bounds, Check, Proof, Refusal, Setup, SignedBounds, Verdict, settings, support, weights};

/// What is on a GPU of one pipeline stage, as far as it is known.
#[derive(Clone, Debug)]
struct Stage {
    weights: Option<Bounds>,
    overhead: Option<Overhead>,
    layout: Option<Layout>,
}

/// Answers whether the engine starts with `setup`.
///
/// It starts for sure if no check fails with the least memory and the most on it; it refuses for sure
/// if one fails with the most memory and the least on it. Stages of a pipeline are judged one by one:
/// one that fails is enough, and the one with the fewest blocks decides the cache of all.
pub fn prove(setup: &Setup<'_>) -> Proof {
    let mut missing = Vec::new();
    let mut known = |unknown: Vec<String>| missing.extend(unknown);
    let weights = weights::per_stage(setup).map_err(&mut known).unwrap_or_default();
    let overheads = overhead::per_stage(setup).map_err(&mut known).unwrap_or_default();
    let layouts = cache::per_stage(setup).map_err(&mut known).unwrap_or_default();
    missing.extend(unproven_settings(setup));
    missing.extend(support::other_refusals(setup));
    missing.extend(settings::reasons(setup));
    let count = weights.len().max(overheads.len()).max(layouts.len()).max(1);
    let stages: Vec<Stage> = (0..count)
        .map(|at| Stage { weights: weights.get(at).copied(), overhead: overheads.get(at).copied(), layout: layouts.get(at).cloned() })
        .collect();
    let decisive = decisive(setup, &stages);
    let mut proof = figures(setup, &stages[decisive]);
    conclude(setup, &stages, decisive, missing, &mut proof);
    proof
}

/// Whether the engine's arithmetic with `setup` is that of the proof.
pub fn is_followed(setup: &Setup<'_>) -> bool {
    unproven_settings(setup).is_empty()
}

/// Settings under which nothing can be proven, in words.
fn unproven_settings(setup: &Setup<'_>) -> Vec<String> {
    let mut out: Vec<String> = setup.unknown_arguments.iter().map(|argument| format!("what `{argument}` does to the memory")).collect();
    if setup.gpu.unified_memory {
        out.push(format!("how much of its memory the host leaves to `{}`, which they share", setup.gpu.name));
    }
    if setup.gpu_memory_utilization.is_nan() {
        out.push("the utilization, which is not a number".to_owned());
    }
    out.extend(support::other_arithmetic(setup));
    out
}

/// The stage whose cache has the fewest blocks, or else the one with the heaviest weights.
fn decisive(setup: &Setup<'_>, stages: &[Stage]) -> usize {
    let rank = |stage: &Stage| {
        let blocks = available(setup, stage)
            .and_then(|bytes| stage.layout.as_ref()?.figures(bytes))
            .map_or(u64::MAX, |figures| figures.blocks.expected);
        (blocks, std::cmp::Reverse(stage.weights.map_or(0, |weights| weights.expected)))
    };
    (0..stages.len()).min_by_key(|at| rank(&stages[*at])).unwrap_or(0)
}

/// Bytes left for the cache of a stage.
fn available(setup: &Setup<'_>, stage: &Stage) -> Option<SignedBounds> {
    let (weights, overhead) = (stage.weights?, stage.overhead.as_ref()?);
    let at = |side| End::new(setup, side, weights, overhead).available();
    Some(SignedBounds { low: at(Side::Worst), expected: at(Side::Expected), high: at(Side::Best) })
}

/// The figures of the stage that decides.
fn figures(setup: &Setup<'_>, stage: &Stage) -> Proof {
    let available =
        available(setup, stage).or_else(|| setup.kv_cache_memory_bytes.map(|bytes| SignedBounds::exact(super::refusal::signed(bytes))));
    Proof {
        verdict: Verdict::NotProven,
        refusal: None,
        missing: Vec::new(),
        total_bytes: setup.gpu.total_bytes,
        requested_bytes: setup.gpu.total_bytes.map(|total| super::refusal::requested(total, setup.gpu_memory_utilization)),
        weights_bytes: stage.weights,
        non_torch_bytes: stage.overhead.map(|overhead| overhead.non_torch_bytes),
        activation_bytes: stage.overhead.map(|overhead| overhead.activation_bytes),
        graph_bytes: stage.overhead.map(|overhead| overhead.graph_bytes),
        graphs_in_budget: stage.overhead.is_some_and(|overhead| overhead.graphs_in_budget),
        available_kv_bytes: available,
        cache: available.and_then(|bytes| stage.layout.as_ref()?.figures(bytes)),
    }
}

/// The verdict over all stages.
fn conclude(setup: &Setup<'_>, stages: &[Stage], decisive: usize, missing: Vec<String>, proof: &mut Proof) {
    let at = |side: Side| {
        let mut found: Vec<Refusal> = stages.iter().filter_map(|stage| first_refusal(setup, stage, side)).collect();
        // The decisive stage speaks first where several fail at the same check.
        if let Some(own) = first_refusal(setup, &stages[decisive], side) {
            found.insert(0, own);
        }
        found.into_iter().min_by_key(|refusal| refusal.check)
    };
    if is_followed(setup)
        && let Some(refusal) = at(Side::Best)
    {
        proof.verdict = Verdict::ProvenToRefuse;
        proof.refusal = Some(refusal);
        return;
    }
    let worst = at(Side::Worst);
    proof.missing = missing;
    if proof.missing.is_empty() && worst.is_none() {
        proof.verdict = Verdict::ProvenToStart;
        return;
    }
    proof.refusal = at(Side::Expected).or(worst);
    if proof.missing.is_empty()
        && let Some(refusal) = &proof.refusal
    {
        proof.missing.push(open_question(setup, refusal.check));
    }
}

/// The first check that fails at one side of the bounds, as far as the stage is known.
fn first_refusal(setup: &Setup<'_>, stage: &Stage, side: Side) -> Option<Refusal> {
    let weights = stage.weights?;
    let nothing = Overhead::none();
    let end = End::new(setup, side, weights, stage.overhead.as_ref().unwrap_or(&nothing));
    let cache = end.available();
    end.before_cache(setup.gpu_memory_utilization)
        .or_else(|| stage.layout.as_ref()?.refusal(cache, setup))
        .or_else(|| end.after_cache(cache, side == Side::Best))
}

/// What the bounds leave open, and the setting that settles it.
fn open_question(setup: &Setup<'_>, check: Check) -> String {
    match check {
        Check::Load => {
            "whether the weights fit what the driver leaves of the GPU; `gpu-memory-gib` as the GPU reports it narrows that".into()
        }
        Check::FreeMemory => "how much the driver leaves free; a lower `gpu-memory-utilization` settles it".into(),
        Check::Profile => "how much the profile run takes; a lower `max-num-seqs` or `max-num-batched-tokens` settles it".into(),
        Check::Capture if setup.kv_cache_memory_bytes.is_some() => {
            "whether the stated cache leaves enough for activations and CUDA graphs; a lower `kv-cache-memory-bytes` settles it".into()
        }
        Check::Capture => "how much CUDA graphs take; a lower `gpu-memory-utilization` or `enforce-eager` settles it".into(),
        Check::NoBlocks | Check::OneRequest | Check::RecurrentStates => {
            "how much the profile run leaves for the cache; `kv-cache-memory-bytes` from the log of a start settles it".into()
        }
    }
}

#[cfg(test)]
mod tests;
