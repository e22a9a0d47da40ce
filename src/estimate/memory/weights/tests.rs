//! The rules of sharing and loading, one by one.

use super::samples::*;
use super::*;
use crate::catalog::{Encoder, Share, StoredBytes, WeightFormat};

#[test]
fn huge_sizes_are_refused_and_never_panic() {
    for size in [0, 1 << 40, 1_000_000_000_000_000_000, u64::MAX] {
        let mut shape = llama_8b();
        shape.hidden_size = size;
        shape.vocab_size = size;
        shape.layers[0].count = u32::MAX;
        let _ = parameters(&shape);
        let facts = facts("any", size, shape);
        let mut setup = setup(&facts, 1, [0, 25, 0], (9, 0));
        assert_eq!(per_stage(&setup).is_err(), size > 0, "{size}");
        for degree in [0, 3, size] {
            setup.tensor_parallel = degree.max(1);
            setup.pipeline_parallel = degree;
            let _ = per_stage(&setup);
        }
    }
}

#[test]
fn stages_hold_their_own_layers_and_the_ends() {
    let facts = facts("meta-llama/Llama-3.1-8B", 131_072, llama_8b());
    let mut setup = setup(&facts, 1, [0, 25, 0], (9, 0));
    let whole = per_stage(&setup).unwrap()[0].low;
    setup.pipeline_parallel = 2;
    let parts = per_stage(&setup).unwrap();
    // The table of positions stands on both: 131072 positions of 128 elements.
    assert_eq!(parts[0].low + parts[1].low, whole + 131_072 * 128 * 2);
    assert_eq!(parts[1].low - parts[0].low, 4096 * 2, "the last norm");
    setup.tensor_parallel = 3;
    assert_eq!(per_stage(&setup).unwrap_err(), ["query heads (32) split among 3 GPUs"]);
}

#[test]
fn keys_are_repeated_and_experts_stay_whole() {
    let facts = facts("Qwen/Qwen3-30B-A3B", 40_960, qwen3_moe("Qwen3MoeForCausalLM", [48, 2048, 32, 128, 768]));
    let mut setup = setup(&facts, 4, [0, 25, 0], (9, 0));
    let four = per_stage(&setup).unwrap()[0].low;
    setup.tensor_parallel = 8;
    let eight = per_stage(&setup).unwrap()[0].low;
    let keys_and_values = 48 * 2 * 2048 * 128 * 2;
    assert!(eight - four / 2 > keys_and_values / 2, "four heads on eight GPUs");
    setup.expert_parallel = true;
    let whole_experts = per_stage(&setup).unwrap()[0].low;
    assert_eq!(whole_experts - eight, 48 * 512, "only the map of experts is more");
    setup.quantization = Some("gguf".into());
    assert!(per_stage(&setup).is_err());
    setup.quantization = Some("fp8".into());
    assert!(per_stage(&setup).unwrap()[0].high < whole_experts * 6 / 10);
}

/// Blocks of 128 by 128: stored one scale of 32 bit each, for Marlin one of 16 bit for each output and 128 inputs.
#[test]
fn scales_of_blocks_are_repeated_where_8_bit_is_not_computed() {
    let facts = facts("any", 131_072, quantized(llama_8b(), "fp8", WeightFormat::Fp8Block(128, 128)));
    let of = |capability| per_stage(&setup(&facts, 1, [0, 25, 0], capability)).unwrap()[0];
    let quantized = 32 * 4096 * (2 * 4096 + 2 * 1024 + 3 * 14336);
    assert_eq!(of((8, 0)).low - of((9, 0)).low, quantized / 128 * 2 - quantized / (128 * 128) * 4);
    assert!(of((10, 0)).high > of((9, 0)).high);
}

#[test]
fn layers_for_speculation_are_loaded_when_asked_for() {
    let deep = facts("deepseek-ai/DeepSeek-V3", 163_840, Shape { draft_layers: 1, ..deepseek_v3(false) });
    let mut asked = setup(&deep, 8, [0, 25, 0], (9, 0));
    let without = per_stage(&asked).unwrap()[0];
    asked.speculative_tokens = 1;
    let with = per_stage(&asked).unwrap()[0];
    // One layer of 58 with 256 experts of 3 times 7168 by 2048 each, in 16 bit on eight GPUs.
    assert!(with.low - without.low > 257 * 3 * 7168 * 2048 * 2 / 8);
    let llama = facts("meta-llama/Llama-3.1-8B", 131_072, llama_8b());
    let mut asked = setup(&llama, 1, [0, 25, 0], (9, 0));
    asked.speculative_tokens = 1;
    assert_eq!(per_stage(&asked).unwrap_err(), ["the model that guesses tokens ahead"]);
}

#[test]
fn encoders_are_loaded_unless_only_text_is_asked_for() {
    let seeing = facts("google/gemma-3-27b-it", 131_072, gemma3_27b());
    let mut asked = setup(&seeing, 2, [0, 25, 0], (9, 0));
    let bounds = per_stage(&asked).unwrap()[0];
    asked.text_only = true;
    let text = per_stage(&asked).unwrap()[0];
    let encoder = seeing.shape.as_ref().unwrap().encoder.as_ref().unwrap().parameters.unwrap() * 2;
    assert_eq!((bounds.low - text.low, bounds.high - text.high), (encoder / 2, encoder));
    let mut unknown = gemma3_27b();
    unknown.encoder = Some(Encoder { parameters: None });
    let unknown = facts("unknown", 131_072, unknown);
    assert_eq!(per_stage(&setup(&unknown, 1, [0, 25, 0], (9, 0))).unwrap_err(), ["the size of the encoder for images or sound"]);
}

#[test]
fn stored_bytes_replace_the_computed() {
    let mut shape = llama_8b();
    let element = |count: u64, share| StoredBytes { bytes: count * 2, share };
    let layer = 32 * 4096;
    shape.stored = vec![
        element(layer * (2 * 4096 + 3 * 14336), Share::Split),
        element(layer * 2 * 1024, Share::KvHeads),
        element(layer * 2, Share::Whole),
        element(2 * 128_256 * 4096, Share::Vocabulary),
    ];
    let computed = facts("computed", 131_072, llama_8b());
    let stored = facts("stored", 131_072, shape);
    for degree in [1, 4, 16] {
        let of = |facts| per_stage(&setup(facts, degree, [0, 25, 0], (9, 0))).unwrap();
        assert_eq!(of(&stored), of(&computed), "{degree}");
    }
}

#[test]
fn bounds_are_in_order_for_every_format_and_gpu() {
    let formats = [
        WeightFormat::Fp8Tensor,
        WeightFormat::Fp8Channel,
        WeightFormat::Fp8Block(128, 0),
        WeightFormat::Int8Channel,
        WeightFormat::Int4 { group: 0, zero_points: true },
        WeightFormat::Int8Group { group: 32 },
        WeightFormat::Mxfp4,
        WeightFormat::Nvfp4,
    ];
    let shapes = [
        gpt_oss(24, 32),
        mixtral([3, 640, 8, 384, 1000]),
        deepseek_v3(true),
        nemotron_3_super(),
        qwen_hybrid("Qwen3NextForCausalLM", [12, 2048, 16, 2, 32, 151_936], qwen_experts(512, 10, 512, 512)),
    ];
    for shape in shapes {
        let plain = facts("plain", 4096, Shape { quantization: None, ..shape.clone() });
        for (format, capability) in formats.iter().flat_map(|format| [(8, 0), (9, 0), (10, 0), (12, 1)].map(|gpu| (*format, gpu))) {
            let model = facts("any", 4096, quantized(shape.clone(), "any", format));
            for degree in [1, 2, 8] {
                let of = |model| per_stage(&setup(model, degree, [0, 25, 0], capability)).unwrap()[0];
                let bounds = of(&model);
                assert!(bounds.low <= bounds.expected && bounds.expected <= bounds.high, "{format:?} {capability:?} {bounds:?}");
                assert!(bounds.low < of(&plain).low, "{format:?} is smaller than 16 bit");
            }
        }
    }
}
