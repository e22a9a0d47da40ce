//! What a GPU holds beside weights and cache. This is not arithmetic, so every figure has bounds.

use super::{Bounds, Setup};

/// Memory beside weights and cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overhead {
    /// CUDA context, NCCL and libraries, in bytes.
    pub non_torch_bytes: Bounds,
    /// Peak of the profile run above the weights, in bytes.
    pub activation_bytes: Bounds,
    /// CUDA graphs, in bytes.
    pub graph_bytes: Bounds,
    /// Whether the version counts graphs against the utilization.
    pub graphs_in_budget: bool,
}

/// The overhead of a GPU.
///
/// # Errors
/// What is not known, in words.
pub fn overhead(setup: &Setup<'_>) -> Result<Overhead, Vec<String>> {
    Err(vec![format!("the overhead of vLLM {}", setup.version)])
}
