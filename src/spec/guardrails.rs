//! Guardrails around a model.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Guardrails: what is checked before a question reaches a model, and before an answer leaves it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("x-planned" = ["dialog", "retrieval", "iorails"]))]
pub struct Guardrails {
    /// Container image with `nemoguardrails[server]` 0.24.1, pinned by tag or digest. NVIDIA
    /// publishes none of the open-source server; the README shows how to build one.
    pub image: String,
    /// Copies of the guardrails server. Default: 2.
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 1000))]
    pub replicas: u32,
    /// CPU and memory of each server pod. Default: 1 CPU and 1Gi.
    #[serde(default = "server_resources")]
    pub resources: Resources,
    /// Checks of the question. Default: none.
    pub input: Option<InputRails>,
    /// Checks of the answer. Default: none.
    pub output: Option<OutputRails>,
    /// File with general instructions. They are put in front of the application's system message,
    /// and the self check of answers judges by them. Default: none.
    pub instructions: Option<super::Template>,
    /// What a user reads when a question or an answer is refused. Default: an English sentence.
    #[schemars(length(min = 1, max = 2000))]
    pub refusal: Option<String>,
}

fn two() -> u32 {
    2
}

fn server_resources() -> Resources {
    Resources { cpu: "1".into(), memory: "1Gi".into() }
}

/// Checks of a question, in the order in which they run: patterns first, then the model.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[schemars(extend("x-planned" = ["jailbreak", "mask-pii", "content-safety", "topic", "injection", "context-bloat"]))]
pub struct InputRails {
    /// Refuse questions that contain personal data. Default: off.
    pub block_pii: Vec<PiiKind>,
    /// Refuse questions that match regular expressions of your own, by name, in the syntax that
    /// Python and Rust share. Default: none.
    pub block_pattern: BTreeMap<String, String>,
    /// Ask the model whether the question breaks the policy. Default: off.
    pub self_check: Option<SelfCheck>,
}

/// Checks of an answer, in the order in which they run: patterns first, then the model.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[schemars(extend("x-planned" = ["hallucination", "mask-pii", "content-safety", "facts", "injection"]))]
pub struct OutputRails {
    /// Refuse answers that contain personal data. Default: off.
    pub block_pii: Vec<PiiKind>,
    /// Refuse answers that match regular expressions of your own, by name, in the syntax that
    /// Python and Rust share. Default: none.
    pub block_pattern: BTreeMap<String, String>,
    /// Ask the model whether the answer breaks the policy. Default: off.
    pub self_check: Option<SelfCheck>,
}

/// A kind of personal data that a pattern can find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PiiKind {
    /// E-mail addresses.
    Email,
    /// Telephone numbers: international, Korean and North American forms.
    PhoneNumber,
    /// Payment card numbers.
    CreditCard,
    /// Korean resident registration numbers.
    KrRrn,
    /// United States social security numbers.
    UsSsn,
    /// International bank account numbers.
    Iban,
    /// IPv4 and IPv6 addresses.
    IpAddress,
}

impl PiiKind {
    /// Its name in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::PhoneNumber => "phone-number",
            Self::CreditCard => "credit-card",
            Self::KrRrn => "kr-rrn",
            Self::UsSsn => "us-ssn",
            Self::Iban => "iban",
            Self::IpAddress => "ip-address",
        }
    }
}

/// A check that asks the model itself.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("x-planned" = ["model"]))]
pub struct SelfCheck {
    /// Longest verdict in tokens. Default: 16. A reasoning model needs more: a verdict that is cut
    /// off counts as a refusal.
    #[serde(default = "verdict_tokens")]
    #[schemars(range(min = 3, max = 100_000))]
    pub max_tokens: u32,
}

fn verdict_tokens() -> u32 {
    16
}

/// CPU and memory of a pod. Memory is requested and limited alike; CPU is only requested, and idle
/// CPUs of the node may be used too.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Resources {
    /// CPUs as a Kubernetes quantity, such as `16` or `500m`.
    pub cpu: String,
    /// Memory as a Kubernetes quantity, such as `64Gi`.
    pub memory: String,
}
