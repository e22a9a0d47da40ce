//! Weights against what vLLM logged, checkpoints and published counts.

use super::samples::*;
use super::*;
use crate::catalog::{ModelFacts, WeightFormat};

const GIB: f64 = (1u64 << 30) as f64;
const INT4: WeightFormat = WeightFormat::Int4 { group: 128, zero_points: true };

fn gib(bytes: u64) -> f64 {
    bytes as f64 / GIB
}

/// A line of a vLLM log: what was loaded, on how many GPUs, by which version, on which compute capability.
struct Logged {
    model: ModelFacts,
    tensor_parallel: u64,
    version: [u64; 3],
    capability: (u32, u32),
    gib: f64,
    source: &'static str,
}

fn logged(name: &str, context: u64, shape: Shape, on: (u64, [u64; 3], (u32, u32)), gib: f64, source: &'static str) -> Logged {
    Logged { model: facts(name, context, shape), tensor_parallel: on.0, version: on.1, capability: on.2, gib, source }
}

const V0: [u64; 3] = [0, 8, 0];

fn logs() -> Vec<Logged> {
    let int8 = WeightFormat::Int8Channel;
    let fp8 = WeightFormat::Fp8Channel;
    let llama_70b = || llama_70b();
    let qwen3 = |sizes| plain("Qwen3ForCausalLM", sizes);
    vec![
        logged("meta-llama/Llama-3.1-8B-Instruct", 131_072, llama_8b(), (1, V0, (8, 6)), 14.9888, "vllm-project/vllm#10517"),
        logged("meta-llama/Meta-Llama-3-8B", 8192, llama_8b(), (1, V0, (8, 0)), 14.9595, "vllm-project/vllm#12330"),
        logged("meta-llama/Meta-Llama-3-8B", 8192, llama_8b(), (2, V0, (9, 0)), 7.48, "vllm-project/vllm#10511"),
        logged(
            "Llama 3.1 70B INT8",
            131_072,
            quantized(llama_70b(), "compressed-tensors", int8),
            (1, V0, (9, 0)),
            67.7229,
            "vllm-project/vllm#12569",
        ),
        logged(
            "Llama 3.3 70B FP8",
            131_072,
            quantized(llama_70b(), "compressed-tensors", fp8),
            (1, [0, 11, 0], (9, 0)),
            67.72,
            "llm-d-planner",
        ),
        logged("Llama-3.1-405B-FP8", 131_072, llama_405b_fp8(), (8, [0, 8, 0], (9, 0)), 57.75, "vLLM's own log"),
        logged("Qwen/Qwen2.5-7B-Instruct", 32_768, qwen2([28, 3584, 28, 4, 128, 18944, 152_064]), (1, V0, (8, 9)), 14.25, "a public log"),
        logged("Qwen2.5-Coder-7B", 32_768, qwen2([28, 3584, 28, 4, 128, 18944, 152_064]), (1, [0, 24, 0], (12, 0)), 14.37, "a public log"),
        logged(
            "DeepSeek-R1-Distill-Qwen-14B",
            131_072,
            qwen2([48, 5120, 40, 8, 128, 13824, 152_064]),
            (2, V0, (8, 9)),
            13.9476,
            "vllm-project/vllm#13061",
        ),
        logged(
            "Qwen/Qwen3-0.6B",
            40_960,
            tied(qwen3([28, 1024, 16, 8, 128, 3072, 151_936])),
            (1, [0, 11, 0], (9, 0)),
            1.12,
            "llm-d-planner",
        ),
        logged("Qwen/Qwen3-4B", 40_960, tied(qwen3([36, 2560, 32, 8, 128, 9728, 151_936])), (1, V0, (7, 5)), 7.5552, "a public log"),
        logged("Qwen/Qwen3-8B", 40_960, qwen3([36, 4096, 32, 8, 128, 12288, 151_936]), (1, [0, 19, 1], (8, 0)), 15.27, "a public log"),
        logged(
            "Qwen/Qwen3-14B-AWQ",
            40_960,
            quantized(qwen3([40, 5120, 40, 8, 128, 17408, 151_936]), "awq", INT4),
            (1, [0, 29, 0], (8, 9)),
            9.44,
            "vllm-optimization-lab",
        ),
        logged("Qwen/Qwen3-32B", 40_960, qwen3([64, 5120, 64, 8, 128, 25600, 151_936]), (2, [0, 11, 0], (9, 0)), 30.59, "llm-d-planner"),
        logged(
            "Qwen/Qwen3-30B-A3B",
            40_960,
            qwen3_moe("Qwen3MoeForCausalLM", [48, 2048, 32, 128, 768]),
            (1, [0, 15, 0], (12, 1)),
            56.88,
            "kvcached",
        ),
        logged(
            "Qwen/Qwen3-30B-A3B",
            40_960,
            qwen3_moe("Qwen3MoeForCausalLM", [48, 2048, 32, 128, 768]),
            (4, [0, 8, 5], (8, 9)),
            14.2474,
            "vllm-project/vllm#17327",
        ),
        logged(
            "microsoft/Phi-4-mini",
            131_072,
            tied(plain("Phi3ForCausalLM", [32, 3072, 24, 8, 128, 8192, 200_064])),
            (1, [0, 10, 0], (8, 0)),
            7.1694,
            "a public notebook",
        ),
        logged("openai/gpt-oss-20b", 131_072, gpt_oss(24, 32), (1, [0, 11, 0], (9, 0)), 13.47, "llm-d-planner"),
        logged("openai/gpt-oss-120b", 131_072, gpt_oss(36, 128), (1, [0, 11, 0], (9, 0)), 64.38, "llm-d-planner"),
        logged("openai/gpt-oss-120b (Marlin)", 131_072, gpt_oss(36, 128), (1, [0, 11, 2], (8, 0)), 65.9651, "blog.huikang.dev"),
        logged("google/gemma-3-27b-it", 131_072, gemma3_27b(), (1, [0, 19, 0], (8, 0)), 51.45, "a public log"),
        logged("DeepSeek-Coder-V2-Lite", 163_840, deepseek_v2_lite(), (8, V0, (8, 0)), 3.97, "a public log"),
        logged(
            "DeepSeek-R1-AWQ",
            163_840,
            quantized(deepseek_v3(false), "awq", WeightFormat::Int4 { group: 64, zero_points: true }),
            (16, [0, 8, 0], (8, 6)),
            21.21,
            "vllm-project/vllm#14447",
        ),
        logged("Qwen/Qwen3.5-35B-A3B", 262_144, qwen3_5_35b(), (1, [0, 19, 0], (12, 1)), 65.53, "a public log"),
    ]
}

/// The tower of Qwen 3.5 has 27 layers of 1152 and a merger to the text.
fn qwen3_5_35b() -> Shape {
    let shape = qwen_hybrid("Qwen3_5MoeForConditionalGeneration", [10, 2048, 16, 2, 32, 248_320], qwen_experts(256, 8, 512, 512));
    with_encoder(shape, 446_000_000)
}

#[test]
fn logs_of_vllm() {
    let mut errors = Vec::new();
    for row in logs() {
        let setup = setup(&row.model, row.tensor_parallel, row.version, row.capability);
        let bytes = per_stage(&setup).unwrap()[0];
        let error = gib(bytes.expected) / row.gib - 1.0;
        println!(
            "{:34} TP{:<2} ours {:8.4} ({:8.4}..{:8.4}) logged {:8.4} {:+.3} %  {}",
            row.model.repository,
            row.tensor_parallel,
            gib(bytes.expected),
            gib(bytes.low),
            gib(bytes.high),
            row.gib,
            error * 100.0,
            row.source
        );
        errors.push(error.abs());
    }
    errors.sort_by(f64::total_cmp);
    assert!(errors[errors.len() / 2] < 0.005, "median {}", errors[errors.len() / 2]);
}
