//! Small models and setups for the tests of the proof.

use super::{Gpu, Setup};
use crate::catalog::{self, Attention, Dense, Dtype, FeedForward, LayerRun, Mixer, ModelFacts, Reach, Shape};

/// A dense model with grouped attention: layers, width, heads, key heads, block width, vocabulary.
pub(super) fn dense([layers, hidden, heads, kv_heads, width, vocab]: [u64; 6]) -> ModelFacts {
    let attention = Attention {
        heads,
        kv_heads,
        head_dim: 128,
        value_head_dim: None,
        reach: Reach::All,
        qkv_bias: false,
        output_bias: false,
        output_gate: false,
        shared_key_value: false,
        shares_cache: false,
    };
    ModelFacts {
        repository: "example/model".into(),
        also: Vec::new(),
        source: "a test".into(),
        checkpoint_bytes: None,
        context_tokens: 131072,
        attention_heads: heads as u32,
        shape: Some(Shape {
            architecture: "LlamaForCausalLM".into(),
            dtype: Dtype::Bfloat16,
            hidden_size: hidden,
            vocab_size: vocab,
            tied_embeddings: false,
            layers: vec![LayerRun {
                count: layers as u32,
                mixer: Mixer::Attention(attention),
                feed_forward: FeedForward::Dense(Dense { intermediate_size: width, gated: true, bias: false }),
                unquantized: Default::default(),
            }],
            draft_layers: 0,
            encoder: None,
            quantization: None,
            stored: Vec::new(),
        }),
        missing: Vec::new(),
    }
}

/// Llama 3.1 8B.
pub(super) fn llama_8b() -> ModelFacts {
    dense([32, 4096, 32, 8, 14336, 128256])
}

/// A GPU of the catalogue.
pub(super) fn gpu(name: &str) -> Gpu {
    catalog::gpu(name).expect("a known GPU").into()
}

/// A setup with the defaults of the engine on a GPU of the data centre.
pub(super) fn setup<'a>(facts: &'a ModelFacts, gpu_name: &str, version: &str) -> Setup<'a> {
    let version = version.parse().expect("a version");
    Setup { max_model_len: Some(16000), max_num_seqs: 1024, ..Setup::new(version, facts, gpu(gpu_name)) }
}
