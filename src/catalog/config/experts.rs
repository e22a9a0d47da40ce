//! Feed-forward blocks, dense or of experts, by layer.

use std::collections::BTreeSet;

use serde_json::Value;

use super::attention::pattern;
use super::family::Family;
use super::field::{Fault, Fields};
use super::{MOST_COUNT, MOST_WIDTH};
use crate::catalog::facts::{Dense, Experts, FeedForward};

/// The blocks of a model and which layers have which.
pub(super) struct Blocks {
    dense: FeedForward,
    experts: Option<Experts>,
    is_sparse: Vec<bool>,
}

impl Blocks {
    /// Reads them.
    pub(super) fn read(family: Family, text: &Fields<'_>, count: u64) -> Result<Self, Fault> {
        let experts = experts(family, text)?;
        let is_sparse = match experts {
            None => vec![false; count as usize],
            Some(_) => sparse(family, text, count)?,
        };
        let width_key = match family {
            Family::Llama4 => "intermediate_size_mlp",
            _ => "intermediate_size",
        };
        let dense = if is_sparse.iter().all(|sparse| *sparse) {
            FeedForward::None
        } else {
            let bias = family == Family::Llama && text.flag("mlp_bias")?.unwrap_or(false);
            FeedForward::Dense(Dense { intermediate_size: text.required(width_key, 1..=MOST_WIDTH)?, gated: true, bias })
        };
        Ok(Self { dense, experts, is_sparse })
    }

    /// The block of layer `at`.
    pub(super) fn of(&self, at: u64) -> FeedForward {
        let sparse = usize::try_from(at).ok().and_then(|at| self.is_sparse.get(at)).copied().unwrap_or(false);
        match &self.experts {
            Some(experts) if sparse => FeedForward::Experts(experts.clone()),
            _ => self.dense.clone(),
        }
    }
}

/// Names of the number of experts, in the classes that are known.
const COUNT_KEYS: [&str; 3] = ["n_routed_experts", "num_experts", "num_local_experts"];

fn experts(family: Family, text: &Fields<'_>) -> Result<Option<Experts>, Fault> {
    if family == Family::Gemma4 && text.flag("enable_moe_block")? == Some(false) {
        return Ok(None);
    }
    let mut count = None;
    for key in COUNT_KEYS {
        count = count.or(text.whole(key, 0..=MOST_COUNT)?);
    }
    let Some(count) = count.filter(|count| *count > 0) else { return Ok(None) };
    let width_key = match family {
        Family::Mixtral | Family::GptOss | Family::Llama4 => "intermediate_size",
        Family::Gemma4 if !text.has("moe_intermediate_size") => "expert_intermediate_size",
        _ => "moe_intermediate_size",
    };
    let width = text.required(width_key, 1..=MOST_WIDTH)?;
    let per_token_key = if text.has("top_k_experts") { "top_k_experts" } else { "num_experts_per_tok" };
    let shared = match family {
        Family::Llama4 => width,
        Family::QwenHybrid => text.whole("shared_expert_intermediate_size", 0..=MOST_WIDTH)?.unwrap_or(0),
        Family::DeepSeek | Family::DeepSeekSparse | Family::Glm4Moe | Family::MimoV2 => {
            text.whole("n_shared_experts", 0..=MOST_COUNT)?.unwrap_or(0).saturating_mul(width)
        }
        Family::Mixtral => text.whole("shared_intermediate_size", 0..=MOST_WIDTH)?.unwrap_or(0),
        _ => 0,
    };
    Ok(Some(Experts {
        count,
        per_token: text.required(per_token_key, 1..=count)?,
        intermediate_size: width,
        gated: true,
        latent_size: None,
        shared_intermediate_size: shared,
        shared_gate: family == Family::QwenHybrid && shared > 0,
        bias: family == Family::GptOss,
        parallel_dense_intermediate_size: if family == Family::Gemma4 { text.required("intermediate_size", 1..=MOST_WIDTH)? } else { 0 },
    }))
}

/// Which layers have experts.
fn sparse(family: Family, text: &Fields<'_>, count: u64) -> Result<Vec<bool>, Fault> {
    let whole = |key, default| Ok::<_, Fault>(text.whole(key, 1..=MOST_COUNT)?.unwrap_or(default));
    Ok(match family {
        Family::DeepSeek | Family::DeepSeekSparse | Family::Glm4Moe => {
            let first = text.whole("first_k_dense_replace", 0..=MOST_COUNT)?.unwrap_or(0);
            let period = whole("moe_layer_freq", 1)?;
            (0..count).map(|at| at >= first && at.is_multiple_of(period)).collect()
        }
        Family::MimoV2 => pattern(text, "moe_layer_freq", count)?,
        Family::Llama4 => {
            let period = whole("interleave_moe_layer_step", 1)?;
            (0..count).map(|at| (at + 1).is_multiple_of(period)).collect()
        }
        Family::Qwen3 | Family::QwenHybrid => {
            let period = whole("decoder_sparse_step", 1)?;
            let dense = text.list("mlp_only_layers")?.unwrap_or_default();
            let dense: BTreeSet<u64> = dense.iter().filter_map(Value::as_u64).collect();
            (0..count).map(|at| !dense.contains(&at) && (at + 1).is_multiple_of(period)).collect()
        }
        _ => vec![true; count as usize],
    })
}
