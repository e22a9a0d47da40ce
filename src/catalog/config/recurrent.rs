//! Mixers with a state: gated delta nets and Mamba 2.

use serde_json::Value;

use super::attention::Attends;
use super::family::Family;
use super::field::{Fault, Fields, short};
use super::layers::one;
use super::{MOST_COUNT, MOST_WIDTH};
use crate::catalog::facts::{Dense, Dtype, Experts, FeedForward, GatedDeltaNet, LayerRun, Mamba2, Mixer, Reach};

/// The gated delta net of Qwen3-Next and its successors.
pub(super) fn gated_delta_net(text: &Fields<'_>) -> Result<GatedDeltaNet, Fault> {
    let dim = |key| text.required(key, 1..=MOST_WIDTH);
    Ok(GatedDeltaNet {
        key_heads: text.required("linear_num_key_heads", 1..=MOST_COUNT)?,
        value_heads: text.required("linear_num_value_heads", 1..=MOST_COUNT)?,
        key_head_dim: dim("linear_key_head_dim")?,
        value_head_dim: dim("linear_value_head_dim")?,
        conv_kernel: text.required("linear_conv_kernel_dim", 1..=1000)?,
        state_dtype: state_dtype(text, "mamba_ssm_dtype")?,
    })
}

/// The type of a state: stated, else that of the model.
fn state_dtype(text: &Fields<'_>, key: &str) -> Result<Dtype, Fault> {
    let holder = [key, "dtype", "torch_dtype"].into_iter().find(|key| text.has(key)).unwrap_or(key);
    match text.text(holder)? {
        Some("float32") => Ok(Dtype::Float32),
        Some("float16") => Ok(Dtype::Float16),
        Some("bfloat16") | None => Ok(Dtype::Bfloat16),
        Some(other) => Err(text.fault(holder, format!("is `{}`; it must be `bfloat16`, `float16` or `float32`", short(other)))),
    }
}

/// What a layer of Nemotron-H is.
#[derive(Clone, Copy)]
enum Kind {
    Mamba,
    Attention,
    Dense,
    Experts,
}

/// The layers of Nemotron-H: each is a mixer or a feed-forward block.
pub(super) fn nemotron_layers(text: &Fields<'_>, count: u64, missing: &mut Vec<String>) -> Result<Vec<LayerRun>, Fault> {
    let Some(kinds) = kinds(text, count)? else {
        missing.push("`hybrid_override_pattern` or `layers_block_type` with the type of each layer".into());
        return Ok(Vec::new());
    };
    let mut layers = Vec::new();
    let (mut mamba, mut attention, mut dense, mut experts) = (None, None, None, None);
    for kind in kinds {
        layers.push(match kind {
            Kind::Mamba => one(Mixer::Mamba2(cached(&mut mamba, || mamba2(text))?), FeedForward::None),
            Kind::Attention => one(Mixer::Attention(cached(&mut attention, || nemotron_attention(text))?), FeedForward::None),
            Kind::Dense => one(Mixer::None, FeedForward::Dense(cached(&mut dense, || nemotron_dense(text))?)),
            Kind::Experts => one(Mixer::None, FeedForward::Experts(cached(&mut experts, || nemotron_experts(text))?)),
        });
    }
    Ok(layers)
}

/// Reads once what many layers share.
fn cached<T: Clone>(slot: &mut Option<T>, read: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    match slot {
        Some(value) => Ok(value.clone()),
        None => Ok(slot.insert(read()?).clone()),
    }
}

fn kinds(text: &Fields<'_>, count: u64) -> Result<Option<Vec<Kind>>, Fault> {
    if let Some(pattern) = text.text("hybrid_override_pattern")? {
        if pattern.len() as u64 != count {
            let message = format!("has {} letters; it must have one for each of the {count} layers", pattern.len());
            return Err(text.fault("hybrid_override_pattern", message));
        }
        let kind = |c| match c {
            'M' => Ok(Kind::Mamba),
            '*' => Ok(Kind::Attention),
            '-' => Ok(Kind::Dense),
            'E' => Ok(Kind::Experts),
            other => Err(text.fault("hybrid_override_pattern", format!("has the letter {other:?}; it may have `M`, `*`, `-` and `E`"))),
        };
        return pattern.chars().map(kind).collect::<Result<_, _>>().map(Some);
    }
    let Some(list) = text.per_layer("layers_block_type", count)? else { return Ok(None) };
    let kind = |(at, value): (usize, &Value)| match value.as_str() {
        Some("mamba") => Ok(Kind::Mamba),
        Some("attention") => Ok(Kind::Attention),
        Some("mlp") => Ok(Kind::Dense),
        Some("moe") => Ok(Kind::Experts),
        _ => Err(text.fault(&format!("layers_block_type.{at}"), "must be `mamba`, `attention`, `mlp` or `moe`")),
    };
    list.iter().enumerate().map(kind).collect::<Result<_, _>>().map(Some)
}

fn mamba2(text: &Fields<'_>) -> Result<Mamba2, Fault> {
    let dim = |key| text.required(key, 1..=MOST_WIDTH);
    Ok(Mamba2 {
        heads: text.required("mamba_num_heads", 1..=MOST_COUNT)?,
        head_dim: dim("mamba_head_dim")?,
        groups: text.required("n_groups", 1..=MOST_COUNT)?,
        state_size: dim("ssm_state_size")?,
        conv_kernel: text.required("conv_kernel", 1..=1000)?,
        // The engine's default for this class.
        state_dtype: if text.has("mamba_ssm_cache_dtype") { state_dtype(text, "mamba_ssm_cache_dtype")? } else { Dtype::Float32 },
        conv_bias: text.flag("use_conv_bias")?.unwrap_or(true),
    })
}

fn nemotron_attention(text: &Fields<'_>) -> Result<crate::catalog::facts::Attention, Fault> {
    let heads = Family::heads(Some(Family::NemotronH), text)?;
    let attends = Attends::plain(Family::NemotronH, text, heads, Family::NemotronH.kv_heads(text, heads)?)?;
    Ok(attends.layer(0, Reach::All))
}

fn nemotron_dense(text: &Fields<'_>) -> Result<Dense, Fault> {
    let bias = text.flag("mlp_bias")?.unwrap_or(false);
    Ok(Dense { intermediate_size: text.required("intermediate_size", 1..=MOST_WIDTH)?, gated: false, bias })
}

fn nemotron_experts(text: &Fields<'_>) -> Result<Experts, Fault> {
    let count = text.required("n_routed_experts", 1..=MOST_COUNT)?;
    let shared = text.whole("n_shared_experts", 0..=MOST_COUNT)?.unwrap_or(0);
    let shared_width = if shared > 0 { text.required("moe_shared_expert_intermediate_size", 1..=MOST_WIDTH)? } else { 0 };
    Ok(Experts {
        count,
        per_token: text.required("num_experts_per_tok", 1..=count)?,
        intermediate_size: text.required("moe_intermediate_size", 1..=MOST_WIDTH)?,
        gated: false,
        latent_size: text.whole("moe_latent_size", 1..=MOST_WIDTH)?,
        shared_intermediate_size: shared.saturating_mul(shared_width),
        shared_gate: false,
        bias: false,
        parallel_dense_intermediate_size: 0,
    })
}
