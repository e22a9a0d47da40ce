use super::*;
use crate::catalog::{ModelFacts, Quantization, WeightFormat};
use crate::estimate::memory::testing::{dense, llama_8b, setup};
use crate::estimate::memory::{Check, Verdict, prove};

/// Asserts that a start with `change` is not proven and says why, and that it is proven without.
fn stops(facts: &ModelFacts, gpu: &str, version: &str, word: &str, change: impl FnOnce(&mut Setup<'_>)) {
    let mut changed = setup(facts, gpu, version);
    changed.max_num_seqs = 64;
    let before = prove(&changed);
    change(&mut changed);
    let proof = prove(&changed);
    assert_eq!(before.verdict, Verdict::ProvenToStart, "{word}: {:?}", before.missing);
    assert_eq!(proof.verdict, Verdict::NotProven, "{word}");
    assert!(proof.missing.iter().any(|words| words.contains(word)), "{word}: {:?}", proof.missing);
}

#[test]
fn what_the_engine_refuses_for_other_reasons_is_not_proven_to_start() {
    let plain = llama_8b();
    let mut quantized = llama_8b();
    if let Some(shape) = &mut quantized.shape {
        let format = WeightFormat::Int4 { group: 128, zero_points: true };
        shape.quantization = Some(Quantization { method: "awq".into(), format, other: Vec::new(), head: false, fp8_cache: false });
    }
    stops(&quantized, "h100-80gb-sxm", "0.32.0", "the checkpoint is `awq`", |setup| setup.quantization = Some("fp8".into()));
    stops(&plain, "h100-80gb-sxm", "0.32.0", "has no experts", |setup| setup.expert_parallel = true);
    stops(&plain, "h100-80gb-sxm", "0.32.0", "blocks of 7 tokens", |setup| setup.block_size = Some(7));
    stops(&plain, "h100-80gb-sxm", "0.32.0", "2 times the 8 KV heads", |setup| {
        (setup.tensor_parallel, setup.decode_context_parallel) = (8, 2);
    });
}

#[test]
fn what_the_engine_takes_stays_proven() {
    let mut quantized = llama_8b();
    if let Some(shape) = &mut quantized.shape {
        let format = WeightFormat::Int4 { group: 128, zero_points: true };
        shape.quantization = Some(Quantization { method: "awq".into(), format, other: Vec::new(), head: false, fp8_cache: false });
    }
    let mut setup = setup(&quantized, "h100-80gb-sxm", "0.32.0");
    (setup.quantization, setup.kv_cache_dtype, setup.block_size) = (Some("awq_marlin".into()), "fp8".into(), Some(32));
    (setup.tensor_parallel, setup.decode_context_parallel, setup.max_num_seqs) = (16, 2, 64);
    assert_eq!(reasons(&setup), Vec::<String>::new());
    assert_eq!(prove(&setup).verdict, Verdict::ProvenToStart);
}

#[test]
fn gpus_that_a_version_does_not_know_are_not_proven_to_start() {
    let verdict = |class: &str, gpu: &str, version: &str| {
        let mut facts = dense([16, 2048, 32, 8, 8192, 128_256]);
        facts.shape.as_mut().expect("a shape").architecture = class.into();
        let mut setup = setup(&facts, gpu, version);
        setup.max_num_seqs = 64;
        prove(&setup).verdict
    };
    assert_eq!(verdict("LlamaForCausalLM", "h100-80gb-sxm", "0.8.0"), Verdict::ProvenToStart);
    assert_eq!(verdict("LlamaForCausalLM", "b200-180gb-sxm", "0.8.5"), Verdict::NotProven);
    assert_eq!(verdict("LlamaForCausalLM", "b200-180gb-sxm", "0.11.0"), Verdict::ProvenToStart);
    assert_eq!(verdict("LlamaForCausalLM", "v100-32gb-sxm", "0.32.0"), Verdict::NotProven);
    assert_eq!(verdict("Gemma3ForCausalLM", "t4-16gb", "0.32.0"), Verdict::NotProven, "it would be widened to 32 bits");
}

#[test]
fn memory_that_no_such_card_has_proves_nothing() {
    let facts = llama_8b();
    stops(&facts, "h100-80gb-sxm", "0.32.0", "79 to 79.4 GiB", |setup| setup.gpu = setup.gpu.clone().reporting_gib(791.8));
    let mut part = setup(&facts, "h100-80gb-sxm", "0.20.2");
    (part.gpu, part.max_num_seqs) = (part.gpu.reporting_gib(39.4), 64);
    assert_eq!(prove(&part).verdict, Verdict::ProvenToStart, "a part of a card");
}

#[test]
fn a_stated_cache_that_no_gpu_holds_is_told_in_figures_that_exist() {
    let facts = llama_8b();
    let mut setup = setup(&facts, "h100-80gb-sxm", "0.32.0");
    setup.kv_cache_memory_bytes = Some(100_000_000_000_000);
    let proof = prove(&setup);
    let message = proof.refusal.expect("a refusal").message;
    assert_eq!(proof.verdict, Verdict::ProvenToRefuse);
    assert!(message.contains("it takes 93132.26 GiB") && !message.contains('-'), "{message}");
}

#[test]
fn memory_that_refuses_for_sure_still_does() {
    let facts = llama_8b();
    let mut setup = setup(&facts, "t4-16gb", "0.32.0");
    setup.expert_parallel = true;
    let proof = prove(&setup);
    assert_eq!((proof.verdict, proof.refusal.map(|refusal| refusal.check)), (Verdict::ProvenToRefuse, Some(Check::Load)));
}
