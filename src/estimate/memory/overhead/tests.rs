use super::super::testing::{dense, llama_8b, setup};
use super::*;
use crate::catalog::ModelFacts;

fn gib(bytes: u64) -> f64 {
    bytes as f64 / GIB
}

fn overhead(setup: &Setup<'_>) -> Overhead {
    per_stage(setup).expect("an overhead")[0]
}

/// Peaks that vLLM 0.11.0 itself reported on an H100 (llm-d-planner, "empirical vLLM memory results"),
/// which the sources explain to within 2 %: the sampler's sort over 1024 rows decides them.
#[test]
fn the_peaks_that_0_11_reported_follow_from_the_sources() {
    let cases: [(ModelFacts, u64, f64); 3] =
        [(llama_8b(), 1, 4.76), (dense([28, 1024, 16, 8, 3072, 151936]), 1, 5.56), (dense([64, 5120, 64, 8, 25600, 151936]), 2, 5.64)];
    for (facts, tensor_parallel, reported) in cases {
        let mut setup = setup(&facts, "h100-80gb-sxm", "0.11.0");
        setup.tensor_parallel = tensor_parallel;
        let peak = overhead(&setup).activation_bytes;
        assert!((gib(peak.expected) / reported - 1.0).abs() < 0.02, "{} for {reported}", gib(peak.expected));
        assert!(gib(peak.low) < reported && reported < gib(peak.high), "{peak:?} for {reported}");
        setup.max_num_seqs = 256;
        let fewer = overhead(&setup).activation_bytes;
        assert!(gib(fewer.expected) < 0.5 * reported, "fewer requests, a smaller sort: {fewer:?}");
    }
}

#[test]
fn the_sampler_shrank_from_version_to_version() {
    let facts = llama_8b();
    let peaks: Vec<f64> = ["0.16.0", "0.18.1", "0.21.0", "0.32.0"]
        .map(|version| gib(overhead(&setup(&facts, "h100-80gb-sxm", version)).activation_bytes.expected))
        .to_vec();
    assert!(peaks.is_sorted_by(|a, b| a > b), "{peaks:?}");
}

#[test]
fn long_steps_make_the_forward_pass_decide() {
    let facts = llama_8b();
    let mut setup = setup(&facts, "h100-80gb-sxm", "0.32.0");
    setup.max_num_seqs = 8;
    // Residual, input, gate, up and their product: (2 × 4096 + 3 × 14336) × 2 bytes for each token, and
    // the workspace of cuBLAS.
    setup.max_num_batched_tokens = 32768;
    let held = 8.0 * 128256.0 * 4.0 * (1.0 + 1.0 / 32.0);
    let expected = 32768.0 * (2.0 * 4096.0 + 3.0 * 14336.0) * 2.0 + 32.0 * MIB + held;
    assert_eq!(overhead(&setup).activation_bytes.expected, expected as u64);
}

#[test]
fn capture_sizes_are_those_of_the_version() {
    let facts = llama_8b();
    let mut setup = setup(&facts, "a100-40gb-sxm", "0.19.1");
    setup.max_num_seqs = 256;
    let sizes = captured(&setup);
    // The log of such a start: 51 graphs of pieces, 35 whole ones.
    assert_eq!((sizes.len(), sizes.iter().filter(|size| **size <= 256).count()), (51, 35));
    setup.version = "0.9.2".parse().expect("a version");
    assert_eq!(captured(&setup).len(), 67);
    setup.max_capture_size = Some(4);
    assert_eq!(captured(&setup), [1, 2, 4]);
    setup.enforce_eager = true;
    assert!(captured(&setup).is_empty());
    assert_eq!(overhead(&setup).graph_bytes, Bounds::exact(0));
}

#[test]
fn graphs_count_against_the_utilization_from_0_20_on() {
    let facts = llama_8b();
    let counted = |version| overhead(&setup(&facts, "h100-80gb-sxm", version)).graphs_in_budget;
    assert_eq!(
        ["0.9.2", "0.15.1", "0.18.1", "0.19.1", "0.20.0", "0.21.0", "0.33.0"].map(counted),
        [false, false, false, false, true, true, true]
    );
}

#[test]
fn encoders_widen_the_bounds_unless_they_are_switched_off() {
    let mut facts = llama_8b();
    let without = overhead(&setup(&facts, "h100-80gb-sxm", "0.32.0")).activation_bytes;
    facts.shape.as_mut().expect("a shape").encoder = Some(crate::catalog::Encoder { parameters: None });
    let mut setup = setup(&facts, "h100-80gb-sxm", "0.32.0");
    assert!(gib(overhead(&setup).activation_bytes.high) > gib(without.high) + 10.0);
    setup.text_only = true;
    assert_eq!(overhead(&setup).activation_bytes, without);
}

#[test]
fn what_is_not_known_is_said() {
    let mut facts = llama_8b();
    let old = per_stage(&setup(&facts, "h100-80gb-sxm", "0.7.3")).expect_err("too old");
    assert_eq!(old, ["the profile run of vLLM 0.7.3 (known from 0.8.0)"]);
    facts.shape = None;
    let shapeless = per_stage(&setup(&facts, "h100-80gb-sxm", "0.32.0")).expect_err("no shape");
    assert_eq!(shapeless, ["the layers of `example/model`, which decide the peak of the profile run"]);
}
