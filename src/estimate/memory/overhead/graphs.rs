//! CUDA graphs: how many are captured, and what they may take.

use super::{Bounds, GIB, MIB, bounds};
use crate::catalog::{Mixer, Shape};
use crate::estimate::memory::{Setup, since};

/// Numbers of tokens that graphs are captured for, smallest first, as far as the version's defaults and
/// the setup's limits decide them; empty without graphs.
pub fn captured(setup: &Setup<'_>) -> Vec<u64> {
    if setup.enforce_eager {
        return Vec::new();
    }
    let version = &setup.version;
    // Guessed tokens count since 0.13 (`decode_query_len`).
    let per_request = if since(version, 0, 13, 0) { setup.speculative_tokens.saturating_add(1) } else { 1 };
    // `_set_cudagraph_sizes` (`vllm/config/vllm.py`); 0.8 and 0.9 captured up to 512 whatever the number
    // of requests. The engine's table of defaults says the same in words, and a test there compares them.
    let most = if !since(version, 0, 10, 0) {
        512
    } else {
        let datacentre_blackwell = setup.gpu.compute_capability.0 == 10 && since(version, 0, 28, 0);
        setup.max_num_seqs.saturating_mul(per_request).saturating_mul(2).min(if datacentre_blackwell { 1024 } else { 512 })
    };
    let most = setup.max_capture_size.unwrap_or(most).min(setup.max_num_batched_tokens).min(16384);
    let wide_steps = since(version, 0, 11, 1);
    let mut sizes: Vec<u64> = [1, 2, 4].into_iter().filter(|size| *size <= most).collect();
    let mut size = 8;
    while size <= most {
        sizes.push(size);
        size += if wide_steps && size >= 256 { 16 } else { 8 };
    }
    sizes
}

/// Bytes of all graphs.
///
/// Each layer of each graph leaves nodes and buffers behind. Published totals, by layers and graphs:
/// Qwen3 0.6B with 18 graphs 0.04 GiB (0.08 MiB for each layer and graph), Qwen2.5 7B with 0.65 GiB
/// (0.33 MiB), Qwen3 8B with 86 graphs 2.44 GiB (0.8 MiB), which is the highest known total. The
/// expected value is their geometric mean; totals stay below 3 GiB for each 64 layers, a quarter above
/// the highest.
pub(super) fn bytes(setup: &Setup<'_>, shape: &Shape) -> Bounds {
    let sizes = captured(setup);
    if sizes.is_empty() {
        return Bounds::exact(0);
    }
    // Whole graphs of decoding beside those of the pieces between attention, from 0.11 on
    // (`FULL_AND_PIECEWISE`).
    let whole = if since(&setup.version, 0, 11, 0) { sizes.iter().filter(|size| **size <= setup.max_num_seqs).count() } else { 0 };
    let stages = setup.pipeline_parallel.max(1) as f64;
    let layer_graphs = (sizes.len() + whole) as f64 * shape.layer_count() as f64 / stages;
    let recurrent = shape.layers.iter().any(|run| matches!(run.mixer, Mixer::GatedDeltaNet(_) | Mixer::Mamba2(_)));
    // A start of Qwen3.8 27B ran out of memory here with 6.2 GiB outside of the utilization, so nothing
    // bounds recurrent layers that well.
    let (each, most) = if recurrent { (3.0, 12.0) } else { (0.9, 3.0 * (shape.layer_count() as f64 / stages / 64.0).max(1.0)) };
    bounds(
        (0.02 * MIB * layer_graphs).min(0.04 * GIB),
        (0.28 * MIB * layer_graphs).min(2.4 * GIB),
        (each * MIB * layer_graphs).clamp(0.1 * GIB, most * GIB),
    )
}
