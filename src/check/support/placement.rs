//! Numbers of copies and nodes that would fit.

use crate::resolve::{Demand, place};
use crate::stack::Pool;

/// Most nodes that a pool may have, as the schema says.
const MOST_NODES: u32 = 100_000;

/// The largest number of pods of `demands[index]` that fits while the others keep theirs; `None`
/// if not even one does.
pub(in crate::check) fn largest_pods(pool: &Pool, demands: &[Demand], index: usize) -> Option<u32> {
    let fits = |pods: u32| {
        let mut tried = demands.to_vec();
        tried.get_mut(index).is_some_and(|demand| {
            demand.pods = pods;
            true
        }) && place(pool, &tried).is_ok()
    };
    let most = demands.get(index)?.pods;
    // Between a number that fits and one that does not, halved until they meet.
    let (mut low, mut high) = (1, most.saturating_add(1));
    if !fits(low) {
        return None;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) { low = middle } else { high = middle }
    }
    Some(low)
}

/// The least number of nodes of this kind that hold all of `demands`.
pub(in crate::check) fn least_nodes(pool: &Pool, demands: &[Demand]) -> Option<u32> {
    let fits = |nodes: u32| {
        let tried = Pool { nodes, ..pool.clone() };
        place(&tried, demands).is_ok()
    };
    if !fits(MOST_NODES) {
        return None;
    }
    let (mut low, mut high) = (0, MOST_NODES);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) { high = middle } else { low = middle }
    }
    Some(high)
}
