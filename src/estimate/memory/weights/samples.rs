//! Shapes of public models for the tests, after their own `config.json`.

use std::collections::BTreeSet;

use semver::Version;

use crate::catalog::{
    Attention, Dense, Dtype, Encoder, Experts, FeedForward, GatedDeltaNet, Indexer, LayerRun, Mamba2, Mixer, Mla, ModelFacts, Part,
    Quantization, Reach, Shape, WeightFormat,
};
use crate::estimate::memory::{Bounds, Gpu, Setup};

pub(super) fn attention(heads: u64, kv_heads: u64, head_dim: u64) -> Attention {
    Attention {
        heads,
        kv_heads,
        head_dim,
        value_head_dim: None,
        reach: Reach::All,
        qkv_bias: false,
        output_bias: false,
        output_gate: false,
        shared_key_value: false,
        shares_cache: false,
    }
}

pub(super) fn dense(intermediate_size: u64) -> FeedForward {
    FeedForward::Dense(Dense { intermediate_size, gated: true, bias: false })
}

pub(super) fn experts(count: u64, per_token: u64, intermediate_size: u64) -> Experts {
    Experts {
        count,
        per_token,
        intermediate_size,
        gated: true,
        latent_size: None,
        shared_intermediate_size: 0,
        shared_gate: false,
        bias: false,
        parallel_dense_intermediate_size: 0,
    }
}

pub(super) fn run(count: u32, mixer: Mixer, feed_forward: FeedForward) -> LayerRun {
    LayerRun { count, mixer, feed_forward, unquantized: BTreeSet::new() }
}

pub(super) fn shape(architecture: &str, hidden_size: u64, vocab_size: u64, layers: Vec<LayerRun>) -> Shape {
    Shape {
        architecture: architecture.into(),
        dtype: Dtype::Bfloat16,
        hidden_size,
        vocab_size,
        tied_embeddings: false,
        layers,
        draft_layers: 0,
        encoder: None,
        quantization: None,
        stored: Vec::new(),
    }
}

/// Layers, hidden size, query and key heads, size of a head, width of the block, vocabulary.
pub(super) fn plain(architecture: &str, [layers, hidden, heads, kv, head, width, vocab]: [u64; 7]) -> Shape {
    let layers = vec![run(layers as u32, Mixer::Attention(attention(heads, kv, head)), dense(width))];
    shape(architecture, hidden, vocab, layers)
}

pub(super) fn tied(shape: Shape) -> Shape {
    Shape { tied_embeddings: true, ..shape }
}

pub(super) fn with_encoder(shape: Shape, parameters: u64) -> Shape {
    Shape { encoder: Some(Encoder { parameters: Some(parameters) }), ..shape }
}

pub(super) fn quantized(shape: Shape, method: &str, format: WeightFormat) -> Shape {
    let quantization = Quantization { method: method.into(), format, other: Vec::new(), head: false, fp8_cache: false };
    Shape { quantization: Some(quantization), ..shape }
}

/// The same with parts in 16 bit in the layers that `which` names.
pub(super) fn in_16_bit(mut shape: Shape, parts: &[Part], which: impl Fn(usize) -> bool) -> Shape {
    for (index, run) in shape.layers.iter_mut().enumerate() {
        if which(index) {
            run.unquantized.extend(parts);
        }
    }
    shape
}

/// Every attention layer changed.
pub(super) fn each_attention(mut shape: Shape, change: impl Fn(usize, &mut Attention)) -> Shape {
    for (index, run) in shape.layers.iter_mut().enumerate() {
        if let Mixer::Attention(layer) = &mut run.mixer {
            change(index, layer);
        }
    }
    shape
}

pub(super) fn qwen2(sizes: [u64; 7]) -> Shape {
    each_attention(plain("Qwen2ForCausalLM", sizes), |_, layer| layer.qkv_bias = true)
}

pub(super) fn llama_8b() -> Shape {
    plain("LlamaForCausalLM", [32, 4096, 32, 8, 128, 14336, 128_256])
}

pub(super) fn llama_70b() -> Shape {
    plain("LlamaForCausalLM", [80, 8192, 64, 8, 128, 28672, 128_256])
}

/// As first released: 16 key and value heads, each stored twice; first and last block in 16 bit.
pub(super) fn llama_405b_fp8() -> Shape {
    let layer = |count| run(count, Mixer::Attention(attention(128, 16, 128)), dense(53248));
    let shape = shape("LlamaForCausalLM", 16384, 128_256, vec![layer(1), layer(124), layer(1)]);
    let shape = in_16_bit(quantized(shape, "fbgemm_fp8", WeightFormat::Fp8Channel), &[Part::MixerInput, Part::MixerOutput], |_| true);
    in_16_bit(shape, &[Part::Dense], |index| index != 1)
}

pub(super) fn qwen3_moe(architecture: &str, [layers, hidden, heads, count, width]: [u64; 5]) -> Shape {
    let mixture = FeedForward::Experts(experts(count, 8, width));
    let layers = vec![run(layers as u32, Mixer::Attention(attention(heads, if count == 160 { 8 } else { 4 }, 128)), mixture)];
    shape(architecture, hidden, 151_936, layers)
}

pub(super) fn gpt_oss(layers: u32, count: u64) -> Shape {
    let biased = Attention { qkv_bias: true, output_bias: true, ..attention(64, 8, 64) };
    let mixture = FeedForward::Experts(Experts { bias: true, ..experts(count, 4, 2880) });
    let layers = vec![run(layers, Mixer::Attention(biased), mixture)];
    let parts = [Part::MixerInput, Part::MixerOutput];
    in_16_bit(quantized(shape("GptOssForCausalLM", 2880, 201_088, layers), "mxfp4", WeightFormat::Mxfp4), &parts, |_| true)
}

pub(super) fn gemma3_27b() -> Shape {
    let window = Attention { reach: Reach::Window(1024), ..attention(32, 16, 128) };
    let layers = vec![run(52, Mixer::Attention(window), dense(21504)), run(10, Mixer::Attention(attention(32, 16, 128)), dense(21504))];
    // SigLIP with 27 layers of 1152, 4096 patches, and the projection to the text.
    tied(with_encoder(shape("Gemma3ForConditionalGeneration", 5376, 262_208, layers), 416_866_032 + 1152 * 5376 + 1152))
}

pub(super) fn gemma4_31b(encoder: u64) -> Shape {
    let window = Attention { reach: Reach::Window(1024), ..attention(32, 16, 256) };
    let global = Attention { shared_key_value: true, ..attention(32, 4, 512) };
    let layers = vec![run(50, Mixer::Attention(window), dense(21504)), run(10, Mixer::Attention(global), dense(21504))];
    tied(with_encoder(shape("Gemma4ForConditionalGeneration", 5376, 262_144, layers), encoder))
}

fn mla(heads: u64, q_lora_rank: Option<u64>, nope: u64, value: u64) -> Mla {
    Mla { heads, q_lora_rank, kv_lora_rank: 512, qk_rope_head_dim: 64, qk_nope_head_dim: nope, v_head_dim: value, indexer: None }
}

pub(super) fn deepseek_v2_lite() -> Shape {
    let mixture = Experts { shared_intermediate_size: 2816, ..experts(64, 6, 1408) };
    let mixer = Mixer::Mla(mla(16, None, 128, 128));
    let layers = vec![run(1, mixer.clone(), dense(10944)), run(26, mixer, FeedForward::Experts(mixture))];
    shape("DeepseekV2ForCausalLM", 2048, 102_400, layers)
}

pub(super) fn deepseek_v3(indexer: bool) -> Shape {
    let indexer = indexer.then_some(Indexer { heads: 64, head_dim: 128 });
    let mixer = Mixer::Mla(Mla { indexer, ..mla(128, Some(1536), 128, 128) });
    let mixture = Experts { shared_intermediate_size: 2048, ..experts(256, 8, 2048) };
    let layers = vec![run(3, mixer.clone(), dense(18432)), run(58, mixer, FeedForward::Experts(mixture))];
    shape("DeepseekV3ForCausalLM", 7168, 129_280, layers)
}

pub(super) fn kimi_k2() -> Shape {
    let mixer = Mixer::Mla(mla(64, Some(1536), 128, 128));
    let mixture = Experts { shared_intermediate_size: 2048, ..experts(384, 8, 2048) };
    let layers = vec![run(1, mixer.clone(), dense(18432)), run(60, mixer, FeedForward::Experts(mixture))];
    shape("DeepseekV3ForCausalLM", 7168, 163_840, layers)
}

pub(super) fn glm_5() -> Shape {
    let mixer = Mixer::Mla(Mla { indexer: Some(Indexer { heads: 32, head_dim: 128 }), ..mla(64, Some(2048), 192, 256) });
    let mixture = Experts { shared_intermediate_size: 2048, ..experts(256, 8, 2048) };
    let layers = vec![run(3, mixer.clone(), dense(12288)), run(75, mixer, FeedForward::Experts(mixture))];
    shape("GlmMoeDsaForCausalLM", 6144, 154_880, layers)
}

pub(super) fn minimax_m2() -> Shape {
    let mixture = FeedForward::Experts(experts(256, 8, 1536));
    shape("MiniMaxM2ForCausalLM", 3072, 200_064, vec![run(62, Mixer::Attention(attention(48, 8, 128)), mixture)])
}

/// Layers in groups of four, hidden size, query and key heads, value heads of the linear attention.
pub(super) fn qwen_hybrid(architecture: &str, [groups, hidden, heads, kv, value_heads, vocab]: [u64; 6], block: FeedForward) -> Shape {
    let net =
        GatedDeltaNet { key_heads: 16, value_heads, key_head_dim: 128, value_head_dim: 128, conv_kernel: 4, state_dtype: Dtype::Float32 };
    let gated = Attention { output_gate: true, ..attention(heads, kv, 256) };
    let layers = vec![run(3 * groups as u32, Mixer::GatedDeltaNet(net), block.clone()), run(groups as u32, Mixer::Attention(gated), block)];
    shape(architecture, hidden, vocab, layers)
}

pub(super) fn qwen_experts(count: u64, per_token: u64, width: u64, shared: u64) -> FeedForward {
    FeedForward::Experts(Experts { shared_intermediate_size: shared, shared_gate: true, ..experts(count, per_token, width) })
}

pub(super) fn nemotron_3_nano() -> Shape {
    let mamba =
        Mamba2 { heads: 64, head_dim: 64, groups: 8, state_size: 128, conv_kernel: 4, state_dtype: Dtype::Float32, conv_bias: true };
    let mixture = Experts { gated: false, shared_intermediate_size: 3712, ..experts(128, 6, 1856) };
    let layers = vec![
        run(23, Mixer::Mamba2(mamba), FeedForward::None),
        run(23, Mixer::None, FeedForward::Experts(mixture)),
        run(6, Mixer::Attention(attention(32, 2, 128)), FeedForward::None),
    ];
    shape("NemotronHForCausalLM", 2688, 131_072, layers)
}

pub(super) fn nemotron_3_super() -> Shape {
    let mut shape = nemotron_3_nano();
    shape.hidden_size = 4096;
    for (run, count) in shape.layers.iter_mut().zip([40, 40, 8]) {
        run.count = count;
        if let Mixer::Mamba2(mamba) = &mut run.mixer {
            mamba.heads = 128;
        }
    }
    let mixture = Experts { gated: false, latent_size: Some(1024), shared_intermediate_size: 5376, ..experts(512, 22, 2688) };
    shape.layers[1].feed_forward = FeedForward::Experts(mixture);
    shape
}

/// Layers, hidden size, query heads, width of an expert, vocabulary.
pub(super) fn mixtral([layers, hidden, heads, width, vocab]: [u64; 5]) -> Shape {
    let layers = vec![run(layers as u32, Mixer::Attention(attention(heads, 8, 128)), FeedForward::Experts(experts(8, 2, width)))];
    shape("MixtralForCausalLM", hidden, vocab, layers)
}

pub(super) fn llama_4_scout() -> Shape {
    let mixture = Experts { shared_intermediate_size: 8192, ..experts(16, 1, 8192) };
    let layers = vec![run(48, Mixer::Attention(attention(40, 8, 128)), FeedForward::Experts(mixture))];
    shape("Llama4ForConditionalGeneration", 5120, 202_048, layers)
}

pub(super) fn gemma4_26b() -> Shape {
    let mixture = FeedForward::Experts(Experts { parallel_dense_intermediate_size: 2112, ..experts(128, 8, 704) });
    let window = Attention { reach: Reach::Window(1024), ..attention(16, 8, 256) };
    let global = Attention { shared_key_value: true, ..attention(16, 2, 512) };
    let layers = vec![run(25, Mixer::Attention(window), mixture.clone()), run(5, Mixer::Attention(global), mixture)];
    tied(shape("Gemma4ForConditionalGeneration", 2816, 262_144, layers))
}

pub(super) fn facts(repository: &str, context_tokens: u64, shape: Shape) -> ModelFacts {
    ModelFacts {
        repository: repository.into(),
        also: Vec::new(),
        source: "its config.json".into(),
        checkpoint_bytes: None,
        context_tokens,
        attention_heads: 1,
        shape: Some(shape),
        missing: Vec::new(),
    }
}

/// The model on GPUs of a compute capability with a version of vLLM.
pub(super) fn setup<'a>(facts: &'a ModelFacts, tensor_parallel: u64, version: [u64; 3], compute_capability: (u32, u32)) -> Setup<'a> {
    Setup {
        version: Version::new(version[0], version[1], version[2]),
        facts,
        gpu: Gpu { name: "any".into(), total_bytes: Bounds::exact(80 << 30), compute_capability, unified_memory: false },
        tensor_parallel,
        pipeline_parallel: 1,
        decode_context_parallel: 1,
        expert_parallel: false,
        max_model_len: None,
        gpu_memory_utilization: 0.9,
        kv_cache_memory_bytes: None,
        max_num_seqs: 256,
        max_num_batched_tokens: 8192,
        kv_cache_dtype: "auto".into(),
        dtype: None,
        quantization: None,
        block_size: None,
        enforce_eager: false,
        max_capture_size: None,
        prefix_caching: None,
        async_scheduling: None,
        speculative_tokens: 0,
        text_only: false,
        unknown_arguments: Vec::new(),
        unsupported: Vec::new(),
    }
}
