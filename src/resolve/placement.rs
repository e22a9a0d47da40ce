//! Whether the copies of all models fit the nodes of a pool.

use std::collections::BTreeMap;

use crate::spec::Spec;
use crate::stack::{AccessMode, Model, Pool};

/// Pods of one model: how many, and how many GPUs of one node each needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Name of the model.
    pub model: String,
    /// Number of pods.
    pub pods: u32,
    /// GPUs of each, on one node.
    pub gpus: u32,
}

/// The first model whose pods do not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// Name of the model.
    pub model: String,
    /// Pods of it that found a place.
    pub placed: u32,
}

/// Places every pod on a node of `pool`, largest first: with GPU counts that divide each other,
/// as they do in practice, this finds a placement whenever there is one.
///
/// # Errors
/// The first model that does not fit.
pub fn place(pool: &Pool, demands: &[Demand]) -> Result<(), Shortage> {
    // Free GPUs of a node to the number of such nodes; a pool may have 100,000 nodes.
    let mut free: BTreeMap<u32, u64> = BTreeMap::from([(pool.gpus_per_node, u64::from(pool.nodes))]);
    let mut demands: Vec<&Demand> = demands.iter().collect();
    demands.sort_by(|a, b| b.gpus.cmp(&a.gpus).then_with(|| a.model.cmp(&b.model)));
    for demand in demands {
        for placed in 0..demand.pods {
            // The tightest node that fits, so that whole nodes stay free.
            let Some((&room, _)) = free.range(demand.gpus..).next() else {
                return Err(Shortage { model: demand.model.clone(), placed });
            };
            if let Some(nodes) = free.get_mut(&room) {
                *nodes -= 1;
                if *nodes == 0 {
                    free.remove(&room);
                }
            }
            *free.entry(room - demand.gpus).or_default() += 1;
        }
    }
    Ok(())
}

/// The first model whose pods may find no place, however the scheduler places the others.
///
/// The scheduler spreads pods and does not plan ahead, so a best placement is not one that can be
/// counted on. This bound takes every other pod to block as many places as it can, which is one
/// for each started multiple of the model's own size; a model that passes always fits.
///
/// # Errors
/// The model, and the places that are sure to stay for it.
pub fn always_fits(pool: &Pool, demands: &[Demand]) -> Result<(), Shortage> {
    for demand in demands {
        let places = u64::from(pool.nodes) * u64::from(pool.gpus_per_node / demand.gpus.max(1));
        let others = demands.iter().filter(|other| other.model != demand.model);
        let blocked: u64 = others.map(|other| u64::from(other.pods) * u64::from(other.gpus.div_ceil(demand.gpus.max(1)))).sum();
        let sure = places.saturating_sub(blocked);
        if sure < u64::from(demand.pods) {
            return Err(Shortage { model: demand.model.clone(), placed: u32::try_from(sure).unwrap_or(u32::MAX) });
        }
    }
    Ok(())
}

/// The pods of every model on `pool`, all at their greatest number. A model whose copy is larger
/// than a node has a rule of its own.
pub fn demands(spec: &Spec, pool: &Pool) -> Vec<Demand> {
    spec.model
        .iter()
        .filter(|(_, model)| model.place.pool == pool.name && model.place.tensor_parallel <= pool.gpus_per_node)
        .map(|(name, model)| Demand {
            model: name.clone(),
            pods: model.replicas.max.unwrap_or(0).max(model.replicas.min),
            gpus: model.place.tensor_parallel,
        })
        .collect()
}

/// Whether the cache of `model` can be mounted by a pod on any node of its pool, beside the others.
pub fn shares_cache(pool: &Pool, model: &Model) -> bool {
    pool.nodes == 1 || model.cache.access == AccessMode::ReadWriteMany
}

/// Lets a rollout start the new pod first where one more pod fits while all copies run, wherever
/// the others run, and can mount the cache there. A pod that waits would hold the rollout for ever.
pub(super) fn decide_surge(spec: &Spec, pools: &BTreeMap<String, Pool>, models: &mut BTreeMap<String, Model>) {
    for pool in pools.values() {
        let mut demands = demands(spec, pool);
        // Rollouts of two models may meet, so a place given to one is not free for the next.
        for index in 0..demands.len() {
            demands[index].pods += 1;
            if always_fits(pool, &demands).is_ok() {
                if let Some(model) = models.get_mut(&demands[index].model) {
                    model.can_surge = shares_cache(pool, model);
                }
            } else {
                demands[index].pods -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Demand, always_fits, place};
    use crate::catalog;
    use crate::stack::Pool;
    use proptest::prelude::*;

    fn pool(nodes: u32, gpus_per_node: u32) -> Pool {
        Pool {
            name: "p".into(),
            gpu: catalog::gpu("a100-80gb-sxm").expect("a GPU of the catalogue"),
            gpu_memory_gib: None,
            nodes,
            gpus_per_node,
            prices: crate::stack::GpuPrices::default(),
            node_selector: [].into(),
            tolerations: Vec::new(),
            download_mib_per_second: 1,
            load_mib_per_second: 1,
        }
    }

    fn demand(model: &str, pods: u32, gpus: u32) -> Demand {
        Demand { model: model.into(), pods, gpus }
    }

    #[test]
    fn two_small_pods_can_keep_a_large_one_out() {
        let demands = [demand("large", 3, 4), demand("small", 2, 1)];
        assert!(place(&pool(2, 8), &demands).is_ok(), "they fit if the small ones share a node");
        let shortage = always_fits(&pool(2, 8), &demands).expect_err("but they need not share one");
        assert_eq!((shortage.model.as_str(), shortage.placed), ("large", 2));
        assert!(always_fits(&pool(3, 8), &demands).is_ok());
    }

    /// Places pods one by one on nodes that `choices` picks, as an unkind scheduler would.
    fn schedule(pool: &Pool, demands: &[Demand], choices: &[usize]) -> bool {
        let mut free = vec![pool.gpus_per_node; pool.nodes as usize];
        let mut pods: Vec<u32> = demands.iter().flat_map(|d| vec![d.gpus; d.pods as usize]).collect();
        for choice in choices.iter().cycle() {
            if pods.is_empty() {
                break;
            }
            let gpus = pods.swap_remove(choice % pods.len());
            let fitting: Vec<usize> = (0..free.len()).filter(|n| free[*n] >= gpus).collect();
            let Some(node) = fitting.get(choice % fitting.len().max(1)) else { return false };
            free[*node] -= gpus;
        }
        true
    }

    proptest! {
        #[test]
        fn what_always_fits_does_so_in_any_order(
            nodes in 1u32..5, per_node in 1u32..9, sizes in prop::collection::vec((1u32..5, 1u32..9), 1..4),
            choices in prop::collection::vec(0usize..1000, 40),
        ) {
            let demands: Vec<Demand> = sizes.iter().enumerate().map(|(i, (pods, gpus))| demand(&i.to_string(), *pods, *gpus)).collect();
            let pool = pool(nodes, per_node);
            if always_fits(&pool, &demands).is_ok() {
                prop_assert!(place(&pool, &demands).is_ok());
                prop_assert!(schedule(&pool, &demands, &choices), "{demands:?} on {nodes} x {per_node}");
            }
        }
    }
}
