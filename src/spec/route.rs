//! Routes, and the models that others serve.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Money, SecretKey};

/// What an application calls.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("x-planned" = ["tier", "fallback", "cache", "retrieval", "compress", "shadow"]))]
pub struct Route {
    /// Name of a prompt.
    pub prompt: String,
    /// Name of a model or of an external model.
    pub model: String,
    /// Name of a guardrail configuration. Default: none.
    pub guardrails: Option<String>,
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
    /// Price of a million input tokens, in the currency of the budget.
    pub input_price_per_million: Money,
    /// Price of a million output tokens, in the currency of the budget.
    pub output_price_per_million: Money,
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
