//! What a family of models has beside the sizes of its `config.json`: norms, sinks, corrections.
//!
//! vLLM 0.32.0, `model_executor/models/`, one file for each family.

use semver::Version;

use super::plan::Plan;
use super::tally::Tally;
use crate::catalog::{Attention, Experts};

/// Families that differ in tensors that no size tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Two norms in a layer and nothing else (Llama, Mistral, Qwen 2, Phi, Granite).
    Plain,
    /// Norms of query and key heads (Qwen 3).
    Qwen3,
    /// Qwen 3 with gated delta nets (Qwen3-Next, Qwen 3.5).
    QwenHybrid,
    /// Gemma 2: four norms in a layer.
    Gemma2,
    /// Gemma 3: four norms, and norms of heads.
    Gemma3,
    /// Gemma 4: four norms and more beside experts, norms of heads, a scale of the layer.
    Gemma4,
    /// gpt-oss: an attention sink for each head.
    GptOss,
    /// DeepSeek V3, Kimi K2, GLM 5: a correction for each expert in 32 bit.
    DeepSeek,
    /// GLM 4.5: a correction for each expert, norms of heads.
    Glm4Moe,
    /// MiniMax M2: a correction for each expert, norms over all heads.
    MiniMax,
    /// Nemotron H and 3: one norm in a layer, a correction for each expert.
    Nemotron,
    /// OLMo 2 and 3: norms over all heads.
    Olmo,
    /// Cohere: one norm in a layer.
    Cohere,
}

impl Family {
    /// The family of a class of models.
    pub(super) fn of(architecture: &str) -> Self {
        match architecture {
            name if name.starts_with("Qwen3Next") || name.starts_with("Qwen3_5") => Self::QwenHybrid,
            name if name.starts_with("Qwen3") => Self::Qwen3,
            name if name.starts_with("Gemma2") => Self::Gemma2,
            name if name.starts_with("Gemma3") => Self::Gemma3,
            name if name.starts_with("Gemma4") => Self::Gemma4,
            name if name.starts_with("GptOss") => Self::GptOss,
            name if name.starts_with("DeepseekV3") || name.starts_with("Kimi") || name.starts_with("GlmMoeDsa") => Self::DeepSeek,
            name if name.starts_with("Glm4Moe") => Self::Glm4Moe,
            name if name.starts_with("MiniMaxM2") => Self::MiniMax,
            name if name.starts_with("Nemotron") => Self::Nemotron,
            name if name.starts_with("Olmo2") || name.starts_with("Olmo3") => Self::Olmo,
            name if name.starts_with("Cohere") => Self::Cohere,
            _ => Self::Plain,
        }
    }

    /// Norms as wide as the residual stream, in a layer with `parts` of mixer and feed-forward block.
    pub(super) const fn norms(self, parts: u64) -> u64 {
        match self {
            Self::Gemma2 | Self::Gemma3 | Self::Gemma4 => parts.saturating_mul(2),
            Self::Cohere => 1,
            _ => parts,
        }
    }

    /// Sizes of the norms of queries and keys, given those of this GPU.
    pub(super) fn head_norms(self, layer: &Attention, queries: u64, keys: u64) -> Vec<u64> {
        match self {
            Self::Qwen3 | Self::QwenHybrid | Self::Gemma3 | Self::Gemma4 | Self::Glm4Moe => vec![layer.head_dim; 2],
            Self::MiniMax | Self::Olmo => vec![queries, keys],
            _ => Vec::new(),
        }
    }

    /// Whether attention has a sink for each head (`models/gpt_oss.py`).
    pub(super) const fn has_sinks(self) -> bool {
        matches!(self, Self::GptOss)
    }

    /// Whether layers that read the cache of another have no keys and values (`models/gemma4.py` since 0.31.0).
    pub(super) fn shared_layers_have_no_keys(self, plan: &Plan<'_>) -> bool {
        self == Self::Gemma4 && plan.version >= Version::new(0, 31, 0)
    }

    /// Bytes of the correction of an expert's score (`e_score_correction_bias`), where there is one.
    pub(super) const fn correction_bias_bytes(self) -> Option<u64> {
        match self {
            Self::DeepSeek | Self::Glm4Moe | Self::MiniMax | Self::Nemotron => Some(4),
            _ => None,
        }
    }

    /// Further tensors of the router (`models/gemma4.py`, `Gemma4Router` and three more norms).
    pub(super) fn router_extras(self, plan: &Plan<'_>, mixture: &Experts, tally: &mut Tally) {
        if self == Self::Gemma4 {
            for size in [plan.shape.hidden_size; 4].into_iter().chain([mixture.count]) {
                plan.plain(tally, &[size]);
            }
        }
    }
}
