//! The memory proof and its search, and what the search saves.
//!
//! Run with `cargo bench --bench memory`. In the same run, `longest_by_scanning` finds the longest
//! request that works by trying every length, as a search would that knew nothing of the border.

#![allow(missing_docs, clippy::expect_used)]

use divan::{Bencher, black_box};
use llmc::catalog::{self, ModelFacts};
use llmc::estimate::memory::search::{Goal, Limits, largest, nearest};
use llmc::estimate::memory::{Setup, prove};

/// A dense model, a mixture of experts with latent attention, and a hybrid with recurrent layers.
const MODELS: [&str; 3] = ["meta-llama/Llama-3.1-70B", "deepseek-ai/DeepSeek-V3", "Qwen/Qwen3.5-35B-A3B"];

/// A step of the lengths that are tried.
const STEP: u64 = 1024;

fn main() {
    divan::main();
}

fn facts(model: &str) -> &'static ModelFacts {
    catalog::model(model).expect("a known model")
}

/// Eight GPUs of 80 GB with requests of 131072 tokens, far more than they hold for 50 at once.
fn setup(facts: &ModelFacts) -> Setup<'_> {
    let version = "0.32.0".parse().expect("a version");
    let gpu = catalog::gpu("h200-141gb-sxm").expect("a known GPU").into();
    Setup { tensor_parallel: 8, max_model_len: Some(131_072), text_only: true, ..Setup::new(version, facts, gpu) }
}

fn works<'a>(setup: &'a Setup<'a>, goal: Goal) -> impl Fn(u64) -> bool + 'a {
    move |steps| goal.is_reached(&prove(&Setup { max_model_len: Some(steps * STEP), ..setup.clone() }))
}

const GOAL: Goal = Goal::Hold(200);

#[divan::bench(args = MODELS)]
fn one_proof(bencher: Bencher<'_, '_>, model: &str) {
    let setup = setup(facts(model));
    bencher.bench(|| prove(black_box(&setup)));
}

#[divan::bench(args = MODELS)]
fn longest_by_halving(bencher: Bencher<'_, '_>, model: &str) {
    let setup = setup(facts(model));
    bencher.bench(|| largest(1, 128, works(black_box(&setup), GOAL)));
}

#[divan::bench(args = MODELS)]
fn longest_by_scanning(bencher: Bencher<'_, '_>, model: &str) {
    let setup = setup(facts(model));
    bencher.bench(|| (1..=128).filter(|steps| works(black_box(&setup), GOAL)(*steps)).max());
}

#[divan::bench(args = MODELS)]
fn all_nearest_settings(bencher: Bencher<'_, '_>, model: &str) {
    let setup = setup(facts(model));
    bencher.bench(|| nearest(black_box(&setup), GOAL, Limits { gpus_per_node: 8, other_gpus: true }));
}
