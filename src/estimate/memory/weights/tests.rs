//! The rules of sharing and loading one by one, and all weights against what is published of checkpoints.
//! What engines logged after loading is held against them in `tests/accuracy/`.

use semver::Version;

use super::*;
use crate::catalog::{self, Encoder, ModelFacts, Quantization, Share, StoredBytes, WeightFormat};
use crate::estimate::memory::Gpu;

const GIB: f64 = (1u64 << 30) as f64;

/// The facts of the catalogue.
fn known(repository: &str) -> ModelFacts {
    (**catalog::model(repository).unwrap_or_else(|| panic!("{repository} is in the catalogue"))).clone()
}

fn with(repository: &str, change: impl FnOnce(&mut Shape)) -> ModelFacts {
    let mut facts = known(repository);
    change(facts.shape.as_mut().unwrap());
    facts
}

fn quantized(repository: &str, method: &str, format: WeightFormat) -> ModelFacts {
    let quantization = Quantization { method: method.into(), format, other: Vec::new(), head: false, fp8_cache: false };
    with(repository, |shape| shape.quantization = Some(quantization))
}

/// The model on GPUs of a compute capability with a version of vLLM.
fn setup<'a>(facts: &'a ModelFacts, tensor_parallel: u64, version: [u64; 3], compute_capability: (u32, u32)) -> Setup<'a> {
    let version = Version::new(version[0], version[1], version[2]);
    let gpu = Gpu { name: "any".into(), total_bytes: Bounds::exact(80 << 30), compute_capability, unified_memory: false };
    Setup { tensor_parallel, ..Setup::new(version, facts, gpu) }
}

const LLAMA_8B: &str = "meta-llama/Llama-3.1-8B";
const LATEST: [u64; 3] = [0, 25, 0];

/// What one GPU holds of the tensors that a checkpoint stores: no tables of positions, no copies.
fn stored_bytes(facts: &ModelFacts) -> u64 {
    let mut facts = facts.clone();
    facts.context_tokens = 0;
    let shape = facts.shape.as_ref().unwrap();
    let mut setup = setup(&facts, 1, LATEST, (9, 0));
    setup.speculative_tokens = u64::from(shape.draft_layers);
    let plan = Plan::new(&setup, shape).unwrap();
    let mut tally = Tally::new(plan.allocator);
    layers(&plan, &(0..shape.layer_count()), &mut tally).unwrap();
    per_stage(&setup).unwrap()[0].low - tally.copies
}

/// Sizes of repositories as their publishers state them, for every model of the catalogue that has one.
#[test]
fn weights_add_up_to_the_published_checkpoints() {
    let mut compared = 0;
    for facts in catalog::models().filter(|facts| facts.shape.is_some() && facts.missing.is_empty()) {
        let Some(published) = facts.checkpoint_bytes else { continue };
        let shape = facts.shape.as_ref().unwrap();
        // The layer of DeepSeek V3 for speculation stores embedding and head again; the engine shares them.
        let again = if shape.architecture.starts_with("DeepseekV3") { u64::from(shape.draft_layers) * 2 * 129_280 * 7168 * 2 } else { 0 };
        let ours = stored_bytes(facts) + again;
        let error = ours as f64 / published as f64 - 1.0;
        assert!(error.abs() < 0.001, "{}: {:.3} GiB against {:.3}", facts.repository, ours as f64 / GIB, published as f64 / GIB);
        compared += 1;
    }
    assert!(compared >= 18, "{compared} models");
}

/// The catalogue counts parameters and the proof sums tensors: two ways that must agree.
#[test]
fn weights_hold_the_parameters_that_the_catalogue_counts() {
    let mut compared = 0;
    for facts in catalog::models().filter(|facts| facts.missing.is_empty()) {
        let Some(shape) = facts.shape.as_ref().filter(|shape| shape.quantization.is_none() && shape.stored.is_empty()) else { continue };
        let Some(parameters) = facts.parameters() else { continue };
        let plain = with(&facts.repository, |shape| shape.draft_layers = 0);
        let error = stored_bytes(&plain) as f64 / 2.0 / parameters as f64 - 1.0;
        assert!(error.abs() < 0.002, "{}: {} {:.3} %", facts.repository, shape.architecture, error * 100.0);
        compared += 1;
    }
    assert!(compared >= 60, "{compared} models");
}

/// Two logs of checkpoints that are not in the catalogue: DeepSeek-R1-AWQ (`vllm-project/vllm#14447`; groups of
/// 128 are inferred), and Gemma 4 31B in NVFP4 with its attention in 16 bit (robotmunki.com).
#[test]
fn logs_of_other_quantizations() {
    let awq = quantized("deepseek-ai/DeepSeek-V3", "awq", WeightFormat::Int4 { group: 128, zero_points: true });
    let bytes = per_stage(&setup(&awq, 16, [0, 8, 0], (8, 6))).unwrap()[0];
    assert!((bytes.expected as f64 / GIB / 21.21 - 1.0).abs() < 0.005, "{bytes:?}");
    let gemma = known("nvidia/Gemma-4-31B-IT-NVFP4");
    let bytes = per_stage(&setup(&gemma, 1, LATEST, (9, 0))).unwrap()[0];
    assert!((bytes.expected as f64 / GIB / 31.18 - 1.0).abs() < 0.005, "{bytes:?}");
}

#[test]
fn huge_sizes_are_refused_and_never_panic() {
    for size in [0, 1 << 40, 1_000_000_000_000_000_000, u64::MAX] {
        let mut facts = with(LLAMA_8B, |shape| {
            shape.hidden_size = size;
            shape.vocab_size = size;
            shape.layers[0].count = u32::MAX;
        });
        facts.context_tokens = size;
        let mut setup = setup(&facts, 1, LATEST, (9, 0));
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
    let facts = known(LLAMA_8B);
    let mut setup = setup(&facts, 1, LATEST, (9, 0));
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
    let facts = known("Qwen/Qwen3-30B-A3B");
    let mut setup = setup(&facts, 4, LATEST, (9, 0));
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
    let facts = quantized(LLAMA_8B, "fp8", WeightFormat::Fp8Block(128, 128));
    let of = |capability| per_stage(&setup(&facts, 1, LATEST, capability)).unwrap()[0];
    let quantized = 32 * 4096 * (2 * 4096 + 2 * 1024 + 3 * 14336);
    assert_eq!(of((8, 0)).low - of((9, 0)).low, quantized / 128 * 2 - quantized / (128 * 128) * 4);
    assert!(of((10, 0)).high > of((9, 0)).high);
}

#[test]
fn layers_for_speculation_are_loaded_when_asked_for() {
    let deep = with("deepseek-ai/DeepSeek-V3", |shape| shape.quantization = None);
    let mut asked = setup(&deep, 8, LATEST, (9, 0));
    let without = per_stage(&asked).unwrap()[0];
    asked.speculative_tokens = 1;
    let with = per_stage(&asked).unwrap()[0];
    // One layer of 58 with 256 experts of 3 times 7168 by 2048 each, in 16 bit on eight GPUs.
    assert!(with.low - without.low > 257 * 3 * 7168 * 2048 * 2 / 8);
    let llama = known(LLAMA_8B);
    let mut asked = setup(&llama, 1, LATEST, (9, 0));
    asked.speculative_tokens = 1;
    assert_eq!(per_stage(&asked).unwrap_err(), ["the model that guesses tokens ahead"]);
}

#[test]
fn encoders_are_loaded_unless_only_text_is_asked_for() {
    let seeing = known("google/gemma-3-27b-it");
    let mut asked = setup(&seeing, 2, LATEST, (9, 0));
    let bounds = per_stage(&asked).unwrap()[0];
    asked.text_only = true;
    let text = per_stage(&asked).unwrap()[0];
    let encoder = seeing.shape.as_ref().unwrap().encoder.as_ref().unwrap().parameters.unwrap() * 2;
    assert_eq!((bounds.low - text.low, bounds.high - text.high), (encoder / 2, encoder));
    let unknown = with("google/gemma-3-27b-it", |shape| shape.encoder = Some(Encoder { parameters: None }));
    assert_eq!(per_stage(&setup(&unknown, 1, LATEST, (9, 0))).unwrap_err(), ["the size of the encoder for images or sound"]);
}

#[test]
fn stored_bytes_replace_the_computed() {
    let element = |count: u64, share| StoredBytes { bytes: count * 2, share };
    let layer = 32 * 4096;
    let tensors = vec![
        element(layer * (2 * 4096 + 3 * 14336), Share::Split),
        element(layer * 2 * 1024, Share::KvHeads),
        element(layer * 2, Share::Whole),
        element(2 * 128_256 * 4096, Share::Vocabulary),
    ];
    let computed = known(LLAMA_8B);
    let stored = with(LLAMA_8B, |shape| shape.stored = tensors);
    for degree in [1, 4, 16] {
        let of = |facts| per_stage(&setup(facts, degree, LATEST, (9, 0))).unwrap();
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
    let models = [
        "openai/gpt-oss-20b",
        "mistralai/Mixtral-8x7B-v0.1",
        "deepseek-ai/DeepSeek-V3.2",
        "nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-FP8",
        "Qwen/Qwen3.5-35B-A3B",
    ];
    for repository in models {
        let plain = with(repository, |shape| shape.quantization = None);
        for (format, capability) in formats.iter().flat_map(|format| [(8, 0), (9, 0), (10, 0), (12, 1)].map(|gpu| (*format, gpu))) {
            let model = quantized(repository, "any", format);
            for degree in [1, 2, 8] {
                let of = |model| per_stage(&setup(model, degree, LATEST, capability)).unwrap()[0];
                let bounds = of(&model);
                assert!(bounds.low <= bounds.expected && bounds.expected <= bounds.high, "{format:?} {capability:?} {bounds:?}");
                assert!(bounds.low < of(&plain).low, "{format:?} is smaller than 16 bit");
            }
        }
    }
}
