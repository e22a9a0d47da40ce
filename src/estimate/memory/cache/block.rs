//! Tokens of a block where the layers attend alone: what is asked for, or what the kernels of the
//! version and GPU prefer (`platforms/cuda.py`, `check_and_update_config` until 0.17.1; since 0.18.0
//! `platforms/interface.py`, `update_block_size_for_backend`).

use super::dtype::CacheType;
use super::page::Kind;
use super::rules::Rules;
use crate::catalog::{Attention, Mixer, Mla};
use crate::estimate::memory::Setup;

/// Tokens of a block of full attention, or why they are not known.
pub(super) fn block_tokens(setup: &Setup<'_>, rules: Rules, cache: CacheType, mixers: &[&Mixer]) -> Result<u64, String> {
    let stated = setup.block_size;
    if stated == Some(0) {
        return Err("blocks of no tokens".to_owned());
    }
    let mla = mixers.iter().find_map(|mixer| if let Mixer::Mla(mla) = mixer { Some(mla) } else { None });
    if let Some(mla) = mla {
        return if rules.since(0, 18, 0) { preferred_mla(setup, rules, cache, mla) } else { forced_mla(setup, rules, mla) };
    }
    if stated.is_none() && rules.since(0, 31, 0) && cache.fp8 && setup.gpu.compute_capability.0 == 9 {
        let wide = |layer: &Attention| layer.head_dim == 512;
        if mixers.iter().any(|mixer| matches!(mixer, Mixer::Attention(layer) if wide(layer))) {
            return Err(format!("which blocks vLLM {} takes for 8-bit heads of 512; `--block-size` settles it", setup.version));
        }
    }
    Ok(stated.unwrap_or(16))
}

/// Until 0.17.1 a kernel was chosen first and its block size forced, whatever was asked for.
fn forced_mla(setup: &Setup<'_>, rules: Rules, mla: &Mla) -> Result<u64, String> {
    let (major, minor) = setup.gpu.compute_capability;
    let asked = setup.block_size.unwrap_or(16);
    // Multiples pass since 0.11.1.
    let force = |tokens: u64| {
        let passes = if rules.since(0, 11, 1) { asked.is_multiple_of(tokens) } else { asked == tokens };
        if passes { asked } else { tokens }
    };
    if mla.indexer.is_some() {
        return Ok(64);
    }
    let blackwell = match (major, minor) {
        (10, 0) => rules.since(0, 10, 1),
        (10, _) if rules.since(0, 10, 1) && !rules.since(0, 13, 0) => {
            return Err(format!("which kernel vLLM {} takes for latent attention on this GPU", setup.version));
        }
        (10, _) => rules.since(0, 13, 0),
        _ => false,
    };
    Ok(match (blackwell, major) {
        (true, _) if rules.since(0, 15, 0) && mla.qk_nope_head_dim == 128 => {
            if asked == 32 || asked.is_multiple_of(64) {
                asked
            } else {
                64
            }
        }
        (true, _) => force(128),
        // FlashMLA is built for Hopper; other GPUs take Triton, which takes any size.
        (false, 9) => force(64),
        (false, _) => asked,
    })
}

/// Since 0.18.0 16 where the preferred kernel takes it, else the smallest size that it takes.
fn preferred_mla(setup: &Setup<'_>, rules: Rules, cache: CacheType, mla: &Mla) -> Result<u64, String> {
    if let Some(tokens) = setup.block_size {
        return Ok(tokens);
    }
    let unknown = || format!("which kernel vLLM {} takes for latent attention here; `--block-size` settles it", setup.version);
    let major = setup.gpu.compute_capability.0;
    if mla.indexer.is_some() {
        let heads = mla.heads / setup.tensor_parallel.max(1);
        return match major {
            9 => Ok(64),
            // FlashMLA's sparse kernel; with 16 heads or fewer, or 8 bits, FlashInfer's comes first.
            10 if rules.since(0, 31, 0) || (heads > 16 && !cache.fp8) => Ok(64),
            _ => Err(unknown()),
        };
    }
    match major {
        // FlashAttention's kernel takes no 8-bit cache, FlashMLA takes blocks of 64.
        9 => Ok(if cache.fp8 { 64 } else { 16 }),
        10 if matches!(mla.qk_nope_head_dim, 64 | 128) => Ok(32),
        7 | 8 | 12 => Ok(16),
        _ => Err(unknown()),
    }
}

/// Tokens of a block of a window: those of the other layers, but since 0.25.0 a size that the kernel
/// itself takes (`attention.py`, `_largest_kernel_block_within`): the smallest until 0.29.0, then the
/// largest.
pub(super) fn window_tokens(setup: &Setup<'_>, rules: Rules, kind: Kind, tokens: u64) -> Result<u64, String> {
    if !matches!(kind, Kind::Window(_)) || !rules.since(0, 25, 0) {
        return Ok(tokens);
    }
    if !rules.since(0, 30, 0) {
        return Ok(16);
    }
    if setup.gpu.compute_capability.0 != 10 {
        return Ok((tokens / 16 * 16).max(16));
    }
    match tokens {
        0..32 => Ok(16),
        32..64 => Ok(32),
        64..128 => Ok(64),
        _ => Err(format!("which blocks vLLM {} takes for windows on this GPU with blocks of {tokens} tokens", setup.version)),
    }
}
