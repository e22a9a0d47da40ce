//! Configs as their makers publish them, and as nobody should.

use super::{Files, read};

#[test]
fn a_plain_model() {
    let config = r#"{"architectures": ["LlamaForCausalLM"], "hidden_size": 4096, "intermediate_size": 14336,
        "max_position_embeddings": 131072, "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
        "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": 128256}"#;
    let facts = read(Files { config, quantization: None }, "acme/a", "a test").unwrap();
    assert_eq!(facts.parameters(), Some(8_030_261_248));
}
