//! What a spec costs when it is priced again: as it was before a change, with one line of it changed, or
//! with something cheaper in it.
//!
//! Both sides of a change are priced by the same rules, catalogue and price list, so that a new list is
//! never blamed on a change.

mod cause;
mod change;
mod lines;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use change::{Amounts, BLOCK, Base, Cause, CostChange, Together, change, comparable};

use crate::capacity::{self, Capacity};
use crate::cost::{Cost, Kind, Monthly};
use crate::diagnostic::{Diagnostic, Severity};
use crate::estimate::memory::Verdict;
use crate::fit;
use crate::resolve;
use crate::source::{self, Document, Folder, Sources};
use crate::spec::{self, Spec};
use crate::stack::{Stack, Target};

/// What a spec costs, and what is not in that.
#[derive(Clone, Debug)]
pub struct Priced {
    /// The bill.
    pub cost: Cost,
    /// What has no known price, in words; where there is any, the bill is a lower bound.
    pub unpriced: Vec<String>,
    /// Whether every engine is proven to start.
    pub starts: bool,
    /// Whether the greatest number of copies of every model serves its load, as far as that is known.
    pub serves: bool,
}

/// What `spec` costs, with the files that it names in `texts`.
///
/// # Errors
/// In words: something of it cannot be resolved, or an amount is too large for a number.
pub fn price(spec: &Spec, texts: &Folder) -> Result<Priced, String> {
    if let Some((name, _)) = spec.model.iter().find(|(_, model)| model.replicas.max.is_some_and(|max| max < model.replicas.min)) {
        return Err(format!("`/model/{name}/replicas` has a maximum below its minimum"));
    }
    // What a prompt says costs nothing, so a text that is not there must not hide what uses it.
    let prompts = spec.prompt.values().flat_map(|prompt| prompt.version.values());
    let prompts = prompts.flat_map(|version| version.system.iter().chain([&version.user]));
    let rails = spec.guardrails.values().filter_map(|rails| rails.instructions.as_ref());
    let texts = texts.clone().with_empty(prompts.chain(rails).map(|template| template.file.as_str()));
    let resolved = resolve::resolve(spec, &texts, &mut Sources::new(String::new(), ""), &mut Vec::new());
    // A route without its model costs nothing by itself.
    if let Some(route) = resolved.left_out.iter().find(|route| !route.as_str().starts_with("/route/")) {
        return Err(format!("`{route}` cannot be resolved"));
    }
    let stack = resolved.stack;
    let fits = fit::of_stack(&stack);
    let capacities = capacity::of_stack(&stack, &fits);
    let cost = Cost::of(&stack, &capacities).map_err(|_| "an amount is too large for a number".to_owned())?;
    let starts = fits.iter().all(|fit| fit.verdict() == Verdict::ProvenToStart);
    let serves = capacities.iter().all(|capacity| serves(&stack, capacity));
    Ok(Priced { cost, unpriced: unpriced(&stack), starts, serves })
}

/// Whether the greatest number of copies serves the load, where both are known.
fn serves(stack: &Stack, capacity: &Capacity) -> bool {
    let (Some(model), Some(traffic), Some(throughput)) = (stack.models.get(&capacity.model), &capacity.traffic, &capacity.throughput)
    else {
        return true;
    };
    f64::from(model.replicas.max) * throughput.requests_per_second.expected >= traffic.requests_per_second()
}

/// What of `stack` is used and has no known price, in words.
pub fn unpriced(stack: &Stack) -> Vec<String> {
    let pools = stack.pools.values().filter(|pool| pool.prices.on_demand.is_none());
    let pools = pools.filter(|pool| stack.models.values().any(|model| model.pool == pool.name));
    let reached: std::collections::BTreeSet<&Target> = stack.routes.values().flat_map(targets).collect();
    let externals = stack.externals.values().filter(|external| reached.contains(&Target::External(external.name.clone())));
    let externals = externals.filter(|external| external.prices.input.is_none() || external.prices.output.is_none());
    let pools = pools.map(|pool| format!("a GPU of the pool `{}`", pool.name));
    pools.chain(externals.map(|external| format!("a token of `{}`", external.name))).collect()
}

fn targets(route: &crate::stack::Route) -> impl Iterator<Item = &Target> {
    let tiers = route.traffic.tiers.values().chain(&route.traffic.fallback).map(|tier| &tier.target);
    std::iter::once(&route.target).chain(tiers)
}

/// The route of the block that an item of the bill is for.
pub fn block(kind: Kind, name: &str) -> crate::diagnostic::Route {
    let block = match kind {
        Kind::Gpus | Kind::Rollouts | Kind::Storage => "model",
        Kind::IdleReservation => "pool",
        Kind::Guardrails => "guardrails",
        Kind::SemanticCache => "route",
        Kind::Tokens => "external",
    };
    crate::diagnostic::Route::of([block, name])
}

/// What each block costs, by its route; none where a sum is too large for a number.
fn blocks(cost: &Cost) -> Option<BTreeMap<String, Monthly>> {
    let mut blocks: BTreeMap<String, Monthly> = BTreeMap::new();
    for item in &cost.items {
        let sum = blocks.entry(block(item.kind, &item.name).to_string()).or_default();
        *sum = Monthly {
            minimum: sum.minimum.checked_add(item.monthly.minimum)?,
            expected: sum.expected.checked_add(item.monthly.expected)?,
            maximum: sum.maximum.checked_add(item.monthly.maximum)?,
        };
    }
    Some(blocks)
}

/// The spec that `record` (`stack.json`) holds, with its document.
///
/// # Errors
/// In words: it is not what this version of llmc calls a spec.
pub fn read(record: &serde_json::Value) -> Result<(Spec, Document), String> {
    let mut document = Document { value: record.clone(), ..Document::default() };
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    source::validate(&mut document, spec::schema(), &mut diagnostics);
    if let Some(found) = diagnostics.iter().find(|d| d.rule.severity == Severity::Error) {
        return Err(found.message.clone());
    }
    let spec = serde_json::from_value(document.value.clone()).map_err(|error| error.to_string())?;
    Ok((spec, document))
}
