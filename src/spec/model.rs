//! Models that the stack serves itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Duration, Objective, Resources, Share};

/// A model served by an engine on the GPUs of a pool.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("x-planned" = ["adapter", "speculative", "disaggregate"]))]
pub struct Model {
    /// Weights: a repository of the model hub at a fixed commit.
    pub source: SourceRepository,
    /// Serving engine and its version.
    pub engine: Engine,
    /// Pool and parallelism.
    pub place: Place,
    /// Engine settings that decide memory and batching.
    pub serve: Serve,
    /// Number of copies. Default: 1.
    #[serde(default)]
    pub replicas: Replicas,
    /// Expected traffic of the model. Default: unknown.
    pub load: Option<Load>,
    /// Service levels, by indicator: `ttft`, `tpot`, `e2e` or `availability`.
    #[serde(default)]
    pub objective: BTreeMap<String, Objective>,
    /// Secret that holds the token of the model hub. Default: none, for models without a gate.
    pub token_secret: Option<SecretKey>,
    /// Time that running answers get to finish when a pod stops. Default: the longest answer of
    /// the prompts that reach the model, at its `tpot` objective or 50 ms for each token, and at
    /// least 30 s. At most `1h`.
    pub drain: Option<Duration>,
    /// Volume that caches the weights. Default: sized after the checkpoint, in the cluster's class.
    #[serde(default)]
    pub cache: CacheVolume,
    /// CPU and memory of each pod. Default: 4 CPUs and 8 GiB for each GPU, 8 GiB and the shared
    /// memory on top.
    pub resources: Option<Resources>,
    /// The model's own tokenizer, with which the tokens of prompts are counted. Default: they are estimated.
    pub tokenizer: Option<Tokenizer>,
}

/// A `tokenizer.json` as the model hub has it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tokenizer {
    /// Path of the file, relative to the spec's folder. It may be absent where `llmc.lock` knows every count.
    #[schemars(length(min = 1, max = 1024))]
    pub file: String,
    /// SHA-256 of the file, in hexadecimal digits.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
}

/// A repository of the model hub.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("x-argument" = "repository"))]
pub struct SourceRepository {
    /// Owner and name, such as `meta-llama/Llama-3.3-70B-Instruct`.
    pub repository: String,
    /// Commit of the repository: 40 hexadecimal digits.
    pub revision: String,
    /// Facts of a model that the catalogue does not know: a file that `llmc model add` wrote, the
    /// model's own `config.json`, or the folder that holds it. The path is relative to the spec's
    /// folder. Default: the catalogue's facts.
    #[schemars(length(min = 1, max = 1024))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<String>,
    /// Size of the checkpoint in GiB. Default: that of the facts file or of the catalogue; required
    /// where neither has one.
    #[schemars(range(min = 0.01, max = 100_000.0))]
    pub size_gib: Option<f64>,
    /// Attention heads of the model (`num_attention_heads` of its `config.json`). Default: the
    /// catalogue's figure; required with `tensor-parallel` above 1 for a model that the catalogue
    /// does not know.
    #[schemars(range(min = 1, max = 100_000))]
    pub attention_heads: Option<u32>,
    /// Longest sequence that the model was made for, in tokens (`max_position_embeddings`).
    /// Default: the catalogue's figure.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub context_tokens: Option<u64>,
}

/// The engine that serves a model.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("x-argument" = "name"))]
pub struct Engine {
    /// Which engine.
    pub name: EngineName,
    /// Its exact version, such as `0.32.0`.
    pub version: String,
    /// Container image with a tag or, better, a digest. Default: the project's own image of that
    /// version, such as `vllm/vllm-openai:v0.32.0`.
    pub image: Option<String>,
}

/// A serving engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EngineName {
    /// vLLM's OpenAI-compatible server.
    Vllm,
}

/// Where a model runs.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("x-planned" = ["pipeline-parallel", "data-parallel", "expert-parallel"]))]
pub struct Place {
    /// Name of a pool.
    pub pool: String,
    /// Number of GPUs that share each layer of one copy. Default: 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 64))]
    pub tensor_parallel: u32,
}

fn one() -> u32 {
    1
}

/// Engine settings.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Serve {
    /// Longest request, prompt and answer together, in tokens.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub max_model_len: u64,
    /// Share of each GPU's memory that the engine may use, above 0 and at most 1. Default: 0.9.
    #[serde(default = "default_utilization")]
    #[schemars(range(min = 0.01, max = 1.0))]
    pub gpu_memory_utilization: f64,
    /// Bytes of the KV cache on each GPU. The engine then takes exactly so many, and the utilization
    /// decides only how much memory must be free at the start. Default: what the utilization leaves.
    #[schemars(range(min = 1, max = 100_000_000_000_000_u64))]
    pub kv_cache_memory_bytes: Option<u64>,
    /// Most requests that are computed at once by one copy.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_num_seqs: u32,
    /// Most tokens of one engine step. Default: 8192, or `max-num-seqs` if that is larger.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub max_num_batched_tokens: Option<u64>,
    /// Type of the KV cache, such as `auto` or `fp8`. Default: the engine's.
    #[schemars(regex(pattern = "^[A-Za-z0-9_.-]{1,60}$"))]
    pub kv_cache_dtype: Option<String>,
    /// Name of a quantization method. Default: what the checkpoint says.
    #[schemars(regex(pattern = "^[A-Za-z0-9_.-]{1,60}$"))]
    pub quantization: Option<String>,
    /// More arguments of the engine, each as `--flag` or `--flag=value`. Default: none.
    #[serde(default)]
    pub args: Vec<String>,
}

fn default_utilization() -> f64 {
    0.9
}

/// Number of copies of a model.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Replicas {
    /// Least number of copies. Default: 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 10_000))]
    pub min: u32,
    /// Greatest number of copies. Default: the same as `min`.
    #[schemars(range(min = 1, max = 10_000))]
    pub max: Option<u32>,
    /// What makes the number grow; required when `max` is above `min`.
    pub scale_on: Option<ScaleOn>,
    /// Rollouts in a month, for which a pod more may run. Only money depends on it. Default: 4.
    #[serde(default = "weekly")]
    #[schemars(range(min = 0, max = 10_000))]
    pub rollouts_per_month: u32,
}

fn weekly() -> u32 {
    4
}

impl Default for Replicas {
    fn default() -> Self {
        Self { min: 1, max: None, scale_on: None, rollouts_per_month: weekly() }
    }
}

/// What the number of copies follows.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("x-argument" = "metric"))]
pub struct ScaleOn {
    /// The signal.
    pub metric: ScaleMetric,
    /// Value of the signal for each copy that is held.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub target: u32,
}

/// A signal to scale on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScaleMetric {
    /// Requests that wait for a free place in the batch.
    Queue,
    /// Requests that are being computed.
    Running,
}

/// Expected traffic.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Load {
    /// Requests in each second, averaged over a busy hour.
    #[schemars(range(min = 0.0, max = 1_000_000_000.0))]
    pub requests_per_second: f64,
    /// Mean length of a prompt in tokens.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub input_tokens: u64,
    /// Mean length of an answer in tokens.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub output_tokens: u64,
    /// Most requests at the same time. Default: unknown.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub concurrency: Option<u32>,
    /// Traffic of an average hour as a share of the busy one, above 0 and at most 1. Default: 1, so the
    /// busy hour lasts all month and costs are an upper bound.
    #[serde(default = "all_month")]
    #[schemars(range(min = 0.001, max = 1.0))]
    pub load_factor: f64,
    /// Share of prompt tokens that a cache of prefixes has already. Default: none.
    pub prefix_hits: Option<Share>,
}

fn all_month() -> f64 {
    1.0
}

/// A key of a Kubernetes Secret. The value itself never appears in a spec.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("x-argument" = "name"))]
pub struct SecretKey {
    /// Name of the Secret, in the stack's namespace.
    pub name: String,
    /// Key in the Secret.
    pub key: String,
}

/// The volume that keeps the weights between restarts.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CacheVolume {
    /// Storage class. Default: the cluster's.
    pub storage_class: Option<String>,
    /// How nodes may mount it. Default: `ReadWriteMany` when copies can run on several nodes,
    /// else `ReadWriteOnce`.
    pub access: Option<AccessMode>,
    /// Size in GiB. Default: 1.2 times the checkpoint and 10 GiB, rounded up.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub size_gib: Option<u32>,
}

/// How a volume may be mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum AccessMode {
    /// By pods of one node.
    ReadWriteOnce,
    /// By pods of many nodes.
    ReadWriteMany,
}
