//! The resolved stack: every reference bound, every default explicit.
//!
//! [`crate::resolve`] makes it; checks and emitters read it and decide nothing that a spec could
//! have said.

mod experiment;
mod price;
mod route;

use std::collections::BTreeMap;
use std::sync::Arc;

use semver::Version;

use crate::catalog::{self, ModelFacts};
pub use crate::spec::{
    AccessMode, Attribute, Better, Budget, Day, Duration, EngineName, ExperimentState, Flagd, Guard, HashGeneration, Holdout, Load, Metric,
    Money, Monitoring, PiiKind, Provider, Resources, Sampling, ScaleMetric, SecretKey, Taint, TaintEffect, Tokenizer, TolerationOperator,
};
pub use experiment::{Arm, Experiment, PARTS, improvement};
pub use price::{
    GpuPrices, Price, PriceFault, PriceFile, PriceOrigin, PriceUse, SemanticCache, Share, Tier, TokenPrices, Traffic, UnitPrices,
    as_written,
};
pub use route::{Answer, Route, Target};

use crate::lock::{Lock, LockFile};
use crate::spec::Spec;

/// A stack, ready to be checked and emitted.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The spec with every default filled in: what policies judge, and what a later plan compares.
    pub explicit: Spec,
    /// Name, and prefix of every object's name.
    pub name: String,
    /// Namespace of every object.
    pub namespace: String,
    /// Owning team.
    pub owner: Option<String>,
    /// Namespaces whose pods may call the stack; never empty.
    pub callers: Vec<String>,
    /// How metrics are collected.
    pub monitoring: Monitoring,
    /// Pools by name.
    pub pools: BTreeMap<String, Pool>,
    /// Models by name.
    pub models: BTreeMap<String, Model>,
    /// What the facts files say that models name, by model; an error was reported where there is none.
    pub facts: BTreeMap<String, FactsFile>,
    /// The models' own tokenizers, by model.
    pub tokenizers: BTreeMap<String, catalog::Tokenizer>,
    /// Tokens that were counted of its texts.
    pub counts: catalog::Counts,
    /// External models by name.
    pub externals: BTreeMap<String, External>,
    /// Prompts by name.
    pub prompts: BTreeMap<String, Prompt>,
    /// Guardrail configurations by name.
    pub guardrails: BTreeMap<String, Guardrails>,
    /// Routes by name.
    pub routes: BTreeMap<String, Route>,
    /// Experiments by name.
    pub experiments: BTreeMap<String, Experiment>,
    /// The server that deals users out; it is needed where an experiment is.
    pub flagd: Flagd,
    /// What `llmc.lock` pins; empty without one.
    pub lock: Lock,
    /// Whether there is one, and whether it can be relied on.
    pub lock_file: LockFile,
    /// Limits of cost.
    pub budget: Option<Budget>,
    /// Currency of every price and amount: that of the budget, else `USD`.
    pub currency: String,
    /// Prices that belong to no block.
    pub prices: UnitPrices,
    /// Every price that the stack needs: where it was found, or why it was not.
    pub price_uses: Vec<PriceUse>,
    /// The file of prices that the spec names, if it could be read.
    pub price_file: Option<PriceFile>,
}

impl Stack {
    /// Name of the object that belongs to the part `part` of this stack.
    pub fn object_name(&self, part: &str) -> String {
        format!("{}-{part}", self.name)
    }

    /// Routes that reach the model `name`, also through a tier or as a fallback, sorted by name.
    pub fn routes_to<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Route> {
        self.routes.values().filter(move |r| r.targets().iter().any(|t| matches!(t, Target::Model(model) if model == name)))
    }

    /// Routes that use the guardrails `name`, for whichever version of their prompt, sorted by name.
    pub fn routes_guarded_by<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Route> {
        self.routes.values().filter(move |r| r.checked().iter().any(|(guardrails, _)| *guardrails == Some(name)))
    }

    /// Whether applications call the model `name` directly, and not only through guardrails.
    pub fn is_called_directly(&self, name: &str) -> bool {
        let mut routes = self.routes_to(name).peekable();
        let is_model = |target: &Target| matches!(target, Target::Model(model) if model == name);
        routes.peek().is_none()
            || routes.any(|route| route.checked().iter().any(|(guardrails, target)| guardrails.is_none() && is_model(target)))
    }
}

/// A group of equal GPU nodes.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Name of the block.
    pub name: String,
    /// Facts about the GPU.
    pub gpu: &'static crate::catalog::Gpu,
    /// Memory of one GPU in GiB as the GPU reports it, if it is stated.
    pub gpu_memory_gib: Option<f64>,
    /// Number of nodes.
    pub nodes: u32,
    /// GPUs of each node.
    pub gpus_per_node: u32,
    /// What its GPUs cost.
    pub prices: GpuPrices,
    /// Labels that the pool's nodes have; never empty.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that pods tolerate.
    pub tolerations: Vec<Taint>,
    /// MiB/s from the model hub to a node.
    pub download_mib_per_second: u32,
    /// MiB/s from the cache volume into GPU memory.
    pub load_mib_per_second: u32,
}

impl Pool {
    /// GPUs of all nodes.
    pub fn gpus(&self) -> u64 {
        u64::from(self.nodes) * u64::from(self.gpus_per_node)
    }
}

/// A file of facts that a model names.
#[derive(Clone, Debug)]
pub enum FactsFile {
    /// What it says.
    Read {
        /// Its path relative to the stack's folder.
        file: String,
        /// The facts.
        facts: Arc<ModelFacts>,
        /// Whether it says which model it is about; a `config.json` does not.
        is_named: bool,
    },
    /// It cannot be used.
    Broken {
        /// Its path relative to the stack's folder.
        file: String,
        /// What is wrong, starting with the field.
        message: String,
        /// Where in the file; none in one that is no text.
        range: Option<std::ops::Range<usize>>,
    },
    /// It cannot be read, which was reported.
    Unreadable,
}

impl FactsFile {
    /// The facts, where the file has any.
    pub fn facts(&self) -> Option<&Arc<ModelFacts>> {
        match self {
            Self::Read { facts, .. } => Some(facts),
            Self::Broken { .. } | Self::Unreadable => None,
        }
    }
}

/// A model on its pool.
#[derive(Clone, Debug)]
pub struct Model {
    /// Name of the block; also the name that clients send as `model`.
    pub name: String,
    /// Repository of the model hub.
    pub repository: String,
    /// Commit of the repository.
    pub revision: String,
    /// Size of the checkpoint in GiB.
    pub size_gib: f64,
    /// Attention heads, if known.
    pub attention_heads: Option<u32>,
    /// Longest sequence that the model was made for, if known.
    pub context_tokens: Option<u64>,
    /// What its weights and its cache are made of, if known.
    pub facts: Option<Arc<ModelFacts>>,
    /// Engine.
    pub engine: EngineName,
    /// Exact engine version.
    pub engine_version: Version,
    /// Container image.
    pub image: String,
    /// Name of the pool.
    pub pool: String,
    /// GPUs of each copy.
    pub tensor_parallel: u32,
    /// Engine settings.
    pub serve: Serve,
    /// Copies.
    pub replicas: Replicas,
    /// Whether one more pod finds GPUs and the cache volume while all copies run, so that a rollout
    /// can start the new pod first.
    pub can_surge: bool,
    /// Expected traffic.
    pub load: Option<Load>,
    /// Service levels by indicator.
    pub objectives: BTreeMap<Indicator, Objective>,
    /// Secret with the hub's token.
    pub token_secret: Option<SecretKey>,
    /// Cache volume.
    pub cache: Cache,
    /// The model's own tokenizer, if it is stated.
    pub tokenizer: Option<Tokenizer>,
    /// CPU, and memory with the shared memory in it.
    pub resources: Resources,
    /// Shared memory between the workers of one copy, in GiB; part of the memory limit.
    pub shared_memory_gib: u32,
    /// Longest time from container start to readiness that is waited for, in seconds.
    pub startup_seconds: u32,
    /// Time that running answers get when a pod stops, in seconds.
    pub drain_seconds: u32,
}

/// Engine settings with their defaults filled in.
#[derive(Clone, Debug)]
pub struct Serve {
    /// Longest request in tokens.
    pub max_model_len: u64,
    /// Share of GPU memory.
    pub gpu_memory_utilization: f64,
    /// Bytes of the KV cache on each GPU, if they are stated.
    pub kv_cache_memory_bytes: Option<u64>,
    /// Most requests at once.
    pub max_num_seqs: u32,
    /// Most tokens of a step.
    pub max_num_batched_tokens: u64,
    /// KV cache type, if not the engine's default.
    pub kv_cache_dtype: Option<String>,
    /// Quantization method, if not the checkpoint's.
    pub quantization: Option<String>,
    /// More arguments.
    pub args: Vec<String>,
}

/// Copies of a model; `scale` is set exactly when `max` is above `min`.
#[derive(Clone, Debug)]
pub struct Replicas {
    /// Least number.
    pub min: u32,
    /// Greatest number.
    pub max: u32,
    /// What the number follows.
    pub scale: Option<Scale>,
    /// Rollouts in a month.
    pub rollouts_per_month: u32,
}

/// A signal to scale on.
#[derive(Clone, Debug)]
pub struct Scale {
    /// The signal.
    pub metric: ScaleMetric,
    /// Its value for each copy.
    pub target: u32,
}

/// What an objective measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Indicator {
    /// Time to the first token.
    Ttft,
    /// Time per output token after the first.
    Tpot,
    /// Time of the whole request.
    E2e,
    /// Requests that did not fail.
    Availability,
}

impl Indicator {
    /// Every indicator.
    pub const ALL: [Self; 4] = [Self::Ttft, Self::Tpot, Self::E2e, Self::Availability];

    /// Its name in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ttft => "ttft",
            Self::Tpot => "tpot",
            Self::E2e => "e2e",
            Self::Availability => "availability",
        }
    }
}

/// A service level.
#[derive(Clone, Debug)]
pub struct Objective {
    /// Longest good time; `None` exactly for availability.
    pub below: Option<Duration>,
    /// Share of good requests, in (0, 1).
    pub target: f64,
    /// Window of the error budget.
    pub window: Duration,
}

/// The volume that keeps the weights.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Storage class, if not the cluster's default.
    pub storage_class: Option<String>,
    /// How nodes mount it.
    pub access: AccessMode,
    /// Size in GiB.
    pub size_gib: u32,
}

/// A model that somebody else serves.
#[derive(Clone, Debug)]
pub struct External {
    /// Name of the block.
    pub name: String,
    /// Who serves it.
    pub provider: Provider,
    /// Its name at the provider.
    pub model: String,
    /// Base address ending in `/v1`.
    pub base_url: String,
    /// What its tokens cost.
    pub prices: TokenPrices,
    /// Secret with the key.
    pub token_secret: SecretKey,
}

/// A text that stands in a file beside the spec.
#[derive(Clone, Debug)]
pub struct TextFile {
    /// Path relative to the spec's folder.
    pub file: String,
    /// Its content.
    pub text: String,
}

/// A prompt.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// Name of the block.
    pub name: String,
    /// Longest value of each variable in tokens, by name.
    pub variables: BTreeMap<String, u64>,
    /// Versions by name.
    pub versions: BTreeMap<String, PromptVersion>,
    /// Version that applications load.
    pub live: String,
    /// Version to go back to.
    pub rollback: Option<String>,
}

/// One version of a prompt.
#[derive(Clone, Debug)]
pub struct PromptVersion {
    /// Template of the system message.
    pub system: Option<TextFile>,
    /// Template of the user message.
    pub user: TextFile,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// What answers it, if not what answers each route.
    pub target: Option<Target>,
    /// Name of the guardrails that check it, if not those of each route.
    pub guardrails: Option<String>,
}

/// A guardrail configuration.
#[derive(Clone, Debug)]
pub struct Guardrails {
    /// Name of the block.
    pub name: String,
    /// Image of the server.
    pub image: String,
    /// Copies of the server.
    pub replicas: u32,
    /// CPU and memory of each copy.
    pub resources: Resources,
    /// Checks of the question.
    pub input: Rails,
    /// Checks of the answer.
    pub output: Rails,
    /// The policy: what self checks judge by.
    pub instructions: Option<TextFile>,
    /// What a user reads on a refusal.
    pub refusal: String,
}

/// Checks of one direction.
#[derive(Clone, Debug, Default)]
pub struct Rails {
    /// Kinds of personal data that are refused, sorted and unique.
    pub pii: Vec<PiiKind>,
    /// Other patterns that are refused, by name.
    pub patterns: BTreeMap<String, String>,
    /// Longest verdict of the self check in tokens; `None` without a self check.
    pub self_check_max_tokens: Option<u32>,
}

impl Rails {
    /// Whether nothing is checked.
    pub fn is_empty(&self) -> bool {
        !self.has_patterns() && self.self_check_max_tokens.is_none()
    }

    /// Whether any pattern is refused.
    pub fn has_patterns(&self) -> bool {
        !self.pii.is_empty() || !self.patterns.is_empty()
    }
}
