//! Will the engine start? vLLM's own memory arithmetic, by version.
//!
//! [`prove`] follows the engine from the first byte to the first request: weights ([`weights`]), what
//! the profile run takes ([`overhead`]), what is left for the cache and how it is cut into blocks
//! ([`cache`]), and each check at which the engine gives up, in its order and words ([`Refusal`]).
//! What is not arithmetic carries bounds, so an answer is proven either way or it is not.

pub mod bounds;
pub mod cache;
pub mod overhead;
mod prove;
mod refusal;
pub mod search;
mod settings;
mod support;
#[cfg(test)]
mod testing;
pub mod weights;

use semver::Version;

pub use bounds::Bounds;
pub use prove::{is_followed, prove};

use crate::catalog::ModelFacts;

/// Whether `version` is the release `major.minor.patch` or a later one.
fn since(version: &Version, major: u64, minor: u64, patch: u64) -> bool {
    (version.major, version.minor, version.patch) >= (major, minor, patch)
}

/// What is asked: one copy of a model with its settings, on one kind of GPU.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// Version of vLLM.
    pub version: Version,
    /// The model.
    pub facts: &'a ModelFacts,
    /// The GPU.
    pub gpu: Gpu,
    /// GPUs that share each layer.
    pub tensor_parallel: u64,
    /// Stages that share the layers.
    pub pipeline_parallel: u64,
    /// GPUs among which the tokens of one request are spread for decoding; divides `tensor_parallel`.
    pub decode_context_parallel: u64,
    /// Whether each GPU holds whole experts.
    pub expert_parallel: bool,
    /// Longest request in tokens; none where the engine fits it by itself (`-1`).
    pub max_model_len: Option<u64>,
    /// Share of the GPU's memory that the engine may use, in (0, 1].
    pub gpu_memory_utilization: f64,
    /// Bytes of the cache, where they are stated; the utilization then does not decide them.
    pub kv_cache_memory_bytes: Option<u64>,
    /// Most requests at once.
    pub max_num_seqs: u64,
    /// Most tokens of one step.
    pub max_num_batched_tokens: u64,
    /// `--kv-cache-dtype`.
    pub kv_cache_dtype: String,
    /// `--dtype`, where it is not the model's.
    pub dtype: Option<crate::catalog::Dtype>,
    /// `--quantization`, where a model is quantized while it is loaded.
    pub quantization: Option<String>,
    /// `--block-size`, where it is stated.
    pub block_size: Option<u64>,
    /// Whether CUDA graphs are left out (`--enforce-eager`).
    pub enforce_eager: bool,
    /// Largest batch that graphs are captured for, where it is stated.
    pub max_capture_size: Option<u64>,
    /// Whether computed prefixes are kept; none: the version's default.
    pub prefix_caching: Option<bool>,
    /// Whether steps overlap; none: the version's default.
    pub async_scheduling: Option<bool>,
    /// Tokens that the model's own draft layers (MTP) guess ahead of each step; 0 without speculation.
    /// Other ways to guess belong to `unknown_arguments`.
    pub speculative_tokens: u64,
    /// Whether inputs other than text are switched off (`--language-model-only`, limits of 0).
    pub text_only: bool,
    /// Arguments whose effect on memory is not known; with one, nothing is proven.
    pub unknown_arguments: Vec<String>,
    /// Why this version may not run the model at all, in words; with one, nothing is proven.
    pub unsupported: Vec<String>,
}

impl<'a> Setup<'a> {
    /// One copy on one GPU, requests as long as the model allows, at most 256 of them at once, and 8192
    /// tokens in a step; what is left is what the engine does when it is not told.
    pub fn new(version: Version, facts: &'a ModelFacts, gpu: Gpu) -> Self {
        Self {
            version,
            facts,
            gpu,
            tensor_parallel: 1,
            pipeline_parallel: 1,
            decode_context_parallel: 1,
            expert_parallel: false,
            max_model_len: Some(facts.context_tokens),
            gpu_memory_utilization: 0.9,
            kv_cache_memory_bytes: None,
            max_num_seqs: 256,
            max_num_batched_tokens: 8192,
            kv_cache_dtype: "auto".to_owned(),
            dtype: None,
            quantization: None,
            block_size: None,
            enforce_eager: false,
            max_capture_size: None,
            prefix_caching: None,
            async_scheduling: None,
            speculative_tokens: 0,
            text_only: false,
            unknown_arguments: Vec::new(),
            unsupported: Vec::new(),
        }
    }
}

/// The GPU of a setup.
#[derive(Clone, Debug)]
pub struct Gpu {
    /// Its name in the catalogue.
    pub name: String,
    /// Memory in bytes as torch reports it: exact where a pool states it, else what such cards report.
    pub total_bytes: Bounds,
    /// CUDA compute capability, such as (9, 0).
    pub compute_capability: (u32, u32),
    /// Whether the memory is the host's too, so that its arithmetic differs (GB10, GH200).
    pub unified_memory: bool,
}

/// What can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It starts, whatever stays within the bounds.
    ProvenToStart,
    /// It does not.
    ProvenToRefuse,
    /// The bounds allow both, or something is not known.
    NotProven,
}

impl Verdict {
    /// The verdict as people read it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::ProvenToStart => "proven to start",
            Self::ProvenToRefuse => "proven to refuse",
            Self::NotProven => "not proven",
        }
    }
}

/// A check at which the engine gives up, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Weights larger than the GPU: CUDA runs out of memory while they are loaded.
    Load,
    /// Less memory free at the start than the utilization asks for.
    FreeMemory,
    /// CUDA runs out of memory in the profile run.
    Profile,
    /// Nothing is left for the cache.
    NoBlocks,
    /// One request of full length does not fit the cache.
    OneRequest,
    /// More requests at once than states of recurrent layers.
    RecurrentStates,
    /// CUDA runs out of memory while graphs are captured, after the cache is taken.
    Capture,
}

/// Why the engine gives up.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Where.
    pub check: Check,
    /// What it prints, with the numbers of this setup.
    pub message: String,
}

/// What follows from a setup. Bytes are those of the GPU that has least left, which decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// The answer.
    pub verdict: Verdict,
    /// The first check that fails: for sure where refusing is proven, possibly where nothing is.
    pub refusal: Option<Refusal>,
    /// What is not known, in words; empty when a verdict is proven.
    pub missing: Vec<String>,
    /// GPU memory as torch reports it.
    pub total_bytes: Bounds,
    /// What the utilization allows of it.
    pub requested_bytes: Bounds,
    /// Weights.
    pub weights_bytes: Option<Bounds>,
    /// Context, libraries and buffers that torch does not count.
    pub non_torch_bytes: Option<Bounds>,
    /// Peak of the profile run above the weights.
    pub activation_bytes: Option<Bounds>,
    /// CUDA graphs.
    pub graph_bytes: Option<Bounds>,
    /// Whether graphs count against the utilization; otherwise they take what it leaves.
    pub graphs_in_budget: bool,
    /// What is left for the cache; negative where nothing is.
    pub available_kv_bytes: Option<SignedBounds>,
    /// The cache.
    pub cache: Option<CacheFigures>,
}

/// A figure that may be below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedBounds {
    /// At least.
    pub low: i64,
    /// Most likely.
    pub expected: i64,
    /// At most.
    pub high: i64,
}

/// The cache in figures.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheFigures {
    /// Bytes of one block over all layers of the GPU, as the engine divides by.
    pub bytes_per_block: u64,
    /// Tokens of a block of the attention layers.
    pub block_tokens: u64,
    /// Groups of layers that share the pool of blocks.
    pub groups: u64,
    /// Blocks.
    pub blocks: Bounds,
    /// Blocks of one request of full length.
    pub blocks_per_request: u64,
    /// "GPU KV cache size: N tokens", as the version computes it.
    pub logged_tokens: Bounds,
    /// Requests of full length that fit at once.
    pub max_concurrency: (f64, f64, f64),
    /// Longest request that fits the least memory; 0 where none does.
    pub longest_request_tokens: Bounds,
}

impl SignedBounds {
    /// A figure that is known exactly.
    pub const fn exact(value: i64) -> Self {
        Self { low: value, expected: value, high: value }
    }
}

impl From<&crate::catalog::Gpu> for Gpu {
    /// The GPU with the memory that such cards report.
    fn from(gpu: &crate::catalog::Gpu) -> Self {
        let bytes = |gib: f64| (gib * f64::from(1 << 30)) as u64;
        let (low, expected, high) = gpu.torch_gib;
        Self {
            name: gpu.name.clone(),
            total_bytes: Bounds { low: bytes(low), expected: bytes(expected), high: bytes(high) },
            compute_capability: gpu.compute_capability,
            unified_memory: gpu.unified_memory,
        }
    }
}

impl Gpu {
    /// The same GPU with the memory in GiB that it reports. Two places, as the engine prints them, so it
    /// lies within half of the last one.
    #[must_use]
    pub fn reporting_gib(mut self, gib: f64) -> Self {
        let bytes = |gib: f64| (gib.max(0.0) * f64::from(1 << 30)) as u64;
        self.total_bytes = Bounds { low: bytes(gib - 0.005), expected: bytes(gib), high: bytes(gib + 0.005) };
        self
    }
}
