//! Will each model start, and does its cache hold the load? The memory proof for people.
//!
//! [`Fit`] puts a model's settings to [`crate::estimate::memory`] through its engine and holds the answer
//! against the stated load. The checks, `llmc fit` and the manifest all read it, so they agree.

mod document;
mod load;
mod remedies;
mod text;
mod words;

pub use document::{Document, document, json_schema, render_json};
pub use load::Load;
pub use text::render_text;
pub use words::gib;

use crate::engine;
use crate::estimate::memory::search::Goal;
use crate::estimate::memory::{self, Proof, Refusal, Setup, Verdict};
use crate::stack::{Model, Pool, Stack};

/// What can be said about the memory of one model.
pub struct Fit<'a> {
    /// The model.
    pub model: &'a Model,
    /// Where it runs.
    pub pool: &'a Pool,
    /// What was asked; none where too little is known about the model to ask.
    pub setup: Option<Setup<'a>>,
    /// What was answered.
    pub proof: Option<Proof>,
    /// How the cache meets the stated load; none without a load or a cache.
    pub load: Option<Load>,
    missing: Vec<String>,
}

impl<'a> Fit<'a> {
    /// Asks about `model`, which runs on `pool`.
    pub fn of(model: &'a Model, pool: &'a Pool) -> Self {
        match engine::of(model.engine).memory_setup(model, pool) {
            Ok(setup) => {
                let proof = memory::prove(&setup);
                let load = Load::of(model, &setup, &proof);
                Self { model, pool, missing: proof.missing.clone(), load, setup: Some(setup), proof: Some(proof) }
            }
            Err(missing) => Self { model, pool, setup: None, proof: None, load: None, missing },
        }
    }

    /// The answer.
    pub fn verdict(&self) -> Verdict {
        self.proof.as_ref().map_or(Verdict::NotProven, |proof| proof.verdict)
    }

    /// The first check that fails: for sure where refusing is proven, else possibly.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.proof.as_ref().and_then(|proof| proof.refusal.as_ref())
    }

    /// Whether every fact is known, so that only bounds can leave an answer open.
    pub fn is_known(&self) -> bool {
        let has_figures = |proof: &Proof| proof.weights_bytes.is_some() && proof.non_torch_bytes.is_some() && proof.cache.is_some();
        self.setup.as_ref().is_some_and(memory::is_followed) && self.proof.as_ref().is_some_and(has_figures)
    }

    /// What is not known, in words.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Requests of full length that one copy holds for sure.
    pub fn least_held(&self) -> Option<u64> {
        self.proof.as_ref()?.cache.as_ref().map(|cache| cache.max_concurrency.0.max(0.0).floor() as u64)
    }

    /// Requests of full length that one copy holds at most.
    pub fn most_held(&self) -> Option<u64> {
        self.proof.as_ref()?.cache.as_ref().map(|cache| cache.max_concurrency.2.max(0.0).floor() as u64)
    }

    /// The nearest settings that are proven to start, each in words; none where it is not known what
    /// other settings would do.
    pub fn remedies_to_start(&self) -> Vec<String> {
        remedies::remedies(self, Goal::Start)
    }

    /// The nearest settings that are proven to hold the load at full length, with the least copies.
    pub fn remedies_for_load(&self) -> Vec<String> {
        self.load.as_ref().map_or_else(Vec::new, |load| remedies::remedies(self, Goal::Hold(load.each_at_least_copies)))
    }

    /// What would decide an answer that is not proven, in words.
    pub fn what_settles(&self) -> Vec<String> {
        remedies::what_settles(self)
    }

    /// Whether the cache is proven to hold the load at full length with the least copies; none where
    /// that is not known.
    pub fn holds_load(&self) -> Option<bool> {
        Some(self.least_held()? >= self.load.as_ref()?.each_at_least_copies)
    }

    /// What to do: nothing where all is proven to be well.
    pub fn advice(&self) -> Vec<String> {
        match self.verdict() {
            Verdict::ProvenToRefuse => self.remedies_to_start(),
            Verdict::NotProven => self.what_settles(),
            Verdict::ProvenToStart if self.holds_load() == Some(false) => self.remedies_for_load(),
            Verdict::ProvenToStart => Vec::new(),
        }
    }

    /// Engine and version, such as `vllm 0.32.0`.
    pub fn engine(&self) -> String {
        format!("{} {}", engine::of(self.model.engine).name(), self.model.engine_version)
    }
}

/// What is missing of a model that has no answer because its spec is wrong.
pub(crate) const UNRESOLVED: &str = "the model could not be resolved; `llmc check` says why";

/// The models that the spec of `stack` has and that could not be resolved.
pub(crate) fn unresolved(stack: &Stack) -> impl Iterator<Item = &str> {
    stack.explicit.model.keys().filter(|name| !stack.models.contains_key(*name)).map(String::as_str)
}

/// The answers for every model of `stack` that could be resolved, sorted by name.
pub fn of_stack(stack: &Stack) -> Vec<Fit<'_>> {
    stack.models.values().filter_map(|model| Some(Fit::of(model, stack.pools.get(&model.pool)?))).collect()
}
