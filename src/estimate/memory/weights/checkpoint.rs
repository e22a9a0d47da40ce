//! The size of a checkpoint that nobody stated.

use semver::Version;

use super::{Bounds, per_stage};
use crate::catalog::ModelFacts;
use crate::estimate::memory::{Gpu, Setup};

/// Bytes of the tensors of a model, which its checkpoint holds at least; none where its layers are not
/// known. Layers for speculation and a tied head that is stored twice come on top.
pub fn checkpoint_bytes(facts: &ModelFacts) -> Option<u64> {
    let setup = Setup {
        version: Version::new(0, 32, 0),
        facts,
        gpu: Gpu { name: String::new(), total_bytes: Bounds::exact(0), compute_capability: (9, 0), unified_memory: false },
        tensor_parallel: 1,
        pipeline_parallel: 1,
        decode_context_parallel: 1,
        expert_parallel: false,
        max_model_len: None,
        gpu_memory_utilization: 1.0,
        kv_cache_memory_bytes: None,
        max_num_seqs: 1,
        max_num_batched_tokens: 1,
        kv_cache_dtype: "auto".into(),
        dtype: None,
        quantization: None,
        block_size: None,
        enforce_eager: true,
        max_capture_size: None,
        prefix_caching: None,
        async_scheduling: None,
        speculative_tokens: 0,
        text_only: false,
        unknown_arguments: Vec::new(),
    };
    per_stage(&setup).ok().map(|stages| stages.iter().map(|stage| stage.low).sum())
}
