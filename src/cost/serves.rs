//! What one copy of each model serves, and how many of them its load takes, as decimals.

use rust_decimal::Decimal;

use super::money;
use crate::capacity::{Bound, Capacity, Limit};

/// What one copy of a model serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serves {
    /// Name of the model.
    pub model: String,
    /// Requests that reach it in each second of a busy hour, with the checks of guardrails; none where no load
    /// is stated.
    pub asked: Option<Decimal>,
    /// What one copy serves; none where it is not known.
    pub copy: Option<OneCopy>,
    /// Why it is not known, in words.
    pub unknown: Vec<String>,
}

/// What one copy serves, and how many copies the load takes by that. They are not held against `replicas`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneCopy {
    /// Requests in a second: at least, most likely, and what no engine on this GPU exceeds.
    pub requests_per_second: [Decimal; 3],
    /// Copies that the busy hour takes, by the same bounds: most, likely, fewest.
    pub copies_needed: [Option<u64>; 3],
    /// What ends the growth of throughput.
    pub limit: Limit,
}

impl Serves {
    pub(super) fn of(capacity: &Capacity) -> Self {
        let asked = capacity.traffic.as_ref().and_then(|traffic| money::figure(traffic.requests_per_second()));
        let copy = capacity.throughput.as_ref().and_then(|throughput| {
            let bounds = [Bound::Low, Bound::Expected, Bound::High];
            let [low, expected, high] = bounds.map(|bound| money::figure(throughput.requests_per_second.at(bound)));
            Some(OneCopy {
                requests_per_second: [low?, expected?, high?],
                copies_needed: bounds.map(|bound| capacity.copies_needed(bound)),
                limit: throughput.limit,
            })
        });
        let unknown = match (&copy, &capacity.traffic) {
            (Some(_), _) => Vec::new(),
            (None, None) => vec!["no load is stated; state `load` of the model or its routes".to_owned()],
            (None, Some(_)) if capacity.missing.is_empty() => vec!["a figure beyond the range of numbers".to_owned()],
            (None, Some(_)) => capacity.missing.clone(),
        };
        Self { model: capacity.model.clone(), asked, copy, unknown }
    }
}

/// What ends the growth of throughput, in words.
pub(super) fn limit_words(limit: Limit) -> &'static str {
    match limit {
        Limit::Compute => "limited by arithmetic",
        Limit::Bandwidth => "limited by memory bandwidth",
        Limit::Cache => "limited by the KV cache",
        Limit::Sequences => "limited by `max-num-seqs`",
        Limit::Objective => "limited by an objective of latency",
    }
}

/// The same as the JSON form has it.
pub(super) fn limit_key(limit: Limit) -> &'static str {
    match limit {
        Limit::Compute => "compute",
        Limit::Bandwidth => "bandwidth",
        Limit::Cache => "cache",
        Limit::Sequences => "max-num-seqs",
        Limit::Objective => "objective",
    }
}
