//! Whether the copies of all models fit the nodes of a pool.

use std::collections::BTreeMap;

use crate::stack::{Model, Pool};

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

/// Lets a rollout start the new pod first where one more pod fits while all copies run.
pub(super) fn decide_surge(pools: &BTreeMap<String, Pool>, models: &mut BTreeMap<String, Model>) {
    for pool in pools.values() {
        let mut demands: Vec<Demand> = models
            .values()
            .filter(|m| m.pool == pool.name)
            .map(|m| Demand { model: m.name.clone(), pods: m.replicas.max, gpus: m.tensor_parallel })
            .collect();
        // Rollouts of two models may meet, so a place given to one is not free for the next.
        for index in 0..demands.len() {
            demands[index].pods += 1;
            if place(pool, &demands).is_ok() {
                if let Some(model) = models.get_mut(&demands[index].model) {
                    model.can_surge = true;
                }
            } else {
                demands[index].pods -= 1;
            }
        }
    }
}
