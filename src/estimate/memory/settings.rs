//! Settings that contradict the model, the GPU or each other, so that the engine stops for other reasons
//! than memory. No figure says so, but with one of them a start is not proven.

use super::{Setup, since};
use crate::catalog::{self, Attention, FeedForward, Mixer, Shape};

/// What speaks against a start, in words; empty where nothing is known that does.
pub(super) fn reasons(setup: &Setup<'_>) -> Vec<String> {
    let mut out: Vec<String> = [newer_gpu(setup), stated_memory(setup), block_size(setup)].into_iter().flatten().collect();
    if let Some(shape) = &setup.facts.shape {
        out.extend([quantization(setup, shape), experts(setup, shape), narrow_type(setup, shape)].into_iter().flatten());
        out.extend(spread_tokens(setup, shape));
    }
    out
}

/// More than twice the memory of the card, which is a slip. Less may be a part of it, more another card.
fn stated_memory(setup: &Setup<'_>) -> Option<String> {
    let (low, _, high) = catalog::gpu(&setup.gpu.name)?.torch_gib;
    let gib = setup.gpu.total_bytes.expected as f64 / f64::from(1 << 30);
    (gib > high * 2.0).then(|| {
        format!(
            "which card `{}` with {gib:.2} GiB is: such cards report {low} to {high} GiB, and `gpu-memory-gib` is to be what they report",
            setup.gpu.name
        )
    })
}

/// Releases before 0.9.0 are built with CUDA 12.4; Blackwell came with 12.8, and 10.3 with 12.9.
fn newer_gpu(setup: &Setup<'_>) -> Option<String> {
    let capability = setup.gpu.compute_capability;
    let is_too_new =
        (capability >= (10, 0) && !since(&setup.version, 0, 9, 0)) || (capability == (10, 3) && !since(&setup.version, 0, 13, 0));
    is_too_new.then(|| format!("whether vLLM {} has kernels for `{}`, which is newer", setup.version, setup.gpu.name))
}

/// Every backend takes multiples of 16 (`get_supported_kernel_block_sizes`).
fn block_size(setup: &Setup<'_>) -> Option<String> {
    let tokens = setup.block_size.filter(|tokens| !tokens.is_multiple_of(16))?;
    Some(format!("which kernel takes blocks of {tokens} tokens; `--block-size` is a multiple of 16"))
}

/// "Quantization method specified in the model config does not match" (`ModelConfig._verify_quantization`).
fn quantization(setup: &Setup<'_>, shape: &Shape) -> Option<String> {
    let (asked, stored) = (setup.quantization.as_deref()?, shape.quantization.as_ref()?.method.as_str());
    let plain = |method: &str| method.trim_end_matches("_marlin").to_owned();
    (plain(asked) != plain(stored))
        .then(|| format!("what vLLM does with `quantization=\"{asked}\"`: the checkpoint is `{stored}`, and most such pairs are refused"))
}

/// "Number of experts in the model must be greater than 0 when expert parallelism is enabled"
/// (`_verify_with_expert_parallelism`).
fn experts(setup: &Setup<'_>, shape: &Shape) -> Option<String> {
    let has_experts = shape.layers.iter().any(|run| matches!(run.feed_forward, FeedForward::Experts(_)));
    (setup.expert_parallel && !has_experts)
        .then(|| "what `--enable-expert-parallel` is for: the model has no experts, and vLLM refuses that".to_owned())
}

/// Some models refuse float16 (`_FLOAT16_NOT_SUPPORTED_MODELS`), which GPUs before 8.0 take for bfloat16.
fn narrow_type(setup: &Setup<'_>, shape: &Shape) -> Option<String> {
    use crate::catalog::Dtype::{Bfloat16, Float16};
    let is_old = setup.gpu.compute_capability < (8, 0);
    let is_wide_only = ["Gemma2", "Gemma3", "Glm4For", "Plamo2"].iter().any(|family| shape.architecture.starts_with(family));
    let is_half = setup.dtype == Some(Float16) || (is_old && setup.dtype.is_none() && shape.dtype == Bfloat16);
    (is_wide_only && is_half).then(|| {
        format!("in which type `{}` would be loaded: it is not stable in float16, for which vLLM refuses or widens it", shape.architecture)
    })
}

/// Tokens are spread only over copies of the heads (`ModelConfig.verify_with_parallel_config`).
fn spread_tokens(setup: &Setup<'_>, shape: &Shape) -> Option<String> {
    let parts = setup.decode_context_parallel;
    let refused = |layer: &Attention| {
        let copies = setup.tensor_parallel.checked_div(layer.kv_heads).unwrap_or(0);
        let shared = layer.heads.checked_div(layer.kv_heads).unwrap_or(0);
        setup.tensor_parallel <= layer.kv_heads || parts > copies || !shared.is_multiple_of(parts)
    };
    let bad = shape.layers.iter().find_map(|run| match &run.mixer {
        Mixer::Attention(layer) if parts > 1 && refused(layer) => Some(layer),
        _ => None,
    })?;
    Some(format!(
        "how {parts} GPUs would share the tokens of a request: vLLM wants `tensor-parallel` to be at least {parts} times the {} KV heads, and refuses {}",
        bad.kv_heads, setup.tensor_parallel
    ))
}

#[cfg(test)]
mod tests;
