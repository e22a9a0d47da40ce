//! Whether a cache holds the stated load at full length.

use crate::diagnostic::thousands;
use crate::diagnostic::{Diagnostic, Place, Route, Rule};
use crate::estimate::memory::Verdict;
use crate::fit::Fit;

/// More requests than a cache holds.
pub(in crate::check) enum Shortage {
    /// Even at its largest, with every copy running.
    Certain {
        /// Requests in one copy.
        requests: u64,
        /// Those that fit at most.
        fitting: u64,
        /// Copies among which the load is shared.
        copies: u32,
    },
    /// At its smallest, with the least copies.
    Possible {
        /// Requests in one copy.
        requests: u64,
        /// Those that fit at least.
        fitting: u64,
        /// Copies among which the load is shared.
        copies: u32,
    },
}

/// What `fit` says of the load; nothing where the engine does not even start.
pub(in crate::check) fn shortage(fit: &Fit<'_>) -> Option<Shortage> {
    if fit.verdict() == Verdict::ProvenToRefuse {
        return None;
    }
    let (load, low, high) = (fit.load.as_ref()?, fit.least_held()?, fit.most_held()?);
    let replicas = &fit.model.replicas;
    // With something unknown, the bounds are not those of this engine.
    if high < load.each_at_most_copies && fit.is_known() {
        return Some(Shortage::Certain { requests: load.each_at_most_copies, fitting: high, copies: replicas.max });
    }
    // Where the start itself is open, another rule says so.
    let is_possible = fit.verdict() == Verdict::ProvenToStart && low < load.each_at_least_copies;
    is_possible.then_some(Shortage::Possible { requests: load.each_at_least_copies, fitting: low, copies: replicas.min })
}

/// The finding for `requests` on each of `copies`, of which `fitting` fit at most or at least (`bound`).
pub(in crate::check) fn finding(rule: &'static Rule, fit: &Fit<'_>, requests: u64, fitting: u64, copies: u32, bound: &str) -> Diagnostic {
    let model = Route::of(["model", &fit.model.name]);
    let length = thousands(fit.model.serve.max_model_len);
    let (concurrency, name) = (fit.load.as_ref().map_or(0, |load| load.concurrency), &fit.model.name);
    let held = format!("holds {bound} {fitting} requests of {length} tokens");
    let message = match copies {
        1 => format!("the KV cache of `{name}` {held}, and it gets {requests}"),
        copies => format!("the KV cache of each copy of `{name}` {held}, and each of {copies} gets {requests}"),
    };
    let mut finding = Diagnostic::at_value(rule, model.key("load").key("concurrency"), message)
        .label(format!("{concurrency} at the same time"))
        .related(Place::Value(model.key("serve").key("max-model-len")), "each may be this long");
    if let Some(cache) = fit.proof.as_ref().and_then(|proof| proof.cache.as_ref()) {
        let tokens = cache.logged_tokens;
        finding = finding.help(format!(
            "{} would log a cache of {} tokens ({} to {}): {:.1} requests of full length",
            fit.engine(),
            thousands(tokens.expected),
            thousands(tokens.low),
            thousands(tokens.high),
            cache.max_concurrency.1
        ));
    }
    fit.remedies_for_load().into_iter().fold(finding, Diagnostic::help)
}
