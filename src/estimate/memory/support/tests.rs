use super::super::testing::{llama_8b, setup};
use super::super::{Proof, Verdict, prove};
use super::*;
use crate::catalog;

fn of(repository: &str, gpu: &str, version: &str, change: impl FnOnce(&mut Setup<'_>)) -> Proof {
    let facts = catalog::model(repository).unwrap_or_else(|| panic!("{repository} is known"));
    let mut setup = setup(facts, gpu, version);
    (setup.max_num_seqs, setup.max_model_len) = (64, Some(4096));
    change(&mut setup);
    prove(&setup)
}

fn says(proof: &Proof, words: &str) -> bool {
    proof.verdict == Verdict::NotProven && proof.missing.iter().any(|missing| missing.contains(words))
}

/// Widths that real users met the engine's refusal with, and the neighbours that start.
#[test]
fn blocks_that_do_not_divide_are_not_proven() {
    for (repository, refused, started) in [
        ("Qwen/Qwen3-4B-FP8", 8, 4),
        ("Qwen/Qwen3-30B-A3B-FP8", 4, 2),
        ("Qwen/Qwen3-235B-A22B-FP8", 8, 4),
        ("MiniMaxAI/MiniMax-M2.5", 8, 4),
    ] {
        let with = |gpus| of(repository, "h200-141gb-sxm", "0.21.0", |setup| setup.tensor_parallel = gpus);
        assert!(says(&with(refused), "is not divisible by"), "{repository}: {:?}", with(refused));
        assert_eq!(with(started).verdict, Verdict::ProvenToStart, "{repository}: {:?}", with(started).missing);
    }
    let whole = of("Qwen/Qwen3-30B-A3B-FP8", "h200-141gb-sxm", "0.21.0", |setup| {
        (setup.tensor_parallel, setup.expert_parallel) = (4, true);
    });
    assert_eq!(whole.verdict, Verdict::ProvenToStart, "whole experts are not split: {:?}", whole.missing);
    let integers = of("Qwen/Qwen2.5-14B-Instruct-AWQ", "h100-80gb-sxm", "0.21.0", |setup| setup.tensor_parallel = 8);
    assert!(says(&integers, "is not divisible by"), "groups of 128 in a share of 1728: {integers:?}");
}

/// `llmc check` reports them too; a verdict that says "starts" must not stand beside that.
#[test]
fn limits_that_contradict_are_not_proven() {
    let with = |change: fn(&mut Setup<'_>)| of("Qwen/Qwen3-30B-A3B", "h200-141gb-sxm", "0.21.0", change);
    assert_eq!(with(|_| ()).verdict, Verdict::ProvenToStart);
    assert_eq!(with(|setup| setup.max_model_len = Some(40960)).verdict, Verdict::ProvenToStart);
    assert!(says(&with(|setup| setup.max_model_len = Some(40961)), "its config says 40960"));
    assert!(says(&with(|setup| setup.max_num_batched_tokens = 63), "max_num_batched_tokens must be"));
    assert!(says(&with(|setup| (setup.tensor_parallel, setup.expert_parallel) = (256, true)), "share 128 experts"));
}

#[test]
fn what_falls_back_to_the_first_engine_is_not_proven() {
    let llama = "meta-llama/Llama-3.1-8B-Instruct";
    let eight = |version: &str, gpu: &str| of(llama, gpu, version, |setup| setup.kv_cache_dtype = "fp8".into());
    assert!(says(&eight("0.9.2", "a100-80gb-sxm"), "V0 engine") && says(&eight("0.8.0", "h100-80gb-sxm"), "V0 engine"));
    assert_eq!(eight("0.9.2", "h100-80gb-sxm").verdict, Verdict::ProvenToStart);
    assert!(says(&of("google/gemma-3-4b-it", "h100-80gb-sxm", "0.8.0", |_| ()), "V0 engine"));
    assert!(!says(&of("google/gemma-3-4b-it", "h100-80gb-sxm", "0.8.1", |_| ()), "V0 engine"));
    let recurrent = |version| of("nvidia/Nemotron-H-56B-Base-8K", "h200-141gb-sxm", version, |_| ());
    assert!(says(&recurrent("0.10.1"), "V0 engine") && !says(&recurrent("0.10.2"), "V0 engine"));
    let too_large = of("meta-llama/Llama-3.1-70B-Instruct", "t4-16gb", "0.9.2", |_| ());
    assert_eq!(too_large.verdict, Verdict::NotProven, "neither does a refusal hold for another engine");
}

#[test]
fn gpus_that_lack_a_type_or_a_kernel_are_not_proven() {
    let small = "Qwen/Qwen3-0.6B";
    assert!(says(&of(small, "t4-16gb", "0.21.0", |setup| setup.dtype = Some(Dtype::Bfloat16)), "--dtype=half"));
    assert!(says(&of(small, "v100-32gb-sxm", "0.21.0", |_| ()), "compute capability 7.0"));
    assert_eq!(of(small, "a30-24gb", "0.21.0", |_| ()).verdict, Verdict::ProvenToStart);
    let modelopt = |gpu, version| of("nvidia/Llama-3.1-8B-Instruct-FP8", gpu, version, |_| ());
    assert!(says(&modelopt("a100-80gb-sxm", "0.21.0"), "kernels") && !says(&modelopt("h100-80gb-sxm", "0.21.0"), "kernels"));
    let blocks = |gpu, version| of("Qwen/Qwen3-8B-FP8", gpu, version, |_| ());
    assert!(says(&blocks("a100-80gb-sxm", "0.8.5"), "kernels") && !says(&blocks("a100-80gb-sxm", "0.9.0"), "kernels"));
    let integers = |gpu| of("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w8a8", gpu, "0.21.0", |_| ());
    assert!(says(&integers("b200-180gb-sxm"), "kernels") && !says(&integers("a100-80gb-sxm"), "kernels"));
    let sparse = |gpu| of("deepseek-ai/DeepSeek-V3.2", gpu, "0.21.0", |setup| setup.tensor_parallel = 8);
    assert!(says(&sparse("rtx-pro-6000-96gb"), "sparse attention") && !says(&sparse("h200-141gb-sxm"), "sparse attention"));
}

#[test]
fn a_class_that_the_version_lacks_proves_nothing() {
    let facts = llama_8b();
    let mut setup = setup(&facts, "h100-80gb-sxm", "0.32.0");
    setup.unsupported.push("whether vLLM 0.32.0 runs a `NewForCausalLM`".into());
    assert!(says(&prove(&setup), "NewForCausalLM"));
    setup.tensor_parallel = 1;
    setup.gpu_memory_utilization = 0.05;
    assert_eq!(prove(&setup).verdict, Verdict::NotProven);
}
