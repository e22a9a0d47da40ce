//! Settings at which the engine stops for other reasons than memory, or leaves for code that is not
//! modelled. No figure says so, but with one of them a start is not proven.

mod classes;

use super::Setup;
use crate::catalog::{self, Attention, FeedForward, Mixer, Shape};

/// What speaks against a start, in words; empty where nothing is known that does.
pub(super) fn reasons(setup: &Setup<'_>) -> Vec<String> {
    let mut out: Vec<String> =
        [release(setup), gpu(setup), stated_memory(setup), eight_bit_cache(setup), block_size(setup)].into_iter().flatten().collect();
    if let Some(shape) = &setup.facts.shape {
        out.extend(
            [class(setup, shape), quantization(setup, shape), experts(setup, shape), narrow_type(setup, shape)].into_iter().flatten(),
        );
        out.extend(spread_tokens(setup, shape));
    }
    out
}

fn since(setup: &Setup<'_>, minor: u64, patch: u64) -> bool {
    (setup.version.major, setup.version.minor, setup.version.patch) >= (0, minor, patch)
}

/// Last patch of each release from 0.8 to 0.33, as they are published.
const PATCHES: [u64; 26] = [5, 2, 2, 2, 0, 0, 1, 1, 0, 1, 1, 1, 2, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];

/// A version between those that were read. Outside of them the layout of the cache says so.
fn release(setup: &Setup<'_>) -> Option<String> {
    let version = &setup.version;
    let at = version.minor.checked_sub(8).and_then(|at| usize::try_from(at).ok())?;
    let last = PATCHES.get(at).filter(|_| version.major == 0)?;
    (version.patch > *last || !version.pre.is_empty())
        .then(|| format!("what vLLM {version} does, which was not read; 0.{}.{last} was", version.minor))
}

/// More memory than the card has, by more than a hundredth. Less may be a part of it.
fn stated_memory(setup: &Setup<'_>) -> Option<String> {
    let (low, _, high) = catalog::gpu(&setup.gpu.name)?.torch_gib;
    let gib = setup.gpu.total_bytes.expected as f64 / f64::from(1 << 30);
    (gib > high * 1.01).then(|| {
        format!(
            "which card `{}` with {gib:.2} GiB is: such cards report {low} to {high} GiB, and `gpu-memory-gib` is to be what they report",
            setup.gpu.name
        )
    })
}

/// GPUs that the version has no kernels for, or runs on its first engine.
fn gpu(setup: &Setup<'_>) -> Option<String> {
    let (name, version, capability) = (&setup.gpu.name, &setup.version, setup.gpu.compute_capability);
    // `EngineArgs._is_v1_supported_oracle`, "Compute Capability < 8.0", until 0.10.2.
    if capability < (8, 0) && !since(setup, 11, 0) {
        return Some(format!("what vLLM {version} takes of `{name}`, on which it runs its first engine (V0)"));
    }
    // FlashInfer starts at 7.5, FlashAttention at 8.0; CUDA 13 has no Volta.
    if capability < (7, 5) {
        return Some(format!("whether vLLM {version} has kernels for `{name}`, which is older than compute capability 7.5"));
    }
    // Releases before 0.9.0 are built with CUDA 12.4, Blackwell came with 12.8 and 10.3 with 12.9.
    let is_too_new = (capability >= (10, 0) && !since(setup, 9, 0)) || (capability == (10, 3) && !since(setup, 13, 0));
    is_too_new.then(|| format!("whether vLLM {version} has kernels for `{name}`, which is newer"))
}

/// 8-bit caches without a kernel.
fn eight_bit_cache(setup: &Setup<'_>) -> Option<String> {
    let word = setup.kv_cache_dtype.as_str();
    let (version, capability) = (&setup.version, setup.gpu.compute_capability);
    if word == "auto" {
        return None;
    }
    // Same function, "--kv-cache-dtype": until 0.8.2 always, later but on Hopper (`flash_attn_supports_fp8`).
    if !since(setup, 8, 3) || (!since(setup, 10, 0) && capability.0 != 9) {
        return Some(format!("what vLLM {version} takes with a cache of type `{word}`, for which it runs its first engine (V0) here"));
    }
    // FlashAttention takes 8 bits on Hopper, Triton where the GPU computes with them, FlashInfer also
    // widens them, but is chosen for that since 0.32.0 (`platforms/cuda.py`).
    let is_narrow = matches!(word, "fp8" | "fp8_e4m3" | "fp8_e5m2");
    let is_widened = capability >= (8, 0) && since(setup, 32, 0);
    (is_narrow && capability < (8, 9) && !is_widened)
        .then(|| format!("whether vLLM {version} has a kernel for a cache of type `{word}` on `{}`", setup.gpu.name))
}

/// A class that the version does not have; another implementation may run it, in other memory.
fn class(setup: &Setup<'_>, shape: &Shape) -> Option<String> {
    let version = &setup.version;
    let (major, minor, patch) = classes::since(&shape.architecture)?;
    ((version.major, version.minor, version.patch) < (major, minor, patch))
        .then(|| format!("how vLLM {version} would run `{}`, which it has since {major}.{minor}.{patch}", shape.architecture))
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

/// Before 8.0 there is no bfloat16, and some models refuse float16 (`_FLOAT16_NOT_SUPPORTED_MODELS`).
fn narrow_type(setup: &Setup<'_>, shape: &Shape) -> Option<String> {
    use crate::catalog::Dtype::{Bfloat16, Float16};
    let is_old = setup.gpu.compute_capability < (8, 0);
    if is_old && setup.dtype == Some(Bfloat16) {
        return Some(format!("how `{}` would compute in bfloat16: vLLM refuses `--dtype=bfloat16` there", setup.gpu.name));
    }
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
