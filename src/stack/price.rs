//! Prices and traffic of a resolved stack.

use std::collections::BTreeMap;
use std::ops::Range;

use rust_decimal::Decimal;

use crate::spec::{self, Day, Duration, Load, Money, PriceList};

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

/// Which of the places that a price may stand in has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PriceOrigin {
    /// The spec.
    Spec,
    /// The file that the spec names.
    File,
    /// llmc's own list.
    List,
}

/// Why a price that is needed is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PriceFault {
    /// Nobody states it.
    Unknown,
    /// It stands in a file with a fault, which was reported.
    Unreadable,
    /// It is in another currency, of which the spec has no rate, or a rate of zero.
    NoRate {
        /// Its ISO 4217 code.
        currency: String,
    },
    /// It is too large for a number once it is converted.
    TooLarge,
    /// Nothing is left of it once it is converted.
    TooSmall,
}

/// A price that a stack needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceUse {
    /// Kind of the block of the spec that may state it: `pool`, `external` or `prices`.
    pub block: &'static str,
    /// Name of the block; empty for `prices`.
    pub name: String,
    /// Where the block may state it, from the outermost field to the innermost.
    pub fields: &'static [&'static str],
    /// Where it was found; none where nobody states it.
    pub origin: Option<PriceOrigin>,
    /// Its place in the file or list, from the outermost key; empty where the spec states it.
    pub keys: Vec<String>,
    /// How much, in `currency`; none where nobody states it.
    pub stated: Option<Money>,
    /// Day on which it held, if that is known.
    pub date: Option<Day>,
    /// Currency that it is stated in.
    pub currency: String,
    /// Why the stack has no amount of it.
    pub fault: Option<PriceFault>,
}

/// A file of prices beside the spec.
#[derive(Clone, Debug)]
pub struct PriceFile {
    /// Its path relative to the stack's folder.
    pub file: String,
    /// What it says, as far as it could be read.
    pub list: PriceList,
    /// Byte ranges of its keys and of its values, by the keys that lead to them.
    pub places: BTreeMap<Vec<String>, (Range<usize>, Range<usize>)>,
    /// What looks like a secret in it: what kind, and where.
    pub secrets: Vec<(&'static str, Range<usize>)>,
}

impl PriceFile {
    /// Byte range of the last of `keys`, as it is written.
    pub fn key(&self, keys: &[&str]) -> Range<usize> {
        let path: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        self.places.get(&path).map_or(0..0, |(key, _)| key.clone())
    }

    /// Byte range of the value at `keys`, or of the nearest key above it that the file has.
    pub fn range(&self, keys: &[&str]) -> Range<usize> {
        let path = |most: usize| keys.iter().take(most).map(|key| (*key).to_owned()).collect::<Vec<_>>();
        if let Some((_, value)) = self.places.get(&path(keys.len())) {
            return value.clone();
        }
        (0..keys.len()).rev().find_map(|most| self.places.get(&path(most))).map_or(0..0, |(key, _)| key.clone())
    }
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

impl Share {
    /// The share as it was written; none where a bound has more digits than a decimal. Without `at-most` both
    /// bounds are `at-least`.
    pub fn of(stated: spec::Share) -> Option<Self> {
        let at_least = as_written(stated.at_least)?;
        Some(Self { at_least, at_most: stated.at_most.map_or(Some(at_least), as_written)? })
    }
}

/// The number as it was written, without a binary fraction; none where it has more digits than a decimal.
pub fn as_written(number: f64) -> Option<Decimal> {
    Decimal::from_str_exact(&number.to_string()).ok()
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
    pub tiers: BTreeMap<String, Tier>,
    /// What answers when the route's own model cannot, with the share that it answers.
    pub fallback: Option<Tier>,
    /// Cache of answers.
    pub cache: Option<SemanticCache>,
}
