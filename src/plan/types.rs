//! The plan as data. Its JSON form is a contract: `schemas/plan.schema.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::experiments::ExperimentChange;
use super::prompts::PromptChange;
use crate::pricing::CostChange;

/// Version of the JSON form, `major.minor`. A new minor version only adds fields, so that a reader
/// of an older one can go on; a new major version changes or drops some, and a reader must refuse it.
pub(super) const FORMAT_VERSION: &str = "1.2";

/// What would change in every stack that was planned.
///
/// Everything in it follows from the specs, the trees that stand and the version of llmc: there is
/// no time and no machine in it, so equal inputs give equal bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "llmc plan")]
pub struct Plan {
    /// Version of this format, `major.minor`: a new minor version only adds fields; a reader must
    /// refuse a major version that it does not know.
    pub format_version: String,
    /// Version of llmc that planned. Only the same version applies a saved plan.
    pub llmc_version: String,
    /// SHA-256 over `stacks`, which names this plan.
    pub sha256: String,
    /// One plan for each stack, sorted by name.
    pub stacks: Vec<StackPlan>,
}

/// What would change in one stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StackPlan {
    /// Name of the stack.
    pub stack: String,
    /// Path of the spec; none when the stack is gone and its tree is to be removed.
    pub spec: Option<String>,
    /// Folder of the tree, as shown to people.
    pub output: String,
    /// Name of the stack whose tree this one takes the place of.
    pub renamed_from: Option<String>,
    /// What the plan was made from and leads to. `apply` refuses when one of them has moved.
    pub inputs_sha256: String,
    /// Digest of the tree that stands.
    pub base_sha256: String,
    /// Digest of the compiled tree.
    pub target_sha256: String,
    /// Kubernetes objects that change, sorted by file.
    pub objects: Vec<ObjectChange>,
    /// Every file that changes, sorted by path.
    pub files: Vec<FileChange>,
    /// What happens to the pods of each workload that changes, sorted by name.
    pub rollouts: Vec<Rollout>,
    /// Sums over the stack, before and after.
    pub totals: Totals,
    /// What a reviewer should know, worst first.
    pub risks: Vec<Risk>,
    /// Versions of prompts that go live, sorted by prompt.
    #[serde(default)]
    pub prompts: Vec<PromptChange>,
    /// What happens to experiments, sorted by name.
    #[serde(default)]
    pub experiments: Vec<ExperimentChange>,
}

impl StackPlan {
    /// Whether the tree that stands is the compiled one.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

impl Plan {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.stacks.iter().all(StackPlan::is_empty)
    }
}

/// What happens to an object or a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is new.
    Create,
    /// It is changed in place.
    Update,
    /// A field that cannot be changed differs, so the old one is deleted and a new one created.
    Replace,
    /// It goes away.
    Delete,
}

/// A Kubernetes object that changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectChange {
    /// What happens to it.
    pub action: Action,
    /// Its `apiVersion`.
    pub api_version: String,
    /// Its `kind`.
    pub kind: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Its file in the compiled tree, or in the old one for a deletion.
    pub path: String,
    /// The object of the old tree that it takes the place of, where that has another name, as
    /// `namespace/name`.
    pub renamed_from: Option<String>,
    /// The field that cannot be changed in place, for a replacement.
    pub immutable_field: Option<String>,
    /// Fields that differ, sorted by path; empty for a creation or deletion.
    pub fields: Vec<FieldChange>,
    /// What it does to running pods.
    pub disruption: Disruption,
}

/// A field that differs. Secrets are hidden. A text of several lines is given by the lines that
/// differ, the ones that go as the old value and the ones that come as the new one; JSON and YAML
/// inside a text is given by its fields. A value that is long for a person is cut, and says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FieldChange {
    /// Path such as `spec.template.spec.containers[vllm].image` or `…args[--max-model-len]`. An item of
    /// a list is named by what tells it from the others, or else by its place; `[+2]` and `[-2]` are
    /// places in the new and in the old list alone.
    pub path: String,
    /// The old value; none where the field is new.
    pub old: Option<Value>,
    /// The new value; none where the field goes.
    pub new: Option<Value>,
}

/// A file that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileChange {
    /// What happens to it: never [`Action::Replace`].
    pub action: Action,
    /// Its path below the output folder.
    pub path: String,
    /// SHA-256 of the old content.
    pub old_sha256: Option<String>,
    /// SHA-256 of the new content.
    pub new_sha256: Option<String>,
    /// Whether the old content is not what was compiled into it: somebody edited it, or it stood
    /// there before llmc. `apply` refuses to write over it unless told to.
    pub edited: bool,
}

/// What a change does to running pods, mildest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Disruption {
    /// Nothing restarts.
    None,
    /// Pods are added or taken away; the others go on.
    Scale {
        /// Number of pods before.
        from: Copies,
        /// Number of pods after.
        to: Copies,
    },
    /// Every pod is started anew, a few at a time.
    RollingRestart(Restart),
    /// The object is deleted and created anew, with everything that hangs on it.
    Replace(Restart),
    /// Pods that did not exist are started.
    Start(Restart),
    /// All pods end.
    Stop {
        /// Number of pods that end.
        pods: Copies,
        /// GPUs that become free, at the least number of pods.
        freed_gpus: u64,
    },
}

impl Disruption {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Scale { .. } => "scale",
            Self::RollingRestart(_) => "rolling restart",
            Self::Replace(_) => "replace",
            Self::Start(_) => "start",
            Self::Stop { .. } => "stop",
        }
    }
}

/// A number of pods; an autoscaler moves it between the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Copies {
    /// Least number.
    pub min: u64,
    /// Greatest number.
    pub max: u64,
}

/// What starting pods costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Restart {
    /// Pods that are started.
    pub pods: Copies,
    /// GPUs of each.
    pub gpus_per_pod: u64,
    /// Most GPU seconds that pass while pods start and serve nothing: pods at their greatest number,
    /// times GPUs, times the start-up budget.
    pub gpu_seconds: u64,
    /// Most minutes until the last pod is ready: the start-up budget, and the old pod's grace period
    /// where that ends first, once for each round of the rollout at the greatest number of pods.
    pub minutes_until_ready: u64,
    /// Which pod goes first.
    pub order: Order,
    /// Most minutes in which no pod serves; none when one always does.
    pub outage_minutes: Option<u64>,
    /// GPUs that must be free meanwhile; none when the pods use none.
    pub free_gpus: Option<FreeGpus>,
}

/// Which pod of a rollout goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The new pod is ready before the old one ends.
    NewFirst,
    /// The old pod ends, and the new one takes its GPUs.
    OldFirst,
    /// Old and new have nothing to do with each other, and run side by side until the old one is
    /// deleted.
    SideBySide,
}

/// GPUs that a rollout needs beside those that are in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FreeGpus {
    /// Name of the pool, where it is known.
    pub pool: Option<String>,
    /// GPUs that are needed beside those that run.
    pub needed: u64,
    /// GPUs that this stack leaves free in the pool with all its copies running, as it stands
    /// before the change; where the pool grows, with its new nodes.
    pub free: u64,
}

impl FreeGpus {
    /// Whether the pool has them, as far as this stack alone uses it.
    pub fn is_enough(&self) -> bool {
        self.needed <= self.free
    }
}

/// What happens to one workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rollout {
    /// Route of the block that it was made for, such as `/model/llama-70b` or
    /// `/guardrails/default`.
    pub route: String,
    /// Name of the block.
    pub name: String,
    /// Name of the old block, where it was renamed.
    pub renamed_from: Option<String>,
    /// What happens to its pods.
    pub disruption: Disruption,
    /// Why, in words: the changed fields that cause it.
    pub because: Vec<String>,
}

/// Sums over the stack. An amount of money is a decimal number as text, so that no reader rounds it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// GPUs by pool.
    pub gpus: BTreeMap<String, GpuChange>,
    /// Guardrails that a route has now and had not before, as `route: direction check`.
    pub guardrails_added: Vec<String>,
    /// Guardrails that a route had before and has not now.
    pub guardrails_lost: Vec<String>,
    /// Objectives that promise less than before, in words.
    pub objectives_loosened: Vec<String>,
    /// Names of alerts that are new.
    pub alerts_added: Vec<String>,
    /// Names of alerts that go.
    pub alerts_removed: Vec<String>,
    /// Money, where the old or the new stack costs something or has a budget.
    pub budget: Option<CostChange>,
    /// Share of the KV cache of each model in percent that its stated load leaves, before and after: the
    /// concurrency shared among the least number of copies, at most `max-num-seqs` in each, every
    /// request as long as its mean prompt and answer. Below zero they do not fit, and the engine
    /// interrupts some. None where the load is not stated or the cache is not known.
    pub memory_headroom: Option<BTreeMap<String, [Option<f64>; 2]>>,
    /// Tokens that the live prompt of each route has by itself, without its variables, before and after; none
    /// where they were not counted, or where the new spec has not the version that was live.
    pub tokens_per_request: Option<BTreeMap<String, [Option<u64>; 2]>>,
}

/// GPUs of one pool, before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GpuChange {
    /// GPUs of the pool, before and after.
    pub available: [u64; 2],
    /// GPUs in use at the least number of copies, before and after.
    pub min: [u64; 2],
    /// GPUs in use at the greatest number of copies, before and after.
    pub max: [u64; 2],
}

/// Something that a reviewer should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Risk {
    /// How bad it may be.
    pub level: RiskLevel,
    /// What, in words, such as ``guardrail `mask-pii` removed from route `support` ``.
    pub message: String,
    /// The block that it is about.
    pub route: Option<String>,
}

/// How bad a risk may be, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RiskLevel {
    /// People may be harmed, or nobody is served.
    High,
    /// Users may notice.
    Medium,
    /// Worth knowing.
    Low,
}
