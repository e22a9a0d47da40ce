//! Prices and traffic of a resolved stack.

use rust_decimal::Decimal;

use crate::spec::{Day, Duration, Load, Money};

/// A price in the currency of the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// How much.
    pub amount: Money,
    /// Day on which it held, if that is known.
    pub date: Option<Day>,
    /// Who says so, in words: `the spec`, a file beside it, or llmc's own list with its source.
    pub source: String,
}

/// Prices that belong to no block.
#[derive(Clone, Debug, Default)]
pub struct UnitPrices {
    /// One CPU for one hour.
    pub cpu_hour: Option<Price>,
    /// One GiB of memory for one hour.
    pub memory_gib_hour: Option<Price>,
    /// One GiB of a volume for one month.
    pub storage_gib_month: Option<Price>,
    /// Age from which a price is old.
    pub max_age: Duration,
}

/// What the GPUs of a pool cost for an hour each.
#[derive(Clone, Debug, Default)]
pub struct GpuPrices {
    /// On demand; none where it is not known, which is an error.
    pub on_demand: Option<Price>,
    /// GPUs that are paid for whether they are used or not, and the price of one.
    pub reserved: Option<(u32, Price)>,
    /// Share of the other GPU hours that is bought as spot, from 0 to 1, and its price.
    pub spot: Option<(Decimal, Price)>,
}

/// What a million tokens of an external model cost.
#[derive(Clone, Debug, Default)]
pub struct TokenPrices {
    /// Tokens that are read; none where it is not known, which is an error.
    pub input: Option<Price>,
    /// Tokens that are read and that the provider has in its cache.
    pub cached_input: Option<Price>,
    /// Tokens that are written; none where it is not known, which is an error.
    pub output: Option<Price>,
}

/// A share between two bounds, each from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// What is counted on.
    pub at_least: Decimal,
    /// What may be.
    pub at_most: Decimal,
}

/// Requests of a route that another model answers.
#[derive(Clone, Debug)]
pub struct Tier {
    /// What answers.
    pub target: super::Target,
    /// Share of the route's requests, if it is stated.
    pub share: Option<Share>,
}

/// A cache of answers.
#[derive(Clone, Debug)]
pub struct SemanticCache {
    /// How questions are compared.
    pub kind: crate::spec::CacheKind,
    /// Least similarity of two questions that share an answer.
    pub similarity: f64,
    /// Longest time that an answer is kept.
    pub ttl: Duration,
    /// Share of requests that it answers, if it is stated.
    pub hits: Option<Share>,
    /// CPU and memory of what serves it.
    pub resources: Option<crate::spec::Resources>,
}

/// What a route asks for beside its model.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Traffic before the cache and the tiers, if it is stated.
    pub load: Option<Load>,
    /// Requests that other models answer, by name.
    pub tiers: std::collections::BTreeMap<String, Tier>,
    /// What answers when the route's own model cannot, with the share that it answers.
    pub fallback: Option<Tier>,
    /// Cache of answers.
    pub cache: Option<SemanticCache>,
}
