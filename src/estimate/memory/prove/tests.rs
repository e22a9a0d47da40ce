use proptest::prelude::*;

use super::super::testing::{dense, gpu, llama_8b, setup};
use super::super::{Gpu, Proof};
use super::*;

const GIB: u64 = 1 << 30;

fn refused(proof: &Proof) -> Option<(Verdict, Check)> {
    proof.refusal.as_ref().map(|refusal| (proof.verdict, refusal.check))
}

#[test]
fn weights_larger_than_the_gpu_are_refused_while_loading() {
    let facts = dense([80, 8192, 64, 8, 28672, 128256]);
    let proof = prove(&setup(&facts, "h100-80gb-sxm", "0.32.0"));
    assert_eq!(refused(&proof), Some((Verdict::ProvenToRefuse, Check::Load)), "{proof:?}");
    assert!(proof.refusal.expect("a refusal").message.contains("the weights take 131."), "in GiB");
}

#[test]
fn a_utilization_above_what_the_driver_leaves_is_refused_before_loading() {
    let facts = llama_8b();
    let mut setup = setup(&facts, "rtx-4090-24gb", "0.32.0");
    setup.max_num_seqs = 16;
    setup.gpu_memory_utilization = 1.0;
    assert_eq!(refused(&prove(&setup)), Some((Verdict::ProvenToRefuse, Check::FreeMemory)));
    setup.gpu_memory_utilization = 0.985;
    assert_eq!(refused(&prove(&setup)), Some((Verdict::NotProven, Check::FreeMemory)));
}

#[test]
fn what_is_not_known_proves_nothing_unless_even_the_rest_is_too_large() {
    let facts = dense([80, 8192, 64, 8, 28672, 128256]);
    let mut setup = setup(&facts, "h100-80gb-sxm", "0.32.0");
    setup.unknown_arguments = vec!["--new-flag".into()];
    let proof = prove(&setup);
    assert_eq!(proof.verdict, Verdict::NotProven);
    assert!(proof.missing.iter().any(|missing| missing.contains("--new-flag")), "{:?}", proof.missing);
    setup.unknown_arguments.clear();
    setup.gpu = gpu("gb10-128gb");
    let proof = prove(&setup);
    assert_eq!(proof.verdict, Verdict::NotProven);
    assert!(proof.missing.iter().any(|missing| missing.contains("which they share")), "{:?}", proof.missing);
}

#[test]
fn graphs_outside_of_the_budget_must_fit_what_it_leaves() {
    let facts = llama_8b();
    let mut setup = setup(&facts, "rtx-4090-24gb", "0.19.1");
    setup.max_num_seqs = 256;
    setup.max_num_batched_tokens = 2048;
    setup.max_model_len = Some(2048);
    // 23.5 GiB × 4 % leave less than graphs may take beside the context.
    setup.gpu_memory_utilization = 0.96;
    assert_eq!(refused(&prove(&setup)), Some((Verdict::NotProven, Check::Capture)));
    setup.enforce_eager = true;
    assert_eq!(prove(&setup).verdict, Verdict::ProvenToStart);
}

/// Any setup at all, up to figures that no machine has.
fn anything() -> impl Strategy<Value = ([u64; 6], [u64; 12], f64, bool)> {
    let figure = || prop_oneof![0..4096_u64, Just(0), Just(1), Just(1_000_000_000_000_000_000), any::<u64>()];
    (prop::array::uniform6(figure()), prop::array::uniform12(figure()), -1.0..2.0_f64, any::<bool>())
}

fn hostile<'a>(facts: &'a crate::catalog::ModelFacts, figures: [u64; 12], utilization: f64, eager: bool) -> Setup<'a> {
    let [tp, pp, dcp, len, kv, seqs, tokens, block, capture, guessed, memory, version] = figures;
    Setup {
        version: semver::Version::new(0, version % 40, 0),
        gpu: Gpu { name: "any".into(), total_bytes: Bounds::exact(memory), compute_capability: (9, 0), unified_memory: false },
        tensor_parallel: tp,
        pipeline_parallel: pp,
        decode_context_parallel: dcp,
        max_model_len: Some(len),
        gpu_memory_utilization: utilization,
        kv_cache_memory_bytes: (kv % 3 == 0).then_some(kv),
        max_num_seqs: seqs,
        max_num_batched_tokens: tokens,
        block_size: (block % 2 == 0).then_some(block),
        max_capture_size: (capture % 2 == 0).then_some(capture),
        speculative_tokens: guessed,
        enforce_eager: eager,
        ..setup(facts, "h100-80gb-sxm", "0.32.0")
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_figures_make_it_fail((shape, figures, utilization, eager) in anything()) {
        // A layer count is read as 32 bits, and walked.
        let facts = dense([shape[0] % 512, shape[1], shape[2], shape[3], shape[4], shape[5]]);
        let proof = prove(&hostile(&facts, figures, utilization, eager));
        prop_assert_eq!(proof.verdict == Verdict::NotProven, !proof.missing.is_empty());
    }

    #[test]
    fn more_memory_never_turns_a_start_into_a_refusal(
        gib in 1..200_u64, more in 0..100_u64, seqs in 1..2000_u64, len in 1..200_000_u64, utilization in 0.3..0.99_f64, minor in 8..34_u64,
    ) {
        let facts = llama_8b();
        let proof = |gib: u64, len: u64| {
            let mut setup = setup(&facts, "h100-80gb-sxm", &format!("0.{minor}.0"));
            // No card of the catalogue, whose memory would be known.
            setup.gpu.name = "any".into();
            setup.gpu.total_bytes = Bounds::exact(gib * GIB);
            setup.max_num_seqs = seqs;
            setup.max_model_len = Some(len);
            setup.gpu_memory_utilization = utilization;
            prove(&setup).verdict
        };
        let rank = |verdict| match verdict {
            Verdict::ProvenToRefuse => 0,
            Verdict::NotProven => 1,
            Verdict::ProvenToStart => 2,
        };
        prop_assert!(rank(proof(gib, len)) <= rank(proof(gib + more, len)), "more memory is never worse");
        prop_assert!(rank(proof(gib, len + more * 1000)) <= rank(proof(gib, len)), "longer requests are never easier");
    }
}
