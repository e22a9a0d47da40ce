//! vLLM's own code lays out the cache as the memory proof does: the same bytes, blocks, tokens,
//! concurrency and refusals, to the last digit and letter.

use llmc::catalog::{Attention, Dtype, FeedForward, GatedDeltaNet, Indexer, LayerRun, Mamba2, Mixer, Mla, ModelFacts, Reach, Shape};
use llmc::estimate::memory::cache::{Layout, per_stage};
use llmc::estimate::memory::{Bounds, Check, Gpu, Setup, SignedBounds};
use semver::Version;
use serde_json::{Value, json};

use crate::harness::judge;

/// A model with its settings and what is left for the cache on each stage.
#[derive(Clone, Debug)]
struct Case {
    name: String,
    layers: Vec<(u32, Mixer)>,
    tensor_parallel: u64,
    spread: u64,
    tokens: Option<u64>,
    context: u64,
    requests: u64,
    batched: u64,
    overlap: bool,
    block: u64,
    eight_bit: bool,
    prefixes: bool,
    available: Vec<i64>,
}

const GIB: i64 = 1 << 30;

fn case(name: &str, layers: Vec<(u32, Mixer)>) -> Case {
    Case {
        name: name.to_owned(),
        layers,
        tensor_parallel: 1,
        spread: 1,
        tokens: Some(32_768),
        context: 131_072,
        requests: 64,
        batched: 8192,
        overlap: true,
        block: 16,
        eight_bit: false,
        prefixes: true,
        available: vec![20 * GIB + 12_345],
    }
}

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

fn mla(rank: u64, rope: u64, indexer: bool) -> Mixer {
    let indexer = indexer.then_some(Indexer { heads: 64, head_dim: 128 });
    Mixer::Mla(Mla {
        heads: 128,
        q_lora_rank: Some(1536),
        kv_lora_rank: rank,
        qk_rope_head_dim: rope,
        qk_nope_head_dim: 128,
        v_head_dim: 128,
        indexer,
    })
}

fn delta(value_heads: u64, state_dtype: Dtype) -> Mixer {
    Mixer::GatedDeltaNet(GatedDeltaNet { key_heads: 16, value_heads, key_head_dim: 128, value_head_dim: 128, conv_kernel: 4, state_dtype })
}

fn mamba2(heads: u64, groups: u64) -> Mixer {
    Mixer::Mamba2(Mamba2 { heads, head_dim: 64, groups, state_size: 128, conv_kernel: 4, state_dtype: Dtype::Float32, conv_bias: true })
}

fn repeated(times: usize, runs: &[(u32, Mixer)]) -> Vec<(u32, Mixer)> {
    runs.iter().cloned().cycle().take(times * runs.len()).collect()
}

impl Case {
    fn facts(&self) -> ModelFacts {
        let run = |(count, mixer): &(u32, Mixer)| LayerRun {
            count: *count,
            mixer: mixer.clone(),
            feed_forward: FeedForward::None,
            unquantized: Default::default(),
        };
        ModelFacts {
            repository: self.name.clone(),
            also: Vec::new(),
            source: "a test".to_owned(),
            checkpoint_bytes: None,
            context_tokens: self.context,
            attention_heads: 32,
            shape: Some(Shape {
                architecture: "TestForCausalLM".to_owned(),
                dtype: Dtype::Bfloat16,
                hidden_size: 4096,
                vocab_size: 32_000,
                tied_embeddings: false,
                layers: self.layers.iter().map(run).collect(),
                draft_layers: 0,
                encoder: None,
                quantization: None,
                stored: Vec::new(),
            }),
            missing: Vec::new(),
        }
    }

    fn setup<'a>(&self, facts: &'a ModelFacts, version: &str) -> Setup<'a> {
        let gpu = Gpu {
            name: "h100-80gb".to_owned(),
            total_bytes: Bounds::exact(85_000_000_000),
            compute_capability: (8, 0),
            unified_memory: false,
        };
        Setup {
            tensor_parallel: self.tensor_parallel,
            pipeline_parallel: self.available.len() as u64,
            decode_context_parallel: self.spread,
            max_model_len: self.tokens,
            max_num_seqs: self.requests,
            max_num_batched_tokens: self.batched,
            kv_cache_dtype: if self.eight_bit { "fp8" } else { "auto" }.to_owned(),
            block_size: Some(self.block),
            prefix_caching: Some(self.prefixes),
            async_scheduling: Some(self.overlap),
            ..Setup::new(Version::parse(version).unwrap(), facts, gpu)
        }
    }

    /// The caches of one layer, as the judge reads them.
    fn of_layer(mixer: &Mixer) -> Vec<Value> {
        match mixer {
            Mixer::Attention(layer) => {
                let mut value = json!({ "kv_heads": layer.kv_heads, "head_dim": layer.head_dim });
                let (kind, tokens) = match layer.reach {
                    Reach::All => ("full", None),
                    Reach::Window(tokens) => ("window", Some(tokens)),
                    Reach::Chunk(tokens) => ("chunk", Some(tokens)),
                };
                (value["kind"], value["tokens"], value["value_dim"]) = (json!(kind), json!(tokens), json!(layer.value_head_dim));
                vec![value]
            }
            Mixer::Mla(layer) => {
                let mut values = vec![json!({ "kind": "mla", "head_dim": layer.kv_lora_rank + layer.qk_rope_head_dim })];
                // One byte for each element, and 4 for a scale.
                values.extend(layer.indexer.iter().map(|_| json!({ "kind": "mla", "head_dim": 132, "element_bytes": 1 })));
                values
            }
            Mixer::GatedDeltaNet(layer) => vec![json!({
                "kind": "delta", "key_heads": layer.key_heads, "value_heads": layer.value_heads, "key_dim": layer.key_head_dim,
                "value_dim": layer.value_head_dim, "kernel": layer.conv_kernel, "state_bytes": layer.state_dtype.bytes(),
            })],
            Mixer::Mamba2(layer) => vec![json!({
                "kind": "mamba2", "heads": layer.heads, "head_dim": layer.head_dim, "groups": layer.groups,
                "state": layer.state_size, "kernel": layer.conv_kernel, "state_bytes": layer.state_dtype.bytes(),
            })],
            Mixer::None => Vec::new(),
        }
    }

    fn for_judge(&self) -> Value {
        let layers: Vec<&Mixer> = self.layers.iter().flat_map(|(count, mixer)| std::iter::repeat_n(mixer, *count as usize)).collect();
        // What is left over goes to the stages before the last, from behind.
        let stages = self.available.len();
        let mut counts = vec![layers.len() / stages; stages];
        for extra in 0..layers.len() % stages {
            counts[stages - 2 - extra] += 1;
        }
        let mut rest = layers.as_slice();
        let mut split: Vec<Vec<Value>> = Vec::new();
        for count in counts {
            let (now, later) = rest.split_at(count);
            split.push(now.iter().flat_map(|mixer| Self::of_layer(mixer)).collect());
            rest = later;
        }
        let chunks = layers.iter().any(|mixer| matches!(mixer, Mixer::Attention(layer) if matches!(layer.reach, Reach::Chunk(_))));
        json!({
            "name": self.name, "stages": split, "available": self.available, "context": self.context,
            "max_model_len": self.tokens.map_or(json!(-1), |tokens| json!(tokens)), "max_num_seqs": self.requests,
            "max_num_batched_tokens": self.batched, "tp": self.tensor_parallel, "dcp": self.spread, "async": self.overlap,
            "block_size": self.block, "element_bytes": if self.eight_bit { 1 } else { 2 }, "prefixes": self.prefixes, "groups": !chunks,
        })
    }
}

/// Models as they are, and settings that change each rule.
fn known_cases() -> Vec<Case> {
    let llama = || vec![(32, attention(8, 128, Reach::All))];
    let oss = || repeated(18, &[(1, attention(8, 64, Reach::Window(128))), (1, attention(8, 64, Reach::All))]);
    let mut gemma = repeated(10, &[(5, attention(16, 128, Reach::Window(1024))), (1, attention(16, 128, Reach::All))]);
    gemma.push((2, attention(16, 128, Reach::Window(1024))));
    let gemma4 = || repeated(5, &[(5, attention(8, 256, Reach::Window(1024))), (1, attention(2, 512, Reach::All))]);
    let qwen = || repeated(10, &[(3, delta(32, Dtype::Float32)), (1, attention(2, 256, Reach::All))]);
    let qwen27 = || repeated(16, &[(3, delta(48, Dtype::Float32)), (1, attention(4, 256, Reach::All))]);
    let nemotron = || repeated(6, &[(4, mamba2(128, 8)), (1, attention(2, 128, Reach::All))]);
    let scout = || repeated(12, &[(3, attention(8, 128, Reach::Chunk(8192))), (1, attention(8, 128, Reach::All))]);
    let small = |mut case: Case, bytes: i64| {
        case.available = vec![bytes];
        case
    };
    let mut cases = vec![
        case("llama", llama()),
        Case { eight_bit: true, ..case("llama with 8 bits", llama()) },
        Case { tensor_parallel: 16, ..case("llama with more GPUs than heads", llama()) },
        Case { block: 128, ..case("llama with large blocks", llama()) },
        Case { available: vec![3 * GIB, 4 * GIB, 5 * GIB], ..case("llama on three stages", llama()) },
        small(case("llama without memory", llama()), -5),
        small(case("llama with one block", llama()), 2_097_152),
        small(case("llama with a byte more", llama()), 2_097_153),
        small(case("llama that is too long", llama()), 2 * GIB),
        small(Case { tokens: None, ..case("llama that is fitted", llama()) }, 2 * GIB),
        small(Case { tokens: None, ..case("llama that is fitted to nothing", llama()) }, 3_000_000),
        Case { tokens: None, ..case("llama that is fitted in full", llama()) },
        case("all windows", vec![(32, attention(8, 128, Reach::Window(4096)))]),
        case("gpt-oss", oss()),
        Case { overlap: false, ..case("gpt-oss, one step at a time", oss()) },
        Case { batched: 65_536, tokens: Some(131_072), ..case("gpt-oss with large steps", oss()) },
        small(case("gpt-oss that is too long", oss()), GIB / 2),
        small(Case { tokens: None, ..case("gpt-oss that is fitted", oss()) }, GIB / 2),
        Case { available: vec![GIB, 2 * GIB], overlap: false, ..case("gpt-oss on two stages", oss()) },
        case("gemma 3", gemma.clone()),
        Case { tensor_parallel: 4, ..case("gemma 3 on four GPUs", gemma.clone()) },
        Case { available: vec![9 * GIB, 9 * GIB, 9 * GIB], overlap: false, ..case("gemma 3 on three stages", gemma) },
        case("gemma 4", gemma4()),
        Case { eight_bit: true, tensor_parallel: 2, ..case("gemma 4 on two GPUs", gemma4()) },
        case("close counts", repeated(2, &[(13, attention(8, 64, Reach::All)), (10, attention(8, 64, Reach::Window(128)))])),
        case("three kinds", {
            let kinds = [Reach::Window(128), Reach::All, Reach::Window(4096)];
            kinds.iter().enumerate().map(|(place, reach)| (4 * place as u32 + 5, attention(8, 64, *reach))).collect()
        }),
        case("chunks", scout()),
        small(case("chunks that are too long", scout()), 3 * GIB),
        case("heads of two sizes", vec![(10, attention(8, 128, Reach::All)), (20, attention(4, 96, Reach::All))]),
        case("windows that are no fraction", vec![(10, attention(8, 128, Reach::All)), (20, attention(4, 96, Reach::Window(512)))]),
        Case { block: 64, tensor_parallel: 8, ..case("deepseek", vec![(61, mla(512, 64, false))]) },
        Case { block: 64, tensor_parallel: 8, spread: 8, ..case("kimi, spread", vec![(61, mla(512, 64, false))]) },
        Case { block: 64, ..case("glm with an indexer", vec![(78, mla(512, 64, true))]) },
        small(Case { block: 64, ..case("glm that is too long", vec![(78, mla(512, 64, true))]) }, GIB),
        Case { block: 64, available: vec![4 * GIB, 4 * GIB], ..case("glm on two stages", vec![(78, mla(512, 64, true))]) },
        case("qwen3.5", qwen()),
        Case { prefixes: false, ..case("qwen3.5 without prefixes", qwen()) },
        Case { eight_bit: true, ..case("qwen3.5 with 8 bits", qwen()) },
        Case { tensor_parallel: 2, ..case("qwen3.5 on two GPUs", qwen()) },
        Case { block: 64, ..case("qwen3.5 with larger blocks", qwen()) },
        Case { block: 4096, ..case("qwen3.5 with blocks beyond a state", qwen()) },
        Case { available: vec![3 * GIB, 2 * GIB], ..case("qwen3.5 on two stages", qwen()) },
        small(Case { requests: 256, ..case("qwen3.5 with too many requests", qwen()) }, 4 * GIB),
        small(case("qwen3.5 that is too long", qwen()), GIB),
        small(Case { tokens: None, ..case("qwen3.5 that is fitted", qwen()) }, 3 * GIB),
        case("qwen3.6 27B", qwen27()),
        Case { eight_bit: true, prefixes: false, ..case("qwen3.6 27B with 8 bits", qwen27()) },
        case("states alone", vec![(24, mamba2(64, 1))]),
        case("nemotron", nemotron()),
        Case { tensor_parallel: 4, prefixes: false, ..case("nemotron on four GPUs", nemotron()) },
        Case { tensor_parallel: 16, ..case("groups of states repeated", nemotron()) },
    ];
    for available in [1, 1 << 20, (1 << 31) - 1, 7 * GIB + 1, 70 * GIB - 3] {
        cases.push(small(case(&format!("llama with {available} bytes"), llama()), available));
    }
    cases
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }
}

fn random_cases(count: usize) -> Vec<Case> {
    let mut numbers = Numbers(20_261_123);
    let mut cases = Vec::new();
    for number in 0..count {
        let heads = numbers.one(&[1, 2, 4, 8, 16]);
        let head_dim = numbers.one(&[64, 80, 96, 128, 256]);
        let window = 1 + numbers.below(5000);
        let full = || attention(heads, head_dim, Reach::All);
        let other = match numbers.below(6) {
            0 => full(),
            1 | 2 => attention(heads, head_dim, Reach::Window(window)),
            3 => attention(heads * 2, head_dim, Reach::Window(window)),
            4 => delta(numbers.one(&[16, 32, 48]), numbers.one(&[Dtype::Float32, Dtype::Bfloat16])),
            _ => mamba2(numbers.one(&[32, 64, 128]), numbers.one(&[1, 2, 8])),
        };
        let pattern = [(1 + numbers.below(5) as u32, other), (1 + numbers.below(3) as u32, full())];
        let layers = repeated(1 + numbers.below(12) as usize, &pattern);
        let states = layers.iter().any(|(_, mixer)| matches!(mixer, Mixer::GatedDeltaNet(_) | Mixer::Mamba2(_)));
        let mut case = case(&format!("random {number}"), layers);
        case.tensor_parallel = numbers.one(&[1, 2, 4, 8]);
        case.tokens = if numbers.below(8) == 0 { None } else { Some(1 + numbers.below(300_000)) };
        case.requests = 1 + numbers.below(300);
        case.batched = 1 + numbers.below(20_000);
        case.overlap = numbers.below(2) == 0;
        case.block = numbers.one(&[16, 16, 32, 64]);
        case.eight_bit = numbers.below(3) == 0;
        case.prefixes = states && numbers.below(2) == 0;
        case.available = vec![(numbers.below(1 << 31) as i64) << numbers.below(6)];
        cases.push(case);
    }
    cases
}

/// What of an answer differs from the layouts, in words.
fn difference(case: &Case, answer: &Value, setup: &Setup<'_>) -> Option<String> {
    let layouts = match per_stage(setup) {
        Ok(layouts) => layouts,
        Err(unknown) => return answer["error"].is_null().then(|| format!("not laid out: {unknown:?}")),
    };
    let pairs = || layouts.iter().zip(&case.available);
    let refusals: Vec<_> = pairs().filter_map(|(layout, available)| layout.refusal(*available, setup)).collect();
    let (scarce, available) = pairs().min_by_key(|(layout, available)| layout.blocks(**available)).unwrap();
    let blocks = scarce.blocks(*available);
    // States are checked last, with the blocks that all stages have.
    let refusal = refusals.iter().find(|refusal| refusal.check != Check::RecurrentStates).cloned();
    let refusal = refusal.or_else(|| scarce.refusal(*available, setup)).map(|refusal| refusal.message);
    if answer["error"].as_str() != refusal.as_deref() {
        return Some(format!("refused as {refusal:?}, not {}", answer["error"]));
    }
    if refusal.is_some() {
        return None;
    }
    let figures = scarce.figures(SignedBounds { low: *available, expected: *available, high: *available }).unwrap();
    let length = case.tokens.unwrap_or_else(|| scarce.longest_request(*available, case.context));
    let ours = json!({
        "name": case.name, "error": null, "block_tokens": figures.block_tokens,
        "bytes_per_block": if blocks == 0 { json!(null) } else { json!(layouts.first().map(|layout: &Layout| layout.bytes_per_block)) },
        "blocks": blocks, "groups": figures.groups, "tokens": figures.logged_tokens.expected,
        "concurrency": figures.max_concurrency.1, "max_model_len": length,
    });
    (ours != *answer).then(|| format!("{ours}\nnot {answer}"))
}

#[test]
fn vllm_lays_out_every_cache_as_the_proof_does() {
    let mut cases = known_cases();
    cases.extend(random_cases(200));
    let input: Vec<Value> = cases.iter().map(Case::for_judge).collect();
    let run = judge("vllm", &["cache"], &serde_json::to_string(&input).unwrap());
    let answers: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), cases.len(), "{}", run.stderr);
    let mut wrong = Vec::new();
    for (case, answer) in cases.iter().zip(&answers) {
        let facts = case.facts();
        if let Some(difference) = difference(case, answer, &case.setup(&facts, "0.32.0")) {
            wrong.push(format!("{}: {difference}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    // Each outcome is among them, so that none goes untested.
    for words in ["No available memory", "To serve at least one", "Cannot auto-fit", "exceeds available Mamba cache blocks"] {
        assert!(answers.iter().any(|answer| answer["error"].as_str().is_some_and(|error| error.contains(words))), "{words}");
    }
    assert!(answers.iter().filter(|answer| answer["error"].is_null()).count() > 100);
}

#[test]
fn the_judge_tells_a_wrong_layout() {
    let right = case("llama", vec![(32, attention(8, 128, Reach::All))]);
    let wrong = case("llama", vec![(32, attention(8, 128, Reach::Window(4096)))]);
    let run = judge("vllm", &["cache"], &json!([right.for_judge()]).to_string());
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    let (right_facts, wrong_facts) = (right.facts(), wrong.facts());
    assert_eq!(difference(&right, &answer, &right.setup(&right_facts, "0.32.0")), None);
    assert!(difference(&wrong, &answer, &wrong.setup(&wrong_facts, "0.32.0")).is_some());
    assert!(difference(&right, &answer, &right.setup(&right_facts, "0.18.1")).is_none(), "one group counts the same in both");
}
