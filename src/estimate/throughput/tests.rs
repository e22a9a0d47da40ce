//! Hand calculations, orders and extremes.

use super::work::{Span, Work};
use super::{Limit, Question, Throughput, estimate};
use crate::catalog::{self, Reach};
use crate::estimate::memory::{Proof, Setup, Verdict, prove};

fn setup(model: &str, gpu: &str) -> Setup<'static> {
    let facts = catalog::model(model).expect("a known model");
    let card = catalog::gpu(gpu).expect("a known GPU");
    Setup { max_model_len: Some(facts.context_tokens.min(32_768)), ..Setup::new("0.20.0".parse().unwrap(), facts, card.into()) }
}

fn ask(setup: &Setup<'_>, load: (f64, f64), change: impl Fn(&mut Question<'_>)) -> Result<Throughput, Vec<String>> {
    let proof = prove(setup);
    let mut question = Question {
        setup,
        proof: &proof,
        gpu: catalog::gpu(&setup.gpu.name).expect("a known GPU"),
        input_tokens: load.0,
        output_tokens: load.1,
        cached_share: 0.0,
        tpot_seconds: None,
    };
    change(&mut question);
    estimate(&question)
}

fn llama(load: (f64, f64)) -> Throughput {
    ask(&setup("meta-llama/Llama-3.1-8B-Instruct", "h100-80gb-sxm"), load, |_| {}).unwrap()
}

/// Llama 3.1 8B on an H100, by hand: 7.5 billion parameters in 16 bits, 131072 bytes of cache a token.
#[test]
fn the_roofline_of_a_dense_model_is_that_of_the_data_sheet() {
    let setup = setup("meta-llama/Llama-3.1-8B-Instruct", "h100-80gb-sxm");
    let work = Work::of(&setup, catalog::gpu("h100-80gb-sxm").unwrap()).unwrap();
    assert!((work.dense_bytes / 15.01e9 - 1.0).abs() < 0.001, "{}", work.dense_bytes);
    assert!((work.read_bytes(Span { start: 1000.0, tokens: 0.0 }) - 131_072_000.0).abs() < 1.0);
    // 2 x 6.98 billion in the layers, at 989.5 TFLOPS.
    assert!((work.linear.usual / (2.0 * 6.98e9 / 989.5e12) - 1.0).abs() < 0.001, "{}", work.linear.usual);
    let alone = llama((1.0, 101.0));
    // Weights once for each token: 15.01 GB at 3350 GB/s.
    assert!((alone.tpot_seconds.low / (15.01 / 3350.0) - 1.0).abs() < 0.01, "{alone:?}");
    // 2 operations for each parameter of 10000 tokens, and 2 x 2 x 4096 for each pair of 32 layers.
    let long = llama((10_000.0, 2.0));
    let operations = 2.0 * 6.98e9 * 10_000.0 + 32.0 * 4.0 * 4096.0 * 5.0e7;
    assert!(long.ttft_seconds.low < operations / 989.5e12 * 1.01 && long.ttft_seconds.low > operations / 1979.0e12, "{long:?}");
}

#[test]
fn bounds_are_in_order_and_more_work_is_slower() {
    let (short, long) = (llama((500.0, 100.0)), llama((2000.0, 400.0)));
    for found in [&short, &long] {
        for range in [found.requests_per_second, found.batch, found.ttft_seconds, found.tpot_seconds] {
            assert!(0.0 < range.low && range.low <= range.expected && range.expected <= range.high, "{found:?}");
        }
    }
    assert!(short.requests_per_second.expected > 3.0 * long.requests_per_second.expected);
    assert!(short.ttft_seconds.expected < long.ttft_seconds.expected);
}

#[test]
fn each_limit_is_named() {
    assert_eq!(llama((4000.0, 10.0)).limit, Limit::Compute);
    let base = setup("meta-llama/Llama-3.1-8B-Instruct", "h100-80gb-sxm");
    let few = Setup { max_num_seqs: 4, ..base.clone() };
    let found = ask(&few, (100.0, 1000.0), |_| {}).unwrap();
    assert_eq!((found.limit, found.batch.expected), (Limit::Sequences, 4.0));
    let tight = Setup { gpu_memory_utilization: 0.25, ..base.clone() };
    assert_eq!(ask(&tight, (4000.0, 1000.0), |_| {}).unwrap().limit, Limit::Cache);
    let free = ask(&base, (1000.0, 500.0), |_| {}).unwrap();
    let strict = ask(&base, (1000.0, 500.0), |question| question.tpot_seconds = Some(0.015)).unwrap();
    assert_eq!(strict.limit, Limit::Objective);
    assert!(strict.batch.expected < free.batch.expected && strict.tpot_seconds.expected <= 0.015);
    // The ceiling is the GPU's.
    assert_eq!(strict.requests_per_second.high, free.requests_per_second.high);
}

#[test]
fn experts_are_read_when_a_token_passes_them() {
    let setup = setup("Qwen/Qwen3-30B-A3B", "h100-80gb-sxm");
    let work = Work::of(&setup, catalog::gpu("h100-80gb-sxm").unwrap()).unwrap();
    let all = 61.0e9;
    assert!(work.expert_bytes(1.0) < 0.07 * all && work.expert_bytes(1e6) > 0.93 * all, "{}", work.expert_bytes(1e6));
    assert!(work.expert_bytes(8.0) < work.expert_bytes(16.0));
}

#[test]
fn windows_are_read_up_to_their_end() {
    let span = Span { start: 0.0, tokens: 200.0 };
    assert_eq!(span.seen(Reach::All, None), 100.0);
    // 100 tokens of 50 on average, then 100 of 100.
    assert_eq!(span.seen(Reach::Window(100), None), 75.0);
    assert_eq!(span.seen(Reach::All, Some(100)), 75.0);
    assert_eq!(Span { start: 500.0, tokens: 10.0 }.seen(Reach::Window(100), None), 100.0);
    assert_eq!(Span { start: 0.0, tokens: 0.0 }.seen(Reach::All, None), 0.0);
}

#[test]
fn what_is_not_known_is_said_and_not_guessed() {
    let base = setup("meta-llama/Llama-3.1-8B-Instruct", "h100-80gb-sxm");
    let cases = [
        (Setup { pipeline_parallel: 2, ..base.clone() }, "pipeline stages"),
        (Setup { speculative_tokens: 3, ..base.clone() }, "guessed tokens"),
        (Setup { unknown_arguments: vec!["--odd".to_owned()], ..base.clone() }, "`--odd`"),
        (Setup { max_model_len: Some(512), ..base.clone() }, "`max-model-len` 512"),
        (Setup { gpu_memory_utilization: 0.1, ..base.clone() }, "not to start"),
        (Setup { dtype: Some(catalog::Dtype::Float32), ..base.clone() }, "32 bits"),
        (Setup { quantization: Some("odd".to_owned()), ..base.clone() }, "odd"),
    ];
    for (setup, words) in cases {
        let missing = ask(&setup, (1000.0, 100.0), |_| {}).expect_err(words);
        assert!(missing.iter().any(|missing| missing.contains(words)), "{missing:?}");
    }
}

/// Whatever is asked, the answer is finite and in order, or words.
#[test]
fn nothing_overflows_or_divides_by_zero() {
    let models = [
        "meta-llama/Llama-3.1-8B-Instruct",
        "Qwen/Qwen3-30B-A3B",
        "deepseek-ai/DeepSeek-V2-Lite",
        "Qwen/Qwen3.5-27B",
        "openai/gpt-oss-20b",
    ];
    let figures = [0.0, 1.0, 7.5, 1e4, 1e12, 1e300, -1.0, f64::NAN, f64::INFINITY];
    let mut answered = 0;
    for model in models {
        for (sequences, tokens) in [(0, 0), (1, 1), (256, 8192), (u64::MAX, u64::MAX)] {
            let mut setup = setup(model, "h200-141gb-sxm");
            (setup.max_num_seqs, setup.max_num_batched_tokens, setup.max_model_len) = (sequences, tokens, Some(8192));
            setup.kv_cache_memory_bytes = Some(if sequences == 1 { u64::MAX } else { 1 << 34 });
            // A copy that starts whatever is asked of it, so that the extremes reach the arithmetic.
            let proof = Proof { verdict: Verdict::NotProven, ..prove(&setup) };
            setup.max_model_len = None;
            for input in figures {
                for output in figures {
                    for (share, tpot) in [(0.0, None), (1.0, Some(0.0)), (0.5, Some(f64::NAN)), (f64::NAN, None), (2.0, Some(1e300))] {
                        let gpu = catalog::gpu("h200-141gb-sxm").unwrap();
                        let question = Question {
                            setup: &setup,
                            proof: &proof,
                            gpu,
                            input_tokens: input,
                            output_tokens: output,
                            cached_share: share,
                            tpot_seconds: tpot,
                        };
                        let Ok(found) = estimate(&question) else { continue };
                        answered += 1;
                        for range in [found.requests_per_second, found.batch, found.ttft_seconds, found.tpot_seconds] {
                            let ordered = 0.0 <= range.low && range.low <= range.expected && range.expected <= range.high;
                            assert!(ordered && range.high.is_finite(), "{model} {input} {output} {share}: {found:?}");
                        }
                        assert!(found.requests_per_second.low > 0.0 && (0.0..=1.0).contains(&found.prefill_share), "{found:?}");
                    }
                }
            }
        }
    }
    assert!(answered > 500, "only {answered} were answered");
}
