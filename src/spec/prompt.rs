//! Prompts and their versions.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A prompt: templates in versions, of which one is live.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Prompt {
    /// What the templates may use, by name.
    #[serde(default)]
    pub variable: BTreeMap<String, Variable>,
    /// Versions, by name.
    #[schemars(length(min = 1))]
    pub version: BTreeMap<String, PromptVersion>,
    /// Version that applications load.
    pub live: String,
    /// Version to go back to when the live one misbehaves; one that was live before, or the live one
    /// itself while there is no other. Default: none, which is an error.
    pub rollback: Option<String>,
}

/// A value that the application puts into a template.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Variable {
    /// Longest value in tokens.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub max_tokens: u64,
}

/// One version: everything that decides an answer. Once it is pinned in `llmc.lock`, it never changes.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PromptVersion {
    /// Template of the system message. Default: no system message.
    pub system: Option<Template>,
    /// Template of the user message.
    pub user: Template,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Name of the model or external model that answers. Default: that of each route.
    pub model: Option<String>,
    /// Name of the guardrails that check question and answer. Default: those of each route.
    pub guardrails: Option<String>,
}

/// A Jinja template in a file beside the spec.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Template {
    /// Path of the file, relative to the spec's folder.
    pub file: String,
}

/// Sampling parameters of a request.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Sampling {
    /// Randomness, from 0 (none) to 2.
    #[schemars(range(min = 0.0, max = 2.0))]
    pub temperature: f64,
    /// Share of probability that tokens are drawn from, above 0 and at most 1. Default: 1.
    #[serde(default = "whole")]
    #[schemars(range(min = 0.001, max = 1.0))]
    pub top_p: f64,
    /// Longest answer in tokens.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub max_tokens: u64,
    /// Seed, for repeatable answers. Default: none.
    #[schemars(range(min = 0))]
    pub seed: Option<u64>,
    /// Texts that end an answer. Default: none.
    #[serde(default)]
    pub stop: Vec<String>,
}

fn whole() -> f64 {
    1.0
}
