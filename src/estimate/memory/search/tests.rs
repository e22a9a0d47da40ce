use super::super::testing::{dense, llama_8b, setup};
use super::*;

const NODE: Limits = Limits { gpus_per_node: 8, other_gpus: true };

#[test]
fn halving_finds_the_border_that_a_scan_finds() {
    for border in 0..40 {
        let works = |n: u64| n <= border;
        let scanned = (3..=30).take_while(|n| works(*n)).last();
        assert_eq!(largest(3, 30, works), scanned, "border {border}");
    }
    assert_eq!(largest(2, 1, |_| true), None);
    assert_eq!(largest(0, u64::MAX, |_| true), Some(u64::MAX - 1), "the end of the numbers is not passed");
}

/// Llama 70B on four A100 with 50 requests of 32768 tokens: it starts, and cannot hold them.
#[test]
fn a_load_that_does_not_fit_is_answered_with_what_does() {
    let facts = dense([80, 8192, 64, 8, 28672, 128256]);
    let mut setup = setup(&facts, "a100-80gb-sxm", "0.32.0");
    setup.tensor_parallel = 4;
    setup.max_model_len = Some(32768);
    setup.max_num_seqs = 256;
    assert_eq!(prove(&setup).verdict, Verdict::ProvenToStart);
    let goal = Goal::Hold(50);
    assert!(!goal.is_reached(&prove(&setup)));
    let ways = nearest(&setup, goal, NODE);
    assert!(ways.iter().all(|way| goal.is_reached(&prove(&way.change.applied(&setup)))), "each works: {ways:?}");
    let Some(Change::MaxModelLen(tokens)) =
        ways.iter().map(|way| way.change.clone()).find(|change| matches!(change, Change::MaxModelLen(_)))
    else {
        panic!("a shorter length: {ways:?}")
    };
    setup.max_model_len = Some(tokens + 1024);
    assert!(!goal.is_reached(&prove(&setup)), "the next length would not: {tokens}");
}

#[test]
fn one_request_that_does_not_fit_is_answered_with_the_longest_that_does() {
    let facts = llama_8b();
    let mut setup = setup(&facts, "rtx-4090-24gb", "0.32.0");
    setup.max_num_seqs = 64;
    setup.max_num_batched_tokens = 2048;
    setup.max_model_len = Some(131072);
    assert_eq!(prove(&setup).verdict, Verdict::ProvenToRefuse);
    let ways = nearest(&setup, Goal::Start, NODE);
    let kinds: Vec<&Change> = ways.iter().map(|way| &way.change).collect();
    assert!(matches!(kinds.first(), Some(Change::MaxModelLen(8192..=65536))), "{kinds:?}");
    assert!(kinds.contains(&&Change::TensorParallel(2)), "{kinds:?}");
    assert!(kinds.iter().any(|change| matches!(change, Change::Gpu(_))), "{kinds:?}");
    assert_eq!(ways, nearest(&setup, Goal::Start, NODE), "the same each time");
    let none = nearest(&setup, Goal::Start, Limits { gpus_per_node: 1, other_gpus: false });
    assert!(none.iter().all(|way| matches!(way.change, Change::MaxModelLen(_) | Change::KvCacheDtype(_))), "{none:?}");
}

#[test]
fn a_step_stays_large_enough_for_a_token_of_each_request() {
    let facts = llama_8b();
    let mut setup = setup(&facts, "h100-80gb-sxm", "0.32.0");
    (setup.max_num_seqs, setup.max_num_batched_tokens) = (5000, 32768);
    let tried = shorter_steps(&setup);
    assert_eq!(tried, vec![Change::MaxNumBatchedTokens(16384), Change::MaxNumBatchedTokens(8192)]);
}
