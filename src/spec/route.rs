//! Routes, and the models that others serve.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Day, Duration, Load, Money, Resources, SecretKey, Share};

/// What an application calls.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("x-planned" = ["retrieval", "compress", "shadow"]))]
pub struct Route {
    /// Name of a prompt.
    pub prompt: String,
    /// Name of a model or of an external model.
    pub model: String,
    /// Name of a guardrail configuration. Default: none.
    pub guardrails: Option<String>,
    /// Traffic that applications send to the route, before its cache and its tiers. Default: the load of
    /// its model, where no other route reaches that one.
    pub load: Option<Load>,
    /// Requests that other models answer, by name. The application chooses, by the index of prompts, which
    /// says the model of each tier and its guardrails; llmc prices it.
    #[serde(default)]
    pub tier: BTreeMap<String, Tier>,
    /// Model that answers when the route's own cannot. The application asks it, by the index of prompts, which
    /// says the model and its guardrails; llmc prices it. Default: none.
    pub fallback: Option<Fallback>,
    /// Answers that are given again to questions that mean the same. The application keeps them, by the
    /// settings in the index of prompts, and asks before anything else; llmc prices it. Default: none.
    pub cache: Option<SemanticCache>,
}

impl Route {
    /// Names of all models and external models that may answer: its own, those of its tiers, its fallback.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        let tiers = self.tier.values().map(|tier| tier.model.as_str());
        std::iter::once(self.model.as_str()).chain(tiers).chain(self.fallback.iter().map(|fallback| fallback.model.as_str()))
    }
}

/// Requests that another model answers.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tier {
    /// Name of a model or of an external model.
    pub model: String,
    /// Share of the requests that the route's cache leaves. Default: not known, so nothing is saved by it.
    pub share: Option<Share>,
}

/// A model that answers when another cannot.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("x-argument" = "model"))]
pub struct Fallback {
    /// Name of a model or of an external model.
    pub model: String,
    /// Share of the requests to the route's own model that it answers as well, since the model failed.
    /// Default: none that is paid for.
    pub share: Option<Share>,
}

/// A cache of answers.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("x-argument" = "kind"))]
pub struct SemanticCache {
    /// How questions are compared.
    pub kind: CacheKind,
    /// Least similarity of two questions that share an answer, above 0 and at most 1.
    #[schemars(range(min = 0.01, max = 1.0))]
    pub similarity: f64,
    /// Longest time that an answer is kept.
    pub ttl: Duration,
    /// Share of requests that it answers. Default: not known, so nothing is saved by it.
    pub hits: Option<Share>,
    /// CPU and memory of what serves it, all copies together. Default: none, so it costs nothing.
    pub resources: Option<Resources>,
}

/// How a cache compares questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CacheKind {
    /// By the distance of their embeddings.
    Semantic,
}

/// A model that somebody else serves, behind an OpenAI-compatible interface.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct External {
    /// Who serves it.
    pub provider: Provider,
    /// Name of the model at the provider. Default: the name of the block.
    pub model: Option<String>,
    /// Base address, ending in `/v1`. Default: the provider's public address.
    #[schemars(regex(pattern = "^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._/-]*)?/v1$"))]
    pub base_url: Option<String>,
    /// Price of a million input tokens, in `currency`. Default: that of the list of prices.
    pub input_price_per_million: Option<Money>,
    /// Price of a million input tokens that the provider has in its cache, in `currency`. Default: the
    /// price of other input tokens; where that is not stated either, that of the list of prices.
    pub cached_input_price_per_million: Option<Money>,
    /// Price of a million output tokens, in `currency`. Default: that of the list of prices.
    pub output_price_per_million: Option<Money>,
    /// Currency of these prices, as an ISO 4217 code. Default: that of the budget.
    #[schemars(regex(pattern = "^[A-Z]{3}$"))]
    pub currency: Option<String>,
    /// Day on which these prices held. Default: not known, so they never grow old.
    pub priced_on: Option<Day>,
    /// Secret that holds the key of the interface.
    pub token_secret: SecretKey,
}

/// Who serves an external model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// OpenAI, or an interface compatible with it at `base-url`.
    Openai,
}
