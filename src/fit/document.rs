//! The answers for programs. Their JSON form is a contract: `schemas/fit.schema.json`.

use schemars::JsonSchema;
use serde::Serialize;

use super::Fit;
use crate::diagnostic::redact;
use crate::estimate::memory::{Bounds, Check, Refusal, Verdict};
use crate::stack::Stack;

/// Version of the JSON form; a new minor version only adds fields.
const FORMAT_VERSION: &str = "1.0";

/// What `llmc fit --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "llmc fit")]
pub struct Document {
    /// Version of this format, `major.minor`: a new minor version only adds fields; a reader must
    /// refuse a major version that it does not know.
    pub format_version: String,
    /// Each model of each stack, sorted by both names.
    pub models: Vec<ModelFit>,
}

/// The answer for one model. A figure is null where it is not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct ModelFit {
    /// Name of the stack.
    pub stack: String,
    /// Name of the model.
    pub name: String,
    /// The answer.
    pub verdict: Answer,
    /// What the engine prints when it gives up: for sure with `proven-to-refuse`, possibly with
    /// `not-proven`.
    pub refusal: Option<String>,
    /// The check at which it gives up: `load`, `free-memory`, `profile`, `no-blocks`, `one-request`,
    /// `recurrent-states` or `capture`.
    pub refused_at: Option<String>,
    /// What is not known, in words; empty with a proof.
    pub missing: Vec<String>,
    /// The nearest settings that work, or what would decide the answer, in words; empty where all is
    /// proven to be well.
    pub nearest: Vec<String>,
    /// Engine and version.
    pub engine: Option<String>,
    /// The GPU, by its name in the catalogue.
    pub gpu: Option<String>,
    /// GPUs of one copy.
    pub gpus_per_copy: Option<u64>,
    /// Longest request in tokens.
    pub max_model_len: Option<u64>,
    /// Memory of one GPU as it reports it, in bytes.
    pub gpu_memory_bytes: Option<Range<u64>>,
    /// What the engine may use of it, in bytes.
    pub requested_bytes: Option<Range<u64>>,
    /// Weights on one GPU in bytes, most likely.
    pub weights_bytes_per_gpu: Option<u64>,
    /// Weights on one GPU in bytes, with bounds.
    pub weights_bytes: Option<Range<u64>>,
    /// CUDA context, libraries and buffers, in bytes.
    pub non_torch_bytes: Option<Range<u64>>,
    /// Peak of the profile run above the weights, in bytes.
    pub activation_bytes: Option<Range<u64>>,
    /// CUDA graphs, in bytes.
    pub graph_bytes: Option<Range<u64>>,
    /// Whether the graphs count against the utilization.
    pub graphs_in_budget: Option<bool>,
    /// What is left for the cache on one GPU, in bytes; below zero where nothing is.
    pub available_kv_bytes: Option<Range<i64>>,
    /// Bytes of one block of the cache over all layers of a GPU.
    pub kv_bytes_per_block: Option<u64>,
    /// Tokens of a block.
    pub kv_block_tokens: Option<u64>,
    /// Blocks of the cache.
    pub kv_blocks: Option<Range<u64>>,
    /// Tokens of the cache as this version of the engine logs them, most likely.
    pub kv_tokens: Option<u64>,
    /// The same, at least.
    pub kv_tokens_low: Option<u64>,
    /// The same, at most.
    pub kv_tokens_high: Option<u64>,
    /// Requests of full length (`max_model_len`) that fit one copy at once, most likely.
    pub max_concurrency: Option<f64>,
    /// The same, at least.
    pub max_concurrency_low: Option<f64>,
    /// The same, at most.
    pub max_concurrency_high: Option<f64>,
    /// Longest request that fits the cache, in tokens.
    pub longest_request_tokens: Option<Range<u64>>,
    /// Requests at the same time that the spec states, over all copies.
    pub load_concurrency: Option<u64>,
    /// Those in one copy at the least number of copies, and at most `max-num-seqs`.
    pub load_per_copy: Option<u64>,
    /// Whether each copy is proven to hold them at full length.
    pub holds_load: Option<bool>,
    /// Share of the cache in percent that they leave at their mean length.
    pub headroom_percent: Option<f64>,
}

/// Whether an engine starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It starts, whatever stays within the bounds.
    ProvenToStart,
    /// It does not.
    ProvenToRefuse,
    /// The bounds allow both, or something is not known.
    #[default]
    NotProven,
}

impl From<Verdict> for Answer {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::ProvenToStart => Self::ProvenToStart,
            Verdict::ProvenToRefuse => Self::ProvenToRefuse,
            Verdict::NotProven => Self::NotProven,
        }
    }
}

/// A figure with its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Range<T> {
    /// At least.
    pub low: T,
    /// Most likely.
    pub expected: T,
    /// At most.
    pub high: T,
}

impl From<Bounds> for Range<u64> {
    fn from(bounds: Bounds) -> Self {
        Self { low: bounds.low, expected: bounds.expected, high: bounds.high }
    }
}

/// The document over `stacks`.
pub fn document<'a>(stacks: impl IntoIterator<Item = &'a Stack>) -> Document {
    let mut models: Vec<ModelFit> = stacks.into_iter().flat_map(of_stack).collect();
    models.sort_by(|a, b| (&a.stack, &a.name).cmp(&(&b.stack, &b.name)));
    Document { format_version: FORMAT_VERSION.to_owned(), models }
}

fn of_stack(stack: &Stack) -> Vec<ModelFit> {
    let fits = super::of_stack(stack);
    let answered = fits.iter().map(|fit| of_model(stack, fit));
    answered.chain(super::unresolved(stack).map(|name| unresolved(stack, name))).collect()
}

fn unresolved(stack: &Stack, name: &str) -> ModelFit {
    ModelFit { stack: stack.name.clone(), name: name.to_owned(), missing: vec![super::UNRESOLVED.into()], ..ModelFit::default() }
}

fn of_model(stack: &Stack, fit: &Fit<'_>) -> ModelFit {
    let mut out = ModelFit {
        stack: stack.name.clone(),
        name: fit.model.name.clone(),
        verdict: fit.verdict().into(),
        refusal: fit.refusal().map(|refusal| refusal.message.clone()),
        refused_at: fit.refusal().map(|refusal| at(refusal).into()),
        missing: fit.missing().iter().map(|words| redact(words)).collect(),
        nearest: fit.advice().iter().map(|words| redact(words)).collect(),
        engine: Some(fit.engine()),
        gpu: Some(fit.pool.gpu.name.clone()),
        gpus_per_copy: Some(fit.model.tensor_parallel.into()),
        max_model_len: Some(fit.model.serve.max_model_len),
        ..ModelFit::default()
    };
    if let Some(proof) = &fit.proof {
        out.gpu_memory_bytes = Some(proof.total_bytes.into());
        out.requested_bytes = Some(proof.requested_bytes.into());
        out.weights_bytes_per_gpu = proof.weights_bytes.map(|weights| weights.expected);
        out.weights_bytes = proof.weights_bytes.map(Into::into);
        out.non_torch_bytes = proof.non_torch_bytes.map(Into::into);
        out.activation_bytes = proof.activation_bytes.map(Into::into);
        out.graph_bytes = proof.graph_bytes.map(Into::into);
        out.graphs_in_budget = proof.graph_bytes.map(|_| proof.graphs_in_budget);
        out.available_kv_bytes = proof.available_kv_bytes.map(|b| Range { low: b.low, expected: b.expected, high: b.high });
        if let Some(cache) = &proof.cache {
            let round = |number: f64| (number * 100.0).round() / 100.0;
            let (low, expected, high) = cache.max_concurrency;
            out.kv_bytes_per_block = Some(cache.bytes_per_block);
            out.kv_block_tokens = Some(cache.block_tokens);
            out.kv_blocks = Some(cache.blocks.into());
            out.kv_tokens = Some(cache.logged_tokens.expected);
            out.kv_tokens_low = Some(cache.logged_tokens.low);
            out.kv_tokens_high = Some(cache.logged_tokens.high);
            (out.max_concurrency_low, out.max_concurrency, out.max_concurrency_high) =
                (Some(round(low)), Some(round(expected)), Some(round(high)));
            out.longest_request_tokens = Some(cache.longest_request_tokens.into());
        }
    }
    if let Some(load) = &fit.load {
        out.load_concurrency = Some(load.concurrency);
        out.load_per_copy = Some(load.each_at_least_copies);
        out.holds_load = fit.holds_load();
        out.headroom_percent = load.headroom_percent;
    }
    out
}

fn at(refusal: &Refusal) -> &'static str {
    match refusal.check {
        Check::Load => "load",
        Check::FreeMemory => "free-memory",
        Check::Profile => "profile",
        Check::NoBlocks => "no-blocks",
        Check::OneRequest => "one-request",
        Check::RecurrentStates => "recurrent-states",
        Check::Capture => "capture",
    }
}

/// The document as pretty-printed JSON.
pub fn render_json(document: &Document) -> String {
    // Strings, numbers and lists only: this cannot fail.
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}

/// JSON Schema of the document.
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(Document)
}
