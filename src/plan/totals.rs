//! Sums over a stack, before and after.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::Subject;
use super::meaning;
use super::prompts;
use super::record::Side;
use super::renames::Renames;
use super::types::{GpuChange, Totals};
use crate::diagnostic::Route;
use crate::pricing::{Cause, CostChange};
use crate::spec::{Model, Spec};

/// Largest shortage of a cache that is told, in percent.
const MOST_PERCENT: f64 = 1e6;

/// GPUs of every pool, by its new name.
pub(super) fn gpus(old: &Side<'_>, new: &Side<'_>, renames: &Renames) -> BTreeMap<String, GpuChange> {
    let mut pools: BTreeMap<String, GpuChange> = BTreeMap::new();
    for (at, side) in [old, new].into_iter().enumerate() {
        for (name, [available, min, max]) in of_side(side) {
            let name = if at == 0 { renames.pool.get(&name).cloned().unwrap_or(name) } else { name };
            let pool = pools.entry(name).or_default();
            (pool.available[at], pool.min[at], pool.max[at]) = (available, min, max);
        }
    }
    pools
}

/// Available GPUs of each pool, and those in use at the least and the greatest number of copies.
fn of_side(side: &Side<'_>) -> BTreeMap<String, [u64; 3]> {
    let Some(spec) = side.spec() else {
        // The manifest has the figures even where the record is of another version.
        let gpus = side.manifest.iter().flat_map(|manifest| &manifest.gpus);
        return gpus.map(|(name, gpus)| (name.clone(), [gpus.available, gpus.min, gpus.max])).collect();
    };
    let of = |(name, pool): (&String, &crate::spec::Pool)| {
        let available = u64::from(pool.nodes) * u64::from(pool.gpus_per_node);
        (name.clone(), [available, in_use(spec, name, least), in_use(spec, name, most)])
    };
    spec.pool.iter().map(of).collect()
}

fn in_use(spec: &Spec, pool: &str, copies: fn(&Model) -> u32) -> u64 {
    let models = spec.model.values().filter(|model| model.place.pool == pool);
    models.map(|model| u64::from(copies(model)) * u64::from(model.place.tensor_parallel)).fold(0, u64::saturating_add)
}

/// Least number of copies.
pub(super) fn least(model: &Model) -> u32 {
    model.replicas.min
}

/// Greatest number of copies.
pub(super) fn most(model: &Model) -> u32 {
    model.replicas.max.unwrap_or(0).max(model.replicas.min)
}

/// Everything that can be said about both sides.
pub(super) fn totals(
    (old, new): (&Side<'_>, &Side<'_>),
    subject: &Subject<'_>,
    renames: &Renames,
    gpus: BTreeMap<String, GpuChange>,
    alerts: &meaning::Alerts,
) -> Totals {
    let rails = meaning::rails(old.spec(), new.spec());
    let shown =
        |rails: &BTreeSet<meaning::Rail>| rails.iter().map(|rail| format!("{}: {} {}", rail.route, rail.direction, rail.check)).collect();
    Totals {
        guardrails_added: shown(&rails.added),
        guardrails_lost: shown(&rails.lost),
        objectives_loosened: meaning::loosened(old.spec(), new.spec(), renames).into_iter().map(|(_, words)| words).collect(),
        alerts_added: alerts.added.iter().map(ToString::to_string).collect(),
        alerts_removed: alerts.removed.iter().map(ToString::to_string).collect(),
        budget: subject.cost.map(|change| cost(change, renames)),
        gpus,
        memory_headroom: memory_headroom(old, new, renames),
        tokens_per_request: prompts::tokens(old, new, subject.prompts),
    }
}

/// What the compiler that wrote each tree computed, by the new names of models.
pub(super) fn memory_headroom(old: &Side<'_>, new: &Side<'_>, renames: &Renames) -> Option<BTreeMap<String, [Option<f64>; 2]>> {
    let mut models: BTreeMap<String, [Option<f64>; 2]> = BTreeMap::new();
    for (at, side) in [old, new].into_iter().enumerate() {
        let (Some(manifest), Some(spec)) = (&side.manifest, side.spec()) else { continue };
        // A tree may say anything; only what it says of its own models counts.
        for (name, percent) in manifest.memory_headroom_percent.iter().filter(|(name, _)| spec.model.contains_key(*name)) {
            let name = if at == 0 { renames.model.get(name).unwrap_or(name) } else { name };
            models.entry(name.clone()).or_default()[at] = Some(percent.clamp(-MOST_PERCENT, 100.0));
        }
    }
    (!models.is_empty()).then_some(models)
}

/// What the change does to cost, by the new names of blocks.
fn cost(change: &CostChange, renames: &Renames) -> CostChange {
    let mut change = change.clone();
    for (kind, names) in [("model", &renames.model), ("pool", &renames.pool), ("guardrails", &renames.guardrails)] {
        for (old, new) in names {
            let [old, new] = [old, new].map(|name| Route::of([kind, name.as_str()]).to_string());
            let before = change.blocks.remove(&old).and_then(|[before, _]| before);
            if before.is_some() {
                change.blocks.entry(new.clone()).or_default()[0] = before;
            }
            // Taken together, a block that goes and the same one that comes cause nothing.
            let is_block = |cause: &&Cause| cause.route == old || cause.route == new;
            let sums: Vec<&str> =
                change.causes.iter().filter(is_block).map(|cause| cause.change.expected.trim_start_matches('-')).collect();
            if let [first, second] = sums.as_slice()
                && first == second
            {
                change.causes.retain(|cause| !is_block(&cause));
            }
        }
    }
    change
}
