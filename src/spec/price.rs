//! Prices: what a spec says about them, and lists of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Day, Duration, Money};

/// Where prices come from that the stack's own blocks do not state, and what other currencies are worth.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Prices {
    /// A list of prices beside the spec, in KDL or YAML (`llmc schema prices`). What it has no price of
    /// comes from llmc's own list. Default: llmc's own list.
    #[schemars(length(min = 1, max = 1024))]
    pub file: Option<String>,
    /// Age from which a price is a warning. Default: `180d`.
    pub max_age: Duration,
    /// What one unit of another currency is worth in the currency of the budget, by its ISO 4217 code.
    pub rate: BTreeMap<String, Rate>,
    /// Price of one CPU for one hour, in the currency of the budget. Default: that of the list.
    pub cpu_hour: Option<Money>,
    /// Price of one GiB of memory for one hour, in the currency of the budget. Default: that of the list.
    pub memory_gib_hour: Option<Money>,
    /// Price of one GiB of a volume for one month, in the currency of the budget. Default: that of the list.
    pub storage_gib_month: Option<Money>,
}

impl Default for Prices {
    fn default() -> Self {
        Self {
            file: None,
            max_age: Duration::from_seconds(180 * 86_400),
            rate: BTreeMap::new(),
            cpu_hour: None,
            memory_gib_hour: None,
            storage_gib_month: None,
        }
    }
}

/// What one unit of a currency is worth.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rate {
    /// In the currency of the budget.
    pub value: Money,
    /// Day on which it held. Default: not known, so it never grows old.
    pub date: Option<Day>,
}

/// GPUs that are paid for whether they are used or not.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Reserved {
    /// Number of GPUs. What is used beyond them is bought on demand or as spot.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub gpus: u32,
    /// Price of one of them for one hour. Default: the reserved price of the list.
    pub price_per_gpu_hour: Option<Money>,
}

/// GPUs that may be taken away at any time.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Spot {
    /// Share of the GPU hours beyond the reserved ones that is bought as spot, from 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub share: f64,
    /// Price of one for one hour. Default: the spot price of the list.
    pub price_per_gpu_hour: Option<Money>,
}

/// A share that is not known exactly.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Share {
    /// At least so much, from 0 to 1; what is counted on.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub at_least: f64,
    /// At most so much, from `at-least` to 1. Default: the same as `at-least`.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub at_most: Option<f64>,
}

/// A list of prices.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[schemars(title = "llmc price list")]
pub struct PriceList {
    /// Currency of every price in the list, as an ISO 4217 code. Default: `USD`.
    #[serde(default = "super::objective::usd")]
    #[schemars(regex(pattern = "^[A-Z]{3}$"))]
    pub currency: String,
    /// Prices of one GPU for one hour, by its name in the catalogue. One that is not given comes from
    /// llmc's own list.
    pub gpu: BTreeMap<String, GpuPrice>,
    /// Prices of a million tokens, by the name of the model at its provider.
    pub tokens: BTreeMap<String, TokenPrice>,
    /// Price of one CPU for one hour.
    pub cpu_hour: Option<UnitPrice>,
    /// Price of one GiB of memory for one hour.
    pub memory_gib_hour: Option<UnitPrice>,
    /// Price of one GiB of a volume for one month.
    pub storage_gib_month: Option<UnitPrice>,
}

/// Prices of one GPU for one hour.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GpuPrice {
    /// Paid by the hour.
    pub on_demand: Option<Money>,
    /// With a commitment.
    pub reserved: Option<Money>,
    /// Where the provider may take it back.
    pub spot: Option<Money>,
    /// Day on which the prices held.
    pub date: Day,
    /// Who says so.
    #[schemars(length(min = 1, max = 200))]
    pub source: String,
}

/// Prices of a million tokens.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TokenPrice {
    /// Tokens that are read.
    pub input: Money,
    /// Tokens that are read and that the provider has in its cache. Default: the price of `input`.
    pub cached_input: Option<Money>,
    /// Tokens that are written.
    pub output: Money,
    /// Day on which the prices held.
    pub date: Day,
    /// Who says so.
    #[schemars(length(min = 1, max = 200))]
    pub source: String,
}

/// One price.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UnitPrice {
    /// The price.
    pub price: Money,
    /// Day on which it held.
    pub date: Day,
    /// Who says so.
    #[schemars(length(min = 1, max = 200))]
    pub source: String,
}
