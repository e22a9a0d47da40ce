//! What a GPU holds beside weights and cache. This is not arithmetic, so every figure has bounds.
//!
//! The expected values follow the engine's sources: the profile run (`v1/worker/gpu_model_runner.py`,
//! `v1/worker/gpu/model_runner.py`) is one forward pass over `max_num_batched_tokens` and one step of
//! the sampler over `max_num_seqs` rows of logits, and the higher of both peaks counts. No
//! figure was computed by fitting logged starts; where the sources do not give a number, the bounds are
//! judged from published measurements, and the comment says which.

mod encoder;
mod forward;
mod graphs;
mod sampler;

use super::{Bounds, Setup, since};
use crate::catalog::Shape;

pub use graphs::captured;

/// One mebibyte in bytes.
const MIB: f64 = 1048576.0;
/// One gibibyte in bytes.
const GIB: f64 = 1073741824.0;

/// Memory beside weights and cache, on a GPU of one pipeline stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overhead {
    /// CUDA context, NCCL and libraries, as far as the version charges them, in bytes.
    pub non_torch_bytes: Bounds,
    /// Peak of the profile run above the weights, in bytes.
    pub activation_bytes: Bounds,
    /// CUDA graphs, in bytes.
    pub graph_bytes: Bounds,
    /// Whether the version counts graphs against the utilization.
    pub graphs_in_budget: bool,
    /// What the driver holds before the engine measures what is free, in bytes.
    pub context_bytes: Bounds,
}

impl Overhead {
    /// Nothing, for a setup whose overhead is not known: what fails even so fails for sure.
    pub const fn none() -> Self {
        let none = Bounds::exact(0);
        Self { non_torch_bytes: none, activation_bytes: none, graph_bytes: none, graphs_in_budget: false, context_bytes: none }
    }
}

/// Bounds out of three figures in bytes, put in order.
fn bounds(low: f64, expected: f64, high: f64) -> Bounds {
    let (low, expected, high) = (low as u64, expected as u64, high as u64);
    Bounds { low: low.min(expected), expected, high: high.max(expected) }
}

/// The overhead on a GPU of each pipeline stage, first stage first.
///
/// # Errors
/// What is not known, in words.
pub fn per_stage(setup: &Setup<'_>) -> Result<Vec<Overhead>, Vec<String>> {
    if !since(&setup.version, 0, 8, 0) {
        return Err(vec![format!("the profile run of vLLM {} (known from 0.8.0)", setup.version)]);
    }
    let Some(shape) = &setup.facts.shape else {
        return Err(vec![format!("the layers of `{}`, which decide the peak of the profile run", setup.facts.repository)]);
    };
    let stages = setup.pipeline_parallel.clamp(1, 1024);
    Ok((0..stages).map(|stage| of_stage(setup, shape, stage == 0, stage + 1 == stages)).collect())
}

fn of_stage(setup: &Setup<'_>, shape: &Shape, first: bool, last: bool) -> Overhead {
    let graphs_in_budget = since(&setup.version, 0, 20, 0);
    Overhead {
        non_torch_bytes: non_torch(setup),
        activation_bytes: activation(setup, shape, first, last),
        graph_bytes: graphs::bytes(setup, shape),
        graphs_in_budget,
        // Judged, not measured: a context with no work takes 0.1 to 0.75 GiB by card and driver; NCCL
        // starts before the engine looks at what is free (`init_device`), which adds its buffers.
        context_bytes: if setup.tensor_parallel > 1 {
            bounds(0.1 * GIB, 0.6 * GIB, 1.2 * GIB)
        } else {
            bounds(0.1 * GIB, 0.45 * GIB, 0.75 * GIB)
        },
    }
}

/// What is taken outside of torch between the first look at the memory and the end of the profile run.
///
/// Measured on vLLM 0.11.0 (llm-d-planner, "empirical vLLM memory results"): 0.13 to 0.14 GiB on one
/// GPU, 0.54 to 0.55 on two. 0.8 charges the context too (`determine_available_memory` takes all that
/// is not torch's, with what torch holds but does not use), as 0.6.5 did, which logged 1.79 GiB on one H100
/// and 3.58 on each of two (vllm-project/vllm#10511), and 0.27 what torch holds but does not use (`total_consumed`).
fn non_torch(setup: &Setup<'_>) -> Bounds {
    let several = setup.tensor_parallel.saturating_mul(setup.pipeline_parallel) > 1;
    let (low, expected, high) = if several { (0.15, 0.55, 1.6) } else { (0.02, 0.14, 0.7) };
    let (more_low, more, more_high) = if !since(&setup.version, 0, 9, 0) {
        (0.1, 0.45, if several { 2.4 } else { 1.3 })
    } else if since(&setup.version, 0, 27, 0) {
        (0.0, 0.1, 0.6)
    } else {
        (0.0, 0.0, 0.0)
    };
    bounds((low + more_low) * GIB, (expected + more) * GIB, (high + more_high) * GIB)
}

/// Peak of the profile run above the weights.
fn activation(setup: &Setup<'_>, shape: &Shape, first: bool, last: bool) -> Bounds {
    let forward = forward::peak(setup, shape);
    let sampler = if last { sampler::peak(setup, shape) } else { sampler::Peak::default() };
    // cuBLAS takes its workspace from torch in the first product and keeps it: 32 MiB from Hopper on,
    // 8.1 MiB before (`parseChosenWorkspaceSize` of torch's CUDABlas).
    let workspace = if setup.gpu.compute_capability >= (9, 0) { 32.0 * MIB } else { 8.125 * MIB };
    let encoder = if first { encoder::peak(setup, shape) } else { encoder::Peak::default() };
    let held = workspace + sampler.held;
    bounds(
        forward.low.max(sampler.low) + workspace,
        (forward.expected.max(sampler.expected) + encoder.kept).max(encoder.expected) + held,
        forward.high.max(sampler.high) + encoder.high + held,
    )
}

#[cfg(test)]
mod tests;
