//! The layout against what engines logged: size in tokens, concurrency, refusals. A log rounds the
//! available memory to 0.01 GiB, so the logged figure must lie between those of the two ends.

use semver::Version;

use super::super::{Bounds, Check, Gpu, Setup, SignedBounds};
use super::{Layout, per_stage};
use crate::catalog::{Attention, Dtype, FeedForward, GatedDeltaNet, Indexer, LayerRun, Mixer, Mla, ModelFacts, Reach, Shape};

fn attention(kv_heads: u64, head_dim: u64, reach: Reach) -> Mixer {
    Mixer::Attention(Attention {
        heads: kv_heads * 4,
        kv_heads,
        head_dim,
        value_head_dim: None,
        reach,
        qkv_bias: false,
        output_bias: false,
        output_gate: false,
        shared_key_value: false,
        shares_cache: false,
    })
}

fn mla(rank: u64, rope: u64, indexer: Option<u64>) -> Mixer {
    Mixer::Mla(Mla {
        heads: 64,
        q_lora_rank: Some(1536),
        kv_lora_rank: rank,
        qk_rope_head_dim: rope,
        qk_nope_head_dim: 128,
        v_head_dim: 128,
        indexer: indexer.map(|head_dim| Indexer { heads: 32, head_dim }),
    })
}

/// Gated delta nets of Qwen3.5: 16 key heads, heads of 128, convolutions of 4, 32-bit states.
fn delta(value_heads: u64) -> Mixer {
    Mixer::GatedDeltaNet(GatedDeltaNet {
        key_heads: 16,
        value_heads,
        key_head_dim: 128,
        value_head_dim: 128,
        conv_kernel: 4,
        state_dtype: Dtype::Float32,
    })
}

fn facts(runs: Vec<(u32, Mixer)>) -> ModelFacts {
    let run = |(count, mixer)| LayerRun { count, mixer, feed_forward: FeedForward::None, unquantized: Default::default() };
    ModelFacts {
        repository: "test/model".to_owned(),
        also: Vec::new(),
        source: "a test".to_owned(),
        checkpoint_bytes: None,
        context_tokens: 131_072,
        attention_heads: 32,
        shape: Some(Shape {
            architecture: "TestForCausalLM".to_owned(),
            dtype: Dtype::Bfloat16,
            hidden_size: 4096,
            vocab_size: 32_000,
            tied_embeddings: false,
            layers: runs.into_iter().map(run).collect(),
            draft_layers: 0,
            encoder: None,
            quantization: None,
            stored: Vec::new(),
        }),
        missing: Vec::new(),
    }
}

/// The same runs over and over: what hybrid models do.
fn repeated(times: usize, runs: &[(u32, Mixer)]) -> Vec<(u32, Mixer)> {
    runs.iter().cloned().cycle().take(times * runs.len()).collect()
}

fn setup<'a>(facts: &'a ModelFacts, version: &str, tokens: u64) -> Setup<'a> {
    let gpu =
        Gpu { name: "h100-80gb".to_owned(), total_bytes: Bounds::exact(85_000_000_000), compute_capability: (9, 0), unified_memory: false };
    Setup { max_model_len: Some(tokens), ..Setup::new(Version::parse(version).unwrap(), facts, gpu) }
}

fn gib(gib: f64) -> i64 {
    (gib * f64::from(1 << 30)) as i64
}

/// Around `available` GiB, as a log rounds it.
fn logged(available: f64) -> SignedBounds {
    SignedBounds { low: gib(available - 0.005), expected: gib(available), high: gib(available + 0.005) }
}

fn only(setup: &Setup<'_>) -> Layout {
    let mut layouts = per_stage(setup).unwrap();
    assert_eq!(layouts.len(), 1);
    layouts.remove(0)
}

/// Tokens and concurrency lie within what the rounding of the available memory leaves open.
fn agrees(setup: &Setup<'_>, available: f64, tokens: u64, concurrency: Option<f64>) {
    let layout = only(setup);
    let figures = layout.figures(logged(available)).unwrap();
    let bounds = figures.logged_tokens;
    assert!(bounds.low <= tokens && tokens <= bounds.high, "{tokens} is not within {bounds:?}");
    if let Some(concurrency) = concurrency {
        let (low, _, high) = figures.max_concurrency;
        assert!(low - 0.005 <= concurrency && concurrency <= high + 0.005, "{concurrency} is not within {low}..{high}");
    }
    assert_eq!(layout.refusal(logged(available).expected, setup), None);
}

#[test]
fn full_attention_is_what_engines_log() {
    // Qwen3-8B, vLLM 0.19.1; Qwen2.5-7B, 0.24.0; Qwen3-14B, 0.29.0.
    let model = facts(vec![(36, attention(8, 128, Reach::All))]);
    agrees(&setup(&model, "0.19.1", 40_960), 19.36, 140_960, Some(3.44));
    let model = facts(vec![(28, attention(4, 128, Reach::All))]);
    agrees(&setup(&model, "0.24.0", 8192), 11.92, 223_152, Some(27.24));
    let model = facts(vec![(40, attention(8, 128, Reach::All))]);
    agrees(&setup(&model, "0.29.0", 40_960), 29.09, 190_672, Some(4.66));
    // Qwen3-14B of 2025-10, Llama-3.1-8B of 2026-02, Qwen3-30B-A3B of 2026.
    agrees(&setup(&model, "0.11.0", 32_768), 6.51, 42_656, Some(1.3));
    let llama = facts(vec![(32, attention(8, 128, Reach::All))]);
    agrees(&setup(&llama, "0.16.0", 131_072), 19.28, 157_936, Some(1.2));
    let sparse = facts(vec![(48, attention(4, 128, Reach::All))]);
    agrees(&setup(&sparse, "0.20.0", 16_384), 4.85, 52_960, Some(3.23));
    // Mistral-Small-3.2-24B, 0.11.0 with blocks of 128: 1444 of them.
    let mut mistral = setup(&model, "0.11.0", 16_000);
    mistral.block_size = Some(128);
    agrees(&mistral, 28.2, 184_832, Some(11.55));
}

#[test]
fn heads_are_repeated_beyond_their_number() {
    // Qwen3-VL-235B-A22B on 8 GPUs, 4 key and value heads.
    let model = facts(vec![(94, attention(4, 128, Reach::All))]);
    let mut qwen = setup(&model, "0.11.0", 32_768);
    qwen.tensor_parallel = 8;
    agrees(&qwen, 9.71, 216_656, Some(6.61));
    agrees(&qwen, 22.78, 508_192, Some(15.51));
}

#[test]
fn windows_share_the_pool_in_groups() {
    // gpt-oss-120b, 0.11.2: 18 layers of each kind, one group each.
    let model = facts(repeated(18, &[(1, attention(8, 64, Reach::Window(128))), (1, attention(8, 64, Reach::All))]));
    let mut oss = setup(&model, "0.11.2", 98_304);
    oss.max_num_batched_tokens = 2048;
    agrees(&oss, 8.99, 130_960, None);
    // Gemma-3-27B: 10 layers of full attention and 52 with windows are 7 groups of 10.
    let five = [(5, attention(16, 128, Reach::Window(1024))), (1, attention(16, 128, Reach::All))];
    let mut runs = repeated(10, &five);
    runs.push((2, attention(16, 128, Reach::Window(1024))));
    let model = facts(runs);
    let layout = only(&setup(&model, "0.19.0", 32_768));
    assert_eq!((layout.groups(), layout.bytes_per_block), (7, 10 * 16 * 16 * 256 * 2));
    // Before groups, a window beside full attention took as much as that.
    let layout = only(&setup(&model, "0.9.0", 32_768));
    assert_eq!((layout.groups(), layout.bytes_per_block), (1, 62 * 16 * 16 * 256 * 2));
}

#[test]
fn latent_attention_is_not_split_but_spread() {
    // GLM-5.1 on 8 H200: 78 layers of 1152 bytes and 132 of the indexer for each token.
    let model = facts(vec![(78, mla(512, 64, Some(128)))]);
    let mut glm = setup(&model, "0.21.0", 202_752);
    glm.tensor_parallel = 8;
    assert_eq!(only(&glm).bytes_per_block, 64 * 78 * (1152 + 132));
    agrees(&glm, 34.86, 373_696, Some(1.84));
    // Kimi-K2-Thinking on 8 H200, tokens spread over all of them.
    let model = facts(vec![(61, mla(512, 64, None))]);
    let mut kimi = setup(&model, "0.11.0", 131_072);
    (kimi.tensor_parallel, kimi.decode_context_parallel) = (8, 8);
    agrees(&kimi, 46.8, 5_721_088, None);
}

#[test]
fn a_request_that_does_not_fit_is_refused_in_the_engines_words() {
    // Mistral-Small-4-119B, asked for 1048576 tokens with 17.39 GiB.
    let model = facts(vec![(36, mla(256, 64, None))]);
    let mistral = setup(&model, "0.22.0", 1_048_576);
    let refusal = only(&mistral).refusal(gib(17.39), &mistral).unwrap();
    assert_eq!(refusal.check, Check::OneRequest);
    assert!(refusal.message.contains("max seq len (1048576), (22.5 GiB KV cache is needed"), "{}", refusal.message);
    assert!(refusal.message.contains("memory (17.39 GiB). Based on"), "{}", refusal.message);
    // The log estimates 810208; 0.005 GiB more or less are 233 tokens.
    let layout = only(&mistral);
    let (low, high) = (layout.longest_request(gib(17.385), 1_048_576), layout.longest_request(gib(17.395), 1_048_576));
    assert!(low <= 810_208 && 810_208 <= high, "{low}..{high}");
    // Llama 4 on 8 GPUs, 0.8.3, where chunks took as much as full attention: 24.00 GiB for 1048576 tokens.
    let model = facts(repeated(12, &[(3, attention(8, 128, Reach::Chunk(8192))), (1, attention(8, 128, Reach::All))]));
    let mut llama = setup(&model, "0.8.3", 1_048_576);
    llama.tensor_parallel = 8;
    let refusal = only(&llama).refusal(gib(9.97), &llama).unwrap();
    assert_eq!(
        refusal.message,
        "To serve at least one request with the models's max seq len (1048576), (24.00 GiB KV cache is needed, which is larger than \
         the available KV cache memory (9.97 GiB). Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when \
         initializing the engine."
    );
    let refusal = only(&mistral).refusal(gib(-1.44), &mistral).unwrap();
    assert_eq!(refusal.check, Check::NoBlocks);
}

#[test]
fn blocks_hold_a_state_beside_recurrent_layers() {
    // Qwen3.6-27B, 48 gated delta nets and 16 attention layers: 784 tokens, 1568 with 8-bit keys and values.
    let model = facts(repeated(16, &[(3, delta(48)), (1, attention(4, 256, Reach::All))]));
    let mut qwen = setup(&model, "0.21.0", 131_072);
    assert_eq!(only(&qwen).block_tokens, 784);
    assert_eq!(only(&qwen).groups(), 4);
    qwen.kv_cache_dtype = "fp8".to_owned();
    assert_eq!(only(&qwen).block_tokens, 1568);
    // Qwen3.5-35B-A3B in a 0.1x release: tokens by blocks over groups, concurrency by blocks of a request.
    let model = facts(repeated(10, &[(3, delta(32)), (1, attention(2, 256, Reach::All))]));
    agrees(&setup(&model, "0.18.1", 8192), 15.58, 203_808, Some(70.27));
    // Qwen3.6-35B-A3B, a 0.2x release and one of 2026-07: prefixes are kept by default since 0.26.0.
    agrees(&setup(&model, "0.26.0", 32_768), 13.1, 560_505, Some(17.11));
    agrees(&setup(&model, "0.27.0", 131_072), 18.64, 925_508, Some(7.06));
    // Its NVFP4 checkpoint with 8-bit keys and values, 0.24.0, where keeping them must have been asked for.
    let mut qwen = setup(&model, "0.24.0", 131_072);
    (qwen.kv_cache_dtype, qwen.gpu.compute_capability, qwen.max_num_seqs) = ("fp8".to_owned(), (12, 0), 1);
    qwen.prefix_caching = Some(true);
    agrees(&qwen, 5.98, 567_978, Some(4.33));
}

#[test]
fn a_layer_that_guesses_ahead_has_a_cache_and_more_states() {
    // Qwen3.6-27B on 2 GPUs with 3 guessed tokens and 8-bit keys and values: 2.37 requests of 262144
    // tokens, 622408 tokens. The log has no available memory, so what divides is checked: 425 blocks.
    let mut model = facts(repeated(16, &[(3, delta(48)), (1, attention(4, 256, Reach::All))]));
    model.shape.as_mut().unwrap().draft_layers = 1;
    let mut qwen = setup(&model, "0.26.0", 262_144);
    (qwen.tensor_parallel, qwen.speculative_tokens, qwen.kv_cache_dtype) = (2, 3, "fp8".to_owned());
    (qwen.max_num_seqs, qwen.gpu.compute_capability) = (2, (8, 6));
    let layout = only(&qwen);
    // 17 layers attend, and 48 states are 3 groups of at most as many.
    assert_eq!((layout.groups(), layout.block_tokens, layout.bytes_per_block), (4, 1600, 17 * 1600 * 2 * 512));
    let bytes = i64::try_from(layout.bytes_per_block * 425).unwrap();
    let figures = layout.figures(SignedBounds { low: bytes, expected: bytes, high: bytes }).unwrap();
    assert_eq!((figures.blocks_per_request, figures.logged_tokens), (179, Bounds::exact(622_408)));
    // A guess by anything but the model's own layer is not laid out.
    let model = facts(vec![(32, attention(8, 128, Reach::All))]);
    let mut other = setup(&model, "0.26.0", 8192);
    other.speculative_tokens = 3;
    assert!(per_stage(&other).is_err());
}

#[test]
fn more_requests_than_states_are_refused() {
    let model = facts(repeated(10, &[(3, delta(32)), (1, attention(2, 256, Reach::All))]));
    let mut qwen = setup(&model, "0.32.0", 32_768);
    let layout = only(&qwen);
    let bytes = i64::try_from(layout.bytes_per_block * 184).unwrap();
    let refusal = layout.refusal(bytes, &qwen).unwrap();
    assert_eq!(refusal.check, Check::RecurrentStates);
    assert!(refusal.message.starts_with("max_num_seqs (256) exceeds available Mamba cache blocks (184)."), "{}", refusal.message);
    qwen.enforce_eager = true;
    assert_eq!(layout.refusal(bytes, &qwen), None);
}

#[test]
fn sizes_beyond_any_machine_are_not_laid_out() {
    let huge = 1_000_000_000_000_000_000;
    for mixer in [attention(huge, 128, Reach::All), attention(8, huge, Reach::Window(huge)), mla(huge, huge, Some(huge)), delta(huge)] {
        let model = facts(vec![(2, mixer)]);
        assert!(per_stage(&setup(&model, "0.32.0", 8192)).is_err());
    }
    let model = facts(vec![(u32::MAX, attention(8, 128, Reach::All))]);
    assert!(per_stage(&setup(&model, "0.32.0", 8192)).is_err());
    let model = facts(vec![(2, attention(8, 128, Reach::Window(huge))), (2, attention(8, 128, Reach::All))]);
    for version in ["0.8.5", "0.11.0", "0.16.0", "0.20.0", "0.32.0"] {
        let mut extreme = setup(&model, version, u64::MAX);
        (extreme.max_num_batched_tokens, extreme.max_num_seqs) = (u64::MAX, u64::MAX);
        let layout = only(&extreme);
        let bounds = SignedBounds { low: i64::MIN, expected: 0, high: i64::MAX };
        let figures = layout.figures(bounds).unwrap();
        assert_eq!(figures.blocks.low, 0);
        assert!(layout.refusal(i64::MAX, &extreme).is_some());
        for field in [0, u64::MAX] {
            let mut extreme = extreme.clone();
            (extreme.tensor_parallel, extreme.pipeline_parallel, extreme.block_size) = (field, 1, Some(field));
            let _ = per_stage(&extreme);
            (extreme.block_size, extreme.decode_context_parallel, extreme.max_model_len) = (None, field, Some(field));
            let _ = per_stage(&extreme);
        }
    }
}
