//! `llmc.lock`, beside a spec: every version of a prompt that was ever live, with what it was made of.
//!
//! A pinned version never changes, so that `support@v1` means the same answer machine for ever. The file is
//! YAML in blocks that stand by themselves, sorted, so that Git merges two branches that pinned different
//! prompts. What a version is made of stands there as digests and words, from which its identity is computed
//! again at every reading ([`identity`]): an edit by hand shows.

mod compare;
pub mod identity;
mod pin;
mod read;
mod write;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spec::Sampling;

pub use compare::{Change, Changed, Need, Reason, Unpinned, changed, describe, unpinned};
pub use pin::{Pinned, next_name, pin};
pub use read::{EDITED, RULES, UNREADABLE, key_range, read, unreadable_file};
pub use write::write;

/// Name of the file in a stack's folder.
pub const LOCK_FILE: &str = "llmc.lock";
/// Raised when a field changes its meaning or goes away.
pub const FORMAT: u32 = 1;

/// What became of the lock beside a spec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LockFile {
    /// There is none.
    #[default]
    Absent,
    /// It was read.
    Read,
    /// It cannot be relied on, which was reported.
    Broken,
}

/// What a stack pins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Lock {
    /// Version of the format.
    pub format: u32,
    /// Pins by prompt and version.
    #[serde(default)]
    pub prompts: BTreeMap<String, BTreeMap<String, Pin>>,
}

/// A version that was live.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Pin {
    /// Version that was live before it; none of the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// SHA-256 of the system template in its canonical form, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// SHA-256 of the user template in its canonical form.
    pub user: String,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// What each route that uses the prompt makes of it, by route.
    #[serde(default)]
    pub routes: BTreeMap<String, Use>,
    /// SHA-256 over the names and everything above, so that no edit of this block goes unseen.
    pub seal: String,
}

/// A version on a route: the whole of what decides an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Use {
    /// Identity: SHA-256 of the canonical form of the templates, the sampling, the model and the guardrails.
    pub sha256: String,
    /// What answers: repository, commit and quantization of a model, provider and name of an external one.
    pub model: String,
    /// SHA-256 of the guardrails in their canonical form, if it is guarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardrails: Option<String>,
    /// Tokens of what the templates say by themselves, without variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Counted>,
}

/// Tokens of a prompt by themselves, and who counted them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Counted {
    /// Of the system message.
    pub system: u64,
    /// Of the user message without its variables.
    pub user: u64,
    /// Of the chat template around them.
    pub template: u64,
    /// `tokenizer:<sha256>` of the model's own, else `estimate:<what it was made with>`.
    pub by: String,
}
