//! Which model classes are known, and what each takes for granted.

use super::field::{Fault, Fields};
use super::{MOST_COUNT, MOST_WIDTH};

/// Model classes that are built alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Llama 2 and 3, Mistral, Granite, Olmo, MiMo: biases only where the config says so.
    Llama,
    /// Qwen 2 and 2.5: q, k and v have a bias.
    Qwen2,
    /// Qwen 3, with or without experts.
    Qwen3,
    /// Qwen3-Next, Qwen3.5 and 3.6: gated delta nets between gated attention.
    QwenHybrid,
    /// Gemma 2: every second layer sees a window.
    Gemma2,
    /// Gemma 3: five of six layers see a window.
    Gemma3,
    /// Gemma 4: other heads on layers that see everything.
    Gemma4,
    /// Phi 3 and 4.
    Phi3,
    /// gpt-oss: biases, windows and experts on every layer.
    GptOss,
    /// DeepSeek V2 and V3, Kimi K2: latent attention.
    DeepSeek,
    /// DeepSeek V3.2, GLM 5: latent attention that an indexer makes sparse.
    DeepSeekSparse,
    /// GLM 4.
    Glm4,
    /// GLM 4.5 to 4.7: q, k and v with a bias where stated, and experts after some layers.
    Glm4Moe,
    /// Mixtral and MiniMax M2: experts of `intermediate_size` on every layer.
    Mixtral,
    /// Llama 4: chunks, and experts every so many layers.
    Llama4,
    /// MiMo V2: other heads on layers that see a window, and values narrower than keys.
    MimoV2,
    /// Nemotron-H and Nemotron 3: one mixer or one feed-forward block on each layer.
    NemotronH,
    /// Nemotron Super: layers of different sizes, some without attention.
    Deci,
}

impl Family {
    /// The family of a model class, where it is known.
    pub(super) fn of(architecture: &str, text: &Fields<'_>) -> Result<Option<Self>, Fault> {
        let family = match architecture {
            "LlamaForCausalLM"
            | "LLaMAForCausalLM"
            | "MistralForCausalLM"
            | "Ministral3ForCausalLM"
            | "GraniteForCausalLM"
            | "Olmo2ForCausalLM"
            | "Olmo3ForCausalLM"
            | "MiMoForCausalLM" => Self::Llama,
            "Qwen2ForCausalLM" | "Qwen2VLForConditionalGeneration" | "Qwen2_5_VLForConditionalGeneration" => Self::Qwen2,
            "Qwen3ForCausalLM" | "Qwen3MoeForCausalLM" | "Qwen3VLForConditionalGeneration" | "Qwen3VLMoeForConditionalGeneration" => {
                Self::Qwen3
            }
            "Qwen3NextForCausalLM"
            | "Qwen3_5ForCausalLM"
            | "Qwen3_5MoeForCausalLM"
            | "Qwen3_5ForConditionalGeneration"
            | "Qwen3_5MoeForConditionalGeneration" => Self::QwenHybrid,
            "Gemma2ForCausalLM" => Self::Gemma2,
            "Gemma3ForCausalLM" | "Gemma3ForConditionalGeneration" => Self::Gemma3,
            "Gemma4ForCausalLM" | "Gemma4ForConditionalGeneration" | "Gemma4UnifiedForConditionalGeneration" => Self::Gemma4,
            "Phi3ForCausalLM" => Self::Phi3,
            "GptOssForCausalLM" => Self::GptOss,
            "DeepseekV2ForCausalLM" | "DeepseekV3ForCausalLM" | "KimiK25ForConditionalGeneration" | "KimiVLForConditionalGeneration" => {
                Self::DeepSeek
            }
            "DeepseekV32ForCausalLM" | "GlmMoeDsaForCausalLM" => Self::DeepSeekSparse,
            "Glm4ForCausalLM" => Self::Glm4,
            "Glm4MoeForCausalLM" => Self::Glm4Moe,
            "MixtralForCausalLM" | "MiniMaxM2ForCausalLM" => Self::Mixtral,
            "Llama4ForConditionalGeneration" | "Llama4ForCausalLM" => Self::Llama4,
            "MiMoV2FlashForCausalLM" => Self::MimoV2,
            "NemotronHForCausalLM" => Self::NemotronH,
            "DeciLMForCausalLM" => Self::Deci,
            // The class wraps any model of Mistral's; which one, its text part says.
            "Mistral3ForConditionalGeneration" => match text.text("model_type")? {
                Some("mistral" | "ministral3") | None => Self::Llama,
                Some(_) => return Ok(None),
            },
            _ => return Ok(None),
        };
        Ok(Some(family))
    }

    /// `tie_word_embeddings` where the config does not say (defaults of `transformers`).
    pub(super) fn ties_by_default(self) -> bool {
        matches!(self, Self::Gemma2 | Self::Gemma3 | Self::Gemma4)
    }

    /// Rows of the embedding.
    pub(super) fn vocab_size(self, text: &Fields<'_>) -> Result<u64, Fault> {
        match self {
            // Configs of Gemma 3 leave out what equals the defaults.
            Self::Gemma3 => Ok(text.whole("vocab_size", 1..=MOST_WIDTH)?.unwrap_or(262_208)),
            _ => text.required("vocab_size", 1..=MOST_WIDTH),
        }
    }

    /// Query heads. Configs of Gemma 3 leave out what equals the defaults.
    pub(super) fn heads(family: Option<Self>, text: &Fields<'_>) -> Result<u64, Fault> {
        match (text.whole("num_attention_heads", 1..=MOST_COUNT)?, family) {
            (Some(heads), _) => Ok(heads),
            (None, Some(Self::Gemma2 | Self::Gemma3)) => Ok(8),
            (None, _) => text.required("num_attention_heads", 1..=MOST_COUNT),
        }
    }

    /// Key and value heads, query heads where nothing is said.
    pub(super) fn kv_heads(self, text: &Fields<'_>, heads: u64) -> Result<u64, Fault> {
        let default = if matches!(self, Self::Gemma2 | Self::Gemma3) { 4 } else { heads };
        let stated = text.whole("num_key_value_heads", 1..=MOST_COUNT)?.unwrap_or(default);
        if !heads.is_multiple_of(stated) {
            return Err(text.fault("num_key_value_heads", format!("is {stated}; it must divide the {heads} attention heads")));
        }
        Ok(stated)
    }

    /// Elements of a head: stated, the class's own default, or its share of the hidden size.
    pub(super) fn head_dim(self, text: &Fields<'_>, heads: u64) -> Result<u64, Fault> {
        for key in ["head_dim", "attention_head_dim"] {
            if let Some(stated) = text.whole(key, 1..=MOST_WIDTH)? {
                return Ok(stated);
            }
        }
        if matches!(self, Self::Gemma2 | Self::Gemma3 | Self::QwenHybrid) {
            return Ok(256);
        }
        if self == Self::Qwen3 && !text.has("num_experts") {
            return Ok(128);
        }
        let hidden = text.required("hidden_size", 1..=MOST_WIDTH)?;
        if !hidden.is_multiple_of(heads) {
            return Err(
                text.fault("head_dim", format!("is missing, and `hidden_size` {hidden} cannot be divided by the {heads} attention heads"))
            );
        }
        Ok(hidden / heads)
    }
}
