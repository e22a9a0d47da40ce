//! Model classes that came after 0.8.0.

/// Class and the first release that has it (`_VLLM_MODELS` in `model_executor/models/registry.py` of the
/// 49 releases from 0.8.0 to 0.33.0). Known classes that are not here are in all of them.
const SINCE: &[(&str, (u64, u64, u64))] = &[
    ("DeepseekV32ForCausalLM", (0, 11, 0)),
    ("Gemma4ForCausalLM", (0, 19, 0)),
    ("Gemma4ForConditionalGeneration", (0, 19, 0)),
    ("Gemma4UnifiedForConditionalGeneration", (0, 23, 0)),
    ("Glm4ForCausalLM", (0, 8, 4)),
    ("Glm4MoeForCausalLM", (0, 10, 0)),
    ("GlmMoeDsaForCausalLM", (0, 16, 0)),
    ("GptOssForCausalLM", (0, 10, 1)),
    ("KimiK25ForConditionalGeneration", (0, 15, 0)),
    ("KimiVLForConditionalGeneration", (0, 8, 5)),
    // 0.8.3 had it too, the releases between did not.
    ("Llama4ForCausalLM", (0, 10, 1)),
    ("Llama4ForConditionalGeneration", (0, 8, 3)),
    ("MiMoForCausalLM", (0, 9, 0)),
    ("MiMoV2FlashForCausalLM", (0, 14, 0)),
    ("MiniMaxM2ForCausalLM", (0, 11, 1)),
    ("Ministral3ForCausalLM", (0, 20, 0)),
    ("Mistral3ForConditionalGeneration", (0, 8, 3)),
    ("NemotronHForCausalLM", (0, 9, 1)),
    ("Olmo3ForCausalLM", (0, 11, 0)),
    ("Qwen3ForCausalLM", (0, 8, 4)),
    ("Qwen3MoeForCausalLM", (0, 8, 4)),
    ("Qwen3NextForCausalLM", (0, 10, 2)),
    ("Qwen3VLForConditionalGeneration", (0, 11, 0)),
    ("Qwen3VLMoeForConditionalGeneration", (0, 11, 0)),
    ("Qwen3_5ForCausalLM", (0, 27, 0)),
    ("Qwen3_5ForConditionalGeneration", (0, 17, 0)),
    ("Qwen3_5MoeForCausalLM", (0, 27, 0)),
    ("Qwen3_5MoeForConditionalGeneration", (0, 17, 0)),
];

/// The first release that has the class; none where all releases have it.
pub(super) fn since(class: &str) -> Option<(u64, u64, u64)> {
    SINCE.iter().find(|(name, _)| *name == class).map(|(_, since)| *since)
}
