//! What a user writes: one file per block. The JSON Schema is generated from these types.
//!
//! Three extensions of JSON Schema steer how KDL is lowered and what is refused:
//! `x-argument` names the field that a node's argument fills, and `x-planned` lists blocks of the
//! language that this version does not compile yet.

mod day;
mod deliver;
mod experiment;
mod guardrails;
mod model;
mod objective;
mod pool;
mod price;
mod prompt;
mod route;
mod scalar;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use day::Day;
pub use deliver::{Deliver, Forge, Stage, Waiver};
pub use experiment::{Attribute, Better, Experiment, ExperimentState, Flagd, Guard, HashGeneration, Holdout, Metric, Variant};
pub use guardrails::{Guardrails, InputRails, OutputRails, PiiKind, Resources, SelfCheck};
pub use model::{
    AccessMode, CacheVolume, Engine, EngineName, Load, Model, Place, Replicas, ScaleMetric, ScaleOn, SecretKey, Serve, SourceRepository,
    Tokenizer,
};
pub use objective::{Budget, DEFAULT_CURRENCY, Monitoring, Objective};
pub use pool::{Pool, Taint, TaintEffect, TolerationOperator};
pub use price::{GpuPrice, PriceList, Prices, Rate, Reserved, Share, Spot, TokenPrice, UnitPrice};
pub use prompt::{Prompt, PromptVersion, Sampling, Template, Variable};
pub use route::{CacheKind, External, Fallback, Provider, Route, SemanticCache, Tier};
pub use scalar::{Duration, Money};

/// A stack: the models, prompts, guardrails and routes of one application, and where they run.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(
    title = "llmc stack",
    extend("x-argument" = "stack", "x-planned" = ["environment", "policy", "tenant", "evaluation"])
)]
pub struct Spec {
    /// Name of the stack; the prefix of every object's name. A DNS label: lower-case letters,
    /// digits and `-`, at most 40 characters, starting with a letter.
    pub stack: String,
    /// Kubernetes namespace that everything is deployed into. It must exist already.
    pub namespace: String,
    /// Team that owns the stack; becomes a label of every object and alert. Default: none.
    pub owner: Option<String>,
    /// Who depends on the stack; the policies that ship are strictest for `production`. Default:
    /// `development`.
    #[serde(default)]
    pub stage: Stage,
    /// Namespaces whose pods may call the stack. Default: the stack's own namespace only.
    #[serde(default)]
    pub callers: Vec<String>,
    /// Where metrics are collected and how rules and dashboards are found. Default: as
    /// kube-prometheus-stack installs them.
    #[serde(default)]
    pub monitoring: Monitoring,
    /// Groups of equal GPU nodes, by name.
    #[serde(default)]
    pub pool: BTreeMap<String, Pool>,
    /// Models that the stack serves itself, by name.
    #[serde(default)]
    pub model: BTreeMap<String, Model>,
    /// Models that somebody else serves, by name.
    #[serde(default)]
    pub external: BTreeMap<String, External>,
    /// Prompts with their versions, by name.
    #[serde(default)]
    pub prompt: BTreeMap<String, Prompt>,
    /// Guardrail configurations, by name.
    #[serde(default)]
    pub guardrails: BTreeMap<String, Guardrails>,
    /// What an application calls: a prompt, a model and guardrails, by name.
    #[serde(default)]
    pub route: BTreeMap<String, Route>,
    /// Experiments on the users of routes, by name.
    #[serde(default)]
    pub experiment: BTreeMap<String, Experiment>,
    /// The server that deals users out to the variants of experiments. Default: a pinned flagd.
    pub flagd: Option<Flagd>,
    /// Prices that blocks do not state, and currencies. Default: llmc's own list, and one currency.
    #[serde(default)]
    pub prices: Prices,
    /// What the stack may cost. Default: no limit.
    pub budget: Option<Budget>,
    /// Where the compiled tree goes as a pull request. Default: `generated/` of the repository that
    /// holds the spec.
    pub deliver: Option<Deliver>,
    /// Policies that are waived, by the name of the policy. Default: none.
    #[serde(default)]
    pub waive: BTreeMap<String, Waiver>,
}

impl Spec {
    /// Currency of every amount, as an ISO 4217 code: that of the budget.
    pub fn currency(&self) -> &str {
        self.budget.as_ref().map_or(DEFAULT_CURRENCY, |budget| &budget.currency)
    }

    /// As a JSON tree in the form of the schema: an optional field that is not set is left out.
    pub fn to_value(&self) -> Value {
        // Maps have string keys and numbers are finite, so this cannot fail.
        let mut value = serde_json::to_value(self).unwrap_or_default();
        drop_null(&mut value);
        value
    }
}

fn drop_null(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_null);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_null),
        _ => {}
    }
}

/// The JSON Schema of [`Spec`], as published in `schemas/stack.schema.json`.
pub fn schema() -> &'static Value {
    &SCHEMA
}

/// The JSON Schema of [`PriceList`], as published in `schemas/prices.schema.json`.
pub fn price_list_schema() -> &'static Value {
    &PRICE_LIST_SCHEMA
}

static SCHEMA: LazyLock<Value> = LazyLock::new(|| schema_of::<Spec>("stack"));
static PRICE_LIST_SCHEMA: LazyLock<Value> = LazyLock::new(|| schema_of::<PriceList>("prices"));

fn schema_of<T: JsonSchema>(name: &str) -> Value {
    let mut schema = schema_for::<T>();
    schema["$id"] = format!("https://llmc.dev/schemas/{name}.schema.json").into();
    schema
}

/// The schema of a type whose optional fields are left out and never null, as those of a spec.
pub fn schema_for<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(without_null));
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// An optional field is left out, never null: `null` in a spec is a mistake.
fn without_null(schema: &mut schemars::Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|t| t != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(variants)) = object.get_mut("anyOf") {
        variants.retain(|v| v.get("type").and_then(Value::as_str) != Some("null"));
        if let [Value::Object(only)] = variants.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            object.extend(only);
        }
    }
    if object.get("default") == Some(&Value::Null) {
        object.remove("default");
    }
    // Integer formats such as `uint32` are Rust's words; the bounds beside them say it.
    object.remove("format");
}
