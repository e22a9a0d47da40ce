//! Which vocabulary a model reads with.

use tiktoken_rs::tokenizer;

use crate::catalog::ModelFacts;
use crate::stack::{External, Provider, Stack, Target};

/// Models with one vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// OpenAI's o200k: GPT-4o and what followed, and gpt-oss.
    O200k,
    /// Llama 3 to 3.3, and what was made of them.
    Llama3,
    /// Qwen 2 to 3.
    Qwen3,
    /// DeepSeek V3 to V3.2 and R1.
    DeepseekV3,
    /// Gemma 3.
    Gemma3,
    /// Nothing was measured for it, or nothing is known about the model.
    Unknown,
}

impl Family {
    /// The family of `target`.
    pub fn of_target(stack: &Stack, target: &Target) -> Self {
        match target {
            Target::Model(name) => stack.models.get(name).and_then(|model| model.facts.as_deref()).map_or(Self::Unknown, Self::of_model),
            Target::External(name) => stack.externals.get(name).map_or(Self::Unknown, Self::of_external),
        }
    }

    /// The family of a model by the size of its vocabulary and its class: fine-tunes keep both.
    pub fn of_model(facts: &ModelFacts) -> Self {
        let Some(shape) = &facts.shape else { return Self::Unknown };
        match (shape.vocab_size, shape.architecture.as_str()) {
            (128_256, _) => Self::Llama3,
            (151_643..=152_064, class) if class.starts_with("Qwen") => Self::Qwen3,
            (129_280, class) if class.starts_with("Deepseek") => Self::DeepseekV3,
            (262_144..=262_208, class) if class.starts_with("Gemma3") => Self::Gemma3,
            (201_088, "GptOssForCausalLM") => Self::O200k,
            _ => Self::Unknown,
        }
    }

    /// The family of an external model by its name, which says nothing on a server other than the provider's.
    fn of_external(external: &External) -> Self {
        let Provider::Openai = external.provider;
        if external.base_url != "https://api.openai.com/v1" {
            return Self::Unknown;
        }
        match tokenizer::get_tokenizer(&external.model) {
            Some(tokenizer::Tokenizer::O200kBase | tokenizer::Tokenizer::O200kHarmony) => Self::O200k,
            _ => Self::Unknown,
        }
    }

    /// Its name, for people and for `llmc.lock`.
    pub fn name(self) -> &'static str {
        match self {
            Self::O200k => "o200k",
            Self::Llama3 => "llama-3",
            Self::Qwen3 => "qwen-3",
            Self::DeepseekV3 => "deepseek-v3",
            Self::Gemma3 => "gemma-3",
            Self::Unknown => "unknown",
        }
    }

    /// No text has more tokens than this, which needs no vocabulary.
    ///
    /// A byte-level BPE starts from one token for each byte and only ever joins them: that is a proof for o200k,
    /// Llama 3 and DeepSeek V3. Qwen composes characters first (NFC), which lengthens a few rare ones, to at most
    /// three times their bytes (Unicode Standard Annex 15). Gemma starts from characters, or the bytes of one that
    /// it does not know. Of other vocabularies nothing is proven, but few put anything in front of a text.
    pub fn most(self, text: &str) -> u64 {
        let bytes = text.len() as u64;
        match self {
            Self::Qwen3 if !text.is_ascii() => bytes.saturating_mul(3),
            Self::Unknown => bytes.saturating_add(1),
            _ => bytes,
        }
    }

    /// Whether each digit is a token of its own, where others join up to three.
    pub(super) fn splits_digits(self) -> bool {
        matches!(self, Self::Qwen3 | Self::Gemma3)
    }
}

#[cfg(test)]
mod tests {
    use super::Family;
    use crate::catalog;

    #[test]
    fn the_catalogue_says_which_vocabulary_a_model_has() {
        let cases = [
            ("meta-llama/Llama-3.3-70B-Instruct", Family::Llama3),
            ("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", Family::Llama3),
            ("meta-llama/Llama-2-7b-hf", Family::Unknown),
            ("Qwen/Qwen3-8B", Family::Qwen3),
            ("Qwen/Qwen2.5-14B-Instruct", Family::Qwen3),
            ("Qwen/Qwen3.5-27B", Family::Unknown),
            ("deepseek-ai/DeepSeek-V3", Family::DeepseekV3),
            ("google/gemma-3-27b-it", Family::Gemma3),
            ("google/gemma-2-9b", Family::Unknown),
            ("openai/gpt-oss-120b", Family::O200k),
            ("mistralai/Mistral-7B-Instruct-v0.3", Family::Unknown),
        ];
        for (repository, family) in cases {
            let facts = catalog::model(repository).unwrap_or_else(|| panic!("{repository} is in the catalogue"));
            assert_eq!(Family::of_model(facts), family, "{repository}");
        }
    }
}
