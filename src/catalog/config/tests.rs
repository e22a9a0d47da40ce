//! Configs as their makers publish them, and as nobody should.
//!
//! Totals are those that the makers publish: a wrong dimension or rule would miss them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Files, modules::Patterns, read, read_any};
use crate::catalog::{Attention, FeedForward, Mixer, ModelFacts, Part, Reach, WeightFormat};

fn facts(config: &Value) -> ModelFacts {
    facts_with(config, None)
}

fn facts_with(config: &Value, quantization: Option<&Value>) -> ModelFacts {
    let quantization = quantization.map(Value::to_string);
    read(Files { config: &config.to_string(), quantization: quantization.as_deref() }, "acme/a", "a test").unwrap()
}

fn fault(config: &Value) -> String {
    read(Files { config: &config.to_string(), quantization: None }, "acme/a", "a test").unwrap_err().to_string()
}

/// `base` with the fields of `more`; `null` takes one away.
fn with(base: &Value, more: &Value) -> Value {
    let mut config = base.clone();
    for (key, value) in more.as_object().unwrap() {
        match value {
            Value::Null => _ = config.as_object_mut().unwrap().shift_remove(key),
            value => config[key] = value.clone(),
        }
    }
    config
}

fn llama() -> Value {
    json!({"architectures": ["LlamaForCausalLM"], "hidden_size": 4096, "intermediate_size": 14336, "max_position_embeddings": 131072,
        "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8, "tie_word_embeddings": false,
        "torch_dtype": "bfloat16", "vocab_size": 128256, "rope_scaling": {"factor": 8.0, "rope_type": "llama3"}})
}

fn deepseek() -> Value {
    json!({"architectures": ["DeepseekV3ForCausalLM"], "first_k_dense_replace": 3, "hidden_size": 7168, "intermediate_size": 18432,
        "kv_lora_rank": 512, "max_position_embeddings": 163840, "moe_intermediate_size": 2048, "moe_layer_freq": 1,
        "n_routed_experts": 256, "n_shared_experts": 1, "num_attention_heads": 128, "num_experts_per_tok": 8, "num_hidden_layers": 61,
        "num_key_value_heads": 128, "num_nextn_predict_layers": 1, "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
        "v_head_dim": 128, "vocab_size": 129280, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
        "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096},
        "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}})
}

fn gpt_oss() -> Value {
    json!({"architectures": ["GptOssForCausalLM"], "attention_bias": true, "head_dim": 64, "hidden_size": 2880, "intermediate_size": 2880,
        "max_position_embeddings": 131072, "num_attention_heads": 64, "num_experts_per_tok": 4, "num_hidden_layers": 24,
        "num_key_value_heads": 8, "num_local_experts": 32, "sliding_window": 128, "vocab_size": 201088, "tie_word_embeddings": false,
        "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn", "lm_head"]}})
}

fn nemotron() -> Value {
    json!({"architectures": ["NemotronHForCausalLM"], "conv_kernel": 4, "head_dim": 128, "hidden_size": 2688, "intermediate_size": 1856,
        "hybrid_override_pattern": "MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME", "mamba_head_dim": 64, "mamba_num_heads": 64,
        "max_position_embeddings": 262144, "moe_intermediate_size": 1856, "moe_shared_expert_intermediate_size": 3712, "n_groups": 8,
        "n_routed_experts": 128, "n_shared_experts": 1, "num_attention_heads": 32, "num_experts_per_tok": 6, "num_hidden_layers": 52,
        "num_key_value_heads": 2, "ssm_state_size": 128, "vocab_size": 131072, "tie_word_embeddings": false, "use_conv_bias": true})
}

fn qwen35() -> Value {
    json!({"architectures": ["Qwen3_5ForConditionalGeneration"], "tie_word_embeddings": false,
        "text_config": {"hidden_size": 5120, "intermediate_size": 17408, "full_attention_interval": 4, "head_dim": 256,
            "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_num_key_heads": 16, "linear_num_value_heads": 48,
            "linear_value_head_dim": 128, "max_position_embeddings": 262144, "num_attention_heads": 24, "num_hidden_layers": 64,
            "num_key_value_heads": 4, "vocab_size": 248320, "mamba_ssm_dtype": "float32", "mtp_num_hidden_layers": 1},
        "vision_config": {"depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "num_position_embeddings": 2304,
            "out_hidden_size": 5120, "patch_size": 16, "spatial_merge_size": 2, "temporal_patch_size": 2}})
}

fn gemma3() -> Value {
    json!({"architectures": ["Gemma3ForConditionalGeneration"],
        "text_config": {"hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34, "sliding_window": 1024,
            "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "model_type": "gemma3_text"},
        "vision_config": {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "patch_size": 14, "image_size": 896}})
}

fn all() -> Vec<Value> {
    vec![llama(), deepseek(), gpt_oss(), nemotron(), qwen35(), gemma3()]
}

fn attention(facts: &ModelFacts, layer: usize) -> Attention {
    match facts.shape.as_ref().unwrap().each_layer().nth(layer).unwrap().mixer.clone() {
        Mixer::Attention(attention) => attention,
        other => panic!("{other:?}"),
    }
}

#[test]
fn parameters_are_those_that_the_makers_publish() {
    let published = [8_030_261_248_u64, 671_026_419_200, 20_914_757_184, 31_577_940_288, 27_356_500_000, 4_300_079_472];
    for (config, published) in all().iter().zip(published) {
        let facts = facts(config);
        let counted = facts.parameters().unwrap() as f64;
        assert_eq!(facts.missing, Vec::<String>::new());
        assert!((counted / published as f64 - 1.0).abs() < 1e-4, "{counted} and not {published}: {}", config["architectures"]);
    }
}

#[test]
fn layers_see_what_the_engine_lets_them_see() {
    let reach = |config: &Value| (0..6).map(|at| attention(&facts(config), at).reach).collect::<Vec<_>>();
    use Reach::{All, Chunk, Window};
    assert_eq!(reach(&gpt_oss())[..2], [Window(128), All]);
    assert_eq!(reach(&gemma3()), [Window(1024), Window(1024), Window(1024), Window(1024), Window(1024), All]);
    // Mistral has a window unless the field says `null`, Qwen only where it is switched on.
    let mistral = with(&llama(), &json!({"architectures": ["MistralForCausalLM"], "model_type": "mistral"}));
    assert_eq!(reach(&mistral)[0], Window(4096));
    let mut open = mistral;
    open["sliding_window"] = Value::Null;
    assert_eq!(reach(&open)[0], All);
    let qwen = with(&llama(), &json!({"architectures": ["Qwen2ForCausalLM"], "sliding_window": 64, "max_window_layers": 3}));
    assert_eq!(reach(&qwen)[0], All);
    let switched = with(&qwen, &json!({"use_sliding_window": true}));
    assert_eq!(reach(&switched)[2..4], [All, Window(64)]);
    let chunks = json!({"architectures": ["Llama4ForCausalLM"], "attention_chunk_size": 8192, "intermediate_size_mlp": 8192});
    assert_eq!(reach(&with(&llama(), &chunks))[2..4], [Chunk(8192), All]);
}

#[test]
fn biases_and_defaults_are_those_of_the_class() {
    assert!(!attention(&facts(&llama()), 0).qkv_bias);
    let qwen = with(&llama(), &json!({"architectures": ["Qwen2ForCausalLM"]}));
    assert!(attention(&facts(&qwen), 0).qkv_bias && !attention(&facts(&qwen), 0).output_bias);
    assert_eq!(
        attention(&facts(&with(&llama(), &json!({"architectures": ["Qwen3ForCausalLM"], "head_dim": null, "hidden_size": 2048}))), 0)
            .head_dim,
        128
    );
    let gemma = facts(&gemma3());
    assert!(gemma.shape.as_ref().unwrap().tied_embeddings);
    assert_eq!((gemma.context_tokens, gemma.attention_heads, attention(&gemma, 0).kv_heads), (131_072, 8, 4));
    assert_eq!(facts(&deepseek()).context_tokens, 163_840);
    let stretched = with(
        &llama(),
        &json!({"max_position_embeddings": 32768, "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}}),
    );
    assert_eq!(facts(&stretched).context_tokens, 131_072);
}

#[test]
fn quantization_is_resolved_to_the_parts_that_it_leaves_alone() {
    let of = |quantization: Value| facts(&with(&llama(), &json!({ "quantization_config": quantization }))).shape.unwrap();
    let awq = of(json!({"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": true}));
    assert_eq!(awq.quantization.unwrap().format, WeightFormat::Int4 { group: 128, zero_points: true });
    let weights = |strategy: &str| json!({"num_bits": 8, "type": "float", "strategy": strategy});
    let groups = |strategy: &str| {
        json!({"quant_method": "compressed-tensors", "ignore": ["lm_head", "re:.*self_attn\\.o_proj"],
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights(strategy)}}})
    };
    let channel = of(groups("channel"));
    assert_eq!(channel.quantization.unwrap().format, WeightFormat::Fp8Channel);
    assert_eq!(channel.layers[0].unquantized, [Part::MixerOutput].into());
    // As Meta quantizes: attention, and the blocks of the first and the last layer, keep 16 bits.
    let fbgemm =
        of(json!({"quant_method": "fbgemm_fp8", "modules_to_not_convert": ["self_attn", "model.layers.0.mlp", "model.layers.31.mlp"]}));
    let counts: Vec<(u32, bool)> = fbgemm.layers.iter().map(|run| (run.count, run.unquantized.contains(&Part::Dense))).collect();
    assert_eq!(counts, [(1, true), (30, false), (1, true)]);
    let only_experts = facts(&gpt_oss()).shape.unwrap();
    assert_eq!(only_experts.layers[0].unquantized, [Part::MixerInput, Part::MixerOutput].into());
    let nvidia = json!({"quantization": {"quant_algo": "NVFP4", "kv_cache_quant_algo": "FP8", "exclude_modules": ["lm_head", "model.layers.*.self_attn*"]}});
    let nvidia = facts_with(&llama(), Some(&nvidia)).shape.unwrap();
    let quantization = nvidia.quantization.unwrap();
    assert_eq!((quantization.format, quantization.head, quantization.fp8_cache), (WeightFormat::Nvfp4, false, true));
    assert_eq!(nvidia.layers[0].unquantized, [Part::MixerInput, Part::MixerOutput].into());
}

#[test]
fn what_is_not_followed_is_said() {
    let missing = |more: Value| facts(&with(&llama(), &more)).missing.join("; ");
    assert_eq!(missing(json!({"architectures": ["NewForCausalLM"]})), "the layers of a `NewForCausalLM`, which is not known");
    assert_eq!(missing(json!({"dual_chunk_attention_config": {}})), "what `dual_chunk_attention_config` means for this class");
    assert_eq!(missing(json!({"layer_types": vec!["spiral_attention"; 32]})), "layers of the type `spiral_attention`");
    assert_eq!(missing(json!({"quantization_config": {"quant_method": "aqlm"}})), "the quantization method `aqlm`");
    let partly = json!({"quantization_config": {"quant_method": "fp8", "modules_to_not_convert": ["model.layers.3.self_attn.q_proj"]}});
    assert_eq!(missing(partly), "layer 3, of whose projections into the mixer some are quantized and some are not");
    let nothing = json!({"quantization_config": {"quant_method": "modelopt", "quant_algo": "FP8"}});
    assert_eq!(missing(nothing), "which layers are not quantized (`exclude_modules`)");
}

#[test]
fn a_wrong_field_is_named_with_what_it_may_be() {
    let of = |more: Value| fault(&with(&llama(), &more));
    assert_eq!(of(json!({"num_hidden_layers": -3})), "`num_hidden_layers` is -3; it must be between 1 and 10000");
    assert_eq!(of(json!({"num_hidden_layers": 0})), "`num_hidden_layers` is 0; it must be between 1 and 10000");
    assert_eq!(
        of(json!({"hidden_size": 1_000_000_000_000_000_000_u64})),
        "`hidden_size` is 1000000000000000000; it must be between 1 and 10000000"
    );
    assert_eq!(of(json!({"hidden_size": "big"})), "`hidden_size` is the text \"big\"; it must be a whole number between 1 and 10000000");
    assert_eq!(of(json!({"hidden_size": 4096.5})), "`hidden_size` is 4096.5; it must be between 1 and 10000000");
    assert_eq!(of(json!({"vocab_size": null})), "`vocab_size` is missing; it must be a whole number between 1 and 10000000");
    assert_eq!(of(json!({"num_key_value_heads": 7})), "`num_key_value_heads` is 7; it must divide the 32 attention heads");
    assert_eq!(of(json!({"tie_word_embeddings": 1})), "`tie_word_embeddings` is 1; it must be `true` or `false`");
    assert_eq!(of(json!({"layer_types": ["full_attention"]})), "`layer_types` has 1 items; it must have one for each of the 32 layers");
    assert_eq!(of(json!({"torch_dtype": "float8"})), "`torch_dtype` is `float8`; it must be `bfloat16`, `float16` or `float32`");
    let huge = json!({"hidden_size": 10_000_000, "intermediate_size": 10_000_000, "num_hidden_layers": 10_000, "head_dim": 128});
    assert!(of(huge).starts_with("the sizes make a model of "));
    let python = llama().to_string().replace("4096", "NaN");
    let fault = read(Files { config: &python, quantization: None }, "a", "a").unwrap_err();
    assert_eq!(fault.to_string(), "`hidden_size` is the text \"NaN\"; it must be a whole number between 1 and 10000000");
}

#[test]
fn texts_that_are_no_config_are_refused() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for text in ["", "[]", "null", "{", "\u{FEFF}{}", "{\"architectures\": 3}", "{\"a\": \"\\", deep.as_str()] {
        assert!(read(Files { config: text, quantization: None }, "a", "a").is_err(), "{}", &text[..text.len().min(40)]);
    }
}

#[test]
fn patterns_match_whole_parts_of_names() {
    let patterns = Patterns::new(["gate", "model.layers.1.*", "re:model\\.layers\\.\\d+\\.mlp\\.up.*", "visual."]).unwrap();
    for name in ["model.layers.9.mlp.gate", "model.layers.1.mlp.down_proj", "model.layers.4.mlp.up_proj", "model.visual.blocks.0"] {
        assert!(patterns.matches(name), "{name}");
    }
    for name in ["model.layers.9.mlp.gate_proj", "model.layers.11.mlp.down_proj", "x.model.layers.4.mlp.up_proj", "visuals.a"] {
        assert!(!patterns.matches(name), "{name}");
    }
    assert!(Patterns::new(["re:(("]).is_err());
}

#[test]
fn facts_survive_a_file() {
    for config in all() {
        let facts = facts(&config);
        let text = serde_json::to_string(&facts).unwrap();
        assert_eq!(read_any(Files { config: &text, quantization: None }, "other", "other").unwrap(), (facts, true));
    }
}

/// A value that some writer or attacker may put anywhere.
fn wrong() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        (0_u64..70_000).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        Just(json!(1_000_000_000_000_000_000_u64)),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::from),
        Just(json!({"a": {"b": [1]}})),
        Just(json!(["re:(.*", "*", "**", "model.layers.0*"])),
    ]
}

/// Every place of a value, as JSON pointers.
fn places(value: &Value, at: &str, out: &mut Vec<String>) {
    out.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| places(value, &format!("{at}/{key}"), out)),
        Value::Array(list) => list.iter().enumerate().for_each(|(key, value)| places(value, &format!("{at}/{key}"), out)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever stands where, there are facts that can be used or a fault.
    #[test]
    fn no_mutation_panics(which in 0_usize..6, changes in prop::collection::vec((any::<prop::sample::Index>(), wrong()), 1..4)) {
        let mut config = all()[which].clone();
        for (index, value) in changes {
            let mut all = Vec::new();
            places(&config, "", &mut all);
            if let Some(place) = config.pointer_mut(&all[index.index(all.len())]) {
                *place = value;
            }
        }
        let text = config.to_string();
        if let Ok(facts) = read(Files { config: &text, quantization: Some(&text) }, "acme/a", "a test") {
            prop_assert!(super::validate(&facts).is_ok());
            let layers = facts.shape.as_ref().map_or(0, |shape| shape.each_layer().count());
            prop_assert!(layers <= 10_000);
            let sparse = facts.shape.iter().flat_map(|shape| &shape.layers).filter(|run| matches!(run.feed_forward, FeedForward::Experts(_)));
            prop_assert!(sparse.count() <= layers);
        }
    }

    /// A facts file with anything anywhere is read or refused.
    #[test]
    fn no_facts_file_panics(which in 0_usize..6, index in any::<prop::sample::Index>(), value in wrong()) {
        let mut file = serde_json::to_value(facts(&all()[which])).unwrap();
        let mut all = Vec::new();
        places(&file, "", &mut all);
        if let Some(place) = file.pointer_mut(&all[index.index(all.len())]) {
            *place = value;
        }
        let _ = read_any(Files { config: &file.to_string(), quantization: None }, "acme/a", "a test");
    }
}
