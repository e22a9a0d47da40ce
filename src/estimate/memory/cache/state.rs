//! States of recurrent layers (`model_executor/layers/mamba/mamba_utils.py`), and the blocks of the
//! attention layers beside them, which must hold a state.

use super::dtype::model_dtype;
use super::page::{Kind, Spec, product};
use super::rules::Rules;
use crate::catalog::{Dtype, GatedDeltaNet, Mamba2, Mixer};
use crate::estimate::memory::Setup;

/// How the states of a setup are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StateRules {
    /// Blocks of one request.
    pub(super) copies: u64,
    /// Whether the states at the ends of blocks are kept for later requests (cache mode `align`).
    pub(super) align: bool,
    /// Tokens that blocks must be a multiple of, for states that are stored within a prompt.
    pub(super) alignment: u64,
}

impl StateRules {
    /// How this version keeps the states of these layers, or what of it is not known.
    pub(super) fn of(setup: &Setup<'_>, rules: Rules, mixers: &[&Mixer]) -> Result<Self, String> {
        if !rules.since(0, 10, 2) {
            return Err(format!("vLLM {} runs recurrent layers on its first engine (V0), whose cache is not modelled", setup.version));
        }
        let prefixes = setup.prefix_caching.unwrap_or(rules.keeps_prefixes_of_states());
        let mamba2 = mixers.iter().any(|mixer| matches!(mixer, Mixer::Mamba2(_)));
        // Cache modes came with 0.15.0; before, 0.11.1 kept prefixes of some Mamba models only
        // (`model_executor/models/config.py`, `MambaModelConfig`). Until 0.27.1 models with Mamba 2 keep
        // the states of all blocks, whose size depends on a chunk that the facts do not hold.
        let align = prefixes && rules.since(0, 15, 0);
        if prefixes && mamba2 && rules.since(0, 11, 1) && !rules.since(0, 28, 0) {
            return Err(format!("how vLLM {} keeps prefixes of Mamba 2 layers; `--no-enable-prefix-caching` settles it", setup.version));
        }
        let mut checkpoints = 0;
        let mut alignment = 1;
        if align && rules.since(0, 33, 0) {
            // `mamba_mixer2.py` and `gdn/qwen_gdn_linear_attn.py` of 0.33.0: a state within a prompt is
            // stored too, for GDN where FlashInfer's kernel runs, which is sure on Hopper alone.
            let gdn = mixers.iter().any(|mixer| matches!(mixer, Mixer::GatedDeltaNet(_)));
            match (gdn, setup.gpu.compute_capability.0) {
                (false, _) => checkpoints = 1,
                (true, 9) if !mamba2 => {
                    checkpoints = 1;
                    alignment = 64;
                }
                (true, 10 | 12) => {
                    return Err(format!("which kernel vLLM {} takes for gated delta nets on this GPU", setup.version));
                }
                _ => {}
            }
        }
        Ok(Self { copies: (if align { 2_u64 } else { 1 } + checkpoints).saturating_add(setup.speculative_tokens), align, alignment })
    }
}

/// The state of a layer on one GPU, unpadded, and whether its type is known.
pub(super) fn state(setup: &Setup<'_>, rules: Rules, mixer: &Mixer, copies: u64) -> Result<Spec, String> {
    let model = model_dtype(setup).map_or(2, Dtype::bytes);
    let shards = setup.tensor_parallel.max(1);
    let (convolution, recurrent) = match mixer {
        Mixer::GatedDeltaNet(layer) => gated_delta_net(setup, rules, layer, model, shards)?,
        Mixer::Mamba2(layer) => mamba2(setup, rules, layer, model, shards)?,
        _ => return Err("the state of a layer without one".to_owned()),
    };
    let page_bytes = product(&[convolution.saturating_add(recurrent)])?;
    Ok(Spec { kind: Kind::State(copies), block_tokens: 1, token_bytes: 0, page_bytes, shape: (convolution, recurrent, 0) })
}

/// A share of a size, which must be even.
fn share(size: u64, shards: u64, what: &str) -> Result<u64, String> {
    if size.is_multiple_of(shards) { Ok(size / shards) } else { Err(format!("{what} ({size}) cannot be split among {shards} GPUs")) }
}

fn gated_delta_net(setup: &Setup<'_>, rules: Rules, layer: &GatedDeltaNet, model: u64, shards: u64) -> Result<(u64, u64), String> {
    let keys = product(&[layer.key_head_dim, layer.key_heads, 2])?;
    let width = share(keys.saturating_add(product(&[layer.value_head_dim, layer.value_heads])?), shards, "the width of a convolution")?;
    let kept = layer.conv_kernel.saturating_sub(1).saturating_add(setup.speculative_tokens);
    // The recurrent state has a type of its own since 0.17.0 (`gated_delta_net_state_dtype`).
    let recurrent = if rules.since(0, 17, 0) { layer.state_dtype.bytes() } else { model };
    let heads = share(layer.value_heads, shards, "the value heads of a gated delta net")?;
    Ok((product(&[width, kept, model])?, product(&[heads, layer.key_head_dim, layer.value_head_dim, recurrent])?))
}

fn mamba2(setup: &Setup<'_>, rules: Rules, layer: &Mamba2, model: u64, shards: u64) -> Result<(u64, u64), String> {
    // `extra_groups_for_head_shards`: groups are repeated where they cannot be split.
    let groups = if layer.groups.is_multiple_of(shards) { layer.groups } else { shards };
    let width = product(&[layer.heads, layer.head_dim])?.saturating_add(product(&[2, groups, layer.state_size])?);
    let width = share(width, shards, "the width of a convolution")?;
    let guessed = if rules.since(0, 17, 0) { setup.speculative_tokens } else { 0 };
    let kept = layer.conv_kernel.saturating_sub(1).saturating_add(guessed);
    let heads = share(layer.heads, shards, "the heads of a Mamba layer")?;
    Ok((product(&[width, kept, model])?, product(&[heads, layer.head_dim, layer.state_size, layer.state_dtype.bytes()])?))
}

/// Tokens of a block of the attention layers beside states: the fewest, in steps that the kernels
/// take, whose keys and values are as large as a state; never fewer than asked for (until 0.19.1
/// `model_executor/models/config.py`, `HybridAttentionMambaModelConfig`, then
/// `platforms/interface.py`, `_align_hybrid_block_size`).
pub(super) fn block_beside_states(
    setup: &Setup<'_>,
    rules: Rules,
    default_tokens: u64,
    attention: &Spec,
    state_bytes: u64,
    states: StateRules,
) -> Result<u64, String> {
    if attention.kind == Kind::Mla {
        return Err("latent attention beside recurrent layers".to_owned());
    }
    let (major, minor) = setup.gpu.compute_capability;
    let wide = attention.shape.1 == 256;
    let step = if rules.since(0, 20, 0) {
        default_tokens.max(16)
    } else if !rules.since(0, 18, 0) && rules.since(0, 11, 1) && wide && major == 10 && (minor == 0 || rules.since(0, 13, 0)) {
        32
    } else {
        16
    };
    let step = if step.is_multiple_of(states.alignment) { step } else { product(&[step, states.alignment])? };
    let step_bytes = product(&[step, attention.token_bytes])?;
    if step_bytes == 0 {
        return Err("attention without keys and values".to_owned());
    }
    let least = product(&[step, state_bytes.div_ceil(step_bytes)])?;
    Ok(least.max(default_tokens))
}
